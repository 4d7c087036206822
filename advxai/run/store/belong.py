"""Whether stored records are those of the detector at hand."""

from collections.abc import Iterable
from pathlib import Path

from advxai.common.errors import InputError
from advxai.run.store.shard import opened


def weights_in(path: Path) -> set[str]:
    """The weights that a shard's records say they were made by; "" stands for records that don't say it.

    Raises:
        InputError: it can't be read.
    """
    if path.suffix == ".parquet":
        from advxai.common import parquet  # pandas takes half a second, which jobs with forwards needn't spend

        rows = parquet.read(path)
        return set(rows["weights"]) if "weights" in rows else {""} if len(rows) else set()
    with opened(path) as file:
        if not int(file.attrs["records"]):
            return set()
        return set(file["weights"].asstr()[:]) if "weights" in file else {""}


def require_weights(shards: Iterable[Path], weights: str) -> None:
    """Refuse shards with records of other weights.

    Args:
        shards: published files; one without a record is of any detector.
        weights: SHA-256 of the detector's file.

    Raises:
        InputError: one message that names all of them.
    """
    others = {path: found for path in shards if (found := weights_in(path) - {weights})}
    if others:
        lines = "".join(f"\n  - {path}: {_said(found)}" for path, found in others.items())
        raise InputError(
            f"these files hold records of another detector than the run's, whose weights are {weights[:12]}; the same "
            f"command again makes them anew, else delete them:{lines}"
        )


def _said(found: set[str]) -> str:
    return ", ".join(sorted(f"weights {one[:12]}" if one else "no weights named" for one in found))
