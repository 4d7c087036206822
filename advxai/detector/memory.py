"""A failed allocation as what the user can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from advxai.common.errors import InputError, lacks_memory


@contextmanager
def memory(active: int, batch: int) -> Iterator[None]:
    """Turn a failed allocation into what the user can do about it.

    Args:
        active: images in work.
        batch: rows of a forward.

    Raises:
        MemoryError: there may be room with fewer images in work (a job is tried again with half as many).
        InputError: there was only one.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        if active > 1:
            raise MemoryError(
                f"no memory for {active} images in work; fewer at once (`images_at_once`) may fit"
            ) from error
        raise InputError(
            f"no memory for one image in work with a forward batch of {batch}: set a smaller detector.forward_batch; "
            "`make tune` measures which are as fast"
        ) from error


@contextmanager
def memory_and_back(batch: int, who: str) -> Iterator[None]:
    """The same of a white box, whose batch is always whole: a second try with fewer images would need no less.

    Args:
        batch: rows of a forward and its way back.
        who: the explainer, for the message.

    Raises:
        InputError: there was no memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        raise InputError(
            f"{who}: no memory for {batch} images through the detector and back, whose features are all held at once: "
            f"set `gradient_batch` of its row to less than {batch}"
        ) from error
