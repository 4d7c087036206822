"""Recipes and what they set: balance by weights, schedules, frozen blocks, early stopping in a row; resumed as well."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from advxai import plan
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config import document
from advxai.config import load as load_config
from advxai.config.explainers import Custom
from advxai.config.file import read
from advxai.config.science import Detector as Settings
from advxai.config.training import LATER_KEYS, RECIPES, Training
from advxai.detector import train as module_under_test
from advxai.detector.frozen import blocks_of, freeze_blocks
from advxai.detector.images import Images
from advxai.detector.model import Preprocessing
from advxai.detector.progress import Progress, identity
from advxai.detector.schedule import rate_of_epoch
from advxai.detector.train import Trainer, build_optimiser, class_weights, train
from advxai.media.rule import Rule
from advxai.run.paths import Paths
from tests.unit.paths_data import paths

ROOT = Path(__file__).parents[2]
HALF = (0.5, 0.5, 0.5)
SIGMOID = Classes.named(["Real", "Fake"], output="sigmoid")


class Blocks(nn.Module):
    """Laid out as timm's EfficientNets: two stages of blocks with batch norms between a stem and a head."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(nn.Sequential(self._block()), nn.Sequential(self._block(), self._block()))
        self.classifier = nn.Linear(4, outputs)

    def _block(self) -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.blocks(self.conv_stem(x)).mean(dim=(2, 3)))


class Frames:
    """Dark reals and bright fakes."""

    def image(self, key: str) -> np.ndarray:
        level = 60 if key.startswith("r") else 190
        return np.random.default_rng(sum(key.encode())).integers(level - 40, level + 40, (20, 20, 3)).astype(np.uint8)


def network(num_classes: int) -> nn.Module:
    return Blocks(num_classes)


def rows(reals: int, fakes: int, start: int = 0) -> pd.DataFrame:
    named = [("r", 0, reals), ("f", 1, fakes)]
    return pd.DataFrame([{"key": f"{kind}{start + i}", "label": label} for kind, label, n in named for i in range(n)])


def settings(**training) -> Settings:
    values = {"epochs": 4, "batch": 4, "threads": 1} | training
    return Settings(model=f"{__name__}:network", input_size=32, mean=HALF, std=HALF, training=Training(**values))


def run(out: Path, **training) -> bytes:
    threads = torch.get_num_threads()
    try:
        train(settings(**training), Frames(), rows(4, 12), rows(2, 2, 50), seed=1, out_dir=out, classes=SIGMOID)
    finally:
        torch.set_num_threads(threads)
    return (out / "detector.safetensors").read_bytes()


def tensors(data: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(data / "last.pt", weights_only=True)["weights"]
    return state


@contextmanager
def losses(monkeypatch: pytest.MonkeyPatch, *values: float) -> Iterator[list[float]]:
    """Let the n-th validation find the n-th loss; the list gets the learning rates of the epochs before."""
    rates: list[float] = []

    def validate(self, rows):
        rates.append(self.optimiser.param_groups[0]["lr"])
        return values[len(rates) - 1], 0.5

    with monkeypatch.context() as patch:
        patch.setattr(module_under_test.Trainer, "validate", validate)
        yield rates


def test_a_recipe_sets_defaults_and_what_is_given_counts():
    hybrid = Training(recipe="hybrid")
    assert (hybrid.optimiser, hybrid.learning_rate, hybrid.momentum, hybrid.weight_decay) == ("sgd", 0.01, 0, 1e-7)
    assert (hybrid.schedule, hybrid.step_epochs, hybrid.gamma, hybrid.batch, hybrid.epochs) == (
        "step",
        15,
        0.1,
        16,
        100,
    )
    assert (hybrid.patience, hybrid.patience_rule, hybrid.keep, hybrid.trained_blocks) == (5, "in_a_row", "best", 3)
    assert hybrid.frames_of("train") == (6, 20) and hybrid.frames_of("val") == (2, 2)
    pino = Training(recipe="pino")
    assert (pino.optimiser, pino.learning_rate, pino.batch, pino.schedule) == ("adam", 1e-5, 32, "plateau")
    assert (pino.balance, pino.augmentations, pino.trained_blocks, pino.momentum) == ("frames", "dfdc", None, 0.9)
    own = load_config(
        {"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"},
         "detector": {"training": {"recipe": "hybrid", "epochs": 3, "trained_blocks": "null", "momentum": 0.5}}}
    ).detector.training  # fmt: skip
    assert (own.epochs, own.trained_blocks, own.momentum, own.batch) == (3, None, 0.5, 16)
    assert Training(recipe=None) == Training()


