# SPDX-License-Identifier: Apache-2.0
"""Patch state: the verdict, the four views and the evidence, on machines written down as snapshots."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from pending_reboot import patch_states, patches_from
from pending_reboot.fixture import boot
from pending_reboot.policy import parse_time
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.registry import Value

UPDATE_ID = "9306cdfc-c4a1-4a22-9996-848cc67eddc3"
DLL = r"C:\Windows\system32\clbcatq.dll"
STAGED = r"C:\Windows\system32\SET31.tmp"

PATCH: dict[str, Any] = {
    "kb": "KB902400",
    "update_id": UPDATE_ID,
    "files": [{"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "2001.12.4720.10"}],
}

#: KB902400, run by hand from its EXE.
STORY = rf"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager:
    values:
      PendingFileRenameOperations: ['\??\{STAGED}', '!\??\{DLL}']
  SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {{values: {{Flags: 1}}, last_write: 2026-11-20T03:13:00Z}}
files:
  {DLL}: {{version: 2001.12.4720.9}}
  {STAGED}: {{version: 2001.12.4720.10}}
"""

SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
REBOOT_REQUIRED = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
PACKAGES = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"


def story(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(STORY)
    return data | changes


def state(machine: MemoryRegistry | dict[str, Any], patch: dict[str, Any] | None = None) -> dict[str, Any]:
    reader = machine if isinstance(machine, MemoryRegistry) else from_snapshot(machine)
    (found,) = patch_states(reader, patches_from(patch or PATCH))
    plain: dict[str, Any] = json.loads(json.dumps(found.to_dict()))
    assert plain == found.to_dict(), "plain JSON types only"
    assert found.description
    return plain


def views(mbsa_1_2: str, wua: str, itmu: str, mbsa_2_0: str) -> dict[str, str]:
    return {"mbsa_1_2": mbsa_1_2, "wua": wua, "itmu": itmu, "mbsa_2_0": mbsa_2_0}


class TestTheStory:
    """The mission: installed by hand, not yet in effect, and four scanners that see four things."""

    def test_before_the_reboot(self) -> None:
        found = state(story())
        assert found["verdict"] == "installed_pending_reboot"
        assert found["views"] == views("applicable", "installed", "installed", "reboot_pending")
        assert found["description"] == (
            rf"{DLL} has version 2001.12.4720.9, 2001.12.4720.10 is wanted, "
            rf"after the next boot it has version 2001.12.4720.10 ({STAGED})"
        )
        (file,) = found["evidence"]["files"]
        assert file["in_place"]["version"] == "2001.12.4720.9"
        assert (file["effective"]["version"], file["effective"]["path"]) == ("2001.12.4720.10", STAGED)
        assert (file["operations"], file["meets_now"], file["meets_after"]) == ([0], False, True)

    def test_with_a_flag_for_the_other_scanners(self) -> None:
        data = story()
        data["keys"][REBOOT_REQUIRED] = {"values": {f"{{{UPDATE_ID.upper()}}}": 1}}
        found = state(data)
        assert found["verdict"] == "installed_pending_reboot"
        assert found["views"] == views("applicable", "installed", "applicable", "reboot_pending")
        assert found["evidence"]["listed_under_reboot_required"] == [f"{{{UPDATE_ID.upper()}}}"]

    def test_after_the_reboot(self) -> None:
        machine = from_snapshot(story())
        boot(machine, parse_time("2026-11-21T03:00:00Z", "now"))
        found = state(machine)
        assert (found["verdict"], set(found["views"].values())) == ("installed", {"installed"})
        assert found["evidence"]["files"][0]["in_place"]["version"] == "2001.12.4720.10"
        assert machine.files is not None
        assert list(machine.files) == [DLL.lower()]

    def test_before_anything(self) -> None:
        found = state({"files": {DLL: {"version": "2001.12.4720.9"}}})
        assert found["verdict"] == "missing"
        assert set(found["views"].values()) == {"applicable"}


def pending(*pairs: str, files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"keys": {SESSION_MANAGER: {"values": {"PendingFileRenameOperations": list(pairs)}}, **more}, "files": files}


NEW, OLD = {"version": "2001.12.4720.10"}, {"version": "2001.12.4720.9"}


@pytest.mark.parametrize(
    ("machine", "verdict", "says"),
    [
        pytest.param(pending(files={}), "missing", "is not there", id="no file"),
        pytest.param(pending(files={DLL: NEW}), "installed", "has version 2001.12.4720.10", id="in place"),
        pytest.param(pending(files={DLL: {"version": "2001.12.4720.11"}}), "installed", ".11", id="newer"),
        pytest.param(
            pending(rf"\??\{DLL}", "", files={DLL: NEW}), "missing", "the next boot takes it away", id="will be deleted"
        ),
        pytest.param(
            pending(rf"\??\{STAGED}", rf"!\??\{DLL}", files={DLL: OLD}),
            "missing",
            f"{STAGED} is not there, so it does not become {DLL}",
            id="the staged file is gone",
        ),
        pytest.param(
            pending(rf"\??\{STAGED}", rf"!\??\{DLL}", files={DLL: OLD, STAGED: "denied"}),
            "unknown",
            f"whether {STAGED} is there could not be read",
            id="the staged file may not be read",
        ),
        pytest.param(
            pending(rf"\??\{STAGED}", rf"!\??\{DLL}", files={DLL: NEW, STAGED: OLD}),
            "missing",
            "takes it away",
            id="an older file takes its place",
        ),
        pytest.param(
            pending(rf"\??\{STAGED}", rf"!\??\{DLL}", files={DLL: OLD, STAGED: {}}),
            "unknown",
            "has no version resource",
            id="the staged file has no version",
        ),
        pytest.param(
            pending(files={DLL: OLD}, **{REBOOT_REQUIRED: {"values": {UPDATE_ID: 1}}}),
            "installed_pending_reboot",
            rf"lists it ({UPDATE_ID}), and until the next boot {DLL} has version",
            id="listed, and servicing has not moved it yet",
        ),
        pytest.param(
            pending(files={DLL: OLD}, **{REBOOT_REQUIRED: "denied"}),
            "unknown",
            "RebootRequired: access is denied",
            id="perhaps listed",
        ),
        pytest.param(pending(files={DLL: {}}), "unknown", "has no version resource", id="no version"),
        pytest.param(pending(files={DLL: "denied"}), "unknown", "could not be read: access is denied", id="denied"),
        pytest.param(
            {"keys": {SESSION_MANAGER: "denied"}, "files": {DLL: NEW}},
            "unknown",
            "what the next boot leaves there is not known",
            id="the operations may not be read",
        ),
        pytest.param({}, "unknown", "knows no files", id="nothing about files"),
        pytest.param(
            pending(files={DLL: NEW}, **{REBOOT_REQUIRED: {"values": {"KB902400": 1}}}),
            "installed_pending_reboot",
            "RebootRequired key lists it (KB902400)",
            id="in place and listed by its KB",
        ),
        pytest.param(
            pending(files={DLL: NEW}, **{REBOOT_REQUIRED: {"values": {UPDATE_ID.replace("9", "8"): 1}}}),
            "installed",
            "",
            id="another update is listed",
        ),
        pytest.param(
            pending(files={DLL: NEW}, **{REBOOT_REQUIRED: "denied"}),
            "unknown",
            "it is there, but whether it waits for a reboot is not known",
            id="in place and the list may not be read",
        ),
        pytest.param(
            pending(files={DLL: NEW}, **{r"SOFTWARE\pending-reboot\Volatile": {"values": {"KB902400": 1}}}),
            "installed_pending_reboot",
            "it is flagged by hand (KB902400)",
            id="flagged by hand",
        ),
    ],
)
def test_verdicts_by_files(machine: dict[str, Any], verdict: str, says: str) -> None:
    found = state(machine)
    assert found["verdict"] == verdict, found["description"]
    assert says in found["description"]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ({"P_1~amd64~1": 0x70}, "installed"),
        ({"P_1~amd64~1": 0x60}, "installed_pending_reboot"),
        ({"P_1~amd64~1": 0x05}, "missing"),
        ({"P_1~amd64~1": 0x40}, "missing"),
        ({"P_1~amd64~1": 0x50}, "installed"),
        ({"P_1~amd64~1": 0x70, "P_1~amd64~2": 0x20}, "installed"),
        ({"P_1~amd64~1": 0x70, "P_1~amd64~2": 0x60}, "installed_pending_reboot"),
        ({"P_1~amd64~1": 0x70, "P_1~amd64~2": 0x05}, "missing"),
        ({"P_1~amd64~1": 0x60, "P_1~amd64~2": 0x05}, "unknown"),
        ({"P_1~amd64~1": 0x70, "P_1~amd64~2": 0x99}, "unknown"),
        ({"P_1~amd64~1": 0x60, "P_1~amd64~2": 0x99}, "installed_pending_reboot"),
        ({"P_1~amd64~1": 0x99}, "unknown"),
        ({"P_1~amd64~1": "text"}, "unknown"),
        ({"Q~1": 0x70}, "missing"),
    ],
)
def test_verdicts_by_packages(states: dict[str, Any], verdict: str) -> None:
    keys = {rf"{PACKAGES}\{name}": {"values": {"CurrentState": number}} for name, number in states.items()}
    assert state({"keys": keys}, {"kb": "KB1000000", "package": "p_1~*"})["verdict"] == verdict


