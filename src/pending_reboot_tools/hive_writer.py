# SPDX-License-Identifier: Apache-2.0
"""Writing small registry hives, for the demonstration and the tests.

Nothing here changes a hive that exists: a whole new one is made, clean or marked as dirty, that Windows' own rules for
the format would accept.

References:
    https://github.com/msuhanov/regf "Windows registry file format specification"
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from struct import Struct, pack, pack_into
from typing import Final, Literal, NamedTuple

from pending_reboot.readers.memory import MemoryKey
from pending_reboot.readers.regf_cells import INLINE, MAX_INLINE, NOWHERE, SEGMENT, fold
from pending_reboot.readers.regf_header import BASE_SIZE, PAGE, checksum
from pending_reboot.registry import Unreadable, Value, datetime_to_filetime
from pending_reboot.tree import Node

ListKind = Literal["lh", "lf", "li", "ri"]

#: The last write of keys that do not say theirs.
DEFAULT_TIME: Final = datetime_to_filetime(datetime(2026, 1, 1, tzinfo=timezone.utc))
#: More subkeys than this are divided into several lists, as Windows does to keep a list within a page.
LEAF_SIZE: Final = 507

_BASE: Final = Struct("<4sIIQIIIIIII64s")
_CHECKSUM_AT: Final = 508
_BIN: Final = Struct("<4sII8xQ4x")
#: signature, flags, last write, parent, subkeys, volatile subkeys, list, volatile list, values, list, security, class,
#: longest subkey name, class, value name and value data below, WorkVar, lengths of name and class name.
_NK: Final = Struct("<2sHQ4xIIIIIIIIIIIIIIHH")
_NK_ASCII: Final = 0x20
_NK_ROOT: Final = 0x0C
_VK: Final = Struct("<2sHIIIHH")
_VK_ASCII: Final = 0x1
_SK: Final = Struct("<2sHIIII")

#: O:BAG:BAD:(A;;KA;;;SY)(A;;KA;;;BA) as a self-relative security descriptor.
_SYSTEM_SID: Final = bytes.fromhex("010100000000000512000000")
_ADMINISTRATORS_SID: Final = bytes.fromhex("01020000000000052000000020020000")
_ALL_ACCESS: Final = 0xF003F


class _Written(NamedTuple):
    """A cell that others refer to, with the name it stands for."""

    name: str
    offset: int


def build_hive(
    root: Node,
    *,
    minor: int = 5,
    dirty: bool = False,
    file_name: str = "SYSTEM",
    list_kind: ListKind = "lh",
    leaf_size: int = LEAF_SIZE,
    root_name: str = "ROOT",
    sequence: int = 2,
) -> bytes:
    """Return a hive with all that is below `root`: a `MemoryKey`, a `HiveKey`, or any other tree.

    Volatile keys are left out, as Windows does.

    Args:
        root: the tree; its own values become those of the hive's top key.
        minor: the format's minor version, 3 to 6. From 4 on, large values are divided into segments.
        dirty: mark the hive as not completely written.
        file_name: what the header records; its last 31 characters are kept.
        list_kind: how subkeys are listed; `ri` divides even the shortest list.
        leaf_size: more subkeys than this are divided into several lists.
        root_name: the top key's own name.
        sequence: the first of the header's two numbers; the second is one less in a dirty hive.

    Raises:
        ValueError: something in the tree could not be read, or cannot be written to a hive.
    """
    if minor not in range(3, 7):
        raise ValueError(f"minor version {minor} is not one of 3 to 6")
    writer = _Writer(minor, list_kind, leaf_size)
    top = writer.key(root_name, root, NOWHERE)
    bins = writer.finish(root.last_write or DEFAULT_TIME)
    block = bytearray(BASE_SIZE)
    second = sequence - 1 if dirty else sequence
    name = file_name[-31:].encode("utf-16-le")[-62:]
    time = root.last_write or DEFAULT_TIME
    _BASE.pack_into(block, 0, b"regf", sequence, second, time, 1, minor, 0, 1, top.offset, len(bins), 1, name)
    pack_into("<I", block, _CHECKSUM_AT, checksum(block))
    return bytes(block + bins)


def _descriptor() -> bytes:
    """Return a security descriptor that gives SYSTEM and Administrators full control."""
    entries = b"".join(
        pack("<BBHI", 0, 2, 8 + len(sid), _ALL_ACCESS) + sid for sid in (_SYSTEM_SID, _ADMINISTRATORS_SID)
    )
    acl = pack("<BBHHH", 2, 0, 8 + len(entries), 2, 0) + entries
    owner = 20 + len(acl)
    header = pack("<BBHIIII", 1, 0, 0x8004, owner, owner + len(_ADMINISTRATORS_SID), 0, 20)
    return header + acl + _ADMINISTRATORS_SID * 2


def _encoded(name: str) -> tuple[bytes, bool]:
    """Return how a name is stored, and whether one byte per character was enough."""
    if all(ord(character) < 256 for character in name):
        return name.encode("latin-1"), True
    return name.encode("utf-16-le", "surrogatepass"), False


def _wide(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass"))


def _hash(name: str) -> int:
    wide = fold(name).encode("utf-16-le", "surrogatepass")
    total = 0
    for low, high in zip(wide[::2], wide[1::2], strict=True):
        total = (total * 37 + (high << 8 | low)) & 0xFFFFFFFF
    return total


def _hint(name: str) -> bytes:
    return bytes(ord(character) if ord(character) < 256 else 0 for character in name[:4]).ljust(4, b"\0")


class _Writer:
    """Puts cells into hive bins, one after the other."""

    def __init__(self, minor: int, list_kind: ListKind, leaf_size: int) -> None:
        self._minor = minor
        self._leaf_kind = list_kind if list_kind != "ri" else "lh" if minor > 4 else "lf"
        self._leaf_size = leaf_size
        self._divide = list_kind == "ri"
        self._bins = bytearray()
        self._next = 0
        self._keys = 0
        self._security = 0
        descriptor = _descriptor()
        self._security = self._reserve(_SK.size + len(descriptor))
        self._descriptor = descriptor

    def _reserve(self, size: int) -> int:
        """Return the offset of a new cell with room for `size` bytes."""
        length = -(-(size + 4) // 8) * 8
        if self._next + length > len(self._bins):
            self._free_rest()
            start = len(self._bins)
            self._bins += bytes(-(-(_BIN.size + length) // PAGE) * PAGE)
            _BIN.pack_into(self._bins, start, b"hbin", start, len(self._bins) - start, 0)
            self._next = start + _BIN.size
        offset = self._next
        pack_into("<i", self._bins, offset, -length)
        self._next += length
        return offset

    def _fill(self, offset: int, content: bytes) -> None:
        self._bins[offset + 4 : offset + 4 + len(content)] = content

    def _cell(self, content: bytes) -> int:
        offset = self._reserve(len(content))
        self._fill(offset, content)
        return offset

    def _free_rest(self) -> None:
        if self._next < len(self._bins):
            pack_into("<i", self._bins, self._next, len(self._bins) - self._next)

    def finish(self, time: int) -> bytes:
        """Return the hive bins, with what could only be known at the end."""
        self._free_rest()
        head = _SK.pack(b"sk", 0, self._security, self._security, self._keys, len(self._descriptor))
        self._fill(self._security, head + self._descriptor)
        _BIN.pack_into(self._bins, 0, b"hbin", 0, int.from_bytes(self._bins[8:12], "little"), time)
        return bytes(self._bins)

    def key(self, name: str, node: Node, parent: int) -> _Written:
        """Write a key with all below it."""
        stored, ascii_name = _encoded(name)
        offset = self._reserve(_NK.size + len(stored))
        self._keys += 1
        values = list(node.values())
        value_cells = [self._value(value_name, value) for value_name, value in values]
        children = sorted(_children(node), key=lambda child: fold(child[0]).encode("utf-16-be", "surrogatepass"))
        child_cells = [self.key(child_name, child, offset) for child_name, child in children]
        flags = (_NK_ASCII if ascii_name else 0) | (_NK_ROOT if parent == NOWHERE else 0)
        record = _NK.pack(
            b"nk",
            flags,
            DEFAULT_TIME if node.last_write is None else node.last_write,
            parent,
            len(child_cells),
            0,
            self._subkeys(child_cells),
            NOWHERE,
            len(value_cells),
            self._cell(pack(f"<{len(value_cells)}I", *value_cells)) if value_cells else NOWHERE,
            self._security,
            NOWHERE,
            max((_wide(child_name) for child_name, _ in children), default=0),
            0,
            max((_wide(value_name) for value_name, _ in values), default=0),
            max((len(value.data) for _, value in values if isinstance(value, Value)), default=0),
            0,
            len(stored),
            0,
        )
        self._fill(offset, record + stored)
        return _Written(name, offset)

    def _subkeys(self, keys: list[_Written]) -> int:
        if not keys:
            return NOWHERE
        if not self._divide and len(keys) <= self._leaf_size:
            return self._leaf(keys)
        parts = [keys[start : start + self._leaf_size] for start in range(0, len(keys), self._leaf_size)]
        leaves = [self._leaf(part) for part in parts]
        return self._cell(pack("<2sH", b"ri", len(leaves)) + pack(f"<{len(leaves)}I", *leaves))

    def _leaf(self, keys: list[_Written]) -> int:
        content = pack("<2sH", self._leaf_kind.encode(), len(keys))
        for key in keys:
            content += pack("<I", key.offset)
            if self._leaf_kind == "lf":
                content += _hint(key.name)
            elif self._leaf_kind == "lh":
                content += pack("<I", _hash(key.name))
        return self._cell(content)

    def _value(self, name: str, value: Value | Unreadable) -> int:
        if isinstance(value, Unreadable):
            raise ValueError(f"value {name!r} cannot be written: {value.message}")
        stored, ascii_name = _encoded(name)
        size, data = len(value.data), value.data
        if size <= MAX_INLINE:
            size, where = size | INLINE, int.from_bytes(data, "little")
        elif size > SEGMENT and self._minor > 3:
            where = self._segments(data)
        else:
            where = self._cell(data)
        head = _VK.pack(b"vk", len(stored), size, where, value.type, _VK_ASCII if ascii_name else 0, 0)
        return self._cell(head + stored)

    def _segments(self, data: bytes) -> int:
        cells = [self._cell(data[start : start + SEGMENT]) for start in range(0, len(data), SEGMENT)]
        listed = self._cell(pack(f"<{len(cells)}I", *cells))
        return self._cell(pack("<2sHI", b"db", len(cells), listed))


def _children(node: Node) -> Iterator[tuple[str, Node]]:
    for name, child in node.children():
        if isinstance(child, Unreadable):
            raise ValueError(f"key {name!r} cannot be written: {child.message}")
        if not (isinstance(child, MemoryKey) and child.volatile):
            yield name, child
