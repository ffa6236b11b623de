# SPDX-License-Identifier: Apache-2.0
"""The report, by the callback and by the role: who is in it, how old it is, and what a run without our tasks leaves."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.host import Host
from ansible_fleet.machines import add_host, recorded
from ansible_tests.conftest import Play

REPORT = "pending_reboot.windows.report"


def of_role(folder: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((folder / "role-report/reboots.json").read_text())
    return {each["host"]: each for each in content["hosts"]}


OURS = """
- hosts: windows
  gather_facts: false
  tasks:
"""
ROLE = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.report}
"""


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    """Settings with which facts are kept between runs."""
    return {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}


def read_earlier(play: Play, hosts: dict[str, dict[str, Any]], cache: dict[str, str]) -> None:
    """Have a run keep the facts of all hosts; times in facts are full seconds, so another run begins in another one."""
    done = play(REPORT, hosts, surroundings=cache)
    assert done.returncode == 0, done.output
    time.sleep(1)


def switch_off(folder: Path) -> None:
    (folder / "behaviour.json").write_text('{"off": true}')


def states(folder: Path) -> dict[str, str]:
    return {name: each["state"] for name, each in of_role(folder).items()}


def test_facts_of_the_cache_do_not_stand_for_a_host_that_is_gone(
    play_at_both_ends: Play, tmp_path: Path, cache: dict[str, str]
) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("patched_by_hand")) for name in ("h1", "h2")}
    read_earlier(play_at_both_ends, hosts, cache)
    assert states(tmp_path) == {"h1": "pending", "h2": "pending"}
    switch_off(tmp_path / "hosts/h2")
    second = play_at_both_ends(REPORT, hosts, surroundings=cache)
    time.sleep(1)
    found = of_role(tmp_path)
    assert states(tmp_path) == {"h1": "pending", "h2": "unknown"}, second.output
    assert (found["h2"]["comment"], found["h2"]["read_at"]) == ("it is switched off", None)
    assert found["h1"]["read_at"]
    # What only the cache knows is not of this run.
    third = play_at_both_ends(OURS + ROLE, hosts, surroundings=cache)
    assert states(tmp_path) == {"h1": "unknown", "h2": "unknown"}, third.output
    assert of_role(tmp_path)["h1"]["comment"] == f"was not read since {found['h1']['read_at']}"
    # It may be reported nevertheless, with its age.
    fourth = play_at_both_ends(OURS + ROLE, hosts, surroundings=cache, report_max_age="1h")
    assert of_role(tmp_path)["h1"]["state"] == "pending", fourth.output
    assert of_role(tmp_path)["h1"]["read_at"] == found["h1"]["read_at"]


def test_a_host_that_is_lost_before_the_gate_is_not_what_it_was(
    play_at_both_ends: Play, tmp_path: Path, cache: dict[str, str]
) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("clear")) for name in ("h1", "h2")}
    read_earlier(play_at_both_ends, hosts, cache)
    assert states(tmp_path) == {"h1": "clear", "h2": "clear"}
    switch_off(tmp_path / "hosts/h2")
    # Not even where older facts may be reported.
    variables = {"pending_reboot_serial": "100%", "report_max_age": "1h"}
    play_at_both_ends("pending_reboot.windows.reboot_pending", hosts, surroundings=cache, **variables)
    assert states(tmp_path) == {"h1": "clear", "h2": "unknown"}
    gone = of_role(tmp_path)["h2"]
    assert (gone["comment"], gone["read_at"]) == ("failed or was not reached in this run", None)


def test_a_host_that_failed_counts_as_it_was_read_in_this_run_and_not_before(
    play_at_both_ends: Play, tmp_path: Path, cache: dict[str, str]
) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("patched_by_hand")) for name in ("h1", "h2", "h3")}
    read_earlier(play_at_both_ends, hosts, cache)
    tasks = """
    - ansible.builtin.fail: {msg: not this one}
      when: inventory_hostname == 'h2'
    - pending_reboot.windows.win_pending_reboot_facts:
    - ansible.builtin.fail: {msg: service X is not up}
      when: inventory_hostname == 'h3'
"""
    done = play_at_both_ends(OURS + tasks + OURS + ROLE, hosts, surroundings=cache)
    assert states(tmp_path) == {"h1": "pending", "h2": "unknown", "h3": "pending"}, done.output
    assert done.recap["h3"]["failed"] == 1


