# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the lab, apart from what is wrong with the code under test."""

from __future__ import annotations


class LabUnavailableError(Exception):
    """The lab cannot be built on this machine; the message is the reason, in one line."""


class LabError(Exception):
    """Something that was asked of the lab did not work."""


class LabTimeoutError(LabError):
    """It took longer than allowed; what ran too long has been ended."""


class RemoteError(LabError):
    """Code that ran on Windows raised an exception."""

    def __init__(self, kind: str, message: str, code: int | None, traceback: str) -> None:
        super().__init__(f"{kind}: {message}\n{traceback}")
        #: The exception's class name.
        self.kind = kind
        #: What it said.
        self.message = message
        #: The Win32 error of an OSError, the HRESULT (unsigned) of a COM error, None otherwise.
        self.code = code
