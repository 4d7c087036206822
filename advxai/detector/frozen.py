"""Freezing the first blocks of a network, so that a training changes the last ones and what is no block alone."""

from torch import nn

from advxai.common.errors import InputError


def freeze_blocks(module: nn.Module, trained: int, model: str) -> None:
    """Take the gradients off the parameters of all blocks but the last ones.

    What is no block stays: the stem, the last convolution and its norm, a head, a transformer behind it all. Running
    statistics of frozen batch norms follow the images all the same, as they did in the released training.

    Args:
        module: timm's network, or one that stands on such a one as its attribute `backbone`; with `blocks`, of which
            those in stages are counted through (16 of an EfficientNet-B0).
        trained: how many blocks are trained.
        model: its name, in a message.

    Raises:
        InputError: it has no blocks, or fewer than that.
    """
    blocks = blocks_of(module)
    if not blocks:
        raise InputError(
            f"detector.training.trained_blocks: {model} has no blocks to freeze, as timm's EfficientNets have; set it "
            "to null, or take another detector.model"
        )
    if trained > len(blocks):
        raise InputError(
            f"detector.training.trained_blocks: {model} has {len(blocks)} blocks, fewer than {trained}; set it to at "
            f"most {len(blocks)}, or to null, by which all are trained"
        )
    for block in blocks[: len(blocks) - trained]:
        block.requires_grad_(False)


def blocks_of(module: nn.Module) -> list[nn.Module]:
    """The blocks of timm's network that a module is or stands on, in the order of computation; none: it has none."""
    network = getattr(module, "backbone", module)
    stages = getattr(network, "blocks", None)
    if not isinstance(stages, nn.Sequential | nn.ModuleList):
        return []
    return [block for stage in stages for block in (_numbered(stage) if isinstance(stage, nn.Sequential) else [stage])]


def _numbered(stage: nn.Sequential) -> list[nn.Module]:
    """A stage's blocks, without what else has been put into it under a name, as ICPR's attention is."""
    return [block for name, block in stage.named_children() if name.isdecimal()]
