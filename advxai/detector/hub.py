"""Classifiers of the library transformers, from a hub folder or rebuilt from the config.json that our own file keeps.

Nothing is asked of a network, no code of a folder is run and no pickle read. The library renames modules between its
releases: a folder's weights are read by itself, ours are those of the module that it has made.
"""

import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError, in_line, reading
from advxai.dialects import hub

PACKAGE = "transformers"
INSTALL = f"the package {PACKAGE} isn't installed here: run `make hub`, which installs it"
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
    with reading(path, "import the detector anew", f"a detector of {PACKAGE}"), torch.random.fork_rng(devices=[]):
        said: dict[str, Any] = json.loads(str(config))
        kind = type(library.AutoConfig.for_model(said["model_type"]))
        network = library.AutoModelForImageClassification.from_config(
            kind.from_dict({name: value for name, value in said.items() if name != "auto_map"}),
            trust_remote_code=False,
            attn_implementation="eager",
            dtype=torch.float32,
        )
    return HubNetwork(network.float().eval(), str(config))


def _library(path: Path) -> Any:
    """The package, which is told to be quiet and to stay off the network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        transformers: Any = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise InputError(f"{path} is a detector of a hub folder, and {INSTALL}") from error
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return transformers
