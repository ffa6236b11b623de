# SPDX-License-Identifier: Apache-2.0
"""Cells of a registry hive: where everything below the base block is stored. Nothing read here is trusted.

Offsets count from the first hive bin. Every cell starts with its size, negative when the cell is in use.

References:
    https://github.com/msuhanov/regf "Windows registry file format specification", sections Cell to Big data.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, unpack_from
from typing import Final, NamedTuple

from ..errors import HiveError
from ..multi_sz import decode_utf16
from .regf_header import BASE_SIZE, Buffer

#: The largest value that is read. Windows advises against more than 1 MB; nothing asked for here is near it.
MAX_DATA: Final = 64 * 1024 * 1024
#: The most subkeys, and the most values, that one key may list.
MAX_LISTED: Final = 500_000
#: The most values of one hive that are looked at for their names. The largest real hive needs a twentieth of it.
MAX_LOOKS: Final = 1_000_000
#: From format 1.4 on, a value above this size is stored in segments of this size.
SEGMENT: Final = 16344
#: Set in the size of a value whose data is where the offset of its data would be.
INLINE: Final = 0x80000000
MAX_INLINE: Final = 4
NOWHERE: Final = 0xFFFFFFFF

_ALIGNMENT: Final = 7
_FIRST: Final = 32
_SIZE: Final = Struct("<i")
_OFFSET: Final = Struct("<I")
#: size, signature, flags, last write, parent, subkeys, their list, values, their list, length of the name.
_NK: Final = Struct("<iHHQ4xII4xI4xII28xH")
_NK_SIGNATURE: Final = 0x6B6E
_NK_NAME: Final = 80
_NK_ASCII: Final = 0x20
#: The number of values is something else in such a key.
_NK_PREDEFINED: Final = 0x40
#: size, signature, length of the name, data size, data offset, type, flags.
_VK: Final = Struct("<iHHIIIH")
_VK_HEAD: Final = Struct("<iHH")
_VK_SIGNATURE: Final = 0x6B76
_VK_NAME: Final = 24
_VK_DATA: Final = 12
_VK_ASCII: Final = 0x1
_LIST: Final = Struct("<2sH")
_BIG_DATA: Final = Struct("<2sHI")
#: Numbers per element of a list of subkeys: lf and lh add a hint or a hash, which is not trusted.
_LEAVES: Final = {b"li": 1, b"lf": 2, b"lh": 2}


class KeyRecord(NamedTuple):
    """A key as it is stored."""

    name: str
    #: FILETIME.
    last_write: int
    #: Offset of the key this one says it belongs to.
    parent: int
    subkeys: int
    subkey_list: int
    values: int
    value_list: int


class ValueRecord(NamedTuple):
    """A value as it is stored, its data aside."""

    name: str
    type: int
    #: Bytes of data, INLINE bit included.
    size: int
    #: Offset of the data.
    data: int
    offset: int


class Listing(NamedTuple):
    """What a list of subkeys or values holds: the offsets that could be read, and what was wrong."""

    offsets: Sequence[int]
    problem: HiveError | None


def fold(name: str) -> str:
    """Return `name` as names are compared: in upper case, one character for one, as Windows does.

    Characters that Python would turn into several, or into an ASCII letter, stay as they are.
    """
    return name.upper() if name.isascii() else "".join(map(_upper, name))


def _upper(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 and upper.isascii() == character.isascii() else character


class Cells:
    """The cells of one hive.

    Args:
        buffer: the whole hive, base block included.
        size: bytes of hive bins, all of which are in `buffer`.
        minor: of the format's version.
        root: offset of the top key.
        name: the hive's, for messages.
    """

    def __init__(self, buffer: Buffer, size: int, minor: int, root: int, name: str) -> None:
        self.buffer = buffer
        self.end = BASE_SIZE + size
        self.minor = minor
        self.root = root
        self.name = name
        self._looks = 0
        #: By name, where in a key's list of values it was found last: keys of one kind list theirs in the same order.
        self._places: dict[str, int] = {}

    def damage(self, what: str) -> HiveError:
        """Return the error that says what is damaged."""
        return HiveError(f"damaged: {what}", where=self.name)

    def cell(self, offset: int, what: str) -> tuple[int, int]:
        """Return where the content of the cell at `offset` starts in the buffer, and how many bytes it may have.

        Raises:
            HiveError: there is no cell in use at `offset`; `what` tells whose it should be.
        """
        position = offset + BASE_SIZE
        if offset < _FIRST or offset & _ALIGNMENT or position > self.end - _ALIGNMENT:
            raise self.damage(f"{what} should be at {offset:#x}, where no cell can be")
        size: int = _SIZE.unpack_from(self.buffer, position)[0]
        if size > -8 or position - size > self.end:
            raise self.damage(f"{what} should be at {offset:#x}, where no cell is in use")
        return position + 4, -4 - size

    def key(self, offset: int) -> KeyRecord:
        """Return the key at `offset`.

        Raises:
            HiveError: there is none.
        """
        position = offset + BASE_SIZE
        if offset & _ALIGNMENT or position > self.end - _NK_NAME:
            raise self.damage(f"a key should be at {offset:#x}, where no cell can be")
        (size, signature, flags, last_write, parent, subkeys, subkey_list, values, value_list, length) = (
            _NK.unpack_from(self.buffer, position)
        )
        if signature != _NK_SIGNATURE or -size < _NK_NAME + length or position - size > self.end:
            raise self.damage(f"there is no key at {offset:#x}")
        raw = self.buffer[position + _NK_NAME : position + _NK_NAME + length]
        name = raw.decode("latin-1") if flags & _NK_ASCII else decode_utf16(bytes(raw))
        return KeyRecord(
            name, last_write, parent, subkeys, subkey_list, 0 if flags & _NK_PREDEFINED else values, value_list
        )

    def value(self, offset: int) -> ValueRecord:
        """Return the value at `offset`, without its data.

        Raises:
            HiveError: there is none.
        """
        position = offset + BASE_SIZE
        if offset & _ALIGNMENT or position > self.end - _VK_NAME:
            raise self.damage(f"a value should be at {offset:#x}, where no cell can be")
        size, signature, length, data_size, data, type_, flags = _VK.unpack_from(self.buffer, position)
        if signature != _VK_SIGNATURE or -size < _VK_NAME + length or position - size > self.end:
            raise self.damage(f"there is no value at {offset:#x}")
        raw = self.buffer[position + _VK_NAME : position + _VK_NAME + length]
        name = raw.decode("latin-1") if flags & _VK_ASCII else decode_utf16(bytes(raw))
        return ValueRecord(name, type_, data_size, data, offset)

    def find_value(self, offsets: Sequence[int], name: str) -> tuple[ValueRecord | None, HiveError | None]:
        """Return the value called `name` among those at `offsets`; when it is not there, also what could hide it."""
        self._looks += len(offsets)
        if self._looks > MAX_LOOKS:
            return None, self.damage(f"more than {MAX_LOOKS} values would have to be looked at")
        place = self._places.get(name, 0)
        if place < len(offsets):
            try:
                record = self.value(offsets[place])
            except HiveError:
                pass  # met again below, and told there
            else:
                if record.name == name:
                    return record, None
        wanted, problem = fold(name), None
        units = len(name) if name.isascii() else len(name.encode("utf-16-le", "surrogatepass")) // 2
        buffer, last, unpack = self.buffer, self.end - _VK_NAME, _VK_HEAD.unpack_from
        lengths = (units, 2 * units)
        for place, offset in enumerate(offsets):
            position = offset + BASE_SIZE
            if position <= last and not offset & _ALIGNMENT:
                size, signature, length = unpack(buffer, position)
                if length not in lengths and signature == _VK_SIGNATURE and -size >= _VK_NAME + length:
                    continue  # sound, and named otherwise: most values need not be looked at more closely
            try:
                record = self.value(offset)
            except HiveError as error:
                problem = error
                continue
            if fold(record.name) == wanted:
                self._places[name] = place
                return record, None
        return None, problem

    def data(self, record: ValueRecord) -> bytes:
        """Return the data of a value, every byte of it.

        Raises:
            HiveError: it is not all there, or larger than MAX_DATA.
        """
        size = record.size
        if INLINE < size <= INLINE + MAX_INLINE:
            start = record.offset + BASE_SIZE + _VK_DATA
            return bytes(self.buffer[start : start + size - INLINE])
        whose = f"the data of value {record.name!r}"
        if size > INLINE:
            raise self.damage(f"{whose} claims {size - INLINE} bytes in a field of {MAX_INLINE}")
        if size in (0, INLINE):
            return b""
        if size > MAX_DATA:
            raise self.damage(f"{whose} claims {size} bytes; up to {MAX_DATA} are read")
        start, room = self.cell(record.data, whose)
        if size <= room:
            return bytes(self.buffer[start : start + size])
        if self.minor > 3 and size > SEGMENT and room >= _BIG_DATA.size:
            return self._segments(start, size, whose)
        raise self.damage(f"{whose} claims {size} bytes, its cell has {room}")

    def _segments(self, start: int, size: int, whose: str) -> bytes:
        signature, count, listed = _BIG_DATA.unpack_from(self.buffer, start)
        if signature != b"db" or count != -(-size // SEGMENT):
            raise self.damage(f"{whose} claims {size} bytes, its list of segments does not fit that")
        start, room = self.cell(listed, f"the list of segments of {whose}")
        if room < 4 * count:
            raise self.damage(f"{whose} has {count} segments, their list has room for {room // 4}")
        parts = []
        for offset in unpack_from(f"<{count}I", self.buffer, start):
            wanted = min(size, SEGMENT)
            start, room = self.cell(offset, f"a segment of {whose}")
            if room < wanted:
                raise self.damage(f"a segment of {whose} should have {wanted} bytes, its cell has {room}")
            parts.append(self.buffer[start : start + wanted])
            size -= wanted
        return b"".join(parts)

    def _empty(self, listed: int, what: str) -> Listing:
        """Return an empty list; that one is there all the same is damage, as no hive of a real machine has it."""
        lost = listed not in (NOWHERE, 0)
        return Listing([], self.damage(f"a key claims no {what}, but has a list of them") if lost else None)

    def value_offsets(self, count: int, listed: int) -> Listing:
        """Return the offsets of the `count` values that are listed at `listed`."""
        if not count:
            return self._empty(listed, "values")
        try:
            start, room = self.cell(listed, "a list of values")
        except HiveError as error:
            return Listing([], error)
        found = min(count, room // 4, MAX_LISTED)
        return self._checked(unpack_from(f"<{found}I", self.buffer, start), count, "values")

    def subkey_offsets(self, count: int, listed: int) -> Listing:
        """Return the offsets of the `count` subkeys that are listed at `listed`."""
        if not count:
            return self._empty(listed, "subkeys")
        offsets: list[int] = []
        problem: HiveError | None = None
        try:
            leaves = self._leaves(listed)
        except HiveError as error:
            return Listing([], error)
        for leaf in leaves:
            if len(offsets) > MAX_LISTED:
                break
            try:
                offsets += self._elements(leaf)
            except HiveError as error:
                problem = error
        listing = self._checked(offsets[:MAX_LISTED], count, "subkeys")
        return listing if problem is None else Listing(listing.offsets, problem)

    def _leaves(self, listed: int) -> list[int]:
        """Return where the lists of subkeys are: `listed` itself, or those that an index root there names."""
        start, room = self.cell(listed, "a list of subkeys")
        signature, count = _LIST.unpack_from(self.buffer, start)
        if signature != b"ri":
            return [listed]
        if room < 4 + 4 * count:
            raise self.damage(f"a list of subkey lists at {listed:#x} claims {count} of them and has room for fewer")
        return list(dict.fromkeys(unpack_from(f"<{count}I", self.buffer, start + 4)))

    def _elements(self, leaf: int) -> tuple[int, ...]:
        start, room = self.cell(leaf, "a list of subkeys")
        signature, count = _LIST.unpack_from(self.buffer, start)
        width = _LEAVES.get(signature, 0)
        if not width:
            raise self.damage(f"there is no list of subkeys at {leaf:#x}")
        if room < 4 + 4 * width * count:
            raise self.damage(f"a list of subkeys at {leaf:#x} claims {count} of them and has room for fewer")
        return unpack_from(f"<{width * count}I", self.buffer, start + 4)[::width]

    def _checked(self, offsets: Sequence[int], count: int, what: str) -> Listing:
        if len(set(offsets)) < len(offsets):
            return Listing(list(dict.fromkeys(offsets)), self.damage(f"{what} are listed twice"))
        if len(offsets) != count:
            return Listing(offsets, self.damage(f"a key claims {count} {what}, {len(offsets)} are listed"))
        return Listing(offsets, None)
