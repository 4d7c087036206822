"""The figures' short texts."""

from collections.abc import Collection, Mapping

from advxai.common.arrays import Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.config.explainers import AnyExplainer
from advxai.config.white import Relevancy
from advxai.report.style import FULL, Form

PAPER = ("lime", "shap", "sobol", "rise")  # whose figures stay as the paper's are: page, JSON and docs say it of them
OF = "; of the "  # behind what a map says, of a row with a `target`
CELLS = (
    "in deep layers a cell of it sees much more of the face than it covers; what speaks against the class is cut off; "
    "no map of manipulated pixels"
)
# Method -> what a map of it says, and what it doesn't: for figures, page, the JSON of `explain` and docs/explainers.md.
MEANINGS: Mapping[str, str] = {
    "lime": "how a linear fit weighs each segment, with about half of them filled in at random; not what one segment "
    "alone would change, and another filling gives another map",
    "shap": "each region's mean share in what the probability loses from the image to the filling, regions split by "
    "halves; not what filling in this region alone would change",
    "sobol": "in how much of the probability's variance each place has a part, alone or with others; without a sign, "
    "so not whether it speaks for the class",
    "rise": "the mean answer to random masks that keep a place, and so what is kept beside it too; neither a sign nor "
    "an edge",
    "occlusion": "what the probability of the class loses behind a square over this place; not what smaller parts or "
    "several places together would change, and the square itself may look fake",
    "kernel_shap": "each segment's mean share (estimated Shapley value) in what the probability loses from the image "
    "to the filling; not what filling in this segment alone would change",
    "gradcam": f"where the class's evidence lies in a layer's features; {CELLS}",
    "gradcam++": "where a layer's features raise the class, each weighted by where its gradients are positive; "
    f"{CELLS}",
    "hirescam": f"where a layer's features times their gradients speak for the class; {CELLS}",
    "integrated_gradients": "how each pixel's difference from the baseline adds to the class's score on the straight "
    "way between the two; not what the detector would say without the pixel, and no map of manipulated pixels",
    "gradient_shap": "how each pixel's difference from the baseline adds to the class's score, by gradients at random "
    "points between the two; not what the detector would say without the pixel, and no map of manipulated pixels",
    "relevancy": "how much the class's score has taken from each place's token through all attention that raises it; a "
    "token has seen more of the face than its place; what speaks against the class is cut off; no map of manipulated "
    "pixels",
    "attention": "where the network looks, real or fake; the same whatever class is explained, and no map of "
    "manipulated pixels",
}
RELEASED = (
    "how much the class's score has taken from each token through all attention that raises it, tokens that are "
    "channels laid out as a square: its places mean nothing"
)
# Of `map: places` where the detector's tokens are channels (`advxai.config.science.Detector.channel_tokens`).
OF_CHANNELS = (
    "how much each place of the map that the tokens are made of adds to the class's score: the sum over tokens of "
    "ReLU(content x gradient), which is ours and not the tokens' relevancy; what speaks against the class is cut off, "
    "token by token; a place has seen more of the face than it covers; no map of manipulated pixels"
)
GRADIENTS = (
    f"Maps of gradients are in full colour from the {FULL}th percentile of their absolute values on: a few pixels are "
    "far above all others."
)


def clean_caption(probabilities: Floats, classes: Classes) -> str:
    """What the detector says of the clean image: (classes,) probabilities -> `called Deepfakes, p = 0.98`."""
    predicted = int(classes.called(probabilities))
    return f"called {classes.names[predicted]}, p = {probabilities[predicted]:.2f}"


def adversary_caption(record: Record, classes: Classes) -> str:
    """Outcome of NES: a record of the stage adversary -> what it is called, after how many iterations, and how p(Real)
    moved."""
    called, real = classes.names[int(classes.called(record["after"]))], classes.real
    iterations = int(record["iterations"])
    moved = f"p({classes.real_name}) {record['before'][real]:.2f} \N{RIGHTWARDS ARROW} {record['after'][real]:.2f}"
    return f"called {called}\nafter {iterations} iteration{'' if iterations == 1 else 's'}\n{moved}"


def attack_caption(row: Record, classes: Classes) -> str:
    """Outcome of the attack on the top-k segments: an evaluation row -> how p of the predicted class moved, and what
    the image is called then; for an image that left the explainer's rows, that."""
    if not row["included"]:
        return "left out of the rows"
    before, after = (classes.names[int(row[name])] for name in ("predicted_before", "predicted_after"))
    moved = f"p {row['p_before']:.2f} \N{RIGHTWARDS ARROW} {row['p_after']:.2f}"
    return f"top-{row['k']} attacked: {moved}\n{'still' if before == after else 'now'} {after}"


def meanings(rows: Mapping[str, AnyExplainer], channels: bool) -> dict[str, str]:
    """Row -> what its maps say, and what they don't; rows of methods that aren't known here are left out.

    Args:
        rows: name -> entry of the configuration.
        channels: the tokens of the detector that was explained are channels, which lie nowhere.
    """
    found = {}
    for name, entry in rows.items():
        if isinstance(entry, Relevancy) and (channels or entry.map == "released"):
            said: str | None = RELEASED if entry.map == "released" else OF_CHANNELS
        else:
            said = MEANINGS.get(entry.method)
        if said:
            of = "" if entry.target == "predicted" else f"{OF}{entry.target} class, whatever the image is called"
            found[name] = said + of
    return found


def together(said: Mapping[str, str]) -> list[str]:
    """Lines of `meanings`; rows that say the same, but for the class, share one: `A, B (of the real class): ...`."""
    names: dict[str, list[str]] = {}
    for name, text in said.items():
        sentence, also, of = text.partition(OF)
        names.setdefault(sentence, []).append(f"{name} ({also.removeprefix('; ')}{of})" if also else name)
    return [f"{', '.join(of)}: {text}." for text, of in names.items()]


def under_maps(rows: Mapping[str, AnyExplainer], forms: Collection[Form], channels: bool) -> list[str]:
    """Lines under a figure of maps: what the paper's figures haven't.

    Args:
        rows: name -> entry, of those that the figure shows.
        forms: in which it shows them.
        channels: as of `meanings`.
    """
    others = {name: entry for name, entry in rows.items() if entry.method not in PAPER}
    return together(meanings(others, channels)) + ([GRADIENTS] if "gradients" in forms else [])
