# SPDX-License-Identifier: Apache-2.0
r"""Flagging a reboot by hand, so that other scanners see it too.

Windows Update's volatile `RebootRequired` key is created with the update's id, as the Windows Update Agent would for an
update that it installed itself, and the same is noted in a volatile key of this project's own. Both vanish with the
reboot. A `RebootRequired` key that is there and not volatile is somebody's mistake that would outlive the reboot: it
is not touched.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regcreatekeyexw (REG_OPTION_VOLATILE)
"""

from __future__ import annotations

import re
import sys
from typing import Final, NamedTuple, Protocol

from .errors import InputError, PendingRebootError
from .sources.install_witness import FLAG
from .sources.windows_update import REBOOT_REQUIRED

_KB_NUMBER: Final = re.compile(r"\d{5,8}", re.ASCII)
_BRACED_GUID: Final = re.compile(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.ASCII | re.IGNORECASE)


class FlagResult(NamedTuple):
    """What flagging changed, or would change."""

    changed: bool
    #: Names of the values of the `RebootRequired` key before and after; None when there was no key.
    before: list[str] | None
    after: list[str]

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"changed": self.changed, "key": REBOOT_REQUIRED.path, "before": self.before, "after": self.after}


class VolatileKeys(Protocol):
    """Where flags are read and written."""

    def flagged(self, path: str) -> list[str] | None:
        """Return the names of the values of a key below HKEY_LOCAL_MACHINE, None when it is absent.

        Raises:
            PendingRebootError: it cannot be read.
        """

    def write_flag(self, path: str, name: str) -> None:
        """Set the DWORD value `name` to 1 in the volatile key at `path`, which is created when it is absent.

        Raises:
            PendingRebootError: the key is there and not volatile; it is left as it is.
            OSError: Windows refuses.
        """


def lasting(path: str) -> PendingRebootError:
    """Return the error that a key which would keep the flag is."""
    return PendingRebootError(
        f"HKLM\\{path} exists and is not volatile: it would outlive the reboot, so nothing was written"
        " (remove it if nobody needs it)"
    )


def flag_reboot(update_id: str, *, test: bool = False, keys: VolatileKeys | None = None) -> FlagResult:
    """Flag that `update_id` waits for a reboot; a second call changes nothing.

    Args:
        update_id: the update's id (a GUID) or another name for what was installed, as a value name.
        test: only tell what would change.
        keys: where to flag; this machine's registry when not given.

    Raises:
        InputError: this is no Windows, or the id cannot be a value name.
        PendingRebootError: a key exists that is not volatile, or Windows refuses to write.
    """
    if not update_id.strip() or not update_id.isprintable() or len(update_id) > 255:
        raise InputError(f"{update_id!r} is no update id", hint="give the update's GUID or its KB number")
    update_id = update_id.strip()
    if _KB_NUMBER.fullmatch(update_id):
        update_id = f"KB{update_id}"  # as patches are named
    elif _BRACED_GUID.fullmatch(update_id):
        update_id = update_id.strip("{}")  # as Windows Update writes it
    keys = keys or _of_this_machine()
    before = keys.flagged(REBOOT_REQUIRED.path)
    noted = keys.flagged(FLAG.path)
    wanted = update_id.lower()
    missing = [
        path
        for path, names in ((REBOOT_REQUIRED.path, before), (FLAG.path, noted))
        if wanted not in [name.lower() for name in names or []]
    ]
    if missing and not test:
        try:
            for path in missing:
                keys.write_flag(path, update_id)
        except OSError as error:
            raise PendingRebootError(f"the reboot could not be flagged: {error}") from error
    after = list(before or [])
    if REBOOT_REQUIRED.path in missing:
        after.append(update_id)
    return FlagResult(bool(missing), before, after)


def _of_this_machine() -> VolatileKeys:
    if sys.platform != "win32":
        raise InputError("this machine is no Windows: nothing can be flagged here")
    from . import volatile

    return volatile
