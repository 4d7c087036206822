"""A GPU computes what the CPU does: `make test-cuda`. `make gpu` makes the same comparison without pytest."""

import pytest
import torch

from advxai.common.errors import InputError
from advxai.media.cut import decode_png
from benchmarks import cuda
from benchmarks.gpu.pack import opened

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is usable here"),
]
DEVICE, PICTURES = "cuda", 4


def trained():
    """The demo's detector on its face crops, if `make gpu-pack` has been run."""
    try:
        pack = opened()
    except InputError as error:
        pytest.skip(str(error))

    def image(item):
        return decode_png((pack.folder / item["file"]).read_bytes(), item["file"], "make the pack anew")

    return cuda.trained_pair(pack.weights, DEVICE, pack.crops[:PICTURES], image)


@pytest.fixture(scope="module", params=["random", "trained"])
def compared(request):
    """Settings, the detectors with their pictures, the adversarial copies, and how far probabilities are apart."""
    if request.param == "trained":
        settings, pair = trained()
    else:
        settings = cuda.config()
        pair = cuda.random_pair(settings, DEVICE, PICTURES)
    return settings, pair, cuda.copies(settings, pair), cuda.compare_probabilities(pair)


def test_probabilities_are_the_cpus(compared):
    assert cuda.faults({"probabilities": compared[-1]}) == []


@pytest.mark.parametrize("name", cuda.EXPLAINERS)
def test_an_explainers_maps_and_top_3_are_the_cpus(compared, name):
    settings, pair, steps, apart = compared
    if packages := cuda.absent(settings, name):
        pytest.skip(f"{', '.join(packages)} isn't installed here")
    assert (
        cuda.faults({"explainers": {name: cuda.compare_maps(settings, name, pair, steps, apart["difference"])}}) == []
    )


def test_the_first_step_of_nes_is_the_cpus(compared):
    settings, pair, *_ = compared
    assert cuda.faults({"nes": cuda.compare_first_steps(settings, pair)}) == []


@pytest.mark.parametrize("name", cuda.ATTENDING)
def test_what_asks_for_attention_gives_the_cpus_maps(name):
    settings, pair = cuda.attending_pair(name, DEVICE, PICTURES)
    assert cuda.faults({"explainers": {name: cuda.compare_maps(settings, name, pair, {}, 0.0)}}) == []
