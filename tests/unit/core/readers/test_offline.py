# SPDX-License-Identifier: Apache-2.0
"""Hives and mounted disks as readers: what is found where, and what a disk cannot tell."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pending_reboot import HiveError, InputError, offline_facts
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.registry import REG_BINARY, Value
from pending_reboot_tools.hive_writer import build_hive
from pending_reboot_tools.sample import SESSION_MANAGER, Machine, healthy, rename

VOLATILE = (
    "windows_update",
    "update_exe_volatile",
    "windows_update_agent",
    "component_based_servicing",
    "pending_computer_rename",
    "post_reboot_reporting",
    "windows_update_ux",
    "desired_state_configuration",
    "install_witness",
)
LOST = "volatile keys went with the shutdown; the next start is the reboot they asked for"


def nothing(_: MemoryRegistry) -> None:
    """A machine that waits for nothing."""


def driver(registry: MemoryRegistry) -> None:
    rename(registry, r"\??\C:\Windows\system32\drivers\SET1.tmp", r"!\??\C:\Windows\system32\drivers\a.sys")


@pytest.fixture
def disk(tmp_path: Path) -> Callable[..., Path]:
    """Makes a volume with a Windows on it."""

    def make(fill: Callable[[MemoryRegistry], None] = nothing, *, dirty: bool = False) -> Path:
        return Machine("PC1", "", fill, dirty).write(tmp_path)

    return make


def hive(path: Path, registry: MemoryRegistry, name: str, **options: Any) -> str:
    """Write one hive of a registry and return its path."""
    root = registry.root.child(name)
    assert root is not None
    path.write_bytes(build_hive(root, file_name=name, **options))
    return str(path)


def states(facts: Any) -> dict[str, str]:
    return {id_: result.state for id_, result in facts.sources.items()}


class TestWhatADiskCannotTell:
    def test_shut_down(self, disk: Callable[..., Path]) -> None:
        facts = offline_facts(str(disk()))
        assert {id_ for id_, state in states(facts).items() if state == "not_applicable"} == {
            *VOLATILE,
            "configuration_manager",
        }
        assert {facts.sources[id_].description for id_ in VOLATILE} == {LOST}
        assert (facts.state, facts.complete, facts.reboot_required) == ("clear", True, False)
        assert facts.collected.warnings == ()

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ("running", "volatile keys are not in a hive file, and the machine is running"),
            (
                "dirty",
                "volatile keys are not in a hive file, and the machine was running or crashed"
                " (dirty: SYSTEM, SOFTWARE)",
            ),
            (
                "hibernated",
                "volatile keys are not in a hive file, and the machine is hibernated or was shut down with fast startup"
                " (hiberfil.sys holds its session)",
            ),
        ],
    )
    def test_running_crashed_or_hibernated(self, disk: Callable[..., Path], how: str, reason: str) -> None:
        volume = disk(dirty=how == "dirty")
        if how == "hibernated":
            (volume / "HiberFil.SYS").write_bytes(b"HIBR" + bytes(100))
        facts = offline_facts(str(volume), running=how == "running")
        assert {id_ for id_, state in states(facts).items() if state == "unknown"} == set(VOLATILE)
        assert facts.sources["windows_update"].description == f"not known: {reason}"
        assert facts.sources["windows_update"].to_dict()["error"] == {
            "kind": "unsupported",
            "code": None,
            "message": reason,
        }
        assert (facts.state, facts.complete, facts.reboot_required) == ("unknown", False, False)

    @pytest.mark.parametrize("content", [b"", bytes(4096), b"WAKE" + bytes(100), b"wake"])
    def test_a_session_that_was_resumed_is_over(self, disk: Callable[..., Path], content: bytes) -> None:
        volume = disk()
        (volume / "hiberfil.sys").write_bytes(content)
        assert offline_facts(str(volume)).state == "clear"

    @pytest.mark.parametrize("content", [b"hibr", b"RSTR" + bytes(10), b"\x81\x81xpress"])
    def test_any_other_content_counts_as_a_session(self, disk: Callable[..., Path], content: bytes) -> None:
        volume = disk()
        (volume / "hiberfil.sys").write_bytes(content)
        assert offline_facts(str(volume)).state == "unknown"

    def test_a_dirty_hive_without_logs_is_said(self, disk: Callable[..., Path]) -> None:
        warnings = offline_facts(str(disk(dirty=True))).collected.warnings
        assert len(warnings) == 2
        assert warnings[0].endswith(
            "SYSTEM: dirty (sequence numbers 2 and 1) and no transaction logs lie beside it:"
            " up to an hour of changes may be missing"
        )

    def test_a_hive_that_was_not_given_is_unknown(self, tmp_path: Path) -> None:
        facts = offline_facts(system=hive(tmp_path / "SYSTEM", healthy("PC1"), "SYSTEM"))
        assert facts.sources["server_manager"].description == "not known: no SOFTWARE hive was given"
        assert states(facts)["pending_file_rename"] == "clear"
        assert facts.state == "unknown"

    def test_volatile_keys_are_not_written(self, tmp_path: Path) -> None:
        registry = healthy("PC1")
        key = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
        registry.key(key, volatile=True)
        path = hive(tmp_path / "SOFTWARE", registry, "SOFTWARE")
        assert states(offline_facts(software=path))["windows_update"] == "not_applicable"
        registry.delete(key)
        registry.key(key)
        path = hive(tmp_path / "SOFTWARE", registry, "SOFTWARE")
        assert states(offline_facts(software=path))["windows_update"] == "pending"


class TestFindingWindows:
    @pytest.mark.parametrize("place", ["", "Windows", "Windows/System32/config"])
    def test_volume_windows_or_config_directory(self, disk: Callable[..., Path], place: str) -> None:
        assert offline_facts(str(disk(driver) / place)).state == "pending"

    @pytest.mark.parametrize(
        ("where", "given"), [("Windows", "."), ("Windows/System32", ".."), (".", "Windows/System32/config")]
    )
    def test_traces_are_found_from_anywhere(
        self, disk: Callable[..., Path], where: str, given: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        volume = disk()
        (volume / "hiberfil.sys").write_bytes(b"HIBR")
        (volume / "Windows" / "WinSxS").mkdir()
        (volume / "Windows" / "WinSxS" / "pending.xml").touch()
        monkeypatch.chdir(volume / where)
        facts = offline_facts(given)
        assert states(facts)["component_based_servicing"] == "pending"
        assert states(facts)["windows_update"] == "unknown"

    def test_named_hives_are_taken_with_what_lies_around_them(self, disk: Callable[..., Path]) -> None:
        volume = disk()
        (volume / "hiberfil.sys").write_bytes(b"HIBR")
        config = volume / "Windows/System32/config"
        facts = offline_facts(system=str(config / "SYSTEM"), software=str(config / "SOFTWARE"))
        assert states(facts)["windows_update"] == "unknown"

    def test_a_hive_that_was_found_but_is_none_hides_no_other(self, disk: Callable[..., Path]) -> None:
        volume = disk(driver)
        (volume / "Windows/System32/config/SOFTWARE").write_bytes(b"garbage" * 1000)
        facts = offline_facts(str(volume))
        assert (facts.state, facts.complete) == ("pending", False)
        assert facts.sources["intune"].to_dict()["error"]["kind"] == "failed"  # type: ignore[index]
        assert facts.collected.warnings[0].startswith("SOFTWARE cannot be read, what it would tell is unknown: ")
        with pytest.raises(HiveError):
            offline_facts(software=str(volume / "Windows/System32/config/SOFTWARE"))

    def test_letter_case_does_not_matter(self, tmp_path: Path) -> None:
        config = tmp_path / "WINNT" / "system32" / "CONFIG"
        config.mkdir(parents=True)
        registry = healthy("PC1")
        driver(registry)
        hive(config / "system", registry, "SYSTEM")
        hive(config / "Software", registry, "SOFTWARE")
        facts = offline_facts(str(tmp_path))
        assert (facts.state, facts.complete) == ("pending", True)

    def test_pending_xml(self, disk: Callable[..., Path]) -> None:
        volume = disk()
        (volume / "Windows" / "winsxs").mkdir()
        (volume / "Windows" / "winsxs" / "Pending.XML").write_bytes(b"<x/>")
        result = offline_facts(str(volume)).sources["component_based_servicing"]
        assert (result.state, result.evidence["pending_xml"]["size"]) == ("pending", 4)  # type: ignore[index]

    def test_components(self, disk: Callable[..., Path]) -> None:
        volume = disk()
        registry = MemoryRegistry()
        registry.key("COMPONENTS", {"PendingXmlIdentifier": Value(REG_BINARY, b"\x01\x02")})
        hive(volume / "Windows/System32/config/components", registry, "COMPONENTS")
        result = offline_facts(str(volume)).sources["component_based_servicing"]
        assert result.description == "the component store has unfinished work (PendingXmlIdentifier)"

    def test_a_dirty_component_store_says_nothing_about_the_shutdown(self, disk: Callable[..., Path]) -> None:
        volume = disk()
        registry = MemoryRegistry()
        registry.key("COMPONENTS")
        hive(volume / "Windows/System32/config/COMPONENTS", registry, "COMPONENTS", dirty=True)
        facts = offline_facts(str(volume))
        assert facts.state == "clear"
        assert len(facts.collected.warnings) == 1

    def test_no_windows(self, tmp_path: Path) -> None:
        (tmp_path / "Windows").mkdir()
        with pytest.raises(InputError, match=r"no Windows found \(no System32/config/SYSTEM below it\)"):
            offline_facts(str(tmp_path))

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"gone: cannot be listed: No such file or directory$"):
            offline_facts(str(tmp_path / "gone"))


class TestControlSets:
    def registry(self, **select: int) -> MemoryRegistry:
        """Two control sets; only the second one has a driver to replace."""
        registry = healthy("PC1")
        registry.key(r"SYSTEM\ControlSet002\Control\Session Manager")
        registry.delete(r"SYSTEM\Select")
        registry.key(r"SYSTEM\Select", {name: Value.from_integer(number) for name, number in select.items()})
        driver(registry)
        return registry

    def test_the_current_one_is_read(self, tmp_path: Path) -> None:
        first = hive(tmp_path / "1", self.registry(Current=1, Default=2), "SYSTEM")
        second = hive(tmp_path / "2", self.registry(Current=2, Default=1), "SYSTEM")
        assert states(offline_facts(system=first))["pending_file_rename"] == "pending"
        assert states(offline_facts(system=second))["pending_file_rename"] == "clear"

    def test_the_default_one_stands_in(self, tmp_path: Path) -> None:
        facts = offline_facts(system=hive(tmp_path / "1", self.registry(Current=9, Default=1), "SYSTEM"))
        assert states(facts)["pending_file_rename"] == "pending"
        assert facts.collected.warnings[0].endswith("Select!Current is no control set, ControlSet001 is read")

    def test_none_that_exists(self, tmp_path: Path) -> None:
        path = hive(tmp_path / "1", self.registry(Current=7, Default=8), "SYSTEM")
        with pytest.raises(HiveError, match=r"1: Select names no control set that exists$"):
            offline_facts(system=path)


class TestBadInput:
    def test_nothing_given(self) -> None:
        with pytest.raises(InputError, match=r"^give a mounted Windows, or hives, or \.reg exports$"):
            offline_facts()

    def test_two_kinds_given(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"^give a mounted Windows, or hives, or \.reg exports$"):
            offline_facts(str(tmp_path), system="x")

    def test_the_wrong_hive(self, tmp_path: Path) -> None:
        path = hive(tmp_path / "S", healthy("PC1"), "SOFTWARE")
        with pytest.raises(HiveError, match=r"S: is no SYSTEM hive \(it has no key Select\)$"):
            offline_facts(system=path)

    def test_a_damaged_key_is_unknown_and_the_rest_is_read(self, tmp_path: Path) -> None:
        registry = healthy("PC1")
        driver(registry)
        path = Path(hive(tmp_path / "SYSTEM", registry, "SYSTEM"))
        data = path.read_bytes()
        at = data.index(b"Session Manager")
        # 76 bytes before a key's name its record begins with "nk".
        assert data[at - 76 : at - 74] == b"nk"
        path.write_bytes(data[: at - 76] + b"xx" + data[at - 74 :])
        facts = offline_facts(system=str(path))
        assert states(facts)["pending_file_rename"] == "unknown"
        assert "damaged" in facts.sources["pending_file_rename"].description
        assert states(facts)["domain_join"] == "clear"

    def test_a_directory_that_may_not_be_listed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: Path) -> None:
            raise PermissionError(13, "Permission denied")  # root, who may run this, is refused nothing

        monkeypatch.setattr(Path, "iterdir", refuse)
        with pytest.raises(InputError, match="Permission denied"):
            offline_facts(str(tmp_path))


def test_logs_beside_a_hive_are_found_in_any_letter_case(disk: Callable[..., Path]) -> None:
    volume = disk(dirty=True)
    config = volume / "Windows/System32/config"
    (config / "system.log1").write_bytes(b"no log")
    shutil.copy(config / "system.log1", config / "SYSTEM.Log2")
    warnings = offline_facts(str(volume)).collected.warnings
    assert any("its transaction logs do not complete it" in warning for warning in warnings)


def test_long_values_are_read_whole(tmp_path: Path) -> None:
    registry = healthy("PC1")
    names = [rf"\??\C:\Temp\{number:04}" for number in range(3000)]
    registry.key(
        SESSION_MANAGER,
        {"PendingFileRenameOperations": Value.from_strings([text for name in names for text in (name, "")])},
    )
    facts = offline_facts(system=hive(tmp_path / "SYSTEM", registry, "SYSTEM"))
    assert [operation.source for operation in facts.file_operations] == [name[4:] for name in names]


def test_a_package_that_damage_hides_is_unknown(tmp_path: Path) -> None:
    data = Path(hive(tmp_path / "SOFTWARE", healthy("PC1"), "SOFTWARE")).read_bytes()
    at = data.index(b"Package_3_for") - 76
    (tmp_path / "SOFTWARE").write_bytes(data[:at] + b"xx" + data[at + 2 :])
    facts = offline_facts(software=str(tmp_path / "SOFTWARE"))
    assert facts.sources["component_based_servicing"].evidence["packages"] == 3
    assert facts.sources["component_based_servicing"].state == "unknown"
