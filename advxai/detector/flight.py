"""Forwards that the device has been told to compute, and what comes of them."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from advxai.common.errors import InputError
from advxai.detector.model import Detector
from advxai.detector.queue import Name, Share, Task
from advxai.detector.transfer import Arriving

T = TypeVar("T")


class Flight(Generic[Name, T]):
    """One forward, from its launch until its answers are looked at.

    Args:
        batch: the images, of which the first are those of the shares.
        shares: whose they are; those that are asked for come first.
        detector: computes it.
        clock: seconds.
        since: when the batch began to be gathered.
    """

    def __init__(
        self,
        batch: Tensor,
        shares: Sequence[Share[Name, T]],
        detector: Detector,
        clock: Callable[[], float],
        since: float,
    ) -> None:
        self._shares, self._detector, self._clock = shares, detector, clock
        asked = sum(share.count for share in shares if share.asked)
        foreseen = sum(share.count for share in shares) - asked
        self._answers = detector.forward(batch, asked, foreseen) if foreseen else detector.forward(batch, asked)
        self._arriving = Arriving(self._answers)
        # On the CPU images are looked at, too: OpenVINO makes a finite answer of NaN. A sum takes a thousandth of the
        # forward.
        self._sound = batch.device.type != "cpu" or bool(batch.sum().isfinite())
        self._seconds = clock() - since

    @torch.inference_mode(mode=False)
    def collect(self) -> list[Task[Name, T]]:
        """Wait for the answers and hand them to the requests; returns whose they were, each once.

        A work may hold `torch.inference_mode` over its requests; answers are as without it, whoever they are for.

        Raises:
            InputError: an answer is NaN or infinite, or comes of an image that is; names the image.
        """
        start = self._clock()
        host = self._arriving.wait()
        sound = self._sound and bool(host.isfinite().all())
        if not sound:
            self._require_numbers(host)
        rows, used = sum(share.count for share in self._shares if share.wanted), 0
        seconds = self._seconds + self._clock() - start
        for share in self._shares:
            part = slice(used, used + share.count)
            answers = self._answers[part].clone()
            share.request.answers.append((answers, answers if host is self._answers else host[part]))
            share.request.spoilt |= not (sound or share.asked)
            if share.wanted:  # else it was padding: of a work that may have ended, whose cost is told
                share.task.cost.seconds += seconds * share.count / rows
            used += share.count
        return list(dict.fromkeys(share.task for share in self._shares))

    def _require_numbers(self, host: Tensor) -> None:
        parts = torch.split(host, [share.count for share in self._shares])
        asked = [(share, part) for share, part in zip(self._shares, parts, strict=True) if share.asked]
        tasks = [share.task for share, part in asked for _ in part]
        images = [image for share, _ in asked for image in share.images]
        if tasks:
            require_numbers(torch.cat([part for _, part in asked]), images, tasks, self._detector)


def require_numbers(
    answers: Tensor, images: Sequence[Tensor] | Tensor, tasks: Sequence[Task[Any, Any]], detector: Detector
) -> None:
    """Refuse answers that are NaN or infinite; whose fault it is, the detector's or the asked image's, is said.

    Args:
        answers: (n, classes) probabilities.
        images: the n rows that they are of.
        tasks: who has asked for each.
        detector: has answered.

    Raises:
        InputError: one isn't finite, or comes of an image that isn't; names the image.
    """
    for task, image in zip(tasks, images, strict=True):
        if not bool(image.isfinite().all()):
            raise InputError(
                f"{task.who}: a request for the image {task.image} holds NaN or infinity; correct what makes it"
            )
    detector.require_numbers(answers, [task.image for task in tasks])
