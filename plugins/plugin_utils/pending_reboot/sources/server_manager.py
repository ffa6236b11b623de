# SPDX-License-Identifier: Apache-2.0
"""Roles and features that Server Manager has to finish.

`CurrentRebootAttempts` above 0 means that a role or feature installation counts its reboots; `RestartRequired` in the
cache of server components means that a component asks for one.

References:
    https://learn.microsoft.com/en-us/mem/configmgr/core/servers/deploy/install/list-of-prerequisite-checks
    https://github.com/ansible-collections/ansible.windows/blob/main/plugins/modules/setup.ps1 (RestartRequired)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

ATTEMPTS = KeyQuery(r"SOFTWARE\Microsoft\ServerManager", ("CurrentRebootAttempts",))
CACHE = KeyQuery(r"SOFTWARE\Microsoft\ServerManager\ServicingStorage\ServerComponentCache", ("RestartRequired",))


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when one of the two numbers is not zero."""
    found = Findings(seen)
    for query in (ATTEMPTS, CACHE):
        name = query.values[0]
        key = found.open(query)
        number = found.integer(key, name, query.path) if key else None
        found.evidence[name] = number
        if key and number:
            found.pending(f"Server Manager waits for a reboot ({name} is {number})", key=key, identity=[name])
    return found.result("Server Manager waits for nothing")


SOURCE = Source("server_manager", "Server Manager", __name__, 80, evaluate, (ATTEMPTS, CACHE))
