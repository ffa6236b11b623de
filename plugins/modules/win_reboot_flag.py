#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of win_reboot_flag.ps1 and the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_reboot_flag
version_added: 0.1.0
short_description: Flag that a patch which was installed by hand waits for a reboot
description:
  - Creates Windows Update's volatile key C(RebootRequired) with the id of the update, as the Windows Update Agent
    does for an update that it installed itself, so that other scanners see it. The same is noted in a volatile key of
    this collection's own. Both vanish with the reboot.
  - A C(RebootRequired) key that is not volatile would outlive the reboot. It is not touched, and the task fails.
  - Needs administrator rights, and a connection that runs PowerShell.
options:
  update_id:
    description:
      - The GUID of the update, or its KB number.
    type: str
    required: true
attributes:
  check_mode:
    description: Tells what it would change.
    support: full
  diff_mode:
    description: Shows the values of the key before and after.
    support: full
seealso:
  - module: pending_reboot.windows.win_patch_state
author:
  - pending-reboot maintainers (@pending-reboot)
"""

EXAMPLES = r"""
- name: Let other scanners see that the patch waits for a reboot
  pending_reboot.windows.win_reboot_flag:
    update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3
"""

RETURN = r"""
key:
  description: The key below HKEY_LOCAL_MACHINE.
  returned: always
  type: str
before:
  description: Names of its values before, C(null) when there was no key.
  returned: always
  type: list
  elements: str
after:
  description: Names of its values after.
  returned: always
  type: list
  elements: str
"""
