# SPDX-License-Identifier: Apache-2.0
"""HRESULTs in plain words.

References:
    https://learn.microsoft.com/en-us/windows/win32/wua_sdk/wua-success-and-error-codes-
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/wmi-error-constants
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .registry import ABSENT, Absent, Unreadable

E_ACCESSDENIED: Final = 0x80070005

#: The component is not on this machine: class not registered, unknown ProgID, WMI namespace, class or object.
NOT_THERE: Final = frozenset({0x80040154, 0x800401F3, 0x8004100E, 0x80041010, 0x80041002})
DENIED: Final = frozenset({E_ACCESSDENIED, 0x80041003, 0x80240044})

WORDS: Final[Mapping[int, str]] = {
    E_ACCESSDENIED: "access is denied (a network logon may not ask; run as SYSTEM, or with become)",
    0x80041003: "access to the WMI namespace is denied",
    0x80240044: "only administrators may ask the Windows Update Agent for this",
    0x80070422: "the service is disabled",
    0x8007043C: "the service cannot run in safe mode",
    0x800706BA: "the service does not answer (RPC server unavailable)",
    0x8024A000: "Automatic Updates could not answer",
    0x8024001E: "the service is shutting down",
    0x80240032: "the search criteria are not understood",
    0x80004002: "the component has no such interface",
}


def words(code: int) -> str:
    """Return `0x80070005: access is denied ...` for a code, signed or not; the number alone for an unknown one."""
    unsigned = code & 0xFFFFFFFF
    known = WORDS.get(unsigned)
    return f"{unsigned:#010x}: {known}" if known else f"{unsigned:#010x}"


def answer(code: int, detail: str = "") -> Absent | Unreadable:
    """Return the answer that a failed COM call is; `detail` is what the system said, used for unknown codes."""
    unsigned = code & 0xFFFFFFFF
    if unsigned in NOT_THERE:
        return ABSENT
    text = words(unsigned)
    if unsigned not in WORDS and detail:
        text = f"{text}: {' '.join(detail.split())}"
    return Unreadable("denied" if unsigned in DENIED else "failed", unsigned, text)
