"""The figures' short texts."""

from advxai.common.arrays import Floats
from advxai.common.classes import Classes
from advxai.common.types import Record


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
