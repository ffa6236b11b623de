# SPDX-License-Identifier: Apache-2.0
"""The base block: the first 4096 bytes of a registry hive, a part of which opens each of its transaction logs too.

References:
    https://github.com/msuhanov/regf "Windows registry file format specification", sections Base block and Dirty state
    of a hive.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import xor
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple

from ..errors import HiveError
from ..multi_sz import decode_text

#: What a hive can be read from. Slices of all three are bytes of their own.
Buffer = bytes | bytearray | mmap.mmap
StrPath = str | os.PathLike[str]

#: Hive bins follow the base block; every offset inside a hive counts from here.
BASE_SIZE: Final = 4096
#: What the names of transaction logs end in, beside the hive.
_SUFFIXES: Final = (".log1", ".log2", ".log")
#: As much of the base block as its checksum covers; a log starts with these bytes only.
SECTOR: Final = 512
#: Hive bins come in multiples of this.
PAGE: Final = 4096
#: Windows maps a hive into 2 GiB of address space at most.
MAX_HIVE_SIZE: Final = 0x7FFFF000

PRIMARY: Final = 0
OLD_LOGS: Final = (1, 2)
NEW_LOG: Final = 6

#: Without the signature, the format of the file and its clusters.
_FIELDS: Final = Struct("<4xIIQIII4xII4x64s")
_WORDS: Final = Struct("<127I")
_CHECKSUM: Final = Struct("<I")
_CHECKSUM_AT: Final = 508
_READABLE_MINORS: Final = range(3, 7)

#: What files that are given by mistake start with.
_FOUND: Final = (
    (b"Windows Registry Editor", "a .reg export"),
    ("\ufeffWindows Registry Editor".encode("utf-16-le"), "a .reg export"),
    (b"REGEDIT4", "a .reg export"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"MZ", "a program"),
    (b"ElfFile", "an event log"),
    (b"SQLite format 3", "a SQLite database"),
    (b"creg", "a Windows 9x registry"),
)


class BaseBlock(NamedTuple):
    """The fields of a base block, as they are on disk."""

    sequence1: int
    sequence2: int
    #: FILETIME.
    last_write: int
    major: int
    minor: int
    #: 0 is a hive, 1 and 2 are logs of the old format, 6 of the new one.
    type: int
    #: Offset of the root key.
    root: int
    #: Bytes of hive bins that follow the base block.
    size: int
    file_name: str
    #: The checksum fits the other fields.
    intact: bool

    @property
    def dirty(self) -> bool:
        """True when a write was not finished, so that the logs hold what is missing."""
        return not self.intact or self.sequence1 != self.sequence2


def checksum(buffer: Buffer) -> int:
    """Return the checksum that belongs to the base block in `buffer`."""
    total = reduce(xor, _WORDS.unpack_from(buffer))
    if total == 0xFFFFFFFF:
        return 0xFFFFFFFE
    return total or 1


def parse(buffer: Buffer, name: str) -> BaseBlock:
    """Return the base block at the start of `buffer`, whatever its fields say.

    Raises:
        HiveError: it is too short for one, or has not the signature of a hive.
    """
    start = bytes(buffer[:64])
    if start[:4] != b"regf":
        raise HiveError(f"is not a registry hive: {_what_starts_with(start)}", where=name)
    if len(buffer) < SECTOR:
        raise HiveError(f"truncated: the file has {len(buffer)} bytes, its header alone {BASE_SIZE}", where=name)
    first, second, last_write, major, minor, kind, root, size, file_name = _FIELDS.unpack_from(buffer)
    intact = _CHECKSUM.unpack_from(buffer, _CHECKSUM_AT)[0] == checksum(buffer)
    return BaseBlock(
        first, second, last_write, major, minor, kind, root, size, printable(decode_text(file_name)), intact
    )


def check(block: BaseBlock, length: int, name: str) -> None:
    """Check that a file of `length` bytes with this base block can be read as a hive.

    Raises:
        HiveError: it cannot, in words.
    """
    damaged = "" if block.intact else " (its header is damaged: the checksum is wrong)"
    if block.type != PRIMARY:
        what = "is a transaction log, not a hive" if block.type in (*OLD_LOGS, NEW_LOG) else f"has type {block.type}"
        raise HiveError(f"{what}{damaged}", where=name, hint="name the hive; its logs are given beside it")
    if block.major != 1 or block.minor not in _READABLE_MINORS:
        raise HiveError(f"has format {block.major}.{block.minor}, 1.3 to 1.6 can be read{damaged}", where=name)
    if not block.size or block.size % PAGE or block.size > MAX_HIVE_SIZE:
        raise HiveError(f"its header claims {block.size} bytes of data, which no hive has{damaged}", where=name)
    if length < BASE_SIZE + block.size:
        raise HiveError(
            f"truncated: the file has {length} bytes, the header says {BASE_SIZE + block.size}{damaged}", where=name
        )


def map_file(path: StrPath) -> Buffer:
    """Return a private copy of the file in memory, of which pages are read when they are used. The file is only read.

    Raises:
        HiveError: it cannot be opened, or is no regular file.
    """
    with _opened(path) as file:
        if not os.fstat(file.fileno()).st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def find_logs(hive: StrPath) -> list[Path]:
    """Return the `.LOG1`, `.LOG2` and `.LOG` files beside `hive`, in that order and in any letter case.

    Raises:
        HiveError: the folder cannot be listed.
    """
    path = Path(hive)
    wanted = {path.name.lower() + suffix: order for order, suffix in enumerate(_SUFFIXES)}
    try:
        found = [entry for entry in path.parent.iterdir() if entry.name.lower() in wanted and entry.is_file()]
    except OSError as error:
        reason = error.strerror or str(error)
        raise HiveError(f"its folder cannot be searched for logs: {reason}", where=printable(str(path))) from error
    return sorted(found, key=lambda entry: (wanted[entry.name.lower()], entry.name))


def read_file(path: StrPath, limit: int) -> bytes:
    """Return the content of the file.

    Raises:
        HiveError: it cannot be opened, is larger than `limit`, or is no regular file.
    """
    with _opened(path) as file:
        content = file.read(limit + 1)
        if len(content) > limit:
            raise HiveError(f"is larger than {limit} bytes", where=printable(str(path)))
        return content


@contextmanager
def _opened(path: StrPath) -> Iterator[BinaryIO]:
    where = printable(str(path))
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would wait for ever
            raise HiveError("is not a file", where=where)
        with Path(path).open("rb") as file:
            yield file
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, or nothing to map
        reason = getattr(error, "strerror", None) or str(error)
        raise HiveError(f"cannot be read: {reason}", where=where) from error


def _what_starts_with(start: bytes) -> str:
    if not start:
        return "the file is empty"
    if not start.strip(b"\0"):
        return "it starts with zeros only"
    known = next((what for magic, what in _FOUND if start.startswith(magic)), "")
    return f"it looks like {known}" if known else f"it starts with {start[:8]!r} in place of b'regf'"


def printable(text: str) -> str:
    """Return `text` with what a terminal would act on escaped."""
    return text if text.isprintable() else ascii(text)[1:-1]
