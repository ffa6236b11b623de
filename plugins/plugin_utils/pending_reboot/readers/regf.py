# SPDX-License-Identifier: Apache-2.0
r"""Registry hive files, read only: the files below `Windows\System32\config` of a disk that is not running.

A hive is mapped into memory and only touched where a question leads. Whatever its bytes say ends in an answer, in
`Unreadable`, or in `HiveError`; a damaged part does not hide the rest.

References:
    https://github.com/msuhanov/regf "Windows registry file format specification"
    https://learn.microsoft.com/en-us/windows/win32/sysinfo/registry-hives
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final

from ..errors import HiveError
from ..registry import ABSENT, Absent, Unreadable, Value
from .regf_cells import Cells, KeyRecord, ValueRecord, fold
from .regf_header import Buffer, StrPath, check, map_file, parse, printable

if TYPE_CHECKING:
    from .regf_log import LogOutcome

#: Windows allows 512 levels of keys.
MAX_DEPTH: Final = 512


class HiveKey:
    """One key of a hive. Satisfies `tree.Node`.

    Attributes:
        name: the key's own name.
        last_write: FILETIME.
    """

    __slots__ = ("_cells", "_depth", "_offset", "_record", "last_write", "name")

    def __init__(self, cells: Cells, offset: int, record: KeyRecord, depth: int) -> None:
        self._cells = cells
        self._offset = offset
        self._record = record
        self._depth = depth
        self.name = record.name
        self.last_write = record.last_write

    def value(self, name: str) -> Value | Absent | Unreadable:
        """Return one value; the empty name is the default value. Absent only if every value could be looked at."""
        offsets, incomplete = self._cells.value_offsets(self._record.values, self._record.value_list)
        record, damage = self._cells.find_value(offsets, name)
        if record is not None:
            return self._data(record)
        problem = damage or incomplete
        return ABSENT if problem is None else self._unreadable(problem)

    def values(self) -> Iterator[tuple[str, Value | Unreadable]]:
        """Return every value with its name; what has no readable name stands under one in parentheses."""
        offsets, problem = self._cells.value_offsets(self._record.values, self._record.value_list)
        # Values do not share their data, so no key has more of it than the hive has bytes.
        room = self._cells.end
        for index, offset in enumerate(offsets):
            try:
                record = self._cells.value(offset)
            except HiveError as error:
                yield f"(damaged value {index})", self._unreadable(error)
                continue
            value = self._data(record)
            if isinstance(value, Value):
                room -= len(value.data)
                if room < 0:
                    problem = self._cells.damage("its values claim more data than the hive has")
                    break
            yield record.name, value
        if problem is not None:
            yield "(damaged list of values)", self._unreadable(problem)

    def children(self) -> Iterator[tuple[str, HiveKey | Unreadable]]:
        """Return every subkey with its name; what has no readable name under one with a backslash."""
        offsets, problem = self._cells.subkey_offsets(self._record.subkeys, self._record.subkey_list)
        for index, offset in enumerate(offsets):
            name = f"\\damaged subkey {index}"
            try:
                record = self._cells.key(offset)
                name = record.name
                key = self._open(offset, record)
            except HiveError as error:
                yield name, self._unreadable(error)
            else:
                yield name, key
        if problem is not None:
            yield "\\damaged list of subkeys", self._unreadable(problem)

    def child(self, name: str) -> HiveKey | None:
        """Return the subkey `name`, None when there is none.

        Raises:
            HiveError: it is damaged, or it was not found where something else is damaged.
        """
        wanted = fold(name)
        offsets, problem = self._cells.subkey_offsets(self._record.subkeys, self._record.subkey_list)
        for offset in offsets:
            try:
                record = self._cells.key(offset)
                if fold(record.name) == wanted:
                    return self._open(offset, record)
            except HiveError as error:
                problem = error
        if problem is not None:
            raise self._here(problem)
        return None

    def _open(self, offset: int, record: KeyRecord) -> HiveKey:
        """Return the subkey stored at `offset`; every key is reached from one parent only, so there are no loops."""
        if record.parent != self._offset or offset == self._cells.root:
            raise self._cells.damage(f"subkey {record.name!r} belongs to another key")
        if self._depth >= MAX_DEPTH:
            raise self._cells.damage(f"subkey {record.name!r} lies deeper than {MAX_DEPTH} levels")
        return HiveKey(self._cells, offset, record, self._depth + 1)

    def _data(self, record: ValueRecord) -> Value | Unreadable:
        try:
            return Value(record.type, self._cells.data(record))
        except HiveError as error:
            return self._unreadable(error)

    def _here(self, error: HiveError) -> HiveError:
        return HiveError(f"{error.what} (in key {self.name!r})", where=error.where)

    def _unreadable(self, error: HiveError) -> Unreadable:
        return Unreadable("failed", None, str(self._here(error)))


class Hive:
    """A registry hive that is read only.

    Args:
        data: the whole file.
        name: the file's name for messages.
        logs: files with its transaction logs, in any order; they are read if the hive is dirty. `data` is not changed,
            unless it is an mmap: that one becomes the hive's own.

    Attributes:
        name: as given.
        dirty: as found on disk: a write was not finished, so changes are missing that only the logs hold.
        sequences: the header's two sequence numbers, as found; they differ in a dirty hive.
        recovered: the logs brought a dirty hive up to date.
        log_report: what became of each log, in the order they were given.
        minor: 3 to 6, the format's version.
        last_write: FILETIME of the header; Windows 8.1 and later do not keep it up to date.
        file_name: the (end of the) path that the hive had on its machine.
        root: the top key.

    Raises:
        HiveError: this is no hive, or one that is too damaged to find its top key.
    """

    def __init__(self, data: Buffer | memoryview, *, name: str = "hive", logs: Sequence[StrPath] = ()) -> None:
        self.name = printable(name)
        buffer: Buffer = bytes(data) if isinstance(data, memoryview) else data
        block = parse(buffer, self.name)
        self.dirty = block.dirty
        self.sequences = (block.sequence1, block.sequence2)
        if block.intact:
            check(block, len(buffer), self.name)
        self.log_report: tuple[LogOutcome, ...] = ()
        if logs:
            from .regf_log import replay  # most hives come without logs, or need none

            buffer, block, self.log_report = replay(buffer, block, logs)
        outcomes = {log.outcome for log in self.log_report}
        self.recovered = "applied" in outcomes and "refused" not in outcomes
        check(block, len(buffer), self.name)
        self._buffer = buffer
        self.minor = block.minor
        self.last_write = block.last_write
        self.file_name = block.file_name
        cells = Cells(buffer, block.size, block.minor, block.root, self.name)
        self.root = HiveKey(cells, block.root, cells.key(block.root), 1)

    @classmethod
    def open(cls, path: StrPath, logs: Sequence[StrPath] = ()) -> Hive:
        """Return the hive in the file `path`, which is mapped into memory and never written to.

        Args:
            path: the hive.
            logs: its transaction logs in any order, see `regf_header.find_logs`.

        Raises:
            HiveError: the file cannot be read, or is no hive that can be read.
        """
        data = map_file(path)
        with ExitStack() as on_error:
            if isinstance(data, mmap.mmap):
                on_error.callback(data.close)
            hive = cls(data, name=str(path), logs=logs)
            on_error.pop_all()
        return hive

    def find(self, path: str) -> HiveKey | None:
        r"""Return the key at `path` (`ControlSet001\Control`, without the hive's own name), None when there is none.

        Raises:
            HiveError: damage hides whether it is there.
        """
        key: HiveKey | None = self.root
        for part in path.split("\\"):
            if part and key is not None:
                key = key.child(part)
        return key

    def close(self) -> None:
        """Release the file. Keys of this hive cannot be asked any more."""
        if isinstance(self._buffer, mmap.mmap):
            self._buffer.close()

    def __enter__(self) -> Hive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
