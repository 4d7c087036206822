"""Evaluation rows and costs of five images and two explainers, small enough to work out by hand.

d1 is a Deepfakes image, right; d2 one that is called FaceSwap; f1 and f2 are Face2Face, right; n1 is NeuralTextures,
already called Real. There is no FaceSwap image. f2 leaves LIME's rows. SHAP is configured but has no row.
"""

import pandas as pd

from advxai.tables.compute import Axes

AXES = Axes(["LIME", "LIME_adv", "SHAP"], ["NeuralTextures", "Face2Face", "FaceSwap", "Deepfakes"], top=2)
# key: category, label, predicted on the clean image, its probability
IMAGES = {
    "d1": ("Deepfakes", 3, 3, 0.9),
    "d2": ("Deepfakes", 3, 4, 0.6),
    "f1": ("Face2Face", 2, 2, 0.8),
    "f2": ("Face2Face", 2, 2, 0.7),
    "n1": ("NeuralTextures", 1, 0, 0.55),
}
# explainer -> key: (predicted after, probability of the class predicted before) for k = 1 and k = 2
AFTER = {
    "LIME": {
        "d1": [(3, 0.7), (0, 0.1)],
        "d2": [(3, 0.3), (0, 0.2)],
        "f1": [(2, 0.75), (2, 0.65)],
        "f2": None,
        "n1": [(0, 0.55), (0, 0.55)],
    },
    "LIME_adv": {
        "d1": [(0, 0.05), (0, 0.1)],
        "d2": [(4, 0.5), (0, 0.2)],
        "f1": [(2, 0.8), (0, 0.3)],
        "f2": [(2, 0.6), (1, 0.3)],
        "n1": [(0, 0.55), (0, 0.55)],
    },
}
# LIME among a control and a ceiling, which both have LIME_adv's numbers.
BESIDE = Axes(["LIME", "random", "oracle"], AXES.categories, top=2, kinds={"random": "control", "oracle": "ceiling"})
SECONDS = [2.0, 4.0, 6.0, 8.0, 10.0]
ADVERSARY = {"seconds": [1.0, 1.0, 1.0, 1.0, 0.0], "images": [81, 162, 81, 162, 1], "calls": [1, 2, 1, 2, 1]}


def _row(explainer: str, key: str, k: int, after: tuple[int, float] | None) -> dict[str, object]:
    category, label, before, p_before = IMAGES[key]
    row: dict[str, object] = {
        "explainer": explainer,
        "key": key,
        "sha256": f"hash of {key}",
        "category": category,
        "label": label,
        "k": k,
        "included": after is not None,
        "reason": "" if after else "only 1 segments with a positive score, 2 are needed",
        "called_real": before == 0,
    }
    if after is None:
        return row
    return row | {
        "predicted_before": before,
        "predicted_after": after[0],
        "p_before": p_before,
        "p_after": after[1],
        "flipped": before != 0 and after[0] == 0,
        "iterations": 0 if before == 0 else 5,
        "queries": 1 if before == 0 else 406,
        "reused": explainer == "LIME_adv" and key in ("d1", "n1"),
    }


def evaluation_rows() -> pd.DataFrame:
    """Rows with the dtypes of `advxai.evaluation.rows`."""
    rows = [
        _row(explainer, key, k, after[k - 1] if after else None)
        for explainer, images in AFTER.items()
        for key, after in images.items()
        for k in (1, 2)
    ]
    kinds = dict.fromkeys(("predicted_before", "predicted_after", "iterations", "queries"), "Int64")
    return pd.DataFrame(rows).astype(kinds | dict.fromkeys(("flipped", "reused"), "boolean"))


def _explanations(explainer: str, adversarial: bool) -> pd.DataFrame:
    frame = pd.DataFrame({"explainer": explainer, "key": list(IMAGES)})
    frame["predicted"] = [image[2] for image in IMAGES.values()]
    frame["called_real"] = frame["predicted"] == 0
    frame["seconds"], frame["images"], frame["calls"] = SECONDS, 100, 10
    for name, numbers in ADVERSARY.items():
        frame[f"adversary_{name}"] = numbers if adversarial else 0
    return frame


EXPLANATIONS = pd.concat([_explanations("LIME", False), _explanations("LIME_adv", True)], ignore_index=True)


def beside(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of LIME and LIME_adv -> rows of BESIDE's."""
    others = frame[frame["explainer"] == "LIME_adv"]
    named = [others.assign(explainer=name) for name in ("random", "oracle")]
    return pd.concat([frame[frame["explainer"] == "LIME"], *named], ignore_index=True)