def test_a_recipe_that_there_is_none_of_is_named():
    config = {"run": "a", "corpus": {"kind": "ffpp", "root": "a", "splits": "b"}}
    with pytest.raises(InputError, match=r"detector\.training\.recipe = 'hybird': input should be 'hybrid' or 'pino'"):
        load_config(config | {"detector": {"training": {"recipe": "hybird"}}})
    with pytest.raises(InputError, match=r"detector\.training\.recipe: .*hybrid"):
        load_config(config | {"detector": {"training": {"recipe": ["hybrid"]}}})


CHANGED = {
    "momentum": 0.5, "schedule": "step", "step_epochs": 3, "plateau_epochs": 4, "gamma": 0.5, "balance": "weights",
    "frames_per_real": 9, "val_frames": 3, "tracks": "first", "trained_blocks": 2, "augmentations": "dfdc",
    "patience_rule": "in_a_row",
}  # fmt: skip
# Keys without which one of the above does nothing.
WITH = {
    "momentum": {"optimiser": "sgd"}, "step_epochs": {"schedule": "step"}, "plateau_epochs": {"schedule": "plateau"},
    "gamma": {"schedule": "step"}, "frames_per_real": {"balance": "weights"}, "patience_rule": {"patience": 2},
}  # fmt: skip


def test_recipes_and_digests_speak_of_every_new_key():
    assert set(CHANGED) == set(LATER_KEYS)
    assert set().union(*RECIPES.values()) <= set(Training.model_fields)


@pytest.mark.parametrize("key", LATER_KEYS)
def test_each_new_key_moves_the_detector_where_it_acts_and_only_there(key: str):
    def digest(**training: object) -> str:
        return paths(detector={"training": training}).detector.path.name

    def name(**training: object) -> str:
        return identity(settings(**training), None, 0, rows(1, 1))

    others = WITH.get(key, {})
    assert digest(**others, **{key: CHANGED[key]}) != digest(**others)
    assert name(**others, **{key: CHANGED[key]}) != name(**others)
    if others:
        assert digest(**{key: CHANGED[key]}) == digest()
    default = Training.model_fields[key].default
    assert digest(**others, **{key: default}) == digest(**others)
    assert name(**others, **{key: default}) == name(**others)


def test_the_name_of_a_recipe_is_in_no_digest_and_the_identity_of_a_training_is_as_it_was():
    written = paths(detector={"training": RECIPES["hybrid"]}).detector.path
    assert paths(detector={"training": {"recipe": "hybrid"}}).detector.path == written
    assert "recipe" not in json.dumps(paths(detector={"training": {"recipe": "hybrid"}}).detector.params)
    assert identity(settings(recipe="pino"), None, 0) == identity(settings(**RECIPES["pino"] | {
        "epochs": 4, "batch": 4}), None, 0)  # fmt: skip
    assert set(Training().determining) == {
        "epochs", "batch", "optimiser", "learning_rate", "weight_decay", "label_smoothing", "frames_per_video",
        "augment", "threads", "jpeg", "blur", "patience", "keep", "mixed_precision",
    }  # fmt: skip


class Mean(nn.Module):
    """The logit is the mean of the image; an optimiser wants a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 2, 3)).unsqueeze(1) + self.bias


def weighing(images: Images | None = None) -> Trainer:
    process = Preprocessing(32, HALF, HALF)
    return Trainer(Mean(), SIGMOID, images, process, Training(threads=1, batch=2), "cpu")  # type: ignore[arg-type]


def test_weights_make_the_loss_torch_s_pos_weight():
    """Four reals and twelve fakes: a fake's loss counts a third, the mean is over the images."""
    weights = class_weights(rows(4, 12), SIGMOID)
    assert weights.tolist() == pytest.approx([1, 1 / 3])
    trainer, z, y = weighing(), torch.tensor([2.0, -1.0, 0.3, 20.0]), torch.tensor([1, 1, 0, 0])
    x = z[:, None, None, None].expand(4, 3, 2, 2)
    plain = nn.functional.binary_cross_entropy_with_logits(z, y.float())
    assert trainer._loss(x, y).item() == pytest.approx(plain.item(), rel=1e-6)
    trainer.weigh(weights)
    wanted = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([4 / 12]))(z, y.float())
    assert trainer._loss(x, y).item() == pytest.approx(wanted.item(), rel=1e-6)
    # by hand: ln(1 + e^-2) / 3, ln(1 + e) / 3, ln(1 + e^.3), 20
    by_hand = (math.log1p(math.exp(-2)) / 3 + math.log1p(math.e) / 3 + math.log1p(math.exp(0.3)) + 20) / 4
    assert wanted.item() == pytest.approx(by_hand, rel=1e-6)
    five = class_weights(pd.DataFrame({"label": [0, 0, 1, 2, 2, 2, 2, 3, 4]}), Classes())
    assert five.tolist() == [1, 2, 0.5, 2, 2]


