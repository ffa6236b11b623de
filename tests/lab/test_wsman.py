# SPDX-License-Identifier: Apache-2.0
"""The WS-Management reader over real HTTP, on the lab's genuine registry: the readers' contract, and a reboot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.planting import REBOOT_REQUIRED, UPDATE_EXE, UPDATE_ID, planted
from lab.test_local import live_cases
from pending_reboot import facts_from
from pending_reboot.files import FileInfo
from pending_reboot.probes import BOOT_TIME, HOST, WINDOWS_UPDATE_SETTINGS
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot.registry import (
    ABSENT,
    ALL,
    Absent,
    Answer,
    Capabilities,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from pending_reboot_tools.simulator.fleet import Simulation
from pending_reboot_tools.simulator.http import Account
from pending_reboot_tools.simulator.machine import Machine
from pending_reboot_wire.carriers import BACKENDS, carrier
from pending_reboot_wire.target import Target
from support.cases import value
from windows_lab.machine import Lab


class Registry:
    """The lab's registry. Satisfies `files.FileReader`."""

    name = "winreg"
    capabilities = Capabilities()
    warnings: tuple[str, ...] = ()

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def read(self, query: KeyQuery) -> Answer:
        key = self._lab.read_key(query.real_path)
        if key is None:
            return ABSENT
        names = {name.lower(): name for name in key.values}
        wanted = list(names.values()) if query.values == ALL else query.values
        values: dict[str, Value | Unreadable] = {
            name: key.values[names[name.lower()]] for name in wanted if name.lower() in names
        }
        children: dict[str, Key | Unreadable] = {name: Key() for name in key.children} if query.children else {}
        return Key(values=values, children=children)

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        if name == BOOT_TIME:
            return {"time_epoch": self._lab.boot_time.timestamp(), "source": "the lab"}
        if name == WINDOWS_UPDATE_SETTINGS:
            return {"pending_reboot": False}
        return {"name": "LAB"} if name == HOST else ABSENT

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        return ABSENT

    def long_path(self, path: str) -> str | None:
        return None


@pytest.fixture(scope="module")
def simulation(lab: Lab) -> Iterator[Simulation]:
    with Simulation(Account("lab", "secret"), [Machine("lab", Registry(lab))]).running() as running:
        yield running


def over_http(simulation: Simulation, backend: str = "pypsrp") -> WsmanReader:
    target = Target("lab", "127.0.0.1", simulation.ports["lab"], "lab", "secret", "ntlm", tls=False)
    return WsmanReader(carrier(target, backend))


@pytest.mark.parametrize(("source_id", "case"), live_cases())
def test_contract(lab: Lab, simulation: Simulation, source_id: str, case: dict[str, Any]) -> None:
    if "before the last boot" in case["expect"].get("description", "") or case["name"].endswith("last boot"):
        return  # StdRegProv tells no last-write times
    keys = {
        path: {name: value(each) for name, each in (content or {}).items() if name != "last_write"}
        for path, content in case["keys"].items()
    }
    expected = {name: case["expect"][name] for name in ("state", "description", "error") if name in case["expect"]}
    with planted(lab, keys):
        result = facts_from(over_http(simulation), sources=[source_id]).sources[source_id].to_dict()
    assert {name: result[name] for name in expected} == expected
    evidence = case["expect"].get("evidence", {})
    assert {name: result["evidence"][name] for name in evidence} == evidence  # type: ignore[index]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_patch_by_hand_until_after_the_reboot(lab: Lab, simulation: Simulation, backend: str) -> None:
    """Real MoveFileEx entries, with their empty strings, through StdRegProv's XML and back."""
    target = r"C:\windows\system32\clbcatq-wire.dll"
    lab.write_file(target, b"version 9")
    lab.write_file(r"C:\windows\system32\SET31.tmp", b"version 10")
    lab.move_file_delayed(r"C:\windows\Temp\left.tmp")
    lab.move_file_delayed(r"C:\windows\system32\SET31.tmp", target, replace=True)
    lab.key(UPDATE_EXE, {"Flags": Value.from_integer(1)}, volatile=True)
    lab.key(REBOOT_REQUIRED, {UPDATE_ID: Value.from_integer(1)}, volatile=True)
    found = facts_from(over_http(simulation, backend))
    assert (found.state, found.complete) == ("pending", True)
    assert [source for source, _ in found.reasons] == ["windows_update", "pending_file_rename", "update_exe_volatile"]
    assert [(each.action, each.target) for each in found.file_operations] == [("delete", None), ("replace", target)]
    assert [update.update_id for update in found.updates] == [UPDATE_ID]
    lab.reboot()
    after = facts_from(over_http(simulation, backend))
    assert (after.state, after.complete, after.file_operations) == ("clear", True, ())
    assert after.last_reboot is not None
    assert found.last_reboot is not None
    assert after.last_reboot.time > found.last_reboot.time
    lab.remove(target)
