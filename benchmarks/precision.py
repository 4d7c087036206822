"""What other roundings and lower precisions of the detector's forward do to NES, on the images of a finished run.

    python benchmarks/precision.py                     # in the folder where config.yaml has been run
    python benchmarks/precision.py mine.yaml --images 24 --out mine

Two questions, each for every way of computing the forward (`variants`), always on the CPU:

signs    NES moves a pixel by the sign of its gradient estimate g. In how many pixels is that sign the one that float64
         gives, for the same image and the same draws of the noise? At the run's sigma and n and at the paper's, before
         the first step and after (at most) three steps of float64's own path.
attacks  How many whole attacks with the run's settings succeed, as the variant sees it and as float32 (`torch`) sees
         the images that come out? An attack that succeeds under the variant's rounding alone is none. And in how many
         pixels is the outcome the one of float64?

The variant `other noise` is torch in float32 with other draws: what a difference between two variants has to be
compared with. Takes about four minutes for the demo on one core; writes <out>.json and <out>.md.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from advxai.adversary.nes import attack, gaussian_noise, reconstruct  # noqa: E402
from advxai.adversary.stage import run as attack_all  # noqa: E402
from advxai.common.errors import InputError  # noqa: E402
from advxai.common.files import publish  # noqa: E402
from advxai.config import Config, load  # noqa: E402
from advxai.config.file import read  # noqa: E402
from advxai.config.science import Nes  # noqa: E402
from advxai.detector import checkpoint  # noqa: E402
from advxai.detector.backends import Backend, import_openvino, installed  # noqa: E402
from advxai.detector.forwards import image_loader  # noqa: E402
from advxai.detector.model import Detector  # noqa: E402
from advxai.run.environment import as_a_job, installed_version, processor  # noqa: E402
from advxai.run.jobs import read_items, use_threads  # noqa: E402
from advxai.run.paths import Paths  # noqa: E402
from benchmarks.lowered import Own, Rounded, half, tf32  # noqa: E402

PACKAGES = ("torch", "openvino", "onnxruntime", "timm", "numpy")
PAPER = {"sigma": 0.001, "samples": 40}
STEPS = 3  # of the path, before the signs are compared again
OTHER_BATCH = 64
AGREEMENT = 0.99  # of a variant's signs; less is named in the findings
REFERENCE, FORMER, FLOAT32, NOISE = "float64", "float32, not folded, channels last", "torch", "other noise"


class LowOpenVino(Backend):
    """OpenVINO in bfloat16, its own choice on CPUs that have it; the product's backend forbids that."""

    def __init__(self, module: nn.Module, shape: tuple[int, ...]) -> None:
        openvino = import_openvino()
        warnings.filterwarnings("ignore", module="torch.jit")  # its tracing is deprecated
        model = openvino.convert_model(module, input=[shape], example_input=torch.zeros(shape))
        options = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self.compiled = openvino.compile_model(model, "CPU", options)
        self.lowered = self.compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.bf16

    def __call__(self, batch: Tensor) -> Tensor:
        return torch.from_numpy(self.compiled(batch.numpy())[0].copy())


class Float64(Detector):
    """Probabilities in float64, of logits in float64."""

    @torch.inference_mode()
    def forward(self, batch: Tensor, rows: int) -> Tensor:
        return self.backend(batch).softmax(dim=1)[:rows]


def variants(base: Detector) -> dict[str, Detector]:
    """The run's detector with every way of computing its forward, the reference first."""
    module, size = base.module, base.forward_batch

    def shipped(backend: str, batch: int = size) -> Detector:
        return Detector(module, base.preprocessing, forward_batch=batch, backend=backend)

    def own(backend: Backend, kind: type[Detector] = Detector) -> Detector:
        detector = kind(module, base.preprocessing, forward_batch=size)
        detector.backend = backend
        return detector

    found = {
        REFERENCE: own(Own(module, torch.float64, torch.contiguous_format), Float64),
        "float32, not folded": own(Own(module, torch.float32, torch.contiguous_format)),
        FORMER: own(Own(module, torch.float32, torch.channels_last)),
        **{name: shipped(name) for name in installed()},
        f"torch, forward batch {OTHER_BATCH}": shipped("torch", OTHER_BATCH),
        NOISE: base,
        "TF32 (emulated)": own(Rounded(module, tf32)),
        "float16 (emulated)": own(Rounded(module, half, everywhere=True)),
        "bfloat16": own(Own(module, torch.bfloat16, torch.channels_last)),
    }
    if "openvino" in installed():
        low = LowOpenVino(module, base.shape)
        found |= {"openvino, bfloat16": own(low)} if low.lowered else {}
    return found


