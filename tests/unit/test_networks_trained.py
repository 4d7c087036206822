"""Each network that stands on a backbone learns, and goes on after an interruption as if there had been none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from advxai.config.classes import classes_of
from advxai.config.networks import NETWORKS, Options
from advxai.config.science import Detector as Settings
from advxai.config.training import Training
from advxai.detector import train as module_under_test
from advxai.detector.networks import CHOSEN
from advxai.frames.database import FrameStore
from tests.unit.test_detector_train import corpus as corpus

SMALL = {"backbone": "mobilenetv3_small_050", "depth": 1, "tokens": "places", "width": 16}


def settings(model: str) -> Settings:
    own = {name: value for name, value in SMALL.items() if name in NETWORKS[model].options}
    training = Training(epochs=2, batch=16, learning_rate=2e-4, threads=1)
    return Settings(model=model, input_size=64, network=Options(**own), training=training)


@pytest.mark.parametrize("model", CHOSEN)
def test_two_epochs_with_an_interruption_end_in_the_same_bytes(corpus, model: str, tmp_path: Path, monkeypatch):
    path, rows, validation = corpus
    two = {name: table.assign(label=np.minimum(table["label"], 1)) for name, table in (("t", rows), ("v", validation))}
    what = settings(model)

    def run(folder: Path) -> bytes:
        with FrameStore(path) as frames:
            module_under_test.train(
                what, frames, two["t"], two["v"], seed=3, out_dir=folder, classes=classes_of(what, {})
            )
        return (folder / "detector.safetensors").read_bytes()

    whole = run(tmp_path / "whole")
    history = pd.read_csv(tmp_path / "whole" / "history.csv")
    assert history["loss"].iloc[1] < history["loss"].iloc[0]  # of real against any colour
    true_epoch = module_under_test.Trainer.epoch

    def interrupted(self, rows, seed, number, bar):
        if number == 1:
            raise KeyboardInterrupt
        return true_epoch(self, rows, seed, number, bar)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(module_under_test.Trainer, "epoch", interrupted)
        run(tmp_path / "cut")
    assert not (tmp_path / "cut" / "detector.safetensors").exists()
    assert run(tmp_path / "cut") == whole