def test_a_package_that_waits_outweighs_the_old_file() -> None:
    """Component Based Servicing moves files without PendingFileRenameOperations."""
    patch = PATCH | {"package": "P*"}
    package = {rf"{PACKAGES}\P~1": {"values": {"CurrentState": 0x60}}}
    found = state(pending(files={DLL: OLD}, **package), patch)
    assert found["verdict"] == "installed_pending_reboot"
    assert found["views"]["mbsa_1_2"] == "applicable"
    package = {rf"{PACKAGES}\P~1": {"values": {"CurrentState": 0x70}}}
    found = state(pending(files={DLL: OLD}, **package), patch)
    assert (found["verdict"], "contradict each other" in found["description"]) == ("unknown", True)
    package = {rf"{PACKAGES}\P~1": {"values": {"CurrentState": 0x05}}}
    assert state(pending(files={DLL: NEW}, **package), patch)["verdict"] == "missing"


@pytest.mark.parametrize("file", [OLD, NEW])
def test_packages_that_may_not_be_read_are_not_known(file: dict[str, Any]) -> None:
    found = state(pending(files={DLL: file}, **{PACKAGES: "denied"}), PATCH | {"package": "P*"})
    assert (found["verdict"], "its package is not known" in found["description"]) == ("unknown", True)


