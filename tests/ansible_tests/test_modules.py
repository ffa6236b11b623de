# SPDX-License-Identifier: Apache-2.0
"""The modules, each as a user calls it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_fleet.host import Host
from ansible_fleet.machines import DLL, PATCH, UPDATE_ID, add_host, recorded
from ansible_tests.conftest import Play
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER
from pending_reboot.sources.windows_update import REBOOT_REQUIRED
from support.probe import check_schema

PENDING = recorded("patched_by_hand")


def one_task(task: dict[str, Any]) -> str:
    """Return a playbook that runs a task, ignores its failure and shows its result."""
    tasks = [
        {**task, "register": "told", "ignore_errors": True, "ignore_unreachable": True},
        {"ansible.builtin.debug": {"msg": "RESULT {{ told | to_json | b64encode }} END"}},
    ]
    play = {"hosts": "windows", "gather_facts": False, "tasks": tasks}
    return yaml.safe_dump([play], sort_keys=False)


def told(output: str) -> dict[str, Any]:
    import base64

    match = re.search(r"RESULT (\S+) END", output)
    assert match, output
    found: dict[str, Any] = json.loads(base64.b64decode(match[1]))
    return found


def asking(play: Play, folder: Path) -> Any:
    """Return what runs one task on one host and gives its result."""

    def on(machine: dict[str, Any], task: dict[str, Any], *words: str, shared: Any = None, **behaviour: Any) -> Any:
        if not (folder / "h1").exists():
            add_host(folder, "h1", machine, **behaviour)
        done = play(one_task(task), {"h1": {"simulated_folder": str(folder / "h1")}}, *words, shared=shared)
        assert "Traceback" not in done.output
        assert "DEPRECATION" not in done.output
        assert "[WARNING]: Type" not in done.output
        return told(done.output)

    return on


@pytest.fixture
def ask(play: Play, tmp_path: Path) -> Any:
    """Run one task on one host with the newest Ansible, and return its result."""
    return asking(play, tmp_path / "hosts")


@pytest.fixture
def ask_everywhere(play_everywhere: Play, tmp_path: Path) -> Any:
    """Run one task on one host with each Ansible in turn, and return its result."""
    return asking(play_everywhere, tmp_path / "hosts")


FACTS = "pending_reboot.windows.win_pending_reboot_facts"


def test_facts_have_the_names_of_win_reboot_info(ask_everywhere: Any) -> None:
    found = ask_everywhere(PENDING, {FACTS: {}})
    assert (found["changed"], found["reboot_required"], found["state"]) == (False, True, "pending")
    reasons = [reason["source"] for reason in found["reboot_required_reasons"]]
    assert reasons == ["pending_file_rename", "update_exe_volatile"]
    assert all(reason["description"] for reason in found["reboot_required_reasons"])
    assert found["last_reboot"]["time"] == "2026-11-20T03:12:00Z"
    assert found["last_reboot"]["details"] is None
    assert found["collected"]["reader"] == "powershell"
    assert found["ansible_facts"]["pending_reboot"]["state"] == "pending"


SWAPPED = """
- hosts: windows
  gather_facts: false
  tasks:
    - name: Get reboot info
      MODULE:
      register: reboot_info
    - name: Reboot if required
      ansible.windows.win_reboot:
        reboot_timeout: 10
      when: reboot_info.reboot_required
    - name: Show pending reboot sources
      ansible.builtin.debug:
        msg: "due to {{ reboot_info.reboot_required_reasons | map(attribute='source') | list }}"
      when: reboot_info.reboot_required
    - name: Display last boot time
      ansible.builtin.debug:
        msg: "Last boot: {{ reboot_info.last_reboot.time }}"
    - name: Show who initiated the last reboot
      ansible.builtin.debug:
        msg: "{{ reboot_info.last_reboot.details.initiated_by }}"
      when: reboot_info.last_reboot.details is not none
