# SPDX-License-Identifier: Apache-2.0
"""The demonstration of a fleet: simulated hosts, scanned, gated, rebooted and verified over real HTTP."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from pending_reboot import History, Policy, decide
from pending_reboot.escape import printable
from pending_reboot.rollout import Result, Rollout
from pending_reboot_wire.target import Target

from .render import as_table, columns, wants_colour
from .render_fleet import as_summary
from .scan import Settings, scan
from .simulator.fleet import LOOPBACK, Simulation, scenario_from
from .wsman_fleet import WsmanFleet

#: One host for each interesting situation; the comment is what a person would say of it.
SCENARIO: Final = r"""
username: demo
password: demo
hosts:
  web01:
    story: KB902400 was run by hand from its EXE
    machine:
      boot_time: 2026-11-20T03:12:00Z
      keys:
        SYSTEM\CurrentControlSet\Control\Session Manager:
          values:
            PendingFileRenameOperations: ['\??\C:\Windows\system32\SET31.tmp', '!\??\C:\Windows\system32\clbcatq.dll']
        SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {values: {Flags: 1}}
      probes: {windows_update_settings: {pending_reboot: false}}
  web02:
    story: Windows Update installed an update
    machine:
      boot_time: 2026-11-19T22:05:00Z
      keys:
        SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired:
          values: {9306cdfc-c4a1-4a22-9996-848cc67eddc3: 1}
      probes: {windows_update_settings: {pending_reboot: true}}
  client03:
    story: only a browser and an installer queued their clean-up
    machine:
      boot_time: 2026-11-23T06:30:00Z
      keys:
        SYSTEM\CurrentControlSet\Control\Session Manager:
          values:
            PendingFileRenameOperations:
              - '\??\C:\Program Files\Google\Chrome\Temp\scoped_dir12712\old_chrome.exe'
              - ''
              - '\??\C:\Windows\Temp\MSI1.tmp'
              - ''
  db04:
    story: our account may not read one key
    machine:
      boot_time: 2026-11-18T01:00:00Z
      keys:
        SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending: denied
  db05:
    story: it is switched off
    fault: refuse
  app06:
    story: its reason comes back after every reboot
    machine:
      boot_time: 2026-11-17T04:00:00Z
      keys:
        SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending: {volatile: false}
  dc07:
    story: nothing waits
    machine: {boot_time: 2026-11-21T05:45:00Z}
"""

#: Seconds; the simulated hosts are quick.
_LIMITS: Final = {"timeout": 30, "settle": 3, "poll": 1, "answer": 3}


def show() -> None:
    """Show it."""
    data = yaml.safe_load(SCENARIO)
    stories = {name: entry.pop("story") for name, entry in data["hosts"].items()}
    account, machines = scenario_from(data, "demo")
    with Simulation(account, machines).running() as simulation, tempfile.TemporaryDirectory() as folder:
        targets = [
            Target(name, LOOPBACK, port, account.username, account.password, "ntlm", tls=False, read_timeout=5)
            for name, port in simulation.ports.items()
        ]
        _run(targets, stories, History(str(Path(folder, "history.jsonl"))))


def _run(targets: Sequence[Target], stories: Mapping[str, str], history: History) -> None:
    print(f"{len(targets)} simulated hosts speak WS-Management with NTLM on {LOOPBACK}.\n")
    print("$ pending-reboot scan --inventory hosts.yml")
    before = _scanned(targets)
    print(as_summary(list(before.values())))
    first = next(iter(before.values()))
    print(f"\n$ pending-reboot scan {first['host']}: {stories[first['host']]}")
    print(as_table(first, colour=wants_colour(sys.stdout)))
    print("\n$ pending-reboot gate --facts reboots.jsonl")
    policy = Policy()
    decisions = {name: decide(facts, policy) for name, facts in before.items()}
    rows = [
        (name, decision.action, printable(decision.because[0].message)[:90]) for name, decision in decisions.items()
    ]
    print("\n".join(columns(("HOST", "DECISION", "BECAUSE"), rows)))
    print("\n$ pending-reboot reboot --inventory hosts.yml --history reboots-history.jsonl --batch 100%", flush=True)
    fleet = WsmanFleet(targets, policy, history)
    rollout = Rollout(fleet, tell=lambda text: print(f"  {printable(text)}", flush=True), **_LIMITS)  # type: ignore[arg-type]
    results = rollout.run([[target.name for target in targets]])
    print("\nBefore and after:")
    print(_comparison(before, _scanned(targets), results, stories))


def _scanned(targets: Sequence[Target]) -> dict[str, dict[str, Any]]:
    found = {outcome.name: outcome.facts for outcome in scan(targets, Settings(deadline=20))}
    return {target.name: found[target.name] for target in targets}


def _comparison(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    results: Mapping[str, Result],
    stories: Mapping[str, str],
) -> str:
    rows = [
        (name, before[name]["state"], after[name]["state"], results[name].outcome, stories[name]) for name in before
    ]
    return "\n".join(columns(("HOST", "BEFORE", "AFTER", "OUTCOME", "STORY"), rows))
