# SPDX-License-Identifier: Apache-2.0
"""The probe's JSON from a genuine registry: it keeps to its schema, loses no byte, and gives the machine's own facts.

The PowerShell probe cannot run here. What both have in common is the contract: the same request, the same answer.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from ansible_fleet import recordings
from lab.planting import UPDATE_ID, planted
from pending_reboot.files import FileInfo, FileReader
from pending_reboot.readers.probe import gather
from pending_reboot.registry import (
    ABSENT,
    ALL,
    REG_BINARY,
    REG_DWORD,
    REG_MULTI_SZ,
    REG_SZ,
    Children,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from support.probe import check_schema
from windows_lab.dll import dll
from windows_lab.machine import Lab
from windows_lab.record_probe import COMMAND, Seen, facts_of, look, moments, observe, recording, text_of, without_times
from windows_lab.wua import ACCESS_DENIED, Wua

NAMES = (
    "clear",
    "patched_by_hand",
    "patched_by_hand_after_reboot",
    "advisory",
    "stuck",
    "stuck_after_reboot",
    "flagged",
    "denied",
)


class Situation(NamedTuple):
    """What was seen in one situation, by two ways."""

    seen: Seen
    lasting: tuple[str, ...]
    #: What `pending-reboot local` told there.
    local: dict[str, Any]


@pytest.fixture(scope="module")
def situations(lab_build: object) -> dict[str, Situation]:
    """Every situation, made once for the tests of this module."""
    found = {}
    for moment in moments():
        local = moment.lab.pending_reboot("local", "--format", "json")
        assert local.stdout, (moment.name, local.returncode, local.stderr)
        found[moment.name] = Situation(observe(moment.lab), moment.lasting, json.loads(local.stdout))
    return found


def test_every_situation_has_a_test_and_a_recording(situations: Mapping[str, Situation]) -> None:
    assert sorted(situations) == sorted(NAMES)
    assert sorted(recordings.names()) == sorted(NAMES), f"record anew: {COMMAND}"


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_the_schema(situations: Mapping[str, Situation], name: str) -> None:
    check_schema(situations[name].seen.answer)


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_are_those_that_the_machine_tells_itself(situations: Mapping[str, Situation], name: str) -> None:
    found = situations[name]
    facts = json.loads(json.dumps(facts_of(found.seen).to_dict()))
    assert facts.pop("collected")["reader"] == "powershell"
    assert facts == {key: told for key, told in found.local.items() if key != "collected"}


@pytest.mark.parametrize("name", NAMES)
def test_the_recording_is_what_the_lab_gives_today(situations: Mapping[str, Situation], name: str) -> None:
    found = situations[name]
    fresh = text_of(without_times(recording(found.seen, found.lasting))).splitlines()
    committed = text_of(without_times(recordings.recording(name))).splitlines()
    lines = difflib.unified_diff(committed, fresh, "the recording", "the lab", lineterm="")
    assert fresh == committed, "\n".join([f"{name}.json is stale, record anew: {COMMAND}", *lines])


# Bytes, times, refusals

PATH = r"SOFTWARE\Example\Probe"
RAW: dict[str, Value] = {
    "": Value(REG_SZ, b"default\0"),
    "list": Value(REG_MULTI_SZ, "a\0\0\0b\0!c\0\0".encode("utf-16-le")),
    "emptied": Value(REG_MULTI_SZ, bytes(4)),
    "odd tail": Value(REG_MULTI_SZ, "a\0\0\0".encode("utf-16-le") + b"x"),
    "unterminated": Value(REG_MULTI_SZ, "a\0\0b".encode("utf-16-le")),
    "half a letter": Value(REG_SZ, "\udc00\0".encode("utf-16-le", "surrogatepass")),
    "short": Value(REG_DWORD, b"\1\0"),
    "long": Value(REG_DWORD, b"\1\0\0\0\0"),
    "nothing": Value(REG_DWORD, b""),
    "no known type": Value(99, b"\1\2\3"),
    "many bytes": Value(REG_BINARY, bytes(range(256)) * 300),
}


def ask(lab: Lab, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(json.dumps(lab.call(look, request=request)))
    check_schema(answer)
    return answer


def read(lab: Lab, query: KeyQuery) -> Any:
    """Return what the rules get to see of a key through the probe's JSON."""
    return gather(lambda request: ask(lab, request), lambda reader: reader.read(query))


def look_at(lab: Lab, path: str, *, digest: bool = False) -> Any:
    """Return the file and its spelled out path, through the probe's JSON."""

    def work(reader: FileReader) -> object:
        return reader.file(path, digest=digest), reader.long_path(path)

    return gather(lambda request: ask(lab, request), work)


def last_write(lab: Lab, path: str, **view: Any) -> int:
    key = lab.read_key(path, **view)
    assert key is not None
    return key.last_write


