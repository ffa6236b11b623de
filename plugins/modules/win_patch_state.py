#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_patch_state
version_added: 0.1.0
short_description: Tell whether patches are missing, installed, or installed and waiting for a reboot
description:
  - Judges each patch by the files in place and by the files that pending file operations will have put there after the
    next boot, by its package, or by its marks in the registry.
  - Beside the verdict stands what four scanners would say that look at different parts of the same host.
  - Nothing is changed on the host.
options:
  patches:
    description:
      - Descriptions of patches, a list or one of them. Each has a name (C(kb), C(title) or C(update_id)) and
        something to look at (C(files), C(registry), C(package) or C(update_id)), and may have C(applies_to),
        C(exit_code) and C(installed_at).
      - Text is read as YAML or JSON. ansible-core 2.16 cannot hand times on in a template; put C(to_json) behind them.
    type: raw
    required: true
extends_documentation_fragment:
  - pending_reboot.windows.reading
attributes:
  check_mode:
    description: Reads as always, and changes nothing in any mode.
    support: full
seealso:
  - module: pending_reboot.windows.win_reboot_flag
  - module: pending_reboot.windows.win_pending_reboot_facts
"""

EXAMPLES = r"""
- name: Ask for a patch that was run by hand
  pending_reboot.windows.win_patch_state:
    patches:
      - kb: KB902400
        files:
          - path: '%SystemRoot%\system32\clbcatq.dll'
            version: 2001.12.4720.10
  register: patch

- name: Say so
  ansible.builtin.debug:
    msg: "{{ patch.patches[0].description }}"
  when: patch.patches[0].verdict == 'installed_pending_reboot'
"""

RETURN = r"""
patches:
  description: Each patch, in the order of O(patches).
  returned: always
  type: list
  elements: dict
  contains:
    patch:
      description: C(kb), C(title) and C(update_id) as they were given.
      type: dict
    verdict:
      description: One of C(missing), C(installed), C(installed_pending_reboot), C(not_applicable), C(unknown).
      type: str
      sample: installed_pending_reboot
    description:
      description: One sentence.
      type: str
    views:
      description: What C(mbsa_1_2), C(wua), C(itmu) and C(mbsa_2_0) would say.
      type: dict
    evidence:
      description: What was found.
      type: dict
names_by_verdict:
  description: The names of the patches by their verdict.
  returned: always
  type: dict
reboot_required:
  description: Whether a patch is installed and waits for a reboot.
  returned: always
  type: bool
"""
