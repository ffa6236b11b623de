#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: reboot_report
version_added: 0.1.0
short_description: Write what hosts wait for and what became of them
description:
  - Writes C(reboots.json), C(reboots.md) and C(reboots.csv) on the controller, from what
    M(pending_reboot.windows.win_pending_reboot_facts) and the roles C(reboot_gate) and C(manual_patch) found in this
    run, and with O(max_age) from what earlier runs left in the fact cache.
  - A host that was not read in this run is in the report, as C(unknown).
  - Runs on the controller. Run it once. The role C(pending_reboot.windows.report) does.
options:
  hosts:
    description:
      - Names of the hosts in the inventory.
    type: list
    elements: str
    required: true
  folder:
    description:
      - Folder on the controller that the files are written to. It is made when it is not there.
    type: path
    required: true
  formats:
    description:
      - What to write, one or more of V(json), V(markdown) and V(csv).
    type: list
    elements: str
    default: [json, markdown, csv]
  fact_name:
    description:
      - Name of the fact that the facts are kept under.
    type: str
    default: pending_reboot
  max_age:
    description:
      - Facts that an earlier run left in the fact cache count when they are not older than this, such as V(1h). By
        default they never do, and the host is C(unknown).
      - They never stand for a host that failed or was not reached in this run. What was read in this run always counts.
    type: str
    default: ''
attributes:
  check_mode:
    description: Tells the files, and writes none.
    support: full
seealso:
  - module: pending_reboot.windows.win_pending_reboot_facts
author:
  - pending-reboot maintainers (@pending-reboot)
"""

EXAMPLES = r"""
- name: Write the report of all hosts of the play, those that were not reached as well
  pending_reboot.windows.reboot_report:
    hosts: "{{ ansible_play_hosts_all }}"
    folder: reports
  run_once: true
"""

RETURN = r"""
files:
  description: The paths by format.
  returned: always
  type: dict
hosts:
  description:
    - Each host with C(host), C(state), C(outcome), C(comment), C(reasons), C(since), C(boot_time), C(read_at) and
      C(patches).
  returned: always
  type: list
  elements: dict
"""