def test_a_gate_that_could_not_read_is_told_and_older_facts_are_not(
    play_at_both_ends: Play, tmp_path: Path, cache: dict[str, str]
) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("clear")) for name in ("h1", "h2")}
    read_earlier(play_at_both_ends, hosts, cache)
    tasks = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
      vars: {reboot_gate_timeout: "{{ 0 if inventory_hostname == 'h2' else 30 }}"}
"""
    done = play_at_both_ends(OURS + tasks + ROLE, hosts, surroundings=cache)
    found = of_role(tmp_path)["h2"]
    assert (found["state"], found["outcome"], found["read_at"]) == ("unknown", "failed", None), done.output
    assert "is no time to wait" in found["comment"]


def test_a_fact_of_that_name_that_is_none_of_ours_is_the_problem_of_its_host(
    play_at_both_ends: Play, tmp_path: Path
) -> None:
    strange = {"h2": [1], "h3": "text", "h4": {}, "h5": {"schema": 1, "state": "clear"}}
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("clear")) for name in ("h1", *strange)}
    tasks = """
    - pending_reboot.windows.win_pending_reboot_facts:
    - ansible.builtin.set_fact:
        cacheable: true
        pending_reboot: "{{ strange[inventory_hostname] }}"
      when: inventory_hostname in strange
"""
    done = play_at_both_ends(OURS + tasks + ROLE, hosts, strange=strange)
    assert done.returncode == 0, done.output
    assert states(tmp_path) == {"h1": "clear", **dict.fromkeys(strange, "unknown")}
    told = {of_role(tmp_path)[name]["comment"] for name in strange}
    assert told == {"fact pending_reboot: holds no facts of schema 1"}


def test_a_run_without_our_tasks_writes_nothing(play: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    tasks = "- hosts: windows\n  gather_facts: false\n  tasks: [{ansible.builtin.debug: {msg: hello}}]\n"
    done = play(tasks, hosts)
    assert done.returncode == 0, done.output
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_written_fails_no_run(play: Play, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    done = play(REPORT, hosts)
    assert done.returncode == 0, done.output
    assert "the report could not be written" in done.output
    assert "Traceback" not in done.output


def test_formats_are_chosen_and_wrong_ones_told(play: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    assert play(REPORT, hosts, report_formats="csv, markdown").returncode == 0
    assert sorted(path.name for path in (tmp_path / "role-report").iterdir()) == ["reboots.csv", "reboots.md"]
    done = play(REPORT, hosts, report_formats="html")
    assert done.returncode == 2
    assert "formats: 'html' is not known (one or more of json, markdown, csv)" in done.output


def test_what_a_registry_holds_is_no_markup_and_no_formula(play: Play, tmp_path: Path) -> None:
    hostile = recorded("clear")
    key = r"SYSTEM\CurrentControlSet\Control\Session Manager"
    hostile["keys"][key] = {
        "values": {
            "PendingFileRenameOperations": [
                "\\??\\C:\\Windows\\<img src=x>|`a`\x1b[31m.sys",
                "!\\??\\C:\\Windows\\a.sys",
            ]
        }
    }
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", hostile)}
    done = play(REPORT, hosts)
    assert of_role(tmp_path)["h1"]["state"] == "pending", done.output
    page = (tmp_path / "role-report/reboots.md").read_text()
    assert "<img" not in page
    assert "\x1b" not in page
    rows = list(csv.DictReader((tmp_path / "role-report/reboots.csv").read_text().splitlines()))
    assert [row["host"] for row in rows] == ["h1"]
    assert Host(tmp_path / "hosts/h1").ran()


def test_what_was_dealt_with_is_no_problem(play: Play, tmp_path: Path) -> None:
    tasks = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
    - block: [{ansible.builtin.fail: {msg: service X is not up yet}}]
      rescue: [{ansible.builtin.debug: {msg: it is given time}}]
"""
    done = play(OURS + tasks, {"h1": add_host(tmp_path / "hosts", "h1")})
    assert done.returncode == 0, done.output
    assert (done.report["h1"]["outcome"], done.report["h1"]["comment"]) == ("not_needed", "nothing waits for a reboot")


def test_a_host_that_fails_later_is_failed_with_the_reason(play: Play, tmp_path: Path) -> None:
    tasks = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
    - ansible.builtin.fail: {msg: service X is not up}
