#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_pending_reboot_facts
version_added: 0.1.0
short_description: Tell whether a Windows host waits for a reboot, why, since when and how sure that is
description:
  - Reads the pending file operations, C(UpdateExeVolatile), Windows Update's C(RebootRequired), the Windows Update
    Agent, Component Based Servicing and ten more sources, and judges each.
  - Each source is C(pending), C(unknown), C(advisory), C(clear) or C(not_applicable), with its evidence.
  - The names RV(reboot_required), RV(reboot_required_reasons) and RV(last_reboot) are those of
    M(ansible.windows.win_reboot_info), so a playbook can change over without other changes.
  - Nothing is changed on the host.
extends_documentation_fragment:
  - pending_reboot.windows.reading
  - pending_reboot.windows.reading.facts
attributes:
  check_mode:
    description: Reads as always, and changes nothing in any mode.
    support: full
seealso:
  - module: pending_reboot.windows.win_reboot_decision
  - module: pending_reboot.windows.win_patch_state
  - module: ansible.windows.win_reboot_info
"""

EXAMPLES = r"""
- name: Read whether the host waits for a reboot
  pending_reboot.windows.win_pending_reboot_facts:
  register: pending

- name: Show why
  ansible.builtin.debug:
    msg: "{{ pending.reboot_required_reasons | map(attribute='description') | join('; ') }}"
  when: pending.reboot_required

- name: Stop when it is not known
  ansible.builtin.assert:
    that: pending.complete
    fail_msg: "{{ pending.sources | dict2items | selectattr('value.state', 'eq', 'unknown') | map(attribute='key') }}"

- name: Read the host without a process on it, and leave a vendor's clean-up out
  pending_reboot.windows.win_pending_reboot_facts:
    reader: wsman
    ignore: ['*\Vendor\Temp\*']
"""

RETURN = r"""
schema:
  description: Version of the shape of the facts.
  returned: always
  type: int
  sample: 1
state:
  description: The gravest state of the sources, C(pending), C(unknown), C(advisory) or C(clear), in this order.
  returned: always
  type: str
  sample: pending
reboot_required:
  description: Whether a reboot completes something. Never true because something could not be read.
  returned: always
  type: bool
  sample: true
complete:
  description: Whether every source could be read.
  returned: always
  type: bool
  sample: true
reboot_required_reasons:
  description: The sources that are pending.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Id of the source.
      type: str
      sample: pending_file_rename
    description:
      description: One sentence.
      type: str
      sample: "1 file is put in place at the next boot: C:\\Windows\\system32\\clbcatq.dll"
sources:
  description: Each source by its id, with C(state), C(description), C(evidence), C(error) and C(since).
  returned: always
  type: dict
file_operations:
  description: The pending file operations, decoded and weighed.
  returned: always
  type: list
  elements: dict
file_operations_digest:
  description: A digest of the operations; the same digest after a reboot means that it did not help.
  returned: always
  type: str
updates:
  description: The updates that wait for the reboot, as far as they are known.
  returned: always
  type: list
  elements: dict
strict:
  description: Whether C(advisory) counted as C(pending).
  returned: always
  type: bool
last_reboot:
  description:
    - When the host started last. When that is not known, all of it is C(null), and the whole in C(ansible_facts).
  returned: always
  type: dict
  contains:
    time:
      description: ISO 8601, UTC.
      type: str
      sample: "2026-11-20T03:12:00Z"
    time_epoch:
      description: Seconds since 1970.
      type: float
    source:
      description: What told it.
      type: str
    details:
      description: Always C(null). M(ansible.windows.win_reboot_info) has an event of the event log here.
      type: dict
host:
  description: The computer's own name.
  returned: always
  type: str
collected:
  description: When, by which reader and by which version the facts were read, and its warnings.
  returned: always
  type: dict
ansible_facts:
  description: The same, under the name that O(fact_name) gives.
  returned: always
  type: dict
"""
