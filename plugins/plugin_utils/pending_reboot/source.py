# SPDX-License-Identifier: Apache-2.0
"""What a source is: the keys it needs as data, and one pure function from observations to a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from .errors import WrongTypeError
from .model import SourceResult, State, digest
from .registry import (
    Absent,
    Answer,
    Capabilities,
    Key,
    KeyQuery,
    Unreadable,
    Value,
    filetime_to_datetime,
)

T = TypeVar("T")


class Observations(NamedTuple):
    """Everything a reader answered: plain data, no I/O left."""

    capabilities: Capabilities
    keys: Mapping[KeyQuery, Answer]
    probes: Mapping[str, Mapping[str, object] | Absent | Unreadable]
    last_boot: datetime | None = None
    #: The user's patterns for file operations to ignore.
    ignore: tuple[str, ...] = ()


class Source(NamedTuple):
    """One source of pending state. The module's docstring is its documentation."""

    id: str
    title: str
    #: `__name__` of the module.
    module: str
    #: Place in the facts and in the documentation.
    rank: int
    evaluate: Callable[[Observations], SourceResult]
    queries: tuple[KeyQuery, ...] = ()
    probes: tuple[str, ...] = ()


#: Which kind of error is named when there are several.
_SEVERITY = ("denied", "failed", "unsupported")


class Findings:
    """Collects what a source finds, and turns it into a result by the one rule that all sources share.

    pending wins over unknown, unknown over advisory; a source whose volatile keys were lost with the machine's shutdown
    is not applicable; only what was read and found empty is clear.
    """

    def __init__(self, seen: Observations) -> None:
        self.seen = seen
        self.evidence: dict[str, object] = {}
        self._pending: list[str] = []
        self._advisory: list[str] = []
        self._errors: list[Unreadable] = []
        self._identity: list[str] = []
        self._since: list[datetime] = []
        self._lost = False

    def open(self, query: KeyQuery) -> Key | None:
        """Return the key, or None when it is absent or could not be read; the latter is remembered."""
        answer = self.seen.keys.get(query)
        if isinstance(answer, Key):
            if answer.listing:
                self.problem(answer.listing, query.real_path)
            return answer
        if isinstance(answer, Unreadable):
            self.problem(answer, query.real_path)
        elif isinstance(answer, Absent):
            self.not_there(query)
        return None

    def peek(self, query: KeyQuery) -> Key | None:
        """Like `open`, for a trace that adds to others: out of the reader's sight is no error."""
        answer = self.seen.keys.get(query)
        if isinstance(answer, Unreadable) and answer.kind == "unsupported":
            return None
        return self.open(query)

    def not_there(self, query: KeyQuery) -> None:
        """Note that the key is not in what was read, which proves nothing when it is volatile and the disk is read."""
        if query.volatile and self.seen.capabilities.volatile != "visible":
            self._unseen(Unreadable("unsupported", None, self.seen.capabilities.reason))

    def ask(self, probe: str) -> Mapping[str, object] | Absent | Unreadable:
        """Return the answer to a probe without judging it."""
        return self.seen.probes.get(probe, Unreadable("unsupported", None, f"nothing asked for {probe}"))

    def cannot_ask(self, error: Unreadable) -> None:
        """Note that a running system would have had to be asked, and could not be."""
        if error.kind == "unsupported":
            self._unseen(error)
        else:
            self._errors.append(error)

    def _unseen(self, error: Unreadable) -> None:
        if self.seen.capabilities.volatile == "lost":
            self._lost = True
        else:
            self._errors.append(error)

    def problem(self, error: Unreadable, where: str) -> None:
        """Note that something could not be read."""
        if error.kind == "unsupported":
            self._errors.append(error)  # that is about the reader, not about this key
            return
        code = "" if error.code is None else f" (error {error.code})"
        self._errors.append(error._replace(message=f"HKLM\\{where}: {error.message}{code}"))

    def has(self, key: Key, name: str, where: str) -> bool:
        """Tell whether a value exists; one that cannot be read is noted as an error."""
        return self._found(key, name, where) is not None

    def integer(self, key: Key, name: str, where: str) -> int | None:
        """Return the number in a value, None when it is absent; one of the wrong type is noted as an error."""
        value = self._found(key, name, where)
        return None if value is None else self._decoded(value.integer, name, where)

    def text(self, key: Key, name: str, where: str) -> str | None:
        """Return the string in a value, None when it is absent; one of the wrong type is noted as an error."""
        value = self._found(key, name, where)
        return None if value is None else self._decoded(value.text, name, where)

    def strings(self, key: Key, name: str, where: str) -> list[str] | None:
        """Return the strings in a value, None when it is absent; one of the wrong type is noted as an error."""
        value = self._found(key, name, where)
        return None if value is None else self._decoded(value.strings, name, where)

    def _found(self, key: Key, name: str, where: str) -> Value | None:
        value = key.values.get(name)
        if isinstance(value, Unreadable):
            self.problem(value, f"{where}\\{name}")
            return None
        return value

    def _decoded(self, decode: Callable[[], T], name: str, where: str) -> T | None:
        try:
            return decode()
        except WrongTypeError as error:
            self._errors.append(Unreadable("failed", None, f"HKLM\\{where}\\{name} {error}"))
            return None

    def pending(self, text: str, *, key: Key | None = None, identity: Sequence[str] | None = None) -> None:
        """Note that a reboot completes something. `identity` names it, apart from times and counters."""
        self._pending.append(text)
        self._note(text, key, identity)

    def advisory(self, text: str, *, key: Key | None = None, identity: Sequence[str] | None = None) -> None:
        """Note that something happens at the next boot, but nothing waits for it."""
        self._advisory.append(text)
        self._note(text, key, identity)

    def _note(self, text: str, key: Key | None, identity: Sequence[str] | None) -> None:
        self._identity.extend([text] if identity is None else [name.lower() for name in identity])
        when = filetime_to_datetime(key.last_write) if key and key.last_write else None
        if when:
            self._since.append(when)

    def result(self, clear: str, *, not_applicable: str | None = None) -> SourceResult:
        """Return the result; `clear` describes the state in which nothing was found.

        Args:
            clear: the sentence for *clear*.
            not_applicable: when given and nothing was found, the source does not exist on this machine: why.
        """
        error = min(self._errors, key=lambda each: _SEVERITY.index(each.kind), default=None)
        state, description = self._verdict(error, clear, not_applicable)
        counted = state in ("pending", "advisory")
        return SourceResult(
            state,
            description,
            self.evidence,
            error,
            max(self._since, default=None) if counted else None,
            digest(sorted(set(self._identity))) if counted else None,
        )

    def _verdict(self, error: Unreadable | None, clear: str, not_applicable: str | None) -> tuple[State, str]:
        if self._pending:
            return "pending", "; ".join(self._pending)
        if error:
            why = "not known" if error.kind == "unsupported" else "could not be read"
            return "unknown", f"{why}: {error.message}"
        if self._advisory:
            return "advisory", "; ".join(self._advisory)
        if self._lost:
            return "not_applicable", self.seen.capabilities.reason
        if not_applicable:
            return "not_applicable", not_applicable
        return "clear", clear
