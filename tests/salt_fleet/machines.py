# SPDX-License-Identifier: Apache-2.0
"""Windows machines that minions play, as a user would write them down."""

from __future__ import annotations

from pathlib import Path


def write(file: Path, content: str) -> None:
    """Have the machine in `file` be this one, at once: a beacon that reads half of it would rightly say unknown."""
    beside = file.with_suffix(".new")
    beside.write_text(content)
    beside.replace(file)


CLEAR = """
boot_time: 2026-11-20T03:12:00Z
"""

#: KB902400 was run by hand from its EXE.
PATCHED_BY_HAND = r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager:
    values:
      PendingFileRenameOperations: ['\??\C:\Windows\system32\SET31.tmp', '!\??\C:\Windows\system32\clbcatq.dll']
  SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {values: {Flags: 1}, last_write: 2026-11-20T03:13:00Z}
files:
  C:\Windows\system32\clbcatq.dll: {version: 2001.12.4720.9}
  C:\Windows\system32\SET31.tmp: {version: 2001.12.4720.10}
"""

#: A reboot does not take the reason away.
STUCK = r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending: {volatile: false}
"""

#: Only clean-up waits.
ADVISORY = r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager:
    values:
      PendingFileRenameOperations: ['\??\C:\Windows\Temp\x.tmp', '']
"""

#: Nothing is found, but not everything could be read.
DENIED = r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager: denied
"""

#: Windows Update installed an update.
UPDATED = r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired:
    values: {9306cdfc-c4a1-4a22-9996-848cc67eddc3: 1}
probes:
  windows_update_agent:
    reboot_required: true
    updates: [{update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3, kb: [KB902400], title: Security Update}]
"""
