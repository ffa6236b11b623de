# SPDX-License-Identifier: Apache-2.0
"""The role reboot_gate: what it does in each situation, and what it leaves behind."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.host import Host
from ansible_fleet.machines import add_host, recorded
from ansible_tests.conftest import Play

GATE = """
- hosts: windows
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
    - ansible.builtin.copy:
        content: "{{ reboot_gate_result | to_json }}"
        dest: "{{ folder }}/{{ inventory_hostname }}.result"
      delegate_to: localhost
      connection: local
      check_mode: false
"""
PENDING = recorded("patched_by_hand")
STUCK = recorded("stuck")


@pytest.fixture
def gate(play: Play, tmp_path: Path) -> Any:
    """Run the role on one host."""

    def on(machine: dict[str, Any], *words: str, behaviour: dict[str, Any] | None = None, **variables: Any) -> Any:
        host = tmp_path / "hosts/h1"
        if not host.exists():
            add_host(tmp_path / "hosts", "h1", machine, **(behaviour or {}))
        done = play(GATE, {"h1": {"simulated_folder": str(host)}}, *words, folder=str(tmp_path), **variables)
        path = tmp_path / "h1.result"
        result = json.loads(path.read_text()) if path.exists() else None
        path.unlink(missing_ok=True)
        return done, result, [each["ran"] for each in Host(host).ran() if each["ran"] in ("shutdown", "reboot")]

    return on


def test_pending_is_rebooted_and_verified(gate: Any) -> None:
    done, result, ran = gate(PENDING)
    assert (done.returncode, ran) == (0, ["shutdown", "reboot"]), done.output
    assert result["outcome"] == "rebooted"
    assert result["boot_time"] > result["boot_time_before"]
    assert result["decision"]["reasons"] == ["pending_file_rename", "update_exe_volatile"]
    assert (result["after"]["action"], result["after"]["state"]) == ("none", "clear")


@pytest.mark.parametrize("library", ["requests", "winrm", "pypsrp"])
def test_connections_that_break_off_after_the_boot_are_waited_for(gate: Any, library: str) -> None:
    done, result, ran = gate(PENDING, behaviour={"flaps": 2, "flaps_as": library}, reboot_gate_settle=8)
    assert (done.returncode, ran) == (0, ["shutdown", "reboot"]), done.output
    assert result["outcome"] == "rebooted"


def test_a_host_whose_connections_only_break_off_is_lost(gate: Any) -> None:
    done, _, _ = gate(PENDING, behaviour={"flaps": 99})
    assert (done.returncode, done.recap["h1"]["unreachable"]) == (2, 0), done.output
    assert "is lost after its reboot: the connection broke off (ConnectionError)" in done.report["h1"]["comment"]


def test_check_mode(gate: Any) -> None:
    done, result, ran = gate(PENDING, "--check")
    assert (done.returncode, result["outcome"], ran) == (0, "would_reboot", [])


def test_outside_of_the_window_it_is_deferred(gate: Any) -> None:
    window = "[{start: 2099-01-01T00:00:00Z, end: 2099-01-02T00:00:00Z}]"  # as a survey gives it
    done, result, ran = gate(PENDING, reboot_gate_window=window)
    assert (done.returncode, result["outcome"], ran) == (0, "deferred", [])
    assert result["decision"]["not_before"] == "2099-01-01T00:00:00Z"
    recurring = [{"rrule": "FREQ=DAILY", "start": "00:00", "duration": "24h", "timezone": "Europe/Berlin"}]
    done, result, _ = gate(PENDING, reboot_gate_window=recurring)
    assert (done.returncode, result["outcome"]) == (0, "rebooted"), done.output


def test_a_window_in_times_of_yaml(play_at_both_ends: Play, tmp_path: Path) -> None:
    """ansible-core before 2.19 cannot carry them in a template."""
    add_host(tmp_path, "h1", PENDING)
    own = GATE.replace(
        "  tasks:", "  vars: {reboot_gate_window: [{start: 2099-01-01T00:00:00Z, end: 2099-01-02T00:00:00Z}]}\n  tasks:"
    )
    hosts = {"h1": {"simulated_folder": str(tmp_path / "h1")}}
    done = play_at_both_ends(own, hosts, folder=str(tmp_path))
    assert done.returncode == 0, done.output
    assert json.loads((tmp_path / "h1.result").read_text())["decision"]["not_before"] == "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("window", ["  \n", "# always?"])
def test_a_window_that_holds_nothing_is_no_window_for_always(gate: Any, window: str) -> None:
    done, _, ran = gate(PENDING, reboot_gate_window=window)
    assert (done.returncode, ran) == (2, [])
    assert "policy.window: holds nothing" in done.report["h1"]["comment"]


def test_stuck_is_not_rebooted_again_by_a_later_run(gate: Any) -> None:
    first, _, ran = gate(STUCK)
    assert (first.returncode, ran) == (2, ["shutdown", "reboot"])
    second, result, ran = gate(STUCK)
    assert (second.returncode, result["outcome"]) == (0, "blocked"), second.output
    assert ran == ["shutdown", "reboot"]
    assert "stuck" in [each["code"] for each in result["decision"]["because"]]
    third, _, ran = gate(STUCK, reboot_gate_fail_when_blocked=True)
    assert (third.returncode, ran) == (2, ["shutdown", "reboot"])
    assert third.report["h1"]["outcome"] == "blocked"


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (
            {"ignored": True},
            "did not reboot, it is up since 2026-11-20T03:12:00Z: Timed out waiting for last boot time check",
        ),
        ({"lost": True}, "is lost in its reboot: Timed out waiting for last boot time check"),
    ],
)
def test_a_reboot_that_did_not_happen_is_a_failure(gate: Any, behaviour: dict[str, Any], says: str) -> None:
    done, _, ran = gate(PENDING, behaviour=behaviour, reboot_gate_reboot_timeout=4)
    assert (done.returncode, ran) == (2, ["shutdown"])
    assert says in done.report["h1"]["comment"]
    assert done.recap["h1"]["unreachable"] == 0


@pytest.mark.parametrize(
    ("on_unknown", "outcome"), [("block", "blocked"), ("ignore", "not_needed"), ("reboot", "rebooted")]
)
def test_what_cannot_be_read(gate: Any, on_unknown: str, outcome: str) -> None:
    done, _, ran = gate(recorded("denied"), reboot_gate_on_unknown=on_unknown)
    assert done.report["h1"]["outcome"] == outcome, done.output
    assert (ran == []) == (on_unknown != "reboot")


def test_patterns_and_sources_may_be_text(gate: Any) -> None:
    done, result, ran = gate(
        PENDING, reboot_gate_sources="pending_file_rename, windows_update", reboot_gate_ignore=r"*\clbcatq.dll,*\x.dll"
    )
    assert (done.returncode, result["outcome"], ran) == (0, "not_needed", [])
    assert result["decision"]["reasons"] == []


HOOK = """
- name: Call
  ansible.builtin.lineinfile: {path: "FOLDER/hooks", line: "NAME {{ inventory_hostname }}", create: true, mode: "0600"}
  delegate_to: localhost
  connection: local
