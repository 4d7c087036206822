"""The plan as text, at most 100 columns but in its table where names are long."""

import textwrap
from collections.abc import Iterator, Sequence

from advxai.common.sizes import human
from advxai.config import Config
from advxai.config.networks import CHANNEL_TOKENS, attention_bytes, options_of
from advxai.media.rule import Rule
from advxai.plan.clips import Clips
from advxai.plan.clips import in_words as clips_in_words
from advxai.plan.count import (
    BACKWARD,
    LEAST_JOB,
    MODULE,
    PAPER_ITERATIONS,
    SHARDED,
    START,
    TRAINING,
    Jobs,
    Row,
    jobs,
    processes,
    propose,
    starts,
)
from advxai.plan.found import Store
from advxai.plan.lengths import in_words as lengths_in_words
from advxai.plan.measure import Speed
from advxai.plan.passes import expected
from advxai.plan.population import Population
from advxai.plan.requests import Timed, memory, runtime
from advxai.plan.samples import Sampled, in_words
from advxai.plan.table import WIDTH, duration, number, size, table, totals

GPU_BATCH = 512  # of the rates in docs/speed.md and docs/scaling.md


def report(
    config: Config,
    population: Population,
    store: Store,
    found: Sequence[Row],
    speed: Speed | str,
    *,
    cores: int,
    gpus: int | None = None,
    submitted: int | None = None,
    timed: Sequence[Timed] = (),
    free: int,
    absent: str = "",
    samples: Sampled | None = None,
    clips: Clips | None = None,
) -> str:
    """The whole text.

    Args:
        config: the run's.
        population, store, found: its images, what is there of it, and the rows (`count.rows`).
        speed: as measured, or why it couldn't be.
        cores, gpus: Snakemake's; no limit of GPUs: None.
        submitted: jobs that a cluster has at once; None: there is no cluster.
        timed: jobs that have run.
        free: bytes on the disk of the results.
        absent: what the run needs and isn't there, a line each.
        samples, clips: that are explained besides; None: none.
    """
    about = "" if population.exact else "~"
    detector = config.detector
    network = f"{detector.model} at {detector.input_size} px, forward batch {detector.forward_batch}"
    computed = f", {detector.backend}, {_kernels(config)}"
    if isinstance(speed, Speed):
        said = f"{number(speed.rate) if speed.rate >= 100 else f'{speed.rate:.3g}'} images a second in one process"
        said += f": {network}{computed}, {speed.weights}; {speed.where}"
    else:
        said = f"not measured, so there are no times: {speed}"
    tracks = config.faces.tracks or 1
    each = f"of each of {tracks} faces" if tracks > 1 else "each"
    to_explain = (
        f"{about}{number(population.explained)} to explain, of {number(population.test_videos)} fake test videos "
        f"with at most {config.frames.most} {each}; "
    )
    head = [
        f"Plan of the run {config.run}. Nothing of it is made. ~ marks an estimate.",
        "",
        *_item(
            "images",
            f"{to_explain if config.explainers else 'none to explain; '}{about}{number(population.test)} test images "
            f"to classify; by {population.source}",
        ),
        *(_item("samples", in_words(samples, config.sampled)) if samples is not None else []),
        *(_item("clips", clips_in_words(clips, config)) if clips is not None else []),
        *_item("crops", _crops(config)),
        *(_item("trained", detector.training.in_words) if detector.checkpoint is None else []),
        *_item("speed", said),
        "",
    ]
    parts = [
        head,
        table(found, population.exact),
        [""],
        _jobs(config, population, found, cores, gpus, submitted),
        expected(config, population, store, speed.rate if isinstance(speed, Speed) else None),
        _timed(timed),
    ]
    notes = _notes(config, population, store, found, free)
    lines = [line for part in parts for line in part] + [line for note in notes for line in _item("-", note, 2)]
    if absent:
        wrapped = (textwrap.wrap(line, WIDTH, subsequent_indent="    ") for line in absent.splitlines())
        lines += ["", *(line for block in wrapped for line in block)]
    return "\n".join(lines) + "\n"


def _kernels(config: Config) -> str:
    """What else decides how fast the forwards are, as far as it can be set there."""
    detector = config.detector
    if detector.device == "cpu":
        return f"threads {detector.threads}"
    timed = ", cudnn_benchmark" if detector.cudnn_benchmark else ""
    return f"{detector.precision}, {detector.layout}{timed}, {config.at_once} images in work at once"


def _crops(config: Config) -> str:
    if config.frames.ready:
        return "as the database has them" if config.frames.lmdb else f"as they are in {config.frames.crops}"
    return Rule.of(config.faces).words


def _item(name: str, text: str, indent: int = 8) -> list[str]:
    return textwrap.wrap(
        f"{name.ljust(indent - 1)} {text}", WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    )


