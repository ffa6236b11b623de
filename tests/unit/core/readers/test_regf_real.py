# SPDX-License-Identifier: Apache-2.0
"""Hives that Windows wrote, some damaged by hand: their known values, and other readers of the same files."""

from __future__ import annotations

import hashlib

import pytest

from pending_reboot.errors import HiveError
from pending_reboot.readers.regf import Hive, HiveKey
from pending_reboot.registry import (
    ABSENT,
    Absent,
    Unreadable,
    Value,
    filetime_to_datetime,
)
from support.hives import (
    content,
    found,
    read_with_hivex,
    read_with_python_registry,
    unreadable,
)
from support.shared_data import expected_values, real_hive, replay_case

SYSTEMS = ["regipy/SYSTEM", "regipy/SYSTEM_2", "regipy/SYSTEM_WIN_10_1709", "dfwinreg/SYSTEM"]
SESSION_MANAGER = r"ControlSet001\Control\Session Manager"


def read(hive: Hive, path: str, name: str) -> Value | None:
    key = hive.find(path)
    value = key.value(name) if key else ABSENT
    assert not isinstance(value, Unreadable)
    return None if isinstance(value, Absent) else value


def text(hive: Hive, path: str, name: str) -> str | None:
    value = read(hive, path, name)
    return None if value is None else value.text()


@pytest.mark.parametrize("name", [*SYSTEMS, "dfwinreg/SOFTWARE"])
def test_header_of_a_real_hive(name: str) -> None:
    expected = expected_values()[f"{name}.xz"]
    with Hive.open(real_hive(name)) as hive:
        assert [*hive.sequences] == expected["sequence"]
        assert hive.dirty is expected["dirty"]
        assert hive.minor == expected["minor"]
        assert hive.file_name.endswith(expected["header_file_name"])
        assert (hive.recovered, hive.log_report) == (False, ())


@pytest.mark.parametrize("name", SYSTEMS)
def test_values_of_a_real_system_hive(name: str) -> None:
    expected = expected_values()[f"{name}.xz"]
    services, setup = r"ControlSet001\Services", "Setup"
    with Hive.open(real_hive(name)) as hive:
        select = {n: v.integer() for n, v in found(hive, "Select").values() if isinstance(v, Value)}
        assert {n: select[n] for n in expected["Select"]} == expected["Select"]
        children = [child for child, _ in hive.root.children()]
        assert [child for child in children if child.startswith("ControlSet")] == expected["control_sets"]
        last_write = filetime_to_datetime(found(hive, SESSION_MANAGER).last_write)
        assert last_write is not None
        assert last_write.isoformat().replace("+00:00", "Z") == expected["session_manager_last_write"]

        renames = read(hive, SESSION_MANAGER, "PendingFileRenameOperations")
        if expected["PendingFileRenameOperations"] is None:
            assert renames is None
        else:
            assert renames is not None
            assert len(renames.data) == expected["PendingFileRenameOperations"]["bytes"]
            assert hashlib.sha256(renames.data).hexdigest() == expected["PendingFileRenameOperations"]["sha256"]
        names = {
            "ComputerName": (r"ControlSet001\Control\ComputerName\ComputerName", "ComputerName"),
            "ActiveComputerName": (r"ControlSet001\Control\ComputerName\ActiveComputerName", "ComputerName"),
            "Tcpip Hostname": (rf"{services}\Tcpip\Parameters", "hostname"),
            "Tcpip NV Hostname": (rf"{services}\Tcpip\Parameters", "NV HOSTNAME"),
            "Tcpip Domain": (rf"{services}\Tcpip\Parameters", "Domain"),
            "Setup CmdLine": (setup, "CmdLine"),
        }
        assert {n: text(hive, *where) for n, where in names.items()} == {n: expected[n] for n in names}
        boot = read(hive, SESSION_MANAGER, "BootExecute")
        assert boot is not None
        assert boot.strings() == expected["BootExecute"]
        shutdown = read(hive, r"ControlSet001\Control\Windows", "ShutdownTime")
        assert shutdown is not None
        when = filetime_to_datetime(int.from_bytes(shutdown.data, "little"))
        assert when is not None
        assert when.isoformat().replace("+00:00", "Z") == expected["ShutdownTime"]


