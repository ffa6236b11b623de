# SPDX-License-Identifier: Apache-2.0
"""Facts of the Windows machine this runs on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, get_args

from .errors import InputError
from .facts import facts_from
from .model import Facts

if TYPE_CHECKING:
    from .patch import Patch
    from .patch_state import PatchState

#: What to ask the Windows Update Agent: nothing, its state, or also which updates wait (slower).
Wua = Literal["none", "state", "updates"]

#: Seconds; nobody waits longer for one component.
LONGEST_WAIT: Final = 3600


def local_facts(
    *,
    wua: Wua = "state",
    timeout: float = 30,
    sources: Sequence[str] = (),
    skip: Sequence[str] = (),
    ignore: Sequence[str] = (),
    strict: bool = False,
    packages: bool = False,
    now: datetime | None = None,
) -> Facts:
    """Return the facts of this machine.

    Args:
        wua: what to ask the Windows Update Agent: nothing, its state, or also which updates wait (slower).
        timeout: seconds after which a component that does not answer counts as unreadable.
        sources: as for `facts_from`.
        skip: as for `facts_from`.
        ignore: as for `facts_from`.
        strict: as for `facts_from`.
        packages: as for `facts_from`.
        now: as for `facts_from`.

    Raises:
        InputError: this is no Windows, an unknown source, or a limit that is no time to wait.
    """
    if not isinstance(timeout, (int, float)) or not 0 < timeout <= LONGEST_WAIT:
        raise InputError(f"{timeout!r} is no time to wait", where="timeout", hint=f"up to {LONGEST_WAIT} seconds")
    if sys.platform != "win32":
        raise InputError("this machine is no Windows", hint="read a disk with pending-reboot offline")
    from .readers.local import LocalReader

    return facts_from(
        LocalReader(wua=wua, timeout=timeout),
        sources=sources,
        skip=left_out(skip, wua),
        ignore=ignore,
        strict=strict,
        packages=packages,
        now=now,
    )


def local_patch_states(patches: Sequence[Patch]) -> list[PatchState]:
    """Return the state of each patch on this machine.

    Raises:
        InputError: this is no Windows.
    """
    if sys.platform != "win32":
        raise InputError("this machine is no Windows")
    from .patch_state import patch_states
    from .readers.local import LocalReader

    return patch_states(LocalReader(wua="none"), patches)


def left_out(skip: Sequence[str], wua: str) -> tuple[str, ...]:
    """Return the ids of the sources to leave out: those in `skip`, and WUA's when `wua` is "none".

    Raises:
        InputError: `wua` is none of its words.
    """
    if wua not in get_args(Wua):
        raise InputError(f"{wua!r} is not known", where="wua", hint=f"one of {', '.join(get_args(Wua))}")
    return (*skip, "windows_update_agent") if wua == "none" else tuple(skip)