"""


def hook(folder: Path, name: str, more: str = "") -> str:
    path = folder / f"{name}.yml"
    path.write_text(HOOK.replace("FOLDER", str(folder)).replace("NAME", name) + more)
    return str(path)


def test_hooks_run_before_and_after(gate: Any, tmp_path: Path) -> None:
    done, result, _ = gate(
        PENDING,
        reboot_gate_before_reboot=hook(tmp_path, "drain"),
        reboot_gate_after_reboot=hook(tmp_path, "health"),
    )
    assert (done.returncode, result["outcome"]) == (0, "rebooted"), done.output
    assert (tmp_path / "hooks").read_text().splitlines() == ["drain h1", "health h1"]


def test_a_host_that_cannot_be_drained_is_not_rebooted(gate: Any, tmp_path: Path) -> None:
    fails = "\n- ansible.builtin.fail: {msg: the load balancer does not answer}\n"
    done, _, ran = gate(PENDING, reboot_gate_before_reboot=hook(tmp_path, "drain", fails))
    assert (done.returncode, ran) == (2, [])
    assert "the load balancer does not answer" in done.report["h1"]["comment"]
    again, result, _ = gate(PENDING)
    assert (again.returncode, result["outcome"]) == (0, "rebooted"), "what was not ordered must not count"


NOBODY = """
- ansible.builtin.command: {cmd: hostname}
  delegate_to: balancer
  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9, ansible_shell_type: sh}
