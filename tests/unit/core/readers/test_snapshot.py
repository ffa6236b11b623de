# SPDX-License-Identifier: Apache-2.0
"""Machines written down as plain data."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import InputError, facts_from, registry_sources
from pending_reboot.readers.snapshot import from_snapshot, to_snapshot, value_of
from pending_reboot.registry import (
    ABSENT,
    REG_BINARY,
    REG_EXPAND_SZ,
    REG_QWORD,
    Absent,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from support.cases import all_cases, registry

ALL = ("*",)


def read(text: str, path: str) -> object:
    return from_snapshot(yaml.safe_load(text)).read(KeyQuery(path, ALL))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", Value.from_integer(1)),
        ("4294967295", Value.from_integer(0xFFFFFFFF)),
        ("text", Value.from_text("text")),
        ("['', a, '']", Value.from_strings(["", "a", ""])),
        ("[]", Value.from_strings([])),
        ("{type: REG_QWORD, data: 5}", Value.from_integer(5, REG_QWORD)),
        ("{type: REG_EXPAND_SZ, data: '%a%'}", Value.from_text("%a%", REG_EXPAND_SZ)),
        ("{type: REG_BINARY, base64: AAE=}", Value(REG_BINARY, b"\x00\x01")),
        ("{type: 99, base64: ''}", Value(99, b"")),
        ("{error: denied}", Unreadable("denied", 5, "access is denied")),
        ("{error: {kind: failed, code: 7, message: x}}", Unreadable("failed", 7, "x")),
    ],
)
def test_values(written: str, value: object) -> None:
    key = read(f"keys: {{'HKLM\\A\\B': {{values: {{x: {written}}}}}}}", r"A\B")
    assert isinstance(key, Key)
    assert key.values == {"x": value}


def test_what_is_not_written_is_not_there() -> None:
    reader = from_snapshot({})
    assert reader.read(KeyQuery("A")) is ABSENT
    assert reader.probe("windows_update_agent") is ABSENT
    facts = facts_from(reader)
    assert (facts.state, facts.complete, facts.last_reboot) == ("clear", True, None)


def test_a_key_that_refuses() -> None:
    for written in ("denied", "{error: denied}", "{error: {kind: denied, code: 5, message: access is denied}}"):
        assert read(f"keys: {{A: {written}}}", "A") == Unreadable("denied", 5, "access is denied")


def test_windows_decides_what_is_volatile() -> None:
    auto = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
    reader = from_snapshot({"keys": {rf"{auto}\RebootRequired": {}, rf"{auto}\Other": {}, "B": {"volatile": True}}})
    reader.reboot()
    assert isinstance(reader.read(KeyQuery(rf"{auto}\RebootRequired")), Absent)
    assert isinstance(reader.read(KeyQuery(rf"{auto}\Other")), Key)
    assert isinstance(reader.read(KeyQuery("B")), Absent)
    lasting = from_snapshot({"keys": {rf"{auto}\RebootRequired": {"volatile": False}}})
    lasting.reboot()
    assert isinstance(lasting.read(KeyQuery(rf"{auto}\RebootRequired")), Key)


def test_boot_time_host_and_probes() -> None:
    text = "{host: A, boot_time: 2026-11-20T03:12:00+01:00, probes: {windows_update_agent: denied}}"
    facts = facts_from(from_snapshot(yaml.safe_load(text))).to_dict()
    assert facts["host"] == "A"
    assert facts["last_reboot"] == {"time": "2026-11-20T02:12:00Z", "time_epoch": 1795140720, "source": "snapshot"}
    assert facts["sources"]["windows_update_agent"]["error"]["kind"] == "denied"  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "where", "what"),
    [
        ("[]", "x.yml", "must be a mapping, is list"),
        ("snapshot: 2", "x.yml: snapshot", "is version 2"),
        ("kees: {}", "x.yml", "unknown field 'kees'"),
        ("keys: [a]", "x.yml: keys", "must be a mapping"),
        ("keys: {A: maybe}", "x.yml: keys.A", "'maybe' is no error"),
        ("keys: {A: {valeus: {}}}", "x.yml: keys.A", "unknown field 'valeus'"),
        ("keys: {A: {values: {x: true}}}", "x.yml: keys.A.x", "True is no registry value"),
        ("keys: {A: {values: {x: -1}}}", "x.yml: keys.A.x", "-1 is no registry value"),
        ("keys: {A: {values: {x: 4294967296}}}", "x.yml: keys.A.x", "4294967296 is no registry value"),
        ("keys: {A: {values: {x: [1]}}}", "x.yml: keys.A.x", r"\[1\] is no registry value"),
        ("keys: {A: {values: {x: {type: REG_SZ}}}}", "x.yml: keys.A.x", "is no registry value"),
        ("keys: {A: {values: {x: {type: REG_BINARY, base64: '!'}}}}", "x.yml: keys.A.x", "is no registry value"),
        ("keys: {A: {values: {x: {error: {kind: odd}}}}}", "x.yml: keys.A.x", "is no error"),
        ("keys: {A: {volatile: 1}}", "x.yml: keys.A.volatile", "1 is neither true nor false"),
        ("keys: {A: {last_write: soon}}", "x.yml: keys.A.last_write", "'soon' is no ISO 8601 time"),
        ("keys: {A: {volatile: true}, A\\B: {volatile: false}}", "x.yml: keys.A.B.volatile", "must be volatile"),
        ("boot_time: yesterday", "x.yml: boot_time", "is no ISO 8601 time"),
        ("probes: {wua: {}}", "x.yml: probes", "there is no probe 'wua'"),
        ("probes: {windows_update_agent: 1}", "x.yml: probes.windows_update_agent", "must be a mapping"),
    ],
)
def test_errors_name_the_place(written: str, where: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        from_snapshot(yaml.safe_load(written), where="x.yml")
    assert caught.value.where.replace("\\", ".") == where


LIVE = [pytest.param(case, id=f"{id_}: {case['name']}") for id_, case in all_cases() if "machine" not in case]


@pytest.mark.parametrize("case", LIVE)
def test_every_case_survives_being_written_down(case: dict[str, Any]) -> None:
    reader = registry(case)
    written = to_snapshot(reader)
    again = from_snapshot(json.loads(json.dumps(written)))
    assert json.loads(json.dumps(to_snapshot(again))) == written | {"keys": written["keys"] | implied(written)}
    facts, same = (facts_from(each).to_dict()["sources"] for each in (reader, again))
    assert isinstance(facts, dict)
    assert isinstance(same, dict)
    for id_, result in facts.items():
        if id_ in registry_sources() and id_ != "pending_file_rename":  # the test's registry has no Session Manager
            assert same[id_]["state"] == result["state"], id_


def implied(written: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of every Windows that are not written."""
    have = [path.lower() for path in written["keys"]]
    both = (r"SYSTEM\CurrentControlSet\Control\Session Manager", r"SOFTWARE\Microsoft\Windows\CurrentVersion")
    found: dict[str, Any] = {path: {} for path in both if not any(each.startswith(path.lower()) for each in have)}
    windows = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    if windows.lower() not in have:
        found[windows] = {"values": {"SystemRoot": r"C:\Windows"}}
    return found


WORDS = st.text(max_size=8) | st.sampled_from(["keys", "values", "probes", "error", "type", "data", "A"])
PLAIN = st.none() | st.booleans() | st.integers() | WORDS | st.binary(max_size=4)


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)))
def test_anything_is_a_snapshot_or_a_clear_error(data: object) -> None:
    for content in (data, {"keys": data}, {"keys": {"A": data}}, {"keys": {"A": {"values": data}}}, {"probes": data}):
        with contextlib.suppress(InputError):
            facts_from(from_snapshot(content))


@given(
    st.one_of(st.integers(0, 2**32 - 1), st.text(), st.lists(st.text(alphabet=st.characters(exclude_characters="\0"))))
)
def test_plain_values_come_back(data: object) -> None:
    value = value_of(data)
    reader = from_snapshot({"keys": {"A": {"values": {"x": data}}}})
    assert from_snapshot(to_snapshot(reader)).read(KeyQuery("A", ALL)) == Key(None, {"x": value})
