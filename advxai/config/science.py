"""Configuration of the detector, the NES attacks and the evaluation."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from advxai.common.classes import Output
from advxai.config.base import Model, Number, fraction
from advxai.config.dialects import Dialect
from advxai.config.kernels import OF_TORCH, Backend, Device, Kernels, Layout, Precision, fault
from advxai.config.networks import FORWARD_BATCH, NETWORKS, Options, channel_tokens, forward_batch_of, options_of
from advxai.config.testing import Testing
from advxai.config.training import Training

Colour = Literal["rgb", "bgr"]
Fit = Literal["stretch", "letterbox", "pad"]
VideoScore = Literal["mean", "mean_logit", "first_track", "max_face"]
LIKELIEST = "likeliest"
PROJECT = Path(__file__).parents[2]  # config.yaml lies there, from wherever the workflow is started


def _threshold(value: object) -> object:
    number = fraction(value) if value != LIKELIEST else value
    if number != LIKELIEST and not (isinstance(number, int | float) and 0 < number < 1):
        raise ValueError(f"must be above 0 and below 1, or {LIKELIEST}")
    return number


Threshold = Annotated[float | Literal["likeliest"], BeforeValidator(_threshold)]


class Resize(Model):
    """How a crop becomes the detector's input."""

    library: Literal["torch", "opencv", "pillow"] = Field(
        "torch", description="Whose arithmetic: torch's on floats, OpenCV's or Pillow's on bytes."
    )
    interpolation: Literal["bicubic", "bilinear", "area", "area_or_bicubic"] = Field(
        "bicubic", description="area_or_bicubic: area where the crop gets smaller, bicubic where it gets larger."
    )
    fit: Fit = Field(
        "stretch",
        description="stretch: both sides to input_size. letterbox: the longer side, the shorter in proportion, centred "
        "on black. pad: a smaller crop is centred on black, a larger one stretched.",
    )


