# SPDX-License-Identifier: Apache-2.0
"""The lab is built once and whole, or says in one line why it cannot be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from windows_lab import build, fixtures, template, wine
from windows_lab.errors import LabUnavailableError
from windows_lab.windows_python import HERE

PINNED = re.compile(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}")
NOTHING = wine.Wine(Path("/bin/true"), Path("/bin/true"), "none")


@pytest.mark.parametrize("file", sorted(HERE.glob("requirements-*.txt")), ids=lambda file: str(file.name))
def test_everything_is_pinned_with_its_hash(file: Path) -> None:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_the_key_tells_content_apart(tmp_path: Path) -> None:
    file = tmp_path / "pins"
    file.write_text("a")
    first = build.key([file], ["3.11.7"])
    assert build.key([file], ["3.11.7"]) == first
    assert build.key([file], ["3.11.9"]) != first
    file.write_text("b")
    assert build.key([file], ["3.11.7"]) != first


def test_a_build_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        (target / "file").touch()
        time.sleep(0.2)

    folder = tmp_path / "builds/base"
    threads = [threading.Thread(target=build.build_once, args=[folder, build.silent, make]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert [path.name for path in folder.parent.iterdir() if path.name != "lock"] == ["base"]
    assert (folder / "file").exists()
    assert build.build_once(folder, build.silent, make) is False


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").touch()
        raise LabUnavailableError("no network")

    with pytest.raises(LabUnavailableError):
        build.build_once(tmp_path / "base", build.silent, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_an_interrupted_build_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "other.part-killed").mkdir()
    assert build.build_once(tmp_path / "base", build.silent, lambda _target: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "lock"]


def test_the_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(build.VARIABLE, str(tmp_path))
    assert build.root() == tmp_path
    monkeypatch.delenv(build.VARIABLE)
    assert build.root().parts[-2:] == (".cache", "windows-lab")


@pytest.mark.parametrize(
    ("machine", "user", "apt", "why"),
    [
        ("aarch64", 0, True, "the lab needs Linux on x86-64, this is Linux on aarch64"),
        ("x86_64", 1000, True, "only root may install"),
        ("x86_64", 0, False, "there is no apt"),
    ],
)
def test_why_it_cannot_be(monkeypatch: pytest.MonkeyPatch, machine: str, user: int, apt: bool, why: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if apt and name == "apt-get" else None)
    monkeypatch.setattr(wine, "find", lambda: None)
    with pytest.raises(LabUnavailableError, match=why) as raised:
        wine.require(build.silent)
    assert "\n" not in str(raised.value)


def test_without_it_tests_are_skipped_but_fail_in_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> None:
        raise LabUnavailableError("there is no apt")

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Windows lab: there is no apt"):
        fixtures._built(unavailable)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="must work under CI=true: there is no apt"):
        fixtures._built(unavailable)


def test_a_machine_shares_the_large_files_of_windows_only(tmp_path: Path) -> None:
    large = "drive_c/windows/system32/large.dll"
    content = {large: 20_000, "drive_c/windows/win.ini": 10, "drive_c/users/large": 20_000, "system.reg": 20_000}
    for name, size in content.items():
        file = tmp_path / "template" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
    copy = tmp_path / "copy"
    template.copy_machine(tmp_path / "template", copy)
    assert {name: (copy / name).stat().st_size for name in content} == content
    assert [name for name in content if (copy / name).stat().st_nlink > 1] == [large]


def test_only_machines_of_ended_tests_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (f"{ended.pid}-0-x", f"{os.getpid()}-0-x", "other"):
        (tmp_path / name / "prefix").mkdir(parents=True)
    template.remove_abandoned(NOTHING, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{os.getpid()}-0-x", "other"])


def test_paths_as_windows_names_them() -> None:
    assert wine.windows_path(Path("/srv/a b/c")) == r"Z:\srv\a b\c"
