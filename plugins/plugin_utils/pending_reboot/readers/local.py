# SPDX-License-Identifier: Apache-2.0
"""The registry of the Windows machine this runs on.

Both registry views are opened explicitly, whatever the process is. Keys are opened with no more rights than a question
needs, so that most of them work without administrator rights. Importing this module fails elsewhere than on Windows.

References:
    https://docs.python.org/3/library/winreg.html
    https://learn.microsoft.com/en-us/windows/win32/winprog64/accessing-an-alternate-registry-view
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has a registry to read")

import os
import winreg
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from ..probes import BOOT_TIME, HOST
from ..registry import ABSENT, Absent, Answer, Capabilities, KeyQuery, Unreadable, Value, filetime_to_datetime
from ..tree import read_node
from . import win32
from .wua import ask

if TYPE_CHECKING:
    from ..files import FileInfo

#: How often a list that changes while it is read is read again.
_TRIES: Final = 8

_VIEWS: Final[Mapping[int, int]] = {64: win32.KEY_WOW64_64KEY, 32: win32.KEY_WOW64_32KEY}


def _listed(handle: Any, name_at: Callable[[int], str]) -> tuple[list[str], Unreadable | None]:
    """Return the names that Windows enumerates by index, and what is wrong when the list would not hold still.

    A name that goes away moves those behind it, so a list that changes while it is read can miss one that stays.

    Raises:
        OSError: the list could not be read to its end.
    """
    seen: dict[str, None] = {}
    for _try in range(_TRIES):
        before = winreg.QueryInfoKey(handle)
        seen |= dict.fromkeys(_enumerated(name_at))
        if winreg.QueryInfoKey(handle) == before:
            return list(seen), None
    return list(seen), Unreadable("failed", None, "its list changed each time it was read")


def _enumerated(name_at: Callable[[int], str]) -> list[str]:
    names: list[str] = []
    while True:
        try:
            names.append(name_at(len(names)))
        except OSError as error:
            if error.winerror == win32.ERROR_NO_MORE_ITEMS:
                return names
            raise


class LocalKey:
    """An open key. Satisfies `tree.Node`."""

    def __init__(self, handle: Any, view: int) -> None:
        # `handle` is a winreg.HKEYType, which mypy knows on Windows only.
        self._handle = handle
        self._view = view
        self.last_write: int | None = winreg.QueryInfoKey(handle)[2]

    def value(self, name: str) -> Value | Absent | Unreadable:
        """Return one value, every byte of it."""
        try:
            return Value(*win32.query_value(int(self._handle), name))
        except OSError as error:
            return win32.unreadable(error)

    def values(self) -> Iterator[tuple[str, Value | Unreadable]]:
        """Return every value with its name."""
        names, problem = _listed(self._handle, lambda index: str(winreg.EnumValue(self._handle, index)[0]))
        if problem:
            yield "(changing list of values)", problem
        for name in names:
            value = self.value(name)
            if not isinstance(value, Absent):
                yield name, value

    def children(self) -> Iterator[tuple[str, LocalKey | Unreadable]]:
        """Return every subkey with its name. Each is open only until the next one is asked for."""
        names, problem = _listed(self._handle, lambda index: winreg.EnumKey(self._handle, index))
        if problem:
            yield "\\changing list of subkeys", problem
        for name in names:
            try:
                with winreg.OpenKeyEx(self._handle, name, 0, win32.KEY_QUERY_VALUE | self._view) as handle:
                    yield name, LocalKey(handle, self._view)
            except OSError as error:
                answer = win32.unreadable(error)
                if isinstance(answer, Unreadable):
                    yield name, answer


class LocalReader:
    """Reads this machine. Satisfies `files.FileReader`."""

    name = "winreg"
    capabilities = Capabilities()

    def __init__(self, *, wua: Literal["none", "state", "updates"] = "state", timeout: float = 30) -> None:
        """Read the registry, and ask the Windows Update Agent.

        Args:
            wua: whether to ask it at all, for its state, or also for the updates that wait (slower).
            timeout: seconds after which a component that does not answer counts as unreadable.
        """
        self.warnings: tuple[str, ...] = ()
        self._wua = wua
        self._timeout = timeout

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""
        view = _VIEWS[query.view]
        access = view | win32.KEY_QUERY_VALUE | (win32.KEY_ENUMERATE_SUB_KEYS if query.children else 0)
        try:
            with winreg.OpenKeyEx(winreg.HKEY_LOCAL_MACHINE, query.path, 0, access) as handle:
                return read_node(LocalKey(handle, view), query)
        except OSError as error:
            return win32.unreadable(error)

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer a question that is none of the registry's."""
        if name == HOST:
            host = os.environ.get("COMPUTERNAME")
            return {"name": host} if host else ABSENT
        if name == BOOT_TIME:
            return _boot_time()
        return ask(name, search=self._wua == "updates", timeout=self._timeout)

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`."""
        from . import local_files  # facts do without

        return local_files.look(path, digest=digest)

    def long_path(self, path: str) -> str | None:
        """Return `path` with its short names spelled out."""
        from . import local_files

        return local_files.long_path(path)


def _boot_time() -> Mapping[str, object] | Unreadable:
    try:
        boot = filetime_to_datetime(win32.boot_filetime())
    except OSError as error:
        return Unreadable("failed", error.winerror, str(error))
    if boot is None:
        return Unreadable("failed", None, "the boot time is no date")
    return {"time_epoch": boot.timestamp(), "source": "SystemTimeOfDayInformation.BootTime"}
