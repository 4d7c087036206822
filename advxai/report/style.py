"""How everything is drawn: colours, sizes, and which form an explainer's map is shown in. One place for all figures.

Colours are told apart by people who don't see red and green (Okabe & Ito 2008, cividis, and diverging red-blue), and
nothing is said by colour alone.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from advxai.common.types import Record

Form = Literal["outlines", "signed", "gradients", "heat"]
Style = dict[str, Any]  # arguments of matplotlib's

# -- maps -------------------------------------------------------------------------------------------------------------
HEAT_COLOURS = "cividis"  # even in lightness
SIGNED_COLOURS = "RdBu_r"  # red speaks for the explained class, blue against it
# Percentile of the absolute values from which on a map of gradients has its full colour: a few pixels are far above
# all others, which would be white beside them (captum's pictures leave out such ones too).
FULL = 99
POSITIVE, NEGATIVE = "#D55E00", "#0072B2"  # outlines of segments that speak for and against; the second are dashed
OUTLINED = 10  # so many segments of the largest weights are outlined, as in LIME's own examples
SEGMENT_COLOUR = "white"  # of the segments that were attacked
MASK_COLOUR = "#FF8AD0"  # a hue off the heat map's blue-to-yellow axis; dashed and with a halo
HALO, HALO_WIDTH = "#101010", 1.4  # under outlines; points by which it is wider
COLOURED = 0.65  # share of the map's colour where it lies over the grey image
TINT = 0.25  # share of an outlined segment's colour over the image

# -- lines and text ---------------------------------------------------------------------------------------------------
COLUMN, PAGE = 3.5, 7.2  # inches: widths of one and of two columns of a page
SIZE = 7  # points, of all text but headings
SMALL = 6.5  # points, of notes under a figure and of what must fit between other things
LINES: tuple[Style, ...] = (
    {"color": "black", "ls": "-"},
    {"color": "#0072B2", "ls": (0, (5, 1))},
    {"color": "#D55E00", "ls": (0, (3, 1, 1, 1))},
    {"color": "#009E73", "ls": (0, (1, 1))},
    {"color": "#CC79A7", "ls": (0, (7, 2))},
)
PLAIN, ADVERSARIAL = "#0072B2", "#D55E00"  # an explainer, and its version with the adversarial baseline
# Explainers that differ in their baseline: the version with the adversarial one, and the others in turn.
ADVERSARIAL_LINE: Style = {"color": ADVERSARIAL, "ls": (0, (5, 1.5)), "marker": "s"}
PLAIN_LINES: tuple[Style, ...] = (
    {"color": PLAIN, "ls": "-", "marker": "o"},
    {"color": "#009E73", "ls": (0, (1, 1)), "marker": "^"},
    {"color": "#CC79A7", "ls": (0, (3, 1, 1, 1)), "marker": "D"},
    {"color": "black", "ls": (0, (7, 2)), "marker": "v"},
)
BAND = 0.18  # opacity of a confidence band or a range
PUBLISHED: Style = {
    "ls": "",
    "ms": 3.6,
    "mfc": "none",
    "mew": 0.8,
    "alpha": 0.6,
}  # hollow markers: numbers of the paper
# Parts of a cost: the explainer's own, its adversarial copy's; and the mark of the least that it could be.
OWN_BAR: Style = {"color": PLAIN, "lw": 0.6, "ec": PLAIN}
COPY_BAR: Style = {"fc": "white", "ec": ADVERSARIAL, "hatch": "//////", "lw": 0.6}
LIMIT: Style = {"color": "black", "marker": "|", "ls": "", "ms": 9, "mew": 1.8}
SPENT: Style = {"color": "#D55E00", "hatch": "xxxx"}  # NES spent its budget
FLIPPED: Style = {"color": "#0072B2", "hatch": ""}  # NES turned the image into a real one
# The scorecard: explainers (filled where one may be the best), controls, ceilings.
EXPLAINER: Style = {"color": PLAIN, "marker": "o", "ms": 4}
EXPLAINER_ADV: Style = {"color": ADVERSARIAL, "marker": "s", "ms": 3.8}
WHITE_BOX: Style = {"marker": "P", "ms": 4.8}  # in place of the mark; the colour says its filling
CONTROL: Style = {"color": "0.45", "marker": "D", "ms": 3.2, "mfc": "0.45"}
CEILING: Style = {"color": "black", "marker": "^", "ms": 4.2}
CONTROLS_RANGE: Style = {"color": "0.9", "lw": 0}
CHANCE: Style = {"color": "0.55", "ls": (0, (1, 1.5)), "lw": 0.8}
AGREEMENT_COLOURS = "RdBu"  # blue where two measures agree, red where they contradict each other
# Sizes of a change: largest and root of the mean square of the differences.
LARGEST: Style = {"facecolor": (0.84, 0.37, 0.0, 0.35), "edgecolor": "#D55E00"}
ROOT_MEAN_SQUARE: Style = {"facecolor": "none", "edgecolor": "#0072B2", "hatch": "////"}


def line_styles(kinds: Mapping[str, str]) -> dict[str, Style]:
    """How the lines of explainers that share a panel are drawn.

    Args:
        kinds: explainer -> kind of its baseline.
    """
    plain = [name for name, kind in kinds.items() if kind != "adversarial"]
    styles = {name: PLAIN_LINES[place % len(PLAIN_LINES)] for place, name in enumerate(plain)}
    return {name: dict(styles.get(name, ADVERSARIAL_LINE)) for name in kinds}


def form_of(method: str, record: Record) -> Form:
    """How an explainer's map is usually shown.

    LIME: outlines of its segments; SHAP, kernel SHAP, occlusion, and whatever else has a map with a sign: red and blue,
    of a white box the form `gradients`, whose largest values are cut off; class activation maps, SOBOL, RISE and all
    others: a heat map. A record made before the map's zero was kept has no sign to show.

    Args:
        method: the explainer's `method`.
        record: of the stage saliency; its `zero` says which value of the map stands for no effect, and its
            `backwards`, 0 of black boxes, whether it was made of gradients.
    """
    if math.isnan(record["zero"]):
        return "heat"
    if method == "lime":
        return "outlines"
    return "gradients" if record.get("backwards", 0) else "signed"
