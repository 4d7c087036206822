"""Folders of the library transformers: config.json, preprocessor_config.json and weights as safetensors.

Read as JSON alone: neither the library nor torch is needed to know what a detector tells apart and what it sees.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError, in_line, reading
from advxai.dialects.labels import real_of
from advxai.dialects.reading import SIGN, Note, Reading

CONFIG, PREPROCESSOR, WEIGHTS, INDEX = (
    "config.json", "preprocessor_config.json", "model.safetensors", "model.safetensors.index.json",
)  # fmt: skip
MODEL = "hub_"  # of `detector.model`, before the type of the architecture
HEAD = "ForImageClassification"
ANEW = "get the folder anew"
LARGEST = 1 << 24  # bytes of a JSON file
SHOWN = 80  # letters of a file's own words in a message
LABELS, LETTERS = 10_000, 100  # at most, of a detector and of a label
LAYERS = 1000  # more has no detector, and the library makes an object of each before a weight is looked at
COUNTS, SIZES = re.compile("layer|depth|block|stage|repeat"), re.compile("channel|size|dim|width")
PIXELS = 1 << 14  # of a side
# Keys by which a network takes a part from somewhere else than the folder, and architectures that are such parts.
ELSEWHERE = ("backbone", "use_timm_backbone", "use_pretrained_backbone", "checkpoint_path", "pretrained_cfg")
TIMM = ("timm_wrapper", "timm_backbone")
# Pillow's codes of its filters; what `detector.resize` has for them.
FILTERS = {2: "bilinear", 3: "bicubic", 4: "area"}
OTHERS = {0: "nearest", 1: "Lanczos", 5: "Hamming"}
REPORTED = (
    "prithivMLmods/Deep-Fake-Detector-v2-Model, whose labels these are, is reported to have them the wrong way round "
    "(7 % right as shipped, 92.9 % inverted)"
)


def is_hub(model: object) -> bool:
    """Whether `detector.model` names an architecture of a hub folder, such as hub_vit."""
    return str(model).startswith(MODEL)


def read(folder: Path) -> Reading:
    """What a folder says of its detector.

    Raises:
        InputError: it is no such folder; its detector is no classifier of images, comes with code of its own, with
            pickled weights alone, or is of another kind that isn't read here.
    """
    config = _config(folder)
    weights(folder)
    labels = _labels(config, folder / CONFIG)
    real = real_of(labels)
    seen, notes = _preprocessing(folder, config)
    detector = {"model": MODEL + config["model_type"], "classes": labels, "output": "softmax", **seen}
    needs: list[tuple[str, ...]] = [("mean",), ("std",)] if "mean" not in seen else []
    if "input_size" not in seen:
        needs.append(("input_size",))
    if real is None:
        needs.append(("real", "classes"))
        if len(labels) == 1:
            needs[-1:] = [("classes",), ("output",), ("positive",)]
            del detector["classes"], detector["output"]
    else:
        detector["real"] = real
        (fake,) = (label for label in labels if label != real)
        taken = f"the label {real} (output {labels.index(real)}) is taken for genuine images, {fake} for fakes"
        remedy = f"set detector.real to {fake} to turn them around"
        notes.insert(0, Note(f"{taken}; {remedy} if that is wrong", *SIGN))
        if {label.lower() for label in labels} == {"realism", "deepfake"}:
            notes.insert(1, Note(f"{REPORTED}: try it on images that you know, and {remedy}", *SIGN))
    return Reading(f"transformers {config['architectures'][0]}", detector, notes=tuple(notes), needs=tuple(needs))


def config_text(folder: Path) -> str:
    """The folder's config.json, seen to be one that is run here, as one line of JSON, for the metadata of our own file.

    Raises:
        InputError: as of `read`.
    """
    return json.dumps(_config(folder), sort_keys=True)


def weights(folder: Path) -> list[Path]:
    """The files of the folder's weights: one, or an index and its shards.

    Raises:
        InputError: there are none as safetensors, or the index names others than files of the folder.
    """
    if os.path.isfile(folder / WEIGHTS):
        return [folder / WEIGHTS]
    index = folder / INDEX
    if os.path.isfile(index):
        shards = _json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise InputError(f"{index} names no files of weights: {ANEW}")
        names = sorted(set(map(str, shards.values())))
        wrong = next((name for name in names if Path(name).name != name or not name.endswith(".safetensors")), None)
        if wrong is not None:
            raise InputError(f"{index} names {_cut(wrong)}, which is no safetensors file of the folder: {ANEW}")
        absent = next((name for name in names if not os.path.isfile(folder / name)), None)
        if absent is not None:
            raise InputError(f"{folder / _cut(absent)} isn't there, but {INDEX} names it: {ANEW}")
        return [index, *(folder / name for name in names)]
    pickled = next((path.name for path in sorted(folder.glob("*")) if path.suffix in (".bin", ".pt", ".pth")), None)
    if pickled is not None:
        raise InputError(
            f"{folder / pickled} is a pickle, which a hub folder's weights aren't read from: get {WEIGHTS}, which most "
            "repositories have beside it or in another revision, or save it anew with save_pretrained"
        )
    raise InputError(f"{folder / WEIGHTS} isn't there: {ANEW}, with its weights")


def parts(folder: Path) -> list[Path]:
    """All files that the detector is read from.

    Raises:
        InputError: as of `weights`.
    """
    given = [folder / CONFIG, folder / PREPROCESSOR]
    return [path for path in given if path.is_file()] + weights(folder)


def _json(path: Path) -> dict[str, Any]:
    with reading(path, ANEW, "JSON"):
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no mapping")
        return found


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"{folder} is a folder without {CONFIG}: give a detector's file, or a folder as a hub has it ({CONFIG}, "
            f"{PREPROCESSOR}, {WEIGHTS})"
        )
    config = _json(folder / CONFIG)
    if (folder / PREPROCESSOR).is_file():
        _no_code(_json(folder / PREPROCESSOR), folder / PREPROCESSOR)
    checked(config, folder / CONFIG)
    return config


def checked(config: Mapping[str, Any], path: Path, remedy: str = ANEW) -> None:
    """See that a config.json is one that is run here, and asks for nothing that isn't in it.

    Args:
        config: its content.
        path: where it is from: the file itself, or one of ours that keeps it.
        remedy: what to do about a damaged one, for the sentence's end.

    Raises:
        InputError: it isn't.
    """
    _no_code(config, path)
    kind, architectures = config.get("model_type"), config.get("architectures")
    if not (isinstance(kind, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", kind)):
        raise InputError(f"{path} says no model_type of transformers: {remedy}")
    for name, value in _entries(config):
        if (name in ELSEWHERE and value) or (name == "model_type" and value in TIMM):
            raise InputError(
                f"{path} takes its network from elsewhere ({_cut(name)}: {_cut(value)}), which isn't done: give "
                "detector.model the network's name in timm, and the file of its weights as detector.checkpoint"
            )
        counts = value if isinstance(value, list) else [value]
        if _counts(name) and any(isinstance(one, int | float) and one > LAYERS for one in counts):
            raise InputError(f"{path} says {_cut(name)}: {_cut(value)}, which no detector has: {remedy}")
    if not (isinstance(architectures, list) and architectures and isinstance(architectures[0], str)):
        raise InputError(f"{path} says no architectures: {remedy}, or save the model with save_pretrained")
    if not architectures[0].endswith(HEAD):
        raise InputError(
            f"{path} is of {_cut(architectures[0])}, which is no classifier of images: give a folder of a ...{HEAD}"
        )
    if not re.fullmatch(r"[A-Za-z0-9_]{1,120}", architectures[0]):
        raise InputError(f"{path} says the architecture {_cut(architectures[0])}, which is none: {remedy}")
    if config.get("quantization_config"):
        raise InputError(f"{path} is of quantised weights, of which NES would lose gradients: give the float ones")
    if config.get("problem_type") == "multi_label_classification":
        raise InputError(
            f"{path} is of a detector with a sigmoid for each of several labels, which isn't read here: "
            "give one with a softmax"
        )
    _labels(config, path, remedy)


def _no_code(found: Mapping[str, Any], path: Path) -> None:
    if found.get("auto_map"):
        raise InputError(
            f"{path} asks for code of the folder's own (auto_map), which isn't run: give a detector of an "
            "architecture that transformers has"
        )


def _counts(name: str) -> bool:
    """Whether a key is of how often something is repeated: num_hidden_layers, depths, but not stage_out_channels."""
    return bool(COUNTS.search(name)) and not SIZES.search(name)


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values, those of mappings within it too."""
    waiting: list[Any] = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _cut(value: object) -> str:
    """A file's own words as they may stand in a message."""
    said = in_line(value)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}..."