@pytest.fixture
def raw_key(lab: Lab) -> Iterator[None]:
    with planted(lab, {PATH: RAW, rf"{PATH}\Child_1": RAW, rf"{PATH}\Other": {}}):
        yield


@pytest.mark.usefixtures("raw_key")
def test_every_byte_and_the_last_write_arrive(lab: Lab) -> None:
    when = last_write(lab, PATH)
    assert read(lab, KeyQuery(PATH, (*RAW, "absent"))) == Key(when, RAW)
    assert read(lab, KeyQuery(PATH, ALL)) == Key(when, RAW)
    assert read(lab, KeyQuery(PATH.upper(), ("LIST",))) == Key(when, {"LIST": RAW["list"]})


@pytest.mark.usefixtures("raw_key")
def test_subkeys_arrive_with_their_bytes(lab: Lab) -> None:
    child = Key(last_write(lab, rf"{PATH}\Child_1"), {"list": RAW["list"], "short": RAW["short"]})
    found = read(lab, KeyQuery(PATH, (), Children("child_*", ("list", "short", "absent"))))
    assert found == Key(last_write(lab, PATH), {}, {"Child_1": child})
    assert list(read(lab, KeyQuery(PATH, (), Children("*"))).children) == ["Child_1", "Other"]


@pytest.mark.usefixtures("raw_key")
def test_each_view_has_its_own_keys(lab: Lab) -> None:
    assert read(lab, KeyQuery(PATH, view=32)) == ABSENT
    lab.key(PATH, {"in 32 bits": RAW["short"]}, view=32)
    when = last_write(lab, PATH, view=32)
    assert read(lab, KeyQuery(PATH, ALL, view=32)) == Key(when, {"in 32 bits": RAW["short"]})
    spelled_out = PATH.replace("SOFTWARE", r"SOFTWARE\WOW6432Node")
    assert read(lab, KeyQuery(spelled_out, ALL)) == Key(when, {"in 32 bits": RAW["short"]})
    assert read(lab, KeyQuery(PATH, ("in 32 bits",))).values == {}
    lab.delete_key(PATH, view=32)


@pytest.mark.usefixtures("raw_key")
def test_a_refusal_is_one_and_hides_only_itself(lab: Lab) -> None:
    refused = Unreadable("denied", 5, "access is denied")
    lab.key(rf"{PATH}\Shut\Open", {"list": RAW["list"]}, volatile=True)
    lab.deny_key(rf"{PATH}\Shut")
    assert read(lab, KeyQuery(rf"{PATH}\Shut", ALL)) == refused
    listed = read(lab, KeyQuery(PATH, (), Children("*", ("list",))))
    assert listed.children["Shut"] == refused
    assert isinstance(listed.children["Child_1"], Key)
    assert read(lab, KeyQuery(rf"{PATH}\Shut\Open", ("list",))).values == {"list": RAW["list"]}
    assert read(lab, KeyQuery(rf"{PATH}\Nobody\There")) == ABSENT
    lab.reboot()


def test_files(lab: Lab) -> None:
    folder = r"C:\Program Files\Probe Vendor"
    whole = dll("1.2.3.4")
    damaged = whole[: whole.index((0xFEEF04BD).to_bytes(4, "little"))]
    for name, content in (("whole.dll", whole), ("plain.txt", b"text"), ("damaged.dll", damaged)):
        lab.write_file(rf"{folder}\{name}", content)
    assert look_at(lab, rf"{folder}\whole.dll") == (FileInfo((1, 2, 3, 4)), rf"{folder}\whole.dll")
    digest = hashlib.sha256(whole).hexdigest()
    assert look_at(lab, rf"{folder}\whole.dll", digest=True)[0] == FileInfo((1, 2, 3, 4), digest)
    assert look_at(lab, rf"{folder}\none.dll") == (ABSENT, rf"{folder}\none.dll")
    assert look_at(lab, r"C:\no folder\none.dll") == (ABSENT, None)
    text, _ = look_at(lab, rf"{folder}\plain.txt")
    assert (text.version, text.sha256) == (None, None)
    broken, _ = look_at(lab, rf"{folder}\damaged.dll")
    assert (broken.version, broken.error.kind) == (None, "failed")
    assert look_at(lab, folder)[0].kind == "failed"
    lab.remove(folder)


def test_what_the_agent_says_arrives(lab: Lab) -> None:
    def said(reader: FileReader) -> object:
        return reader.probe("windows_update_agent")

    lab.wua(Wua(reboot_required=True))
    assert gather(lambda request: ask(lab, request), said) == {"reboot_required": True}
    lab.wua(Wua(faults={"SystemInfo": ACCESS_DENIED}))
    found = gather(lambda request: ask(lab, request), said)
    assert isinstance(found, Unreadable)
    assert (found.kind, found.code) == ("denied", ACCESS_DENIED)
    lab.wua(Wua())


def test_the_recorded_patch_is_that_of_the_flag() -> None:
    assert recordings.PATCH["update_id"] == UPDATE_ID
