# SPDX-License-Identifier: Apache-2.0
"""Transaction logs of registry hives: bringing a hive up to date that was not written completely.

Since Windows 8.1 the hive file itself may lag behind by an hour; what is newer is in `.LOG1` and `.LOG2` only, as
entries with hashes and running numbers. Before that, `.LOG1` or `.LOG` held one set of changed pages. Logs are applied
to a private copy of the hive in memory, never to a file.

References:
    https://github.com/msuhanov/regf "Windows registry file format specification", sections Format of transaction log
    files, Dirty state of a hive, Multiple transaction log files.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from struct import Struct, unpack_from
from typing import Final, Literal, NamedTuple

from ..errors import HiveError
from .regf_header import (
    BASE_SIZE,
    MAX_HIVE_SIZE,
    NEW_LOG,
    OLD_LOGS,
    PAGE,
    PRIMARY,
    SECTOR,
    BaseBlock,
    Buffer,
    StrPath,
    parse,
    printable,
    read_file,
)

#: Logs are read whole, and hashed at a few MB a second.
MAX_LOG_SIZE: Final = 64 * 1024 * 1024
#: How much larger than on disk logs may make a hive.
MAX_GROWTH: Final = 256 * 1024 * 1024

#: signature, size, flags, sequence number, bytes of hive bins, pages, hash 1, hash 2.
_ENTRY: Final = Struct("<4sIIIIIQQ")
_HASHED_START: Final = 32
#: offset, size.
_PAGE: Final = Struct("<II")
#: signature, offset, size.
_BIN: Final = Struct("<4sII")
#: The seed 82 EF 4D 88 7A 4E 55 C5 is one 64-bit number, so its lower half comes last.
_SEED: Final = (0x7A4E55C5, 0x82EF4D88)
_MASK: Final = 0xFFFFFFFF
_WORDS_AT_ONCE: Final = 16384


class LogOutcome(NamedTuple):
    """What became of one log."""

    name: str
    #: applied: the hive now holds its changes. ignored: it has nothing for this hive. refused: it is damaged, or what
    #: must come before it is missing, so that changes may be lost.
    outcome: Literal["applied", "ignored", "refused"]
    #: In words.
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}, {self.detail}"


class Replayed(NamedTuple):
    """A hive after its logs: `buffer` is the one that was given, or a changed copy."""

    buffer: Buffer
    block: BaseBlock
    report: tuple[LogOutcome, ...]


class _Log(NamedTuple):
    """A log whose own header is sound. `place` is where it stands among those that were given."""

    place: int
    name: str
    data: bytes
    block: BaseBlock


class _Entry(NamedTuple):
    """One entry of a log: the hive's size after it, and its pages with their offsets."""

    sequence: int
    size: int
    pages: list[tuple[int, bytes]]


