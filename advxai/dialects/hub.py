"""Folders of the library transformers: config.json, preprocessor_config.json and weights as safetensors.

Read as JSON alone: neither the library nor torch is needed to know what a detector tells apart and what it sees.
"""

import json
from collections.abc import Mapping
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
    labels = _labels(folder, config)
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
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if index.is_file():
        shards = _json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise InputError(f"{index} names no files of weights: {ANEW}")
        names = sorted(set(map(str, shards.values())))
        wrong = next((name for name in names if Path(name).name != name or not name.endswith(".safetensors")), None)
        if wrong is not None:
            raise InputError(f"{index} names {in_line(wrong)[:80]}, which is no safetensors file of the folder: {ANEW}")
        absent = next((name for name in names if not (folder / name).is_file()), None)
        if absent is not None:
            raise InputError(f"{folder / absent} isn't there, but {INDEX} names it: {ANEW}")
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
    kind, architectures = config.get("model_type"), config.get("architectures")
    for path in (folder / CONFIG, folder / PREPROCESSOR):
        if path.is_file() and (config if path.name == CONFIG else _json(path)).get("auto_map"):
            raise InputError(
                f"{path} asks for code of the folder's own (auto_map), which isn't run: give a detector of an "
                "architecture that transformers has"
            )
    if not (isinstance(kind, str) and kind.replace("_", "").replace("-", "").isalnum() and kind.isascii()):
        raise InputError(f"{folder / CONFIG} says no model_type of transformers: {ANEW}")
    if not (isinstance(architectures, list) and architectures and isinstance(architectures[0], str)):
        raise InputError(f"{folder / CONFIG} says no architectures: {ANEW}, or save the model with save_pretrained")
    if not architectures[0].endswith(HEAD):
        raise InputError(
            f"{folder / CONFIG} is of {in_line(architectures[0])[:80]}, which is no classifier of images: give a "
            f"folder of a ...{HEAD}"
        )
    if config.get("quantization_config"):
        raise InputError(
            f"{folder / CONFIG} is of quantised weights, of which gradients of NES would be lost: give the float ones"
        )
    if config.get("problem_type") == "multi_label_classification":
        raise InputError(
            f"{folder / CONFIG} is of a detector with a sigmoid for each of several labels, which isn't read here: "
            "give one with a softmax"
        )
    return config


def _labels(folder: Path, config: Mapping[str, Any]) -> list[str]:
    found = config.get("id2label")
    with reading(folder / CONFIG, ANEW, "a model's configuration"):
        if found is None:  # transformers' own default
            return [f"LABEL_{number}" for number in range(int(config.get("num_labels", 2)))]
        by_number = {int(number): str(label).strip() for number, label in found.items()}
        if sorted(by_number) != list(range(len(by_number))) or not by_number:
            raise ValueError("id2label doesn't count from 0")
        return [by_number[number] for number in sorted(by_number)]


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
        if code in FILTERS:
            seen["resize"] = {"library": "pillow", "interpolation": FILTERS[code]}
        else:
            other = f"resizes with Pillow's filter {OTHERS.get(code, code)}" if code is not None else "says no filter"
            notes.append(f"its {PREPROCESSOR} {other}: bicubic is taken (detector.resize)")
            seen["resize"] = {"library": "pillow", "interpolation": "bicubic"}
    return seen, notes


def _size(found: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Side of the input, and side that a square picture is resized to before anything is cut out of it; in pixels."""
    size, crop, part = found.get("size", config.get("image_size")), found.get("crop_size"), found.get("crop_pct")
    resized = None if size is None else _side(size)
    if crop is not None and found.get("do_center_crop"):
        return _side(crop), resized
    if resized is not None and part and resized < 384 and isinstance(size, dict) and "shortest_edge" in size:
        return resized, int(resized / float(part))  # ConvNeXt's way to say it
    return resized, resized


def _side(size: Any) -> int:
    if isinstance(size, int):
        return size
    if isinstance(size, list):
        size = dict(zip(("height", "width"), size, strict=True))
    sides = {int(size[name]) for name in ("height", "width", "shortest_edge", "longest_edge") if size.get(name)}
    if len(sides) != 1:
        raise ValueError(f"the input isn't one square: {size}")
    return sides.pop()


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
    if not found.get("do_normalize", True) or (found.get("do_normalize") is None and mean is None and std is None):
        mean, std = 0.0, 1.0
    if mean is None or std is None:
        return {}
    mean, std = ([value] * 3 if isinstance(value, int | float) else value for value in (mean, std))
    if len(mean) != 3 or len(std) != 3:
        raise ValueError("image_mean and image_std aren't of three channels")
    return {"mean": [float(value) / factor for value in mean], "std": [float(value) / factor for value in std]}
