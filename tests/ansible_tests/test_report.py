# SPDX-License-Identifier: Apache-2.0
"""The report, by the callback and by the role: who is in it, how old it is, and what a run without our tasks leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from ansible_fleet.host import Host
from ansible_fleet.machines import add_host, recorded
from ansible_tests.conftest import Play

REPORT = "pending_reboot.windows.report"


def of_role(folder: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((folder / "role-report/reboots.json").read_text())
    return {each["host"]: each for each in content["hosts"]}


def test_facts_of_the_cache_do_not_stand_for_a_host_that_is_gone(play_at_both_ends: Play, tmp_path: Path) -> None:
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}
    hosts = {
        "h1": add_host(tmp_path / "hosts", "h1", recorded("patched_by_hand")),
        "h2": add_host(tmp_path / "hosts", "h2", recorded("patched_by_hand")),
    }
    first = play_at_both_ends(REPORT, hosts, surroundings=cache)
    assert first.returncode == 0, first.output
    assert {name: each["state"] for name, each in of_role(tmp_path).items()} == {"h1": "pending", "h2": "pending"}
    (tmp_path / "hosts/h2/behaviour.json").write_text('{"off": true}')
    second = play_at_both_ends(REPORT, hosts, surroundings=cache)
    found = of_role(tmp_path)
    assert {name: each["state"] for name, each in found.items()} == {"h1": "pending", "h2": "unknown"}, second.output
    assert (found["h2"]["comment"], found["h2"]["read_at"]) == ("it is switched off", None)
    assert found["h1"]["read_at"]
    # What only the cache knows may be reported, with its age.
    cached = """
- hosts: windows
  gather_facts: false
  tasks: [{ansible.builtin.include_role: {name: pending_reboot.windows.report}}]
"""
    third = play_at_both_ends(cached, hosts, surroundings=cache)
    assert of_role(tmp_path)["h1"]["read_at"] == found["h1"]["read_at"], third.output


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


OURS = """
- hosts: windows
  gather_facts: false
  tasks:
"""


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