@dataclass(frozen=True)
class Run:
    """A finished run: its images to measure on, and its detector with torch."""

    config: Config
    items: list[dict[str, Any]]
    image: Callable[[Any], np.ndarray]
    detector: Detector

    def noise(self, item: dict[str, Any], settings: Nes, name: str = REFERENCE) -> Callable[[int], Tensor]:
        """A variant's draws: those of the stage `adversary`, or others."""
        size = (self.detector.preprocessing.input_size,) * 2
        identity = (self.config.seed + (name == NOISE), "adversary", item["key"])
        return gaussian_noise(settings.samples, size, torch.device("cpu"), *identity, channels=settings.channels)


def finished(path: Path, count: int) -> Run:
    """Open a run and take `count` of its images to explain, evenly spaced over its lists.

    Raises:
        InputError: the configuration can't be read, or hasn't been run here.
    """
    config = load(read(path))
    paths = Paths(config)
    weights = paths.detector.path / "detector.safetensors"
    lists = [paths.lists / f"{shard}.json" for shard in paths.shards]
    for needed in (weights, paths.lmdb, *lists):
        if not needed.exists():
            raise InputError(f"{needed} is not there: run {path} first, in this folder")
    use_threads(config.detector.threads)
    settings = config.detector.model_copy(update={"backend": "torch"})
    items = [item for file in lists for item in read_items(file)]
    chosen = [items[n] for n in np.linspace(0, len(items) - 1, min(max(count, 1), len(items))).round().astype(int)]
    return Run(config, chosen, image_loader(str(paths.lmdb)), checkpoint.load(settings, weights, device="cpu"))


def path_of(run: Run, item: dict[str, Any], reference: Detector) -> list[Tensor]:
    """The images of the reference's attack before its steps 1 to STEPS + 1, as far as they aren't called real."""
    settings = run.config.adversary.model_copy(update={"iterations": STEPS + 1})
    image = reference.preprocessing.normalised(run.image(item))
    work = attack(image, settings, reference.preprocessing, run.noise(item, settings), reference.classes)
    images, request = [], next(work)
    while True:
        answer = reference.probabilities(request)
        if len(images) > STEPS or reference.classes.called_real(answer):
            return images
        images.append(request[0])
        request = work.send(reference.probabilities(work.send(answer)))


def signs(image: Tensor, detector: Detector, settings: Nes, draws: Tensor) -> tuple[np.ndarray, Tensor]:
    """The sign of g by the product's own first step, and the differences F(x + sigma u) - F(x - sigma u) in g."""
    image = detector.place(image)
    once = settings.model_copy(update={"iterations": 1, "project": False})
    work = attack(image, once, detector.preprocessing, lambda iteration: draws, detector.classes)
    # whatever it is, so that the attack goes on
    fake = torch.arange(len(detector.classes.names))[None] != detector.real
    next(work)
    probabilities = detector.probabilities(work.send(fake.float()))
    up, down = probabilities[:, detector.real].double().chunk(2)
    return (work.send(probabilities)[0] - image).sign().numpy(), up - down


