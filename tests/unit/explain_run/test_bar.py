"""The bar of `explain`: it ends where everything is done, whatever was expected."""

import numpy as np
import pytest
import torch

from advxai.explain import compute
from advxai.explain.progress import Progress
from advxai.saliency import Maps, WhiteBox, registry
from tests.unit.cases.small_run import KEY
from tests.unit.explain_run.asking import changed, explained, read, weights


class Steps(WhiteBox):
    """A white box that makes as many forwards and ways back as it has steps."""

    def __init__(self, steps: int, rule: str) -> None:
        self.steps = steps

    def maps(self, network, batch):
        images = batch.images.repeat(self.steps, 1, 1, 1).requires_grad_()
        (found,) = torch.autograd.grad(network.score(images, batch.targets.repeat(self.steps)).sum(), [images])
        return Maps(found.sum(1).reshape(self.steps, len(batch), *found.shape[2:]).mean(0).cpu().numpy(), zero=0.0)


class Watched(Progress):
    """Remembers where it stood, before its end is put where it is."""

    ends: list[tuple[int, int]]

    def __exit__(self, *raised):
        self.ends.append((self._bar.n, self._bar.total))
        super().__exit__(*raised)


@pytest.mark.parametrize("method", ["integrated_gradients", "tests.custom:GradientTimesInput"])
def test_white_boxes_count_and_the_end_is_reached(finished, tmp_path, monkeypatch, method):
    monkeypatch.setitem(registry.BUILT_IN, "integrated_gradients", f"{__name__}:Steps")
    monkeypatch.setattr(Watched, "ends", [], raising=False)
    monkeypatch.setattr(compute, "Progress", Watched)
    white = {"method": method, "baseline": "zeros"} | ({"steps": 5} if "gradients" in method else {})
    rows = {"White": white, "LIME": {"method": "lime", "baseline": "zeros", "samples": 10}}
    stages = []
    monkeypatch.setattr(Watched, "stage", lambda _, title: stages.append(title))
    explained(changed(finished, explainers=rows), [KEY], tmp_path)
    assert stages == ["adversarial copies", "White", "LIME", "segment attacks"]
    ((done, total),) = Watched.ends
    assert done == total > 10
    (image,) = read(tmp_path, "Deepfakes_000_001_00005_0")["faces"][0]["images"]
    cost, steps = image["explainers"]["White"]["cost"], white.get("steps", 1)
    assert (cost["images"], cost["backwards"]) == (steps, steps)
    assert image["explainers"]["LIME"]["cost"]["backwards"] == 0
    assert image["explainers"]["White"]["target"] == image["called"]
    assert np.isfinite(cost["seconds"])


def test_of_faces_called_real_attacks_leave_the_total_with_the_copies(finished, tmp_path, monkeypatch):
    """Not when all maps are made: until then the estimate would be far off."""
    totals = {}

    class Stages(Watched):
        def stage(self, title):
            totals[title] = self._bar.total
            super().stage(title)

    monkeypatch.setattr(Watched, "ends", [], raising=False)
    monkeypatch.setattr(compute, "Progress", Stages)
    rows = {
        "LIME": {"method": "lime", "baseline": "zeros", "samples": 10},
        "LIME_adv": {"method": "lime", "baseline": "adversarial", "samples": 10},
    }
    run = changed(finished, explainers=rows)
    explained(run, [KEY], tmp_path, weights=weights(tmp_path / "real.safetensors", 50.0))
    ((done, total),) = Watched.ends
    assert done == total == totals["LIME"] and "segment attacks" not in totals  # for none is made
    assert totals["adversarial copies"] - totals["LIME"] > 2 * run.config.evaluation.top
