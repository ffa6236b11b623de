#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_reboot_decision
version_added: 0.1.0
short_description: Decide whether a Windows host may be rebooted now
description:
  - Reads the facts of the host and decides by a policy and by what was decided before, V(none), V(reboot), V(defer) or
    V(blocked), with the reasons.
  - What could not be read blocks, unless the policy says otherwise. A reboot that did not help is not ordered again.
  - Nothing is changed on the host. The role C(pending_reboot.windows.reboot_gate) acts on the decision.
options:
  policy:
    description:
      - What may be rebooted, and when. The fields are C(sources), C(skip_sources), C(ignore), C(strict), C(on_unknown)
        (C(block), C(reboot) or C(ignore)), C(window), C(min_uptime), C(max_reboots) and C(max_reboots_within).
      - Lists may be comma-separated text, and C(window) may be YAML text, as surveys give them.
      - A C(window) with an C(rrule) needs C(python-dateutil) on the controller.
    type: dict
    default: {}
  history_file:
    description:
      - File on the controller that keeps the decisions about this host, one JSON object a line. Without it nothing
        stops a host from being rebooted in every run.
    type: path
  ordered:
    description:
      - Whether a reboot is ordered right after this decision. Only then a V(reboot) is kept in O(history_file).
    type: bool
    default: false
  boot_time_before:
    description:
      - When the host had started before it was told to reboot (ISO 8601); makes RV(rebooted).
    type: str
  wait:
    description:
      - Seconds to wait until nothing waits for a reboot any more and, with O(boot_time_before), the host has started
        since. The host may be away meanwhile. What is found at the end is returned in any case.
    type: int
    default: 0
  poll:
    description:
      - Seconds between two looks while it waits.
    type: int
    default: 10
extends_documentation_fragment:
  - pending_reboot.windows.reading
  - pending_reboot.windows.reading.facts
attributes:
  check_mode:
    description: Decides, and keeps nothing in O(history_file).
    support: full
seealso:
  - module: pending_reboot.windows.win_pending_reboot_facts
"""

EXAMPLES = r"""
- name: Decide whether the host may be rebooted now
  pending_reboot.windows.win_reboot_decision:
    history_file: "~/.ansible/pending-reboot/{{ inventory_hostname }}.jsonl"
    policy:
      on_unknown: block
      ignore: ['*\AppCompat\Programs\*']
      window:
        - rrule: FREQ=WEEKLY;BYDAY=SA
          start: '22:00'
          duration: 4h
          timezone: Europe/Berlin
  register: decision

- name: Show it
  ansible.builtin.debug:
    msg: "{{ decision.action }}: {{ decision.message }}"
"""

RETURN = r"""
action:
  description: One of C(none), C(reboot), C(defer), C(blocked).
  returned: always
  type: str
  sample: reboot
because:
  description: The reasons, each with a C(code) for programs and a C(message) for people.
  returned: always
  type: list
  elements: dict
message:
  description: The messages of the reasons.
  returned: always
  type: str
reasons:
  description: Ids of the sources that ask for the reboot.
  returned: always
  type: list
  elements: str
digest:
  description: A digest of what the reboot is meant to complete, C(null) when there is nothing.
  returned: always
  type: str
state:
  description: The state of the facts.
  returned: always
  type: str
  sample: pending
boot_time:
  description: When the host started last, C(null) when that is not known.
  returned: always
  type: str
not_before:
  description: For C(defer), when to ask again; C(null) for the rest.
  returned: always
  type: str
rebooted:
  description: Whether the host has started since O(boot_time_before), C(null) when that is not given, or not known.
  returned: always
  type: bool
at:
  description: When it was decided.
  returned: always
  type: str
host:
  description: The name of the host in the inventory.
  returned: always
  type: str
ansible_facts:
  description: The facts, under the name that O(fact_name) gives.
  returned: always
  type: dict
"""