def _jobs(
    config: Config, population: Population, found: Sequence[Row], cores: int, gpus: int | None, submitted: int | None
) -> list[str]:
    listed = jobs(found, config.shards)
    if not listed:
        return ["No job with many forwards is left.", ""]
    title = f"jobs with shards: {config.shards}"
    lines = [f"{title:<30}{'number':>8}{'images a job':>16}{'time a job':>26}{'at most':>12}"]
    for item in listed:
        times = "?" if item.shortest is None or item.longest is None else _range(item.shortest, item.longest)
        most = "?" if item.most is None else duration(item.most)
        images = f"~{item.images:,.0f}" if item.images >= 1 else "<1"
        lines.append(f"{item.stage:<30}{item.number:>8,}{images:>16}{times:>26}{most:>12}")
    seconds = [row.seconds for row in found if row.stage in SHARDED and row.seconds]
    if not seconds:
        return [*lines, "", "No number of shards is proposed: that goes by the jobs' times, and none is known.", ""]
    at_once = processes(config, cores, gpus, submitted)
    shards = propose(seconds, at_once, population.test_videos)
    planned = jobs(found, shards)
    shortest = min(item.shortest for item in planned if item.shortest is not None)
    longest = max(item.longest for item in planned if item.longest is not None)
    advice = f"Proposal: `shards: {shards}`; a job then takes {_range(shortest, longest)}"
    advice += "." if longest >= LEAST_JOB else ", less than the ten minutes that would be worth dividing."
    if submitted is not None:
        advice += f" Ask for `runtime: {runtime(longest)}` (minutes, twice the longest); a retry gets more and goes on."
    parallel = sum(
        (row.seconds or 0) / (min(at_once, _width(row, planned)) if row.stage in SHARDED else 1) for row in found
    )
    whole = f"One process needs {totals(found, population.exact)[3]}"
    kind = "GPU" if config.detector.device == "cuda" else "core"
    asked = f"--cores {cores}" if submitted is None else f"--jobs {submitted}"
    if at_once > 1:
        whole += (
            f", {at_once} at once ({asked}) need {duration(parallel)} with these shards, if they don't slow "
            "each other down."
        )
    else:
        whole += f"; with N processes at once, a {kind} each, the sharded stages take an N-th. Ask with "
        whole += "`--cores N --resources gpu=N`." if kind == "GPU" else "`--cores N`."
    paragraphs = (advice, whole, _starting(config, found, shards, at_once))
    return [*lines, "", *(line for text in paragraphs for line in textwrap.wrap(text, WIDTH)), ""]


def _starting(config: Config, found: Sequence[Row], shards: int, at_once: int) -> str:
    """What the jobs' starts take beside their work, with the shards that are set and with those that are proposed."""

    def said(number: int) -> str:
        count = starts(found, number)
        return f"`shards: {number}` are {count:,} jobs, {duration(START * count / at_once)}"

    more = ", more where it compiles the module" if config.detector.backend == "inductor" else ""
    together = f" with {at_once} at once" if at_once > 1 else ""
    other = f"; {said(shards)}" if shards != config.shards else ""
    return (
        f"A job takes some {START:.0f} s to start{more}, which comes on top: {said(config.shards)} of "
        f"starting{together}{other}."
    )


def _timed(timed: Sequence[Timed]) -> list[str]:
    if not timed:
        return []
    lines = [f"{'jobs that have run':<30}{'number':>8}{'longest':>16}{'most memory':>16}{'request on a cluster':>30}"]
    for jobs_of in timed:
        held = "?" if jobs_of.megabytes is None else f"{jobs_of.megabytes:,.0f} MB"
        asked = f"runtime: {runtime(jobs_of.seconds)}"
        if jobs_of.megabytes is not None:
            asked = f"mem_mb: {memory(jobs_of.megabytes)}, {asked}"
        lines.append(f"{jobs_of.rule:<30}{jobs_of.number:>8,}{duration(jobs_of.seconds):>16}{held:>16}{asked:>30}")
    return [*lines, ""]


def _width(row: Row, planned: Sequence[Jobs]) -> int:
    """Jobs of the row's stage."""
    return next(item.number for item in planned if item.stage == row.stage) if row.missing else 1