def test_validation_is_weighed_as_training_is():
    trainer = weighing(Images(Frames(), 32, Training()))  # type: ignore[arg-type]
    trainer.weigh(class_weights(rows(4, 12), SIGMOID))
    with trainer.workers:
        found, _ = trainer.validate(rows(1, 3))
    z = torch.stack([torch.from_numpy(trainer.images.plain(key)).float().mean() for key in rows(1, 3)["key"]]) / 127.5
    wanted = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1 / 3]))(z - 1, torch.tensor([0.0, 1, 1, 1]))
    assert found == pytest.approx(wanted.item(), rel=1e-5)


def test_steps_and_plateaus_epoch_by_epoch():
    step = Training(schedule="step", learning_rate=0.01, step_epochs=3, gamma=0.1)
    found = [rate_of_epoch(step, epoch, []) for epoch in range(8)]
    assert found == pytest.approx([0.01] * 3 + [0.001] * 3 + [0.0001] * 2)
    plateau = Training(schedule="plateau", learning_rate=1e-5, plateau_epochs=2, gamma=0.1)
    # the third isn't lower than the first two's lowest, nor is the fourth: two in a row; the sixth is; then two aren't
    history = [3.0, 2.0, 2.0, 2.5, 2.1, 1.9, 1.95, 1.9, 1.0]
    found = [rate_of_epoch(plateau, epoch, history[:epoch]) for epoch in range(10)]
    assert found == pytest.approx([1e-5] * 4 + [1e-6] * 4 + [1e-7] * 2)
    # as small a rate as one likes
    falling = [rate_of_epoch(plateau, 9, [1.0] * number) for number in (1, 3, 5, 7, 9)]
    assert falling == pytest.approx([1e-5, 1e-6, 1e-7, 1e-8, 1e-9])


def test_plain_momentum_of_sgd():
    for momentum, second in ((0.0, 0.1), (0.5, 0.1 * (1 + 0.5 * 1.5))):
        module = nn.Linear(1, 1, bias=False)
        optimiser = build_optimiser(
            module, Training(optimiser="sgd", learning_rate=0.1, momentum=momentum, weight_decay=0.0)
        )
        steps = []
        for _ in range(2):
            before = module.weight.item()
            module.weight.grad = torch.ones(1, 1)
            optimiser.step()
            steps.append(before - module.weight.item())
        # Nesterov: the velocity is 1, then 1.5; a step is 1 + momentum times it
        assert steps == pytest.approx([0.1 * (1 + momentum), second], abs=1e-6)


def test_only_the_last_blocks_and_what_is_no_block_are_trained(tmp_path: Path, monkeypatch):
    torch.manual_seed(module_under_test.seed_of(1, "detector"))
    start = {name: value.clone() for name, value in Blocks(1).state_dict().items()}
    with losses(monkeypatch, 1.0, 0.9):
        run(tmp_path, epochs=2, trained_blocks=1, learning_rate=0.05)
    end = tensors(tmp_path)
    moved = {name for name in end if not torch.equal(end[name], start[name])}
    parts = ("0.weight", "0.bias", "1.weight", "1.bias")
    frozen = {f"blocks.{place}.{part}" for place in ("0.0", "1.0") for part in parts}
    parameters = {name for name, _ in Blocks(1).named_parameters()}
    assert parameters & moved == parameters - frozen
    # what the frozen norms have seen is followed
    assert {"blocks.0.0.1.running_mean", "blocks.1.0.1.running_var"} <= moved


