# SPDX-License-Identifier: Apache-2.0
"""Files of a machine, as a reader sees them: whether they are there, their versions and their digests."""

from __future__ import annotations

import hashlib
import re
from typing import BinaryIO, Final, NamedTuple, Protocol

from .errors import InputError
from .registry import Absent, Reader, Unreadable

#: The four numbers of VS_FIXEDFILEINFO's file version.
Version = tuple[int, int, int, int]

_VERSION: Final = re.compile(r"\d{1,5}(?:\.\d{1,5}){0,3}", re.ASCII)


class FileInfo(NamedTuple):
    """A file that is there."""

    #: None when it has no version resource, or one that cannot be read.
    version: Version | None = None
    #: In lower-case hexadecimal; only when it was asked for.
    sha256: str | None = None
    #: Why the version or the digest could not be read.
    error: Unreadable | None = None


class FileReader(Reader, Protocol):
    r"""A reader that also looks at files. Paths are those of the machine (`C:\...`)."""

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`; the digest only with `digest`, because it takes reading the whole file."""

    def long_path(self, path: str) -> str | None:
        """Return `path` with its short names (`PROGRA~1`) spelled out, None when that is not known."""


def parse_version(text: object, where: str) -> Version:
    """Return the version that text such as `10.0.19041.3570` names; missing numbers are 0.

    Raises:
        InputError: it is no version. `where` names the field.
    """
    if isinstance(text, float):  # YAML reads 5.10 as the number 5.1
        raise InputError(f"{text!r} is a number", where=where, hint="write the version in quotes")
    match = _VERSION.fullmatch(str(text).strip())
    numbers = [int(part) for part in match[0].split(".")] if match else []
    if not numbers or max(numbers) > 0xFFFF:
        raise InputError(f"{text!r} is no file version", where=where, hint="write up to four numbers: '10.0.19041.1'")
    first, second, third, fourth = [*numbers, 0, 0, 0][:4]
    return first, second, third, fourth


def version_text(version: Version | None) -> str | None:
    """Return `10.0.19041.3570`, None for no version."""
    return ".".join(map(str, version)) if version else None


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of an open file's content, in lower-case hexadecimal."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
