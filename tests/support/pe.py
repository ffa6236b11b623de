# SPDX-License-Identifier: Apache-2.0
"""Programs that have nothing but a version resource, for tests where no compiler is."""

from __future__ import annotations

import struct

_RSRC_ADDRESS, _RSRC_OFFSET = 0x1000, 0x200


def program(version: str | None, *others: str, bits: int = 64) -> bytes:
    """Return a program of this version (`1.2.3.4`), without resources for None; `others` are versions with a name."""
    resources = _resources(*others, version) if version else b""
    magic, size, directories = (0x20B, 240, 112) if bits == 64 else (0x10B, 224, 96)
    optional = bytearray(size)
    struct.pack_into("<H", optional, 0, magic)
    struct.pack_into("<I", optional, directories - 4, 16)
    if resources:
        struct.pack_into("<II", optional, directories + 16, _RSRC_ADDRESS, len(resources))
    header = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664 if bits == 64 else 0x14C, 1, 0, 0, 0, size, 0x2022)
    section = struct.pack(
        "<8sIIIIIIHHI", b".rsrc", len(resources), _RSRC_ADDRESS, len(resources), _RSRC_OFFSET, 0, 0, 0, 0, 0x40000040
    )
    start = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return (start + header + bytes(optional) + section).ljust(_RSRC_OFFSET, b"\0") + resources


def _resources(*versions: str) -> bytes:
    """Return the resource 1 of the last version; others have names, which come before numbers."""
    count = len(versions)
    languages = 0x18 + 16 + 8 * count
    entries = languages + 24 * count
    infos = entries + 16 * count
    tree = _folder([(16, 0x80000018)])
    name = 0x80000000 | (infos + sum(len(_info(each)) for each in versions))
    places = [0x80000000 | (languages + 24 * index) for index in range(count)]
    tree += _folder([*((name, place) for place in places[:-1]), (1, places[-1])], named=count - 1)
    for index in range(count):
        tree += _folder([(0x409, entries + 16 * index)])
    content = b""
    for each in versions:
        tree += struct.pack("<IIII", _RSRC_ADDRESS + infos + len(content), len(_info(each)), 0, 0)
        content += _info(each)
    return tree + content + (struct.pack("<H", 1) + "X".encode("utf-16-le") if count > 1 else b"")


def _folder(entries: list[tuple[int, int]], named: int = 0) -> bytes:
    head = struct.pack("<IIHHHH", 0, 0, 0, 0, named, len(entries) - named)
    return head + b"".join(struct.pack("<II", *entry) for entry in entries)


def _info(version: str) -> bytes:
    first, second, third, fourth = map(int, version.split("."))
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, first << 16 | second, third << 16 | fourth, 0, 0, *[0] * 7)
    head = struct.pack("<HHH", 40 + len(fixed), len(fixed), 0) + "VS_VERSION_INFO\0".encode("utf-16-le")
    return head.ljust(40, b"\0") + fixed
