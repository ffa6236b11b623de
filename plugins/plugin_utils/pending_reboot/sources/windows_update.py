# SPDX-License-Identifier: Apache-2.0
"""Windows Update's `RebootRequired` key.

The Windows Update Agent creates this volatile key when an update that it installed needs a reboot; it vanishes with the
reboot. Its existence is the answer. The names of its values are the ids of the updates, each a DWORD 1. It says nothing
about patches that were installed by hand: that is what the other sources are for.

Traps: a 32-bit process without KEY_WOW64_64KEY reads the redirected view and finds nothing; looking for a *value*
of this name, or listing subkeys, finds nothing either.

References:
    https://github.com/GoogleCloudPlatform/osconfig/pull/130 (the key is volatile, its existence is the test)
    https://github.com/chef/chef/blob/main/lib/chef/dsl/reboot_pending.rb (value names are update ids)
    https://learn.microsoft.com/en-us/windows/win32/winprog64/shared-registry-keys
"""

from __future__ import annotations

import re

from ..model import SourceResult, Update
from ..registry import ALL, KeyQuery
from ..source import Findings, Observations, Source
from ..text import count, listed

REBOOT_REQUIRED = KeyQuery(
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", values=ALL, volatile=True
)

_GUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the key exists, with the ids of the updates it names."""
    found = Findings(seen)
    ids: list[str] = []
    key = found.open(REBOOT_REQUIRED)
    if key:
        ids = [name for name in key.values if _GUID.fullmatch(name)]
        others = [name for name in key.values if name not in ids]
        found.evidence.update(key=REBOOT_REQUIRED.path, update_ids=ids, other_values=others)
        by = f" for {count(len(ids), 'update')}: {listed(ids)}" if ids else ""
        found.pending(f"Windows Update waits for a reboot{by}", key=key, identity=[REBOOT_REQUIRED.path, *ids, *others])
    result = found.result("Windows Update asks for no reboot")
    return result._replace(updates=tuple(Update(id_.strip("{}")) for id_ in ids))


SOURCE = Source("windows_update", "Windows Update", __name__, 10, evaluate, (REBOOT_REQUIRED,))