"""


def test_a_playbook_of_win_reboot_info_needs_no_other_change(play_everywhere: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", PENDING)}
    done = play_everywhere(SWAPPED.replace("MODULE", FACTS), hosts)
    assert done.returncode == 0, done.output
    assert "due to ['pending_file_rename', 'update_exe_volatile']" in done.output
    assert [each["ran"] for each in Host(tmp_path / "hosts/h1").ran()].count("reboot") == 1


def test_facts_may_have_another_name_and_fewer_sources(ask: Any) -> None:
    found = ask(PENDING, {FACTS: {"fact_name": "reboots", "sources": "windows_update,server_manager", "wua": "none"}})
    assert list(found["ansible_facts"]) == ["reboots"]
    assert list(found["sources"]) == ["windows_update", "server_manager"]
    assert found["state"] == "clear"


def test_what_may_not_be_read_is_unknown(ask: Any) -> None:
    found = ask(recorded("denied"), {FACTS: {}})
    assert (found["state"], found["reboot_required"], found["complete"]) == ("unknown", False, False)
    assert found["sources"]["windows_update"]["error"]["code"] == 5


def test_ignored_operations_and_strict(ask: Any) -> None:
    task = {FACTS: {"ignore": r"*\clbcatq.dll", "sources": "pending_file_rename"}}
    assert ask(PENDING, task)["file_operations"][0]["weight"] == "ignored"


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({FACTS: {"sources": "everything"}}, "everything"),
        ({FACTS: {"fact_name": "a b"}}, "fact_name: 'a b' cannot be the name of a fact"),
        ({FACTS: {"timeout": 0}}, "timeout: 0 is no time to wait"),
        ({FACTS: {"reader": "wsman"}}, "needs the connection winrm or psrp, this host has simulated_windows"),
        ({FACTS: {"colour": "red"}}, "Unsupported parameters"),
        ({"pending_reboot.windows.win_patch_state": {"patches": []}}, "describes no patch"),
        ({"pending_reboot.windows.win_patch_state": {"patches": {"kb": "x"}}}, "'x' is no KB number"),
        ({"pending_reboot.windows.win_reboot_flag": {"update_id": " "}}, "is no update id"),
        ({"pending_reboot.windows.win_reboot_decision": {"policy": {"windows": []}}}, "unknown field 'windows'"),
        ({"pending_reboot.windows.win_wsman_reboot": {}}, "needs the connection winrm or psrp"),
    ],
)
def test_options_that_are_none(ask: Any, task: dict[str, Any], says: str) -> None:
    found = ask(PENDING, task)
    assert found["failed"] is True
    assert says in found["msg"]


def test_a_host_that_is_no_windows(ask: Any) -> None:
    found = ask(PENDING, {FACTS: {}}, shared={"ansible_connection": "local"})
    assert found["failed"] is True
    assert "is not reached as a Windows host (connection local)" in found["msg"]
    assert "ansible_shell_type" in found["msg"]


def test_a_host_that_is_off_is_unreachable(ask: Any) -> None:
    assert ask(PENDING, {FACTS: {}}, off=True)["unreachable"] is True


def test_a_probe_that_fails_is_told(ask: Any) -> None:
    found = ask(PENDING, {FACTS: {}}, probe_fails="Cannot add type. csc.exe was not found")
    assert found["failed"] is True
    assert "win_pending_reboot_probe failed: Cannot add type. csc.exe was not found" in found["msg"]


def test_until_and_failed_when_see_a_failure(play: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", probe_fails="busy")}
    tasks = f"""
- hosts: windows
  gather_facts: false
  tasks:
    - {FACTS}:
      register: told
      until: told.state is defined
      retries: 2
      delay: 0
      ignore_errors: true
    - {FACTS}:
      failed_when: false
    - ansible.builtin.debug: {{msg: "ATTEMPTS {{{{ told.attempts }}}}"}}