"""


def test_a_balancer_that_cannot_be_reached_keeps_the_host_from_rebooting(gate: Any, tmp_path: Path) -> None:
    done, _, ran = gate(PENDING, reboot_gate_before_reboot=hook(tmp_path, "drain", NOBODY))
    assert (done.recap["h1"]["unreachable"], ran) == (1, []), done.output
    assert done.report["h1"]["outcome"] == "failed"
    assert done.report["h1"]["comment"] == "is not rebooted: the tasks before the reboot did not come to their end"


def test_a_check_that_reaches_nobody_is_no_success(gate: Any, tmp_path: Path) -> None:
    done, _, ran = gate(PENDING, reboot_gate_after_reboot=hook(tmp_path, "health", NOBODY))
    assert (done.recap["h1"]["unreachable"], ran) == (1, ["shutdown", "reboot"]), done.output
    assert done.report["h1"]["outcome"] == "failed"
    assert "the tasks after the reboot did not come to their end" in done.report["h1"]["comment"]


def test_a_host_that_is_unhealthy_fails(gate: Any, tmp_path: Path) -> None:
    fails = "\n- ansible.builtin.fail: {msg: the site answers 503}\n"
    done, _, ran = gate(PENDING, reboot_gate_after_reboot=hook(tmp_path, "health", fails))
    assert (done.returncode, ran) == (2, ["shutdown", "reboot"])
    assert done.report["h1"]["outcome"] == "failed"
    assert "the site answers 503" in done.report["h1"]["comment"]


def test_hooks_are_not_run_where_nothing_is_rebooted(gate: Any, tmp_path: Path) -> None:
    done, result, _ = gate(recorded("clear"), reboot_gate_before_reboot=hook(tmp_path, "drain"))
    assert (done.returncode, result["outcome"]) == (0, "not_needed")
    assert not (tmp_path / "hooks").exists()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_of_a_hook_that_is_not_there_keeps_the_host_from_rebooting(gate: Any, when: str) -> None:
    done, _, ran = gate(PENDING, **{f"reboot_gate_{when}_reboot": "/no/such/file.yml"})
    assert (done.returncode, ran) == (2, [])
    assert done.report["h1"]["outcome"] == "failed"
    assert "/no/such/file.yml cannot be found on the controller" in done.report["h1"]["comment"]


def test_hosts_may_share_one_file_of_history(play: Play, tmp_path: Path) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, PENDING) for name in ("h1", "h2", "h3", "h4")}
    done = play(GATE, hosts, folder=str(tmp_path), reboot_gate_history_file=str(tmp_path / "all.jsonl"))
    assert {each["outcome"] for each in done.report.values()} == {"rebooted"}, done.output


def test_a_window_that_closes_while_the_host_is_drained_keeps_it_from_rebooting(gate: Any, tmp_path: Path) -> None:
    ends = datetime.now(timezone.utc) + timedelta(seconds=12)
    window = [{"start": "2020-01-01T00:00:00Z", "end": ends.isoformat()}]
    slow = "\n- ansible.builtin.pause: {seconds: 12}\n"
    done, result, ran = gate(
        PENDING,
        reboot_gate_window=window,
        reboot_gate_before_reboot=hook(tmp_path, "drain", slow),
        reboot_gate_after_reboot=hook(tmp_path, "undrain"),
    )
    assert (done.returncode, result["outcome"], ran) == (0, "deferred", []), done.output
    assert (tmp_path / "hooks").read_text().splitlines() == ["drain h1", "undrain h1"]


def test_too_many_reboots(gate: Any) -> None:
    done, result, ran = gate(PENDING, reboot_gate_max_reboots=0)
    assert (done.returncode, result["outcome"], ran) == (0, "blocked", [])
    assert "too_many_reboots" in [each["code"] for each in result["decision"]["because"]]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"reboot_gate_sources": "pending_file_renames"}, "pending_file_renames"),
        ({"reboot_gate_method": "shutdown"}, "value of reboot_gate_method must be one of"),
        ({"reboot_gate_min_uptime": "soon"}, "policy.min_uptime"),
        ({"reboot_gate_window": "[{start: tomorrow}]"}, "policy.window[0]"),
        ({"reboot_gate_max_reboots": "many"}, "many"),
    ],
)
def test_settings_that_are_none_are_told_and_nothing_is_rebooted(gate: Any, variables: Any, says: str) -> None:
    done, _, ran = gate(PENDING, **variables)
    assert (done.returncode, ran) == (2, [])
    assert says in done.output
    assert "Traceback" not in done.output


def test_a_history_that_cannot_be_read_keeps_the_host_from_rebooting(gate: Any, tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history/h1.jsonl").write_text("no json\n")
    done, _, ran = gate(PENDING)
    assert (done.returncode, ran) == (2, [])
    assert "h1.jsonl" in done.report["h1"]["comment"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- hosts: all\n  tasks: []\n", "holds no list of tasks"),
        ("just text\n", "holds no list of tasks"),
        ("- name: [\n", "while parsing"),
        (None, "cannot be found on the controller (give a full path)"),
    ],
)
def test_a_file_of_a_hook_that_cannot_be_loaded(gate: Any, tmp_path: Path, content: str | None, says: str) -> None:
    """It would end the run after the reboot, without a report."""
    path = tmp_path / "health.yml"
    path.write_text(content) if content else path.mkdir()
    done, _, ran = gate(PENDING, reboot_gate_after_reboot=str(path))
    assert (done.returncode, ran) == (2, [])
    assert says in done.report["h1"]["comment"]


def test_a_path_of_a_hook_that_is_not_full(gate: Any, tmp_path: Path) -> None:
    hook(tmp_path, "health")
    done, _, ran = gate(PENDING, reboot_gate_after_reboot="health.yml")
    assert (done.returncode, ran) == (2, [])
    assert "health.yml cannot be found on the controller (give a full path)" in done.report["h1"]["comment"]


HIDDEN = """
- ansible.builtin.fail: {msg: "refused token={{ token }}"}
  no_log: true