class _Image:
    """The private copy of a hive that logs are applied to."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.limit = min(len(buffer) + MAX_GROWTH, MAX_HIVE_SIZE)

    def apply(self, size: int, pages: list[tuple[int, bytes]]) -> None:
        """Make room for `size` bytes of hive bins and put each page at its offset in them."""
        if BASE_SIZE + size > len(self.buffer):
            larger = mmap.mmap(-1, BASE_SIZE + size)
            larger[: len(self.buffer)] = self.buffer
            if isinstance(self.buffer, mmap.mmap):
                self.buffer.close()
            self.buffer = larger
        elif isinstance(self.buffer, bytes):
            self.buffer = bytearray(self.buffer)
        for offset, page in pages:
            self.buffer[BASE_SIZE + offset : BASE_SIZE + offset + len(page)] = page


def replay(buffer: Buffer, block: BaseBlock, paths: Sequence[StrPath]) -> Replayed:
    """Return the hive in `buffer`, whose base block is `block`, with what its logs add.

    Nothing that a log holds raises an error: it is applied as far as it is sound, and the report tells how far. An
    mmap as `buffer` is changed in place, or closed when the hive grows; anything else is copied first.
    """
    report: dict[int, LogOutcome] = {}
    new: list[_Log] = []
    old: list[_Log] = []
    for place, path in enumerate(paths):
        name = printable(str(path))
        found = _read(place, name, path) if block.dirty else LogOutcome(name, "ignored", "the hive is complete")
        if isinstance(found, LogOutcome):
            report[place] = found
        else:
            (new if found.block.type == NEW_LOG else old).append(found)
    image = _Image(bytes(buffer) if isinstance(buffer, bytearray) else buffer)
    if new:
        block = _replay_new(image, block, new, report)
        report |= {log.place: _ignored(log, "it is older than the other log's format") for log in old}
    elif old:
        block = _replay_old(image, block, old, report)
    return Replayed(image.buffer, block, tuple(report[place] for place in sorted(report)))


def _read(place: int, name: str, path: StrPath) -> _Log | LogOutcome:
    try:
        data = read_file(path, MAX_LOG_SIZE)
        if not data[:SECTOR].strip(b"\0"):
            return LogOutcome(name, "ignored", "it is empty")
        block = parse(data, name)
    except HiveError as error:
        return LogOutcome(name, "refused", error.what)
    if not block.intact:
        return LogOutcome(name, "refused", "its header is damaged: the checksum is wrong")
    if block.type not in (NEW_LOG, *OLD_LOGS):
        return LogOutcome(
            name, "refused", "it is a hive, not a log" if block.type == PRIMARY else "its type is unknown"
        )
    return _Log(place, name, data, block)


def _ignored(log: _Log, why: str) -> LogOutcome:
    return LogOutcome(log.name, "ignored", why)


def _refused(log: _Log, why: str) -> LogOutcome:
    return LogOutcome(log.name, "refused", why)


def marvin32(data: bytes) -> int:
    """Return the Marvin32 hash of `data`, with the seed that log entries use.

    References:
        https://github.com/dotnet/runtime src/libraries/System.Private.CoreLib/src/System/Marvin.cs
    """
    low, high = _SEED
    whole = len(data) // 4
    for start in range(0, whole, _WORDS_AT_ONCE):
        low, high = _mix(low, high, unpack_from(f"<{min(_WORDS_AT_ONCE, whole - start)}I", data, 4 * start))
    rest = data[4 * whole :] + b"\x80"
    low, high = _mix(low, high, (int.from_bytes(rest, "little"), 0))
    return high << 32 | low


def _mix(low: int, high: int, words: Sequence[int]) -> tuple[int, int]:
    for word in words:
        low = (low + word) & _MASK
        high ^= low
        low = ((low << 20 | low >> 12) + high) & _MASK
        high = ((high << 9 | high >> 23) & _MASK) ^ low
        low = ((low << 27 | low >> 5) + high) & _MASK
        high = (high << 19 | high >> 13) & _MASK
    return low, high


# --- the new format: entries with running numbers, in two logs that take turns


def _replay_new(image: _Image, block: BaseBlock, logs: list[_Log], report: dict[int, LogOutcome]) -> BaseBlock:
    """Apply the logs, the one with earlier entries first. Return the base block that is valid then."""
    logs = sorted(logs, key=lambda log: log.block.sequence1)
    after, needed = block, block.sequence2
    if not block.intact:
        *earlier, last = logs
        report |= {log.place: _ignored(log, "the hive's header is damaged: only the last log fits") for log in earlier}
        if len(image.buffer) < BASE_SIZE + last.block.size:
            report[last.place] = _refused(last, f"the hive should have {BASE_SIZE + last.block.size} bytes")
            return block
        logs, after, needed = [last], last.block._replace(type=PRIMARY), last.block.sequence1
    for log in logs:
        first, stopped = needed, ""
        try:
            for entry in _entries(log, needed, image.limit):
                image.apply(entry.size, entry.pages)
                block = after = after._replace(size=entry.size)
                needed = entry.sequence + 1
        except HiveError as error:
            stopped = error.what
        if needed > first:
            detail = f"log entry {first}" if needed == first + 1 else f"log entries {first} to {needed - 1}"
            report[log.place] = LogOutcome(log.name, "applied", detail + (stopped and f", but then: {stopped}"))
        else:
            report[log.place] = _refused(log, stopped) if stopped else _ignored(log, "all of it is in the hive already")
    return block


def _entries(log: _Log, needed: int, limit: int) -> Iterator[_Entry]:
    """Yield the entries of `log` from number `needed` on, as far as they follow each other.

    Raises:
        HiveError: the next entry is there, but damaged, or those before it are missing.
    """
    position, number = SECTOR, log.block.sequence1
    if number > needed:
        raise HiveError(f"it starts with log entry {number}, the hive needs number {needed} first")
    while position + _ENTRY.size <= len(log.data):
        signature, size, _flags, sequence, *_rest = _ENTRY.unpack_from(log.data, position)
        if signature != b"HvLE" or sequence != number:
            break  # what is left of earlier entries
        entry = log.data[position : position + size]
        if size < _ENTRY.size or size % SECTOR or len(entry) < size:
            raise HiveError(f"log entry {number} claims {size} bytes")
        if number >= needed:
            yield _entry(entry, number, limit)
        position, number = position + size, number + 1
    if number == log.block.sequence1:
        raise HiveError(f"its first log entry should be number {number}, which is not there")


def _entry(entry: bytes, number: int, limit: int) -> _Entry:
    """Return the content of one log entry.

    Raises:
        HiveError: a hash is wrong, or its pages lie outside of the hive or of the entry.
    """
    hive_size, count, hash1, hash2 = _ENTRY.unpack_from(entry)[4:]
    if hash2 != marvin32(entry[:_HASHED_START]) or hash1 != marvin32(entry[_ENTRY.size :]):
        raise HiveError(f"log entry {number} is damaged: a hash is wrong")
    if not hive_size or hive_size % PAGE or BASE_SIZE + hive_size > limit:
        raise HiveError(f"log entry {number} makes the hive {hive_size} bytes large")
    position = _ENTRY.size + count * _PAGE.size
    if position > len(entry):
        raise HiveError(f"log entry {number} claims {count} pages")
    pages = []
    for offset, size in _PAGE.iter_unpack(entry[_ENTRY.size : position]):
        if offset + size > hive_size or position + size > len(entry):
            raise HiveError(f"log entry {number} has a page of {size} bytes for {offset:#x}, which does not fit")
        pages.append((offset, entry[position : position + size]))
        position += size
    return _Entry(number, hive_size, pages)


# --- the old format: one set of changed pages


def _replay_old(image: _Image, block: BaseBlock, logs: list[_Log], report: dict[int, LogOutcome]) -> BaseBlock:
    """Apply the log that belongs to this state of the hive. Return the base block that is valid then."""
    times = {block.last_write}
    if not block.intact:
        times.add(_first_bin_time(image))
    applied = False
    for log in sorted(logs, key=lambda log: -log.block.sequence1):
        if log.block.sequence1 != log.block.sequence2:
            report[log.place] = _refused(log, "it was not written completely")
        elif log.block.last_write not in times:
            report[log.place] = _ignored(log, "it was written for another state of the hive")
        elif applied:
            report[log.place] = _ignored(log, "a later log was used")
        else:
            try:
                pages = _old_pages(image, log)
            except HiveError as error:
                report[log.place] = _refused(log, error.what)
                continue
            image.apply(log.block.size, pages)
            block = (block if block.intact else log.block._replace(type=PRIMARY))._replace(size=log.block.size)
            report[log.place] = LogOutcome(log.name, "applied", f"{len(pages)} changed pages")
            applied = True
    return block


def _first_bin_time(image: _Image) -> int:
    """Return the copy of the header's last-written time that the first hive bin has, 0 if it is not there."""
    return int.from_bytes(image.buffer[BASE_SIZE + 20 : BASE_SIZE + 28], "little")