class Detector(Model):
    """The deepfake detector: any timm model, or your own."""

    model: str = Field(
        "tf_efficientnetv2_b0",
        description="timm name; a network of ours: meso4 or mesoinception4, efficientnet_pytorch_b0 to _b7 (with the "
        "paddings of efficientnet_pytorch 0.7; efficientnet_pytorch06_*: of 0.6), deepfakebench_effnb4, "
        "deepfakebench_meso4, deepfakebench_mesoinception4, icpr_autoatt_b4, icpr_st_b4, icpr_autoattst_b4 "
        "(icpr07_*: with those of 0.7), efficientnet_vit, efficient_vit, cross_efficient_vit, efficientnet_ltpa, "
        "efficientnet_autoatt (`network` says on which backbone); or `module:factory` returning a torch module.",
    )
    network: Options | None = Field(
        None, description="What can be chosen of efficientnet_vit and the like. null: as these networks have it."
    )
    checkpoint: str | None = Field(
        None,
        min_length=1,
        description="Trained weights: a Lightning checkpoint, safetensors, Keras's HDF5 of the two Mesos, a hub's "
        "folder (config.json, preprocessor_config.json, model.safetensors), an ONNX file, or known:NAME (`python -m "
        "advxai detectors` lists them). null: train on the corpus.",
    )
    dialect: Dialect | None = Field(
        None,
        description="What form of file `checkpoint` has, where its tensors' names don't tell it from another: its "
        "model, classes, input and crop are then those of that form's detector. plain: of no such form, the "
        "configuration says all. null: as the file's names and what is around them tell.",
    )
    trained: str | None = Field(
        None,
        min_length=1,
        description="Weights that this very training has made, to be taken instead of training here as long as model, "
        "training, seed and the clips that are learnt from are those that they say (`make demo-detector`); a relative "
        "path is looked for here, then beside the Snakefile. null: train.",
    )
    classes: list[str] | None = Field(
        None,
        min_length=2,
        description="Names of the classes in the order of the network's outputs. A category of the corpus belongs to "
        "the class of its own name, else to the only fake one; else the detector has no class for it. null: what the "
        "file of weights says; else Real and Fake for the Mesos and the networks deepfakebench_*, icpr* and those "
        "with `network`, FF++'s five for others.",
    )
    real: str | None = Field(
        None,
        min_length=1,
        description="The class of genuine images; to be given where none is called Real. null: as the file of weights "
        "says, else Real.",
    )
    output: Output | None = Field(
        None,
        description="softmax over one logit a class, or sigmoid of a single logit, for two classes. null: as the file "
        "of weights says, else sigmoid for meso4, mesoinception4, icpr* and those with `network`, softmax for others.",
    )
    positive: str | None = Field(
        None,
        min_length=1,
        description="Whose probability the sigmoid is. null: as the file of weights says, else Real for meso4 and "
        "mesoinception4, the fake class for others.",
    )
    threshold: Threshold | None = Field(
        None,
        description="An image is called fake at p(fake), the sum over all classes but `real`, >= threshold; likeliest: "
        "when its likeliest class isn't `real`. Copies, maps and attacks depend on it. null: as `checkpoint` says, "
        "else likeliest.",
    )
    input_size: int = Field(224, ge=32, le=1024, description="Side of the input, in pixels.")
    mean: tuple[Number, Number, Number] | None = Field(None, description="Normalisation; null: the model's own (timm).")
    std: tuple[Number, Number, Number] | None = Field(None, description="Normalisation; null: the model's own (timm).")
    colour: Colour | None = Field(
        None,
        description="Order of the channels that the network was trained on; mean and std are in the order red, green, "
        "blue. null: as `checkpoint` says, else bgr for the hybrids (*_vit), rgb for others.",
    )
    resize: Resize | None = Field(
        None,
        description="From the crop to the input. null: as `checkpoint` says, else OpenCV's area_or_bicubic, "
        "letterboxed, for the hybrids (*_vit), torch's bicubic, stretched, for others.",
    )
    video_score: VideoScore | None = Field(
        None,
        description="A video's answer: the mean of its frames' probabilities; softmax or sigmoid of the mean_logit; "
        "first_track: the mean of the first of its faces whose mean p(fake) is above .55, else of the means of all its "
        "faces; max_face: of each frame the face that is the likeliest fake, then the mean. null: as `checkpoint` "
        "says, else mean.",
    )
    device: Device = Field("cpu", description="Where every forward runs; part of the digests.")
    backend: Backend = Field(
        "torch",
        description="What computes the forwards: torch; inductor, the module compiled by torch.compile, which fuses "
        "what follows a convolution and needs a C++ compiler; openvino or onnxruntime, on a CPU only. `make tune` says "
        "which is fastest on a machine. Part of the digests.",
    )
    precision: Precision = Field(
        "float32",
        description="tf32: convolutions round what they multiply to TF32, torch's default on a GPU (Ampere or newer), "
        "about twice as fast; NES and maps then differ (docs/protocols.md says where it may be set). Part of the "
        "digests.",
    )
    layout: Layout = Field(
        "channels_last",
        description="Memory format of the backends torch and inductor; on a GPU in float32 contiguous may be faster. "
        "Part of the digests: `make tune` measures.",
    )
    cudnn_benchmark: bool = Field(
        False,
        description="cuDNN times its kernels and takes the fastest: another process may take others, so that results "
        "differ in their last bits. Part of the digests.",
    )
    forward_batch: int = Field(
        FORWARD_BATCH,
        ge=1,
        le=4096,
        description="Images in every forward, the last one padded; part of the digests. Where it isn't given, "
        "efficientnet_vit with `tokens: channels` has 8: its attention takes 34 MB an image and block.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="CPU threads of every forward: they change roundings, so they are part of the digests.",
    )
    training: Training = Field(Training(), description="Used when `checkpoint` is null.")
    testing: Testing = Field(Testing(), description="The test on the corpus's test split.")

    @model_validator(mode="after")
    def _own_network(self) -> "Detector":
        """What a network of ours sees is known; not as if it had been given, for a file may know better."""
        if self.model in NETWORKS:
            network, given = NETWORKS[self.model], self.given
            own: dict[str, Any] = {"input_size": network.input_size, "mean": network.mean, "std": network.std}
            own |= network.input
            if "resize" in own:
                own["resize"] = Resize.model_validate(own["resize"])
            self.__dict__.update({name: value for name, value in own.items() if name not in given})
        asked = {} if self.network is None else self.network.model_dump(exclude_none=True)
        has = NETWORKS[self.model].options if self.model in NETWORKS else {}
        for name in asked:
            if name not in has:
                own_options = ", ".join(has) or "none"
                raise ValueError(f"network.{name}: {self.model} has no such option (it has {own_options}); take it out")
        if "forward_batch" not in self.given:
            self.__dict__["forward_batch"] = forward_batch_of(self.model, self.network)
        # without `tokens`, the checkpoint says what its tokens are
        if asked.get("tokens", None if self.checkpoint else has.get("tokens")) == "channels":
            for name in ("stride", "width"):
                if asked.get(name, has[name]) != has[name]:
                    raise ValueError(
                        f"network.{name}: is for tokens: places (with tokens: channels they are of the last map, and "
                        "as wide as it has places); take it out, or set network.tokens to places"
                    )
        return self

    @property
    def given(self) -> set[str]:
        """Keys that somebody has set, other than to null."""
        return {name for name in self.model_fields_set if getattr(self, name) is not None}

    @property
    def built_by(self) -> dict[str, Any]:
        """What else determines a detector, besides the keys themselves: how a letterbox is laid (2: in the released
        codes' floats; before, in whole numbers), the network's options, and that its backbone ends at the map which is
        read (files from before hold what lies behind, too). Each only where it says something."""
        options = options_of(self.model, self.network)
        return {
            **({"letterbox": 2} if self.resizing.fit == "letterbox" else {}),
            **({"network": options} if options else {}),
            **({"backbone": "cut"} if options.get("stride", 32) < 32 else {}),
        }

    @property
    def channel_tokens(self) -> bool:
        """Whether the network's tokens are mixtures of channels, which lie nowhere."""
        return channel_tokens(self.model, self.network)

    @property
    def resizing(self) -> Resize:
        """From the crop to the input, whether anybody has said it or not."""
        return self.resize or Resize()

    @property
    def trained_file(self) -> str | None:
        """Where `trained` lies: here, else beside the Snakefile if it is there."""
        if self.trained is None or os.path.exists(self.trained):
            return self.trained
        beside = str(PROJECT / self.trained)
        return beside if os.path.exists(beside) else self.trained

    @property
    def kernels(self) -> Kernels:
        """By which kernels torch computes the module."""
        return Kernels(self.precision, self.layout, self.cudnn_benchmark)

    def on(self, device: Device) -> "Detector":
        """These settings on another device: there is no TF32 on a CPU, and some backends are only there."""
        changed: dict[str, Any] = {"device": device}
        if device == "cpu":
            changed |= {"precision": "float32", "cudnn_benchmark": False}
        elif self.backend not in OF_TORCH:
            changed["backend"] = "torch"
        return self.model_copy(update=changed)

    @property
    def uncompiled(self) -> "Detector":
        """These settings where next to nothing is computed: to compile the module would take longer."""
        return self.model_copy(update={"backend": "torch"}) if self.backend == "inductor" else self

    @model_validator(mode="after")
    def _computable(self) -> "Detector":
        said = fault(self.backend, self.device, self.precision, self.layout, self.cudnn_benchmark)
        if said:
            raise ValueError(said)
        return self


