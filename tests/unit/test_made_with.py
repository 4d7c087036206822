"""What a record says it was made with: everything whose version may change its numbers."""

import importlib.metadata
from types import SimpleNamespace

import pytest
import torch

from advxai.detector.forwards import made_with
from advxai.report.provenance import mixed, records
from advxai.run import environment
from advxai.run.environment import installed_version
from advxai.run.store import write_shard
from tests.helpers import explainer_settings


def of(
    *packages: str, graph: SimpleNamespace | None = None, module: object = None, explainers_own: tuple[str, ...] = ()
) -> str:
    backend = SimpleNamespace(packages=packages)
    detector = SimpleNamespace(device=torch.device("cpu"), backend=backend, graph=graph, module=module)
    return made_with(detector, explainers_own)


@pytest.mark.parametrize("packages", [("torch",), ("torch", "openvino"), ("torch", "onnxruntime")])
def test_backend_segments_fits_and_fillings_are_named_with_their_versions(packages):
    where, _, versions = of(*packages).partition("; ")
    assert where == environment.processor()
    named = dict(one.rsplit(" ", 1) for one in versions.split(", "))
    assert list(named) == [*packages, "timm", "numpy", "scipy", "scikit-image", "opencv"]
    opencv = importlib.metadata.version("opencv-python-headless")
    others = {name: importlib.metadata.version(name) for name in named if name != "opencv"}
    assert named == others | {"opencv": opencv}


def test_opencv_has_several_names_and_what_isn_t_installed_took_no_part(monkeypatch):
    def version(name: str) -> str:
        if name in ("torch", "opencv-contrib-python", "numpy"):
            return "1.2"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(environment, "version", version)
    assert installed_version("opencv") == "1.2" and installed_version("scipy") is None
    assert of("torch").partition("; ")[2] == "torch 1.2, numpy 1.2, opencv 1.2"


def test_a_graph_of_a_former_environment_names_what_made_it(monkeypatch):
    monkeypatch.setattr(environment, "version", {"torch": "2.0", "openvino": "3", "timm": "1.2"}.get)
    same, other = SimpleNamespace(versions={"torch": "2.0", "timm": "1.1"}), SimpleNamespace(versions={"torch": "1.9"})
    assert of("torch", "openvino").partition("; ")[2] == "torch 2.0, openvino 3, timm 1.2"
    assert of("torch", "openvino", graph=same).partition("; ")[2] == "torch 2.0, openvino 3, timm 1.1"
    assert of("torch", "openvino", graph=other).partition("; ")[2] == "torch 2.0, openvino 3, graph by torch 1.9"


def test_gradients_of_a_kept_graph_name_what_built_the_module(monkeypatch):
    """The graph was made by timm 1.1; the module that gradients are of, by the one that is installed."""
    monkeypatch.setattr(environment, "version", {"torch": "2.0", "openvino": "3", "timm": "1.2"}.get)
    graph, module = SimpleNamespace(versions={"torch": "2.0", "timm": "1.1"}), torch.nn.Identity()
    said = of("torch", "openvino", graph=graph, module=module).partition("; ")[2]
    assert said == "torch 2.0, openvino 3, timm 1.1, module by timm 1.2"
    graph.versions["timm"] = "1.2"
    assert of("torch", "openvino", graph=graph, module=module) == of("torch", "openvino", graph=graph)


@pytest.mark.parametrize(
    ("entry", "packages"),
    [
        ({"method": "lime", "baseline": "zeros"}, ()),
        ({"method": "gradient_shap", "baseline": "zeros"}, ()),
        ({"method": "integrated_gradients", "baseline": "zeros"}, ("captum",)),
        ({"method": "gradcam"}, ("grad-cam",)),
        ({"method": "gradcam++"}, ("grad-cam",)),
        ({"method": "hirescam"}, ("grad-cam",)),
        ({"method": "relevancy"}, ()),
        ({"method": "attention"}, ()),
    ],
)
def test_an_explainer_s_own_packages_are_named_in_its_records_alone(entry, packages):
    assert explainer_settings(**entry).packages == packages
    own = "".join(f", {name} {importlib.metadata.version(name)}" for name in packages)
    assert of("torch", explainers_own=packages) == of("torch") + own


def test_a_mixture_is_listed(tmp_path):
    """A look-up accepts records of other versions; provenance counts them, and says which stages have several."""
    made = {"adversary": ("torch 1", "torch 2", "torch 1"), "saliency": ("torch 2",)}
    found = {}
    for stage, names in made.items():
        shard = tmp_path / f"{stage}.h5"
        rows = [{"key": str(number), "sha256": "s", "made_with": name} for number, name in enumerate(names)]
        write_shard(shard, rows, {"found": 0, "computed": len(rows), "images": 1, "calls": 1})
        found[stage] = records([shard])
    assert found["adversary"]["made_with"] == {"torch 1": 2, "torch 2": 1}
    assert mixed(found) == ["adversary"]


@pytest.mark.parametrize(
    ("made", "several"),
    [
        (["CPU; torch 2, numpy 1", "CPU; torch 2, numpy 1, captum 0.9", "CPU; torch 2, numpy 1, grad-cam 1.5"], False),
        (["CPU; torch 2, captum 0.9", "CPU; torch 2, grad-cam 1.5"], False),
        (["CPU; torch 2", "CPU; torch 3, captum 0.9"], True),
        (["CPU; torch 2", "GPU; torch 2, captum 0.9"], True),
        (["CPU; torch 2, captum 0.9", "CPU; torch 2", "CPU; torch 2, captum 0.8"], True),
        (["CPU; torch 2", "CPU; torch 2, timm 1"], True),  # not a package of some rows alone
        (["CPU; torch 2, timm 1", "CPU; torch 2, timm 1, module by timm 2, captum 0.9"], True),
        ([], False),
    ],
)
def test_packages_that_only_some_rows_need_are_no_mixture_but_two_versions_of_one_are(made, several):
    found = {"saliency": {"made_with": dict.fromkeys(made, 24)}}
    assert mixed(found, {"captum", "grad-cam"}) == (["saliency"] if several else [])
