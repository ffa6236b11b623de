# SPDX-License-Identifier: Apache-2.0
"""What the exit codes of Windows installers mean: whether it worked, whether a reboot is needed, whether it applies.

One table for msiexec, update.exe, wusa, DISM and packages built from them. A code may come signed or unsigned, and as
an HRESULT that wraps a Win32 error (0x8007....).

References:
    https://learn.microsoft.com/en-us/windows/win32/msi/error-codes
    https://learn.microsoft.com/en-us/windows/win32/wua_sdk/wua-success-and-error-codes-
    https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

#: no; needed: before the installation has its effect, or can be tried again; started: the installer began it.
Reboot = Literal["no", "needed", "started"]


class ExitCode(NamedTuple):
    """The meaning of one exit code."""

    #: Unsigned; a Win32 error without its HRESULT wrapper.
    code: int
    success: bool
    reboot: Reboot
    #: False when the installer said that the patch is not for this machine, None when it says nothing about that.
    applies: bool | None
    meaning: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return self._asdict()


def _table(*rows: tuple[int, bool, Reboot, bool | None, str]) -> Mapping[int, ExitCode]:
    return {row[0]: ExitCode(*row) for row in rows}


TABLE: Final = _table(
    (0, True, "no", True, "success"),
    (3010, True, "needed", True, "success, a reboot is required (ERROR_SUCCESS_REBOOT_REQUIRED)"),
    (1641, True, "started", True, "success, the installer has started the reboot (ERROR_SUCCESS_REBOOT_INITIATED)"),
    (3011, True, "no", True, "success, a service has to be restarted (ERROR_SUCCESS_RESTART_REQUIRED)"),
    (0x00240005, True, "needed", True, "success, a reboot is required (WU_S_REBOOT_REQUIRED)"),
    (0x00240006, True, "no", True, "it is installed already (WU_S_ALREADY_INSTALLED)"),
    (0x00240007, True, "no", True, "it is uninstalled already (WU_S_ALREADY_UNINSTALLED)"),
    (3017, False, "needed", None, "failed, a reboot is required to roll it back (ERROR_FAIL_REBOOT_REQUIRED)"),
    (3018, False, "started", None, "failed, the installer has started the reboot (ERROR_FAIL_REBOOT_INITIATED)"),
    (350, False, "needed", None, "nothing was done, because a reboot is pending (ERROR_FAIL_NOACTION_REBOOT)"),
    (1115, False, "started", None, "failed, a shutdown is under way (ERROR_SHUTDOWN_IN_PROGRESS)"),
    (1190, False, "started", None, "failed, a shutdown is scheduled (ERROR_SHUTDOWN_IS_SCHEDULED)"),
    (1602, False, "no", None, "cancelled (ERROR_INSTALL_USEREXIT)"),
    (1603, False, "no", None, "failed (ERROR_INSTALL_FAILURE)"),
    (1604, False, "no", None, "suspended, it is not complete (ERROR_INSTALL_SUSPEND)"),
    (1618, False, "no", None, "another installation is in progress (ERROR_INSTALL_ALREADY_RUNNING)"),
    (1633, False, "no", False, "not for this kind of processor (ERROR_INSTALL_PLATFORM_UNSUPPORTED)"),
    (1638, False, "no", None, "another version of the product is installed (ERROR_PRODUCT_VERSION)"),
    (1642, False, "no", False, "the program that it patches is not installed (ERROR_PATCH_TARGET_NOT_FOUND)"),
    (0x80240016, False, "no", None, "another installation is in progress, or a reboot is pending"
                                    " (WU_E_INSTALL_NOT_ALLOWED)"),
    (0x80240017, False, "no", False, "not for this machine (WU_E_NOT_APPLICABLE)"),
    (0x80240019, False, "no", None, "it has to be installed alone (WU_E_EXCLUSIVE_INSTALL_CONFLICT)"),
    (0x800F081E, False, "no", False, "not for this machine (CBS_E_NOT_APPLICABLE)"),
    (0x8024D00E, False, "needed", None, "the agent's own update needs a reboot first (WU_E_SETUP_REBOOT_TO_FIX)"),
)  # fmt: skip

#: HRESULT_FROM_WIN32.
_FROM_WIN32: Final = 0x80070000


def exit_code(code: int) -> ExitCode:
    """Return what `code` means, signed or unsigned; an unknown one is a failure, except that nothing else is known.

    Raises:
        ValueError: it does not fit in 32 bits.
    """
    if not -(2**31) <= code < 2**32:
        raise ValueError(f"{code} does not fit in 32 bits")
    unsigned = code & 0xFFFFFFFF
    wraps = unsigned & 0xFFFF0000 == _FROM_WIN32 and unsigned != _FROM_WIN32  # which is a failure with no code in it
    plain = unsigned & 0xFFFF if wraps else unsigned
    known = TABLE.get(plain) or TABLE.get(unsigned)
    return known or ExitCode(unsigned, False, "no", None, f"unknown exit code {unsigned} ({unsigned:#010x})")
