# SPDX-License-Identifier: Apache-2.0
"""The version of a program file, read from its bytes: for disks that no Windows looks at.

Every offset in a file is a claim: it is checked before it is followed, and nothing is followed far.

References:
    https://learn.microsoft.com/en-us/windows/win32/debug/pe-format (the .rsrc section)
    https://learn.microsoft.com/en-us/windows/win32/menurc/vs-versioninfo
    https://learn.microsoft.com/en-us/windows/win32/api/verrsrc/ns-verrsrc-vs_fixedfileinfo
"""

from __future__ import annotations

import struct
from typing import Final

from ..files import Version

Bytes = bytes | memoryview
#: Of each section: its size and place in memory, its size and place in the file.
Sections = list[tuple[int, ...]]

_RT_VERSION: Final = 16
_VS_VERSION_INFO: Final = 1
_RESOURCES: Final = 2
_FIXED_SIGNATURE: Final = 0xFEEF04BD
_KEY: Final = "VS_VERSION_INFO\0".encode("utf-16-le")
#: Where the fixed part begins in VS_VERSIONINFO: three words and the key, aligned to four bytes.
_FIXED: Final = (6 + len(_KEY) + 3) // 4 * 4
_MOST_SECTIONS: Final = 96
_MOST_ENTRIES: Final = 4096
_SUBFOLDER: Final = 0x80000000


class NoProgramError(ValueError):
    """The file is no program, or is damaged where its version should be. The message is one line."""


def fixed_version(data: Bytes) -> Version | None:
    """Return the file version of a program, None when it has no version resource.

    Raises:
        NoProgramError: it is no program, or is damaged.
    """
    try:
        return _version(memoryview(data))
    except struct.error as error:
        raise NoProgramError("the file ends before its version resource does") from error


def _version(data: memoryview) -> Version | None:
    if bytes(data[:2]) != b"MZ":
        raise NoProgramError("the file is no program")
    (header,) = struct.unpack_from("<I", data, 0x3C)
    if bytes(data[header : header + 4]) != b"PE\0\0":
        raise NoProgramError("the file is no program of 32 or 64 bits")
    sections_number, optional_size = struct.unpack_from("<2xH12xH", data, header + 4)
    optional = header + 24
    (magic,) = struct.unpack_from("<H", data, optional)
    if magic not in (0x10B, 0x20B) or sections_number > _MOST_SECTIONS:
        raise NoProgramError("the file's headers are damaged")
    directories = optional + (92 if magic == 0x10B else 108)
    (number,) = struct.unpack_from("<I", data, directories)
    if number <= _RESOURCES:
        return None
    address, _size = struct.unpack_from("<II", data, directories + 4 + 8 * _RESOURCES)
    if not address:
        return None
    first = optional + optional_size
    sections = [struct.unpack_from("<8xIIII", data, first + 40 * index) for index in range(sections_number)]
    return _resource(data, address, sections)


def _offset(address: int, sections: Sections) -> int:
    """Return where in the file the address of a loaded program lies."""
    for virtual_size, start, raw_size, raw in sections:
        if start <= address < start + max(virtual_size, raw_size):
            if address - start >= raw_size:
                break  # only in memory
            return raw + address - start
    raise NoProgramError("the version resource lies outside of the file's sections")


def _resource(data: memoryview, address: int, sections: Sections) -> Version | None:
    root = _offset(address, sections)
    place = _entry(data, root, 0, _RT_VERSION)
    if place is None:
        return None
    for wanted in (_VS_VERSION_INFO, None):  # the name, and any language
        if not place & _SUBFOLDER:
            raise NoProgramError("the version resource is damaged")
        folder = place & ~_SUBFOLDER
        below = _entry(data, root, folder, wanted)
        if below is None:
            below = _entry(data, root, folder, None)
        if below is None:
            return None
        place = below
    if place & _SUBFOLDER:
        raise NoProgramError("the version resource is damaged")
    where, size = struct.unpack_from("<II", data, root + place)
    return _fixed(data, _offset(where, sections), size)


def _entry(data: memoryview, root: int, folder: int, wanted: int | None) -> int | None:
    """Return what the entry of this id points to, or the first one for None; None when there is none."""
    named, numbered = struct.unpack_from("<HH", data, root + folder + 12)
    if named + numbered > _MOST_ENTRIES:
        raise NoProgramError("the resources are damaged")
    for index in range(named + numbered):
        id_, target = struct.unpack_from("<II", data, root + folder + 16 + 8 * index)
        if wanted is None or id_ == wanted:
            return int(target)
    return None


def _fixed(data: memoryview, place: int, size: int) -> Version:
    _length, value_length, _kind = struct.unpack_from("<HHH", data, place)
    key = bytes(data[place + 6 : place + 6 + len(_KEY)])
    signature, _structure, high, low, *_rest = struct.unpack_from("<13I", data, place + _FIXED)
    damaged = key != _KEY or value_length < 52 or size < _FIXED + 52 or signature != _FIXED_SIGNATURE
    if damaged or not (high or low):
        raise NoProgramError("the version resource is damaged")
    return high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF
