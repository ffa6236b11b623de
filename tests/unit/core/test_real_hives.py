# SPDX-License-Identifier: Apache-2.0
"""Facts of real machines' hives, against what independent readers found in them."""

from __future__ import annotations

from typing import Any

import pytest

from pending_reboot import Facts, offline_facts
from support.shared_data import expected_values, real_hive, shared

STAGES_A_FILE = "\\??\\C:\\WINDOWS\\system32\\DRIVERS\\SET1A01.tmp"


def expected(name: str) -> dict[str, Any]:
    return expected_values()[f"{name}.xz"]


def facts(name: str, software: str | None = None) -> Facts:
    return offline_facts(system=str(real_hive(name)), software=str(real_hive(software)) if software else None)


@pytest.mark.parametrize("name", ["regipy/SYSTEM_WIN_10_1709", "regipy/SYSTEM_2", "regipy/SYSTEM", "dfwinreg/SYSTEM"])
class TestEveryHive:
    def test_operations(self, name: str) -> None:
        renames = expected(name)["PendingFileRenameOperations"]
        pairs = renames["pairs"] if renames else []
        operations = facts(name).file_operations
        assert [list(operation.raw) for operation in operations] == pairs
        assert [operation.index for operation in operations] == list(range(len(pairs)))
        assert not any(operation.malformed for operation in operations)

    def test_names(self, name: str) -> None:
        found = facts(name)
        assert found.host == expected(name)["ComputerName"]
        evidence = found.sources["pending_computer_rename"].evidence
        assert evidence["hostname"] == expected(name)["Tcpip Hostname"]
        assert evidence["nv_hostname"] == expected(name)["Tcpip NV Hostname"]
        assert evidence["active"] is None

    def test_no_false_rename_and_no_false_join(self, name: str) -> None:
        sources = facts(name).sources
        assert sources["pending_computer_rename"].state in ("unknown", "not_applicable")
        assert sources["domain_join"].state == "clear"

    def test_dirty_hives_are_said(self, name: str) -> None:
        warnings = facts(name).collected.warnings
        assert len(warnings) == expected(name)["dirty"]
        assert all("up to an hour of changes may be missing" in warning for warning in warnings)


def test_a_hundred_operations_piled_up() -> None:
    found = facts("regipy/SYSTEM_WIN_10_1709")
    operations = found.file_operations
    assert (found.state, found.reboot_required) == ("pending", True)
    assert [id_ for id_, _ in found.reasons] == ["pending_file_rename"]
    assert sum(operation.action == "delete" for operation in operations) == 65
    assert sum(operation.action in ("replace", "rename") for operation in operations) == 36
    (driver,) = (operation for operation in operations if operation.raw[0] == STAGES_A_FILE)
    assert (driver.weight, driver.category) == ("significant", "driver")
    assert driver.target == "C:\\WINDOWS\\system32\\DRIVERS\\vmhgfs.sys"
    assert found.reasons[0][1].startswith("34 files are put in place at the next boot: " + driver.target)
    assert found.to_dict()["sources"]["pending_file_rename"]["since"] == "2020-04-19T09:08:32Z"  # type: ignore[index]


def test_clean_up_only() -> None:
    found = facts("regipy/SYSTEM_2")
    assert found.sources["pending_file_rename"].state == "advisory"
    assert (found.state, found.reboot_required, found.complete) == ("unknown", False, False)
    assert found.sources["install_witness"].description.endswith("(dirty: SYSTEM)")


def test_a_healthy_machine() -> None:
    found = facts("dfwinreg/SYSTEM", "dfwinreg/SOFTWARE")
    servicing = found.sources["component_based_servicing"]
    assert servicing.evidence["packages"] == expected("dfwinreg/SOFTWARE")["packages"]
    assert not any(result.state in ("pending", "advisory") for result in found.sources.values())
    assert (found.state, found.reboot_required) == ("unknown", False)
    assert {id_ for id_, result in found.sources.items() if result.state == "clear"} == {
        "pending_file_rename",
        "domain_join",
        "server_manager",
        "dvd_reboot_signal",
        "intune",
    }


def test_an_export_says_what_its_hive_says() -> None:
    exports = ("reged_SYSTEM_2_SessionManager.reg", "hivexregedit_SYSTEM_2_SessionManager.reg")
    operations = facts("regipy/SYSTEM_2").file_operations
    for export in exports:
        assert offline_facts(exports=[str(shared("hives", "reg", export))]).file_operations == operations
