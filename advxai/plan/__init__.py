"""What a run will cost, before it is made: images, forwards, disk, time, jobs."""

from advxai.plan.clips import Clips, clips_of
from advxai.plan.clips import rows as clip_rows
from advxai.plan.count import Row, jobs, processes, propose, rows, starts
from advxai.plan.found import Store, look
from advxai.plan.measure import Speed, measure
from advxai.plan.population import Population, population
from advxai.plan.requests import Timed, timed
from advxai.plan.samples import Sampled, sampled
from advxai.plan.text import report

__all__ = [
    "Clips",
    "Population",
    "Row",
    "Sampled",
    "Speed",
    "Store",
    "Timed",
    "clip_rows",
    "clips_of",
    "jobs",
    "look",
    "measure",
    "population",
    "processes",
    "propose",
    "report",
    "rows",
    "sampled",
    "starts",
    "timed",
]
