# SPDX-License-Identifier: Apache-2.0
"""The role manual_patch: what it runs, what it understands, and what it refuses."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.host import Host
from ansible_fleet.machines import DLL, LEFT, PACKAGE, PATCH, UPDATE_ID, add_host, package, recorded
from ansible_tests.conftest import Play

PATCH_BY_HAND = """
- hosts: windows
  gather_facts: false
  roles: [pending_reboot.windows.manual_patch]
  post_tasks:
    - ansible.builtin.debug: {msg: "RESULT {{ manual_patch_results | to_json }}"}
"""
VERIFY = """
- hosts: windows
  gather_facts: false
  tasks: [{ansible.builtin.include_role: {name: pending_reboot.windows.manual_patch, tasks_from: verify}}]
"""
REBOOT_REQUIRED = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"


@pytest.fixture
def patch(play: Play, tmp_path: Path) -> Any:
    """Run the role with one package on one host; return the run and the host."""

    def on(described: dict[str, Any], *words: str, machine: Any = None, **behaviour: Any) -> tuple[Any, Host]:
        folder = tmp_path / "hosts"
        if not (folder / "h1").exists():
            add_host(folder, "h1", machine, **behaviour)
        hosts = {"h1": {"simulated_folder": str(folder / "h1")}}
        done = play(PATCH_BY_HAND, hosts, *words, manual_patch_packages=[described])
        return done, Host(folder / "h1")

    return on


def commands(host: Host) -> list[list[str]]:
    return [each["arguments"]["argv"] for each in host.ran() if each["ran"] == "ansible.windows.win_command"]


def results(output: str, host: str = "h1") -> list[dict[str, Any]]:
    """Return what a task of a test printed as the results of a host."""
    match = re.search(rf"\[{host}\] => {{\s*\"msg\": \"RESULT (\S+) END", output)
    assert match, output
    found: list[dict[str, Any]] = json.loads(base64.b64decode(match[1]))
    return found


def flags(host: Host) -> list[str] | None:
    """Return what Windows Update's volatile key lists, None when it is not there."""
    key = host.fixture.reader().find(REBOOT_REQUIRED)
    if key is None:
        return None
    assert key.volatile  # type: ignore[union-attr]
    return [name for name, _ in key.values()]  # type: ignore[union-attr]


def test_it_is_installed_once_and_never_reboots(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path))
    assert done.returncode == 0, done.output
    ((program, *arguments),) = commands(host)
    assert program.endswith("WindowsXP-KB902400-x86-ENU.exe")
    assert arguments == ["/quiet", "/norestart"]
    assert '\\"outcome\\": \\"installed\\", \\"exit_code\\": 3010' in done.output
    assert "installed_pending_reboot" in done.output
    assert [each["ran"] for each in host.ran() if each["ran"] in ("shutdown", "reboot")] == []
    assert host.stat({"path": program})["stat"]["exists"] is False, "the package must be removed"
    again, host = patch(package(tmp_path))
    assert (again.returncode, again.recap["h1"]["changed"]) == (0, 0)
    assert '\\"outcome\\": \\"already_installed\\"' in again.output
    assert len(commands(host)) == 1


def test_another_file_than_promised_is_not_run(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, checksum="0" * 64))
    assert done.returncode == 2
    assert "is not run" in done.output
    assert commands(host) == []


def test_a_file_that_is_damaged_on_its_way_is_not_run(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path), damages_uploads="f" * 64)
    assert (done.returncode, commands(host)) == (2, [])


def test_a_relative_path_is_found_where_ansible_runs(patch: Any, tmp_path: Path) -> None:
    described = package(tmp_path)
    described["file"] = Path(described["file"]).name
    done, host = patch(described)
    assert (done.returncode, len(commands(host))) == (0, 1), done.output


def test_a_file_that_is_not_there_is_told_in_check_mode_too(patch: Any, tmp_path: Path) -> None:
    done, _ = patch({**package(tmp_path), "file": "files/nothing.exe"}, "--check")
    assert done.returncode == 2
    assert "files/nothing.exe cannot be found on the controller" in done.output


