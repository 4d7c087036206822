"""Configuration of a detector's training, and the recipes: sets of its keys under one name."""

from typing import Any, Literal

from pydantic import Field, model_validator

from advxai.config.base import Medium, Model, Number
from advxai.config.data import Manipulation

Recipe = Literal["hybrid", "pino"]
Augmentations = Literal["ours", "hybrid", "dfdc"]

# What each sets; whatever a configuration says itself counts. `docs/training.md` says where each number is from.
RECIPES: dict[str, dict[str, Any]] = {
    "hybrid": {
        "epochs": 100,
        "batch": 16,
        "optimiser": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.0,
        "weight_decay": 1e-7,
        "schedule": "step",
        "step_epochs": 15,
        "gamma": 0.1,
        "balance": "weights",
        "frames_per_video": 6,
        "frames_per_real": 20,
        "val_frames": 2,
        "tracks": "first",
        "trained_blocks": 3,
        "augmentations": "hybrid",
        "patience": 5,
        "patience_rule": "in_a_row",
    },
    "pino": {
        "epochs": 20,
        "batch": 32,
        "optimiser": "adam",
        "learning_rate": 1e-5,
        "weight_decay": 0.0,
        "schedule": "plateau",
        "plateau_epochs": 2,
        "gamma": 0.1,
        "balance": "frames",
        "augmentations": "dfdc",
        "patience": 5,
    },
}
# Keys that are younger than many a detector: at their defaults they are in no digest.
LATER_KEYS = (
    "momentum", "schedule", "step_epochs", "plateau_epochs", "gamma", "balance", "frames_per_real", "val_frames",
    "tracks", "trained_blocks", "augmentations", "patience_rule",
)  # fmt: skip


