# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the modules share: how a host is read, and the options of facts."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that read a host."""

    DOCUMENTATION = r"""
options:
  reader:
    description:
      - How the host is read.
      - V(powershell) runs M(pending_reboot.windows.win_pending_reboot_probe) through the connection, whatever it is;
        C(become) works.
      - V(wsman) asks WMI over the HTTP of the connection, which must be C(winrm) or C(psrp). No process is started on
        the host. WMI tells no last write times, so RV(ignore:since) is not known, and an empty string in a list may
        be lost by other than Windows' own service.
    type: str
    choices: [powershell, wsman]
    default: powershell
  timeout:
    description:
      - Seconds that one component of the host, or one request over WS-Management, may take. What does not answer is
        C(unknown).
    type: int
    default: 30
notes:
  - What may not be read, or does not answer, is C(unknown) and never C(clear).
  - The Windows Update Agent answers no network logon, such as that of WinRM. CIM answers in its place where the
    system has C(MSFT_WUSettings); C(become) with the method C(runas) makes the agent itself answer.
author:
  - pending-reboot maintainers (@pending-reboot)
"""

    FACTS = r"""
options:
  sources:
    description:
      - Ids of the sources to ask, a list or comma-separated text. None means all.
    type: list
    elements: str
    default: []
  skip_sources:
    description:
      - Ids of sources to leave out.
    type: list
    elements: str
    default: []
  ignore:
    description:
      - Patterns (C(*), C(?)) of paths of file operations that do not count. They stay listed as C(ignored).
    type: list
    elements: str
    default: []
  strict:
    description:
      - Count C(advisory), which only tells of clean-up at the next boot, as C(pending).
    type: bool
    default: false
  wua:
    description:
      - What to ask the Windows Update Agent. V(state) is whether it waits for a reboot; V(updates) searches for the
        updates that wait as well (offline, seconds, O(reader=powershell) only); V(none) leaves it out.
    type: str
    choices: [none, state, updates]
    default: state
  fact_name:
    description:
      - Name of the fact that the result is kept under.
    type: str
    default: pending_reboot
"""
