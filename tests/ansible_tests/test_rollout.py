# SPDX-License-Identifier: Apache-2.0
"""A fleet of eight is patched by hand, gated, rebooted and verified in batches, on every supported line of Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.host import Host
from ansible_fleet.machines import DLL, LEFT, LEFT_STUCK, PACKAGE, add_host, package, recorded
from ansible_tests.conftest import Play

PATCH_FLEET = "pending_reboot.windows.patch_fleet"
SERIAL = [1, 3, "100%"]


def ran(folder: Path, name: str, what: str) -> int:
    """Return how often something ran on a host."""
    return sum(each["ran"] == what for each in Host(folder / name).ran())


def outcomes(report: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    return {name: each["outcome"] for name, each in report.items()}


def test_a_host_that_is_lost_stops_later_batches(play_everywhere: Play, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    hosts = {
        "h1": add_host(folder, "h1"),
        "h2": add_host(folder, "h2", lost=True),
        "h3": add_host(folder, "h3", installer=LEFT_STUCK),
        "h4": add_host(folder, "h4", recorded("advisory", patched=True)),
        **{name: add_host(folder, name) for name in ("h5", "h6", "h7", "h8")},
    }
    done = play_everywhere(
        PATCH_FLEET,
        hosts,
        pending_reboot_serial=SERIAL,
        pending_reboot_packages=[package(tmp_path, flag=True)],
    )
    assert done.returncode == 2, done.output
    assert set(done.recap) == {"h1", "h2", "h3", "h4"}
    assert {name for name, numbers in done.recap.items() if numbers["failed"]} == {"h2", "h3"}
    assert all(numbers["unreachable"] == 0 for numbers in done.recap.values()), "a lost host must count as failed"
    report = done.report
    assert outcomes(report) == {
        "h1": "rebooted",
        "h2": "failed",
        "h3": "failed",
        "h4": "not_needed",
        **dict.fromkeys(("h5", "h6", "h7", "h8"), "not_started"),
    }
    # Before, pending; after, clear, and the file is in place.
    assert report["h1"]["patches"] == [{"name": "KB902400", "verdict": "installed"}]
    machine = Host(folder / "h1").fixture.reader()
    assert machine.files is not None
    assert machine.files[DLL.lower()][1].version == (2001, 12, 4720, 10)
    assert "is lost in its reboot" in report["h2"]["comment"]
    # Stuck: blocked after its one reboot, and it says by what.
    assert "is back, but is blocked: component_based_servicing" in report["h3"]["comment"]
    assert "did not complete it" in report["h3"]["comment"]
    assert [ran(folder, name, "shutdown") for name in ("h1", "h2", "h3", "h4")] == [1, 1, 1, 0]
    for name in ("h5", "h6", "h7", "h8"):
        assert Host(folder / name).ran() == []
        assert report[name]["comment"] == "not started, because the run was stopped before"


def test_a_fleet_whose_special_cases_stop_nothing(play_at_both_ends: Play, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    hosts = {
        "h1": add_host(folder, "h1", recorded("advisory", patched=True)),
        "h2": add_host(folder, "h2", recorded("denied", patched=True)),
        "h3": add_host(folder, "h3"),
        "h4": add_host(folder, "h4", off=True),
        **{name: add_host(folder, name) for name in ("h5", "h6", "h7", "h8")},
    }
    variables = {"pending_reboot_serial": "1, 3, 100%", "pending_reboot_packages": [package(tmp_path)]}
    done = play_at_both_ends(PATCH_FLEET, hosts, **variables)
    assert done.returncode == 4, done.output  # one host is switched off
    assert outcomes(done.report) == {
        "h1": "not_needed",
        "h2": "blocked",
        "h3": "rebooted",
        "h4": "unreachable",
        **dict.fromkeys(("h5", "h6", "h7", "h8"), "rebooted"),
    }
    assert "access is denied" in done.report["h2"]["comment"]
    assert "it is switched off" in done.report["h4"]["comment"]
    assert ran(folder, "h1", "shutdown") == ran(folder, "h2", "shutdown") == 0
    # The report of the role, at the end of the roll-out, holds the same hosts.
    rows = (tmp_path / "role-report/reboots.csv").read_text().splitlines()
    assert len(rows) == 1 + 8

    # Once more: nothing is installed again, and nothing is rebooted.
    again = play_at_both_ends(PATCH_FLEET, hosts, **variables)
    assert {name: each["outcome"] for name, each in again.report.items() if each["outcome"] == "rebooted"} == {}
    for name in ("h3", "h5", "h6", "h7", "h8"):
        assert ran(folder, name, "ansible.windows.win_command") == 1
        assert ran(folder, name, "shutdown") == 1
        assert again.recap[name]["changed"] == 0, again.output


@pytest.mark.parametrize("words", [["--check"], ["--check", "--diff"]])
def test_check_mode_tells_and_does_nothing(play: Play, tmp_path: Path, words: list[str]) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    done = play(PATCH_FLEET, hosts, *words, pending_reboot_packages=[package(tmp_path)])
    assert done.returncode == 0, done.output
    assert "KB902400 would be installed" in done.output
    assert {each["ran"] for each in Host(tmp_path / "hosts/h1").ran()} == {
        "pending_reboot.windows.win_pending_reboot_probe"
    }
    assert not (tmp_path / "history").exists()
    assert not (tmp_path / "role-report").exists()


def test_a_patch_that_kills_hosts_does_not_go_on(play: Play, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    kills = {"installers": {PACKAGE: {"exit_code": 3010, "machine": LEFT, "kills": True}}}
    hosts = {name: add_host(folder, name, **(kills if name == "h1" else {})) for name in ("h1", "h2", "h3", "h4")}
    packages = [package(tmp_path)]
    done = play(PATCH_FLEET, hosts, pending_reboot_serial=2, pending_reboot_packages=packages)
    assert (done.returncode, done.recap["h1"]["failed"], done.recap["h1"]["unreachable"]) == (2, 1, 0), done.output
    assert done.report["h1"]["outcome"] == "failed"
    assert "the host is lost after the installation" in done.report["h1"]["comment"]
    assert Host(folder / "h3").ran() == Host(folder / "h4").ran() == [], done.output


def test_an_installer_that_only_says_that_it_wants_a_reboot_gets_one(play: Play, tmp_path: Path) -> None:
    in_place = {"files": recorded("clear", patched=True)["files"]}
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", installer=in_place)}
    done = play(PATCH_FLEET, hosts, pending_reboot_packages=[package(tmp_path)])
    assert (done.returncode, done.report["h1"]["outcome"]) == (0, "rebooted"), done.output
    assert done.report["h1"]["patches"] == [{"name": "KB902400", "verdict": "installed"}]


@pytest.mark.parametrize("serial", ["", "1, 50%,", "1\n2", [1, "100%"], 2])
def test_sizes_of_batches_as_surveys_give_them(play: Play, tmp_path: Path, serial: Any) -> None:
    hosts = {name: add_host(tmp_path / "hosts", name, recorded("clear")) for name in ("h1", "h2", "h3")}
    done = play("pending_reboot.windows.reboot_pending", hosts, "--check", pending_reboot_serial=serial)
    assert done.returncode == 0, done.output
    assert len(done.recap) == 3
    assert done.output.count("PLAY [Reboot what may be rebooted]") > 1


def test_without_packages_it_says_so(play: Play, tmp_path: Path) -> None:
    done = play(PATCH_FLEET, {"h1": add_host(tmp_path / "hosts", "h1")}, pending_reboot_packages="")
    assert done.returncode == 2
    assert "give pending_reboot_packages" in done.output
