# SPDX-License-Identifier: Apache-2.0
"""Patch state on a genuine Windows API: the mission's story with real files, a real delayed move and a real boot."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from lab.planting import SESSION_MANAGER, UPDATE_EXE, UPDATE_ID, planted
from pending_reboot.registry import Value
from windows_lab.dll import dll
from windows_lab.machine import Lab

FOLDER = r"C:\windows\system32"
DLL = rf"{FOLDER}\clbcatq-patch.dll"
STAGED = rf"{FOLDER}\SET31.tmp"
PATCH = {
    "kb": "KB902400",
    "update_id": UPDATE_ID,
    "files": [{"path": r"%SystemRoot%\system32\CLBCATQ-patch.dll", "version": "2001.12.4720.10"}],
}


def ask(patch: dict[str, Any]) -> object:
    """Runs on Windows."""
    import pending_reboot

    (found,) = pending_reboot.local_patch_states(pending_reboot.patches_from(patch))
    return found.to_dict()


def flag(update_id: str) -> object:
    """Runs on Windows."""
    import pending_reboot

    return pending_reboot.flag_reboot(update_id).to_dict()


def state(lab: Lab, patch: dict[str, Any] = PATCH) -> dict[str, Any]:
    found: dict[str, Any] = lab.call(ask, patch=patch)
    return found


def views(mbsa_1_2: str, wua: str, itmu: str, mbsa_2_0: str) -> dict[str, str]:
    return {"mbsa_1_2": mbsa_1_2, "wua": wua, "itmu": itmu, "mbsa_2_0": mbsa_2_0}


def test_the_story(lab: Lab) -> None:
    lab.write_file(DLL, dll("2001.12.4720.9"))
    assert state(lab)["verdict"] == "missing"
    lab.write_file(STAGED, dll("2001.12.4720.10"))
    lab.move_file_delayed(STAGED, DLL, replace=True)
    lab.key(UPDATE_EXE, {"Flags": Value.from_integer(1)}, volatile=True)
    found = state(lab)
    assert found["verdict"] == "installed_pending_reboot"
    assert found["views"] == views("applicable", "installed", "installed", "reboot_pending")
    (file,) = found["evidence"]["files"]
    assert file["in_place"]["version"] == "2001.12.4720.9"
    assert (file["effective"]["version"], file["effective"]["path"].lower()) == ("2001.12.4720.10", STAGED.lower())

    lab.call(flag, update_id=UPDATE_ID)
    assert state(lab)["views"] == views("applicable", "installed", "applicable", "reboot_pending")

    lab.reboot()
    found = state(lab)
    assert (found["verdict"], set(found["views"].values())) == ("installed", {"installed"})
    lab.remove(DLL)
    assert state(lab)["verdict"] == "missing"


def test_a_chain_is_what_the_boot_makes_of_it(lab: Lab) -> None:
    """A replaces B, which replaces the DLL; then a second list, in which a delete comes before the move."""
    middle = rf"{FOLDER}\SET32.tmp"
    lab.write_file(DLL, dll("1.0.0.0"))
    lab.write_file(middle, dll("2.0.0.0"))
    lab.write_file(STAGED, dll("2001.12.4720.10"))
    lab.move_file_delayed(STAGED, middle, replace=True)
    lab.move_file_delayed(middle, DLL, replace=True)
    found = state(lab)
    assert found["verdict"] == "installed_pending_reboot"
    assert found["evidence"]["files"][0]["operations"] == [0, 1]
    lab.reboot()
    assert lab.read_file(DLL) == dll("2001.12.4720.10")
    assert state(lab)["verdict"] == "installed"
    lab.write_file(STAGED, dll("2001.12.4720.11"))
    lab.move_file_delayed(DLL)
    lab.move_file_delayed(STAGED, DLL, replace=False)
    wanted = PATCH | {"files": [{"path": DLL, "version": "2001.12.4720.11"}]}
    assert state(lab, wanted)["verdict"] == "installed_pending_reboot"
    lab.reboot()
    assert state(lab, wanted)["verdict"] == "installed"
    lab.remove(DLL)


@pytest.mark.parametrize(
    ("content", "verdict", "says"),
    [
        (None, "missing", "is not there"),
        (dll, "unknown", "has no version resource"),
        (b"", "unknown", ""),
        (b"MZ", "unknown", ""),
        (b"no program at all", "unknown", ""),
        (bytes(4096), "unknown", ""),
    ],
)
def test_what_is_no_version(lab: Lab, content: Any, verdict: str, says: str) -> None:
    if content is not None:
        lab.write_file(DLL, dll(None) if content is dll else content)
    found = state(lab)
    lab.remove(DLL)
    assert found["verdict"] == verdict, found["description"]
    assert says in found["description"]


def test_damaged_resources_never_give_a_version_that_is_not_there(lab: Lab) -> None:
    whole = dll("2001.12.4720.10")
    place = whole.index((0xFEEF04BD).to_bytes(4, "little"))
    for content in (whole[: place + 8], whole[:place] + bytes(52) + whole[place + 52 :], whole[: len(whole) // 2]):
        lab.write_file(DLL, content)
        assert state(lab)["verdict"] == "unknown"
    lab.remove(DLL)


def test_a_digest_and_a_folder(lab: Lab) -> None:
    lab.write_file(DLL, b"exactly this")
    wanted = {"kb": "KB902400", "files": [{"path": DLL, "sha256": hashlib.sha256(b"exactly this").hexdigest()}]}
    assert state(lab, wanted)["verdict"] == "installed"
    lab.write_file(DLL, b"something else")
    assert state(lab, wanted)["verdict"] == "missing"
    lab.remove(DLL)
    assert state(lab, {"kb": "KB902400", "files": [{"path": FOLDER, "version": "1"}]})["verdict"] == "unknown"


def test_short_names_are_spelled_out(lab: Lab) -> None:
    long = r"C:\Program Files\Vendor Name Long\component.dll"
    lab.write_file(long, dll("1.0.0.0"))
    lab.write_file(STAGED, dll("2.0.0.0"))
    short = lab.call(short_path, path=long)
    assert "~" in short
    pairs = [rf"\??\{STAGED}", rf"!\??\{short}"]
    wanted = {"kb": "KB902400", "files": [{"path": long, "version": "2.0"}]}
    with planted(lab, {SESSION_MANAGER: {"PendingFileRenameOperations": Value.from_strings(pairs)}}):
        found = state(lab, wanted)
    assert found["verdict"] == "installed_pending_reboot", found["description"]
    lab.remove(STAGED)


def short_path(path: str) -> object:
    """Runs on Windows."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(300)
    ctypes.windll.kernel32.GetShortPathNameW(path, buffer, 300)  # type: ignore[attr-defined]
    return buffer.value