class Training(Model):
    """How a detector is trained on the corpus's train split; validation picks the epoch."""

    recipe: Recipe | None = Field(
        None,
        description="Other defaults of the keys below, which count if they are given all the same. hybrid: as the "
        "hybrid of EfficientNet and transformer was trained; pino: as EfficientNets for DFDC were; docs/training.md "
        "has both. In no digest: what it sets is.",
    )
    categories: list[Manipulation] | None = Field(
        None,
        min_length=1,
        description="Manipulations of corpus.categories to learn from, besides the originals. null: all that the "
        "detector has a class for.",
    )
    epochs: int = Field(20, ge=1, description="Passes over the training frames.")
    batch: int = Field(32, ge=2, description="Images an optimiser step.")
    optimiser: Literal["adamw", "adam", "sgd"] = Field("adamw", description="sgd: with `momentum`.")
    learning_rate: Number = Field(1e-3, gt=0, description="Peak learning rate; `schedule` says how it changes.")
    momentum: Number = Field(0.9, ge=0, lt=1, description="Of sgd: Nesterov's momentum; 0: none.")
    schedule: Literal["cosine", "step", "plateau"] = Field(
        "cosine",
        description="The learning rate. cosine: linear warm-up over a tenth of the steps, then a cosine to nearly 0. "
        "step: times `gamma` after every `step_epochs` epochs. plateau: times `gamma` after `plateau_epochs` epochs "
        "without a lower validation loss.",
    )
    step_epochs: int = Field(15, ge=1, description="Of schedule: step.")
    plateau_epochs: int = Field(2, ge=1, description="Of schedule: plateau.")
    gamma: Number = Field(0.1, gt=0, lt=1, description="Of step and plateau: what the learning rate is multiplied by.")
    weight_decay: Number = Field(
        0.01, ge=0, description="Weight decay: decoupled with adamw, an L2 penalty with adam and sgd."
    )
    label_smoothing: Number = Field(0.0, ge=0, lt=1, description="Label smoothing of the cross-entropy.")
    balance: Literal["frames", "weights"] = Field(
        "frames",
        description="Classes that are rarer than others. frames: originals give as many images as the largest class of "
        "fakes. weights: each video gives its own number of frames, and a class's loss, validation's too, is "
        "multiplied by the number of original training images over that of its own (of a single logit for the fake "
        "class: torch's pos_weight).",
    )
    frames_per_video: int = Field(
        20,
        ge=1,
        description="Equidistant frames of a fake video; with `balance: frames` originals give more: in all as many "
        "images as the largest class of fakes.",
    )
    frames_per_real: int | None = Field(
        None,
        ge=1,
        description="With `balance: weights`: equidistant frames of an original video. null: as of a fake one.",
    )
    val_frames: int | None = Field(
        None, ge=1, description="Equidistant frames of a validation video, instead of those two. null: as in training."
    )
    tracks: Literal["all", "first"] = Field(
        "all",
        description="Of a video with several faces that are followed (`faces.tracks`): learn and validate on all of "
        "them, or on the first alone.",
    )
    trained_blocks: int | None = Field(
        None,
        ge=0,
        description="Of the blocks of timm's network that the detector is or stands on, the last so many are trained "
        "and the others frozen; what is no block (stem, last convolution, head) is trained, and batch norms of frozen "
        "blocks follow the images all the same. null: all are trained.",
    )
    augment: bool = Field(True, description="Change the training images at random, as `augmentations` says.")
    augmentations: Augmentations = Field(
        "ours",
        description="ours: flips, shifts, brightness and JPEG compression. hybrid: compression, noise, flips, three "
        "resizings, colours, grey, shifts, scales and turns. dfdc: downscaling, flips, colours, noise, compression.",
    )
    threads: int = Field(2, ge=1, le=256, description="CPU threads of the training; part of the digest.")
    jpeg: int = Field(
        50,
        ge=1,
        le=100,
        description="Of augmentations: ours: lowest quality of the JPEG compression, of half of the images.",
    )
    blur: Number = Field(
        0.0,
        ge=0,
        le=1,
        description="Of augmentations: ours: share of the images that are blurred (Gaussian, sigma 0.1 to 2 pixels).",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after so many epochs without a lower validation loss; null: train all epochs."
    )
    patience_rule: Literal["lowest", "in_a_row"] = Field(
        "lowest",
        description="Lower than what. lowest: than the lowest so far. in_a_row: than that of the epoch before; a "
        "loss that rises and falls by turns never stops it.",
    )
    keep: Literal["best", "last"] = Field(
        "best",
        description="Which epoch's weights are kept: that of the lowest validation loss, or the last one. Of a few "
        "validation videos the lowest loss may be chance, at a learning rate that is still high.",
    )
    mixed_precision: bool = Field(False, description="Float16 where torch's autocast allows it; needs device cuda.")
    initial_weights: Medium | None = Field(
        None,
        description="ImageNet weights to start from, of the network or of the backbone that it stands on (.pth or "
        ".safetensors; docs/training.md says which files); null: from scratch.",
    )

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, value: Any) -> Any:
        """The recipe's keys beneath those that are given."""
        recipe = value.get("recipe") if isinstance(value, dict) else None
        return RECIPES[recipe] | value if isinstance(recipe, str) and recipe in RECIPES else value

    @model_validator(mode="after")
    def _either(self) -> "Training":
        if self.keep == "last" and self.patience is not None and self.patience_rule == "lowest":
            raise ValueError("patience waits for a lower validation loss: set keep: best, or patience: null")
        return self

    def frames_of(self, split: str) -> tuple[int, int]:
        """Frames of a fake video and of an original one, the latter with `balance: weights` alone."""
        if split == "val" and self.val_frames is not None:
            return self.val_frames, self.val_frames
        return self.frames_per_video, self.frames_per_real or self.frames_per_video

    @property
    def determining(self) -> dict[str, Any]:
        """What it has to do with the trained weights, categories and initial weights apart: without recipe, and
        without keys that are younger than many a detector where they are at their defaults."""
        return _without_defaults(self.model_dump(mode="json", exclude={"recipe", "initial_weights", "categories"}))

    @property
    def in_words(self) -> str:
        """The recipe, and the keys that aren't at their defaults: `recipe hybrid: epochs 100, batch 16, ...`."""
        named = f"recipe {self.recipe}" if self.recipe else "no recipe"
        mine = self.model_dump(mode="json", exclude={"recipe", "initial_weights", "categories"}, exclude_defaults=True)
        said = {name: "null" if value is None else value for name, value in mine.items()}
        said |= {"categories": "+".join(self.categories)} if self.categories else {}
        if weights := self.initial_weights:
            said["initial_weights"] = weights.path or weights.file or ""
        return (
            f"{named}: {', '.join(f'{name} {value}' for name, value in said.items()) or 'all keys at their defaults'}"
        )

    @property
    def acting(self) -> dict[str, Any]:
        """As `determining`; settings that can't act count as their defaults."""
        params = self.model_dump(exclude={"recipe", "initial_weights", "categories"})
        if self.patience is not None and self.patience >= self.epochs - 1:
            params["patience"] = None
        idle = {
            "jpeg": not self.augment or self.augmentations != "ours",
            "blur": not self.augment or self.augmentations != "ours",
            "augmentations": not self.augment,
            "momentum": self.optimiser != "sgd",
            "step_epochs": self.schedule != "step",
            "plateau_epochs": self.schedule != "plateau",
            "gamma": self.schedule == "cosine",
            "frames_per_real": self.balance == "frames",
            "patience_rule": params["patience"] is None,
        }
        fields = type(self).model_fields
        params |= {name: fields[name].default for name, is_idle in idle.items() if is_idle}
        if params["keep"] == fields["keep"].default:  # younger than many a detector, too
            del params["keep"]
        return _without_defaults(params)


def _without_defaults(params: dict[str, Any]) -> dict[str, Any]:
    fields = Training.model_fields
    return {name: value for name, value in params.items() if name not in LATER_KEYS or value != fields[name].default}
