"""One detector in every form that its classes can have gives the same adversarial copies, attacks, rows and tables."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from advxai.adversary.stage import run as make_copies
from advxai.common.classes import Classes
from advxai.config.kernels import BACKENDS
from advxai.config.science import Nes
from advxai.detector.model import Detector
from advxai.evaluation.attacks import run as make_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.saliency.stage import run as explain
from advxai.tables.compute import Axes, accuracy, flips, sufficiency
from tests.helpers import SIZE, UNIT, explainer_settings, quadrants

SEGMENT = 5
GAIN = 6.0
KEY = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png"
ITEM = {"key": KEY, "sha256": "h", "category": "Deepfakes"}
SETTINGS = Nes(samples=64, iterations=30)


class Reads(nn.Module):
    """Outputs `columns` of z, the gain times the mean of one segment: for each a factor of z, or None for -30."""

    def __init__(self, columns: tuple[float | None, ...]) -> None:
        super().__init__()
        mask = torch.from_numpy(quadrants() == SEGMENT).float()
        self.weight = (GAIN * mask / (3 * mask.sum())).expand(3, SIZE, SIZE).contiguous()
        self.factors = torch.tensor([0.0 if one is None else one for one in columns])
        self.offsets = torch.tensor([-30.0 if one is None else 0.0 for one in columns])

    def forward(self, x: Tensor) -> Tensor:
        z = (x * self.weight).sum(dim=(1, 2, 3))
        return z[:, None] * self.factors + self.offsets


@dataclass(frozen=True)
class Form:
    """Classes, and the outputs that give p(fake) = sigmoid(z); the fake class that z speaks for is `fake`."""

    classes: Classes
    columns: tuple[float | None, ...]
    fake: str = "Deepfakes"

    def detector(self, backend: str = "torch") -> Detector:
        return Detector(Reads(self.columns), UNIT, classes=self.classes, forward_batch=16, backend=backend)


FORMS = {
    "real first": Form(Classes.named(["Real", "Deepfakes"]), (0.0, 1.0)),
    "real last": Form(Classes.named(["FaceSwap", "Deepfakes", "Real"]), (None, 1.0, 0.0)),
    "another order and name": Form(Classes.named(["Deepfakes", "Pristine", "X"], real="Pristine"), (1.0, 0.0, None)),
    "sigmoid of fake": Form(Classes.named(["Real", "Fake"], output="sigmoid"), (1.0,), "Fake"),
    "sigmoid of real": Form(Classes.named(["Real", "Fake"], output="sigmoid", positive="Real"), (-1.0,), "Fake"),
    "sigmoid of real, fake first": Form(
        Classes.named(["Fake", "Real"], output="sigmoid", positive="Real"), (-1.0,), "Fake"
    ),
}


def grey(level: int) -> Callable[[object], np.ndarray]:
    return lambda _: np.full((SIZE, SIZE, 3), level, np.uint8)


def probability(level: float) -> float:
    """p(fake) of a picture of one grey level of 255."""
    return 1 / (1 + np.exp(-GAIN * (level / 255 * 2 - 1)))


@pytest.fixture(params=FORMS)
def form(request) -> Form:
    return FORMS[request.param]


def attacked(form: Form, ranking: list[int], level: int = 130) -> tuple[pd.DataFrame, dict]:
    """Rows of one explainer's first segments, and the adversary's record."""
    detector = form.detector()
    (copy,) = make_copies([ITEM], grey(level), detector, SETTINGS, seed=0, at_once=1)
    target = int(form.classes.called(copy["before"]))
    record = {"segments": quadrants(), "ranking": np.array(ranking, np.int16), "scores": np.zeros(16)}
    record["called_real"] = target == form.classes.real
    items = attack_items([ITEM], {KEY: record}, top=2)
    found = [one | {"made_for": "X"} for one in make_attacks(items, grey(level), detector, SETTINGS, 0, 2)]
    return evaluation_rows("X", [ITEM], {KEY: record}, found, top=2, classes=form.classes), copy


def test_an_adversarial_copy_is_the_same(form):
    """130 of 255 is just fake (p = .53); NES lowers the segment until it is real, by the same steps."""
    _, copy = attacked(form, [9, SEGMENT])
    _, plain = attacked(FORMS["real first"], [9, SEGMENT])
    names = form.classes.names
    assert copy["before"][names.index(form.fake)] == pytest.approx(probability(130), abs=1e-6)
    assert copy["before"].sum() == pytest.approx(1, abs=1e-6)
    assert copy["success"] and copy["iterations"] == plain["iterations"] > 3
    agreement = (copy["steps"] == plain["steps"])[0][quadrants() == SEGMENT].mean()
    assert agreement > 0.98  # a softmax over another order rounds otherwise
    assert copy["trace"][0] == pytest.approx(1 - probability(130), abs=1e-6) and copy["trace"][-1] >= 0.5


def test_rows_and_tables_are_the_same(form):
    """Attacking another segment changes nothing, both together flip it."""
    rows, _ = attacked(form, [9, SEGMENT])
    names, own = form.classes.names, form.classes.names.index(form.fake)
    assert rows["label"].tolist() == [own, own] and not rows["called_real"].any()
    assert rows["predicted_before"].tolist() == [own, own]
    assert rows["predicted_after"].tolist() == [own, names.index(form.classes.real_name)]
    assert rows["flipped"].tolist() == [False, True]
    assert rows["p_before"].tolist() == pytest.approx([probability(130)] * 2, abs=1e-6)
    assert rows["p_real_before"].tolist() == pytest.approx([1 - probability(130)] * 2, abs=1e-6)
    axes = Axes(["X"], ["Deepfakes"], 2, form.classes)
    found = {name: table(rows, axes) for name, table in (("a", accuracy), ("s", sufficiency), ("f", flips))}
    mine = {name: table[table["category"] == "Deepfakes"] for name, table in found.items()}
    assert mine["a"]["value"].tolist() == [1.0, 0.0] and mine["f"]["flipped"].tolist() == [0, 1]
    fall = mine["s"]["value"].tolist()
    assert fall[0] == 0 and fall[1] > 0.03


def test_a_category_without_a_class_is_right_when_it_is_called_fake(form):
    """FaceShifter is out of distribution where there are two classes of fakes, and the only fake class's elsewhere."""
    rows, _ = attacked(form, [9, SEGMENT])
    alone = len(form.classes.fakes) == 1
    shifted = rows.assign(category="FaceShifter", label=form.classes.label("FaceShifter"))
    assert (shifted["label"] == -1).all() == (not alone)
    table = accuracy(shifted, Axes(["X"], ["FaceShifter"], 2, form.classes))
    assert table[table["category"] == "FaceShifter"]["value"].tolist() == [1.0, 0.0]