def test_arguments_may_be_text(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, arguments="/quiet, /norestart"))
    assert done.returncode == 0, done.output
    assert commands(host)[0][1:] == ["/quiet", "/norestart"]


def test_an_installer_that_begins_a_reboot_is_a_failure(patch: Any, tmp_path: Path) -> None:
    done, _ = patch(package(tmp_path), exit_code=1641)
    assert done.returncode == 2
    assert "give it arguments that keep it from rebooting" in done.output


def test_from_a_url(patch: Any, tmp_path: Path) -> None:
    described = package(tmp_path)
    described["url"] = f"file://{described.pop('file')}"
    done, host = patch(described)
    assert (done.returncode, len(commands(host))) == (0, 1), done.output


def test_what_it_is_called_on_the_host(play: Play, tmp_path: Path) -> None:
    cases = {
        "h1": ("url", "download?id=5", {"type": "msu"}, "download.msu"),
        "h2": ("url", "KB902400.EXE#x86", {"type": "exe"}, "KB902400.EXE"),
        "h3": ("file", "KB902400 #2.exe", {}, "KB902400 #2.exe"),
        "h4": ("file", "is it?", {"type": "exe"}, "is it_.exe"),
    }
    hosts = {}
    for host, (source, name, more, called) in cases.items():
        described = package(tmp_path, **more)
        path = Path(described.pop("file")).rename(tmp_path / name)
        described[source] = f"file://{path}" if source == "url" else str(path)
        installers = {called: {"exit_code": 3010, "machine": LEFT}}
        hosts[host] = add_host(tmp_path / "hosts", host, installers=installers) | {"manual_patch_packages": [described]}
    done = play(PATCH_BY_HAND, hosts)
    assert done.returncode == 0, done.output
    for host, (*_, called) in cases.items():
        assert [word for word in commands(Host(tmp_path / "hosts" / host))[0] if word.endswith(f"\\{called}")]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (1603, "1603: failed (ERROR_INSTALL_FAILURE)"),
        (-2147023293, "failed (ERROR_INSTALL_FAILURE)"),
        (3017, "a reboot is required to roll it back"),
        (77, "unknown exit code 77"),
    ],
)
def test_an_installer_that_fails(patch: Any, tmp_path: Path, code: int, says: str) -> None:
    done, host = patch(package(tmp_path), exit_code=code, installer={})
    assert done.returncode == 2
    assert says in done.output
    assert host.stat({"path": commands(host)[0][0]})["stat"]["exists"] is False


def test_a_program_that_does_not_start_has_no_exit_code(patch: Any, tmp_path: Path) -> None:
    done, _ = patch(package(tmp_path), installers={})
    assert done.returncode == 2
    assert "there is no program" in done.output
    assert "the installer exited with" not in done.output


def test_each_host_has_its_own_order(play_at_both_ends: Play, tmp_path: Path) -> None:
    one, two = package(tmp_path, arguments=["/one"]), package(tmp_path, arguments=["/two"])
    for number, described in enumerate((one, two)):
        described["patch"] = {"registry": [rf"SOFTWARE\Test\{number}"]}
    installers = {
        f"/{word}": {"exit_code": 0, "machine": {"keys": {rf"SOFTWARE\Test\{number}": {}}}}
        for number, word in enumerate(("one", "two"))
    }
    orders = {"h1": [one, two], "h2": [two, one], "h3": [two]}
    hosts = {
        name: add_host(tmp_path / "hosts", name, installers=installers) | {"manual_patch_packages": packages}
        for name, packages in orders.items()
    }
    done = play_at_both_ends(PATCH_BY_HAND, hosts)
    assert done.returncode == 0, done.output
    for name, packages in orders.items():
        ran = [arguments for _program, *arguments in commands(Host(tmp_path / "hosts" / name))]
        assert ran == [described["arguments"] for described in packages]


