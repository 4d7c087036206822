"""A file's tensors as the forms look at them: which family of networks they are of, and how large."""

from dataclasses import dataclass
from functools import cached_property

from advxai.dialects.names import cleaned
from advxai.dialects.outline import Outline

# (blocks, channels of the head) of EfficientNet-B0 to B7
_SIZES = {
    (16, 1280): 0, (23, 1280): 1, (23, 1408): 2, (26, 1536): 3, (32, 1792): 4, (39, 2048): 5, (45, 2304): 6,
    (55, 2560): 7,
}  # fmt: skip
NOMINAL = (224, 240, 260, 300, 380, 456, 528, 600)  # sides of their inputs, in pixels
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Efficient:
    """An EfficientNet among the tensors: under which prefix, which of B0 to B7."""

    prefix: str
    size: int


@dataclass(frozen=True)
class Seen:
    """An outline without what is around the network's names."""

    outline: Outline

    @cached_property
    def _cleaned(self) -> tuple[dict[str, Shape], str]:
        found = cleaned(self.outline.tensors)
        shapes = self.outline.shapes
        return {short: shapes[name] for name, short in found.names.items()}, found.prefix

    @property
    def names(self) -> dict[str, Shape]:
        """Name without the common prefix -> shape."""
        return self._cleaned[0]

    @property
    def prefix(self) -> str:
        """The common prefix, "module.model."; "": none."""
        return self._cleaned[1]

    @cached_property
    def parts(self) -> set[str]:
        """Every part between points of any name."""
        return {part for name in self.outline.tensors for part in name.split(".")}

    def starts(self, start: str) -> bool:
        """Whether any name begins so."""
        return any(name.startswith(start) for name in self.names)

    def side(self, name: str, axis: int = 0) -> int:
        """Length of a tensor's axis; 0: there is none."""
        shape = self.names.get(name, ())
        return shape[axis] if axis < len(shape) else 0

    @cached_property
    def efficientnet_pytorch(self) -> Efficient | None:
        """An EfficientNet by the names of the package efficientnet_pytorch."""
        return self._efficient("_conv_stem.weight", "_conv_head.weight", "_blocks.")

    @cached_property
    def timm(self) -> Efficient | None:
        """An EfficientNet by timm's names."""
        return self._efficient("conv_stem.weight", "conv_head.weight", "blocks.")

    def _efficient(self, stem: str, head: str, blocks: str) -> Efficient | None:
        prefix = next((name.removesuffix(stem) for name in self.names if f".{name}".endswith(f".{stem}")), None)
        if prefix is None:
            return None
        inside = [
            name.removeprefix(prefix + blocks).split(".") for name in self.names if name.startswith(prefix + blocks)
        ]
        # timm counts stages and blocks, the package blocks
        depth = 1 if blocks == "_blocks." else 2
        size = _SIZES.get((len({tuple(parts[:depth]) for parts in inside}), self.side(prefix + head)))
        return None if size is None else Efficient(prefix, size)

    @property
    def xception(self) -> bool:
        """Cadene's Xception by its names, whatever its first layer sees."""
        return {
            "conv1.weight",
            "block1.rep.0.conv1.weight",
            "conv4.pointwise.weight",
            "bn4.weight",
        } <= self.names.keys()

    @property
    def xception_head(self) -> str:
        """The name of its last layer; "": it has another one than Cadene's."""
        return next((one for one in ("last_linear", "last_linear.1") if f"{one}.weight" in self.names), "")

    @property
    def meso(self) -> str:
        """meso4 or meso4Incep by DeepfakeBench's names, with batch norms that layers share; "": neither."""
        if (
            not {"bn1.weight", "bn2.weight", "fc1.weight", "fc2.weight"} <= self.names.keys()
            or "bn3.weight" in self.names
        ):
            return ""
        if self.starts("Incption1_") and self.starts("Incption2_"):
            return "meso4Incep"
        return "meso4" if self.names.get("conv1.weight") == (8, 3, 3, 3) and "conv4.weight" in self.names else ""
