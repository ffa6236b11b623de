# SPDX-License-Identifier: Apache-2.0
"""An in-memory registry: what tests, the simulator and .reg exports are read through.

It behaves as Windows does where a source could tell the difference: names without letter case, a 32-bit and a 64-bit
view, volatile keys that vanish at a reboot, last-write times, and keys that refuse or fail to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from ..files import FileInfo
from ..registry import (
    ABSENT,
    Absent,
    Answer,
    Capabilities,
    KeyQuery,
    Unreadable,
    Value,
    redirect,
)
from ..tree import read_node

DENIED = Unreadable("denied", 5, "access is denied")


class MemoryKey:
    """One key in memory. Satisfies `tree.Node`."""

    def __init__(self, name: str, *, volatile: bool = False, last_write: int | None = None) -> None:
        self.name = name
        self.volatile = volatile
        self.last_write = last_write
        #: When set, opening this key gives this answer.
        self.refuses: Unreadable | None = None
        self._values: dict[str, tuple[str, Value | Unreadable]] = {}
        self._children: dict[str, MemoryKey] = {}

    def value(self, name: str) -> Value | Absent | Unreadable:
        """Return one value."""
        return self._values.get(name.lower(), (name, ABSENT))[1]

    def values(self) -> Iterator[tuple[str, Value | Unreadable]]:
        """Return every value with its name."""
        yield from self._values.values()

    def children(self) -> Iterator[tuple[str, MemoryKey | Unreadable]]:
        """Return every subkey with its name, the refusal in place of one that refuses."""
        for child in self._children.values():
            yield child.name, child.refuses or child

    def subkeys(self) -> list[MemoryKey]:
        """Return every subkey, those that refuse as well."""
        return list(self._children.values())

    def child(self, name: str) -> MemoryKey | None:
        """Return the subkey `name`, None when there is none."""
        return self._children.get(name.lower())

    def add(self, name: str, *, volatile: bool = False) -> MemoryKey:
        """Return the subkey `name`, created when needed.

        Raises:
            ValueError: a non-volatile key below a volatile one, which Windows refuses with 1021
                (ERROR_CHILD_MUST_BE_VOLATILE).
        """
        child = self._children.get(name.lower())
        if child is None:
            if self.volatile and not volatile:
                raise ValueError(f"{name}: a key below the volatile key {self.name} must be volatile (error 1021)")
            child = self._children[name.lower()] = MemoryKey(name, volatile=volatile)
        return child

    def put(self, name: str, value: Value | Unreadable) -> None:
        """Set one value."""
        self._values[name.lower()] = (name, value)

    def remove_value(self, name: str) -> None:
        """Remove one value if it is there."""
        self._values.pop(name.lower(), None)

    def remove(self, wanted: Callable[[MemoryKey], bool]) -> None:
        """Remove every key below this one, at any depth, for which `wanted` says so."""
        self._children = {name: child for name, child in self._children.items() if not wanted(child)}
        for child in self._children.values():
            child.remove(wanted)


class MemoryRegistry:
    """A registry in memory that is also a reader. Satisfies `files.FileReader`.

    Paths are below HKEY_LOCAL_MACHINE. `probes` answers what is none of the registry's; what is not in it is
    unsupported.
    """

    def __init__(
        self,
        *,
        name: str = "memory",
        capabilities: Capabilities | None = None,
        probes: Mapping[str, Mapping[str, object] | Absent | Unreadable] | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities or Capabilities()
        self.probes = dict(probes or {})
        self.warnings: list[str] = []
        self.root = MemoryKey("")
        #: Every file of the machine by its lower-case path, with its path; None when nothing is known about files.
        self.files: dict[str, tuple[str, FileInfo | Unreadable]] | None = None

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`."""
        if self.files is None:
            return Unreadable("unsupported", None, f"the {self.name} reader knows no files")
        found: FileInfo | Absent | Unreadable = self.files.get(path.lower(), (path, ABSENT))[1]
        if digest and isinstance(found, FileInfo) and not found.sha256:
            return found._replace(error=Unreadable("unsupported", None, "its SHA-256 is not known"))
        return found

    def long_path(self, path: str) -> str | None:  # noqa: ARG002 - it is asked for by the protocol
        """Return None: nothing is known about short names."""
        return None

    def find(self, path: str, *, view: Literal[32, 64] = 64) -> MemoryKey | Unreadable | None:
        """Return the key at `path`, its refusal, or None when there is none.

        A key that refuses does not hide those below it: Windows opens a path without asking the keys on the way.
        """
        key: MemoryKey | None = self.root
        for part in _parts(redirect(path, view)):
            key = key.child(part) if key else None
        return key.refuses or key if key else None

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""
        found = self.find(query.path, view=query.view)
        if found is None:
            return ABSENT
        return found if isinstance(found, Unreadable) else read_node(found, query)

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer from `probes`."""
        return self.probes.get(name, Unreadable("unsupported", None, f"the {self.name} reader cannot ask for {name}"))

    def key(
        self,
        path: str,
        values: Mapping[str, Value | Unreadable] | None = None,
        *,
        view: Literal[32, 64] = 64,
        volatile: bool = False,
        last_write: int | None = None,
    ) -> MemoryKey:
        """Create the key at `path` (and its parents), set its values, and return it.

        With `volatile`, the last key of the path is volatile when it is created here, as RegCreateKeyEx makes it.
        """
        key = self.root
        parts = _parts(redirect(path, view))
        for index, part in enumerate(parts):
            key = key.add(part, volatile=key.volatile or (volatile and index == len(parts) - 1))
        for name, value in (values or {}).items():
            key.put(name, value)
        if last_write is not None:
            key.last_write = last_write
        return key

    def deny(self, path: str, *, view: Literal[32, 64] = 64) -> None:
        """Make opening the key at `path` fail with access denied (error 5)."""
        self.fail(path, DENIED, view=view)

    def fail(self, path: str, error: Unreadable, *, view: Literal[32, 64] = 64) -> None:
        """Make opening the key at `path` give `error`."""
        self.key(path, view=view).refuses = error

    def delete(self, path: str, *, view: Literal[32, 64] = 64) -> None:
        """Remove the key at `path` with all below it, if it is there."""
        found = self.find(path, view=view)
        self.root.remove(lambda key: key is found)

    def reboot(self) -> None:
        """Forget every volatile key, as a reboot does."""
        self.root.remove(lambda key: key.volatile)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("\\") if part]