"""
SOME_SKIPPED = """
- ansible.builtin.fail: {msg: "the node {{ item }} does not answer"}
  when: item != 1
  loop: [1, 2]
"""
NO_FILE = """
- ansible.builtin.include_tasks: {file: /no/such/file.yml}
"""


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        (HIDDEN, "a task failed whose output is hidden"),
        (SOME_SKIPPED, "the node 2 does not answer"),
        (NO_FILE, ""),
    ],
)
def test_why_a_hook_failed(play_at_both_ends: Play, tmp_path: Path, tasks: str, says: str) -> None:
    path = tmp_path / "hook.yml"
    path.write_text(tasks)
    hosts = {"h1": add_host(tmp_path, "h1", PENDING)}
    done = play_at_both_ends(GATE, hosts, folder=str(tmp_path), reboot_gate_before_reboot=str(path), token="S3CR3T")
    assert done.returncode == 2
    assert done.report["h1"]["outcome"] == "failed"
    assert says in done.report["h1"]["comment"]
    assert "h1 failed: " in done.output, "it has a record"
    # What is left is what ansible-core itself has told since 2.19 of a task with no_log.
    told = [
        line for line in done.output.splitlines() if not line.startswith("[ERROR]: Task failed: Action failed: refused")
    ]
    assert "S3CR3T" not in json.dumps([told, done.report])


def test_a_poll_that_is_none_is_refused_before_the_reboot(gate: Any) -> None:
    done, _, ran = gate(PENDING, reboot_gate_poll=0)
    assert (done.returncode, ran) == (2, [])
    assert "poll: 0 is no time between two looks" in done.report["h1"]["comment"]


def test_the_healthy_hosts_of_a_batch_that_fails_have_their_record(play_at_both_ends: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path, "h1", PENDING), "h2": add_host(tmp_path, "h2", STUCK)}
    strict = GATE.replace("  tasks:", "  max_fail_percentage: 0\n  tasks:")
    done = play_at_both_ends(strict, hosts, folder=str(tmp_path), surroundings={"ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert done.returncode == 2
    stats = done.output.partition("CUSTOM STATS")[2]
    assert all(f"reboot_gate_{outcome}_hosts" in stats for outcome in ("rebooted", "failed")), done.output
