# SPDX-License-Identifier: Apache-2.0
"""The local reader on a genuine Windows registry: whole stories, and every case of the readers' contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.planting import CBS, REBOOT_REQUIRED, SESSION_MANAGER, UPDATE_EXE, UPDATE_ID, facts, planted
from pending_reboot.registry import REG_BINARY, REG_MULTI_SZ, REG_QWORD, REG_SZ, Value
from support.cases import all_cases, value
from windows_lab.machine import Lab
from windows_lab.wua import Wua

TARGET = r"C:\windows\system32\clbcatq-lab.dll"


def live_cases() -> list[Any]:
    """The cases that are keys of a running machine."""
    found = []
    for source_id, case in all_cases():
        refusals = {"denied", "failed"}.intersection(map(str, case.get("keys", {}).values()))
        if case.get("keys") and not case.get("probes") and "machine" not in case and not refusals:
            found.append(pytest.param(source_id, case, id=f"{source_id}: {case['name']}"))
    return found


@pytest.mark.parametrize(("source_id", "case"), live_cases())
def test_contract(lab: Lab, source_id: str, case: dict[str, Any]) -> None:
    keys = {
        path: {name: value(each) for name, each in (content or {}).items() if name != "last_write"}
        for path, content in case["keys"].items()
    }
    expected = {name: case["expect"][name] for name in ("state", "description", "error") if name in case["expect"]}
    with planted(lab, keys):
        result = facts(lab, source_id)["sources"][source_id]
    assert {name: result[name] for name in expected} == expected
    evidence = case["expect"].get("evidence", {})
    assert {name: result["evidence"][name] for name in evidence} == evidence


def test_a_patch_that_was_run_by_hand(lab: Lab) -> None:
    """As update.exe leaves it: a staged file, a delayed replace, its flag, and nothing in Windows Update."""
    lab.wua(Wua(reboot_required=False))
    lab.write_file(TARGET, b"version 9")
    lab.write_file(r"C:\windows\system32\SET31.tmp", b"version 10")
    lab.move_file_delayed(r"C:\windows\system32\SET31.tmp", TARGET, replace=True)
    lab.key(UPDATE_EXE, {"Flags": Value.from_integer(1)}, volatile=True)
    done = lab.pending_reboot("local", "--format", "json")
    assert done.returncode == 10, done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["reboot_required"], found["complete"]) == ("pending", True, True)
    assert [reason["source"] for reason in found["reboot_required_reasons"]] == [
        "pending_file_rename",
        "update_exe_volatile",
    ]
    (operation,) = (each for each in found["file_operations"] if each["target"] == TARGET)
    assert (operation["action"], operation["weight"]) == ("replace", "significant")
    assert found["sources"]["windows_update"]["state"] == "clear"
    assert found["sources"]["windows_update_agent"]["state"] == "clear"
    booted = found["last_reboot"]["time_epoch"]
    lab.reboot()
    found = json.loads(lab.pending_reboot("local", "--format", "json").stdout)
    assert lab.read_file(TARGET) == b"version 10"
    assert (found["state"], found["file_operations"], found["complete"]) == ("clear", [], True)
    assert found["last_reboot"]["time_epoch"] > booted


def test_an_update_that_windows_update_installed(lab: Lab) -> None:
    lab.key(REBOOT_REQUIRED, {UPDATE_ID: Value.from_integer(1)}, volatile=True)
    found = facts(lab)
    assert found["state"] == "pending"
    assert [update["update_id"] for update in found["updates"]] == [UPDATE_ID]
    assert found["sources"]["windows_update"]["since"] is not None
    lab.reboot()
    found = facts(lab)
    assert (found["state"], found["updates"]) == ("clear", [])


def test_a_key_that_may_not_be_read(lab: Lab) -> None:
    lab.key(REBOOT_REQUIRED, volatile=True)
    lab.deny_key(REBOOT_REQUIRED)
    found = facts(lab)
    assert found["sources"]["windows_update"]["state"] == "unknown"
    assert found["sources"]["windows_update"]["error"] == {
        "kind": "denied",
        "code": 5,
        "message": f"HKLM\\{REBOOT_REQUIRED}: access is denied (error 5)",
    }
    assert (found["state"], found["reboot_required"], found["complete"]) == ("unknown", False, False)
    assert found["sources"]["pending_file_rename"]["state"] == "clear"
    lab.reboot()


def test_a_flag_that_outlived_the_boot_is_advisory(lab: Lab) -> None:
    lab.key(UPDATE_EXE, {"Flags": Value.from_integer(3)})
    assert facts(lab, "update_exe_volatile")["state"] == "pending"
    lab.reboot()
    found = facts(lab, "update_exe_volatile")
    assert (found["state"], found["sources"]["update_exe_volatile"]["evidence"]["flags"]) == (
        "advisory",
        {UPDATE_EXE: 3},
    )
    lab.delete_key(UPDATE_EXE)


@pytest.mark.parametrize(
    ("data", "pairs"),
    [
        (b"", []),
        (bytes(2), []),
        (bytes(4), []),
        ("a\0".encode("utf-16-le"), [["a"]]),
        ("a\0\0".encode("utf-16-le"), [["a"]]),
        ("a\0\0\0".encode("utf-16-le"), [["a", ""]]),
        ("a\0\0b\0!c\0\0".encode("utf-16-le"), [["a", ""], ["b", "!c"]]),
        ("a\0\0b\0!c".encode("utf-16-le"), [["a", ""], ["b", "!c"]]),
        ("a\0\0\0".encode("utf-16-le") + b"x", [["a", ""]]),
        ("\udc00\0\0\0".encode("utf-16-le", "surrogatepass"), [["\udc00", ""]]),
        (("x" * 40000 + "\0\0\0").encode("utf-16-le"), [["x" * 40000, ""]]),
    ],
)
def test_every_byte_of_a_list_arrives(lab: Lab, data: bytes, pairs: list[list[str]]) -> None:
    with planted(lab, {SESSION_MANAGER: {"PendingFileRenameOperations2": Value(REG_MULTI_SZ, data)}}):
        found = facts(lab, "pending_file_rename")
    assert [operation["raw"] for operation in found["file_operations"]] == pairs


@pytest.mark.parametrize(
    "wrong",
    [
        Value(REG_SZ, b"1\0\0\0"),
        Value(REG_BINARY, b"\1\0\0\0"),
        Value(4, b"\1\0"),
        Value(4, b""),
        Value(99, b"\1\0\0\0"),
    ],
    ids=lambda wrong: f"{wrong.type_name} of {len(wrong.data)} bytes",
)
def test_a_flag_of_the_wrong_type_is_unknown(lab: Lab, wrong: Value) -> None:
    with planted(lab, {UPDATE_EXE: {"Flags": wrong}}):
        assert facts(lab, "update_exe_volatile")["sources"]["update_exe_volatile"]["state"] == "unknown"


def test_a_flag_in_64_bits_counts(lab: Lab) -> None:
    with planted(lab, {UPDATE_EXE: {"Flags": Value.from_integer(1, REG_QWORD)}}):
        assert facts(lab, "update_exe_volatile")["state"] == "pending"


def test_a_key_with_thousands_of_siblings(lab: Lab) -> None:
    """Every one is looked at, the last one too."""
    keys = {rf"SOFTWARE\Microsoft\Updates\Other{number:04}": {} for number in range(1500)}
    keys |= {f"{UPDATE_EXE}_ZZ": {"Flags": Value.from_integer(2)}}
    with planted(lab, keys):
        found = facts(lab, "update_exe_volatile")["sources"]["update_exe_volatile"]
    assert (found["state"], found["evidence"]["flags"]) == ("pending", {f"{UPDATE_EXE}_ZZ": 2})


def churn(seconds: float) -> object:
    """Runs on Windows: what is found while other keys come and go."""
    import threading
    import time
    import winreg

    import pending_reboot

    path = r"SOFTWARE\Microsoft\Updates"
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for number in range(30):
                winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, rf"{path}\A{number}").Close()
            for number in range(30):
                winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, rf"{path}\A{number}")

    thread = threading.Thread(target=work)
    thread.start()
    states = set()
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            states.add(pending_reboot.local_facts(wua="none", sources=["update_exe_volatile"]).state)
    finally:
        stop.set()
        thread.join()
    return sorted(states)


@pytest.mark.parametrize(("path", "allowed"), [(UPDATE_EXE, {"pending"}), (f"{UPDATE_EXE}_ZZ", {"pending", "unknown"})])
def test_keys_that_come_and_go_hide_no_flag(lab: Lab, path: str, allowed: set[str]) -> None:
    """The key itself is always found; a sibling, or it is said that the list would not hold still."""
    with planted(lab, {path: {"Flags": Value.from_integer(1)}}):
        states = set(lab.call(churn, seconds=3))
    assert "pending" in states
    assert states <= allowed


def test_packages_are_read_on_request(lab: Lab) -> None:
    with planted(lab, {rf"{CBS}\Packages\Package_1": {"CurrentState": Value.from_integer(0x60)}}):
        for words, code in (([], 0), (["--packages"], 10)):
            done = lab.pending_reboot("local", "--sources", "component_based_servicing", *words)
            assert done.returncode == code, done.stdout + done.stderr
