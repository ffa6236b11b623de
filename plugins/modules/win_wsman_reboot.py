#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_wsman_reboot
version_added: 0.1.0
short_description: Reboot a Windows host through WMI, without a process on it
description:
  - Calls C(Win32_OperatingSystem.Win32Shutdown) over the HTTP of the connection (C(winrm) or C(psrp)) and waits until
    the host answers again and its boot time has changed. Programs are closed by force.
  - A host that does not come back in time is a failure and not unreachable, because unreachable hosts do not stop
    later batches of a play.
options:
  reboot_timeout:
    description:
      - Seconds that the host may take to come back.
    type: int
    default: 600
  poll:
    description:
      - Seconds between two questions.
    type: int
    default: 10
  timeout:
    description:
      - Seconds that one request may take.
    type: int
    default: 30
attributes:
  check_mode:
    description: Reads the boot time and reboots nothing.
    support: full
seealso:
  - module: ansible.windows.win_reboot
author:
  - pending-reboot maintainers (@pending-reboot)
"""

EXAMPLES = r"""
- name: Reboot, and wait until the host is back
  pending_reboot.windows.win_wsman_reboot:
    reboot_timeout: 1200
"""

RETURN = r"""
rebooted:
  description: Whether it was rebooted; false in check mode.
  returned: always
  type: bool
boot_time:
  description: When it started last.
  returned: always
  type: str
elapsed:
  description: Seconds that it took.
  returned: always
  type: int
"""