"""
    done = play(tasks, hosts)
    assert (done.returncode, done.recap["h1"]["failed"]) == (0, 0), done.output
    assert "ATTEMPTS 2" in done.output


def test_what_a_registry_holds_does_not_steer_the_terminal(play: Play, tmp_path: Path) -> None:
    hostile = recorded("clear")
    entry = ["\\??\\C:\\Windows\\a.tmp", "!\\??\\C:\\Windows\\\x1b]0;title\x07\u202e.sys"]
    key = r"SYSTEM\CurrentControlSet\Control\Session Manager"
    hostile["keys"][key] = {"values": {"PendingFileRenameOperations": entry}}
    gate = "- hosts: windows\n  gather_facts: false\n  roles: [pending_reboot.windows.reboot_gate]\n"
    limits = {"reboot_gate_max_reboots": 0, "reboot_gate_fail_when_blocked": True}
    done = play(gate, {"h1": add_host(tmp_path / "hosts", "h1", hostile)}, **limits)
    assert done.returncode == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(done.output)


def test_the_probe_alone_looks_at_everything(ask: Any) -> None:
    found = ask(PENDING, {"pending_reboot.windows.win_pending_reboot_probe": {}})
    answer = {name: found[name] for name in ("schema", "registry", "files", "components")}
    check_schema(answer)
    assert len(answer["registry"]) > 20
    assert "boot_time" in answer["components"]
    few = {"registry": [{"path": r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile", "names": ["Flags"]}]}
    found = ask(PENDING, {"pending_reboot.windows.win_pending_reboot_probe": few})
    assert [value["data"] for value in found["registry"][0]["found"]] == ["AQAAAA=="]
    assert found["components"] == {}


def test_patch_states(ask: Any) -> None:
    found = ask(PENDING, {"pending_reboot.windows.win_patch_state": {"patches": {"kb": "902400", **PATCH}}})
    (patch,) = found["patches"]
    assert (patch["verdict"], found["reboot_required"]) == ("installed_pending_reboot", True)
    assert found["names_by_verdict"]["installed_pending_reboot"] == ["KB902400"]
    assert patch["views"] == {
        "mbsa_1_2": "applicable",
        "wua": "installed",
        "itmu": "installed",
        "mbsa_2_0": "reboot_pending",
    }


@pytest.mark.parametrize("patches", ["{{ november | to_yaml }}", ["{{ november[0] | to_json }}"]])
def test_descriptions_of_patches_may_be_text(play_at_both_ends: Play, tmp_path: Path, patches: Any) -> None:
    playbook = yaml.safe_load(one_task({"pending_reboot.windows.win_patch_state": {"patches": patches}}))
    installed_at = datetime(2099, 11, 20, 3, 20, tzinfo=timezone.utc)
    playbook[0]["vars"] = {"november": [{**PATCH, "exit_code": 3010, "installed_at": installed_at}]}
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", recorded("clear", patched=True))}
    found = told(play_at_both_ends(yaml.safe_dump(playbook), hosts).output)
    assert found["patches"][0]["verdict"] == "installed_pending_reboot", found


@pytest.mark.parametrize(
    ("patches", "says"),
    [
        ("[{kb: KB902400", "patches: are no YAML"),
        ("installed_at: 2026-13-40T00:00:00Z", "patches: are no YAML"),
        ("[{'installed_at': datetime.datetime(2026, 11, 20)}]", "patches: hold a time in Python's notation"),
    ],
)
def test_text_that_describes_no_patch(ask: Any, patches: str, says: str) -> None:
    assert says in ask(PENDING, {"pending_reboot.windows.win_patch_state": {"patches": patches}})["msg"]


def test_the_story_of_the_patch(ask_everywhere: Any) -> None:
    """Installed by hand, flagged so that others see it, rebooted: every scanner agrees in the end."""
    state = {"pending_reboot.windows.win_patch_state": {"patches": {"kb": "902400", **PATCH}}}
    assert ask_everywhere(PENDING, state)["patches"][0]["views"]["itmu"] == "installed"
    flag = {"pending_reboot.windows.win_reboot_flag": {"update_id": UPDATE_ID}, "diff": True}
    checked = ask_everywhere(PENDING, flag, "--check")
    assert checked["changed"] is True
    assert ask_everywhere(PENDING, state)["patches"][0]["views"]["itmu"] == "installed", "check mode must write nothing"
    first, second = ask_everywhere(PENDING, flag), ask_everywhere(PENDING, flag)
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["before"], first["after"]) == (None, [UPDATE_ID])
    (key,) = first["diff"]["after"]
    assert key.endswith(r"Auto Update\RebootRequired")
    flagged = ask_everywhere(PENDING, state)["patches"][0]
    assert (flagged["verdict"], flagged["views"]["itmu"]) == ("installed_pending_reboot", "applicable")
    assert ask_everywhere(PENDING, {"ansible.windows.win_reboot": {"reboot_timeout": 15}})["rebooted"] is True
    after = ask_everywhere(PENDING, state)["patches"][0]
    assert (after["verdict"], set(after["views"].values())) == ("installed", {"installed"})


def test_check_mode_sees_a_key_that_would_outlive_the_reboot(ask: Any) -> None:
    machine = {**PENDING, "keys": {**PENDING["keys"], REBOOT_REQUIRED.path: {"values": {}, "volatile": False}}}
    for words in (["--check"], []):
        done = ask(machine, {"pending_reboot.windows.win_reboot_flag": {"update_id": UPDATE_ID}}, *words)
        assert (done["failed"], "is not volatile" in done["msg"]) == (True, True), words


def test_an_option_that_is_none_is_told_at_once(ask: Any) -> None:
    options = {"sources": ["typo"], "wait": 200, "poll": 10, "boot_time_before": "2026-11-20T03:12:00Z"}
    done = ask(PENDING, {"pending_reboot.windows.win_reboot_decision": options})
    assert "there is no source 'typo'" in done["msg"]


def test_half_a_surrogate_pair_does_not_break_a_cache_of_facts(play_everywhere: Play, tmp_path: Path) -> None:
    renames = [rf"\??\{DLL}", f"!\\??\\{DLL}\ud800"]
    machine = {
        "boot_time": "2026-11-20T03:12:00Z",
        "keys": {SESSION_MANAGER.path: {"values": {"PendingFileRenameOperations": renames}}},
    }
    hosts = {name: add_host(tmp_path, name, machine) for name in ("h1", "h2")}
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}
    playbook = f"- hosts: windows\n  gather_facts: false\n  serial: 1\n  tasks: [{{{FACTS}: {{}}}}]\n"
    done = play_everywhere(playbook, hosts, surroundings=cache)
    assert done.returncode == 0, done.output
    cached = sorted(file.name[-2:] for file in (tmp_path / "cache").iterdir() if "ud800" in file.read_text())
    assert cached == ["h1", "h2"]


def test_exit_codes(ask_everywhere: Any) -> None:
    expression = "{{ [3010, -2147021886, '0x80240017'] | map('pending_reboot.windows.installer_exit_code') | list }}"
    found = ask_everywhere(PENDING, {"ansible.builtin.set_fact": {"codes": expression}})["ansible_facts"]["codes"]
    assert [each["reboot"] for each in found] == ["needed", "needed", "no"]
    assert [each["applies"] for each in found] == [True, True, False]
