"""Only images that the detector calls fake are explained (`frames.explain: called_fake`)."""

import pandas as pd

from advxai.common.classes import Classes

STAGE = "detector"
REASON = "called real by the detector: not explained"


def split(images: pd.DataFrame, predictions: pd.DataFrame, classes: Classes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part images by what the detector says of them.

    Args:
        images: the sampled fakes; column key.
        predictions: columns key and predicted (class index), at least of these images.
        classes: the detector's.

    Returns:
        The images called fake, in their order and with their index; and what was left out: stage, item, reason.

    Raises:
        KeyError: an image has no prediction.
    """
    predicted = predictions.set_index("key")["predicted"].loc[images["key"]]
    real = (predicted == classes.real).to_numpy()
    items = images.loc[real, "key"].astype("str").reset_index(drop=True)
    return images[~real], pd.DataFrame({"stage": STAGE, "item": items, "reason": REASON}).astype("str")
