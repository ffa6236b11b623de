# SPDX-License-Identifier: Apache-2.0
"""The execution module, the grain and the states on a minion without a master, in each Salt that is supported."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from pending_reboot._version import VERSION
from salt_fleet import machines
from salt_fleet.fixtures import FILES
from salt_fleet.installation import Salt
from salt_fleet.masterless import Masterless


def state_result(minion: Masterless, name: str, *arguments: str) -> dict[str, object]:
    """Return the result of the one state in a file."""
    (result,) = minion.call("state.apply", name, *arguments).values()
    return {key: result[key] for key in ("result", "changes", "comment")}


@pytest.fixture
def states(tmp_path: Path) -> Path:
    folder = tmp_path / "states"
    folder.mkdir()
    (folder / "gate.sls").write_text("gate:\n  pending_reboot.gated: []\n")
    (folder / "flag.sls").write_text("KB902400:\n  pending_reboot.flagged: []\n")
    return folder


def test_a_patch_by_hand_until_after_its_reboot(any_minion: Masterless, machine: Path, states: Path) -> None:
    machine.write_text(machines.PATCHED_BY_HAND)
    facts = any_minion.call("pending_reboot.facts")
    assert (facts["schema"], facts["state"], facts["collected"]["reader"]) == (1, "pending", "snapshot")
    grain = any_minion.call("grains.get", "reboot_state")
    assert grain == any_minion.call("pending_reboot.summary") | {"collected_at": grain["collected_at"]}
    assert grain["state"] == "pending"
    assert grain["reasons"] == ["pending_file_rename", "update_exe_volatile"]
    assert grain["boot_time"] == "2026-11-20T03:12:00Z"
    assert [each["source"] for each in any_minion.call("pending_reboot.reasons")] == grain["reasons"]

    would = state_result(any_minion, "gate", "test=True")
    assert would["result"] is None
    assert would["changes"] == {
        "reboot": {"old": "waiting for pending_file_rename, update_exe_volatile", "new": "would be requested"}
    }
    assert any_minion.call("pending_reboot.state") == "pending"

    did = state_result(any_minion, "gate")
    assert did["result"] is True
    assert did["changes"]["reboot"]["new"] == "requested, in 30 seconds"  # type: ignore[index]
    assert "clbcatq.dll" in str(did["comment"])
    assert any_minion.call("pending_reboot.state") == "clear"
    again = state_result(any_minion, "gate")
    assert again == {"result": True, "changes": {}, "comment": "No reboot: nothing waits for a reboot"}


def test_a_reboot_that_does_not_help_is_not_ordered_again(any_minion: Masterless, machine: Path, states: Path) -> None:
    machine.write_text(machines.STUCK)
    assert state_result(any_minion, "gate")["result"] is True
    stuck = state_result(any_minion, "gate")
    assert (stuck["result"], stuck["changes"]) == (False, {})
    assert "did not complete it: component_based_servicing as before" in str(stuck["comment"])
    done = any_minion.run("pending_reboot.reboot")
    assert done.status != 0
    assert done.value["local"]["requested"] is False
    assert done.value["local"]["decision"]["action"] == "blocked"


def test_what_could_not_be_read_is_not_rebooted(minion: Masterless, machine: Path, states: Path) -> None:
    machine.write_text(machines.DENIED)
    assert minion.call("grains.get", "reboot_state:state") == "unknown"
    reasons = minion.run("pending_reboot.reasons")
    assert reasons.status != 0
    assert "it is not known whether a reboot is pending: pending_file_rename: could not be read" in reasons.text
    blocked = state_result(minion, "gate")
    assert blocked["result"] is False
    assert "access is denied" in str(blocked["comment"])
    assert minion.call("pending_reboot.decide", "policy={on_unknown: ignore}")["action"] == "none"
    assert minion.call("pending_reboot.decide", "policy={on_unknown: reboot}")["action"] == "reboot"
    assert minion.call("pending_reboot.decide", "policy={skip_sources: pending_file_rename}")["action"] == "none"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"polcy": {"window": []}}, "configuration: pending_reboot: unknown setting 'polcy'"),
        ({"window": [], "on_unknown": "block"}, "unknown setting 'on_unknown' (known: fixture, history, policy)"),
        ({"policy": "block"}, "configuration: pending_reboot:policy: 'block' is no mapping"),
    ],
)
def test_a_setting_that_is_none_stops_the_reboot(
    minion: Masterless, machine: Path, settings: dict[str, object], says: str
) -> None:
    """A policy that is misspelled must not be taken for no policy."""
    machine.write_text(machines.PATCHED_BY_HAND)
    wrong = {**minion.settings, "pending_reboot": {"fixture": str(machine), **settings}}
    done = Masterless(minion.salt, minion.folder, wrong).run("pending_reboot.reboot")
    assert (done.status != 0, says in done.text, "Traceback" in done.text) == (True, True, False), done.text
    assert machine.read_text() == machines.PATCHED_BY_HAND


def test_a_pillar_that_cannot_be_rendered_stops_the_reboot(minion: Masterless, machine: Path, tmp_path: Path) -> None:
    """It may have held the maintenance window."""
    machine.write_text(machines.PATCHED_BY_HAND)
    pillar = tmp_path / "pillar"
    pillar.mkdir()
    (pillar / "top.sls").write_text("base: {'*': [reboots]}\n")
    (pillar / "reboots.sls").write_text("{{ nope.nope }}\n")
    broken = Masterless(minion.salt, minion.folder, {**minion.settings, "pillar_roots": {"base": [str(pillar)]}})
    for function in ("pending_reboot.reboot", "pending_reboot.decide"):
        done = broken.run(function)
        assert done.status != 0
        assert "could not be rendered, so the policy is not known" in done.text
    assert broken.call("pending_reboot.state") == "pending"


def test_flagged(any_minion: Masterless, machine: Path, states: Path) -> None:
    changes = {"flagged": {"old": None, "new": ["KB902400"]}}
    before = machine.read_text()
    would = state_result(any_minion, "flag", "test=True")
    assert would == {"result": None, "changes": changes, "comment": "KB902400 would be flagged"}
    assert machine.read_text() == before
    assert state_result(any_minion, "flag") == {"result": True, "changes": changes, "comment": "KB902400 was flagged"}
    assert state_result(any_minion, "flag")["changes"] == {}
    assert any_minion.call("pending_reboot.flag", "kb902400")["changed"] is False
    assert any_minion.call("pending_reboot.flag", "902400")["changed"] is False
    assert any_minion.call("grains.get", "reboot_state:reasons") == ["windows_update", "install_witness"]
    assert any_minion.call("pending_reboot.reboot")["requested"] is True
    assert any_minion.call("pending_reboot.state") == "clear"


def test_updates(minion: Masterless, machine: Path) -> None:
    machine.write_text(machines.UPDATED)
    (update,) = minion.call("pending_reboot.updates")
    assert (update["kb"], update["title"]) == (["KB902400"], "Security Update")
    machine.write_text(machines.CLEAR + "probes: {windows_update_agent: denied}\n")
    done = minion.run("pending_reboot.updates")
    assert done.status != 0
    assert "the updates are not known: access is denied" in done.text
    assert minion.call("pending_reboot.state") == "unknown"
    assert minion.call("pending_reboot.state", "wua=none") == "clear"
    assert minion.call("grains.get", "reboot_state:state") == "clear", "the grain does not ask the agent"


PATCH = r"""
kb: KB902400
update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3
files: [{path: '%SystemRoot%\system32\clbcatq.dll', version: 2001.12.4720.10}]
"""


def test_patch_state(any_minion: Masterless, machine: Path, states: Path) -> None:
    """Installed by hand; what another scanner says after a flag; and after the reboot."""
    (states / "patch.yml").write_text(PATCH)
    machine.write_text(machines.PATCHED_BY_HAND)

    def ask(patches: str) -> tuple[str, dict[str, str]]:
        (found,) = any_minion.call("pending_reboot.patch_state", patches)
        return found["verdict"], found["views"]

    verdict, views = ask("salt://patch.yml")
    assert verdict == "installed_pending_reboot"
    assert views == {"mbsa_1_2": "applicable", "wua": "installed", "itmu": "installed", "mbsa_2_0": "reboot_pending"}
    any_minion.call("pending_reboot.flag", "9306cdfc-c4a1-4a22-9996-848cc67eddc3")
    assert ask(str(states / "patch.yml"))[1]["itmu"] == "applicable"
    assert any_minion.call("pending_reboot.reboot")["requested"] is True
    verdict, views = ask(json.dumps(yaml.safe_load(PATCH)))
    assert (verdict, set(views.values())) == ("installed", {"installed"})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["pending_reboot.facts", "wua=maybe"], "wua: 'maybe' is not known"),
        (["pending_reboot.facts", "sources=wua"], "there is no source 'wua'"),
        (["pending_reboot.decide", "policy={on_unkown: block}"], "policy: unknown field 'on_unkown'"),
        (["pending_reboot.decide", "policy=block"], "policy: 'block' is no mapping"),
        (["pending_reboot.reboot", "delay=soon"], "delay: 'soon' is no number of seconds"),
        (["pending_reboot.flag", "\n"], "is no update id"),
        (["pending_reboot.patch_state", "salt://none.yml"], "salt://none.yml: is not on the master"),
        (["pending_reboot.patch_state", "none.yml"], "none.yml: cannot be read: No such file or directory"),
        (["pending_reboot.patch_state", "{kb: KB902400}"], "patches (KB902400): names nothing to look at"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(minion: Masterless, call: list[str], says: str) -> None:
    done = minion.run(*call)
    assert done.status != 0
    assert says in done.text
    assert "Traceback" not in done.text


def test_a_machine_that_cannot_be_read(minion: Masterless, machine: Path, states: Path) -> None:
    for wrong, says in (("keys: [", "is no snapshot"), ("kees: {}", "unknown field 'kees'")):
        machine.write_text(wrong)
        done = minion.run("pending_reboot.facts")
        assert done.status != 0
        assert says in done.text
        assert "Traceback" not in done.text
        grain = minion.call("grains.get", "reboot_state")
        assert (grain["state"], grain["version"]) == ("unknown", VERSION)
        assert says in grain["error"]
        assert says in str(state_result(minion, "gate")["comment"])


def test_a_history_that_cannot_be_read_stops_the_reboot(minion: Masterless, machine: Path, states: Path) -> None:
    machine.write_text(machines.PATCHED_BY_HAND)
    Path(f"{machine}.history.jsonl").write_text("{broken\n")
    result = state_result(minion, "gate")
    assert result["result"] is False
    assert "history.jsonl:1: is no JSON" in str(result["comment"])
    assert minion.call("pending_reboot.state") == "pending"


def test_a_deferred_reboot(minion: Masterless, machine: Path, states: Path) -> None:
    machine.write_text(machines.PATCHED_BY_HAND)
    rule = {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=4", "from": "2096-01-01", "duration": "1h"}
    (states / "later.sls").write_text(json.dumps({"g": {"pending_reboot.gated": [{"policy": {"window": [rule]}}]}}))
    result = state_result(minion, "later")
    assert (result["result"], result["changes"]) == (True, {})
    assert str(result["comment"]).startswith("The reboot is deferred until 2096-02-29T00:00:00Z: ")


def test_a_linux_minion_says_why_not(newest_salt: Salt, tmp_path: Path) -> None:
    minion = Masterless(newest_salt, tmp_path, {"file_roots": {"base": [str(FILES), str(tmp_path / "states")]}})
    minion.call("saltutil.sync_all")
    done = minion.run("pending_reboot.facts")
    assert done.status != 0
    assert "this minion is no Windows, and plays none" in done.text
    assert minion.call("grains.get", "reboot_state") == ""
    (tmp_path / "states").mkdir()
    (tmp_path / "states/gate.sls").write_text("gate:\n  pending_reboot.gated: []\n")
    assert "it wants a minion that is Windows, or plays one" in minion.run("state.apply", "gate").text


def test_half_a_surrogate_pair_is_told(minion: Masterless, machine: Path) -> None:
    """A registry can hold it, UTF-8 cannot."""
    data = "\0".join([r"\??\C:\a.tmp", "!\\??\\C:\\windows\\a\ud800b.dll", "", ""]).encode("utf-16-le", "surrogatepass")
    value = {"type": "REG_MULTI_SZ", "base64": base64.b64encode(data).decode()}
    key = r"SYSTEM\CurrentControlSet\Control\Session Manager"
    keys = {key: {"values": {"PendingFileRenameOperations": value}}}
    machine.write_text(json.dumps({"host": "WEB01", "boot_time": "2026-11-20T03:12:00Z", "keys": keys}))
    found = minion.run("pending_reboot.facts")
    assert found.status == 0, found.text
    assert found.value["local"]["file_operations"][0]["target"] == r"C:\windows\a\ud800b.dll"
    (reason,) = minion.call("pending_reboot.reasons")
    assert r"a\ud800b.dll" in reason["description"]
