"""The detector's module as white boxes see it: scores that can be differentiated, in batches of one size."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.kernels import PLAIN, Kernels
from advxai.detector.kernels import FORMATS, Cudnn
from advxai.detector.logits import per_class

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class NoModule(InputError):
    """The detector has no module, so no gradients."""


class Network(nn.Module):
    """A detector's module, to be differentiated: normalised images (n, 3, h, w) -> scores (n, classes).

    A class's score is its logit, before the softmax (Selvaraju et al. 2017, section 3). One logit z is the score z of
    the class whose probability the sigmoid is, and -z of the other; the column 0 that stands for the latter in the
    detector's probabilities has no gradient.

    Every forward has `batch` rows, zeros beyond those that are asked for, so that neither a row's score nor its
    gradient depends on its neighbours. It may be given more: then they are several. Hooks see all rows of a forward,
    those that are asked for first.

    The layers are copies of the detector's own, without dropout's noise and without operations in place, which would
    overwrite what hooks keep; their weights have no gradients. Batch norms aren't folded, so every layer has its name
    and its features.

    Forwards and ways back are computed by the detector's kernels. A way back begins where a gradient comes to the
    scores and ends with torch's pass, whoever asks for it.

    Args:
        module: the detector's, in evaluation mode, on the CPU; it stays as it is.
        classes: the detector's.
        device: where to compute.
        batch: rows of every forward.
        count: is told the rows of every forward, such as by `Detector.network`.
        back: is told the rows that a gradient has come back to; None: nobody is.
        kernels: by which torch computes.

    Attributes:
        layers: the copy of the module.
        rows, calls, backwards: rows asked for and forwards so far, and rows that a gradient has come back to.
    """

    def __init__(
        self,
        module: nn.Module,
        classes: Classes,
        device: torch.device,
        batch: int,
        count: Callable[[int], None],
        back: Callable[[int], None] | None = None,
        kernels: Kernels = PLAIN,
    ) -> None:
        super().__init__()
        self.layers = _copied(module)
        self._format, self._cudnn = FORMATS[kernels.layout], Cudnn(kernels, device)
        self.layers.to(device).to(memory_format=self._format)
        for layer in self.layers.modules():
            if getattr(layer, "inplace", False) is True:
                layer.inplace = False  # type: ignore[assignment]
        self.classes, self.device, self.batch = classes, device, batch
        self.rows = self.calls = self.backwards = 0
        self._count, self._told = count, back
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Scores of images; they carry gradients where the images do."""
        return torch.cat([self._scores(part) for part in torch.split(images, self.batch)])

    def _scores(self, images: Tensor) -> Tensor:
        rows = len(images)
        self.rows, self.calls = self.rows + rows, self.calls + 1
        self._count(rows)
        outputs = self._outputs(images)
        if self.classes.positive is not None:
            outputs = torch.cat((outputs, -outputs) if self.classes.positive == 0 else (-outputs, outputs), dim=1)
        if images.requires_grad and torch.is_grad_enabled() and not outputs.requires_grad:
            raise InputError(
                "the detector's scores carry no gradient, for its forward cuts them off (torch.no_grad, detach or the "
                "like): correct it, or take white boxes out"
            )
        if outputs.requires_grad:
            outputs.register_hook(lambda _: self._back(rows))  # type: ignore[no-untyped-call]
        return outputs

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Probabilities (n, classes) of images, at most `batch`, by the module; they aren't counted."""
        return per_class(self._outputs(images), self.classes).softmax(dim=1)

    def _outputs(self, images: Tensor) -> Tensor:
        """The module's outputs for at most `batch` images, in one forward of so many rows."""
        rows = len(images)
        if rows < self.batch:
            images = torch.cat([images, images.new_zeros((self.batch - rows, *images.shape[1:]))])
        with self._cudnn.set():
            outputs: Tensor = self.layers(images.contiguous(memory_format=self._format))
        return outputs.float()[:rows]

    def _back(self, rows: int) -> None:
        self._cudnn.set_for_backward()
        self.backwards += rows
        if self._told:
            self._told(rows)

    def score(self, images: Tensor, targets: Tensor) -> Tensor:
        """The score of each image's target: (n, 3, h, w), (n,) int64 -> (n,)."""
        scores: Tensor = self(images)
        return scores.gather(1, targets[:, None])[:, 0]

    @contextmanager
    def unhooked(self, who: str) -> Iterator[None]:
        """See that neither a hook nor a change is left behind, which would act on the images that come after.

        Raises:
            InputError: a hook is left, which is removed; or a layer is in another mode, or has other weights, buffers
                or another forward. Names the layer.
        """
        before, state = _hooks(self), _states(self)
        try:
            yield
        finally:
            self._cudnn.reset()
            left = {name for name, hooks in _hooks(self).items() if hooks - before[name]}
            for name, layer in self.named_modules():
                for kind in HOOKS:
                    registered = getattr(layer, kind)
                    for key in [key for key in registered if (kind, key) not in before[name]]:
                        del registered[key]
        if left:
            raise InputError(f"{who}: has left hooks on the layer {min(left)}; remove them, also after an error")
        changed = [name or "(the network)" for name, one in _states(self).items() if one != state.get(name)]
        if changed:
            raise InputError(
                f"{who}: has left the layer {changed[-1]} changed (its mode, weights, buffers or forward), on which "
                "the images after it would depend; put it back as it was"
            )


def _copied(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose weights have no gradients.

    Raises:
        InputError: it can't be copied, or not be differentiated so, as a ScriptModule.
    """
    try:
        return copy.deepcopy(module).eval().requires_grad_(False)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a module of the user's own raises
        raise InputError(
            f"the detector's {type(module).__name__} can't be copied to take gradients of it ({error}): white boxes "
            "need a plain torch module, so give one, or take these rows out"
        ) from error


def _states(module: nn.Module) -> dict[str, tuple[object, ...]]:
    """Each layer's mode and forward, and which weights and buffers it has in which version (torch counts changes)."""
    return {
        name: (
            layer.training,
            layer.__dict__.get("forward"),
            *((id(one), one._version, one.requires_grad) for one in layer.parameters(recurse=False)),
            *((id(one), one._version) for one in layer.buffers(recurse=False) if one.is_floating_point()),
        )
        for name, layer in module.named_modules()
    }


def _hooks(module: nn.Module) -> dict[str, set[tuple[str, int]]]:
    return {
        name: {(kind, key) for kind in HOOKS for key in getattr(layer, kind)} for name, layer in module.named_modules()
    }
