# SPDX-License-Identifier: Apache-2.0
"""Programs that have nothing but a version resource, for tests where no compiler is."""

from __future__ import annotations

import struct

_RSRC_ADDRESS, _RSRC_OFFSET = 0x1000, 0x200


def program(version: str | None, *, bits: int = 64) -> bytes:
    """Return a program of this version (`1.2.3.4`), without resources for None."""
    resources = _resources(version) if version else b""
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


def _resources(version: str) -> bytes:
    first, second, third, fourth = map(int, version.split("."))
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, first << 16 | second, third << 16 | fourth, 0, 0, *[0] * 7)
    key = "VS_VERSION_INFO\0".encode("utf-16-le")
    info = struct.pack("<HHH", 40 + len(fixed), len(fixed), 0) + key
    info = info.ljust(40, b"\0") + fixed

    def folder(id_: int, target: int) -> bytes:
        return struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", id_, target)

    tree = folder(16, 0x80000018) + folder(1, 0x80000030) + folder(0x409, 0x48)
    return tree + struct.pack("<IIII", _RSRC_ADDRESS + 0x58, len(info), 0, 0) + info
