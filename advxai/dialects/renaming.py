"""From a checkpoint's names of tensors to those of the network here; without torch.

Most detectors are networks that timm has, too, written by somebody else: the tensors are the same, their names aren't.
What a name becomes hangs on the network alone, so one file may be read as timm's and as that of another package.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from advxai.config.networks import STAGES
from advxai.dialects import hybrids

Rule = Callable[[str], str | None]  # a name -> the network's; itself: no rule is about it; None: it isn't needed

# What a detector may keep its network in; taken off here where it stands before names that a rule knows.
WRAPPERS = ("feat_ext.", "efficientnet.", "encoder.", "xception.", "backbone.")
EFFICIENTNET = re.compile(
    r"(?:tf_efficientnet_b|efficientnet_pytorch(?:06)?_b|deepfakebench_effnb|icpr(?:07)?_\w+_b)([0-7])(?:_ns|_ap)?"
)
# efficientnet_pytorch's parts of a block, and timm's in a block without and with an expansion
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
# The parts outside the blocks; the heads are efficientnet_pytorch's, DeepfakeBench's and selimsef's.
AROUND = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "attconv": "blocks.2.attention.conv",
    "_fc": "classifier",
    "last_layer": "classifier",
    "fc": "classifier",
}
# torchvision's ResNet as a Sequential: which child is which layer.
RESNET = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# DeepfakeBench's inception blocks: Incption1_conv2_1 is the first convolution of the second branch.
BRANCHES = {
    "conv1": "point",
    "conv2_1": "reduce1",
    "conv2_2": "conv1",
    "conv3_1": "reduce2",
    "conv3_2": "conv2",
    "conv4_1": "reduce3",
    "conv4_2": "conv3",
    "bn": "norm",
}


def renamed(names: Mapping[str, tuple[int, ...]], model: str) -> dict[str, str]:
    """What the tensors of a checkpoint are called in the network here.

    Args:
        names: of the checkpoint's tensors, less what wraps all of them (`module.`, `model.` ...), with their shapes.
        model: as `detector.model` names the network.

    Returns:
        The checkpoint's name -> the network's state dict's. A name that no rule is about stays, so that whoever loads
        the tensors finds that the network has none of that name; and so does one that would become the same as
        another. Tensors that the detector doesn't need for its answer are left out.
    """
    rule = _rule(model, names)
    if rule is None:
        return {name: name for name in names}
    heads = _unused_heads(names, model)
    wanted = {name: rule(name) for name in names if name not in heads}
    found = {name: name for name, own in wanted.items() if own == name}
    taken = set(found)
    for name, own in wanted.items():
        if own is not None and name not in found:
            found[name] = name if own in taken else own
            taken.add(own)
    return {name: found[name] for name in names if name in found}


def shaped(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a checkpoint's tensor has in the network here: Xception's pointwise convolutions were saved as
    matrices by old releases of PyTorch, and a hybrid's tokens are made by a convolution of one dimension.

    Args:
        name: of the network's state dict.
        shape: in the checkpoint.
    """
    if name.endswith(".pointwise.weight") and len(shape) == 2:
        return (*shape, 1, 1)
    return hybrids.shaped(name, shape)


def _rule(model: str, names: Iterable[str]) -> Rule | None:
    """None: the network's names are nobody else's."""
    if found_rule := hybrids.rule_of(model, names, _efficientnet):
        return found_rule
    name = model.partition(".")[0]  # timm's name of the weights plays no part
    if found := EFFICIENTNET.fullmatch(name):
        blocks = list(_blocks(STAGES[int(found[1])]))
        return lambda tensor: _efficientnet(tensor, blocks)
    if name == "legacy_xception":
        return _xception
    if re.fullmatch(r"resnet\d+", name):
        return _resnet
    return _mesoinception if name == "deepfakebench_mesoinception4" else None


def _blocks(stages: tuple[int, ...]) -> Iterator[str]:
    """timm's names of the blocks, in their order."""
    for stage, length in enumerate(stages):
        for block in range(length):
            yield f"blocks.{stage}.{block}"


def _bare(name: str) -> str:
    """A name less its wrappers."""
    start = 0
    while wrapper := next((one for one in WRAPPERS if name.startswith(one, start)), ""):
        start += len(wrapper)
    return name[start:]


def _efficientnet(name: str, blocks: list[str]) -> str | None:
    bare = _bare(name)
    if bare.startswith("adjust_channel."):
        return None
    part, _, rest = bare.partition(".")
    if part in AROUND and (rest in ("weight", "bias") or part.startswith("_bn")):
        return f"{AROUND[part]}.{rest}"
    if part != "_blocks":
        return bare
    number, part, parameter = (*rest.split(".", 2), "", "")[:3]
    if not number.isascii() or not number.isdecimal() or int(number) >= len(blocks):
        return name
    block = blocks[int(number)]
    parts = SQUEEZE | (FIRST if block.startswith("blocks.0.") else LATER)
    return f"{block}.{parts[part]}.{parameter}" if part in parts else name


def _unused_heads(names: Mapping[str, tuple[int, ...]], model: str) -> set[str]:
    """Heads that play no part in the answer: the backbone's own beside the detector's."""
    if not EFFICIENTNET.fullmatch(model.partition(".")[0]):
        return set()
    heads = {name: _bare(name) for name in names if re.fullmatch(r"classifier\.(weight|bias)", _bare(name))}
    other = any(_bare(name) in ("fc.weight", "classifier.1.weight") for name in names)
    return set(heads) if other else set()


def _xception(name: str) -> str | None:
    bare = _bare(name)
    if bare.startswith("adjust_channel."):
        return None
    return re.sub(r"^last_linear\.(1\.)?(weight|bias)$", r"fc.\2", bare)


def _resnet(name: str) -> str | None:
    bare = _bare(name)
    if bare.startswith("adjust_channel."):
        return None
    found = re.fullmatch(r"resnet\.([014567])\.(.+)", bare)
    return bare if found is None else f"{RESNET[found[1]]}.{found[2]}"


def _mesoinception(name: str) -> str | None:
    found = re.fullmatch(r"Incption([12])_(\w+)\.(\w+)", name)
    if found is None or found[2] not in BRANCHES:
        return name
    return f"inception{found[1]}.{BRANCHES[found[2]]}.{found[3]}"
