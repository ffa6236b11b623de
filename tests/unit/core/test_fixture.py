# SPDX-License-Identifier: Apache-2.0
"""Machines that are files: asked, flagged, rebooted."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from pending_reboot import Fixture, InputError, PendingRebootError
from pending_reboot.sources.windows_update import REBOOT_REQUIRED

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=timezone.utc)
BEFORE_BOOT = r"""
host: A
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager:
    values: {PendingFileRenameOperations: ['\??\C:\a', '!\??\C:\Windows\b.dll'], BootExecute: [autocheck]}
  SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {values: {Flags: 1}}
  SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending: {}
  SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName: {values: {ComputerName: NEW}}
  SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName: {values: {ComputerName: OLD}}
  SYSTEM\CurrentControlSet\Services\Tcpip\Parameters: {values: {Hostname: old, NV Hostname: new}}
  SOFTWARE\Microsoft\IntuneManagementExtension\RebootSettings: {values: {RebootFlag: 1}}
probes:
  windows_update_agent: {reboot_required: true, updates: [{update_id: x}]}
  configuration_manager: {return_value: 0, reboot_pending: true, hard_reboot_pending: true}
  desired_state_configuration: {lcm_state: PendingReboot}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Fixture:
    file = tmp_path / "a.yml"
    file.write_text(BEFORE_BOOT)
    return Fixture(str(file), yaml.safe_load)


def test_a_boot_completes_what_waits_for_it(machine: Fixture) -> None:
    before = machine.facts()
    assert len(before.reasons) == 8
    machine.reboot(NOW)
    after = machine.facts()
    assert [id_ for id_, _ in after.reasons] == ["intune"], "a lasting key stays"
    assert after.last_reboot is not None
    assert after.last_reboot.time == NOW
    assert after.file_operations == ()
    key = machine.reader().find(r"SYSTEM\CurrentControlSet\Control\Session Manager")
    assert [name for name, _ in key.values()] == ["BootExecute"]  # type: ignore[union-attr]


def test_flagging(machine: Fixture, tmp_path: Path) -> None:
    text = (tmp_path / "a.yml").read_text()
    assert machine.flag("KB1", test=True).changed
    assert (tmp_path / "a.yml").read_text() == text
    assert machine.flag("KB1").to_dict() == {
        "changed": True,
        "key": REBOOT_REQUIRED.path,
        "before": None,
        "after": ["KB1"],
    }
    assert machine.flag("kb1").changed is False
    assert machine.flag("KB2").after == ["KB1", "KB2"]
    assert {"windows_update", "install_witness"} <= {id_ for id_, _ in machine.facts().reasons}
    machine.reboot(NOW)
    assert "windows_update" not in dict(machine.facts().reasons)
    assert [path.name for path in tmp_path.iterdir()] == ["a.yml"], "nothing is left beside it"


def test_a_lasting_key_is_not_flagged(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"keys": {REBOOT_REQUIRED.path: {"volatile": False}}}))
    before = file.read_text()
    with pytest.raises(PendingRebootError, match="exists and is not volatile"):
        Fixture(str(file)).flag("KB1")
    assert file.read_text() == before


@pytest.mark.parametrize(("text", "says"), [("{", "is no snapshot: "), ("[]", "must be a mapping")])
def test_a_file_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        Fixture(str(file)).facts()
    assert caught.value.where == str(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json: cannot be read: No such file"):
        Fixture(str(tmp_path / "a.json")).reboot()


def test_the_update_agent_is_asked_as_on_windows(machine: Fixture) -> None:
    assert "windows_update_agent" not in machine.facts(wua="none").sources
    with pytest.raises(InputError, match="wua: 'some' is not known"):
        machine.facts(wua="some")  # type: ignore[arg-type]
