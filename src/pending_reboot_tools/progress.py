# SPDX-License-Identifier: Apache-2.0
"""Progress of long work on standard error: one line that is renewed on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Final, TextIO

_STATES: Final = ("pending", "unknown", "advisory", "clear")
#: Seconds between two lines.
_TERMINAL, _ELSEWHERE = 0.1, 10.0


class Progress:
    """How many of `total` hosts are done, and in which states they are."""

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        """Tell on `stream`, standard error when not given; `quiet` tells nothing."""
        self._total = total
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._started = self._told = time.monotonic()
        self.counts: Counter[str] = Counter()

    def add(self, state: str) -> None:
        """Count one host."""
        self.counts[state] += 1
        pause = _TERMINAL if self._terminal else _ELSEWHERE
        if time.monotonic() - self._told >= pause:
            self._tell()

    def end(self) -> None:
        """Tell for the last time."""
        self._tell()
        if self._terminal and not self._quiet:
            self._stream.write("\n")

    def _tell(self) -> None:
        self._told = time.monotonic()
        if self._quiet:
            return
        done = self.counts.total()
        seconds = self._told - self._started
        states = "  ".join(f"{state} {self.counts[state]}" for state in _STATES)
        left = f"  {seconds * (self._total - done) / done:.0f} s left" if 0 < done < self._total else ""
        text = f"{done}/{self._total} hosts  {states}  {seconds:.0f} s{left}"
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
