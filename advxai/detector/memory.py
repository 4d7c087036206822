"""A failed allocation as what the user can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from advxai.common.errors import InputError


@contextmanager
def memory(active: int, batch: int, key: str = "detector.forward_batch") -> Iterator[None]:
    """Turn a failed allocation into what the user can do about it.

    Args:
        active: images in work.
        batch: rows of a forward.
        key: of the configuration, says how many these are.

    Raises:
        MemoryError: there may be room with fewer images in work (a job is tried again with half as many).
        InputError: there was only one, or fewer would need no less.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        if active > 1:
            raise MemoryError(
                f"no memory for {active} images in work; fewer at once (`images_at_once`) may fit"
            ) from error
        raise InputError(
            f"no memory for one image in work with a forward batch of {batch}: set a smaller {key}; `make tune` "
            "measures which are as fast"
        ) from error
