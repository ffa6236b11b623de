# SPDX-License-Identifier: Apache-2.0
"""The file that a scan writes its results to as they come: one facts object a line (https://jsonlines.org/).

A line is written at once and whole. What an interrupted run left of a line is cut off when the file is taken up again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from pending_reboot import InputError

from .commands.common import EXIT_CODES


class Results:
    """One file of results."""

    def __init__(self, path: str, *, resume: bool = False) -> None:
        """Open it: a new file, or with `resume` one that goes on.

        Raises:
            InputError: it exists and is not to go on, or it cannot be read or written.
        """
        self._path = Path(path)
        #: The facts that the file had when it was opened.
        self.before: list[dict[str, Any]] = []
        try:
            if resume and self._path.exists():
                self._take_up()
            elif self._path.is_file() and self._path.stat().st_size:
                hint = "give --resume to go on with it, or another name"
                raise InputError("has results already", where=path, hint=hint)
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=path) from error

    def _take_up(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        found: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                facts = json.loads(line)
            except ValueError as error:
                raise InputError("is no result of a scan", where=f"{self._path}:{number}") from error
            if not _is_result(facts):
                raise InputError("is no result of a scan", where=f"{self._path}:{number}")
            found[facts["host"]] = facts
        self.before = list(found.values())
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))

    def add(self, facts: dict[str, Any]) -> None:
        """Write the facts of one host.

        Raises:
            InputError: the disk is full, or the like.
        """
        line = json.dumps(facts).encode("ascii") + b"\n"
        before = self._file.tell()
        try:
            left = memoryview(line)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            os.truncate(self._path, before)  # half a line is none
            raise InputError(f"cannot be written: {error.strerror}", where=str(self._path)) from error

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _is_result(facts: object) -> bool:
    return (
        isinstance(facts, dict)
        and isinstance(facts.get("host"), str)
        and facts.get("state") in EXIT_CODES
        and all(isinstance(facts.get(name), dict) for name in ("sources", "collected"))
    )
