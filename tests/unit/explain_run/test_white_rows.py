"""White boxes in `explain`: what they say of their maps, which layers they take, and what their errors say."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from advxai.common.errors import InputError
from advxai.config.classes import classes_of
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.build import build_module, preprocessing
from advxai.explain import command
from advxai.report.captions import OF_CHANNELS
from advxai.run.settings import input_of
from advxai.saliency import Maps, WhiteBox, registry
from tests.unit.cases.small_run import KEY
from tests.unit.explain_run.asking import changed, explained, read, weights

BACKBONE = "mobilenetv3_small_050"
STEM = "Deepfakes_000_001_00005_0"


class Says(WhiteBox):
    def maps(self, network, batch):
        return Maps(np.ones((len(batch), *batch.images.shape[2:])), zero=0.0)

    def remarks(self):
        return ["the sums of 1 of 1 images miss something"]


class Breaks(WhiteBox):
    def maps(self, network, batch):
        return {}["conv"]


class Light(WhiteBox):
    """Stands for class activation maps, whose package takes ten seconds to import."""

    def __init__(self, layers) -> None:
        self.layers = layers

    def maps(self, network, batch):
        return Maps(np.ones((len(batch), *batch.images.shape[2:])))


def own(kind: str) -> dict:
    return {"method": f"{__name__}:{kind}", "baseline": "zeros"}


def test_remarks_stand_in_the_notes_with_the_row(finished, tmp_path, monkeypatch, caplog):
    drawn = []
    monkeypatch.setattr("advxai.explain.outputs.face_figure", lambda one, title, notes, look: drawn.append(notes))
    monkeypatch.setattr(
        "advxai.explain.outputs.save", lambda figure, path: [path.with_suffix(end).touch() for end in (".png", ".pdf")]
    )
    outcome = explained(changed(finished, explainers={"Own": own("Says")}), [KEY], tmp_path)
    remark = "Own: the sums of 1 of 1 images miss something"
    assert outcome.notes[-1] == remark and read(tmp_path, STEM)["notes"] == [remark]
    assert [notes[-1] for notes in drawn] == [remark]
    assert "miss something" not in caplog.text


def test_an_error_of_a_class_of_the_user_s_own_names_the_row_and_the_line(finished, tmp_path):
    line = next(n for n, text in enumerate(Path(__file__).read_text().splitlines(), 1) if '{}["conv"]' in text)
    with pytest.raises(InputError) as caught:
        explained(changed(finished, explainers={"Mine": own("Breaks")}), [KEY], tmp_path)
    assert str(caught.value) == (
        f"explainer Mine ({__name__}:Breaks): KeyError: 'conv' (line {line} of "
        f"{Path(__file__).name}); correct the class"
    )
    assert not list(tmp_path.iterdir())


def test_a_layer_that_the_detector_lacks_is_told_before_any_work(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "explain", lambda *_: pytest.fail("pictures were worked on"))
    rows = {"LIME": {"method": "lime", "baseline": "zeros"}, "Cam": {"method": "gradcam", "layers": "head"}}
    run = changed(finished, explainers=rows)
    said = (
        "explainers.Cam.layers: the detector has no layer 'head'; `python -m advxai layers{}` lists those that can be"
    )
    with pytest.raises(InputError, match=re.escape(said.format(" my.yaml"))):
        explained(run, [KEY], tmp_path, file=Path("my.yaml"))
    with pytest.raises(InputError, match=re.escape(said.format(""))):
        explained(run, [KEY], tmp_path)
    other = weights(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"layers FILE`, with a configuration of which detector.checkpoint is .*other"):
        explained(run, [KEY], tmp_path, weights=other, file=Path("my.yaml"))


def test_a_file_with_channels_tokens_says_what_its_map_is(finished, tmp_path, monkeypatch):
    """Whatever the run's own detector is; and is asked in batches whose attention fits."""
    monkeypatch.setattr("advxai.detector.networks.hybrid.CHANNEL_TOKENS", 16)  # of 1,024, which would take 15 s
    settings = Settings(model="efficientnet_vit", input_size=32, network={"backbone": BACKBONE, "depth": 1})
    module, path = build_module(settings, 1), tmp_path / "hybrid.safetensors"
    torch.nn.init.constant_(module.head[-1].bias, -50.0)  # all is real, so that nothing is attacked
    checkpoint.save(
        path, module, model=settings.model, preprocessing=preprocessing(settings, module),
        classes=classes_of(settings, {}), about=input_of(settings),
    )  # fmt: skip
    looks = []
    monkeypatch.setattr("advxai.explain.outputs.face_figure", lambda one, title, notes, look: looks.append(look))
    monkeypatch.setattr(
        "advxai.explain.outputs.save", lambda figure, path: [path.with_suffix(end).touch() for end in (".png", ".pdf")]
    )
    run = changed(finished, explainers={"R": {"method": "relevancy"}}, detector={"forward_batch": 64})
    explained(run, [KEY], tmp_path / "out", weights=path)
    said = read(tmp_path / "out", STEM)
    assert said["faces"][0]["images"][0]["explainers"]["R"]["note"] == OF_CHANNELS
    assert looks[0].said(["R"], set()) == [f"R: {OF_CHANNELS}."]
    assert (run.config.detector.forward_batch, said["settings"]["detector"]["forward_batch"]) == (64, 8)


def test_which_layer_the_last_one_is_stands_in_the_notes(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, "gradcam", f"{__name__}:Light")
    outcome = explained(changed(finished, explainers={"Cam": {"method": "gradcam"}}), [KEY], tmp_path)
    assert outcome.notes[-1] == "Cam: layer 0, 23 x 23."
    assert read(tmp_path, STEM)["notes"] == ["Cam: layer 0, 23 x 23."]


def test_what_is_missing_is_made_with_the_configuration_that_was_given(finished, tmp_path):
    elsewhere = changed(finished, run="other")
    with pytest.raises(InputError, match=r"run `snakemake --cores 2 frames --configfile my.yaml` in the project"):
        explained(elsewhere, ["3"], tmp_path, file=Path("my.yaml"))
    with pytest.raises(InputError, match=r"run `snakemake --cores 2 frames` in the project's folder first"):
        explained(elsewhere, ["3"], tmp_path, file=Path("config.yaml"))
    untrained = changed(finished, detector={"model": "resnet18", "checkpoint": None})
    with pytest.raises(InputError, match=r"run `snakemake --cores 2 detector --configfile my.yaml` in .*--detector"):
        explained(untrained, [KEY], tmp_path, file=Path("my.yaml"))
