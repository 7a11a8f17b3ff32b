"""How far a long command is."""

from __future__ import annotations

import sys
import time

from hornet.cli.common import say

_REDRAW_S = 0.2  # of the progress line on a terminal
_PIPE_S = 30.0  # between progress lines elsewhere


class Progress:
    """Progress on stderr: one line that is redrawn on a terminal, a line now and then elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._drawn = False

    @classmethod
    def on_terminal(cls, *, quiet: bool) -> Progress:
        """Return progress that is shown on a terminal and nowhere else."""
        return cls(quiet=quiet or not sys.stderr.isatty())

    def live(self, text: str) -> None:
        """Show how far it is, unless that was shown just now."""
        now = time.monotonic()
        if self._quiet or now - self._last < (_REDRAW_S if self._terminal else _PIPE_S):
            return
        self._last = now
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._drawn = True
        else:
            say(text)

    def report(self, text: str) -> None:
        """Show a line that stays."""
        if self._quiet:
            return
        self.clear()
        self._last = time.monotonic()
        say(text)

    def clear(self) -> None:
        """Take the redrawn line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            self._drawn = False
