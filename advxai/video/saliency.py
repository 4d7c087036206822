"""Maps over time: explainers of clips as one. Explainers of images, frame by frame, are in `framewise.py`."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.ahead import ahead
from advxai.common.types import Item, Record
from advxai.config.video import Lime3d, OverFrames, OverTime, Rise3d, Shap3d
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency import kernel_shap, lime, rise3d
from advxai.saliency.base import Explainer, Explanation, Inputs
from advxai.saliency.baselines import fill
from advxai.saliency.prepare import explained_class, generator_of, nothing
from advxai.saliency.returned import checked
from advxai.saliency.stage import together
from advxai.video.adversary import Adversarial
from advxai.video.clip import Load, Score, chunk_of, normalised, over_frames, placed, score_of, volume
from advxai.video.framewise import of_frames
from advxai.video.given import frame_keys, no_copy, no_counterpart
from advxai.video.hosts import Hosts, host_of
from advxai.video.record import record_of


@dataclass(frozen=True)
class _Prepared:
    """A clip's frames (T, 3, h, w) normalised, and the seconds that they took; where counterparts fill in, their own
    (T, 3, h, w), or why it has none."""

    frames: Tensor
    seconds: float
    counterpart: Tensor | None
    missing: str


def build(entry: OverTime) -> Explainer:
    """The explainer of an entry of clips."""
    match entry:
        case Shap3d():
            return kernel_shap.KernelShap(entry.samples)
        case Lime3d():
            return lime.Lime(entry.samples, entry.kernel_width, entry.ridge, entry.softmax_again)
        case Rise3d():
            return rise3d.Rise3d(entry.masks, entry.cells, entry.times, entry.p1, entry.softmax_again)
    raise ValueError(f"no explainer of clips: {type(entry).__name__}")


def _prepare(item: Item, load: Load, detector: Detector, filling: Genuine | None) -> _Prepared:
    start = time.perf_counter()
    frames = normalised(item, load, detector)
    counterpart, missing = None, ""
    if filling is not None:
        keys = frame_keys(item)
        missing = no_counterpart(filling, keys)
        if not missing:
            others = [filling.image(key) for key in keys]
            counterpart = torch.stack([detector.preprocessing.normalised(one) for one in others if one is not None])
    return _Prepared(frames, time.perf_counter() - start, counterpart, missing)


def _explain(
    item: Item,
    prepared: _Prepared,
    host: Record,
    detector: Detector,
    explainer: Explainer,
    entry: Shap3d | Lime3d | Rise3d,
    score: Score,
    seed: int,
    copies: Adversarial | None,
    who: str,
) -> Generator[Tensor, Tensor, dict[str, Any]]:
    segments: NDArray[np.int16] = host["segments"]
    target = explained_class(entry, host["before"], detector.classes)
    attack: Record = {}
    explanation: Explanation = nothing(segments)
    missing = prepared.missing or ("" if copies is None else no_copy(host))
    if not missing:
        frames = placed(prepared.frames, detector)
        copy = None
        if copies is not None:
            copy, attack = copies(item, frames)
        baseline = fill(
            entry.baseline,
            # blurred on the CPU: no fetching it back
            volume(prepared.frames if entry.baseline.kind == "blur" else frames),
            segments,
            detector.preprocessing,
            adversarial=None if copy is None else volume(copy),
            generator=generator_of(seed, "baseline", item["key"]),
            counterpart=None if prepared.counterpart is None else volume(placed(prepared.counterpart, detector)),
        )
        inputs = Inputs(
            key=item["key"],
            image=volume(frames),
            baseline=volume(placed(volume(baseline), detector)),
            segments=segments.copy(),
            target=target,
            generator=generator_of(seed, entry.method, item["key"]),
            chunk=chunk_of(len(frames)),
        )
        explanation = checked((yield from over_frames(explainer.explain(inputs), score)), segments, who, item["key"])
    return {**record_of(explanation, host, target, missing, attack), "preparation": prepared.seconds}


def run(
    items: Iterable[Item],
    load: Load,
    detector: Detector,
    entry: Shap3d | Lime3d | Rise3d | OverFrames,
    hosts: Hosts,
    score: str,
    seed: int,
    at_once: int,
    copies: Adversarial | None = None,
    filling: Genuine | None = None,
    row: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Explain every clip with one explainer.

    Args:
        items: clips with `key`, `sha256` and `frames`, all of as many.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: the detector to explain.
        entry: the row's entry of the configuration.
        hosts: what the clips' scores say, of `advxai.video.hosts.hosts_of`.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.
        seed: the run's; what is drawn is seeded by (seed, "saliency", method, key): of the clip, or of the frame.
        at_once: clips in work together, at most, as of `advxai.saliency.stage.in_work`; images of explainers that go
            over frames.
        copies: reader of the copies' shard; needed by the adversarial baseline. A clip that is called real, whose copy
            is the clip itself, isn't explained, and the record says why.
        filling: reader of the frames' counterparts; needed by the baseline counterpart. A clip of which a frame has
            none isn't explained, and the record says why.
        row: the row's name, for messages.

    Yields:
        Records: key, sha256, map (T, h, w) float32, segments (T, h, w) int16, scores (S,), ranking, zero, missing,
        target, called_real, before, frames_before, and the cost: images, calls, backwards, seconds, and those of the
        clip's copy. What is taken over of the scores isn't asked again, nor counted.

    Raises:
        InputError: the scores lack a clip; or as of `advxai.saliency.stage.run`.
    """
    items = list(items)
    who = f"explainer {row} ({entry.method})" if row else f"explainer {entry.method}"
    if "counterpart" in entry.needs and filling is None:
        raise ValueError("the baseline counterpart needs the counterparts")
    filling = filling if "counterpart" in entry.needs else None
    if isinstance(entry, OverFrames):
        yield from of_frames(items, load, detector, entry, hosts, seed, at_once, copies, filling, row)
        return
    explainer, clip = build(entry), score_of(score)
    with closing(ahead(lambda item: _prepare(item, load, detector, filling), items, depth=1)) as prepared:
        works = (
            (
                (item["key"], item["sha256"]),
                _explain(item, ready, host_of(hosts, item), detector, explainer, entry, clip, seed, copies, who),
            )
            for item, ready in prepared
        )
        frames = max((len(item["frames"]) for item in items), default=1)
        rows = min(chunk_of(frames), explainer.rows) * frames
        for (key, sha256), record, cost in drive(works, detector, together(at_once, rows, detector), who):
            seconds = cost.seconds + record.pop("preparation")
            spent = {"images": cost.images, "calls": cost.calls, "backwards": 0, "seconds": seconds}
            yield {"key": key, "sha256": sha256, **record, **spent}
