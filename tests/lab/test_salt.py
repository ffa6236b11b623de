# SPDX-License-Identifier: Apache-2.0
"""Our Salt files in a Windows Salt: synced from the repository, asked, and rebooting the machine they run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.planting import CBS, SESSION_MANAGER, UPDATE_EXE, UPDATE_ID, planted
from pending_reboot._version import VERSION
from pending_reboot.registry import Value
from windows_lab.machine import Lab
from windows_lab.salt_minion import SaltMinion
from windows_lab.windows_python import REPOSITORY
from windows_lab.wua import ACCESS_DENIED, Wua

TARGET = r"C:\windows\system32\clbcatq-salt.dll"
SETTINGS = {"pending_reboot": {"history": r"C:\salt\reboots.jsonl"}}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("states")
    (folder / "gate.sls").write_text("gate:\n  pending_reboot.gated:\n    - delay: 5\n")
    (folder / "flag.sls").write_text(f"{UPDATE_ID}:\n  pending_reboot.flagged: []\n")
    return folder


@pytest.fixture(scope="module")
def minion(salt_lab: Lab, states: Path) -> SaltMinion:
    """A minion that has synced what lies below salt/ in the repository."""
    minion = SaltMinion(salt_lab, REPOSITORY / "salt", states, settings=SETTINGS)
    synced = minion.call("saltutil.sync_all")
    assert synced["modules"] == ["modules.pending_reboot"]
    assert synced["grains"] == ["grains.reboot_state"]
    assert "utils.pending_reboot.sources.pending_file_rename" in synced["utils"]
    return minion


def applied(minion: SaltMinion, name: str, *arguments: str) -> dict[str, Any]:
    (result,) = minion.call("state.apply", name, *arguments).values()
    return {key: result[key] for key in ("result", "changes", "comment")}


def test_a_patch_by_hand_and_its_gated_reboot(salt_lab: Lab, minion: SaltMinion) -> None:
    salt_lab.wua(Wua(reboot_required=False))
    salt_lab.write_file(TARGET, b"version 9")
    salt_lab.write_file(r"C:\windows\system32\SET31.tmp", b"version 10")
    salt_lab.move_file_delayed(r"C:\windows\system32\SET31.tmp", TARGET, replace=True)
    salt_lab.key(UPDATE_EXE, {"Flags": Value.from_integer(1)}, volatile=True)
    reasons = ["pending_file_rename", "update_exe_volatile"]

    facts = minion.call("pending_reboot.facts")
    assert (facts["state"], facts["complete"], facts["collected"]["reader"]) == ("pending", True, "winreg")
    assert [each["source"] for each in facts["reboot_required_reasons"]] == reasons
    assert TARGET in [each["target"] for each in facts["file_operations"]]
    grain = minion.call("grains.get", "reboot_state")
    assert (grain["state"], grain["reasons"], grain["version"]) == ("pending", reasons, VERSION)
    assert grain["boot_time"] == facts["last_reboot"]["time"]

    would = applied(minion, "gate", "test=True")
    assert (would["result"], would["changes"]["reboot"]["new"]) == (None, "would be requested")
    assert salt_lab.read_file(r"C:\salt\reboots.jsonl") is None
    did = applied(minion, "gate")
    assert (did["result"], did["changes"]["reboot"]["new"]) == (True, "requested, in 5 seconds"), did["comment"]
    assert b'"action": "reboot"' in (salt_lab.read_file(r"C:\salt\reboots.jsonl") or b"")

    again = applied(minion, "gate")
    assert (again["result"], again["changes"]) == (True, {}), "it is under way"
    assert "requested already" in again["comment"]
    assert (salt_lab.read_file(r"C:\salt\reboots.jsonl") or b"").count(b"\n") == 1

    salt_lab.reboot()
    assert salt_lab.read_file(TARGET) == b"version 10"
    after = minion.call("grains.get", "reboot_state")
    assert (after["state"], after["reasons"]) == ("clear", [])
    assert after["boot_time"] > grain["boot_time"]
    assert applied(minion, "gate") == {
        "result": True,
        "changes": {},
        "comment": "No reboot: nothing waits for a reboot",
    }


def test_a_reboot_that_did_not_help_is_not_repeated(salt_lab: Lab, minion: SaltMinion) -> None:
    with planted(salt_lab, {rf"{CBS}\RebootPending": {}}):
        assert applied(minion, "gate")["result"] is True
        salt_lab.reboot()
        stuck = applied(minion, "gate")
    assert (stuck["result"], stuck["changes"]) == (False, {})
    assert "did not complete it: component_based_servicing as before" in stuck["comment"]


def test_a_flag_until_the_reboot(salt_lab: Lab, minion: SaltMinion) -> None:
    assert applied(minion, "flag", "test=True")["result"] is None
    assert applied(minion, "flag")["changes"] == {"flagged": {"old": None, "new": [UPDATE_ID]}}
    assert applied(minion, "flag")["changes"] == {}
    assert minion.call("pending_reboot.state") == "pending"
    # Stock Salt sees it as well.
    assert minion.call("system.get_pending_update") is True
    salt_lab.reboot()
    assert minion.call("pending_reboot.state") == "clear"


def test_what_may_not_be_read_is_not_rebooted(salt_lab: Lab, minion: SaltMinion) -> None:
    salt_lab.deny_key(SESSION_MANAGER)
    try:
        assert minion.call("grains.get", "reboot_state:state") == "unknown"
        blocked = applied(minion, "gate")
    finally:
        salt_lab.reboot()  # the rights are gone with it
    assert (blocked["result"], blocked["changes"]) == (False, {})
    assert "access is denied" in blocked["comment"]


def test_an_agent_that_refuses_is_no_answer_of_no(salt_lab: Lab, minion: SaltMinion) -> None:
    """Stock Salt says False here."""
    salt_lab.wua(Wua(faults={"SystemInfo": ACCESS_DENIED}))
    assert minion.call("pending_reboot.state") == "unknown"
    assert minion.call("pending_reboot.summary")["state"] == "clear", "the grain does not depend on the agent"
    salt_lab.wua(Wua())


def test_windows_recur_in_their_own_time_zone(minion: SaltMinion) -> None:
    """Windows has no time zone database of its own."""
    window = "{rrule: FREQ=DAILY, start: '22:00', duration: 1h, timezone: Europe/Berlin}"
    assert minion.call("pending_reboot.decide", f"policy={{window: [{window}]}}")["action"] == "none"
