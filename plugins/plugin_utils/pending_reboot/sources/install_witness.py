# SPDX-License-Identifier: Apache-2.0
"""What a configuration manager noted itself when an installer asked for a reboot.

Salt remembers exit code 3010 in the volatile value `Reboot required` below its service key. This project's own flag
(`win_reboot_flag`, `pending_reboot.flag`) notes what it was set for in a volatile key of its own.

References:
    https://github.com/saltstack/salt/issues/33418 (the design of Salt's flag)
    https://github.com/saltstack/salt/blob/master/salt/utils/win_system.py (get_reboot_required_witnessed)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import ALL, KeyQuery
from ..source import Findings, Observations, Source
from ..text import listed

SALT = KeyQuery(r"SYSTEM\CurrentControlSet\Services\salt-minion\Volatile-Data", ("Reboot required",), volatile=True)
#: The value names say what the reboot was flagged for.
FLAG = KeyQuery(r"SOFTWARE\pending-reboot\Volatile", ALL, volatile=True)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when Salt or this project's flag noted a reboot."""
    found = Findings(seen)
    salt = found.open(SALT)
    if salt and found.integer(salt, "Reboot required", SALT.path):
        found.pending("Salt noted that an installer asked for a reboot", key=salt, identity=["salt"])
    flag = found.open(FLAG)
    names = [name for name in flag.values if found.has(flag, name, FLAG.path)] if flag else []
    if names:
        found.evidence["flagged"] = names
        found.pending(f"flagged by hand for {listed(names)}", key=flag, identity=names)
    return found.result("nobody noted a reboot")


SOURCE = Source("install_witness", "Install witness", __name__, 150, evaluate, (SALT, FLAG))