def test_blocks_in_stages_are_counted_through_and_a_backbone_s_are_a_network_s():
    module = Blocks(1)
    module.blocks[0].add_module("attention", nn.Conv2d(4, 1, 1))  # no block, as in ICPR's network
    first, second, third = blocks_of(module)
    assert (first, second, third) == (module.blocks[0][0], module.blocks[1][0], module.blocks[1][1])
    around = nn.Module()
    around.backbone, around.head = module, nn.Linear(1, 1)
    freeze_blocks(around, 0, "it")
    trained = {name for name, value in around.named_parameters() if value.requires_grad}
    assert trained == {
        f"{part}.{kind}"
        for part in ("head", "backbone.conv_stem", "backbone.blocks.0.attention", "backbone.classifier")
        for kind in ("weight", "bias")
    }
    freeze_blocks(other := Blocks(1), 3, "it")
    assert all(value.requires_grad for value in other.parameters())
    with pytest.raises(InputError, match=r"it has 3 blocks, fewer than 4; set it to at most 3, or to null"):
        freeze_blocks(Blocks(1), 4, "it")


def test_a_network_without_blocks_is_refused():
    said = "detector.training.trained_blocks: mine has no blocks to freeze, .*; set it to null, or take another"
    with pytest.raises(InputError, match=said):
        freeze_blocks(nn.Sequential(nn.Linear(1, 1)), 3, "mine")


@pytest.mark.parametrize(
    ("history", "rule", "stops"),
    [
        # each lower than the one before it, or not: the first has none before it
        ([1.0, 2.0, 3.0], "in_a_row", True),
        ([1.0, 1.0, 1.0], "in_a_row", True),  # an equal loss is no lower one
        ([1.0, 2.0], "in_a_row", False),
        ([1.0, 3.0, 2.0, 3.0, 2.5, 4.0], "in_a_row", False),  # up and down, never below the first
        ([1.0, 3.0, 2.0, 3.0, 2.5, 4.0], "lowest", True),
        ([5.0, 6.0, 4.0, 4.5, 4.6], "in_a_row", True),
        ([5.0, 4.0, 3.0, 2.0], "in_a_row", False),
    ],
)
def test_patience_in_a_row(tmp_path: Path, history: list[float], rule: str, stops: bool):
    progress = Progress(tmp_path, "name", Training(epochs=9, patience=2, patience_rule=rule))
    for number, loss in enumerate(history):
        progress.add({"epoch": number + 1, "loss": 1.0, "val_loss": loss}, {})
    assert progress.stopped_early == stops
    assert progress.kept == 1 + int(np.argmin(history))


def test_the_last_epoch_may_be_kept_where_patience_counts_in_a_row(tmp_path: Path):
    with pytest.raises(ValueError, match="set keep: best, or patience: null"):
        Training(keep="last", patience=2)
    progress = Progress(tmp_path, "name", Training(epochs=9, patience=1, patience_rule="in_a_row", keep="last"))
    for number, loss in enumerate((1.0, 2.0)):
        progress.add({"epoch": number + 1, "loss": 1.0, "val_loss": loss}, {})
    assert progress.stopped_early and str(progress) == "stopped early after epoch 2 of 9, epoch 2 kept"
    notes = pd.read_csv(tmp_path / "history.csv", keep_default_na=False)["note"]
    assert notes.tolist() == ["", "kept, stopped early"]


def test_a_plateau_needs_validation_images(tmp_path: Path):
    with pytest.raises(InputError, match="detector.training.schedule: plateau .* no validation image; add videos"):
        train(
            settings(schedule="plateau"), Frames(), rows(2, 2), rows(0, 0).reindex(columns=["key", "label"]),
            seed=0, out_dir=tmp_path, classes=SIGMOID,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("training", "rates"),
    [
        ({"schedule": "step", "step_epochs": 2}, [0.01, 0.01, 0.001, 0.001, 0.0001]),
        ({"schedule": "plateau", "plateau_epochs": 1}, [0.01, 0.01, 0.001, 0.001, 0.001]),
        ({"recipe": "hybrid", "batch": 4, "trained_blocks": 1, "step_epochs": 1}, [0.01, 1e-3, 1e-4, 1e-5, 1e-6]),
    ],
    ids=["step", "plateau", "hybrid"],
)
def test_an_interrupted_training_ends_in_the_same_bytes(tmp_path: Path, monkeypatch, training, rates):
    """Interrupted in the fourth epoch, whose rate hangs on those before."""
    what = {"epochs": 5, "optimiser": "sgd", "learning_rate": 0.01} | training
    curve = (3.0, 4.0, 2.5, 2.0, 3.5)
    with losses(monkeypatch, *curve) as found:
        whole = run(tmp_path / "whole", **what)
    assert found == pytest.approx(rates)
    with losses(monkeypatch, *curve[:3]), pytest.raises(IndexError):
        run(tmp_path / "cut", **what)
    assert len(pd.read_csv(tmp_path / "cut/history.csv")) == 3
    with losses(monkeypatch, *curve[3:]) as found:
        assert run(tmp_path / "cut", **what) == whole
    assert found == pytest.approx(rates[3:])
    assert (tmp_path / "cut/history.csv").read_bytes() == (tmp_path / "whole/history.csv").read_bytes()


