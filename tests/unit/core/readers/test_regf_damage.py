# SPDX-License-Identifier: Apache-2.0
"""Damage inside of a hive: what is told, and what is still read."""

from __future__ import annotations

from struct import pack

import pytest

from pending_reboot.errors import HiveError
from pending_reboot.readers import regf_cells
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.regf import Hive, HiveKey
from pending_reboot.registry import (
    ABSENT,
    Unreadable,
    Value,
)
from pending_reboot_tools.hive_writer import build_hive
from support.hives import (
    content_of,
    found,
    key_at,
    number,
    offset_of,
    patched,
    sample_hive,
    sample_tree,
    unreadable,
    value_at,
)


@pytest.fixture(scope="module")
def small() -> bytes:
    return sample_hive()


def beta_of(data: bytes) -> HiveKey:
    return found(Hive(data, name="H"), "Alpha\\Beta")


@pytest.mark.parametrize(
    ("name", "at", "field", "message"),
    [
        ("Five", 4, 0x100, "the data of value 'Five' claims 256 bytes, its cell has 12"),
        ("Five", 4, 0x7FFFFFFF, "the data of value 'Five' claims 2147483647 bytes; up to 67108864 are read"),
        ("Five", 4, 0x80000005, "the data of value 'Five' claims 5 bytes in a field of 4"),
        ("Five", 8, 0xFFFFFFFF, "the data of value 'Five' should be at 0xffffffff, where no cell can be"),
        ("Five", 8, 0x24, "the data of value 'Five' should be at 0x24, where no cell can be"),
        (
            "Larger",
            4,
            50201 + 16344,
            "the data of value 'Larger' claims 66545 bytes, its list of segments does not fit",
        ),
        ("Edge", 4, 16500, "the data of value 'Edge' claims 16500 bytes, its list of segments does not fit that"),
    ],
)
def test_damaged_data_spoils_one_value(small: bytes, name: str, at: int, field: int, message: str) -> None:
    beta = beta_of(patched(small, (value_at(small, name) + at, number(field))))
    answer = beta.value(name)
    assert isinstance(answer, Unreadable)
    assert answer.kind == "failed"
    assert answer.message.startswith(f"H: damaged: {message}")
    assert answer.message.endswith("(in key 'Beta')")
    values = dict(beta.values())
    assert values.pop(name) == answer
    assert len(values) == 10
    assert all(isinstance(value, Value) for value in values.values())


def test_a_damaged_segment_spoils_one_value(small: bytes) -> None:
    segment = small.index(b"L" * 100) - 4
    beta = beta_of(patched(small, (segment, pack("<i", 16352))))
    answer = beta.value("Large")
    assert isinstance(answer, Unreadable)
    assert "a segment of the data of value 'Large' should be at" in answer.message
    assert beta.value("Larger") == Value(0xFFFF0011, bytes(range(251)) * 200)


@pytest.mark.parametrize(
    ("place", "field", "message"),
    [
        ("list", 0xFFFFFFF0, "the list of segments of the data of value 'Large' should be at 0xfffffff0"),
        ("list", None, "the data of value 'Large' has 2 segments, their list has room for 1"),
        ("segment", None, "a segment of the data of value 'Large' should have 16344 bytes, its cell has 4"),
    ],
)
def test_damaged_lists_of_segments(small: bytes, place: str, field: int | None, message: str) -> None:
    record = value_at(small, "Large")
    big_data = int.from_bytes(small[record + 8 : record + 12], "little") + 4096 + 4
    assert small[big_data : big_data + 4] == b"db\2\0"
    segments = int.from_bytes(small[big_data + 4 : big_data + 8], "little") + 4096
    if field is not None:
        change = (big_data + 4, number(field))
    else:
        change = (segments if place == "list" else small.index(b"L" * 100) - 4, pack("<i", -8))
    answer = beta_of(patched(small, change)).value("Large")
    assert isinstance(answer, Unreadable)
    assert answer.message.startswith(f"H: damaged: {message}")