def test_packages_are_finished_by_a_reboot() -> None:
    machine = from_snapshot({"keys": {rf"{PACKAGES}\P~1": {"values": {"CurrentState": 0x60}}}})
    patch = {"kb": "KB1000000", "package": "P*"}
    assert state(machine, patch)["verdict"] == "installed_pending_reboot"
    boot(machine, parse_time("2026-11-21T03:00:00Z", "now"))
    assert state(machine, patch)["verdict"] == "installed"


MARKS = [r"SOFTWARE\V\KB1", {"key": r"SOFTWARE\V", "value": "Level", "equals": 3}]


@pytest.mark.parametrize(
    ("keys", "verdict", "says"),
    [
        ({r"SOFTWARE\V\KB1": {}, r"SOFTWARE\V": {"values": {"Level": 3}}}, "installed", "Level is 3"),
        ({r"SOFTWARE\V": {"values": {"Level": 3}}}, "missing", r"HKLM\SOFTWARE\V\KB1 is not there"),
        ({r"SOFTWARE\V\KB1": {}, r"SOFTWARE\V": {"values": {"Level": 2}}}, "missing", "Level is 2, 3 is wanted"),
        ({r"SOFTWARE\V\KB1": "denied", r"SOFTWARE\V": {"values": {"Level": 3}}}, "unknown", "could not be read"),
        ({r"SOFTWARE\V\KB1": {}, r"SOFTWARE\V": {"values": {"Level": "3"}}}, "missing", "is REG_SZ"),
    ],
)
def test_verdicts_by_marks(keys: dict[str, Any], verdict: str, says: str) -> None:
    found = state({"keys": keys}, {"kb": "KB1000000", "registry": MARKS})
    assert found["verdict"] == verdict
    assert says in found["description"]