class Nes(Model):
    """Natural Evolution Strategies (paper, section 3, algorithm 1). The last four keys are switches of the protocol."""

    alpha: Number = Field(1 / 255, gt=0, description="Step of each pixel in an iteration.")
    delta: Number = Field(
        16 / 255,
        gt=0,
        description="Bound of a step (paper's clip; it never acts while alpha < delta); with `project` of their sum.",
    )
    sigma: Number = Field(0.001, gt=0, description="Search standard deviation.")
    samples: int = Field(40, ge=1, description="Noise draws n an iteration; antithetic, so 2n forwards.")
    iterations: int = Field(80, ge=1, le=32767, description="At most so many iterations.")
    units: Literal["normalised", "pixel"] = Field(
        "normalised", description="What alpha, delta and sigma count in: the normalised or the [0, 1] image."
    )
    project: bool = Field(False, description="Keep the total distortion within delta, and every pixel in [0, 1].")
    noise: Literal["shared", "per_channel"] = Field(
        "shared", description="One noise value a pixel for all three channels, or one for each."
    )
    objective: Literal["probability", "log_odds"] = Field(
        "probability", description="What NES raises: the probability of Real, or its log-odds."
    )

    @property
    def step(self) -> float:
        """What an iteration moves a pixel by, in `units`: alpha, which delta bounds (released code)."""
        return min(self.alpha, self.delta)

    def forwards(self, iterations: int | None = None) -> int:
        """Images through the detector of an attack that ends after `iterations`; None: after as many as are allowed."""
        made = self.iterations if iterations is None else min(iterations, self.iterations)
        return made * (2 * self.samples + 1) + 1

    @property
    def channels(self) -> int:
        """Channels of the noise and of the step map."""
        return 1 if self.noise == "shared" else 3