def test_data_of_no_size_that_is_not_marked_as_inline(small: bytes) -> None:
    beta = beta_of(patched(small, (value_at(small, "Five") + 4, number(0))))
    assert beta.value("Five") == Value(3, b"")


@pytest.mark.parametrize("offset", [0xFFFFFFF8, 0x21])
def test_a_list_that_leads_to_no_value(small: bytes, offset: int) -> None:
    start = key_at(small, "Beta") + 40
    listed = int.from_bytes(small[start : start + 4], "little") + 4096 + 4
    beta = beta_of(patched(small, (listed, number(offset))))
    answer = beta.value("")
    assert isinstance(answer, Unreadable)
    assert f"a value should be at {offset:#x}, where no cell can be" in answer.message
    assert dict(beta.values())["(damaged value 0)"] == answer
    assert beta.value("Four") == Value(3, b"4444")


def test_a_damaged_value_may_be_the_one_asked_for(small: bytes) -> None:
    beta = beta_of(patched(small, (value_at(small, "Five"), b"xx")))
    assert beta.value("Four") == Value(3, b"4444")
    for name in ("Five", "Six"):  # nothing tells that it was not called Six
        answer = beta.value(name)
        assert isinstance(answer, Unreadable)
        assert "there is no value at 0x" in answer.message
    assert [name for name, value in beta.values() if isinstance(value, Unreadable)] == ["(damaged value 4)"]


@pytest.mark.parametrize(
    ("at", "field", "message", "readable"),
    [
        (40, 0xFFFFFFFF, "a list of values should be at 0xffffffff, where no cell can be", 0),
        (36, 10_000_000, "a key claims 10000000 values, 11 are listed", 11),
        (36, 12, "values should be at", 11),
    ],
)
def test_a_damaged_list_of_values(small: bytes, at: int, field: int, message: str, readable: int) -> None:
    beta = beta_of(patched(small, (key_at(small, "Beta") + at, number(field))))
    assert isinstance(beta.value("Absent"), Unreadable)
    values = list(beta.values())
    assert sum(isinstance(value, Value) for _, value in values) == readable
    if at == 40:
        assert isinstance(beta.value("Four"), Unreadable)
    else:
        assert beta.value("Four") == Value(3, b"4444")


def test_values_that_share_their_data_end_at_the_size_of_the_hive() -> None:
    registry = MemoryRegistry()
    registry.key("K", {f"v{index:04}": Value(3, b"12345") for index in range(2000)} | {"big": Value(3, b"x" * 16000)})
    data = build_hive(registry.root)
    where = data[value_at(data, "big") + 8 : value_at(data, "big") + 12]
    changes = [(value_at(data, f"v{index:04}") + 4, number(16000) + where) for index in range(0, 2000, 20)]
    values = list(found(Hive(patched(data, *changes)), "K").values())
    assert sum(len(value.data) for _, value in values if isinstance(value, Value)) <= len(data)
    assert isinstance(values[-1][1], Unreadable)
    assert "its values claim more data than the hive has" in values[-1][1].message


def many_of(data: bytes) -> HiveKey:
    return found(Hive(data, name="H"), "Many")


def list_at(data: bytes, key: str) -> int:
    """Return where the record of the list of subkeys of `key` starts."""
    start = key_at(data, key) + 28
    return int.from_bytes(data[start : start + 4], "little") + 4096 + 4


def test_hashes_are_not_trusted(small: bytes) -> None:
    data = patched(small, *((list_at(small, "Many") + 8 + 8 * index, number(0)) for index in range(20)))
    assert many_of(data).child("sub13") is not None


