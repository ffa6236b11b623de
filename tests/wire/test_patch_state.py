# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot patch-state`: the mission's story from a disk and over the wire, with the same verdict."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pending_reboot_tools.sample import Machine, rename
from pending_reboot_tools.simulator.fleet import Simulation
from support.pe import program
from wire.conftest import PASSWORD, PATCHED, Simulate

Write = Callable[[Simulation], str]

DLL, STAGED = r"C:\Windows\system32\clbcatq.dll", r"C:\Windows\system32\SET31.tmp"
PATCHES = r"""
- kb: KB902400
  update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3
  files: [{path: '%SystemRoot%\system32\clbcatq.dll', version: 2001.12.4720.10}]
"""


@pytest.fixture
def patches(tmp_path: Path) -> str:
    path = tmp_path / "patches.yml"
    path.write_text(PATCHES)
    return str(path)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pending_reboot_tools", "patch-state", *words],
        env={**os.environ, "PENDING_REBOOT_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def machine(*, pending: bool) -> dict[str, Any]:
    if not pending:
        return {"files": {DLL: {"version": "2001.12.4720.10"}}}
    data = copy.deepcopy(PATCHED)
    data["files"] = {DLL: {"version": "2001.12.4720.9"}, STAGED: {"version": "2001.12.4720.10"}}
    return data


def evidence(state: dict[str, Any]) -> tuple[Any, ...]:
    (file,) = state["evidence"]["files"]
    return file["in_place"]["version"], file["effective"]["version"], file["effective"]["path"], file["operations"]


def test_the_story_over_the_wire_and_from_a_disk(
    simulate: Simulate, inventory: Write, tmp_path: Path, patches: str
) -> None:
    simulation = simulate({"web01": {"machine": machine(pending=True)}, "web02": {"machine": machine(pending=False)}})
    done = run("--patches", patches, "--inventory", inventory(simulation), "--format", "json")
    assert done.returncode == 10, done.stderr
    states = {state["host"]: state for state in map(json.loads, done.stdout.splitlines())}
    assert states["web02"]["verdict"] == "installed"
    wire = states["web01"]
    assert wire["verdict"] == "installed_pending_reboot"
    assert wire["views"] == {
        "mbsa_1_2": "applicable",
        "wua": "installed",
        "itmu": "installed",
        "mbsa_2_0": "reboot_pending",
    }

    volume = Machine("WEB01", "", lambda registry: rename(registry, rf"\??\{STAGED}", rf"!\??\{DLL}")).write(tmp_path)
    (folder,) = (each for each in (volume / "Windows").iterdir() if each.name.lower() == "system32")
    (folder / "clbcatq.dll").write_bytes(program("2001.12.4720.9"))
    (folder / "SET31.tmp").write_bytes(program("2001.12.4720.10"))
    done = run("--patches", patches, "--image", str(volume), "--format", "json")
    assert done.returncode == 10, done.stderr
    disk = json.loads(done.stdout)
    assert (disk["verdict"], evidence(disk)) == (wire["verdict"], evidence(wire))
    assert "KB902400" in run("--patches", patches, "--image", str(volume)).stdout


@pytest.mark.parametrize("format_", ["table", "markdown", "csv"])
def test_formats(simulate: Simulate, inventory: Write, patches: str, format_: str) -> None:
    simulation = simulate({"web01": {"machine": machine(pending=True)}, "off": {"fault": "refuse"}})
    done = run("--patches", patches, "--inventory", inventory(simulation), "--format", format_)
    assert done.returncode == 10
    rows = [line for line in done.stdout.splitlines() if "KB902400" in line]
    assert ["installed_pending_reboot" in row for row in rows] == [True, False]
    assert "unknown" in rows[1]
    assert "refuses connections" in rows[1]


@pytest.mark.parametrize(
    ("version", "code"), [("2001.12.4720.10", 0), ("2001.12.4720.11", 30)], ids=["installed", "missing"]
)
def test_exit_codes(simulate: Simulate, inventory: Write, tmp_path: Path, version: str, code: int) -> None:
    (tmp_path / "patches.yml").write_text(PATCHES.replace("2001.12.4720.10", version))
    simulation = simulate({"web02": {"machine": machine(pending=False)}})
    words = ["--patches", str(tmp_path / "patches.yml"), "--inventory", inventory(simulation)]
    assert run(*words).returncode == code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--local", "--host", "web01"], "give one of --local, hosts, or a disk"),
        ([], "give one of --local, hosts, or a disk"),
        (["--local"], "this machine is no Windows"),
        (["--image", "none"], "none: "),
    ],
)
def test_what_cannot_be_used(patches: str, words: list[str], says: str) -> None:
    done = run("--patches", patches, *words)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_patches_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "patches.yml").write_text("- {kb: KB902400, fils: []}\n")
    done = run("--patches", str(tmp_path / "patches.yml"), "--local")
    assert (done.returncode, "patches.yml: unknown field 'fils'" in done.stderr) == (2, True)
