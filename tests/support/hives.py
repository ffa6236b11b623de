# SPDX-License-Identifier: Apache-2.0
"""Hives for tests: walking them, other readers to compare with, finding places in them, and transaction logs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from struct import pack, pack_into, unpack_from
from typing import Any

import pytest

from pending_reboot.readers.memory import MemoryKey, MemoryRegistry
from pending_reboot.readers.regf import Hive, HiveKey
from pending_reboot.readers.regf_header import BASE_SIZE, checksum
from pending_reboot.readers.regf_log import marvin32
from pending_reboot.registry import Unreadable, Value
from pending_reboot_tools.hive_writer import build_hive

Values = dict[str, "tuple[int, bytes] | Unreadable"]
#: path: last write and values, or why it cannot be read.
Content = dict[str, "tuple[int, Values] | Unreadable"]

_HIVEX = """
import hivex, json, sys
hive = hivex.Hivex(sys.argv[1])
def walk(key, path):
    values = [[hive.value_key(value), *hive.value_value(value)] for value in hive.node_values(key)]
    yield [path, hive.node_timestamp(key), [[name, kind, data.hex()] for name, kind, data in values]]
    for child in hive.node_children(key):
        yield from walk(child, path + "\\\\" + hive.node_name(child))
for row in walk(hive.root(), ""):
    print(json.dumps(row))
"""


def content(key: HiveKey, path: str = "") -> Content:
    """Return everything from `key` on down."""
    found: Content = {path: (key.last_write, dict(_values(key)))}
    for name, child in key.children():
        below = f"{path}\\{name}"
        if isinstance(child, Unreadable):
            found[below] = child
        else:
            found |= content(child, below)
    return found


def _values(key: HiveKey) -> Iterator[tuple[str, tuple[int, bytes] | Unreadable]]:
    for name, value in key.values():
        yield name, (value.type, value.data) if isinstance(value, Value) else value


def content_of(data: bytes, logs: Sequence[Path] = ()) -> Content:
    """Return everything in a hive."""
    return content(Hive(data, logs=logs).root)


def unreadable(found: Content) -> dict[str, str]:
    """Return the message of everything that could not be read, by path or path!value."""
    messages = {path: entry.message for path, entry in found.items() if isinstance(entry, Unreadable)}
    for path, entry in found.items():
        if not isinstance(entry, Unreadable):
            messages |= {f"{path}!{name}": v.message for name, v in entry[1].items() if isinstance(v, Unreadable)}
    return messages


@cache
def _python_with_hivex() -> str | None:
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and not subprocess.run([python, "-c", "import hivex"], capture_output=True).returncode:
            return python
    return None


def read_with_hivex(path: Path, segments_of: Content | None = None) -> Content:
    """Return everything in a hive as hivex reads it; skip the test where hivex is not installed.

    hivex 1.3.23 returns up to 4 bytes too few or too many of data in segments. Where what it has begins like the data
    in `segments_of`, that data is returned.
    """
    python = _python_with_hivex()
    if python is None:
        pytest.skip("hivex is not installed (Debian: python3-hivex)")
    run = subprocess.run([python, "-c", _HIVEX, str(path)], capture_output=True, check=True, encoding="utf-8")
    found: Content = {}
    for line in run.stdout.splitlines():
        where, last_write, values = json.loads(line)
        found[where] = (last_write, {name: (kind, bytes.fromhex(data)) for name, kind, data in values})
    for where, entry in (segments_of or {}).items():
        theirs = found.get(where)
        if isinstance(entry, tuple) and isinstance(theirs, tuple):
            theirs[1].update(
                (name, value)
                for name, value in entry[1].items()
                if isinstance(value, tuple) and _same_but_for_the_end(value, theirs[1].get(name))
            )
    return found


def _same_but_for_the_end(mine: tuple[int, bytes], theirs: object) -> bool:
    if not isinstance(theirs, tuple) or len(mine[1]) <= 16344 or theirs[0] != mine[0]:
        return False
    common = min(len(mine[1]), len(theirs[1]))
    return mine[1][:common] == theirs[1][:common] and abs(len(mine[1]) - len(theirs[1])) <= 4


def read_with_python_registry(path: Path, below: str = "") -> Content:
    """Return everything in a hive from key `below` on down, as python-registry reads it."""
    registry: Any = pytest.importorskip("Registry.Registry")
    found: Content = {}

    def walk(key: Any, where: str) -> None:
        values: Values = {}
        for value in key.values():
            record = value._vkrecord
            size = record.data_length()
            # raw_data() looks elsewhere for inline data of most types, and gives all four bytes of it for the others.
            inline = record.unpack_dword(4) & 0x80000000
            data = record.unpack_binary(8, size) if inline else value.raw_data()
            name = record.name() if record.has_name() else ""
            # value_type() loses the upper half, which values of device properties use.
            values[name] = (record.unpack_dword(12), bytes(data)[:size])
        found[where] = (key._nkrecord.unpack_qword(4), values)
        for child in key.subkeys():
            walk(child, f"{where}\\{child.name()}")

    hive = registry.Registry(str(path))
    walk(hive.open(below) if below else hive.root(), "")
    return found


def found(hive: Hive, path: str) -> HiveKey:
    """Return the key at `path`, which must be there."""
    key = hive.find(path)
    assert key is not None, path
    return key


@cache
def sample_tree() -> MemoryKey:
    """Return a tree with every kind of name and every way to store data."""
    registry = MemoryRegistry()
    registry.key(r"Select", {"Current": Value.from_integer(1)}, last_write=132_000_000_000_000_001)
    registry.key(
        r"Alpha\Beta",
        {
            "": Value.from_text("default"),
            "Short": Value(3, b"abc"),
            "Empty": Value(7, b""),
            "Four": Value(3, b"4444"),
            "Five": Value(3, b"55555"),
            "Plain": Value(3, bytes(range(256)) * 63),
            "Edge": Value(3, b"e" * 16344),
            "Large": Value(3, b"L" * 16345),
            "Larger": Value(0xFFFF0011, bytes(range(251)) * 200),
            "ëé": Value.from_text("Latin"),
            "日本": Value.from_text("wide"),
        },
    )
    registry.key("Alpha\\Ünïcode")
    registry.key("Alpha\\Привет")
    for index in range(20):
        registry.key(rf"Many\sub{index:02}", {"Number": Value.from_integer(index)})
    registry.key(r"Many\sub00\gone", volatile=True)
    return registry.root


@cache
def sample_hive() -> bytes:
    """Return `sample_tree` as a hive."""
    return build_hive(sample_tree())


def key_at(data: bytes, name: str) -> int:
    """Return where in `data` the record of the (only) key called `name` starts."""
    return _record(data, name, b"nk", 72, 76)


def value_at(data: bytes, name: str) -> int:
    """Return where in `data` the record of the (only) value called `name` starts."""
    return _record(data, name, b"vk", 2, 20)


def _record(data: bytes, name: str, signature: bytes, length_at: int, name_at: int) -> int:
    wanted = name.encode("latin-1")
    found = []
    position = data.find(wanted)
    while position != -1:
        start = position - name_at
        if data[start : start + 2] == signature and unpack_from("<H", data, start + length_at)[0] == len(wanted):
            found.append(start)
        position = data.find(wanted, position + 1)
    assert len(found) == 1, f"{len(found)} records called {name}"
    return found[0]


def offset_of(position: int) -> int:
    """Return the offset by which a hive refers to the cell whose record starts at `position`."""
    return position - 4 - BASE_SIZE


def patched(data: bytes, *patches: tuple[int, bytes]) -> bytes:
    """Return `data` with bytes replaced, and the header's checksum made right again."""
    changed = bytearray(data)
    for position, replacement in patches:
        changed[position : position + len(replacement)] = replacement
    pack_into("<I", changed, 508, checksum(changed))
    return bytes(changed)