def compare_signs(run: Run, found: dict[str, Detector], bar: tqdm) -> Iterator[dict[str, Any]]:
    """A row for each image, point of its path, setting and variant: shares of pixels, and the differences' error."""
    own = run.config.adversary
    paper = own.model_copy(update=PAPER)
    for number, item in enumerate(run.items):
        path = path_of(run, item, found[REFERENCE])
        points = sorted({0, len(path) - 1}) if path else []
        for steps, settings in product(points, [own] if own == paper else [own, paper]):
            answers = {
                name: signs(path[steps], detector, settings, run.noise(item, settings, name)(steps))
                for name, detector in found.items()
            }
            wanted, exact = answers[REFERENCE]
            for name, (sign, difference) in answers.items():
                yield {
                    "image": number,
                    "steps": steps,
                    **settings.model_dump(include=set(PAPER)),
                    "variant": name,
                    "equal": np.equal(sign, wanted).mean(),
                    "former": np.equal(sign, answers[FORMER][0]).mean(),
                    "zero": np.equal(sign, 0).mean(),
                    "error": np.nan if name == NOISE else float((difference - exact).norm() / exact.norm()),
                }
        bar.update()


def compare_attacks(run: Run, found: dict[str, Detector], bar: tqdm) -> Iterator[dict[str, Any]]:
    """A row for each variant and image."""
    settings, judge = run.config.adversary, found[FLOAT32]
    keys = [item["key"] for item in run.items]
    exact: dict[int, np.ndarray] = {}
    for name, detector in found.items():
        seed = run.config.seed + (name == NOISE)
        for record in attack_all(run.items, run.image, detector, settings, seed, run.config.at_once):
            number, steps = keys.index(record["key"]), record["steps"]
            exact.setdefault(number, steps)  # the reference comes first
            image = judge.preprocessing.normalised(run.image(run.items[number]))
            copied = reconstruct(image, steps, settings, judge.preprocessing)
            yield {
                "image": number,
                "variant": name,
                "success": record["success"],
                "float32": bool(judge.classes.called_real(judge.probabilities(copied[None])[0])),
                "iterations": record["iterations"],
                "equal": np.equal(steps, exact[number]).mean(),
            }
            bar.update()


def percent(values: pd.Series) -> str:
    """Median and minimum."""
    return f"{values.median():.2%} ({values.min():.2%})" if len(values) else ""


def signs_row(own: pd.DataFrame) -> dict[str, str]:
    return {
        f"as {REFERENCE}, before step 1": percent(own.equal[own.steps == 0]),
        "later": percent(own.equal[own.steps > 0]),
        "as former float32": percent(own.former),
        "g = 0": f"{own.zero.median():.2%}",
        "error": "" if own.error.isna().all() else f"{own.error.median():.1e}",
    }


def attacks_row(own: pd.DataFrame) -> dict[str, str]:
    return {
        "called Real": f"{own.success.sum()} of {len(own)}",
        f"of these by {FLOAT32} too": f"{(own.success & own.float32).sum()}",
        "mean iterations": f"{own.iterations.mean():.2f}",
        f"outcome of {REFERENCE}": percent(own.equal),
    }


def table(rows: pd.DataFrame, row: Callable[[pd.DataFrame], dict[str, str]]) -> str:
    """A Markdown table with a row a variant."""
    made = {name: row(own) for name, own in rows.groupby("variant", sort=False)}
    return pd.DataFrame.from_dict(made, orient="index").rename_axis("variant").to_markdown(disable_numparse=True)


def findings(rows: pd.DataFrame, outcomes: pd.DataFrame) -> list[str]:
    """What the numbers say, and no more."""
    said = []
    for (sigma, samples), some in rows.groupby(list(PAPER), sort=False):
        equal = some.groupby("variant", sort=False).equal.agg(["median", "min"]).drop([REFERENCE, NOISE])
        low, rest = (equal[chosen] for chosen in (equal["median"] < AGREEMENT, equal["median"] >= AGREEMENT))
        named = "; ".join(f"{name} {value:.1%}" for name, value in low["median"].items()) or "no variant"
        text = f"n = {samples}, sigma = {sigma:g}: under {AGREEMENT:.0%} of the signs are {REFERENCE}'s (median) with: "
        worst = f". With the others {rest['min'].min():.2%} or more in every image" if len(rest) else ""
        said.append(f"{text}{named}{worst}.")
    zero = rows.groupby("variant", sort=False).zero.max()
    lost = [f"{name} (up to {value:.2%} of an image)" for name, value in zero[zero > 0].items()]
    success = outcomes.groupby("variant", sort=False).success.sum()
    seen = outcomes[outcomes.float32].groupby("variant").success.sum().reindex(success.index, fill_value=0)
    only = [f"{name} ({count})" for name, count in (success - seen).items() if count]
    numbers = "; ".join(f"{name} {count}" for name, count in seen.items())
    return [
        *said,
        f"g is exactly 0 in some pixel with: {'; '.join(lost) or 'no variant'}.",
        f"Attacks that succeed for the variant alone, not for {FLOAT32}: {'; '.join(only) or 'none'}.",
        f"Of {outcomes.image.nunique()} images so many become Real for {FLOAT32} too: {numbers}.",
    ]


