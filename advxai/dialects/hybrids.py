"""Hybrids of an EfficientNet and a vision transformer, as their authors' files have them: how they are told, what they
are read as, and what their tensors are called here; without torch.

Of noame12's and Coccomini et al.'s public code: efficientnet_pytorch's names under `efficient_net.`, a transformer
whose layers are numbered, and heads.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from advxai.config.networks import STAGES
from advxai.dialects.reading import Note, Reading
from advxai.dialects.seen import Seen

NOAME, SINGLE, CROSS = "noame12 EfficientNet-ViT", "Coccomini Efficient ViT", "Coccomini Cross Efficient ViT"
HEADS = ("mlp_head.2", "sm_mlp_head.1", "lg_mlp_head.1")
BRANCHES = {"sm": "small", "lg": "large"}
# What comes before a number that says how deep the network is.
DEEP = {NOAME: "transformer.blocks.", SINGLE: "transformer.layers.", CROSS: "multi_scale_encoder.layers."}
MODELS = {NOAME: "efficientnet_vit", SINGLE: "efficient_vit", CROSS: "cross_efficient_vit"}
# Parts of a block: noame12's, and Coccomini's, whose two halves are numbered.
PARTS = {
    "attn.to_qkv": "attn.qkv",
    "attn.to_out.0": "attn.proj",
    "mlp.net.0": "mlp.0",
    "mlp.net.3": "mlp.2",
    "0.norm": "norm1",
    "0.fn.to_qkv": "attn.qkv",
    "0.fn.to_q": "attn.q",
    "0.fn.to_kv": "attn.kv",
    "0.fn.to_out.0": "attn.proj",
    "1.norm": "norm2",
    "1.fn.net.0": "mlp.0",
    "1.fn.net.3": "mlp.2",
}
LOOK = {"fn.norm": "norm", "fn.fn.to_q": "attn.q", "fn.fn.to_kv": "attn.kv", "fn.fn.to_out.0": "attn.proj"}
Rule = Callable[[str], str | None]

BYTES: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3}
_DETECTED = Note(
    "RetinaFace's boxes stand in for MTCNN's, squared on the shorter side and cut off at the frame's edge.",
    "faces.scale", "faces.margins",
)  # fmt: skip
_FACES = Note(
    "Its authors take up to three faces of a video, in the order in which MTCNN finds them: with several in view set "
    "faces.tracks to 3.",
    "faces.tracks",
)
_CALLED = Note("Its authors call a face fake above .55.", "detector.threshold")
_ROWS = (
    "Its authors' code adds to an image's tokens the position embedding of its row in the batch. Here every image gets "
    "that of row 0, as one that is asked about alone does there."
)
_CHANNELS = (
    "Its tokens are mixtures of channels over all places of the map, so that their attention and relevancy lie "
    "nowhere; `map: places` of relevancy shows instead how each place of that map adds to the score, which is ours."
)
NOTES = {NOAME: (_CHANNELS,), SINGLE: (_ROWS,), CROSS: ()}


def is_of(name: str) -> Callable[[Seen], bool]:
    """What tells whether a file is a hybrid of one of the three forms, whole or not."""

    def told(seen: Seen) -> bool:
        if name == CROSS:
            return seen.starts("sm_image_embedder.") and seen.starts("lg_image_embedder.")
        return seen.starts("efficient_net.") and seen.starts(DEEP[name]) and seen.starts("mlp_head.")

    return told


def read(name: str) -> Callable[[Seen], Reading]:
    """What such a file is read as: its depth by the numbers of its layers, its backbone by its blocks."""

    def reading(seen: Seen) -> Reading:
        found = seen.efficientnet_pytorch
        size = 0 if found is None else found.size
        backbone = "tf_efficientnet_b0" if size == 0 else f"efficientnet_pytorch_b{size}"
        network: dict[str, Any] = {"backbone": backbone, "depth": _count(seen.names, DEEP[name])}
        if name == NOAME:
            network["tokens"] = "channels"
        notes: tuple[str, ...] = (*NOTES[name], _CALLED, _DETECTED, _FACES)
        if size:
            padding = Note(
                "Its EfficientNet is padded as by efficientnet_pytorch 0.7, the release that its authors name; for "
                f"timm's padding set detector.network.backbone to tf_efficientnet_b{size}.",
                "detector.network",
            )
            notes = (*notes, padding)
        detector = {
            "model": MODELS[name], "network": network, "input_size": 224, **BYTES, "colour": "bgr",
            "resize": {"library": "opencv", "interpolation": "area_or_bicubic", "fit": "letterbox"},
            "classes": ["Real", "Fake"], "output": "sigmoid", "positive": "Fake", "threshold": 0.55,
            "video_score": "first_track",
        }  # fmt: skip
        faces = {"scale": 1.0, "square": True, "edges": "clip", "several": "largest"}
        return Reading(name, detector, faces, notes)

    return reading


def rule_of(model: str, names: Iterable[str], efficientnet: Callable[[str, list[str]], str | None]) -> Rule | None:
    """What the tensors of a network's files are called in the network here; None: it is none of these networks.

    Args:
        model: name of the network.
        names: of the file's tensors.
        efficientnet: what an EfficientNet's tensors become (`advxai.dialects.renaming`).
    """
    if model not in MODELS.values():
        return None
    blocks = _blocks(names)

    def body(name: str) -> str | None:
        own = efficientnet(name, blocks)
        return None if own is None or own.startswith("classifier.") else f"backbone.{own}"

    if model == MODELS[CROSS]:
        return lambda name: _cross(name, body)
    return lambda name: _hybrid(name, model, body)


def shaped(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a tensor here: a convolution over the channels of a place after those of another is one of 1 x 1."""
    if name == "to_tokens.weight" and len(shape) == 3 and shape[1] == 1:
        return (shape[0], shape[2], 1, 1)
    return shape


