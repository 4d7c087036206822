"""What every explainer keeps, whatever its method: checks by the stage, for tests to call with an entry of
`explainers:` and an empty folder. `EVERY` holds for all of them, `WHITE` for those that ask for gradients.

Importing captum and grad-cam takes seconds, so test_paths.py and test_cam.py call them for the methods of these
packages; test_explainers.py for black boxes, test_attending.py for what asks for attention, of a network that has it.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config.rows import BASELINES, Filled
from advxai.config.science import Detector as Settings
from advxai.detector.checkpoint import load, save
from advxai.detector.gradients import HOOKS
from advxai.detector.model import Detector
from advxai.detector.networks.transformer import Encoder
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.helpers import SIZE, TWO, UNIT, explainer_settings

Entry = dict[str, Any]
Record = Mapping[str, Any]
BATCH, SEED = 4, 5
COMPARED = ("map", "scores", "ranking", "zero", "target", "called_real", "before", "images", "calls", "backwards")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads wait for each other at such small convolutions: two took 25 times as long as one. Import it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Net(nn.Module):
    """Two convolutions, one with a norm, rectified in place, the mean over places and a head."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.rectify = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.rectify(self.norm(self.first(x)))
        return self.head(self.rectify(self.second(x)).mean(dim=(2, 3)))


class Attending(nn.Module):
    """A convolution, whose 8 x 8 places are a transformer's tokens, and are weighed by attention that is a map."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8)
        self.rectify = nn.ReLU(inplace=True)
        self.encoder = Encoder(64, 8, 2, heads=2, head=4, hidden=16, grid=True)
        self.fit, self.attention_map = nn.Conv2d(8, 1, 1), nn.Identity()
        self.head = nn.Linear(16, outputs)
        with torch.no_grad():
            for value in self.encoder.parameters():
                value.normal_(0, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.rectify(self.norm(self.first(x)))
        share = self.attention_map(torch.sigmoid(self.fit(x)))
        seen = self.encoder(x.flatten(2).transpose(1, 2))[:, 0]
        return self.head(torch.cat([seen, (x * share).mean(dim=(2, 3))], dim=1))


def factory(num_classes: int) -> nn.Module:
    return Net(num_classes)


def attending(num_classes: int) -> nn.Module:
    return Attending(num_classes)


def attends(entry: Entry) -> bool:
    """Whether the entry asks for attention, and so for a network that has some."""
    return entry["method"] in ("relevancy", "attention")


def net(outputs: int, seed: int = 2, entry: Entry | None = None) -> nn.Module:
    """Random weights, the head's larger, so that pictures and classes differ; with attention, if the entry asks."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Attending(outputs) if entry and attends(entry) else Net(outputs)
        with torch.no_grad():
            module.norm.running_mean.normal_(0, 0.3)
            module.norm.running_var.uniform_(0.5, 2)
            module.head.weight.mul_(8)
    return module.eval()


def detector(classes: Classes = FIVE, batch: int = BATCH, seed: int = 2, entry: Entry | None = None) -> Detector:
    return Detector(net(classes.outputs, seed, entry), UNIT, classes=classes, forward_batch=batch)


def settings_of(entry: Entry) -> Any:
    """With few segments, as small pictures have."""
    return explainer_settings(**{"segmentation": {"n_segments": 9}, **entry})


class Others:
    """Counterparts of all but the second picture."""

    def image(self, key: str) -> np.ndarray | None:
        number = int(key.rpartition("/")[2])
        return None if number == 2 else pictures.picture(number + 50)

    def reason(self, key: str) -> str:
        return "there is none"


def copy_of(item: Any, image: Tensor) -> tuple[Tensor, Record]:
    """An adversarial copy, and what it has cost."""
    return (image - 0.4).clamp(-1, 1), {"queries": 31, "calls": 7, "seconds": 0.5}


def records(
    entry: Entry, numbers: list[int], model: Detector | None = None, seed: int = SEED, at_once: int = 2
) -> list[Record]:
    """The stage's records of the pictures with these numbers, in their order; it gives what is done first."""
    given, model = pictures.items(*numbers), detector(entry=entry) if model is None else model
    settings = settings_of(entry)
    copies = copy_of if "adversarial" in settings.needs else None
    found = run(given, pictures.load, model, settings, seed, at_once, copies, Others())
    by_key = {record["key"]: record for record in found}
    assert len(by_key) == len(given)
    return [by_key[item["key"]] for item in given]


