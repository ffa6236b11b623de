# SPDX-License-Identifier: Apache-2.0
# Bring the Salt files to a minion that starts: Salt does not, so that a new minion has no grain reboot_state.
#
# On the master:
#   reactor:
#     - 'salt/minion/*/start':
#       - salt://reactor/sync_on_start.sls
#
# Reboot from an orchestration (orch/reboot_pending.sls), never from a reaction: a burst of events is many reboots.
{{ ('sync ' ~ data['id']) | json }}:
  local.saltutil.sync_all:
    - tgt: {{ data['id'] | json }}
