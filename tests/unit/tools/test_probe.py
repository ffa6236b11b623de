# SPDX-License-Identifier: Apache-2.0
"""What the probe answers, as the rules understand it: the facts that the machine itself gives, and nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pending_reboot import InputError, facts_from, facts_from_probe, hresult, patch_states, patches_from
from pending_reboot.files import FileInfo
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.probe import COMPONENTS, ProbeReader, gather
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.registry import ABSENT, Absent, Key, KeyQuery, Unreadable
from pending_reboot_tools.simulator.probe import answer
from support.cases import all_cases, registry
from support.contract import comparable, memory
from support.probe import check_schema


class Runs:
    """Runs the probe on a machine, as JSON that keeps to its schema."""

    def __init__(self, machine: MemoryRegistry) -> None:
        self.machine = machine
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> Mapping[str, Any]:
        self.requests.append(request)
        found = json.loads(json.dumps(answer(json.loads(json.dumps(request)), self.machine)))
        check_schema(found)
        return found  # type: ignore[no-any-return]


LIVE = [
    pytest.param(case, id=f"{source}: {case['name']}")
    for source, case in all_cases()
    if case.get("machine", "live") == "live" and not case.get("ignore")
]


@pytest.mark.parametrize("case", LIVE)
def test_the_same_facts_as_from_the_machine_itself(case: dict[str, Any]) -> None:
    machine = registry(case) if "denied" in str(case) or "failed" in str(case) else memory(case)
    for name in ("host", "boot_time", *COMPONENTS):
        machine.probes.setdefault(name, ABSENT)
    machine.probes.pop("pending_xml", None)
    for name, found_there in machine.probes.items():  # an HRESULT is put into words by the reader, not by the probe
        if isinstance(found_there, Unreadable) and found_there.code is not None:
            machine.probes[name] = hresult.answer(found_there.code, found_there.message)
    runs = Runs(machine)
    found = gather(runs, facts_from)
    assert len(runs.requests) == 1
    assert comparable(found) == comparable(facts_from(machine))


def test_an_answer_that_was_kept_is_judged_later() -> None:
    runs = Runs(from_snapshot({"keys": {r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile": {"values": {"Flags": 1}}}}))
    reader = ProbeReader()
    facts_from(reader)
    kept = json.dumps(runs(reader.request() or {}))
    found = facts_from_probe(json.loads(kept), sources=("update_exe_volatile",))
    assert (found.state, found.collected.reader) == ("pending", "powershell")
    with pytest.raises(InputError, match="did not answer every question about registry"):
        facts_from_probe({"schema": 1, "registry": [], "files": [], "components": {}})


def test_facts_take_one_run_of_the_probe() -> None:
    runs = Runs(from_snapshot({}))
    assert gather(runs, facts_from).collected.reader == "powershell"
    assert len(runs.requests) == 1


PATCH = patches_from({"kb": "KB902400", "files": {"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "9.10"}})
CHAIN = {
    "keys": {
        r"SYSTEM\CurrentControlSet\Control\Session Manager": {
            "values": {
                "PendingFileRenameOperations": [
                    r"\??\C:\Windows\a.tmp",
                    r"!\??\C:\Windows\b.tmp",
                    r"\??\C:\Windows\b.tmp",
                    r"!\??\C:\Windows\system32\clbcatq.dll",
                ]
            }
        }
    },
    "files": {
        r"C:\Windows\a.tmp": {"version": "9.10"},
        r"C:\Windows\b.tmp": {"version": "9.8"},
        r"C:\Windows\system32\clbcatq.dll": {"version": "9.9"},
    },
}


def test_patch_states_follow_a_chain_of_operations_in_few_runs() -> None:
    machine = from_snapshot(CHAIN)
    runs = Runs(machine)
    (found,) = gather(runs, lambda reader: patch_states(reader, PATCH))
    (wanted,) = patch_states(machine, PATCH)
    assert found.verdict == "installed_pending_reboot"
    assert found == wanted
    assert len(runs.requests) <= 4


def test_an_answer_that_always_leads_to_a_new_question_ends() -> None:
    asked: list[int] = []

    def work(reader: object) -> int:
        assert isinstance(reader, ProbeReader)
        asked.append(len(asked))
        found = reader.read(KeyQuery(rf"SOFTWARE\{len(asked)}"))
        assert isinstance(found, Unreadable)
        return len(asked)

    assert gather(Runs(from_snapshot({})), work) == 9


def test_what_the_probe_cannot_do_is_said() -> None:
    assert ProbeReader().probe("pending_xml") == Unreadable("unsupported", None, "the probe cannot ask for it")


GOOD: dict[str, Any] = {"path": "SOFTWARE\\A", "view": 64, "state": "present", "error": None, "last_write": 1}
KEY = GOOD | {"found": [], "subkeys_found": [], "listing_error": None}
VALUE = {"name": "v", "state": "present", "error": None, "type": 4, "data": "AQAAAA=="}


@pytest.mark.parametrize(
    "damaged",
    [
        KEY | {"state": "odd"},
        KEY | {"state": "failed"},
        KEY | {"state": "denied", "error": {"code": "x", "message": ""}},
        {name: each for name, each in KEY.items() if name != "found"},
        KEY | {"last_write": "yesterday"},
        KEY | {"found": [VALUE | {"data": "AQAA*"}]},
        KEY | {"found": [VALUE | {"data": None}]},
        KEY | {"found": 7},
        KEY | {"subkeys_found": [{"name": "x"}]},
    ],
)
def test_a_damaged_answer_about_a_key_is_unreadable(damaged: dict[str, Any]) -> None:
    reader = ProbeReader()
    reader.read(KeyQuery("SOFTWARE\\A", ("v",)))
    reader.learn({"schema": 1, "registry": [damaged], "files": [], "components": {}})
    found = reader.read(KeyQuery("SOFTWARE\\A", ("v",)))
    assert isinstance(found, Unreadable)
    assert found.kind == "failed"


def test_what_was_gone_a_moment_later_is_unreadable_and_only_that() -> None:
    gone = {"state": "absent", "error": None}
    reader = ProbeReader()
    reader.read(KeyQuery("SOFTWARE\\A"))
    reader.file(r"C:\a.dll")
    file = {"path": r"C:\a.dll", "state": "present", "error": None, "version": None, "version_error": gone}
    files = [file | {"sha256": None, "long_path": None}]
    reader.learn({"schema": 1, "registry": [KEY | {"listing_error": gone}], "files": files, "components": {}})
    key, seen = reader.read(KeyQuery("SOFTWARE\\A")), reader.file(r"C:\a.dll")
    assert isinstance(key, Key)
    assert key.listing == Unreadable("failed", None, "it was gone before it could be read")
    assert isinstance(seen, FileInfo)
    assert seen.error == key.listing


def test_a_digest_that_cannot_be_had_is_unknown_as_it_is_without_the_probe() -> None:
    machine = from_snapshot({"files": {r"C:\Windows\a.dll": {"version": "1.0"}}})
    patch = patches_from({"title": "a", "files": {"path": r"C:\Windows\a.dll", "sha256": "0" * 64}})
    (found,) = gather(Runs(machine), lambda reader: patch_states(reader, patch))
    (wanted,) = patch_states(machine, patch)
    assert (found.verdict, found.views) == (wanted.verdict, wanted.views)
    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    ("answered", "message"),
    [
        ({}, "the probe: answered in schema None, this program knows 1"),
        ({"schema": 2}, "the probe: answered in schema 2, this program knows 1"),
        ({"schema": 1, "registry": [], "files": [], "components": {}}, "did not answer every question about registry"),
        ({"schema": 1, "registry": ["x"], "files": [], "components": {}}, "gave what is no answer about registry"),
        (
            {"schema": 1, "registry": [KEY | {"path": "SOFTWARE\\B"}], "files": [], "components": {}},
            r"answered about 'SOFTWARE\\B' in place of SOFTWARE\A",
        ),
        (
            {"schema": 1, "registry": [KEY | {"view": 32}], "files": [], "components": {}},
            r"in place of SOFTWARE\A",
        ),
        ({"schema": 1, "registry": [KEY], "files": [], "components": []}, "did not answer about every component"),
    ],
)
def test_an_answer_to_something_else_is_an_error(answered: dict[str, Any], message: str) -> None:
    reader = ProbeReader()
    reader.read(KeyQuery("SOFTWARE\\A"))
    with pytest.raises(InputError) as raised:
        reader.learn(answered)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (-2147024891, "denied"),
        (0x80070005, "denied"),
        (0x8004100E, "absent"),
        (0x80040154, "absent"),
        (0x80244022, "failed"),
        (None, "failed"),
    ],
)
def test_what_a_component_answers_with_is_understood_by_its_number(code: int | None, found: str) -> None:
    reader = ProbeReader()
    reader.probe("windows_update_agent")
    entry = {"state": "failed", "error": {"code": code, "message": "no answer"}, "answer": None}
    reader.learn({"schema": 1, "registry": [], "files": [], "components": {"windows_update_agent": entry}})
    told = reader.probe("windows_update_agent")
    assert isinstance(told, Absent) if found == "absent" else isinstance(told, Unreadable) and told.kind == found