def require_same(one: Record, other: Record, fields: tuple[str, ...] = COMPARED) -> None:
    """Bit for bit."""
    for field in fields:
        assert np.array_equal(one[field], other[field], equal_nan=field == "zero"), field


def check_records(entry: Entry, folder: Path) -> None:
    """Shapes, types, finite numbers; segments scored by the map's means and ranked by them."""
    for item, record in zip(pictures.items(1, 2, 3), records(entry, [1, 2, 3]), strict=True):
        assert (record["key"], record["sha256"], record["missing"]) == (item["key"], item["sha256"], "")
        assert record["map"].shape == record["segments"].shape == (SIZE, SIZE)
        count = int(record["segments"].max()) + 1
        assert record["scores"].shape == (count,) and record["before"].shape == (5,)
        assert record["map"].dtype == record["scores"].dtype == record["before"].dtype == np.float32
        assert record["segments"].dtype == record["ranking"].dtype == np.int16
        assert np.isfinite(record["map"]).all() and np.isfinite(record["scores"]).all()
        assert np.ptp(record["map"]) > 0
        assert len(set(record["ranking"])) == len(record["ranking"]) <= count
        falling = record["scores"][record["ranking"]]
        assert (falling[:-1] >= falling[1:]).all()
        assert isinstance(record["zero"], float) and not math.isinf(record["zero"])
        assert record["seconds"] > 0


def check_neighbours(entry: Entry, folder: Path) -> None:
    """An image's record is the same alone, in another order, among others and with another number in work."""
    model = detector(entry=entry)
    together = records(entry, [1, 2, 3, 4, 5], model, at_once=3)
    turned = records(entry, [5, 4, 3, 2, 1], model, at_once=1)[::-1]
    fewer = records(entry, [3, 9], model)
    alone = records(entry, [3], detector(entry=entry))
    for one, other in zip(together, turned, strict=True):
        require_same(one, other)
    for other in (fewer[0], alone[0]):
        require_same(together[2], other)


def check_untouched(entry: Entry, folder: Path) -> None:
    """The detector's own module has no hook more, the same weights and no gradients; nor has torch's mode changed."""
    model = detector(seed=7, entry=entry)
    assert model.module is not None
    wanted = {name: value.clone() for name, value in model.module.state_dict().items()}
    first = records(entry, [1], model)
    assert torch.is_grad_enabled() and not model.module.training
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, wanted[name])  # torch.testing takes seconds to import
    for layer in model.module.modules():
        assert not any(getattr(layer, kind) for kind in HOOKS)
    assert all(weight.requires_grad and weight.grad is None for weight in model.module.parameters())
    assert model.module.rectify.inplace
    require_same(first[0], records(entry, [1], model)[0])


def check_seeds(entry: Entry, folder: Path) -> None:
    """The same seed gives the same bits; another one others where something is drawn, and only there."""
    from advxai.run.digests.stages import DRAWLESS

    model, settings = detector(entry=entry), settings_of(entry)
    first, again, other = (records(entry, [1, 2], model, seed=seed) for seed in (1, 1, 2))
    for one, same in zip(first, again, strict=True):
        require_same(one, same)
    differ = any((one["map"] != another["map"]).any() for one, another in zip(first, other, strict=True))
    assert differ == (settings.method not in DRAWLESS and ":" not in settings.method)


def check_cost(entry: Entry, folder: Path) -> None:
    """As the configuration says beforehand; the forward that finds the target is counted apart."""
    model, settings = detector(entry=entry), settings_of(entry)
    found = records(entry, [1, 2, 3, 4, 5], model)
    assert sum(record["images"] + 1 for record in found) == model.images
    for record in found:
        assert record["backwards"] == settings.backwards or ":" in settings.method
        if settings.gradients:
            assert record["images"] == settings.forwards - 1
            assert math.ceil(record["images"] / BATCH) <= record["calls"] <= math.ceil(record["images"] / BATCH) + 1
        elif settings.forwards is not None:
            assert 0 < record["images"] <= settings.forwards - 1
            assert record["calls"] >= math.ceil(record["images"] / BATCH)
        assert (record["adversary_images"], record["adversary_calls"]) == (0, 0)


