"""How everything is drawn: colours, sizes, and which form an explainer's map is shown in. One place for all figures.

Colours are told apart by people who don't see red and green (Okabe & Ito 2008, cividis, and diverging red-blue), and
nothing is said by colour alone.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

Form = Literal["outlines", "signed", "heat"]

# -- maps -------------------------------------------------------------------------------------------------------------
HEAT_COLOURS = "cividis"  # even in lightness
SIGNED_COLOURS = "RdBu_r"  # red speaks for the explained class, blue against it
POSITIVE, NEGATIVE = "#D55E00", "#0072B2"  # outlines of segments that speak for and against; the second are dashed
OUTLINED = 10  # so many segments of the largest weights are outlined, as in LIME's own examples
SEGMENT_COLOUR = "white"  # of the segments that were attacked
MASK_COLOUR = "#FF8AD0"  # a hue off the heat map's blue-to-yellow axis; dashed and with a halo
HALO = "#101010"
COLOURED = 0.65  # share of the map's colour where it lies over the grey image
TINT = 0.25  # share of an outlined segment's colour over the image

# -- lines and text ---------------------------------------------------------------------------------------------------
COLUMN, PAGE = 3.5, 7.2  # inches: widths of one and of two columns of a page
SIZE = 7  # points, of all text but headings
LINES = (
    {"color": "black", "ls": "-"},
    {"color": "#0072B2", "ls": (0, (5, 1))},
    {"color": "#D55E00", "ls": (0, (3, 1, 1, 1))},
    {"color": "#009E73", "ls": (0, (1, 1))},
    {"color": "#CC79A7", "ls": (0, (7, 2))},
)
PLAIN, ADVERSARIAL = "#0072B2", "#D55E00"  # an explainer, and its version with the adversarial baseline


def form_of(method: str, record: Mapping[str, Any]) -> Form:
    """How an explainer's map is usually shown.

    LIME: outlines of its segments; SHAP, and whatever else has a map with a sign: red and blue; SOBOL, RISE and all
    others: a heat map. A record made before the map's zero was kept has no sign to show.

    Args:
        method: the explainer's `method`.
        record: of the stage saliency; its `zero` says which value of the map stands for no effect.
    """
    if math.isnan(record["zero"]):
        return "heat"
    return "outlines" if method == "lime" else "signed"