def test_only_an_update_id() -> None:
    patch = {"update_id": UPDATE_ID}
    assert state({}, patch)["verdict"] == "unknown"
    listed = {"keys": {REBOOT_REQUIRED: {"values": {UPDATE_ID: 1}}}}
    assert state(listed, patch)["verdict"] == "installed_pending_reboot"


NT = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
ENVIRONMENT = rf"{SESSION_MANAGER}\Environment"


@pytest.mark.parametrize(
    ("wanted", "keys", "verdict"),
    [
        ({"min_build": 2600, "max_build": 3790}, {NT: {"values": {"CurrentBuild": "2600"}}}, "installed"),
        ({"min_build": 2600, "max_build": 3790}, {NT: {"values": {"CurrentBuild": "6001"}}}, "not_applicable"),
        ({"min_build": 2600}, {NT: {"values": {"CurrentBuildNumber": "3790"}}}, "installed"),
        ({"min_build": 2600}, {}, "unknown"),
        ({"min_build": 2600}, {NT: "denied"}, "unknown"),
        ({"architecture": "x64"}, {ENVIRONMENT: {"values": {"PROCESSOR_ARCHITECTURE": "AMD64"}}}, "installed"),
        ({"architecture": "x86"}, {ENVIRONMENT: {"values": {"PROCESSOR_ARCHITECTURE": "AMD64"}}}, "not_applicable"),
        ({"architecture": "x86"}, {}, "unknown"),
        ({"key": r"SOFTWARE\Microsoft\COM3"}, {r"SOFTWARE\Microsoft\COM3": {}}, "installed"),
        ({"key": r"SOFTWARE\Microsoft\COM3"}, {}, "not_applicable"),
    ],
)
def test_what_it_is_for(wanted: dict[str, Any], keys: dict[str, Any], verdict: str) -> None:
    patch = {"kb": "KB1000000", "files": [{"path": DLL, "version": "1"}], "applies_to": wanted}
    found = state({"keys": keys, "files": {DLL: NEW}}, patch)
    assert found["verdict"] == verdict, found["description"]
    assert (set(found["views"].values()) == {"not_applicable"}) is (verdict == "not_applicable")


@pytest.mark.parametrize(
    ("code", "installed_at", "verdict"),
    [
        (3010, "2026-11-20T04:00:00Z", "installed_pending_reboot"),
        (3010, "2026-11-20T03:00:00Z", "installed"),
        (3010, None, "unknown"),
        (0, None, "installed"),
        (0, "2026-11-20T04:00:00Z", "installed"),
        (3017, "2026-11-20T04:00:00Z", "installed"),
        (350, "2026-11-20T04:00:00Z", "installed"),
    ],
)
def test_an_installer_that_asked_for_a_reboot(code: int, installed_at: str | None, verdict: str) -> None:
    patch = PATCH | {"exit_code": code, "installed_at": installed_at}
    found = state({"boot_time": "2026-11-20T03:12:00Z", "files": {DLL: NEW}}, patch)
    assert (found["verdict"], found["evidence"]["exit_code"]["code"]) == (verdict, code)