def test_the_maps_explain_the_class_that_is_called(form):
    settings = explainer_settings(method="rise", baseline="zeros", masks=64, cells=4)
    (record,) = explain([ITEM], grey(200), form.detector(), settings, 0, 1)
    assert form.classes.names[record["target"]] == form.fake and not record["called_real"]
    (record,) = explain([ITEM], grey(100), form.detector(), settings, 0, 1)
    assert record["target"] == form.classes.real and record["called_real"]


@pytest.mark.parametrize("name", ["real last", "sigmoid of fake", "sigmoid of real"])
def test_a_threshold_decides_from_the_first_call_to_the_tables(name):
    """At .55 a p(fake) of .53 is real from the start; .587 (at 135) is not, and NES stops as soon as it is below .55,
    where argmax would still say fake."""
    form = replace(FORMS[name], classes=replace(FORMS[name].classes, threshold=0.55))
    real, own = form.classes.real, form.classes.names.index(form.fake)
    rows, copy = attacked(form, [SEGMENT, 9], level=130)
    assert copy["iterations"] == 0 and copy["success"] and rows["called_real"].all()
    assert rows["predicted_before"].tolist() == [real] * 2 and not rows["flipped"].any()
    rows, copy = attacked(form, [SEGMENT, 9], level=135)
    assert probability(135) == pytest.approx(0.587, abs=1e-3)
    assert copy["success"] and 0 < copy["iterations"]
    assert copy["trace"][-2] <= 0.45 < copy["trace"][-1] < 0.5  # still the less likely class
    assert rows["predicted_before"].tolist() == [own] * 2 and rows["flipped"].tolist() == [True, True]
    assert (rows["p_real_after"] < 0.5).all() and (rows["predicted_after"] == real).all()
    table = accuracy(rows, Axes(["X"], ["Deepfakes"], 2, form.classes))
    assert table[table["category"] == "Deepfakes"]["value"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "inductor"])  # which takes torch's logits
@pytest.mark.parametrize("name", ["sigmoid of fake", "sigmoid of real"])
def test_one_logit_keeps_its_gradient_where_the_answer_is_certain(backend, name):
    """At z = 18 p(real) is 1.5e-8: 1 - p(fake) would be 0 in float32, for an image and for its neighbours alike."""
    form = FORMS[name]
    detector = form.detector(backend)
    up = torch.full((3, SIZE, SIZE), 3.0)  # z = 18
    answers = detector.probabilities(torch.stack([up, up + 1e-3, up - 1e-3]))
    real = answers[:, detector.real].double()
    expected = 1 / (1 + torch.exp(GAIN * torch.tensor([3.0, 3.001, 2.999], dtype=torch.float64)))
    torch.testing.assert_close(real, expected, rtol=1e-4, atol=0)
    assert real[2] > real[0] > real[1] > 0
    assert 1 - answers[0, form.classes.names.index(form.fake)] == 0
