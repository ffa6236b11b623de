# SPDX-License-Identifier: Apache-2.0
"""Sessions that were recorded: without secrets, and played again they give the same facts."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pending_reboot import InputError, facts_from
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot_tools.session import Replay
from wire.conftest import PASSWORD, PATCHED, Simulate

#: Sessions of real hosts, and of the simulator as long as there are none. Each names its origin and what it must give.
SESSIONS = sorted((Path(__file__).parent / "sessions").glob("*.json"))


def record(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pending_reboot_tools", "record", "--http", "--auth", "ntlm", *words],
        env={**os.environ, "PENDING_REBOOT_USER": "scanner", "PENDING_REBOOT_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def personal() -> dict[str, Any]:
    machine = copy.deepcopy(PATCHED)
    machine["host"] = "FINANCE-PC7"
    names = machine["keys"][r"SYSTEM\CurrentControlSet\Control\Session Manager"]["values"]
    names["PendingFileRenameOperations"] += [r"\??\C:\Users\jane.doe\AppData\Local\Temp\x.tmp", ""]
    machine["keys"][r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"] = {
        "values": {"ComputerName": "FINANCE-PC7"}
    }
    return machine


def test_a_session_has_no_secrets_and_gives_the_same_facts(simulate: Simulate) -> None:
    simulation = simulate({"finance": {"machine": personal()}})
    done = record(f"127.0.0.1:{simulation.ports['finance']}")
    assert done.returncode == 10, done.stderr
    for secret in (PASSWORD, "scanner", "jane.doe", "FINANCE-PC7", "127.0.0.1"):
        assert secret.lower() not in done.stdout.lower(), secret
    facts = facts_from(WsmanReader(Replay(json.loads(done.stdout))))
    assert (facts.state, facts.complete, facts.host) == ("pending", True, "CSNAME")
    assert [source for source, _ in facts.reasons] == ["pending_file_rename", "update_exe_volatile"]
    assert facts.file_operations[1].source == r"C:\Users\USER\AppData\Local\Temp\x.tmp"


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: str(path.stem))
def test_recorded_sessions(path: Path) -> None:
    session = json.loads(path.read_text("utf-8"))
    assert session["origin"]
    facts = facts_from(WsmanReader(Replay(session, str(path))))
    found = {
        id_: result.state for id_, result in facts.sources.items() if result.state not in ("clear", "not_applicable")
    }
    assert (facts.state, found) == (session["expect"]["state"], session["expect"]["sources"])


def test_there_is_a_session() -> None:
    assert SESSIONS


def test_what_is_no_session() -> None:
    with pytest.raises(InputError, match="is no recorded session"):
        Replay({"exchanges": []})


def test_one_host_at_a_time() -> None:
    done = record("web01", "web02")
    assert (done.returncode, "record one host at a time" in done.stderr) == (2, True)