def document(run: Run, source: str, rows: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[dict[str, Any], str]:
    """Everything: for the JSON file, and what people read, as Markdown."""
    detector, nes, count = run.config.detector, run.config.adversary, len(run.items)
    content = {
        "command": f"python benchmarks/precision.py {source} --images {count}",
        "date": date.today().isoformat(),
        "cpu": processor(),
        "versions": {name: number for name in PACKAGES if (number := installed_version(name)) is not None},
        "detector": detector.model_dump(include={"model", "input_size", "forward_batch", "threads"}),
        "adversary": nes.model_dump(),
        "findings": findings(rows, outcomes),
        "images": [item["key"] for item in run.items],
        "signs": rows.round(8).replace([np.inf, np.nan], None).to_dict("split", index=False),
        "attacks": outcomes.round(8).to_dict("split", index=False),
    }
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    parts = [
        "# What roundings and lower precisions of the forward do to NES",
        f"Made by `{content['command']}` on {content['date']}: {content['cpu']}, {detector.threads} thread(s), "
        f"{versions}. {count} images of the run {run.config.run}; {detector.model} at {detector.input_size} px, forward"
        f" batch {detector.forward_batch}.",
        "\n".join(f"- {sentence}" for sentence in content["findings"]),
        "## Signs",
        f"Share of the pixels whose g has the sign of {REFERENCE}'s, before its first step and after at most {STEPS}; "
        f"whose g has the sign of `{FORMER}`'s; whose g is exactly 0. Median over images, in brackets the minimum. "
        "The error is that of the differences F(x + sigma u) - F(x - sigma u) in g: its norm over theirs, median.",
    ]
    for (sigma, samples), some in rows.groupby(list(PAPER), sort=False):
        parts += [f"n = {samples}, sigma = {sigma:g}:", table(some, signs_row)]
    parts += [
        "## Attacks",
        f"Whole attacks: n = {nes.samples}, sigma = {nes.sigma:g}, alpha = {nes.alpha * 255:.3g}/255, at most "
        f"{nes.iterations} iterations. The last column: share of the pixels that end where they do in {REFERENCE} "
        "(none, as a rule, after an odd number of steps more or less).",
        table(outcomes, attacks_row),
    ]
    return content, "\n\n".join(parts) + "\n"


def measure(path: Path, images: int, out: Path) -> None:
    """Everything, in two files and on the screen."""
    run = finished(path, images)
    found = variants(run.detector)
    with tqdm(total=len(run.items), desc="signs", unit="image") as bar:
        rows = pd.DataFrame(compare_signs(run, found, bar))
    if rows.empty:
        raise InputError(f"{path}: each of these images is called Real without an attack; give more --images")
    with tqdm(total=len(found) * len(run.items), desc="attacks", unit="attack") as bar:
        outcomes = pd.DataFrame(compare_attacks(run, found, bar))
    content, text = document(run, path.name, rows, outcomes)
    publish(Path(f"{out}.json"), lambda file: file.write_text(json.dumps(content) + "\n"))
    publish(Path(f"{out}.md"), lambda file: file.write_text(text))
    print(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, default="config.yaml", help="has been run in this folder")
    parser.add_argument("--images", type=int, default=12, help="at most so many of its images to explain (12)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/precision", help="files without suffix")
    arguments = parser.parse_args()
    try:
        measure(arguments.config, arguments.images, arguments.out)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    as_a_job()
    sys.exit(main())
