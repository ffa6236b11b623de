# SPDX-License-Identifier: Apache-2.0
"""What the gate decided before, kept in a file: one JSON object a line (https://jsonlines.org/).

A history that cannot be read is an error and not an empty one: the loop breaker depends on it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .gate import Decision

#: What makes a decision another one than the decision before; the rest is times and texts.
_SAME = ("action", "reasons", "digest", "boot_time")


def json_objects(text: str, what: str, *, where: str) -> list[dict[str, Any]]:
    """Return the JSON objects in `text`: one, a list of them, or one a line.

    Args:
        text: the content of a file.
        what: what the objects are, in errors.
        where: the file, in errors.

    Raises:
        InputError: it holds something else.
    """
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except RecursionError as error:
        raise InputError(f"is no {what}: it is nested too deeply", where=where) from error
    except ValueError:
        found = [_line(line, f"{where}:{number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for each in found:
        if not isinstance(each, dict):
            raise InputError(f"is no {what}: it must hold JSON objects", where=where)
    return found


def _line(line: str, where: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = "an interrupted program leaves half a line: remove it"
        raise InputError(f"is no JSON: {error}", where=where, hint=hint) from error


class History:
    """The decisions in one file, about one machine or many."""

    def __init__(self, path: str) -> None:
        """Keep the history in the file at `path`, which need not exist yet."""
        self._path = Path(path)
        self._where = str(path)

    def decisions(self) -> list[dict[str, Any]]:
        """Return every decision in the file, the oldest first; none when there is no file.

        Raises:
            InputError: the file cannot be read, or holds something else.
        """
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise InputError(f"history cannot be read: {reason}", where=self._where) from error
        return json_objects(text, "history", where=self._where)

    def record(self, decisions: Iterable[Decision]) -> None:
        """Append decisions, and wait until they are on the disk.

        A decision that is the one before over again is left out, unless it is a reboot: those are counted.

        Raises:
            InputError: the file cannot be read or written.
        """
        last = {each.get("host"): each for each in self.decisions()}
        new = []
        for decision in decisions:
            entry = decision.to_dict()
            if decision.action == "reboot" or not _same(last.get(decision.host), entry):
                new.append(entry)
            last[decision.host] = entry
        try:
            self._append([json.dumps(entry).encode("ascii") + b"\n" for entry in new])
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=self._where) from error

    def _append(self, lines: list[bytes]) -> None:
        with self._path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())


def _same(before: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> bool:
    return before is not None and all(before.get(name) == entry[name] for name in _SAME)


def of_host(history: Iterable[dict[str, Any]], host: object, *, alone: bool) -> list[dict[str, Any]]:
    """Return the decisions about `host`; with `alone`, those without a host's name belong to it as well."""
    return [each for each in history if each.get("host") == host or (alone and not each.get("host"))]
