# SPDX-License-Identifier: Apache-2.0
"""The errors of the core: what the caller gave cannot be used.

What a *machine* does not let us read is never an error here: it is an answer (`registry.Unreadable`)
and ends up in the facts as *unknown*.
"""

from __future__ import annotations

from typing import Final

#: Characters that are told of what is wrong: it is one line, whatever was given.
_LONGEST: Final = 400


class PendingRebootError(Exception):
    """Base of every error this package raises on purpose. The text is one line for the user."""


class InputError(PendingRebootError):
    """A file, option or value that the user gave cannot be used.

    Attributes:
        what: what is wrong, in words.
        where: the file, option or field it is wrong in.
        hint: what to do about it, or an empty string.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}..."
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


class HiveError(InputError):
    """A registry hive (or a part of it) cannot be read: damaged, truncated or not a hive."""


class WrongTypeError(PendingRebootError):
    """A registry value has not the type or size that its meaning needs."""
