"""MesoNet equals a computation by numpy alone, with the published weights and with made ones in the form of Keras."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from itertools import chain
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import pytest
import torch

from advxai.common.errors import InputError
from advxai.config.networks import NETWORKS
from advxai.detector.keras import is_keras, read_keras, state_from_keras
from advxai.detector.networks import build
from advxai.detector.networks.meso import KERAS_LAYERS, Meso4, MesoInception4

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "mesonet"
SIZE = 256
# (height and width, in, out) of each convolution and the channels of each norm, in the order of construction
CONVOLUTIONS = {
    "meso4": [(3, 3, 8), (5, 8, 8), (5, 8, 16), (5, 16, 16)],
    "mesoinception4": [
        *((1, 3, 1), (1, 3, 4), (3, 4, 4), (1, 3, 4), (3, 4, 4), (1, 3, 2), (3, 2, 2)),
        *((1, 11, 2), (1, 11, 4), (3, 4, 4), (1, 11, 4), (3, 4, 4), (1, 11, 2), (3, 2, 2)),
        *((5, 12, 16), (5, 16, 16)),
    ],
}
NORMS = {"meso4": [8, 8, 16, 16], "mesoinception4": [11, 12, 16, 16]}
Arrays = dict[str, np.ndarray]


def pictures() -> np.ndarray:
    """Noise and two smooth images, (3, 256, 256, 3) in [0, 1]."""
    generator = np.random.default_rng(7)
    place = np.arange(SIZE)
    smooth = np.zeros((2, SIZE, SIZE, 3))
    for image, channel, frequency in np.ndindex(2, 3, 4):
        down, right = generator.uniform(-0.06, 0.06, 2)
        wave = np.cos(down * place[:, None] + right * place[None, :] + generator.uniform(0, 6))
        smooth[image, :, :, channel] += wave / (frequency + 1)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.concatenate([generator.random((1, SIZE, SIZE, 3)), smooth]).astype(np.float32)


PICTURES = pictures()


# The networks by numpy, in float64 and Keras's layout (height, width, channel); weights by "conv2d_3/kernel".


def convolved(x: np.ndarray, weights: Arrays, number: int, dilation: int = 1) -> np.ndarray:
    kernel, bias = weights[f"conv2d_{number}/kernel"].astype(float), weights[f"conv2d_{number}/bias"]
    height, width = x.shape[:2]
    margin = dilation * (len(kernel) // 2)
    padded = np.pad(x, ((margin, margin), (margin, margin), (0, 0)))
    out = np.zeros((height, width, kernel.shape[-1])) + bias
    for i, j in np.ndindex(kernel.shape[:2]):
        out += padded[i * dilation : i * dilation + height, j * dilation : j * dilation + width] @ kernel[i, j]
    return np.maximum(out, 0)


def normed_and_pooled(x: np.ndarray, weights: Arrays, number: int, pool: int) -> np.ndarray:
    gamma, beta, mean, variance = (
        weights[f"batch_normalization_{number}/{name}"].astype(float)
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    x = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    return x.reshape(len(x) // pool, pool, x.shape[1] // pool, pool, -1).max(axis=(1, 3))


def inception(x: np.ndarray, weights: Arrays, first: int) -> np.ndarray:
    branches = [convolved(x, weights, first)]
    for dilation in (1, 2, 3):
        number = first + 2 * dilation
        branches.append(convolved(convolved(x, weights, number - 1), weights, number, dilation))
    return np.concatenate(branches, axis=-1)


def by_numpy(name: str, weights: Arrays, image: np.ndarray, conv: int = 1, norm: int = 1, dense: int = 1) -> float:
    """The logit; the numbers are those of the first layers."""
    x = image.astype(float)
    for block, pool in enumerate((2, 2, 2, 4)):
        if name == "meso4":
            x = convolved(x, weights, conv + block)
        elif block < 2:
            x = inception(x, weights, conv + 7 * block)
        else:
            x = convolved(x, weights, conv + 12 + block)
        x = normed_and_pooled(x, weights, norm + block, pool)
    assert x.shape == (8, 8, 16)
    x = x.reshape(-1) @ weights[f"dense_{dense}/kernel"].astype(float) + weights[f"dense_{dense}/bias"]
    x = np.where(x > 0, x, 0.1 * x)
    x = x @ weights[f"dense_{dense + 1}/kernel"].astype(float) + weights[f"dense_{dense + 1}/bias"]
    return x.item()


def made(name: str, conv: int = 1, norm: int = 1, dense: int = 1) -> Arrays:
    """Random weights of a network."""
    generator = np.random.default_rng(conv + norm + dense)
    weights: Arrays = {}
    for number, (kernel, channels, filters) in enumerate(CONVOLUTIONS[name], start=conv):
        shape = (kernel, kernel, channels, filters)
        weights[f"conv2d_{number}/kernel"] = generator.normal(0, (2 / (kernel**2 * channels)) ** 0.5, shape)
        weights[f"conv2d_{number}/bias"] = generator.normal(0, 0.1, filters)
    for number, channels in enumerate(NORMS[name], start=norm):
        weights[f"batch_normalization_{number}/gamma"] = generator.uniform(0.5, 1.5, channels)
        weights[f"batch_normalization_{number}/beta"] = generator.normal(0, 0.5, channels)
        weights[f"batch_normalization_{number}/moving_mean"] = generator.uniform(0, 1, channels)
        weights[f"batch_normalization_{number}/moving_variance"] = generator.uniform(0.01, 1, channels)
    for number, shape in enumerate(((1024, 16), (16, 1)), start=dense):
        weights[f"dense_{number}/kernel"] = generator.normal(0, shape[0] ** -0.5, shape)
        weights[f"dense_{number}/bias"] = generator.normal(0, 0.1, shape[1])
    return {key: array.astype(np.float32) for key, array in weights.items()}


def written(path: Path, weights: Arrays, whole: bool = False) -> Path:
    """A file as Keras 2 writes it: layers at the root by `save_weights`, within `model_weights` by `save`."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        layers = list(dict.fromkeys(key.partition("/")[0] for key in weights))
        group.attrs["layer_names"] = [layer.encode() for layer in ["input_1", *layers]]
        group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", b"2.1.5"
        for layer in ["input_1", *layers]:
            names = [f"{key}:0" for key in weights if key.startswith(f"{layer}/")]
            group.create_group(layer).attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                group[layer][name] = weights[name.removesuffix(":0")]
        if whole:
            file.attrs["model_config"] = b'{"class_name": "Model"}'
            file["optimizer_weights/training/Adam/conv2d_1/kernel/m:0"] = np.full((1, 1), np.nan)
    return path


