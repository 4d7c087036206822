"""How sure a number is, and whether two differ, where images of one person say less than as many people would.

Pure functions of numbers; they know nothing of files, explainers or configuration. Images are values of one row or
column; every image belongs to a *cluster* (`clusters`), and only clusters count as independent of each other. Values
that are NaN are left out. Below `LEAST` clusters there is a value and the number of clusters, no interval and no test.

No result depends on the order of the images: values are summed by cluster in order of their size, and clusters are
taken by name. Whatever is drawn is drawn from the generator that is given.
"""

from advxai.statistics.best import best_group
from advxai.statistics.compare import Test, holm, kendall, paired
from advxai.statistics.identity import clusters
from advxai.statistics.intervals import LEAST, Interval, mean, share, wilson
from advxai.statistics.needed import power

__all__ = [
    "LEAST",
    "Interval",
    "Test",
    "best_group",
    "clusters",
    "holm",
    "kendall",
    "mean",
    "paired",
    "power",
    "share",
    "wilson",
]
