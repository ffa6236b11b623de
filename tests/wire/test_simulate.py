# SPDX-License-Identifier: Apache-2.0
"""The command that simulates: what its documentation says, and scenarios that cannot be used."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pending_reboot import InputError
from pending_reboot_tools.simulator.fleet import scenario_from
from salt_fleet.installation import REPOSITORY

SIMULATE = [sys.executable, "-m", "pending_reboot_tools", "simulate"]


def documented() -> str:
    """Return the scenario in the documentation."""
    text = (REPOSITORY / "docs/simulate.md").read_text("utf-8")
    match = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return match[1]


def test_the_documented_scenario_runs_until_it_is_ended(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    process = subprocess.Popen(
        [*SIMULATE, "-", "--inventory", str(inventory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(documented())
    process.stdin.close()
    lines = [process.stdout.readline() for _ in range(24)]
    assert lines[-1] == "23 hosts listen; Ctrl-C ends them\n"
    words = ["--inventory", str(inventory), "--timeout", "2", "--deadline", "5", "--format", "csv", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pending_reboot_tools", "scan", *words],
        env={**os.environ, "PENDING_REBOOT_PASSWORD": "vagrant"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    states = dict(line.split(",")[:2] for line in done.stdout.splitlines()[1:])
    assert (states["web01"], states["web02"], states["web03"], states["db020"]) == (
        "clear",
        "pending",
        "unknown",
        "clear",
    )
    assert "password" not in inventory.read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[]", "scenario: is no scenario (write username, password and hosts)"),
        ("hosts: {}", "scenario: has 0 machines"),
        ("{hosts: {a: {}}, port: 5}", "scenario: unknown field 'port'"),
        ("hosts: {a: {falt: stall}}", "scenario.hosts.a: unknown field 'falt'"),
        ("hosts: {a: {fault: slow}}", "scenario.hosts.a.fault: 'slow' is no fault (one of refuse, stall,"),
        ("hosts: {a: {after: -1}}", "scenario.hosts.a.after: -1 is no number of requests"),
        ("hosts: {a: {latency: long}}", "scenario.hosts.a.latency"),
        ("hosts: {a: {count: 0}}", "scenario.hosts.a.count: 0 is no number of machines"),
        ("hosts: {a: {reboot: {lost: maybe}}}", "scenario.hosts.a.reboot.lost: 'maybe' is neither true nor false"),
        ("hosts: {a: {machine: {kees: {}}}}", "scenario.hosts.a.machine: unknown field 'kees'"),
        ("hosts: {a: 5}", "scenario.hosts.a: must be a mapping, is int"),
    ],
)
def test_a_scenario_that_cannot_be_used(written: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        scenario_from(yaml.safe_load(written))
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("text", "port", "says"),
    [
        ("hosts: [", None, "is no YAML"),
        ("hosts: {a: {}}", 70000, "70000 is no port"),
        ("hosts: {a: {count: 100}}", 65500, "65500 is no port with 100 more"),
        ("hosts: {a: {}}", 0, "127.0.0.1: cannot listen: "),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(text: str, port: int | None, says: str, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    scenario.write_text(text)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = [] if port is None else ["--first-port", str(port or taken.getsockname()[1])]
        done = subprocess.run(
            [*SIMULATE, str(scenario), *words], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
