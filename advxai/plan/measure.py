"""How many images a second the detector takes here, in one process."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advxai.common.files import file_sha256
from advxai.config.science import Detector as Settings
from advxai.run.bar import Bar
from advxai.run.jobs import use_threads
from advxai.run.weights import configured_classes

# What imports torch is imported where it is used: who looks at `plan.like` alone needn't wait for it
if TYPE_CHECKING:
    from advxai.detector.model import Detector

log = logging.getLogger(__name__)
ELSEWHERE = (
    "plan on a machine that has one, or set plan.rate to the images a second that one computes "
    "(--config 'plan={rate: 6000}'; docs/scaling.md has rates)"
)


@dataclass(frozen=True)
class Speed:
    """Outcome of a measurement.

    Attributes:
        rate: images a second.
        where: device and versions.
        weights: which weights the network had, in words; they don't matter for the time.
    """

    rate: float
    where: str
    weights: str


def measure(settings: Settings, trained: Path, seconds: float = 10.0) -> Speed:
    """Time full forward batches.

    Args:
        settings: device, backend, kernels, forward batch, threads and input size are these.
        trained: the run's detector. If it isn't there, the checkpoint is taken, else random weights.
        seconds: of the measurement; at least one forward is made.

    Raises:
        InputError: no such device, or the network can't be built or loaded.
    """
    from advxai.detector.backends import require_device
    from advxai.detector.forwards import made_with
    from advxai.detector.throughput import rate

    require_device(settings.device, ELSEWHERE)
    log.info("Measuring the detector's forwards for %g seconds ...", seconds)
    use_threads(settings.threads)
    detector, weights = _detector(settings, trained)
    with Bar(total=seconds, desc="forwards", leave=False, bar_format="{desc} {bar} {n:.0f} s") as bar:
        found = rate(detector, seconds, lambda passed: bar.update(min(passed, seconds) - bar.n))
    return Speed(found, made_with(detector), weights)


def _detector(settings: Settings, trained: Path) -> "tuple[Detector, str]":
    from advxai.detector.build import build_module, preprocessing
    from advxai.detector.checkpoint import load
    from advxai.detector.model import Detector

    if trained.exists():
        return load(settings, trained, weights=file_sha256(trained)), "the run's weights"
    if settings.checkpoint is not None and Path(settings.checkpoint).exists():
        return load(settings, Path(settings.checkpoint)), "the checkpoint's weights"
    classes = configured_classes(settings)
    module = build_module(settings, classes.outputs)
    detector = Detector(
        module,
        preprocessing(settings, module),
        classes=classes,
        device=settings.device,
        forward_batch=settings.forward_batch,
        backend=settings.backend,
        kernels=settings.kernels,
    )
    return detector, "random weights"
