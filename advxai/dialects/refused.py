"""Detectors whose files are told by their tensors, and whose networks aren't built here."""

from advxai.dialects.seen import Seen

OURS = "give another detector, or its network as code of your own in detector.model (module:factory)"


def refused(seen: Seen) -> str:
    """Which detector a file is of, and why it can't be run; "": none of these."""
    name = _of_bench(seen)
    return f"is {name} of DeepfakeBench, whose network isn't built by this release; {OURS}" if name else ""


def _of_bench(seen: Seen) -> str:
    parts = seen.parts
    if any(part.startswith("srm_") or part == "backbone_srm" for part in parts):
        return "SRM"
    if {"con_gan", "encoder_f", "encoder_c", "head_sha", "block_sha"} & parts:
        return "UCF"
    if {"decoder1", "reasoning"} <= parts:
        return "RECCE"
    if {"fea_ext", "vgg_ext"} & parts or any("capsule" in part for part in parts):
        return "Capsule"
    if "FAD_head" in parts:
        return "F3Net"
    if not seen.xception:
        return ""
    channels = seen.side("conv1.weight", 1)
    if channels == 12:
        return "F3Net"
    if channels == 4:
        return "SPSL"
    if any(name.startswith("map.") for name in seen.names):
        return "FFD"
    return ""