"""
    done = play(OURS + tasks, {"h1": add_host(tmp_path / "hosts", "h1")})
    assert (done.report["h1"]["outcome"], done.report["h1"]["comment"]) == ("failed", "service X is not up")


def test_a_blocked_host_that_fails_or_is_lost_later_is_told_so(play_at_both_ends: Play, tmp_path: Path) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("denied")) for name in ("h1", "h2", "h3", "h4")}
    tasks = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
      vars: {reboot_gate_fail_when_blocked: "{{ inventory_hostname == 'h4' }}"}
    - ansible.builtin.fail: {msg: service X is not up}
      when: inventory_hostname == 'h2'
    - ansible.builtin.file: {path: "{{ simulated_folder }}/dead", state: touch, mode: "0600"}
      delegate_to: localhost
      connection: local
      when: inventory_hostname == 'h3'
    - pending_reboot.windows.win_pending_reboot_probe:
"""
    done = play_at_both_ends(OURS + tasks, hosts)
    outcomes = {name: each["outcome"] for name, each in done.report.items()}
    assert outcomes == {"h1": "blocked", "h2": "failed", "h3": "unreachable", "h4": "blocked"}, done.output
    comments = {name: each["comment"] for name, each in done.report.items()}
    assert comments["h2"] == "service X is not up"
    assert comments["h3"] == "unreachable: it is dead"
    assert comments["h4"] == comments["h1"]
    assert "access is denied" in comments["h1"]


def test_why_nothing_was_read_is_told_though_the_play_went_on(play_at_both_ends: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    says = "timeout: 99999 is no time to wait (up to 3600 seconds)"
    done = play_at_both_ends(REPORT, hosts, pending_reboot_timeout=99999)
    assert (done.returncode, done.report["h1"]["comment"]) == (0, says), done.output
    tasks = """
    - pending_reboot.windows.win_pending_reboot_facts: {timeout: 99999}
      ignore_errors: true
"""
    done = play_at_both_ends(OURS + tasks, hosts)
    assert (done.returncode, done.report["h1"]["comment"]) == (0, says), done.output


def test_facts_that_are_read_in_a_loop_count(play: Play, tmp_path: Path) -> None:
    tasks = """
    - pending_reboot.windows.win_pending_reboot_facts: {wua: "{{ item }}"}
      loop: [none, state]
"""
    done = play(OURS + tasks, {"h1": add_host(tmp_path / "hosts", "h1", recorded("patched_by_hand"))})
    assert done.report["h1"]["state"] == "pending"


def test_hosts_that_a_role_refuses_are_in_the_report(play: Play, tmp_path: Path) -> None:
    tasks = """
    - ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}
      vars: {reboot_gate_method: shutdown}
"""
    done = play(OURS + tasks, {"h1": add_host(tmp_path / "hosts", "h1")})
    assert (done.report["h1"]["state"], done.report["h1"]["outcome"]) == ("unknown", "failed")
    assert "reboot_gate_method" in done.report["h1"]["comment"]


def test_a_host_that_is_not_in_the_inventory_is_unknown(play: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    done = play(REPORT, hosts, report_hosts="h1, nobody")
    assert done.returncode == 0, done.output
    assert of_role(tmp_path)["nobody"]["state"] == "unknown"


SEVERAL_PLAYS = """
- hosts: localhost
  gather_facts: false
  tasks: [{ansible.builtin.debug: {msg: a ticket is opened}}]
- hosts: windows
  gather_facts: false
  tasks: [{ansible.builtin.debug: {msg: it is announced}}]
- hosts: windows
  gather_facts: false
  serial: 1
  max_fail_percentage: 0
  tasks: [{ansible.builtin.include_role: {name: pending_reboot.windows.reboot_gate}}]
"""


def test_the_callback_tells_of_the_plays_of_this_collection_only(play_at_both_ends: Play, tmp_path: Path) -> None:
    """Hosts of others are none of the fleet, and what others did with its hosts is no start of the roll-out."""
    stuck = recorded("stuck")
    hosts = {name: add_host(tmp_path, name, stuck if name == "h1" else None) for name in ("h1", "h2")}
    done = play_at_both_ends(SEVERAL_PLAYS, hosts)
    assert {name: each["outcome"] for name, each in done.report.items()} == {"h1": "failed", "h2": "not_started"}