def test_become_of_the_play_holds_for_the_installer(play: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    words = "  become: true\n  become_method: ansible.builtin.runas\n  become_user: patcher\n  roles:"
    done = play(PATCH_BY_HAND.replace("  roles:", words), hosts, manual_patch_packages=[package(tmp_path)])
    assert done.returncode == 0, done.output
    ran = [each for each in Host(tmp_path / "hosts/h1").ran() if each["ran"] == "ansible.windows.win_command"]
    assert [each["become"] for each in ran] == ["patcher"]


@pytest.mark.parametrize("code", [0x80240017, -2145124329, 1642])
def test_an_installer_that_says_that_the_patch_is_not_for_this_host(patch: Any, tmp_path: Path, code: int) -> None:
    done, _ = patch(package(tmp_path), exit_code=code, installer={})
    assert done.returncode == 0, done.output
    assert '\\"outcome\\": \\"not_applicable\\"' in done.output


def test_a_reboot_that_the_installer_wants_is_flagged_before_anything_else_can_fail(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path), installer={"files": {DLL: "denied"}})
    assert done.returncode == 2
    assert "but the patch is unknown" in done.output
    assert flags(host) == [UPDATE_ID]


def test_a_reboot_that_the_installer_wants_is_not_flagged_where_that_is_not_wanted(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, flag=False))
    assert (done.returncode, flags(host)) == (0, None), done.output


def test_an_installer_that_does_not_end(play_at_both_ends: Play, tmp_path: Path) -> None:
    hangs = {"installers": {PACKAGE: {"exit_code": 0, "hangs": 30}}}
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", **hangs)}
    variables = {"manual_patch_packages": [package(tmp_path)], "manual_patch_install_timeout": 2}
    done = play_at_both_ends(PATCH_BY_HAND, hosts, **variables)
    assert (done.recap["h1"]["failed"], done.recap["h1"]["unreachable"]) == (1, 0), done.output
    says = "KB902400: the installer did not end within 2 seconds, and may still be running"
    assert done.report["h1"]["comment"] == says


def test_an_installer_that_says_success_and_installs_nothing(patch: Any, tmp_path: Path) -> None:
    done, _ = patch(package(tmp_path), exit_code=0, installer={})
    assert done.returncode == 2
    assert "the installer exited with 0 (success), but the patch is missing" in done.output


def test_what_cannot_be_told_is_not_installed(patch: Any, tmp_path: Path) -> None:
    machine = recorded("clear") | {"files": {DLL: "denied"}}
    done, host = patch(package(tmp_path), machine=machine)
    assert (done.returncode, commands(host)) == (2, [])
    assert "is not run, because its state is not known" in done.output


def test_it_is_there_and_only_whether_it_waits_is_not_known(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, flag=True), machine=recorded("denied", patched=True))
    assert (done.returncode, commands(host)) == (0, []), done.output
    assert '\\"outcome\\": \\"already_installed\\"' in done.output
    assert '\\"verdict\\": \\"unknown\\"' in done.output


def test_it_was_installed_and_only_whether_it_waits_is_not_known(patch: Any, tmp_path: Path) -> None:
    in_place = {"files": recorded("clear", patched=True)["files"]}
    done, _ = patch(package(tmp_path), machine=recorded("denied"), exit_code=0, installer=in_place)
    assert done.returncode == 0, done.output
    assert '\\"outcome\\": \\"installed\\"' in done.output
    assert '\\"verdict\\": \\"unknown\\"' in done.output


def test_not_for_this_host(patch: Any, tmp_path: Path) -> None:
    described = package(tmp_path, patch={**PATCH, "applies_to": {"key": r"SOFTWARE\Microsoft\COM3"}})
    done, host = patch(described)
    assert (done.returncode, commands(host)) == (0, [])
    assert '\\"outcome\\": \\"not_applicable\\"' in done.output


def test_the_flag_is_written_where_it_waits(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, flag=True))
    assert done.returncode == 0, done.output
    assert flags(host) == [UPDATE_ID]


def test_there_is_no_flag_where_nothing_waits(patch: Any, tmp_path: Path) -> None:
    done, host = patch(
        package(tmp_path, flag=True), exit_code=0, installer={"files": recorded("clear", patched=True)["files"]}
    )
    assert done.returncode == 0, done.output
    assert flags(host) is None


PACKAGE_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"


