"""The detector: one class through which every forward of every stage goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from advxai.common.arrays import Pixels
from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.config.kernels import PLAIN, Kernels
from advxai.config.science import Colour, Resize
from advxai.detector.backends import build
from advxai.detector.gradients import Network, NoModule
from advxai.detector.graph import Graph
from advxai.detector.logits import ANOTHER, per_class
from advxai.detector.transfer import moved
from advxai.media.fit import STRETCH, how_of, lies_in, unit_of


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the network's input.

    Attributes:
        input_size: side in pixels.
        mean, std: per channel (red, green, blue), in units of the [0, 1] image.
        resize: how a crop becomes a square of that side; by default bicubic without antialias (paper, section 4.3).
        colour: order of the channels that the network was trained on. The module turns them around itself
            (`advxai.detector.build.build_module`): here all is red first.
    """

    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: Resize = STRETCH
    colour: Colour = "rgb"

    def unit(self, image: Pixels) -> Tensor:
        """RGB uint8 (h, w, 3) -> float32 (3, size, size) in [0, 1]; black where the crop doesn't reach."""
        if self.resize.library != "torch":
            return torch.from_numpy(unit_of(image, self.input_size, self.resize)).permute(2, 0, 1).contiguous()
        tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
        crop = (image.shape[0], image.shape[1])
        part = lies_in(crop, self.input_size, self.resize.fit)
        if crop != (part.height, part.width):
            how = how_of(self.resize, crop, part)
            corners = {} if how == "area" else {"align_corners": False, "antialias": False}
            tensor = nn.functional.interpolate(tensor, (part.height, part.width), mode=how, **corners)
        unit = tensor[0].clamp(0, 1)
        if part == (0, 0, self.input_size, self.input_size):
            return unit
        right, bottom = self.input_size - part.left - part.width, self.input_size - part.top - part.height
        return nn.functional.pad(unit, (part.left, right, part.top, bottom))

    def channels(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and std (3, 1, 1), of an image's type and on its device, which isn't waited for."""
        mean, std = (
            moved(torch.tensor(value, dtype=like.dtype), like.device)[:, None, None] for value in (self.mean, self.std)
        )
        return mean, std

    def normalise(self, unit: Tensor) -> Tensor:
        """[0, 1] (..., 3, h, w) -> normalised, same shape."""
        mean, std = self.channels(unit)
        return (unit - mean) / std

    def normalised(self, image: Pixels) -> Tensor:
        """RGB uint8 (h, w, 3) -> the module's input, float32 (3, size, size)."""
        return self.normalise(self.unit(image))

    def to_unit(self, normalised: Tensor) -> Tensor:
        """Inverse of `normalise`; values outside the valid range are kept as they are."""
        mean, std = self.channels(normalised)
        return normalised * std + mean


class Detector:
    """A classifier of face images with a fixed forward batch.

    Every forward has `forward_batch` rows, the last one padded, so that a row's answer doesn't depend on its
    neighbours.

    Args:
        network: a module that maps (n, 3, h, w) normalised float32 to `classes.outputs` logits a row, put in evaluation
            mode, on the CPU; or such a module's graph, for OpenVINO and ONNX Runtime.
        preprocessing: from pixels to the module's input.
        classes: what the outputs are; names alone: of a softmax, one of them "Real".
        device: torch device.
        forward_batch: rows of every forward.
        backend: what computes them, see `advxai.detector.backends`; with as many CPU threads as torch has now.
        kernels: by which torch computes the module, also for gradients (`network`), whatever the backend is.
        source: file of the weights, for messages.
        rebuild: makes the module of a graph that was given; None: there is none.

    Raises:
        InputError: the backend isn't installed or can't compute the module, the module returns no logits, or there are
            no such kernels on the device.

    Attributes:
        module: as given, forwards don't go through it; None: a graph was given, and nobody has asked for its network.
        graph: what OpenVINO or ONNX Runtime compute; None of torch and inductor.
        named: the detector in messages: the file of its weights, if there is one.
        images: rows that were asked for so far (padding isn't counted).
        calls: forwards so far.
        backwards: images that a gradient has come back to so far (`network`).
        watcher: told the rows that are asked for, forward by forward, such as a progress bar; None: nobody is.
    """

    def __init__(
        self,
        network: nn.Module | Graph,
        preprocessing: Preprocessing,
        *,
        classes: Classes | Sequence[str] = FIVE,
        device: str = "cpu",
        forward_batch: int = 64,
        backend: str = "torch",
        kernels: Kernels = PLAIN,
        source: Path | None = None,
        rebuild: Callable[[], nn.Module] | None = None,
    ) -> None:
        self.module = network.eval() if isinstance(network, nn.Module) else None
        self.preprocessing = preprocessing
        self.classes = classes if isinstance(classes, Classes) else Classes.named(classes)
        self.device = torch.device(device)
        self.forward_batch = forward_batch
        self.shape = (forward_batch, 3, preprocessing.input_size, preprocessing.input_size)
        self._rebuild = rebuild
        self.named = "the detector" if source is None else str(source)
        self.kernels = kernels
        self.backend, self.graph = build(backend, network, self.shape, self.device, self.classes, self.named, kernels)
        self.images = 0
        self.calls = 0
        self.backwards = 0
        self.watcher: Callable[[int], None] | None = None

    @property
    def real(self) -> int:
        """Index of the class of genuine images."""
        return self.classes.real

    @property
    def spent(self) -> dict[str, int]:
        """The counters: images and calls, and backwards, if there are any."""
        back = {"backwards": self.backwards} if self.backwards else {}
        return {"images": self.images, "calls": self.calls, **back}

    def empty_batch(self) -> Tensor:
        """A zeroed batch (forward_batch, 3, size, size) on the device, to be filled for `forward`."""
        return torch.zeros(self.shape, device=self.device).to(memory_format=self.backend.layout)

    def place(self, image: Tensor) -> Tensor:
        """An image (3, h, w) on the device, in memory as `forward` likes it: batches made of it then need no copy."""
        image = image[None].contiguous(memory_format=self.backend.layout)  # `to` leaves channels last as it is
        return moved(image, self.device)[0]

    def takes(self, rows: Tensor) -> bool:
        """Whether these rows are a batch for `forward` as they lie in memory."""
        return rows.shape == self.shape and rows.is_contiguous(memory_format=self.backend.layout)

    @torch.inference_mode()
    def forward(self, batch: Tensor, rows: int, foreseen: int = 0) -> Tensor:
        """One forward of a full batch.

        Args:
            batch: (forward_batch, 3, size, size) normalised float32, one of `empty_batch` or one that it `takes`.
            rows: how many of its rows are asked for.
            foreseen: how many behind these may be asked for later, and are counted only then (`asked`); the rest is
                padding.

        Returns:
            Probabilities (rows + foreseen, classes) float32, not looked at: `require_numbers` does.
        """
        if len(batch) != self.forward_batch:
            raise ValueError(f"a forward takes {self.forward_batch} rows, not {len(batch)}")
        self._count(rows)
        return per_class(self.backend(batch).float(), self.classes).softmax(dim=1)[: rows + foreseen]

    def network(self, batch: int | None = None) -> Network:
        """The module, to take gradients of; what goes through it is counted as what goes through the detector.

        Args:
            batch: rows of every forward and backward; None: as many as of every forward.

        Raises:
            NoModule: there is none, as of an ONNX file.
            InputError: the file of the weights can't be read any more.
        """
        if self.module is None:
            if self._rebuild is None:
                raise NoModule(f"{self.named} is a graph of ONNX, which has no gradients")
            self.module = self._rebuild().eval()
        rows = batch or self.forward_batch
        return Network(self.module, self.classes, self.device, rows, self._count, self._back, self.kernels)

    def _count(self, rows: int) -> None:
        self.calls += 1
        self.asked(rows)

    def asked(self, rows: int) -> None:
        """Count rows that are asked for; those of a forward are counted with it, unless they were foreseen."""
        self.images += rows
        if self.watcher and rows:
            self.watcher(rows)

    def _back(self, rows: int) -> None:
        self.backwards += rows

    def wait(self) -> None:
        """Until the device has computed what it was given, so that a clock shows it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def require_numbers(self, answers: Tensor, names: Sequence[str]) -> None:
        """Refuse NaN and infinity, of which argmax would make the first class.

        Args:
            answers: (n, classes) probabilities.
            names: of the n images, for the message; may be empty.

        Raises:
            InputError: names the first image whose answer isn't finite.
        """
        if bool(answers.isfinite().all()):
            return
        row = int((~answers.isfinite()).any(dim=1).nonzero()[0])
        image = f"{names[row]}: " if names else ""
        raise InputError(f"{image}{self.named} answers with NaN or infinity instead of probabilities; {ANOTHER}")

    def probabilities(self, images: Tensor, names: Sequence[str] = ()) -> Tensor:
        """Class probabilities (n, classes) float32 of normalised images (n, 3, size, size).

        Args:
            images: on the detector's device.
            names: their n keys, for a message.

        Raises:
            InputError: an answer is NaN or infinite; names the image.
        """
        batch = self.empty_batch()
        answers = []
        for part in torch.split(images, self.forward_batch):
            batch[: len(part)] = part
            answers.append(self.forward(batch, len(part)))
        found = torch.cat(answers) if answers else torch.empty((0, len(self.classes.names)), device=self.device)
        self.require_numbers(found, names)
        return found
