# SPDX-License-Identifier: Apache-2.0
"""Recorded machines answer what the machine answered, and a boot does to them what it did to the machine."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_fleet.recordings import FOLDER, PATCH, machine, machine_of, names, recording, replayed
from pending_reboot import facts_from, patch_states, patches_from
from pending_reboot.fixture import boot
from pending_reboot.probes import BOOT_TIME
from pending_reboot.readers.memory import MemoryKey, MemoryRegistry
from pending_reboot.readers.probe import gather
from pending_reboot.readers.snapshot import from_snapshot, to_snapshot
from pending_reboot_tools.simulator.probe import answer
from support.contract import comparable
from support.probe import check_schema

PATCHES = patches_from(PATCH)
REBOOT_PENDING = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"


def judged(reader: MemoryRegistry) -> tuple[str, list[str]]:
    """Return the machine's state and the verdicts about the patch."""
    return facts_from(reader).state, [found.verdict for found in patch_states(reader, PATCHES)]


def boot_of(reader: MemoryRegistry) -> datetime:
    told = reader.probes[BOOT_TIME]
    assert isinstance(told, dict)
    return datetime.fromtimestamp(told["time_epoch"], timezone.utc)


@pytest.mark.parametrize("name", names())
def test_a_recorded_machine_answers_what_was_recorded(name: str) -> None:
    found = recording(name)
    check_schema(found["answer"])
    assert answer(found["request"], machine(name)) == found["answer"]


@pytest.mark.parametrize("name", names())
def test_the_recorded_facts_are_made_of_the_recorded_answer(name: str) -> None:
    found = recording(name)
    facts = gather(replayed(found["request"], found["answer"]), facts_from)
    reasons = [{"source": source, "description": text} for source, text in facts.reasons]
    assert {"state": facts.state, "reasons": reasons} == found["facts"]
    assert comparable(facts_from(machine(name))) == comparable(facts)


@pytest.mark.parametrize("name", names())
def test_a_recorded_machine_can_be_written_down(name: str) -> None:
    played = machine(name)
    again = from_snapshot(json.loads(json.dumps(to_snapshot(played))))
    assert judged(again) == judged(played)
    assert comparable(facts_from(again))["sources"] == comparable(facts_from(played))["sources"]
    assert again.probes.keys() == played.probes.keys()


@pytest.mark.parametrize("name", names())
def test_the_file_is_as_it_was_written(name: str) -> None:
    text = json.dumps(recording(name), indent=1, sort_keys=True) + "\n"
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("before", "after"), [("patched_by_hand", "patched_by_hand_after_reboot"), ("stuck", "stuck_after_reboot")]
)
def test_a_boot_does_what_it_did_to_the_machine(before: str, after: str) -> None:
    played, wanted = machine(before), machine(after)
    assert boot_of(played) < boot_of(wanted)
    boot(played, boot_of(wanted))
    assert judged(played) == judged(wanted)
    assert facts_from(played).reasons == facts_from(wanted).reasons
    assert {path: found for path, (_, found) in played.files.items()} == {
        path: found for path, (_, found) in wanted.files.items()
    }


def test_what_waits_is_what_the_situation_says() -> None:
    assert {name: judged(machine(name)) for name in names()} == {
        "advisory": ("advisory", ["missing"]),
        "clear": ("clear", ["missing"]),
        "denied": ("unknown", ["unknown"]),
        "flagged": ("pending", ["installed_pending_reboot"]),
        "patched_by_hand": ("pending", ["installed_pending_reboot"]),
        "patched_by_hand_after_reboot": ("clear", ["installed"]),
        "stuck": ("pending", ["missing"]),
        "stuck_after_reboot": ("pending", ["missing"]),
    }


@pytest.mark.parametrize(("name", "state"), [("flagged", "clear"), ("denied", "clear"), ("advisory", "clear")])
def test_a_boot_takes_away_what_is_volatile(name: str, state: str) -> None:
    played = machine(name)
    boot(played, boot_of(played) + timedelta(hours=1))
    assert facts_from(played).state == state


def test_a_lasting_key_is_no_volatile_one() -> None:
    for name in ("stuck", "stuck_after_reboot"):
        key = machine(name).find(REBOOT_PENDING)
        assert isinstance(key, MemoryKey)
        assert not key.volatile
    assert facts_from(machine("stuck_after_reboot")).sources["component_based_servicing"].since is not None


def seen(path: str, **fields: Any) -> dict[str, Any]:
    empty = {"view": 64, "state": "present", "error": None, "last_write": 7, "found": [], "subkeys_found": []}
    return empty | {"path": path, "listing_error": None} | fields


def asked(path: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, "view": 64, "names": [], "subkeys": None, "subkey_names": []} | fields


def test_everything_that_a_probe_can_answer_can_be_played() -> None:
    """What no situation of the lab has: refusals inside, the 32-bit view, a list, a damaged file, spelled out names."""
    refused = {"state": "denied", "error": {"code": 5, "message": "access is denied"}}
    failed = {"state": "failed", "error": {"code": 13, "message": "its version resource is damaged"}}
    number = {"name": "Flags", "state": "present", "error": None, "type": 4, "data": "AQA="}
    child = {"name": "Mixed", "state": "present", "error": None, "last_write": 9, "found": [number]}
    shut = {"name": "Shut", **refused, "last_write": None, "found": []}
    file = {"path": r"C:\PROGRA~1\a.dll", "version": None, "version_error": failed, "sha256": None}
    request = {
        "registry": [
            asked("SOFTWARE\\A\\mixed", names=["Flags"]),
            asked("SOFTWARE\\A", view=32),
            asked("SOFTWARE\\A", names=["*"], subkeys="*", subkey_names=["Flags"]),
            asked("SOFTWARE\\A\\Shut"),
            asked("SOFTWARE\\Nothing"),
        ],
        "files": [{"path": file["path"], "digest": False}, {"path": "C:\\a", "digest": False}],
        "components": ["host", "windows_update_agent", "configuration_manager"],
    }
    answered = {
        "schema": 1,
        "registry": [
            seen("SOFTWARE\\A\\mixed", last_write=9, found=[number]),
            seen("SOFTWARE\\A", view=32, last_write=8),
            seen(
                "SOFTWARE\\A",
                found=[{"name": "b", **refused, "type": None, "data": None}, number | {"name": "a", "type": 99}],
                subkeys_found=[child, shut],
            ),
            seen("SOFTWARE\\A\\Shut", last_write=None, **refused),
            seen("SOFTWARE\\Nothing", state="absent", last_write=None),
        ],
        "files": [
            file | {"state": "present", "error": None, "long_path": r"C:\Program Files\a.dll"},
            file | {"path": "C:\\a", **refused, "version_error": None, "long_path": None},
        ],
        "components": {
            "host": {"state": "present", "error": None, "answer": {"name": "LAB"}},
            "windows_update_agent": {**refused, "answer": None},
            "configuration_manager": {"state": "absent", "error": None, "answer": None},
        },
    }
    check_schema(answered)
    played = machine_of({"request": request, "answer": answered, "lasting": []})
    assert answer(request, played) == answered
