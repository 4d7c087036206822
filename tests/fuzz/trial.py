"""One input of a form: made by its number, given to the readers, judged."""

import shutil
import traceback
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import category

from advxai.common.errors import InputError
from tests.fuzz.damage import damaged
from tests.fuzz.kinds import Kind, Reader

UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}  # control signs, halves of signs, ends of lines and paragraphs
EXAMPLES = 25  # of hypothesis in one input


class Finding(Exception):
    """A reader did something else than reading the file or refusing it in one line that names it."""


def judged(reader: Reader, path: Path, named: bool = True) -> bool:
    """Whether a reader has read the file; False: it refuses it.

    Raises:
        Finding: as its name says.
    """
    try:
        reader(path)
    except InputError as error:
        message = str(error)
        if any(category(sign) in UNSHOWN for sign in message):
            raise Finding(f"the message isn't one line of signs that a terminal shows: {message!r}") from error
        if named and path.name not in message and str(path.parent) not in message:
            raise Finding(f"the message doesn't name the file: {message}") from error
        return False
    except Exception as error:
        said = "".join(traceback.format_exception(error))
        raise Finding(f"{type(error).__name__} instead of a message:\n{said}") from error
    return True


class Trials:
    """The inputs of one form.

    Args:
        kind: the form.
        name: its name, which inputs depend on.
        seed: of the run, likewise.
        folder: to work in.
    """

    def __init__(self, kind: Kind, name: str, seed: int, folder: Path) -> None:
        self.kind, self.name, self.seed = kind, name, seed
        self.made, self.place = folder / "made" / "whole", folder / "input"
        if kind.make and not self.made.exists():
            self.made.mkdir(parents=True)
            kind.make(self.made)

    @cached_property
    def _files(self) -> list[tuple[Path, bytes]]:
        if not self.kind.make:
            return []
        files = sorted(path for path in self.made.rglob("*") if path.is_file())
        return [(path.relative_to(self.made), path.read_bytes()) for path in files]

    def whole(self) -> None:
        """Give the readers what is valid.

        Raises:
            Finding: it isn't read, or in another way than `Kind` says.
        """
        for path in [self.made] if self.kind.folder else [self.made / name for name, _ in self._files]:
            if self._given(path) == "refused" and self.kind.all_read:
                raise Finding(f"{path.name} is valid and isn't read")

    def run(self, number: int) -> Iterator[str]:
        """Make an input and give it to the readers; "read" or "refused" for it, or for each that it consists of.

        Raises:
            Finding: see there.
        """
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        draw = Random(f"{self.name}/{self.seed}/{number}")
        if self.kind.strategy:
            yield from self._thought_of(self.kind.strategy(), draw)
            return
        name, whole = draw.choice(self._files)
        content = damaged(whole, draw)
        if self.kind.folder:
            shutil.copytree(self.made, self.place, dirs_exist_ok=True)
        (self.place / name).parent.mkdir(parents=True, exist_ok=True)
        (self.place / name).write_bytes(content)
        yield self._given(self.place if self.kind.folder else self.place / name)

    def _given(self, path: Path) -> str:
        taken = [judged(reader, path, self.kind.named) for reader in self.kind.readers(path.name)]
        return "read" if all(taken) else "refused"

    def _thought_of(self, strategies: dict[str, Any], draw: Random) -> Iterator[str]:
        """Hypothesis's examples for one file; of a finding it looks for the smallest, which stays in the folder."""
        from hypothesis import HealthCheck, Phase, given, seed, settings

        name = draw.choice(sorted(strategies))
        found: Counter[str] = Counter()

        @seed(draw.randrange(2**32))
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(strategies[name])
        def test(content: bytes) -> None:
            path = self.place / name
            path.write_bytes(content)
            found[self._given(path)] += 1

        test()
        yield from found.elements()