def _old_pages(image: _Image, log: _Log) -> list[tuple[int, bytes]]:
    """Return the pages of a log and where they belong.

    Raises:
        HiveError: they are not all there, or would damage the hive.
    """
    size = log.block.size
    if log.data[SECTOR : SECTOR + 4] != b"DIRT":
        raise HiveError("its list of changed pages is missing")
    if not size or size % PAGE or BASE_SIZE + size > image.limit:
        raise HiveError(f"it makes the hive {size} bytes large")
    length = size // SECTOR // 8
    bitmap = log.data[SECTOR + 4 : SECTOR + 4 + length]
    changed = [8 * index + bit for index, byte in enumerate(bitmap) if byte for bit in range(8) if byte >> bit & 1]
    start = SECTOR + -(-(4 + length) // SECTOR) * SECTOR
    if len(log.data) < start + SECTOR * len(changed):
        raise HiveError(f"it has {len(log.data)} bytes, its {len(changed)} changed pages need more")
    pages = {
        SECTOR * page: log.data[start + SECTOR * index : start + SECTOR * (index + 1)]
        for index, page in enumerate(changed)
    }
    missing = next((page for page in range(len(image.buffer) - BASE_SIZE, size, SECTOR) if page not in pages), None)
    if missing is not None:
        raise HiveError(f"the hive should have {BASE_SIZE + size} bytes, and {missing:#x} is not in the log")
    _check_bins(image, pages, size)
    return list(pages.items())


def _check_bins(image: _Image, pages: dict[int, bytes], size: int) -> None:
    """Check the hive bins that a log changes: each starts with a header that leads to the next.

    Raises:
        HiveError: one that the log wrote does not.
    """
    offset = 0
    while offset < size:
        page = pages.get(offset)
        start = image.buffer[BASE_SIZE + offset : BASE_SIZE + offset + SECTOR] if page is None else page
        signature, own, length = _BIN.unpack_from(start)
        if signature != b"hbin" or own != offset or length < PAGE or length % PAGE or offset + length > size:
            if page is not None:
                raise HiveError(f"its hive bin at {offset:#x} is damaged")
            return  # the hive's own damage, which the log neither makes nor mends
        offset += length