def network(name: str, path: Path) -> torch.nn.Module:
    module = build(name, 1).eval()
    module.load_state_dict(state_from_keras(path, name))
    return module


def images() -> torch.Tensor:
    return torch.from_numpy(PICTURES).permute(0, 3, 1, 2).contiguous()


def answers(module: torch.nn.Module, given: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        found = module(given)
    assert found.shape == (len(given), 1) and found.dtype == torch.float32
    return found[:, 0].double().numpy()


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs the published weights of ../shared")
@pytest.mark.parametrize(
    ("file", "name", "conv", "norm", "dense"),
    [
        ("Meso4_DF.h5", "meso4", 5, 5, 3),
        ("Meso4_F2F.h5", "meso4", 5, 5, 3),
        ("MesoInception_DF.h5", "mesoinception4", 1, 1, 1),
        ("MesoInception_F2F.h5", "mesoinception4", 1, 1, 1),
    ],
)
def test_published_weights_answer_as_numpy_computes(file, name, conv, norm, dense):
    with h5py.File(PUBLISHED / file) as source:
        layers = [layer for layer in source if len(source[layer])]
        weights = {
            f"{layer}/{weight.removesuffix(':0')}": source[layer][layer][weight][()]
            for layer in layers
            for weight in source[layer][layer]
        }
    wanted = np.array([by_numpy(name, weights, image, conv, norm, dense) for image in PICTURES])
    found = answers(network(name, PUBLISHED / file), images())
    assert sigmoid(found) == pytest.approx(sigmoid(wanted), abs=1e-4)
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert np.ptp(sigmoid(wanted)) > 0.1 and np.abs(wanted[1:]).max() < 8  # not all of them certain


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
@pytest.mark.parametrize(("conv", "norm", "dense", "whole"), [(1, 1, 1, False), (9, 98, 9, True)])
def test_layers_are_matched_by_number_in_both_forms(tmp_path, name, conv, norm, dense, whole):
    """Names sort otherwise: conv2d_10 before conv2d_9, batch_normalization_100 before batch_normalization_99."""
    weights = made(name, conv, norm, dense)
    path = written(tmp_path / "weights.h5", weights, whole)
    read = read_keras(path)
    assert read.keys() == weights.keys() and all((read[key] == weights[key]).all() for key in read)
    state = state_from_keras(path, name)
    module = build(name, 1).eval()
    assert list(state) == list(module.state_dict())
    last = f"conv2d_{conv + len(CONVOLUTIONS[name]) - 1}/kernel"
    assert state["block4.conv.weight"][3, 5, 1, 4] == weights[last][1, 4, 5, 3]
    assert state["hidden.weight"][2, 1000] == weights[f"dense_{dense}/kernel"][1000, 2]
    assert (
        state["block4.norm.running_var"].numpy() == weights[f"batch_normalization_{norm + 3}/moving_variance"]
    ).all()
    assert state["block1.norm.num_batches_tracked"] == 0
    module.load_state_dict(state)
    wanted = [by_numpy(name, weights, image, conv, norm, dense) for image in PICTURES[:2]]
    assert answers(module, images()[:2]) == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_the_first_layers_of_tf_keras_have_no_number(tmp_path):
    numbered = made("meso4", 0, 0, 0)
    weights = {key.replace("_0/", "/"): array for key, array in numbered.items()}
    assert "conv2d/kernel" in weights and "batch_normalization/gamma" in weights and "dense/bias" in weights
    state = state_from_keras(written(tmp_path / "weights.h5", weights), "meso4")
    assert (state["block1.norm.weight"].numpy() == numbered["batch_normalization_0/gamma"]).all()
    assert (state["block2.norm.weight"].numpy() == numbered["batch_normalization_1/gamma"]).all()
    assert (state["output.weight"].numpy() == numbered["dense_1/kernel"].T).all()


def test_a_network_of_two_outputs_takes_a_file_of_two(tmp_path):
    weights = made("meso4")
    weights["dense_2/kernel"] = np.arange(32, dtype=np.float32).reshape(16, 2)
    weights["dense_2/bias"] = np.float32([3, 4])
    path = written(tmp_path / "weights.h5", weights)
    assert state_from_keras(path, "meso4", outputs=2)["output.weight"][1, :3].tolist() == [1, 3, 5]
    with pytest.raises(InputError, match=r"its dense_2/kernel has the shape \(16, 2\), not \(16, 1\)"):
        state_from_keras(path, "meso4")


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
def test_the_memory_layout_changes_no_answer(tmp_path, name):
    module = network(name, written(tmp_path / "weights.h5", made(name)))
    plain = answers(module, images())
    assert np.ptp(plain) > 0.05
    given = images().to(memory_format=torch.channels_last)
    assert not given.is_contiguous()
    assert answers(module, given) == pytest.approx(plain, abs=1e-5)
    assert answers(module.to(memory_format=torch.channels_last), given) == pytest.approx(plain, abs=1e-5)


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_exported_graph_answers_alike_for_any_batch(tmp_path, name):
    module = network(name, written(tmp_path / "weights.h5", made(name)))
    file = BytesIO()
    given = torch.zeros((2, 3, SIZE, SIZE))
    torch.onnx.export(module, (given,), file, dynamo=False, input_names=["images"], dynamic_axes={"images": {0: "n"}})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    for rows in (3, 1):
        (found,) = session.run(None, {"images": images()[:rows].numpy()})
        assert found[:, 0] == pytest.approx(answers(module, images()[:rows]), abs=1e-4)


def test_the_registry_needs_no_torch():
    code = "import sys, advxai.config.networks, advxai.detector.keras; print({'torch', 'h5py'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("name", "kind", "parameters"), [("meso4", Meso4, 27_977), ("mesoinception4", MesoInception4, 28_615)]
)
def test_the_registry_builds_the_published_networks(name, kind, parameters):
    """The numbers of parameters are the paper's."""
    entry = NETWORKS[name]
    module = build(name, 1)
    assert type(module) is kind and sum(p.numel() for p in module.parameters()) == parameters
    assert (entry.classes, entry.output, entry.positive) == (("Real", "Fake"), "sigmoid", "Real")
    assert (entry.input_size, entry.mean, entry.std) == (256, (0, 0, 0), (1, 1, 1)) and "1809.00888" in entry.source
    assert build(name, 5).eval()(torch.zeros(1, 3, 256, 256)).shape == (1, 5)
    assert set(chain(*KERAS_LAYERS[name].values())) <= {name for name, _ in module.named_modules()}


