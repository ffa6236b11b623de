# SPDX-License-Identifier: Apache-2.0
"""The lab is what it says: a registry, file operations and boots as Windows has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pending_reboot.registry import (
    REG_BINARY,
    REG_DWORD,
    REG_DWORD_BIG_ENDIAN,
    REG_EXPAND_SZ,
    REG_LINK,
    REG_MULTI_SZ,
    REG_NONE,
    REG_QWORD,
    REG_SZ,
    Value,
)
from windows_lab.errors import LabTimeoutError, RemoteError
from windows_lab.machine import Lab

KEY = r"SOFTWARE\pending-reboot lab"
SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
ERROR_ACCESS_DENIED = 5
ERROR_CHILD_MUST_BE_VOLATILE = 1021


@pytest.fixture(autouse=True)
def clean(lab: Lab) -> Iterator[None]:
    yield
    for view in (32, 64):
        lab.delete_key(KEY, view=view)
    lab.delete_value(SESSION_MANAGER, "PendingFileRenameOperations")


def test_it_is_windows(lab: Lab) -> None:
    done = lab.run_python("import sys, winreg; print(sys.platform, sys.version_info[:2], sys.argv[1:])", "an argument")
    assert (done.stdout, done.stderr, done.returncode) == ("win32 (3, 11) ['an argument']\n", "", 0)
    assert "Microsoft Windows 10" in lab.run("cmd", "/c", "ver").stdout


def test_the_command_runs(lab: Lab) -> None:
    done = lab.pending_reboot("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("pending-reboot ")


def test_a_status_an_error_and_the_environment_come_back(lab: Lab) -> None:
    code = "import os, sys; print(os.environ['WORD'], file=sys.stderr); sys.exit(7)"
    done = lab.run_python(code, env={"WORD": "said"})
    assert (done.stdout, done.stderr, done.returncode) == ("", "said\n", 7)


def test_volatile_key_lives_until_the_reboot(lab: Lab) -> None:
    number = {"n": Value.from_integer(1)}
    assert lab.key(rf"{KEY}\volatile", number, volatile=True)
    assert lab.key(rf"{KEY}\lasting", number)
    assert not lab.key(rf"{KEY}\volatile", volatile=True), "it is there already"
    before = lab.boot_time
    lab.reboot()
    found = lab.read_key(KEY)
    assert found is not None
    assert found.children == ["lasting"]
    assert lab.boot_time > before


def test_lasting_key_below_a_volatile_one_is_refused(lab: Lab) -> None:
    lab.key(rf"{KEY}\volatile", volatile=True)
    with pytest.raises(RemoteError) as refused:
        lab.key(rf"{KEY}\volatile\child")
    assert refused.value.code == ERROR_CHILD_MUST_BE_VOLATILE


@pytest.mark.parametrize(
    "value",
    [
        Value(REG_NONE, b""),
        Value(REG_NONE, b"\x01"),
        Value.from_text("text"),
        Value(REG_SZ, b"t\0o\0o"),
        Value(REG_SZ, "no terminator".encode("utf-16-le")),
        Value.from_text("%SystemRoot%", REG_EXPAND_SZ),
        Value(REG_BINARY, bytes(range(256))),
        Value.from_integer(0xFFFFFFFF),
        Value(REG_DWORD, b"\x01\x02"),
        Value.from_integer(1, REG_DWORD_BIG_ENDIAN),
        Value(REG_LINK, "target".encode("utf-16-le")),
        Value.from_strings(["", "a", "", "", "b", ""]),
        Value(REG_MULTI_SZ, b""),
        Value(REG_MULTI_SZ, b"\0\0\0\0"),
        Value(REG_MULTI_SZ, "a\0b".encode("utf-16-le")),
        Value.from_integer(1 << 63, REG_QWORD),
        Value(0x4242, b"type of nobody"),
    ],
    ids=str,
)
def test_values_keep_their_type_and_bytes(lab: Lab, value: Value) -> None:
    lab.key(KEY, {"value": value, "": value})
    found = lab.read_key(KEY)
    assert found is not None
    assert found.values == {"value": value, "": value}
    assert lab.delete_value(KEY, "value")
    assert not lab.delete_value(KEY, "value")


def test_both_views(lab: Lab) -> None:
    lab.key(KEY, {"view": Value.from_integer(64)})
    lab.key(KEY, {"view": Value.from_integer(32)}, view=32)
    native, redirected = lab.read_key(KEY), lab.read_key(KEY, view=32)
    assert native is not None
    assert redirected is not None
    assert [each.values["view"].integer() for each in (native, redirected)] == [64, 32]
    assert lab.read_key(KEY.replace("SOFTWARE", r"SOFTWARE\WOW6432Node")) == redirected
    assert lab.delete_key(KEY, view=32)
    assert lab.read_key(KEY, view=32) is None
    assert lab.read_key(KEY) == native


def test_last_write_time(lab: Lab) -> None:
    lab.key(KEY)
    first = lab.read_key(KEY)
    lab.key(KEY, {"n": Value.from_integer(1)})
    second = lab.read_key(KEY)
    assert first is not None
    assert second is not None
    assert first.last_write < second.last_write


def test_access_to_a_key_can_be_denied(lab: Lab) -> None:
    lab.key(rf"{KEY}\denied\child")
    lab.deny_key(rf"{KEY}\denied")
    with pytest.raises(RemoteError) as refused:
        lab.read_key(rf"{KEY}\denied")
    assert refused.value.code == ERROR_ACCESS_DENIED
    assert lab.read_key(rf"{KEY}\denied\child") is not None
    lab.deny_key(rf"{KEY}\denied", sddl="D:(A;;KA;;;WD)")


def test_delayed_moves_are_written_as_documented_and_executed_by_the_boot(lab: Lab) -> None:
    for name in ("new.tmp", "old.dll", "rubbish.txt", "here.txt"):
        lab.write_file(rf"C:\lab\{name}", name.encode())
    lab.move_file_delayed(r"C:\lab\new.tmp", r"C:\lab\old.dll")
    lab.move_file_delayed(r"C:\lab\rubbish.txt")
    lab.move_file_delayed(r"C:\lab\here.txt", r"C:\lab\there.txt", replace=False)
    key = lab.read_key(SESSION_MANAGER)
    assert key is not None
    assert key.values["PendingFileRenameOperations"].strings() == [
        *(r"\??\C:\lab\new.tmp", r"!\??\C:\lab\old.dll"),
        *(r"\??\C:\lab\rubbish.txt", ""),
        *(r"\??\C:\lab\here.txt", r"\??\C:\lab\there.txt"),
    ]
    assert lab.read_file(r"C:\lab\old.dll") == b"old.dll"
    lab.reboot()
    names = ("new.tmp", "old.dll", "rubbish.txt", "here.txt", "there.txt")
    found = {name: lab.read_file(rf"C:\lab\{name}") for name in names}
    assert found == dict(zip(names, (None, b"new.tmp", None, None, b"here.txt"), strict=True))
    key = lab.read_key(SESSION_MANAGER)
    assert key is not None
    assert "PendingFileRenameOperations" not in key.values
    lab.remove(r"C:\lab")


def add(first: int, second: int) -> dict[str, object]:
    import sys

    return {"sum": first + second, "platform": sys.platform}


def fail() -> None:
    print("what it prints does not disturb")
    raise FileNotFoundError(2, "gone", None, 3)


def hang(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_functions_are_called_on_windows(lab: Lab) -> None:
    assert lab.call(add, first=1, second=2) == {"sum": 3, "platform": "win32"}
    assert lab.call("platform:system") == "Windows"


def test_what_they_raise_comes_back(lab: Lab) -> None:
    with pytest.raises(RemoteError, match="FileNotFoundError") as raised:
        lab.call(fail)
    assert raised.value.code == 3


def test_what_hangs_is_ended_and_the_lab_goes_on(lab: Lab) -> None:
    lab.key(KEY, volatile=True)
    with pytest.raises(LabTimeoutError, match="takes longer than 1 s"):
        lab.call(hang, seconds=600, timeout=1)
    with pytest.raises(LabTimeoutError, match="takes longer than 1 s"):
        lab.run_python("import time; time.sleep(600)", timeout=1)
    assert lab.read_key(KEY) is not None, "it is the same boot"
