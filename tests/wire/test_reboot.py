# SPDX-License-Identifier: Apache-2.0
"""Gated reboots of simulated hosts: real HTTP, real reboot semantics, verified by boot time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pending_reboot_tools.simulator.fleet import Simulation
from wire.conftest import PASSWORD, PATCHED, Simulate

Write = Callable[[Simulation], str]

STUCK = {
    "boot_time": "2026-11-20T03:12:00Z",
    "keys": {r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending": {"volatile": False}},
}
LIMITS = ("--timeout", "3", "--back", "12", "--settle", "3", "--poll", "0.5")


def reboot(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pending_reboot_tools", "reboot", *words],
        env={**os.environ, "PENDING_REBOOT_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    rows = [line.split() for line in done.stdout.splitlines()[1:] if line and " hosts: " not in line]
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("backend", ["pypsrp", "pywinrm"])
def test_a_host_is_rebooted_and_verified(simulate: Simulate, inventory: Write, tmp_path: Path, backend: str) -> None:
    simulation = simulate({"web01": {"machine": PATCHED, "reboot": {"down": "1s"}}})
    words = ["--inventory", inventory(simulation), "--history", str(tmp_path / "history.jsonl"), *LIMITS]
    would = reboot(*words, "--test", "--backend", backend)
    assert (would.returncode, outcomes(would)) == (10, {"web01": "would_reboot"})
    assert simulation.machines[0].reboots == 0
    assert not (tmp_path / "history.jsonl").exists()
    done = reboot(*words, "--backend", backend)
    assert (done.returncode, outcomes(done)) == (0, {"web01": "rebooted"}), done.stderr
    assert simulation.machines[0].reboots == 1
    actions = [json.loads(line)["action"] for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert actions == ["reboot", "none"]
    assert outcomes(reboot(*words, "--backend", backend)) == {"web01": "not_needed"}
    assert simulation.machines[0].reboots == 1


def test_a_failed_wave_stops_the_later_ones(simulate: Simulate, inventory: Write, tmp_path: Path) -> None:
    simulation = simulate(
        {
            "web01": {"machine": PATCHED, "reboot": {"down": "1s"}},
            "lost": {"machine": PATCHED, "reboot": {"lost": True}},
            "stuck": {"machine": STUCK, "reboot": {"down": "1s"}},
            "deaf": {"machine": PATCHED, "reboot": {"ignored": True}},
            "off": {"fault": "refuse"},
            "web02": {"machine": PATCHED},
        }
    )
    words = ["--inventory", inventory(simulation), "--history", str(tmp_path / "history.jsonl"), *LIMITS]
    done = reboot(*words, "--batch", "1,4,100%")
    assert done.returncode == 20
    assert outcomes(done) == {
        "web01": "rebooted",
        "lost": "failed",
        "stuck": "failed",
        "deaf": "failed",
        "off": "unreachable",
        "web02": "not_started",
    }, done.stdout
    assert "did not come back within 12 seconds" in done.stdout
    assert "component_based_servicing as before" in done.stdout
    assert "did not reboot: it is up since 2026-11-20T03:12:00Z" in done.stdout
    assert "an earlier wave failed: lost, stuck, deaf" in done.stdout
    reboots = {machine.name: machine.reboots for machine in simulation.machines}
    assert reboots == {"web01": 1, "lost": 1, "stuck": 1, "deaf": 0, "off": 0, "web02": 0}
    again = reboot(*words, "--batch", "100%", "--limit", "stuck")
    assert outcomes(again) == {"stuck": "blocked"}, again.stdout + again.stderr
    assert {machine.name: machine.reboots for machine in simulation.machines}["stuck"] == 1


def test_what_could_not_be_read_is_not_rebooted(simulate: Simulate, inventory: Write, tmp_path: Path) -> None:
    denied = {"machine": {"keys": {r"SYSTEM\CurrentControlSet\Control\Session Manager": "denied"}}}
    simulation = simulate({"db01": denied, "db02": {"fault": "garbage"}})
    done = reboot("--inventory", inventory(simulation), "--history", str(tmp_path / "history.jsonl"), *LIMITS)
    assert done.returncode == 20
    assert outcomes(done)["db01"] == "blocked"
    assert outcomes(done)["db02"] in ("blocked", "unreachable")
    assert [machine.reboots for machine in simulation.machines] == [0, 0]


def test_a_history_is_needed(simulate: Simulate, inventory: Write) -> None:
    done = reboot("--inventory", inventory(simulate({"web01": {}})))
    assert (done.returncode, "--history is needed" in done.stderr) == (2, True)
