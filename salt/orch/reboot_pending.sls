# SPDX-License-Identifier: Apache-2.0
# Reboot the minions that wait for it, wave after wave; a wave that fails stops the later ones.
#
#   salt-run state.orchestrate orch.reboot_pending pillar='{tgt: "web*", batch: [1, 10%]}'
#   salt-run state.orchestrate orch.reboot_pending pillar='{tgt: "web*"}' test=True    # lists the waves
#
# The waves come from the master's cache of the grain reboot_state; each minion decides again, live, before it reboots.
# `salt-run pending_reboot.patch_fleet` does the same in one step. Use this one to put states of yours between waves.
{%- set tgt = pillar.get('tgt', '*') %}
{%- set plan = salt['saltutil.runner']('pending_reboot.plan', arg=[tgt], kwarg={
      'tgt_type': pillar.get('tgt_type', 'glob'),
      'batch': pillar.get('batch', 1),
    }) %}
{%- if 'error' in plan %}
{{ raise(plan['error']) }}
{%- endif %}
{%- for minions in plan['waves'] %}

reboot wave {{ loop.index }}:
  salt.runner:
    - name: pending_reboot.wave
    - minions: {{ minions | json }}
    - policy: {{ pillar.get('policy', {}) | json }}
    - health: {{ pillar.get('health', []) | json }}
    - timeout: {{ pillar.get('timeout', 1800) }}
    - settle: {{ pillar.get('settle', 300) }}
    - poll: {{ pillar.get('poll', 10) }}
    - answer: {{ pillar.get('answer', 15) }}
    {%- if not loop.first %}
    - require:
      - salt: reboot wave {{ loop.index0 }}
    {%- endif %}
{%- else %}

nothing waits for a reboot:
  test.nop: []
{%- endfor %}