def test_a_damaged_subkey_leaves_its_siblings(small: bytes) -> None:
    many = many_of(patched(small, (key_at(small, "sub05"), b"xx")))
    assert many.child("sub06") is not None
    for name in ("sub05", "sub99"):
        with pytest.raises(HiveError, match=r"damaged: there is no key at 0x.* \(in key 'Many'\)"):
            many.child(name)
    children = dict(many.children())
    assert isinstance(children.pop("\\damaged subkey 5"), Unreadable)
    assert [*children] == [f"sub{index:02}" for index in range(20) if index != 5]


@pytest.mark.parametrize("target", ["ROOT", "Many", "Alpha", "sub03"])
def test_loops_and_repetitions_end(small: bytes, target: str) -> None:
    data = patched(small, (list_at(small, "Many") + 4, number(offset_of(key_at(small, target)))))
    if target == "ROOT":  # what a root says of its parent means nothing
        data = patched(data, (key_at(data, "ROOT") + 16, number(offset_of(key_at(data, "Many")))))
    messages = unreadable(content_of(data))
    assert len(messages) == 1
    expected = "subkeys are listed twice" if target == "sub03" else f"subkey '{target}' belongs to another key"
    assert expected in next(iter(messages.values()))


def test_an_index_root_inside_of_an_index_root_is_refused() -> None:
    data = build_hive(sample_tree(), list_kind="ri", leaf_size=5)
    start = list_at(data, "Many")
    assert data[start : start + 2] == b"ri"
    many = many_of(patched(data, (start + 4, number(offset_of(start)))))
    children = dict(many.children())
    assert [*children][:2] == ["sub05", "sub06"]
    assert len(children) == 16
    problem = children["\\damaged list of subkeys"]
    assert isinstance(problem, Unreadable)
    assert "there is no list of subkeys at 0x" in problem.message


@pytest.mark.parametrize(
    ("at", "replacement", "message"),
    [
        (0, b"xx", "there is no list of subkeys at 0x"),
        (2, b"\xff\xff", "claims 65535 of them and has room for fewer"),
        (2, b"\x05\x00", "a key claims 20 subkeys, 5 are listed"),
        (0, b"ri\xff\xff", "claims 65535 of them and has room for fewer"),
        (-4, b"\x40\x00\x00\x00", "a list of subkeys should be at"),
        (-4, b"\x00\x00\x00\x80", "a list of subkeys should be at"),
    ],
)
def test_a_damaged_list_of_subkeys(small: bytes, at: int, replacement: bytes, message: str) -> None:
    many = many_of(patched(small, (list_at(small, "Many") + at, replacement)))
    with pytest.raises(HiveError, match=message):
        many.child("sub19")
    *_, (name, last) = many.children()
    assert name == "\\damaged list of subkeys"
    assert isinstance(last, Unreadable)
    assert message in last.message


def test_a_key_whose_number_of_values_is_a_handle(small: bytes) -> None:
    data = patched(small, (key_at(small, "Select") + 2, b"\x60\0"), (key_at(small, "Select") + 36, number(0x80000002)))
    select = found(Hive(data), "Select")
    problem = Unreadable(
        "failed", None, "hive: damaged: a key claims no values, but has a list of them (in key 'Select')"
    )
    assert list(select.values()) == [("(damaged list of values)", problem)]
    assert select.value("Current") == problem


def test_a_list_that_a_count_of_zero_hides(small: bytes) -> None:
    for offset, what in ((20, "subkeys"), (36, "values")):
        name = "Many" if what == "subkeys" else "Select"
        key = found(Hive(patched(small, (key_at(small, name) + offset, number(0)))), name)
        assert f"a key claims no {what}, but has a list of them" in str([*key.children(), *key.values()])


def test_a_hive_may_not_ask_for_endless_looks(small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regf_cells, "MAX_LOOKS", 5)
    select = found(Hive(small), "Select")
    answers = [select.value("absent") for _ in range(9)]
    assert ABSENT in answers
    assert "more than 5 values would have to be looked at" in str(answers[-1])
