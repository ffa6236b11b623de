# SPDX-License-Identifier: Apache-2.0
"""Patch state from a mounted disk: the mission's story, and files that are not where a path says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pending_reboot import InputError, offline_patch_states, patches_from
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot_tools.sample import Machine, rename
from support.pe import program

PATCH: dict[str, Any] = {
    "kb": "KB902400",
    "update_id": "9306cdfc-c4a1-4a22-9996-848cc67eddc3",
    "files": [{"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "2001.12.4720.10"}],
}


def by_hand(registry: MemoryRegistry) -> None:
    rename(registry, r"\??\C:\Windows\system32\SET31.tmp", r"!\??\C:\Windows\system32\CLBCATQ.DLL")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume on which KB902400 was run by hand, before the reboot."""
    volume = Machine("LEGACY01", "", by_hand).write(tmp_path)
    put(volume, "clbcatq.dll", program("2001.12.4720.9"))
    put(volume, "SET31.tmp", program("2001.12.4720.10"))
    return volume


def put(volume: Path, name: str, content: bytes) -> Path:
    (folder,) = (each for each in (volume / "Windows").iterdir() if each.name.lower() == "system32")
    (folder / name).write_bytes(content)
    return folder / name


def state(volume: Path, patch: dict[str, Any] = PATCH) -> dict[str, Any]:
    (found,) = offline_patch_states(patches_from(patch), str(volume))
    return found.to_dict()


def test_the_story(volume: Path) -> None:
    found = state(volume)
    assert found["verdict"] == "installed_pending_reboot", found["description"]
    assert {name: found["views"][name] for name in ("mbsa_1_2", "wua", "itmu")} == {
        "mbsa_1_2": "applicable",
        "wua": "installed",
        "itmu": "installed",
    }
    (file,) = found["evidence"]["files"]
    assert file["in_place"]["version"] == "2001.12.4720.9"
    assert (file["effective"]["version"], file["effective"]["path"]) == (
        "2001.12.4720.10",
        r"C:\Windows\system32\SET31.tmp",
    )


def test_the_staged_file_is_gone(volume: Path) -> None:
    next(volume.rglob("SET31.tmp")).unlink()
    found = state(volume)
    assert found["verdict"] == "missing"
    assert "SET31.tmp is not there, so it does not become" in found["description"]


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "the file is empty"), (b"text", "is no program"), (program(None), "has no version")]
)
def test_a_staged_file_without_a_version(volume: Path, content: bytes, says: str) -> None:
    put(volume, "SET31.tmp", content)
    found = state(volume)
    assert (found["verdict"], says in found["description"]) == ("unknown", True), found["description"]


def test_a_link_that_leads_out_of_the_volume(volume: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.dll"
    outside.write_bytes(program("9.9.9.9"))
    file = put(volume, "clbcatq.dll", b"")
    file.unlink()
    file.symlink_to(outside)
    next(volume.rglob("SET31.tmp")).unlink()
    found = state(volume)
    assert (found["verdict"], "leads out of the volume" in found["description"]) == ("unknown", True)


def test_links_that_lead_in_a_circle(volume: Path) -> None:
    file = put(volume, "loop.dll", b"")
    file.unlink()
    file.symlink_to("loop.dll")
    found = state(volume, PATCH | {"files": [{"path": r"%windir%\system32\loop.dll", "version": "1"}]})
    assert found["verdict"] == "unknown"


def test_a_windows_directory_by_another_name(volume: Path) -> None:
    """Not the one of another machine that lies beside it."""
    (volume / "Windows").rename(volume / "web01-windows")
    assert state(volume / "web01-windows")["verdict"] == "installed_pending_reboot"
    other = volume / "Windows/system32"
    other.mkdir(parents=True)
    (other / "clbcatq.dll").write_bytes(program("2001.12.4720.11"))
    found = state(volume / "web01-windows")
    assert found["evidence"]["files"][0]["in_place"]["version"] == "2001.12.4720.9"


def test_a_path_through_a_file(volume: Path) -> None:
    put(volume, "plain.dll", program("1.0.0.0"))
    wanted = PATCH | {"files": [{"path": r"%windir%\system32\plain.dll\x.dll", "version": "1"}]}
    found = state(volume, wanted)
    assert found["verdict"] == "missing", found["description"]
    assert found["description"].endswith("x.dll is not there")


def test_another_volume_is_not_known(volume: Path) -> None:
    found = state(volume, PATCH | {"files": [{"path": r"D:\app\a.dll", "version": "1"}]})
    assert (found["verdict"], "is not on the volume that is read (C:)" in found["description"]) == ("unknown", True)


def test_a_digest(volume: Path) -> None:
    digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"  # of "content"
    put(volume, "a.txt", b"content")
    wanted = {"kb": "KB902400", "files": [{"path": r"%windir%\System32\A.TXT", "sha256": digest}]}
    assert state(volume, wanted)["verdict"] == "installed"
    put(volume, "a.txt", b"other")
    assert state(volume, wanted)["verdict"] == "missing"


def test_hives_alone_and_with_a_root(volume: Path) -> None:
    hives = {name.lower(): str(next(volume.rglob(name))) for name in ("SYSTEM", "SOFTWARE")}
    moved = {}
    for name, path in hives.items():
        moved[name] = str(volume.parent / f"copy-{name}")
        Path(moved[name]).write_bytes(Path(path).read_bytes())
    patches = patches_from(PATCH)
    (alone,) = offline_patch_states(patches, **moved)
    assert (alone.verdict, "only hives were given" in alone.description) == ("unknown", True)
    (rooted,) = offline_patch_states(patches, **moved, root=str(volume))
    assert rooted.verdict == "installed_pending_reboot"
    (elsewhere,) = offline_patch_states(patches, **moved, root=str(volume / "Windows"))
    assert (elsewhere.verdict, r"C:\Windows is not on the volume" in elsewhere.description) == ("unknown", True)
    with pytest.raises(InputError, match="none: is no directory"):
        offline_patch_states(patches, **moved, root=str(volume / "none"))
    (beside,) = offline_patch_states(patches, **hives)
    assert beside.verdict == "installed_pending_reboot"


def test_what_cannot_be_used() -> None:
    with pytest.raises(InputError, match="give a mounted Windows, or hives"):
        offline_patch_states(patches_from(PATCH))