def test_dropout_is_for_training_alone():
    module = Meso4()
    with torch.no_grad():
        for layer in (module.hidden, module.output):
            layer.weight.zero_()
            layer.bias.fill_(1)
        module.output.weight.fill_(1)
    module.eval()
    assert module(images()).tolist() == [[17.0]] * 3  # 16 hidden units of 1, and the bias
    module.dropout2.train()
    torch.manual_seed(0)
    (found,) = module(images()[:1]).tolist()[0]
    assert found % 2 == 1 and 1 <= found <= 33 and found != 17  # half of the units dropped, the others doubled


def test_other_sizes():
    assert Meso4(outputs=2, input_size=64).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2)
    for size in (0, 100):
        with pytest.raises(ValueError, match=f"must be a multiple of 32, not {size}"):
            MesoInception4(input_size=size)
    with pytest.raises(ValueError, match=r"takes images of shape \(3, 256, 256\), not \(3, 128, 512\)"):
        Meso4()(torch.zeros(1, 3, 128, 512))


def test_keras_files_are_known_by_their_signature(tmp_path):
    path = written(tmp_path / "weights.h5", made("meso4"))
    (tmp_path / "other.h5").write_bytes(b"PK\x03\x04 and more")
    (tmp_path / "empty.h5").touch()
    assert is_keras(path)
    assert not any(is_keras(tmp_path / name) for name in ("other.h5", "empty.h5", "absent.h5", "."))


