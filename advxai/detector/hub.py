"""Classifiers of the library transformers, from a hub folder or rebuilt from the config.json that our own file keeps.

Nothing is asked of a network, no code of a folder is run and no pickle read. The library renames modules between its
releases: a folder's weights are read by itself, ours are those of the module that it has made.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError, in_line, reading, reason
from advxai.dialects import hub

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported, here or by timm

PACKAGE = "transformers"
INSTALL = f"the package {PACKAGE} isn't installed here: run `make hub`, which installs it"
AGAIN = "import the detector anew"
SLACK = 1 << 24  # numbers that a network may have more than its files have bytes: buffers aren't stored
KEY = "hub"  # of our own file's metadata: the text of config.json


class HubNetwork(nn.Module):
    """A classifier of transformers as a module from normalised images (n, 3, h, w) to logits (n, labels).

    Attributes:
        said: for the metadata of our own file, so that it can be rebuilt without the folder.
    """

    def __init__(self, network: nn.Module, config: str) -> None:
        super().__init__()
        self.network = network
        self.said = {KEY: config}

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images."""
        found: Tensor = self.network(pixel_values=images, return_dict=True).logits
        return found


def from_folder(folder: Path) -> HubNetwork:
    """The network of a folder, with its weights, in float32 and evaluation mode.

    Raises:
        InputError: transformers isn't installed, the folder isn't one that is read (`advxai.dialects.hub`), or tensors
            are missing, left over or of other shapes.
    """
    config, library = hub.config_text(folder), _library(folder)
    _settings(library, config, [path for path in hub.weights(folder) if path.name != hub.INDEX], folder, hub.ANEW)
    with tempfile.TemporaryDirectory() as scratch:
        # the library looks for further files, such as adapters', which the detector's hash doesn't know
        for path in hub.parts(folder):
            Path(scratch, path.name).symlink_to(path.resolve())
        with reading(folder, hub.ANEW, f"a folder of {PACKAGE}"):
            network, found = library.AutoModelForImageClassification.from_pretrained(
                scratch,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation="eager",
                dtype=torch.float32,
                output_loading_info=True,
            )
    faults = {"missing_keys": "lacks", "unexpected_keys": "has more than", "mismatched_keys": "has another shape of"}
    for name, said in faults.items():
        if found[name]:
            first = sorted(map(str, found[name]))[0]
            raise InputError(f"{folder}: {said} the tensor {in_line(first)[:120]}: {hub.ANEW}")
    return HubNetwork(network.float().eval(), config)


def rebuilt(config: object, path: Path) -> HubNetwork:
    """A network with random weights, of the text of config.json in our own file's metadata.

    Raises:
        InputError: transformers isn't installed, or can't build this.
    """
    library = _library(path)
    settings = _settings(library, str(config), [path], path, AGAIN)
    with reading(path, AGAIN, f"a detector of {PACKAGE}"), torch.random.fork_rng(devices=[]):
        network = _built(library, settings)
    return HubNetwork(network.float().eval(), str(config))


def _settings(library: Any, text: str, files: list[Path], path: Path, remedy: str) -> Any:
    """The library's own form of a config.json, of which a network no larger than its weights is built.

    Whatever sizes the text claims, no memory is taken for them here.

    Raises:
        InputError: it isn't to be run (`hub.checked`), the library can't build it, or it is larger than the weights.
    """
    with reading(path, remedy, f"a detector of {PACKAGE}"):
        said = json.loads(text)
        if not isinstance(said, dict):
            raise ValueError("it holds no mapping")
        hub.checked(said, path, remedy)
        kind = type(library.AutoConfig.for_model(said["model_type"]))
        settings = kind.from_dict(said)
        there = sum(file.stat().st_size for file in files)
        try:
            with torch.device("meta"):
                network = _built(library, settings)
        except ImportError as error:
            needed = getattr(error, "name", None) or reason(error)
            raise InputError(
                f"{path} is of {said['model_type']}, for which {PACKAGE} needs a package that isn't installed here "
                f"({needed}): install it, or take another detector"
            ) from error
        claimed = sum(one.numel() for one in (*network.parameters(), *network.buffers()))
    if claimed > there + SLACK:
        raise InputError(
            f"{path} claims a network of {claimed:,} numbers, where its weights are {there:,} bytes: they aren't of "
            f"one another, so {remedy}"
        )
    return settings


def _built(library: Any, settings: Any) -> nn.Module:
    network: nn.Module = library.AutoModelForImageClassification.from_config(
        settings, trust_remote_code=False, attn_implementation="eager", dtype=torch.float32
    )
    return network


def _library(path: Path) -> Any:
    """The package, which is told to be quiet and to stay off the network."""
    if hub_of := sys.modules.get("huggingface_hub.constants"):  # timm imports it, and it looks but once
        vars(hub_of)["HF_HUB_OFFLINE"] = True
    try:
        transformers: Any = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise InputError(f"{path} is a detector of a hub folder, and {INSTALL}") from error
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return transformers