class Adversary(Nes):
    """The adversarial copy of each image that the `adversarial` baseline fills in with."""


class Evaluation(Nes):
    """Segment attacks: NES restricted to the top-k segments."""

    iterations: int = Field(50, ge=1, le=32767, description="At most so many iterations.")
    top: int = Field(3, ge=1, le=10, description="Attack the top-1 ... top-k segments.")
    population: Literal["ranked", "all"] = Field(
        "ranked",
        description="An image of which an explainer ranks fewer than `top` segments leaves its rows, or (all) the "
        "ranking goes on by score.",
    )


class Threads(Model):
    """CPU threads of a job of the stages that do no forward of the detector; they change no number."""

    corpus: int = Field(1, ge=1)
    faces: int = Field(1, ge=1)


class Report(Model):
    """How figures and the report are drawn; changes no number."""

    dpi: int = Field(150, ge=50, le=1200, description="Resolution of the PNG figures, in dots an inch.")
    tile: int = Field(160, ge=32, le=1024, description="Side of the pictures in the report's gallery, in pixels.")
    one_file_mb: int = Field(
        15,
        ge=0,
        description="A report of at most so many MB is one file, report.html; a larger one has a folder beside it.",
    )


class Cases(Model):
    """What `results/<run>/cases/<key>` exports."""

    weights: bool = Field(True, description="Put the detector's weights into the bundle; a replay needs them.")


class Explain(Model):
    """What `snakemake explain --config image=...` and `python -m advxai explain` make; changes nothing of the run."""

    explainers: list[str] | None = Field(
        None, min_length=1, description="Rows of `explainers` to explain by; null: all of them."
    )
    frames: int = Field(6, ge=1, le=60, description="Equidistant frames of a video to explain.")
    whole: bool = Field(
        False, description="Take the whole picture as a crop of a face, instead of looking for faces in it."
    )
    video: bool | None = Field(
        None,
        description="Of a video also explain a clip as one, by the rows of `video.explainers` that can, and make its "
        "films; null: where the configuration has `video`.",
    )


class Plan(Model):
    """What `snakemake plan` goes by; changes nothing else."""

    rate: Number | None = Field(
        None,
        gt=0,
        description="Images a second through the detector in one process on the machine that is to do the work, of the "
        "stages: what `make gpu` measures for NES on a GPU, where the raw rate of `make tune` was 1.3 to 1.4 times "
        "that on an H100 (docs/scaling.md); on a CPU `make tune`'s. null: measured here, for ten seconds, raw.",
    )
    like: str | None = Field(
        None,
        min_length=1,
        description="What attacks are expected to take that the store has none of yet: the folder of a finished run "
        "with the same settings of NES, results/<run>, or a file of lengths, as config/demo-lengths.json (the demo's "
        "detector at the paper's settings, which config.yaml hasn't); a relative path is looked for here, in "
        "`results`, then beside the Snakefile. null: the paper's mean for the copies, all that is allowed for segment "
        "attacks.",
    )


class Prune(Model):
    """What `snakemake prune` does; it is the only thing that deletes finished work."""

    configurations: list[str] = Field(
        [], description="Further configuration files whose files in the store are kept, besides the run's own."
    )
    delete: bool = Field(False, description="Delete what is listed, instead of only listing it.")