METHODS = {get_args(model.model_fields["method"].annotation)[0] for model in document.METHODS if model is not Custom}


def test_the_hybrid_s_configuration_is_the_released_training_on_all_five_manipulations():
    mapping = read(ROOT / "config" / "hybrid.yaml")
    config = load_config(mapping)
    given = set(mapping["detector"]["training"]) - {"recipe", "initial_weights", "threads"}
    assert config.detector.training.recipe == "hybrid" and not given
    assert len(config.corpus.categories) == 5 and "FaceShifter" in config.corpus.categories
    found = plan.population(Paths(config, planning=True))
    assert (found.train, found.val, found.explained) == (720 * (5 * 6 + 20), 6 * 140 * 2, 5 * 140 * 3)
    detector = config.detector
    assert (detector.model, detector.threshold, detector.video_score) == ("efficientnet_vit", 0.55, "first_track")
    assert (detector.colour, detector.resizing.fit, detector.std) == ("bgr", "letterbox", (1 / 255,) * 3)
    assert Rule.of(config.faces).words == (
        "square of the longer side of the face's box, times 1, cut off at the frame's edges"
    )
    # all rows have one set of segments, and so one set of controls
    assert set(config.of_kind("control")) == {"random", "centre"}
    assert "FaceForensics" in mapping["corpus"]["root"] and detector.training.initial_weights.path is not None


def test_pino_s_configuration_is_of_one_logit_and_balanced():
    config = load_config(read(ROOT / "config" / "pino.yaml"))
    training = config.detector.training
    assert (training.recipe, training.balance, config.detector.output) == ("pino", "frames", "sigmoid")
    found = plan.population(Paths(config, planning=True))
    # 4 x 720 fakes of 20 frames, and as many originals as there are
    assert (found.train, found.val) == (720 * (4 * 20 + 20), 140 * (4 * 20 + 20))
    assert set(config.of_kind("control")) == {"random", "centre"}


def test_the_docs_have_each_recipe_s_numbers():
    """The table of docs/training.md: a column a recipe."""
    page = (ROOT / "docs/training.md").read_text()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:3] == "| `"]
    columns = {recipe: {line[0]: line[number] for line in table if len(line) == 4} for recipe, number in
               (("hybrid", 2), ("pino", 3))}  # fmt: skip
    said = " ".join(columns["hybrid"])
    for recipe, keys in RECIPES.items():
        assert all(f"`{key}`" in said or key in ("step_epochs", "plateau_epochs", "gamma") for key in keys)
        rates = columns[recipe]["`optimiser`, `learning_rate`"].split(", ")
        assert rates[0] == keys["optimiser"] and float(rates[1]) == keys["learning_rate"]
        assert float(columns[recipe]["`weight_decay`"]) == keys["weight_decay"]
        assert columns[recipe]["`batch`, `epochs`"] == f"{keys['batch']}, {keys['epochs']}"
        assert columns[recipe]["`patience`, `patience_rule`"].startswith(f"{keys['patience']}, ")
        assert columns[recipe]["`schedule`"].startswith(keys["schedule"])
        assert str(keys.get("step_epochs", keys.get("plateau_epochs"))) in columns[recipe]["`schedule`"]
        assert columns[recipe]["`augmentations`"] == keys["augmentations"]
    assert columns["hybrid"]["`frames_per_video`, `frames_per_real`"] == "6, 20"
    assert columns["hybrid"]["`val_frames`"] == "2" and columns["hybrid"]["`trained_blocks`"][:2] == "3:"