def check_targets(entry: Entry, folder: Path) -> None:
    """The class that is explained: the predicted one, the likeliest fake or the real one, by the detector's rule."""
    by_threshold = Classes(("Fake", "Real"), real=1, threshold=0.001)
    one_logit = Classes(("Real", "Fake"), output="sigmoid", positive=0)
    seen = set()
    for classes, seeds in ((FIVE, (2, 3)), (TWO, (2, 3)), (by_threshold, (2,)), (one_logit, (2, 3))):
        for seed in seeds:
            model = detector(classes, seed=seed, entry=entry)
            found = {
                target: records({**entry, "target": target}, [1, 4], model) for target in ("predicted", "fake", "real")
            }
            for place in range(2):
                predicted, fake, real = (found[target][place] for target in ("predicted", "fake", "real"))
                p = predicted["before"].astype(np.float64)
                fakes = [number for number, name in enumerate(classes.names) if name != "Real"]
                assert real["target"] == classes.names.index("Real")
                assert fake["target"] == fakes[p[fakes].argmax()]
                called_real = p[fakes].sum() < 0.001 if classes is by_threshold else p.argmax() == real["target"]
                assert all(record["called_real"] == called_real for record in (predicted, fake, real))
                require_same(predicted, real if called_real else fake)
                seen.add(called_real)
                if classes is one_logit and explained_by_gradients(entry) and not math.isnan(fake["zero"]):
                    np.testing.assert_array_equal(fake["map"], -real["map"])  # z and -z
    assert seen == {True, False}


def check_baselines(entry: Entry, folder: Path) -> None:
    """With each of them; an image without a counterpart has no explanation, and doesn't disturb the others'."""
    if not isinstance(settings_of(entry), Filled):
        return
    seen = []
    for kind in BASELINES:
        found = records({**entry, "baseline": kind}, [1, 2, 3])
        assert [bool(record["missing"]) for record in found] == [False, kind == "counterpart", False]
        assert [record["adversary_images"] for record in found] == [31 if kind == "adversarial" else 0] * 3
        for record in found:
            assert np.isfinite(record["map"]).all() and bool(record["map"].any()) == (not record["missing"])
        seen.append(found[0]["map"])
    gone = records({**entry, "baseline": "counterpart"}, [1, 2])[1]
    assert (gone["images"], gone["calls"], gone["backwards"]) == (0, 0, 0) and not gone["ranking"].size
    assert all((one != other).any() for place, one in enumerate(seen) for other in seen[:place])


EVERY: tuple[Callable[[Entry, Path], None], ...] = (
    check_records, check_neighbours, check_untouched, check_seeds, check_cost, check_targets, check_baselines,
)  # fmt: skip


