# SPDX-License-Identifier: Apache-2.0
"""Registry strings from bytes, with nothing lost.

A REG_MULTI_SZ is a list of NUL-terminated strings that ends with one more NUL. Documentation calls an empty string
inside such a list impossible; Windows itself writes them in PendingFileRenameOperations, where an empty second string
means "delete". Readers that stop at the first empty string, or drop the empty ones, turn deletes into renames.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw (the remarks on
    MOVEFILE_DELAY_UNTIL_REBOOT give the format); https://github.com/python/cpython/issues/76768
"""

from __future__ import annotations

from collections.abc import Sequence


def decode_utf16(data: bytes) -> str:
    """Return `data` as UTF-16LE text. An odd last byte is dropped, lone surrogates are kept."""
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")


def decode_text(data: bytes) -> str:
    """Return the string in `data` up to its first NUL."""
    return decode_utf16(data).partition("\0")[0]


def decode_strings(data: bytes, most: int = -1) -> list[str]:
    """Return the strings of a REG_MULTI_SZ, empty ones kept, without the list's terminator; at most `most` of them."""
    strings = decode_utf16(data).split("\0", most)
    if 0 <= most < len(strings):
        return strings[:most]
    if not strings[-1]:
        strings.pop()  # what follows the last NUL is no string
    if strings and not strings[-1]:
        strings.pop()  # the list's terminator
    return strings


def encode_strings(strings: Sequence[str]) -> bytes:
    """Return the bytes Windows stores for a list of strings: each terminated, then the list's terminator."""
    return ("".join(f"{string}\0" for string in strings) + "\0").encode("utf-16-le", "surrogatepass")