def _labels(config: Mapping[str, Any], path: Path, remedy: str = ANEW) -> list[str]:
    found = config.get("id2label")
    with reading(path, remedy, "a model's configuration"):
        count = int(config.get("num_labels", 2)) if found is None else len(found)
        if not 1 <= count <= LABELS:
            raise ValueError(f"a detector has 1 to {LABELS} labels, not {_cut(count)}")
        if found is None:  # transformers' own default
            return [f"LABEL_{number}" for number in range(count)]
        by_number = {int(number): str(label).strip() for number, label in found.items()}
        if len(by_number) != count:
            raise ValueError("id2label has a number twice")
        if sorted(by_number) != list(range(count)):
            raise ValueError("id2label doesn't count from 0")
        labels = [by_number[number] for number in range(count)]
    long = next((label for label in labels if len(label) > LETTERS or not label.isprintable()), None)
    if long is not None:
        raise InputError(
            f"{path} has the label {_cut(long)}, where one line of {LETTERS} letters at most was expected: shorten it"
        )
    if len(set(labels)) < count:
        twice = next(label for label in labels if labels.count(label) > 1)
        raise InputError(f"{path} has the label {_cut(twice)} twice: give each output a name of its own in id2label")
    return labels


def _preprocessing(folder: Path, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Keys of `detector` that say what the network sees, and notes of what they can't say."""
    path = folder / PREPROCESSOR
    if not path.is_file():
        size = config.get("image_size")
        return ({"input_size": size} if isinstance(size, int) else {}), [f"there is no {PREPROCESSOR}"]
    found, notes = _json(path), list[str]()
    seen: dict[str, Any] = {}
    with reading(path, ANEW, "an image processor's configuration"):
        size, resized = _size(found, config)
        if size is not None and not 1 <= size <= PIXELS:
            raise ValueError(f"its input would be {_cut(size)} px large, where 1 to {PIXELS} px were expected")
        if size is not None:
            seen["input_size"] = size
        if size is not None and resized is not None and resized != size:
            notes.append(
                f"its own preprocessing makes the picture {resized} px large and cuts {size} px out of the middle; "
                f"here the whole crop of the face becomes {size} px, so cut faces closer (faces.scale)"
            )
        seen |= _scale(found)
        if found.get("do_flip_channel_order"):
            seen["colour"] = "bgr"
            seen |= {name: seen[name][::-1] for name in ("mean", "std") if name in seen}
        code = found.get("resample")
        if isinstance(code, int) and code in FILTERS:
            seen["resize"] = {"library": "pillow", "interpolation": FILTERS[code]}
        else:
            named = OTHERS.get(code) if isinstance(code, int) else None
            other = f"resizes with Pillow's filter {named or _cut(code)}" if code is not None else "says no filter"
            notes.append(f"its {PREPROCESSOR} {other}: bicubic is taken (detector.resize)")
            seen["resize"] = {"library": "pillow", "interpolation": "bicubic"}
    return seen, notes


def _size(found: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Side of the input, and side that a square picture is resized to before anything is cut out of it; in pixels."""
    size, crop, part = found.get("size", config.get("image_size")), found.get("crop_size"), found.get("crop_pct")
    resized = None if size is None else _side(size)
    kind = _kind(found)
    if kind.startswith("Levit") and resized is not None and found.get("do_center_crop", True):
        return (resized if crop is None else _side(crop)), int(resized * 256 / 224)
    if crop is not None and found.get("do_center_crop", kind.startswith(CUTTING)) and not kind.startswith("PoolFormer"):
        return _side(crop), resized
    if resized is not None and part and (resized < 384 or not kind.startswith("ConvN")):
        return resized, int(resized / float(part))  # ConvNeXt's and PoolFormer's way to say it
    return resized, resized


def _kind(found: Mapping[str, Any]) -> str:
    """The name of the class that prepares images; "": it isn't said."""
    kind = found.get("image_processor_type", found.get("feature_extractor_type"))
    return kind if isinstance(kind, str) else ""


def _side(size: Any) -> int:
    if isinstance(size, int):
        return size
    if isinstance(size, list):
        size = dict(zip(("height", "width"), size, strict=True))
    sides = {int(size[name]) for name in ("height", "width", "shortest_edge", "longest_edge") if size.get(name)}
    if len(sides) != 1:
        raise ValueError(f"the input isn't one square: {_cut(size)}")
    return sides.pop()


# Classes that cut the middle out where a file doesn't say whether.
CUTTING = ("Bit", "CLIP", "DeiT", "Flava", "MobileNet", "MobileViT")
# Classes that divide by image_std where a file doesn't say whether.
NORMALISING = (
    "Beit", "Bit", "CLIP", "ConvNext", "DeiT", "EfficientNet", "Flava", "Levit", "MobileNet", "PoolFormer", "Pvt",
    "Segformer", "Siglip", "Swin2", "ViT",
)  # fmt: skip


def _scale(found: Mapping[str, Any]) -> dict[str, Any]:
    """mean and std in units of the [0, 1] image: the pixels are multiplied by a factor, then normalised."""
    factor = 255.0
    if found.get("do_rescale", True):
        factor *= float(found.get("rescale_factor", 1 / 255))
    if abs(factor - 1) < 1e-6:
        factor = 1.0
    if found.get("rescale_offset"):
        raise ValueError("rescale_offset isn't read here")
    mean, std = found.get("image_mean"), found.get("image_std")
    normalises = found.get("do_normalize")
    if normalises is None:  # it is as the class has it, whose name may be of one that isn't known here
        kind = _kind(found)
        normalises = not kind.startswith("MobileViT") and not (mean is None and std is None)
        if normalises and kind and not kind.startswith(NORMALISING):
            return {}
    if not normalises:
        mean, std = 0.0, 1.0
    if mean is None or std is None:
        return {}
    mean, std = ([value] * 3 if isinstance(value, int | float) else value for value in (mean, std))
    if len(mean) != 3 or len(std) != 3:
        raise ValueError("image_mean and image_std aren't of three channels")
    if _kind(found).startswith("EfficientNet") and found.get("include_top", True) and normalises:
        std = [float(value) ** 2 for value in std]  # it divides by them once more
    return {"mean": [float(value) / factor for value in mean], "std": [float(value) / factor for value in std]}
