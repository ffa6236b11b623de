# SPDX-License-Identifier: Apache-2.0
"""Versions of program files: as an independent reader sees them, and damage that is never another version."""

from __future__ import annotations

import contextlib
import struct

import pefile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot.readers.pe import NoProgramError, fixed_version
from support.pe import program

VERSION = "2001.12.4720.10"
NUMBERS = (2001, 12, 4720, 10)


def by_pefile(data: bytes) -> tuple[int, ...] | None:
    """Return what pefile says."""
    with pefile.PE(data=data) as pe:
        found = getattr(pe, "VS_FIXEDFILEINFO", None)
        if not found:
            return None
        high, low = found[0].FileVersionMS, found[0].FileVersionLS
        return high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("version", [VERSION, "10.0.19041.3570", "65535.65535.65535.65535", None])
def test_the_same_as_an_independent_reader(bits: int, version: str | None) -> None:
    data = program(version, bits=bits)
    wanted = tuple(map(int, version.split("."))) if version else None
    assert fixed_version(data) == by_pefile(data) == wanted


def test_the_version_of_the_file_is_the_one_with_the_number_1() -> None:
    """GetFileVersionInfo reads that one, whatever stands beside it."""
    assert fixed_version(program(VERSION, "9.9.9.9")) == NUMBERS


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no program"),
        (b"MZ", "ends before"),
        (b"MZ" + bytes(100), "is no program of 32 or 64 bits"),
        (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"NE" + bytes(100), "is no program of 32 or 64 bits"),
        (b"MZ" + bytes(58) + struct.pack("<I", 0xFFFFFFF0), "is no program of 32 or 64 bits"),
        (b"text of a kind", "is no program"),
        (program(VERSION)[:0x180], "ends before"),
        (program(VERSION)[:0x210], "ends before"),
        (program(VERSION)[:-30], "ends before"),
        (program(VERSION).replace(b"\xbd\x04\xef\xfe", b"\xbd\x04\xef\xff"), "is damaged"),
        (program(VERSION).replace("VS_VERSION_INFO".encode("utf-16-le"), b"X" * 30), "is damaged"),
        (program("0.0.0.0"), "is damaged"),
        (program(VERSION).replace(struct.pack("<I", 0x80000018), struct.pack("<I", 0x18)), "is damaged"),
        (program(VERSION).replace(struct.pack("<I", 0x1058), struct.pack("<I", 0x9058)), "outside of the file's"),
    ],
)
def test_what_has_no_readable_version(data: bytes, says: str) -> None:
    with pytest.raises(NoProgramError, match=says):
        fixed_version(data)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: program(VERSION)[:200] + tail))
def test_any_bytes(data: bytes) -> None:
    try:
        fixed_version(data)
    except NoProgramError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is fine


WHOLE = program(VERSION)
#: The four numbers themselves: other bytes there are another version, and no damage that could be seen.
THE_NUMBERS = {WHOLE.index(b"\xbd\x04\xef\xfe") + 8 + number for number in range(8)}


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
def test_damage_elsewhere_is_never_another_version(place: int, other: bytes) -> None:
    if not THE_NUMBERS.isdisjoint(range(place, place + len(other))):
        return
    damaged = (WHOLE[:place] + other + WHOLE[place + len(other) :])[: len(WHOLE)]
    with contextlib.suppress(NoProgramError):
        assert fixed_version(damaged) in (NUMBERS, None)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_off(length: int) -> None:
    with pytest.raises(NoProgramError):
        fixed_version(WHOLE[:length])
