# SPDX-License-Identifier: Apache-2.0
"""Whether a Windows machine waits for a reboot, why, since when, and how sure that is.

`local_facts` reads this machine, `offline_facts` a disk, `facts_from` any reader; `decide` turns facts into a
decision. Each result has `to_dict()`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._version import VERSION
from .errors import HiveError, InputError, PendingRebootError

if TYPE_CHECKING:
    from .exit_codes import ExitCode, exit_code
    from .facts import facts_from
    from .fixture import Fixture
    from .flag import FlagResult, flag_reboot
    from .gate import Decision, decide
    from .history import History
    from .local import local_facts, local_patch_states
    from .model import Facts
    from .offline import offline_facts, offline_patch_states
    from .patch import Patch, patches_from
    from .patch_state import PatchState, patch_states
    from .policy import Policy
    from .readers.probe import facts_from_probe
    from .summary import registry_sources, summarize

__version__ = VERSION

__all__ = [
    "Decision",
    "ExitCode",
    "Facts",
    "Fixture",
    "FlagResult",
    "History",
    "HiveError",
    "InputError",
    "Patch",
    "PatchState",
    "PendingRebootError",
    "Policy",
    "__version__",
    "decide",
    "exit_code",
    "facts_from",
    "facts_from_probe",
    "flag_reboot",
    "local_facts",
    "local_patch_states",
    "offline_facts",
    "offline_patch_states",
    "patch_states",
    "patches_from",
    "registry_sources",
    "summarize",
]

# Imported on first use: a Salt grain pays for the facts, not for the gate.
_HOMES = {
    "Decision": "gate",
    "ExitCode": "exit_codes",
    "Facts": "model",
    "Fixture": "fixture",
    "FlagResult": "flag",
    "History": "history",
    "Patch": "patch",
    "PatchState": "patch_state",
    "Policy": "policy",
    "decide": "gate",
    "exit_code": "exit_codes",
    "facts_from": "facts",
    "facts_from_probe": "readers.probe",
    "flag_reboot": "flag",
    "local_facts": "local",
    "local_patch_states": "local",
    "offline_facts": "offline",
    "offline_patch_states": "offline",
    "patch_states": "patch_state",
    "patches_from": "patch",
    "registry_sources": "summary",
    "summarize": "summary",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)
