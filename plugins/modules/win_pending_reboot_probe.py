#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of win_pending_reboot_probe.ps1."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: win_pending_reboot_probe
version_added: 0.1.0
short_description: Look at registry keys, files and components of a Windows host, without judging them
description:
  - Reads registry keys with the raw bytes of their values, in the 64-bit or the 32-bit view, and tells what is not
    there, what may not be read and what fails apart. Looks at versions of files, and asks components such as the
    Windows Update Agent within a time limit.
  - It has no rules. M(pending_reboot.windows.win_pending_reboot_facts) runs it and judges what it saw.
  - Asked for nothing, it looks at everything that the sources of this collection read, so that its answer can be kept
    and judged elsewhere.
  - Nothing is changed on the host. Needs PowerShell 5.1 and .NET Framework 4.5.
options:
  registry:
    description:
      - Keys to read.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The key below HKEY_LOCAL_MACHINE.
        type: str
        required: true
      view:
        description:
          - The registry view.
        type: int
        choices: [32, 64]
        default: 64
      names:
        description:
          - Names of the values to read; C(*) alone reads all of them.
        type: list
        elements: str
        default: []
      subkeys:
        description:
          - Pattern (C(*), C(?)) of the names of subkeys to open as well.
        type: str
      subkey_names:
        description:
          - Names of the values to read in each of those.
        type: list
        elements: str
        default: []
  files:
    description:
      - Files to look at.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The full path.
        type: str
        required: true
      digest:
        description:
          - Whether to read the whole file for its SHA-256.
        type: bool
        default: false
  components:
    description:
      - What to ask beside the registry and files.
    type: list
    elements: str
    choices:
      - boot_time
      - host
      - windows_update_agent
      - windows_update_settings
      - configuration_manager
      - desired_state_configuration
  update_search:
    description:
      - Criteria of an offline search for updates, when C(windows_update_agent) is asked. Without them its state alone
        is told.
    type: str
  timeout:
    description:
      - Seconds that one component may take.
    type: int
    default: 30
attributes:
  check_mode:
    description: Reads as always, and changes nothing in any mode.
    support: full
seealso:
  - module: pending_reboot.windows.win_pending_reboot_facts
author:
  - pending-reboot maintainers (@pending-reboot)
"""

EXAMPLES = r"""
- name: Look at everything that the sources read, and keep it
  pending_reboot.windows.win_pending_reboot_probe:
  register: seen

- name: Look at one key
  pending_reboot.windows.win_pending_reboot_probe:
    registry:
      - path: SYSTEM\CurrentControlSet\Control\Session Manager
        names: [PendingFileRenameOperations]
"""

RETURN = r"""
schema:
  description: Version of the shape of the answer, which is described by docs/probe.schema.json.
  returned: success
  type: int
  sample: 1
registry:
  description: What was seen of each key, in the order of O(registry).
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: As asked for.
      type: str
    view:
      description: As asked for.
      type: int
    state:
      description: One of C(present), C(absent), C(denied), C(failed).
      type: str
    error:
      description: C(code) and C(message) of what Windows said, C(null) for what is present or absent.
      type: dict
    last_write:
      description: FILETIME of the last write.
      type: int
    found:
      description:
        - The values that are there, with C(name), C(state), C(error), C(type) (a number) and C(data) (base64).
      type: list
      elements: dict
    subkeys_found:
      description: The subkeys that fit, with C(name), C(state), C(error), C(last_write) and C(found).
      type: list
      elements: dict
    listing_error:
      description: Why values or subkeys could not be listed.
      type: dict
files:
  description:
    - What was seen of each file, with C(path), C(state), C(error), C(version), C(version_error), C(sha256) and
      C(long_path), in the order of O(files).
  returned: success
  type: list
  elements: dict
components:
  description: What each component answered, by its name, with C(state), C(error) and C(answer).
  returned: success
  type: dict
"""