def _range(least: float, most: float) -> str:
    texts = [duration(least), duration(most)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _notes(config: Config, population: Population, store: Store, found: Sequence[Row], free: int) -> Iterator[str]:
    """What the numbers rest on; only what matters for this run."""
    stages, elsewhere = {row.stage for row in found if row.missing}, store.elsewhere
    if any(row.seconds is not None for row in found if row.missing):
        yield (
            "Times are of the forwards alone, in one process. Noise, perturbed images and superpixels come on top, "
            "most with SHAP, and the start of each job."
        )
        if config.detector.device == "cuda":
            asked = "for hours to count on set `plan.rate` to" if config.plan.rate is None else "`plan.rate` should be"
            batch = config.detector.forward_batch
            small = f" The rates there are of batches of {GPU_BATCH}, here it is {batch}." if batch < GPU_BATCH else ""
            yield (
                f"A GPU's stages are slower than its raw forwards, which `make tune` measures: {asked} what `make gpu` "
                f"measures for NES, which most of the time goes into (docs/speed.md).{small}"
            )
    if config.detector.checkpoint is None and not (population.train or store.detector or store.ready_made):
        yield "detector: there is no image to train on; set detector.checkpoint, or list images with their split."
    if "training" in stages:
        yield f"A training image counts as {TRAINING} forwards of detector.threads; early stopping isn't counted."
    if "adversary" in stages:
        if store.adversary.forwards is not None:
            yield f"adversary: expected is the mean in the store, {store.adversary.forwards:,.0f} forwards an image."
        elif elsewhere is None or elsewhere.adversary is None:
            allowed = config.adversary.iterations
            most = f", or the {allowed} that are allowed" if allowed < PAPER_ITERATIONS else ""
            yield (
                f"adversary: expected are {PAPER_ITERATIONS} NES iterations an image{most}; the paper's table 3 "
                "implies that mean."
            )
    if "video_attacks" in stages:
        yield (
            "Clips: attacks are expected to take what the settings allow, or the mean in the store, on each clip; real "
            "ones and those called real aren't attacked, and segments that several rows rank first only once."
        )
    if "evaluation" in stages:
        mean = next((held.forwards for held in store.evaluation.values() if held.forwards), None)
        if mean is not None:
            yield f"evaluation: expected is the mean in the store, {mean:,.0f} forwards an attack."
        elif elsewhere is None:
            yield (
                "evaluation: no attack is in the store, so expected is what the settings allow at most; `plan.like` "
                "names a run whose attacks say more."
            )
        if elsewhere is None:
            yield (
                "Segments that several explainers rank first are attacked once, and images called real end at once: "
                "neither is counted."
            )
    if elsewhere is not None and stages & {"adversary", "evaluation"}:
        attacks = all(held.forwards is None for held in store.evaluation.values())
        yield from lengths_in_words(
            elsewhere,
            copies="adversary" in stages and store.adversary.forwards is None,
            attacks="evaluation" in stages and attacks,
        )
    yield from _gradients(config, found)
    if any(row.forwards is None for row in found):
        yield (
            "?: how many forwards an explainer or a measure from outside takes, and how many segments quickshift "
            "makes, shows once the store has an image's record."
        )
    if config.frames.explain == "called_fake":
        yield "Of the images only those are explained that the detector calls fake; unclassified ones count."
    if "faces" in stages and store.faces_per_second is None:
        yield "faces: the time shows here once a shard has been timed (results/store/logs/<run>/faces_shard)."
    written = sum(row.bytes or 0 for row in found)
    journals = sum(row.bytes or 0 for row in found if row.stage in ("detector", *SHARDED))
    if written:
        yield (
            f"disk: {size(written + journals)} while it runs, since records are in journals too until the run has "
            f"ended; {human(free)} are free{'' if written + journals < free else ': too little'}."
        )


def _gradients(config: Config, found: Sequence[Row]) -> Iterator[str]:
    """What white boxes take besides forwards."""
    back = {
        f"video.{row.name}" if row.stage.startswith("video_") else row.name: row.backwards
        for row in found
        if row.backwards
    }
    if not back:
        return
    listed = ", ".join(f"{name} ~{number(images)}" for name, images in back.items())
    slower, backend = "", config.detector.backend
    if backend != "torch":
        slower = f"; a forward of the module counts as {MODULE[backend]} of {backend}'s"
    yield (
        f"Backwards (images back through the detector, for gradients): {listed}. In the times each counts as "
        f"{BACKWARD} forwards of torch's module, which computes the forwards of these rows too{slower}. That is "
        "estimated, and rather low: batches that aren't full take as long as full ones."
    )
    entries = {**{f"video.{name}": entry for name, entry in config.video.explainers.items()}, **config.explainers}
    rows = {name: getattr(entries[name], "row", entries[name]) for name in back}  # of clips, frame by frame
    batches = {name: getattr(row, "gradient_batch", None) for name, row in rows.items()}
    most = max(batch or config.detector.forward_batch for batch in batches.values())
    takes = _attention(config, most) or "(EfficientNetV2-B0: 4.6 GB of memory for 64 at 224 px)"
    yield (
        f"A white box holds all of the network's features of its batch, here of up to {most} images "
        f"{takes}: a smaller `gradient_batch` of the row takes less."
    )


def _attention(config: Config, images: int) -> str:
    """What attention between channels' tokens takes of memory, where the detector has such; "": it hasn't."""
    model, network = config.detector.model, config.detector.network
    one = attention_bytes(model, network)
    if not one:
        return ""
    depth = options_of(model, network)["depth"]
    return (
        f"and their attention: {size(one)} an image and block between {CHANNEL_TOKENS + 1:,} tokens, and as much for "
        f"its gradient, {size(2 * one * depth * images)} in {depth} blocks"
    )