def _hybrid(name: str, model: str, body: Rule) -> str | None:
    first, _, rest = name.partition(".")
    if first == "efficient_net":
        return body(rest)
    if first == "patch_to_embedding":
        return f"{'to_tokens' if model == MODELS[NOAME] else 'to_token'}.{rest}"
    if name in ("pos_embedding", "cls_token"):
        return f"encoder.{_parameter(name)}"
    if found := re.fullmatch(r"transformer\.(?:blocks|layers)\.(\d+)\.(.+)\.(weight|bias)", name, re.ASCII):
        return f"encoder.blocks.{found[1]}.{PARTS.get(found[2], found[2])}.{found[3]}"
    return re.sub(r"^mlp_head\.", "head.", name)


def _cross(name: str, body: Rule) -> str | None:
    if found := re.fullmatch(r"(sm|lg)_image_embedder\.(.+)", name):
        branch, rest = BRANCHES[found[1]], found[2]
        if rest.startswith("efficient_net."):
            own = body(rest.removeprefix("efficient_net."))
            needed = own is not None and (branch == "small" or _early(own))
            return f"{branch}.{own}" if needed else None
        return f"{branch}.{_parameter(rest).replace('to_patch_embedding.1.', 'to_token.')}"
    if found := re.fullmatch(r"(sm|lg)_mlp_head\.(.+)", name):
        return f"{BRANCHES[found[1]]}_head.{found[2]}"
    found = re.fullmatch(r"multi_scale_encoder\.layers\.(\d+)\.([012])\.(.+)", name, re.ASCII)
    if found is None:
        return name
    scale, kind, rest = f"scales.{found[1]}", found[2], found[3]
    if kind == "2":
        look = re.fullmatch(r"layers\.(\d+)\.([01])\.(.+)\.(weight|bias)", rest, re.ASCII)
        if look is None:
            return name
        branch = "large" if look[2] == "1" else "small"
        return f"{scale}.crossings.{look[1]}.{branch}.{LOOK.get(look[3], look[3])}.{look[4]}"
    branch = "large" if kind == "1" else "small"
    block = re.fullmatch(r"layers\.(\d+)\.(.+)\.(weight|bias)", rest, re.ASCII)
    own = rest if block is None else f"blocks.{block[1]}.{PARTS.get(block[2], block[2])}.{block[3]}"
    return f"{scale}.{branch}.{own}"


def _early(name: str) -> bool:
    """Whether it is of the first two stages, whose map the large branch sees."""
    return name.startswith(("backbone.conv_stem.", "backbone.bn1.", "backbone.blocks.0.", "backbone.blocks.1."))


def _parameter(name: str) -> str:
    return "pos_embed" if name == "pos_embedding" else name


def _count(names: Iterable[str], before: str) -> int:
    """How many numbered things there are, by the largest number; at most a thousand."""
    found = (re.match(rf"{re.escape(before)}(\d{{1,3}})\.", name, re.ASCII) for name in names)
    return 1 + max((int(one[1]) for one in found if one), default=-1)


def _blocks(names: Iterable[str]) -> list[str]:
    """timm's names of an EfficientNet's blocks, in their order; []: it is none that is known."""
    numbers = [int(found[1]) for name in names if (found := re.search(r"\._blocks\.(\d{1,3})\.", name, re.ASCII))]
    count = 1 + max(numbers, default=-1)
    stages = next((one for one in STAGES if sum(one) == count), ())
    return [f"blocks.{stage}.{block}" for stage, length in enumerate(stages) for block in range(length)]
