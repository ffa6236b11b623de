# SPDX-License-Identifier: Apache-2.0
# Apply a state that installs patches to minions, wave after wave, and reboot those that wait for it then.
#
#   salt-run state.orchestrate orch.patch_fleet pillar='{tgt: "web*", patches: patches.november, batch: [1, 10%]}'
#
# A state that patches by hand runs the installer and flags the reboot for other scanners, for instance
#
#   windowsxp-kb902400-x86-enu.exe /quiet /norestart:
#     cmd.run:
#       - cwd: 'C:\Patches'
#       - success_retcodes: [0, 3010]
#       - unless: ...
#   KB902400:
#     pending_reboot.flagged: []
#
# It must not reboot by itself: the gate does, so that windows, loops and unreadable sources are minded.
patch the fleet:
  salt.runner:
    - name: pending_reboot.patch_fleet
    - tgt: {{ pillar.get('tgt', '*') | json }}
    - tgt_type: {{ pillar.get('tgt_type', 'glob') | json }}
    - patches: {{ pillar['patches'] | json }}
    - states: pending,unknown,advisory,clear
    - batch: {{ pillar.get('batch', 1) | json }}
    - policy: {{ pillar.get('policy', {}) | json }}
    - health: {{ pillar.get('health', []) | json }}
    - max_failures: {{ pillar.get('max_failures', 0) }}
    - timeout: {{ pillar.get('timeout', 1800) }}
    - settle: {{ pillar.get('settle', 300) }}
    - poll: {{ pillar.get('poll', 10) }}
    - answer: {{ pillar.get('answer', 15) }}
