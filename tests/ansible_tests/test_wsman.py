# SPDX-License-Identifier: Apache-2.0
"""Reading and rebooting hosts over Ansible's own connections without PowerShell: real HTTP, real NTLM, real reboots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.installation import ENDS, Ansible
from ansible_fleet.machines import PATCH, recorded
from ansible_fleet.playbook import Run, quick_limits, run, settings
from pending_reboot_tools.simulator.fleet import Simulation, scenario_from

PASSWORD = "correct horse battery staple"
#: WMI has the classes that the lab has not.
WMI = {"windows_update_settings": {"pending_reboot": False}, "configuration_manager": "absent"}


def over_wmi(name: str) -> dict[str, Any]:
    found = recorded(name)
    return {**found, "probes": {**found["probes"], **WMI}}


PENDING, STUCK = over_wmi("patched_by_hand"), over_wmi("stuck")
PSRP = {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"}

OverWire = Callable[..., tuple[Run, Simulation]]


@pytest.fixture
def over_wire(
    newest_or_oldest_ansible: Ansible, installed_collection: Path, ansible_home: Path, tmp_path: Path
) -> Iterator[OverWire]:
    """Simulate hosts that speak WS-Management, and run a playbook on them."""
    with ExitStack() as stack:

        def play(playbook: str, hosts: dict[str, Any], *words: str, **variables: Any) -> tuple[Run, Simulation]:
            if "\n" in playbook:
                (tmp_path / "playbook.yml").write_text(playbook)
                playbook = str(tmp_path / "playbook.yml")
            account, machines = scenario_from({"username": "admin", "password": PASSWORD, "hosts": hosts})
            simulation = stack.enter_context(Simulation(account, machines).running())
            (tmp_path / "inventory.json").write_text(json.dumps(simulation.inventory()))
            environment = {
                **newest_or_oldest_ansible.settings(ansible_home, installed_collection),
                **settings(tmp_path, installed_collection),
            }
            wsman = {"reboot_gate_method": "wsman", "pending_reboot_reader": "wsman", "manual_patch_reader": "wsman"}
            done = run(
                newest_or_oldest_ansible.program("ansible-playbook"),
                playbook,
                tmp_path / "inventory.json",
                tmp_path,
                environment,
                *words,
                variables={"ansible_password": PASSWORD, **quick_limits(tmp_path), **wsman, **variables},
            )
            assert "Traceback" not in done.output
            return done, simulation

        yield play


@pytest.mark.parametrize(
    ("newest_or_oldest_ansible", "connection"),
    [(ENDS[0], {}), (ENDS[1], PSRP)],
    indirect=["newest_or_oldest_ansible"],
    ids=["newest-winrm", "oldest-psrp"],
)
def test_the_gate_end_to_end(over_wire: OverWire, connection: dict[str, str]) -> None:
    hosts = {
        "web01": {"machine": PENDING},
        "client02": {"machine": over_wmi("advisory")},
        "db03": {"machine": over_wmi("denied")},
        "db04": {"fault": "refuse"},
        "app05": {"machine": STUCK},
        "app06": {"machine": PENDING, "reboot": {"lost": True}},
        "app07": {"machine": PENDING, "reboot": {"ignored": True}},
    }
    done, simulation = over_wire(
        "pending_reboot.windows.reboot_pending", hosts, pending_reboot_serial="100%", **connection
    )
    assert done.returncode != 0
    assert {name: each["outcome"] for name, each in done.report.items()} == {
        "web01": "rebooted",
        "client02": "not_needed",
        "db03": "blocked",
        "db04": "unreachable",
        "app05": "failed",
        "app06": "failed",
        "app07": "failed",
    }
    assert {name for name, numbers in done.recap.items() if numbers["unreachable"]} == {"db04"}
    assert {name for name, numbers in done.recap.items() if numbers["failed"]} == {"app05", "app06", "app07"}
    assert "is back, but is blocked" in done.report["app05"]["comment"]
    assert "is lost: it did not come back within 8 seconds" in done.report["app06"]["comment"]
    assert "did not reboot: it is up since 2026-11-20T03:12:00Z" in done.report["app07"]["comment"]
    assert "refuses connections" in done.report["db04"]["comment"]
    assert {machine.name: machine.reboots for machine in simulation.machines if machine.reboots} == {
        "web01": 1,
        "app05": 1,
        "app06": 1,
    }
    assert PASSWORD not in done.output


def test_check_mode_reboots_nothing(over_wire: OverWire) -> None:
    done, simulation = over_wire("pending_reboot.windows.reboot_pending", {"web01": {"machine": PENDING}}, "--check")
    assert (done.returncode, done.report["web01"]["outcome"]) == (0, "would_reboot"), done.output
    assert [machine.reboots for machine in simulation.machines] == [0]


def test_a_lost_host_stops_later_batches(over_wire: OverWire) -> None:
    hosts = {name: {"machine": PENDING} for name in ("h1", "h2", "h3")}
    hosts["h1"]["reboot"] = {"lost": True}
    done, simulation = over_wire("pending_reboot.windows.reboot_pending", hosts, pending_reboot_serial=1)
    assert done.returncode == 2
    assert [machine.requests for machine in simulation.machines][1:] == [0, 0]
    assert done.report["h3"]["comment"] == "not started, because the run was stopped before"


def test_the_report_holds_those_that_were_not_reached(over_wire: OverWire, tmp_path: Path) -> None:
    hosts = {"web01": {"machine": PENDING}, "db02": {"fault": "refuse"}, "web03": {"fault": "stall", "after": 6}}
    done, _ = over_wire("pending_reboot.windows.report", hosts, pending_reboot_timeout=2)
    content = json.loads((tmp_path / "role-report/reboots.json").read_text())
    assert {each["host"]: each["state"] for each in content["hosts"]} == {
        "web01": "pending",
        "db02": "unknown",
        "web03": "unknown",
    }
    assert "db02" in (tmp_path / "role-report/reboots.md").read_text()
    assert {name: each["state"] for name, each in done.report.items()}["web03"] == "unknown"


def test_wrong_credentials_are_unreachable(over_wire: OverWire) -> None:
    done, _ = over_wire("pending_reboot.windows.report", {"web01": {"machine": PENDING}}, ansible_password="wrong")
    assert "the credentials were rejected" in done.output
    assert done.report["web01"]["state"] == "unknown"


PATCHES = """
- hosts: windows
  gather_facts: false
  tasks:
    - pending_reboot.windows.win_patch_state: {reader: wsman, patches: [{kb: KB902400, files: FILES}]}
      register: told
    - ansible.builtin.assert:
        that:
          - told.patches[0].verdict == 'installed_pending_reboot'
          - told.patches[0].views.mbsa_1_2 == 'applicable'
          - told.patches[0].views.wua == 'installed'
"""


def test_patch_state(over_wire: OverWire) -> None:
    done, _ = over_wire(PATCHES.replace("FILES", json.dumps(PATCH["files"])), {"web01": {"machine": PENDING}})
    assert done.returncode == 0, done.output