@pytest.mark.parametrize(
    ("name", "command", "user"),
    [
        ("app.msi", ["msiexec.exe", "/i", None, "/qn", "/norestart", "A=1"], None),
        ("windows10.0-kb5031356-x64.msu", ["wusa.exe", None, "/quiet", "/norestart", "A=1"], "SYSTEM"),
        ("kb5031356.cab", ["dism.exe", "/online", "/add-package", None, "/quiet", "/norestart", "A=1"], None),
    ],
)
def test_kinds_of_packages(patch: Any, tmp_path: Path, name: str, command: list[Any], user: str | None) -> None:
    described = package(tmp_path, name="5031356", arguments=["A=1"])
    described["file"] = str(Path(described["file"]).rename(tmp_path / name))
    if not name.endswith(".msi"):
        described["patch"] = {"package": "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.3570.*"}
    package_name = "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.3570.1.0"
    state = {rf"{PACKAGE_KEY}\{package_name}": {"values": {"CurrentState": 0x60}}}
    left = {**LEFT, "keys": {**LEFT["keys"], **state}}
    installers = {name: {"exit_code": 3010, "machine": left}}
    clear = recorded("clear")
    machine = {**clear, "keys": {**clear["keys"], PACKAGE_KEY: {}}}
    done, host = patch(described, machine=machine, installers=installers)
    assert done.returncode == 0, done.output
    (ran,) = commands(host)
    assert len(ran) == len(command)
    assert all(name in one if wanted is None else one == wanted for one, wanted in zip(ran, command, strict=True))
    assert "installed_pending_reboot" in done.output
    assert host.become() == ([user] if user else [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"checksum": "abc"},
        {"url": "https://example.com/a.exe"},
        {"file": "a.zip"},
        {"patch": {"kb": "KB902400"}},
        {"patch": {}},
        {"patch": {"files": [{"path": "clbcatq.dll"}]}},
    ],
)
def test_a_package_that_is_described_wrongly(patch: Any, tmp_path: Path, wrong: dict[str, Any]) -> None:
    done, host = patch({**package(tmp_path), **wrong})
    assert (done.returncode, commands(host)) == (2, []), done.output
    assert "Traceback" not in done.output


def test_a_patch_that_only_its_update_id_tells(patch: Any, tmp_path: Path) -> None:
    done, host = patch(package(tmp_path, patch={"update_id": UPDATE_ID}))
    assert (done.returncode, host.ran()) == (2, [])
    assert "KB902400: give the patch files, a package or registry marks" in done.output