def test_an_installer_that_said_it_does_not_apply() -> None:
    found = state({"files": {DLL: OLD}}, PATCH | {"exit_code": 0x80240017})
    assert (found["verdict"], "WU_E_NOT_APPLICABLE" in found["description"]) == ("not_applicable", True)
    assert state(story(), PATCH | {"exit_code": 0x80240017})["verdict"] == "installed_pending_reboot", "it is staged"
    assert state({"files": {DLL: "denied"}}, PATCH | {"exit_code": 0x80240017})["verdict"] == "unknown"


def test_an_installation_in_the_second_of_the_boot() -> None:
    """The role says no earlier time, whatever the clocks of host and controller say."""
    machine = from_snapshot({"files": {DLL: NEW}})
    machine.probes["boot_time"] = {"time_epoch": 1795000000.7, "source": "test"}
    boot_time = state(machine)["evidence"]["last_reboot"]["time"]
    assert (
        state(machine, PATCH | {"exit_code": 3010, "installed_at": boot_time})["verdict"] == "installed_pending_reboot"
    )


def test_a_patch_that_is_flagged_by_its_title() -> None:
    patch = {"title": "AgentX 5", "files": PATCH["files"]}
    machine = from_snapshot({"files": {DLL: NEW}})
    assert state(machine, patch)["verdict"] == "installed"
    flag = state(machine, patch)["patch"]["flag"]
    machine.key(REBOOT_REQUIRED, {flag: Value.from_integer(1)}, volatile=True)
    assert state(machine, patch)["verdict"] == "installed_pending_reboot"


def test_an_old_file_while_its_installer_asks_for_a_reboot() -> None:
    machine = {"boot_time": "2026-11-20T03:12:00Z", "files": {DLL: OLD}}
    exited = PATCH | {"exit_code": 3010, "installed_at": "2026-11-20T04:00:00Z"}
    assert state(machine, exited)["verdict"] == "installed_pending_reboot"
    assert state(machine | {"boot_time": "2026-11-20T05:12:00Z"}, exited)["verdict"] == "missing"


def test_what_goes_wrong_in_thousands_is_one_sentence() -> None:
    moves = [text for number in range(3000) for text in (rf"\??\C:\t\{number}.tmp", rf"!\??\{DLL}")]
    found = state(pending(*moves, files={DLL: OLD}))
    assert found["verdict"] == "missing"
    assert len(found["description"]) < 600
    assert len(found["evidence"]["files"][0]["problems"]) == 3000


def test_a_digest() -> None:
    wanted = {"kb": "KB1000000", "files": [{"path": DLL, "sha256": "AB" * 32}]}
    assert state({"files": {DLL: {"sha256": "ab" * 32}}}, wanted)["verdict"] == "installed"
    assert state({"files": {DLL: {"sha256": "cd" * 32}}}, wanted)["verdict"] == "missing"
    assert state({"files": {DLL: {"version": "1"}}}, wanted)["verdict"] == "unknown"


def test_one_missing_file_of_several_decides() -> None:
    other = r"C:\Windows\system32\other.dll"
    patch = PATCH | {"files": [*PATCH["files"], {"path": other, "version": "1"}]}
    assert state({"files": {DLL: "denied", other: {"version": "0.9"}}}, patch)["verdict"] == "missing"
    assert state({"files": {DLL: "denied", other: {"version": "1"}}}, patch)["verdict"] == "unknown"
    machine = story()
    machine["files"][other] = {"version": "1"}
    assert state(machine, patch)["verdict"] == "installed_pending_reboot"


@pytest.mark.parametrize(
    ("flags", "said"), [(0, "installed"), (1, "reboot_pending"), (2, "reboot_pending"), (3, "installed")]
)
def test_what_mbsa_2_0_made_of_the_flags(flags: int, said: str) -> None:
    machine = {"keys": {r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile": {"values": {"Flags": flags}}}}
    assert state(machine | {"files": {DLL: NEW}})["views"]["mbsa_2_0"] == said


def test_flags_that_may_not_be_read() -> None:
    machine = {"keys": {r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile": "denied"}, "files": {DLL: NEW}}
    found = state(machine)
    assert (found["verdict"], found["views"]["mbsa_2_0"]) == ("installed", "unknown")
