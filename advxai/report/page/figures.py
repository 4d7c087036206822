"""The run's figures on the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from advxai.common.errors import InputError, reading
from advxai.config.explainers import AnyExplainer
from advxai.report.captions import meanings, together

QUALITY = 88
WIDEST = 1800  # pixels of a picture on the page; the PNG and the PDF beside it have all
# name -> (caption, what someone who doesn't see it should know)
CAPTIONS = {
    "scorecard": (
        "Every row by every headline measure, with 95 % intervals where there are people enough.",
        "Dot charts of the numbers in the scorecard",
    ),
    "agreement": (
        "How far the measures order the explainers alike: Kendall's tau, 1 is the same order, -1 the reverse.",
        "Matrix of Kendall's tau between measures",
    ),
    "accuracy": (
        "Accuracy of the detector against the number of attacked segments, by method and category, with 95 % bands.",
        "Line charts of the numbers in the table of accuracy",
    ),
    "explanations": (
        "One image of each category: original, manipulated, and every explainer's map; the true mask is outlined.",
        "Grid of face images and saliency maps",
    ),
    "nes": (
        "Adversarial copies by NES: p(real) in each iteration, numbers of iterations, and sizes of the change.",
        "Line chart of p(real) and two histograms",
    ),
    "fillings": (
        "One image with its most important segments filled in by every baseline, and what the detector says of each.",
        "Grid of a face image with segments filled in in different ways",
    ),
    "cost": (
        "What an explanation costs: images, calls, seconds. The mark on the seconds is the detector's own forwards.",
        "Bar charts of the numbers in the table of cost",
    ),
    "detector": (
        "The detector on the test split: confusion matrix, ROC curves by frame and by video (and by track, where "
        "videos have several), and reliability: the share that is fake by p(fake), above the numbers of frames, tracks "
        "and videos in each of 15 bins. On the diagonal p(fake) is what it says.",
        "Confusion matrix and line charts of the numbers in the section Detector",
    ),
    "roc": (
        "ROC curve of real against fake by frame and by video (and by track, where videos have several), with the area "
        "under it; a ring marks what is called fake now.",
        "Line chart of the true positive rate by the false positive rate; the AUROC is in the section Detector",
    ),
}


@dataclass(frozen=True)
class Figure:
    """A figure on the page.

    Attributes:
        name: of its files.
        source: address of the picture.
        width, height: in pixels.
        shape: "column" (narrow), "tall" or "wide".
        caption: under it.
        alt: for those who don't see it.
    """

    name: str
    source: str
    width: int
    height: int
    shape: str
    caption: str
    alt: str


def smaller(png: Path) -> tuple[bytes, int, int]:
    """A figure as WebP, at most WIDEST wide: bytes, width, height.

    Raises:
        InputError: the file isn't a readable picture.
    """
    with reading(png, "delete it and run again"):
        pixels = cv2.imread(str(png), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(f"{png} is not a readable picture: delete it and run again")
    height, width = pixels.shape[:2]
    if width > WIDEST:
        height, width = round(height * WIDEST / width), WIDEST
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    if not done:
        raise RuntimeError(f"OpenCV could not encode {png} as WebP")
    return data.tobytes(), width, height


def describe(
    name: str, groups: Mapping[str, Sequence[str]], rows: Mapping[str, AnyExplainer], copies: bool, channels: bool
) -> tuple[str, str]:
    """Caption and alternative text of a figure; a figure of maps is named as its first explainer.

    Args:
        name: of the figure.
        groups: explainers that stand in one figure, by its name.
        rows: explainer -> entry, to say what its maps are.
        copies: the run has adversarial copies, which figures of maps show.
        channels: as of `advxai.report.captions.meanings`.
    """
    if name in CAPTIONS and name not in groups:
        return CAPTIONS[name]
    shown = groups.get(name, [name])
    names = " and ".join(shown)
    copy = "its adversarial copy, the amplified difference, " if copies else ""
    said = together(meanings({one: rows[one] for one in shown if one in rows}, channels))
    return (
        " ".join([f"{names}: an image of each category, {copy}and the maps.", *said]),
        f"Grid of face images and the maps of {names}; the gallery has the same with numbers",
    )


def names(files: Iterable[Path]) -> list[str]:
    """Figures in the order in which the page shows them: those of the whole run first, then those of explainers."""
    found = [path.stem for path in files if path.suffix == ".png"]
    return [name for name in CAPTIONS if name in found] + [name for name in found if name not in CAPTIONS]


def shape(width: int, height: int, dpi: int) -> str:
    """How wide the page shows it."""
    if width / dpi < 4:
        return "column"
    return "tall" if height > 1.1 * width else "wide"