def test_times_that_are_not_quoted(play_at_both_ends: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1", recorded("clear", patched=True))}
    described = package(tmp_path, patch={**PATCH, "exit_code": 3010, "installed_at": "TIME"})
    packages = json.dumps([described]).replace('"TIME"', "2099-11-20T03:20:00Z")
    words = f"  vars: {{manual_patch_packages: {packages}}}\n  roles:"
    verify = """    - ansible.builtin.include_role: {name: pending_reboot.windows.manual_patch, tasks_from: verify}
      vars: {manual_patch_expected: [installed_pending_reboot]}
"""
    done = play_at_both_ends(PATCH_BY_HAND.replace("  roles:", words) + verify, hosts)
    assert done.returncode == 0, done.output
    assert '\\"outcome\\": \\"already_installed\\"' in done.output
    assert '\\"verdict\\": \\"installed_pending_reboot\\"' in done.output


def test_a_package_that_fails_is_in_the_results(play_at_both_ends: Play, tmp_path: Path) -> None:
    cases = {
        "h1": ({"checksum": "abc"}, 0, "unknown", "give either file or url"),
        "h2": ({"checksum": "0" * 64}, 0, "missing", "it is not run"),
        "h3": ({}, 1603, "unknown", "the installer exited with 1603"),
    }
    hosts = {}
    for host, (wrong, code, *_) in cases.items():
        packages = [package(tmp_path, **wrong), package(tmp_path)]
        made = add_host(tmp_path / "hosts", host, installer={}, exit_code=code)
        hosts[host] = made | {"manual_patch_packages": packages}
    keep = """
- hosts: windows
  gather_facts: false
  tasks:
    - block: [{ansible.builtin.include_role: {name: pending_reboot.windows.manual_patch}}]
      rescue: [{ansible.builtin.debug: {msg: "RESULT {{ manual_patch_results | to_json | b64encode }} END"}}]
"""
    done = play_at_both_ends(keep, hosts)
    for host, (_, code, verdict, says) in cases.items():
        (result,) = results(done.output, host)
        assert (result["name"], result["outcome"], result["verdict"]) == ("KB902400", "failed", verdict)
        assert result["exit_code"] == (code or None)
        assert says in result["description"]
        assert done.report[host]["patches"] == [{"name": "KB902400", "verdict": verdict}]


def test_verify(play: Play, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    hosts = {"old": add_host(folder, "old"), "new": add_host(folder, "new", recorded("clear", patched=True))}
    done = play(VERIFY, hosts, manual_patch_packages=[package(tmp_path)])
    assert (done.recap["old"]["failed"], done.recap["new"]["failed"]) == (1, 0), done.output
    assert "2001.12.4720.10 is wanted" in done.output


def test_verify_keeps_what_the_installation_left(play_at_both_ends: Play, tmp_path: Path) -> None:
    hosts = {"h1": add_host(tmp_path / "hosts", "h1")}
    both = """
- hosts: windows
  gather_facts: false
  roles: [pending_reboot.windows.manual_patch]
  post_tasks:
    - ansible.builtin.include_role: {name: pending_reboot.windows.manual_patch, tasks_from: verify}
      vars: {manual_patch_expected: [installed_pending_reboot]}
    - ansible.builtin.debug: {msg: "RESULT {{ manual_patch_results | to_json | b64encode }} END"}
"""
    done = play_at_both_ends(both, hosts, manual_patch_packages=[package(tmp_path), package(tmp_path)])
    assert done.returncode == 0, done.output
    found = [(each["outcome"], each["exit_code"], each["verdict"]) for each in results(done.output)]
    assert found == [
        ("installed", 3010, "installed_pending_reboot"),
        ("already_installed", None, "installed_pending_reboot"),
    ]


def test_verify_says_in_plain_words_that_a_host_is_lost(play: Play, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    hosts = {"off": add_host(folder, "off", off=True), "flaps": add_host(folder, "flaps", flaps=1)}
    Host(folder / "flaps").note("reboot")
    done = play(VERIFY, hosts, manual_patch_packages=[package(tmp_path)])
    assert done.report["off"]["comment"] == "is lost: it is switched off"
    assert done.report["flaps"]["comment"].startswith("is lost: the connection broke off (ConnectionError)")


@pytest.mark.parametrize("module", ["win_tempfile", "win_copy", "win_stat"])
def test_a_host_that_is_lost_between_two_packages_is_a_failure(play: Play, tmp_path: Path, module: str) -> None:
    first = package(tmp_path)
    other = {**first, "name": "Other", "patch": {"files": [{"path": r"C:\other.dll", "version": "1"}]}}
    dies_at = {f"ansible.windows.{module}": {"win_tempfile": 2, "win_copy": 3, "win_stat": 2}[module]}
    hosts = {"h1": add_host(tmp_path, "h1", dies_at=dies_at)}
    done = play(PATCH_BY_HAND, hosts, manual_patch_packages=[first, other])
    assert (done.recap["h1"]["failed"], done.recap["h1"]["unreachable"]) == (1, 0), done.output
    assert done.report["h1"]["comment"] == "Other: the host is lost after an earlier package was installed"


def test_a_patch_with_a_title_of_its_own_is_flagged_as_it_is_looked_for(patch: Any, tmp_path: Path) -> None:
    described = package(tmp_path, name="Agent", patch={"title": "AgentX 5", "files": PATCH["files"]})
    done, host = patch(described, installer={"files": recorded("clear", patched=True)["files"]})
    assert (done.returncode, flags(host)) == (0, ["AgentX 5"]), done.output
    again, _ = patch(described)
    assert '\\"verdict\\": \\"installed_pending_reboot\\"' in again.output