class Bright(nn.Module):
    """The only evidence is brightness above grey, wherever it is: two means over 3 x 3 pixels, and the mean of all."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.mean, self.again = nn.Conv2d(3, 1, 3, padding=1, bias=False), nn.Conv2d(1, 1, 3, 2, 1, bias=False)
        for layer in (self.mean, self.again):
            nn.init.constant_(layer.weight, 1 / layer.weight.numel())
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        fake = self.gain * self.again(self.mean(x).relu()).relu().mean(dim=(1, 2, 3)) - min(self.gain, 1)
        return torch.stack([torch.zeros_like(fake), fake], dim=1)


class UniformAttention(nn.Module):
    """Every token takes as much from every other."""

    def __init__(self) -> None:
        super().__init__()
        self.attn_drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.attn_drop((0 * x @ x.transpose(1, 2))[:, None].softmax(dim=3))[:, 0] @ x


class Uniform(nn.Module):
    num_prefix_tokens = 1

    def __init__(self) -> None:
        super().__init__()
        self.attention = UniformAttention()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(x)


class BrightTokens(Bright):
    """The same, taken by a class token from 16 x 16 places; and the brightness is the attention that is a map."""

    def __init__(self, gain: float) -> None:
        super().__init__(gain)
        self.block, self.attention_map = Uniform(), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        places = self.again(self.mean(x).relu()).relu()
        self.attention_map(self.gain * places)
        tokens = nn.functional.pad(places.flatten(2).transpose(1, 2), (0, 0, 1, 0))
        fake = self.gain * self.block(tokens)[:, 0, 0] - min(self.gain, 1)
        return torch.stack([torch.zeros_like(fake), fake], dim=1)


def bright(gain: float, entry: Entry) -> nn.Module:
    return BrightTokens(gain) if attends(entry) else Bright(gain)


def spot(top: int, left: int) -> np.ndarray:
    """Grey, with a white square of 8 pixels."""
    image = np.full((SIZE, SIZE, 3), 127, np.uint8)
    image[top : top + 8, left : left + 8] = 255
    return image


def check_known_place(entry: Entry, folder: Path) -> None:
    """Where the evidence lies in one place, all of the map's that speaks for the class is there."""
    for top, left in ((2, 3), (12, 10), (20, 22)):
        model = Detector(bright(100.0, entry), UNIT, classes=TWO, forward_batch=BATCH)
        picture = spot(top, left)
        settings = settings_of(entry)
        copies = copy_of if "adversarial" in settings.needs else None
        (record,) = run(pictures.items(1), lambda _, shown=picture: shown, model, settings, SEED, 1, copies, Others())
        assert (record["target"], record["called_real"]) == (1, False)
        speaks = np.clip(record["map"] - (0 if math.isnan(record["zero"]) else record["zero"]), 0, None)
        around = np.zeros((SIZE, SIZE), bool)
        around[max(top - 3, 0) : top + 11, max(left - 3, 0) : left + 11] = True
        assert speaks[around].sum() > 0.95 * speaks.sum() > 0
        assert around[np.unravel_index(record["map"].argmax(), around.shape)]


def check_no_evidence(entry: Entry, folder: Path) -> None:
    """A detector that answers everything alike has a map of zeros, without a warning of a division by nothing."""
    model = Detector(bright(0.0, entry), UNIT, classes=TWO, forward_batch=BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = records(entry, [1, 2], model)
    assert all(not record["map"].any() for record in found)


def check_gradient_batch(entry: Entry, folder: Path) -> None:
    """Another number of rows rounds otherwise, no more; and with it neighbours don't matter either."""
    model, own = detector(entry=entry), {**entry, "gradient_batch": 3}
    usual, together = records(entry, [1, 2, 3, 4], model), records(own, [1, 2, 3, 4], model)
    require_same(together[3], records(own, [4], model)[0])
    for one, other in zip(usual, together, strict=True):
        np.testing.assert_allclose(one["map"], other["map"], rtol=1e-4, atol=1e-5 * np.abs(one["map"]).max())
        assert math.ceil(other["images"] / 3) <= other["calls"] <= math.ceil(other["images"] / 3) + 1


def check_backends(entry: Entry, folder: Path) -> None:
    """A graph that is kept beside the weights builds the module for gradients, and only of these weights."""
    path = folder / "detector.safetensors"
    model = f"{__name__}:{'attending' if attends(entry) else 'factory'}"
    save(path, net(5, entry=entry), model=model, preprocessing=UNIT)
    common = {"model": model, "input_size": SIZE, "mean": UNIT.mean, "std": UNIT.std, "forward_batch": BATCH}
    weights, settings = file_sha256(path), Settings(**common, backend="openvino")
    wanted = records(entry, [1, 2, 3], load(Settings(**common, backend="torch"), path, weights=weights))
    load(settings, path, weights=weights)  # makes the graph
    kept = load(settings, path, weights=weights)
    assert kept.graph is not None and kept.module is None
    for one, other in zip(wanted, records(entry, [1, 2, 3], kept), strict=True):
        require_same(one, other, tuple(field for field in COMPARED if field != "before"))
    assert kept.module is not None
    exchanged = load(settings, path, weights=weights)
    save(path, net(5, seed=8, entry=entry), model=model, preprocessing=UNIT)
    with pytest.raises(InputError, match="isn't the detector that this job was started for; give the same command"):
        records(entry, [1], exchanged)


WHITE: tuple[Callable[[Entry, Path], None], ...] = (
    *EVERY, check_known_place, check_no_evidence, check_gradient_batch, check_backends,
)  # fmt: skip


def explained_by_gradients(entry: Entry) -> bool:
    return bool(settings_of(entry).gradients)