def number(value: int) -> bytes:
    """Return the four bytes of a field."""
    return pack("<I", value)


def changed_pages(before: bytes, after: bytes, size: int = 4096) -> list[tuple[int, bytes]]:
    """Return the pages of hive bins that turn `before` into `after`, with their offsets."""
    return [
        (start - BASE_SIZE, after[start : start + size])
        for start in range(BASE_SIZE, len(after), size)
        if before[start : start + size] != after[start : start + size]
    ]


def log_entry(sequence: int, hive_size: int, pages: Sequence[tuple[int, bytes]]) -> bytes:
    """Return one entry of a log of the new format."""
    body = b"".join(pack("<II", offset, len(page)) for offset, page in pages) + b"".join(page for _, page in pages)
    size = -(-(40 + len(body)) // 512) * 512
    body = body.ljust(size - 40, b"\0")
    head = pack("<4sIIIIIQ", b"HvLE", size, 0, sequence, hive_size, len(pages), marvin32(body))
    return head + pack("<Q", marvin32(head)) + body


def log_header(hive: bytes, sequence: int, kind: int) -> bytes:
    """Return the first sector of a log that belongs to `hive`."""
    block = bytearray(hive[:512])
    pack_into("<II", block, 4, sequence, sequence)
    pack_into("<I", block, 28, kind)
    pack_into("<I", block, 508, checksum(block))
    return bytes(block)


def new_log(hive: bytes, sequence: int, entries: Sequence[bytes]) -> bytes:
    """Return a log of the new format whose first entry is number `sequence`."""
    return log_header(hive, sequence, 6) + b"".join(entries)


def old_log(hive: bytes, sequence: int, pages: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a log of the old format with these 512-byte pages, in the order of their offsets."""
    bitmap = bytearray(-(-unpack_from("<I", hive, 40)[0] // 4096))
    for offset, _ in pages:
        bitmap[offset // 4096] |= 1 << offset // 512 % 8
    vector = b"DIRT" + bitmap
    vector = vector.ljust(-(-len(vector) // 512) * 512, b"\0")
    return log_header(hive, sequence, 1) + vector + b"".join(page for _, page in pages)
