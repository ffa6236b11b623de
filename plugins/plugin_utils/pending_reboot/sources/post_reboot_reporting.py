# SPDX-License-Identifier: Apache-2.0
"""Windows Update's `PostRebootReporting` key: results that it reports after the reboot it waits for.

Existence is the answer. Whether the key is volatile is not documented, so its absence on a disk proves nothing.

References:
    https://github.com/saltstack/salt/blob/master/salt/utils/win_system.py (get_pending_update)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

POST_REBOOT_REPORTING = KeyQuery(
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\PostRebootReporting", volatile=True
)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the key exists."""
    found = Findings(seen)
    key = found.open(POST_REBOOT_REPORTING)
    if key:
        found.pending("Windows Update waits to report after a reboot", key=key, identity=["PostRebootReporting"])
    return found.result("Windows Update has nothing to report after a reboot")


SOURCE = Source("post_reboot_reporting", "Windows Update reporting", __name__, 100, evaluate, (POST_REBOOT_REPORTING,))
