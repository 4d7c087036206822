"""What lower precisions of the detector's forward do to attacks, maps and rankings, on the demo's fakes.

    python -m benchmarks.gpu.precision --device cpu     # alone, after `make gpu-pack`; `make gpu` has it as a part
    python -m benchmarks.gpu.precision --device cpu --scale demo --images 8 --out mine

Every variant is compared with float32, image by image:

tf32        convolutions in TF32: on CUDA computed (`detector.precision: tf32`), on a CPU emulated by rounding what the
            convolutions of the folded module multiply.
bfloat16    a copy of the folded module in bfloat16. The product has no such setting.
other seed  float32 with other draws: what a difference has to be compared with, for no result is more certain than the
            design's own draws leave it. SOBOL and SHAP draw nothing.

signs, attacks: NES's first step and whole attacks. maps: of that stage alone, since all variants fill with float32's
adversarial copies; rows that end in ", own copies" fill with the variant's own, as a run all in that precision does.
flips: attacks on the top-1 to 3 segments of float32's maps. The files are written after each piece of work; on a CPU it
takes an hour or two with one thread, at a quarter of the paper's budgets.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from advxai.common.errors import InputError
from advxai.common.files import publish_text
from advxai.config.kernels import Kernels
from advxai.detector import checkpoint
from advxai.detector.backends import require_device
from advxai.detector.model import Detector
from advxai.media.cut import decode_png
from advxai.run.environment import as_a_job, installed_version, processor
from advxai.run.jobs import use_threads
from advxai.run.weights import said
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.compared import SCALES, Found, Load, Measuring, Work, config, variants
from benchmarks.gpu.pack import REMEDY, ROOT, Pack, evenly, opened
from benchmarks.gpu.precision_text import text
from benchmarks.speed.report import commit

IMAGES = 48
BATCH, AT_ONCE = {"cpu": 16, "cuda": 512}, {"cpu": 8, "cuda": 64}


def crops_of(pack: Pack) -> Load:
    """Reader of the pack's face crops: item with `key` -> RGB uint8 (h, w, 3)."""
    files = {crop["key"]: crop["file"] for crop in pack.crops}

    def image(item: Any) -> Any:
        file = files[item["key"]]
        return decode_png((pack.folder / file).read_bytes(), file, f"delete the folder and {REMEDY}")

    return image


def measure(
    found: Found, save: Callable[[], object], budget: Budget, device: str, pack: Pack, scale: str, images: int = IMAGES
) -> None:
    """Compare all variants with float32.

    Adds `precision`: scale, settings, model, size, images, called_real (fakes that were left out), forward_batch,
    emulated, and `variants` (`benchmarks.gpu.compared.Measuring`).

    Args:
        found: gets it.
        save: writes it.
        budget: takes the pieces of work.
        device: cpu or cuda.
        pack: crops and weights.
        scale: of SCALES.
        images: at most so many fakes.

    Raises:
        InputError: all fakes are called Real, or the weights can't be used.
    """
    about = said(pack.weights)
    settings = config(scale, about["model"], about["input_size"])
    base = checkpoint.load(settings.detector, pack.weights, forward_batch=BATCH[device], device=device)
    image = crops_of(pack)
    normalised = torch.stack([base.preprocessing.normalised(image(item)) for item in pack.crops])
    fake = ~base.classes.called_real(base.probabilities(normalised.to(base.device)))
    items = evenly([item for item, kept in zip(pack.crops, fake.tolist(), strict=True) if kept], images)
    if not items:
        raise InputError(f"{pack.weights}: calls each of the {len(pack.crops)} fakes Real; {REMEDY}")

    def like(precision: Any) -> Detector:
        kernels: dict[str, Any] = {"kernels": Kernels(precision=precision)}
        assert base.module is not None  # of a file of ours
        return Detector(
            base.module,
            base.preprocessing,
            classes=base.classes,
            device=device,
            forward_batch=base.forward_batch,
            **kernels,
        )

    found["precision"] = one = {
        "scale": scale,
        "explainers": {name: entry.model_dump(mode="json") for name, entry in settings.explainers.items()},
        "adversary": settings.adversary.model_dump(),
        "evaluation": settings.evaluation.model_dump(),
        "model": about["model"],
        "size": about["input_size"],
        "images": [item["key"] for item in items],
        "called_real": int((~fake).sum()),
        "forward_batch": base.forward_batch,
        "emulated": device == "cpu",
    }
    work = Work(settings, items, image, AT_ONCE[device])
    Measuring(work, variants(base, like), budget, one, save).run()


def main() -> int:
    started = time.monotonic()
    parser = argparse.ArgumentParser(
        "python -m benchmarks.gpu.precision", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--scale", choices=SCALES, default="quarter", help="budgets; default: quarter of the paper's")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"at most so many fakes; default: {IMAGES}")
    parser.add_argument("--minutes", type=float, default=600.0, help="that it may take; default: 600")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; default: 1")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/precision-maps", help="without ending")
    options = parser.parse_args()
    if options.images < 1 or options.threads < 1 or options.minutes <= 0:
        parser.error("--images and --threads must be at least 1, --minutes above zero")
    budget = Budget(60 * options.minutes, started, say=lambda line: print(line, flush=True))
    budget.part("precision", until=1.0)
    found: Found = {
        "command": f"--device {options.device} --scale {options.scale} --images {options.images}",
        "device": processor() if options.device == "cpu" else torch.cuda.get_device_name(),
        "threads": options.threads,
        "date": date.today().isoformat(),
        "commit": commit(),
        "versions": {package: installed_version(package) or "not installed" for package in ("torch", "timm", "numpy")},
    }

    def save() -> None:
        found.update(spent=budget.spent, left_out=budget.left_out)
        publish_text(Path(f"{options.out}.json"), json.dumps(found, indent=1) + "\n")
        publish_text(Path(f"{options.out}.md"), text(found))

    try:
        require_device(options.device, "give --device cpu, which emulates TF32")
        use_threads(options.threads)
        measure(found, save, budget, options.device, opened(), options.scale, options.images)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    save()
    print(text(found))
    return 0


if __name__ == "__main__":
    as_a_job()
    sys.exit(main())
