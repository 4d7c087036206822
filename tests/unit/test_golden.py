"""A stage's numbers are those of its version, and a change of them is noticed."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advxai.run.digests import VERSIONS
from tests.golden.compare import DATA, Near, Unraised, differences, problem, values_of, write

NUMBERS = {"count": 3, "name": "a", "parts": [{"mean": Near(np.float32(0.1), absolute=1e-6)}], "none": None}


@pytest.mark.parametrize("stage", VERSIONS)
def test_the_numbers_are_those_of_the_version(stage: str):
    wrong = problem(stage, VERSIONS[stage], values_of(stage), DATA)
    if wrong:
        pytest.fail(wrong, pytrace=False)


def test_every_stage_has_a_small_file():
    assert {path.stem for path in DATA.glob("*.json")} == set(VERSIONS)
    assert all(path.stat().st_size < 8000 for path in DATA.glob("*.json"))


# For each stage something small that its numbers depend on.
CHANGES = {
    "clip": ("advxai.corpus.manipulations.Deepfakes.CONTRAST", 0.86),
    "faces": ("advxai.media.retinaface.MEAN_RGB", (127.0, 117.0, 105.0)),
    "counterparts": ("advxai.frames.counterparts.SIGMA", 1.0),
    "clips": ("advxai.clips.box.PARTS", 0.25),
    "detector": ("advxai.detector.schedule.WARM_UP", 0.3),
    "predictions": ("advxai.detector.model.Preprocessing.normalise", lambda self, unit: unit - 0.5),
    "adversary": ("torch.Tensor.sign", lambda gradient: (-gradient).sgn()),
    "saliency": ("advxai.saliency.lime.kernel_weights", lambda design, width: design.mean(axis=1) ** (1 / width)),
    "controls": ("advxai.saliency.controls.rank", lambda scores: scores.argsort().astype(np.int16)),
    "attacks": ("advxai.evaluation.masks.mask_id", lambda mask: str(mask.sum())),
    "evaluation": ("advxai.evaluation.rows.top_mask", lambda record, k, _: record["segments"] == record["ranking"][0]),
    "metrics": ("advxai.metrics.restoration.fall", lambda areas, p, area: float(p[0] - p[-1])),
    "video_scores": ("advxai.video.scores.slic", lambda part, **_: np.indices(part.shape[:3])[2] // 8),
    "video_adversary": ("torch.Tensor.sign", lambda gradient: (-gradient).sgn()),
    "video_saliency": ("advxai.saliency.lime.kernel_weights", lambda design, width: design.mean(axis=1) ** (1 / width)),
    "video_controls": ("advxai.saliency.controls.rank", lambda scores: scores.argsort().astype(np.int16)),
    "video_attacks": ("torch.Tensor.sign", lambda gradient: (-gradient).sgn()),
    "video_metrics": ("advxai.video.temporal.SHIFT", 0.2),
}


@pytest.mark.parametrize("stage", VERSIONS)
def test_a_changed_computation_is_noticed(stage: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*CHANGES[stage])
    wrong = problem(stage, VERSIONS[stage], values_of(stage), DATA)
    assert wrong.startswith(
        f"the numbers of {stage} have changed: raise VERSIONS['{stage}'] in advxai/run/digests/base.py, "
        f"then run `python -m tests.golden {stage}`\n"
    )


def test_a_raised_version_needs_new_values(tmp_path: Path):
    check = partial(problem, "clip", folder=tmp_path)
    anew = "write the golden values anew: `python -m tests.golden clip`"
    former, present = dict, partial(dict, mean=2)
    assert check(version=1, compute=former) == anew  # there is no file
    assert write("clip", 1, former, tmp_path)
    assert check(version=1, compute=former) is None
    assert "raise VERSIONS['clip']" in check(version=1, compute=present)
    with pytest.raises(Unraised, match="raise VERSIONS"):
        write("clip", 1, present, tmp_path)  # the version must not be forgotten
    assert check(version=2, compute=present) == anew
    assert check(version=2, compute=former) == anew
    assert write("clip", 2, present, tmp_path)
    assert check(version=2, compute=present) is None
    assert check(version=1, compute=former) == anew


def test_last_digits_of_another_machine_are_not_written(tmp_path: Path):
    assert write("clip", 1, lambda: NUMBERS, tmp_path)
    before = (tmp_path / "clip.json").read_bytes()
    assert not write("clip", 1, lambda: NUMBERS | {"parts": [{"mean": Near(0.1000005, absolute=1e-6)}]}, tmp_path)
    assert (tmp_path / "clip.json").read_bytes() == before


@pytest.mark.parametrize(
    ("golden", "made", "found"),
    [
        (1, 1, []),
        (1, 2, [": 1 was, 2 is"]),
        (1, True, [": 1 was, True is"]),
        (None, 0, [": None was, 0 is"]),
        ([1, 2], np.array([1, 2]), []),
        ([1, 2], [1], [": [1, 2] was, [1] is"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ["a.b: x was, y is"]),
        ({"a": 1}, {"b": 1}, ["a: not among the values made now", "b: only among the values made now"]),
        ([100.0, 0.0], Near([100.9, 0.0], relative=0.01), []),
        ([100.0, 0.0], Near([101.1, 0.1], relative=0.01), ["[0]", "[1]"]),
        ({"a": [[5.0]]}, {"a": Near([[5.2]], absolute=0.1)}, ["a[0][0]: 5.0 was, 5.2 is (allowed: 0 relative, 0.1"]),
        (0.1, Near(float("nan"), absolute=1.0), [": 0.1 was, nan is"]),
    ],
)  # fmt: skip
def test_differences(golden: Any, made: Any, found: list[str]):
    lines = list(differences(golden, made))
    assert len(lines) == len(found) and all(line.startswith(start) for line, start in zip(lines, found, strict=True))