def without(*names: str) -> Callable[[Arrays], Arrays]:
    return lambda weights: {key: array for key, array in weights.items() if key not in names}


def with_(**arrays: np.ndarray) -> Callable[[Arrays], Arrays]:
    return lambda weights: weights | {key.replace("__", "/"): array for key, array in arrays.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            without("conv2d_4/kernel", "conv2d_4/bias"),
            "isn't of meso4: it has 3 layers conv2d, not 4; set detector.model to the network that it was saved from",
        ),
        (
            with_(dense_3__kernel=np.ones((1, 1)), dense_3__bias=np.ones(1)),
            "isn't of meso4: it has 3 layers dense, not 2;",
        ),
        (
            with_(conv2d_2__kernel=np.ones((3, 3, 8, 8))),
            "its conv2d_2/kernel has the shape (3, 3, 8, 8), not (5, 5, 8, 8)",
        ),
        (with_(dense_1__kernel=np.ones((256, 16))), "its dense_1/kernel has the shape (256, 16), not (1024, 16);"),
        (with_(dense_1__bias=np.float64(1)), "its dense_1/bias has the shape (), not (16,);"),
        (
            without("batch_normalization_2/gamma"),
            "its batch_normalization_2 has the weights beta, moving_mean, moving_variance, not beta, gamma, moving_",
        ),
        (with_(lstm_1__kernel=np.ones((4, 4))), "isn't of meso4: it has a layer lstm_1;"),
        (with_(conv2d_3__bias=np.full(16, np.nan)), ": conv2d_3/bias holds NaN or infinity; use another file"),
        (with_(conv2d_3__bias=np.full(16, -np.inf)), ": conv2d_3/bias holds NaN or infinity; use another file"),
        (with_(conv2d_3__bias=np.full(16, 1e300)), ": conv2d_3/bias holds NaN or infinity; use another file"),
        (with_(conv2d_3__bias=np.arange(16)), ": conv2d_3/bias isn't a tensor of floats; use another file"),
        (lambda weights: {}, "holds no weights in the form of Keras 2; save them by its model.save_weights, to a"),
    ],
)
def test_what_is_said_of_another_file(tmp_path, change, said):
    path = written(tmp_path / "weights.h5", change(made("meso4")))
    with pytest.raises(InputError) as error:
        state_from_keras(path, "meso4")
    assert str(error.value).startswith(f"{path}: ") and said in str(error.value) and "\n" not in str(error.value)