def test_packages_of_a_real_software_hive() -> None:
    expected = expected_values()["dfwinreg/SOFTWARE.xz"]
    with Hive.open(real_hive("dfwinreg/SOFTWARE")) as hive:
        servicing = r"microsoft\windows\CURRENTVERSION\Component Based Servicing"
        states: dict[str, int] = {}
        for _, package in found(hive, rf"{servicing}\Packages").children():
            assert isinstance(package, HiveKey)
            state = package.value("CurrentState")
            assert isinstance(state, Value)
            states[f"{state.integer():#x}"] = states.get(f"{state.integer():#x}", 0) + 1
        assert states == expected["packages by CurrentState"]
        assert sum(states.values()) == expected["packages"]
        assert len(list(found(hive, rf"{servicing}\SessionsPending").children())) == expected["sessions"]
        for label, exists in expected.items():
            if label.startswith("key exists: "):
                assert (hive.find(label.removeprefix("key exists: ")) is not None) is exists, label


def test_every_key_of_a_real_hive_is_as_hivex_reads_it() -> None:
    path = real_hive("regipy/SYSTEM_2")
    with Hive.open(path) as hive:
        mine = content(hive.root)
    assert len(mine) == 20015
    assert mine == read_with_hivex(path)


def test_a_part_of_a_real_hive_is_as_python_registry_reads_it() -> None:
    path = real_hive("regipy/SYSTEM_2")
    with Hive.open(path) as hive:
        mine = content(found(hive, r"ControlSet001\Services"))
    assert len(mine) == 2023
    assert mine == read_with_python_registry(path, r"ControlSet001\Services")


# --- hives made to be difficult


def test_names_beyond_ascii() -> None:
    with Hive.open(replay_case("UnicodeHive")) as hive:
        assert found(hive, r"ПРИВЕТ\ключ").name == "Ключ"
    with Hive.open(replay_case("ExtendedASCIIHive")) as hive:
        value = found(hive, "ËIGENAARDIG").value("ëIGENaardig")
        assert isinstance(value, Value)
        assert value.text() == "ëigenaardig"


def test_strings_of_a_multi_sz() -> None:
    with Hive.open(replay_case("MultiSzHive")) as hive:
        values = dict(found(hive, "key").values())
    assert values == {"1": Value(7, b"\0\0"), "2": Value.from_strings(["привет", "как дела?"])}


def test_data_in_segments() -> None:
    with Hive.open(replay_case("BigDataHive")) as hive:
        values = dict(found(hive, "key_with_bigdata").values())
    assert values == {"": Value(3, b"1" * 16345), "v": Value(3, b"2" * 81725)}


def test_subkeys_in_wrong_order_are_all_found() -> None:
    with Hive.open(replay_case("WrongOrderHive")) as hive:
        assert [name for name, _ in found(hive, "1").children()] == ["2", "1", "3", "4"]
        assert all(hive.find(path) for path in (r"1\1", r"1\2", r"1\4", "2\\\u0410", "2\\в", "2\\Г"))


@pytest.mark.parametrize(
    ("name", "damaged", "sibling"),
    [
        ("BadListHive", r"\2\subkey", r"\3\subkey"),
        ("BadSubkeyHive", r"\2\subkey", r"\3\subkey"),
        ("InvalidParentHive", r"\key_with_many_subkeys\4900", r"\key_with_many_subkeys\4901"),
    ],
)
def test_a_subkey_that_belongs_to_another_key(name: str, damaged: str, sibling: str) -> None:
    with Hive.open(replay_case(name)) as hive:
        messages = unreadable(content(hive.root))
        assert list(messages) == [damaged]
        assert "belongs to another key (in key " in messages[damaged]
        with pytest.raises(HiveError, match="belongs to another key"):
            hive.find(damaged)
        assert found(hive, sibling).name == sibling.rpartition("\\")[2]


def test_two_subkeys_of_one_name_are_both_listed() -> None:
    with Hive.open(replay_case("DuplicateSubkeysHive")) as hive:
        names = [name for name, _ in found(hive, "key_with_many_subkeys").children()]
    assert len(names) == 5000
    assert [name for name in set(names) if names.count(name) > 1] == ["4500"]


def test_bytes_after_the_last_bin_do_not_matter() -> None:
    with Hive.open(replay_case("GarbageHive")) as hive:
        assert hive.dirty  # its checksum is wrong
        assert list(hive.root.children()) == []


@pytest.mark.parametrize("name", ["TruncatedHive", "TruncatedDirtyHive"])
def test_a_truncated_hive(name: str) -> None:
    with pytest.raises(HiveError, match="truncated: the file has 12288 bytes, the header says 491520"):
        Hive.open(replay_case(name))
