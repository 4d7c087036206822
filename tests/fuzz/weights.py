"""Files of detectors and their networks.

Libraries are imported where they are used: each form has processes of its own.
"""

from pathlib import Path
from typing import Any

from tests.fuzz.kinds import SEEDED, Reader


def net(num_classes: int) -> Any:
    """A small detector."""
    from torch import nn

    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                         nn.Linear(16, num_classes))  # fmt: skip


MODEL = f"{__name__}:net"
HALF = (0.5, 0.5, 0.5)


def module() -> Any:
    import torch

    torch.manual_seed(SEEDED)
    return net(5).eval()


def _settings(**changes: Any) -> Any:
    from advxai.config.science import Detector

    return Detector(**({"model": MODEL, "input_size": 32, "mean": HALF, "std": HALF, "forward_batch": 4} | changes))


def checkpoint_readers(name: str) -> list[Reader]:
    import torch

    from advxai.detector.build import load_initial
    from advxai.detector.checkpoint import load
    from advxai.dialects.outline import outline
    from advxai.dialects.recognise import reading_of
    from advxai.run.weights import said, told

    torch.set_num_threads(1)
    keras = {"model": "meso4", "input_size": 256, "classes": ("Real", "Fake"), "output": "sigmoid", "positive": "Real"}
    settings = _settings(**(keras if name.endswith(".h5") else {}))
    readers: list[Reader] = [said, told, outline, reading_of, lambda path: load(settings, path)]
    return readers if name.endswith(".h5") else [*readers, lambda path: load_initial(module(), path)]


def safetensors(folder: Path) -> None:
    from safetensors.torch import save_file

    from advxai.detector.checkpoint import save
    from advxai.detector.model import Preprocessing

    save(folder / "own.safetensors", module(), model=MODEL, preprocessing=Preprocessing(32, HALF, HALF))
    save_file(module().state_dict(), folder / "bare.safetensors")


def safetensors_readers(name: str) -> list[Reader]:
    from advxai.config.science import Nes
    from advxai.report.panels import seen_by

    return checkpoint_readers(name) + ([lambda path: seen_by(path, Nes())] if name == "own.safetensors" else [])


def pickles(folder: Path) -> None:
    import torch

    state = module().state_dict()
    torch.save({"state_dict": {f"model.{name}": value for name, value in state.items()}, "epoch": 3},
               folder / "lightning.ckpt")  # fmt: skip
    torch.save(state, folder / "bare.pth")
    torch.save(state, folder / "old.pt", _use_new_zipfile_serialization=False)
    # whole modules, whose pickles are read here and not by torch
    torch.save(module(), folder / "module.p")
    torch.save({"net": module(), "epoch": 3}, folder / "old_module.p", _use_new_zipfile_serialization=False)


def keras(folder: Path) -> None:
    import h5py
    import numpy as np

    from advxai.detector.networks import build
    from advxai.detector.networks.meso import KERAS_LAYERS

    names = {"weight": "kernel", "bias": "bias"}
    norm = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    state = build("meso4", 1, 256).state_dict()
    with h5py.File(folder / "meso4.h5", "w") as file:
        for kind, modules in KERAS_LAYERS["meso4"].items():
            for number, part in enumerate(modules, start=1):
                for parameter, called in (norm if kind == "batch_normalization" else names).items():
                    array = np.asarray(state[f"{part}.{parameter}"])
                    array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
                    file[f"{kind}_{number}/{kind}_{number}/{called}:0"] = array


def graphs(folder: Path) -> None:
    import torch

    from advxai.detector.graph import export

    (folder / "net.onnx").write_bytes(export(module(), 32, torch.zeros(1, 5)).onnx)


def graph_readers(name: str) -> list[Reader]:
    from advxai.media.retinaface import RetinaFace

    return [RetinaFace]


def stored_graphs(folder: Path) -> None:
    import torch

    from advxai.detector.graph import export, keep

    keep(export(module(), 32, torch.zeros(1, 5)), folder / "detector.safetensors", _made())


def _made() -> Any:
    from advxai.common.classes import FIVE
    from advxai.detector.graph import Made

    return Made("a" * 64, MODEL, FIVE.head, 32, None)


def stored_graph_readers(name: str) -> list[Reader]:
    from advxai.detector.graph import read

    return [lambda path: read(path.with_suffix(".safetensors"), _made())]