def test_networks_are_not_taken_for_each_other(tmp_path):
    for name, other in (("meso4", "mesoinception4"), ("mesoinception4", "meso4")):
        path = written(tmp_path / f"{name}.h5", made(name))
        counts = f"it has {len(CONVOLUTIONS[name])} layers conv2d, not {len(CONVOLUTIONS[other])};"
        with pytest.raises(InputError, match=f"isn't of {other}: {counts}"):
            state_from_keras(path, other)
        with pytest.raises(InputError, match="read for meso4 or mesoinception4, not xception; set detector.model to"):
            state_from_keras(path, "xception")


def test_unreadable_files(tmp_path):
    path = written(tmp_path / "weights.h5", made("meso4"))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    for file in (path, tmp_path / "absent.h5"):
        with pytest.raises(InputError, match=rf"{file.name} can't be read as HDF5 \(.+\): download or copy it again"):
            read_keras(file)


def test_keras_3_and_models_within_models(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones((3, 3, 3, 8))
    with pytest.raises(InputError, match="holds no weights in the form of Keras 2"):
        read_keras(path)
    with h5py.File(path, "w") as file:
        file["model_1/conv2d_1/bias:0"] = file["model_2/conv2d_1/bias:0"] = np.ones(8)
    with pytest.raises(InputError, match="holds two tensors called conv2d_1/bias; save the network as one model"):
        read_keras(path)


def test_nothing_outside_the_file_is_read(tmp_path):
    other = written(tmp_path / "other.h5", made("meso4"))
    path = written(tmp_path / "weights.h5", without("conv2d_4/kernel", "conv2d_4/bias")(made("meso4")))
    with h5py.File(path, "a") as file:
        file["conv2d_4"] = h5py.ExternalLink(str(other), "conv2d_4")
    with pytest.raises(InputError, match="it has 3 layers conv2d, not 4"):
        state_from_keras(path, "meso4")
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(64))
    with h5py.File(path, "w") as file:
        file.create_dataset("dense_1/bias:0", (16,), "f4", external=[(str(raw), 0, 64)])
    with pytest.raises(InputError, match="dense_1/bias is over a gigabyte or lies in another file; use another file"):
        read_keras(path)
    with h5py.File(path, "w") as file:  # a file of a few hundred bytes
        file.create_dataset("dense_1/kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1, 1 << 10))
    with pytest.raises(InputError, match="dense_1/kernel is over a gigabyte"):
        read_keras(path)
