"""The one form of progress bar."""

import io
import sys
import time
from typing import Any

from tqdm import tqdm

from advxai.run import progress

# seconds between two looks of a person at ...
TERMINAL = 0.5
CONSOLE = 1.0
FILE = 30.0


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """tqdm's bar, drawn at a terminal; a line now and then where stderr is a file; told to the workflow's console where
    there is one.

    Args:
        arguments, options: as of tqdm, which has no say in how often it is drawn.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._drawn = sys.stderr.isatty() and not progress.listened()
        self._every = CONSOLE if progress.listened() else FILE
        # its first value is the console's at once; a file gets none before there is something to say
        self._last = 0.0 if progress.listened() else time.monotonic()
        drawing = {"dynamic_ncols": True} if self._drawn else {"file": io.StringIO()}
        super().__init__(*arguments, **{**options, "mininterval": TERMINAL, **drawing})

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Show where it stands (tqdm calls this)."""
        if self._drawn:
            return bool(super().display(msg, pos))
        if time.monotonic() >= self._last + self._every:
            self._say()
        return True

    def close(self) -> None:
        """The last value is always shown."""
        if not getattr(self, "disable", True) and not self._drawn:
            self._say()
        super().close()

    def _say(self) -> None:
        self._last = time.monotonic()
        if not progress.listened():
            print(self, file=sys.stderr, flush=True)
            return
        known = self.format_dict
        rate = known["rate"] or (self.n - self.initial) / max(known["elapsed"], 1e-9)  # the first is of late
        left = (self.total - self.n) / rate if rate and self.total is not None else None
        progress.tell(n=self.n, total=self.total, unit=self.unit, left=left)
