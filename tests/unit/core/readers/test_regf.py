# SPDX-License-Identifier: Apache-2.0
"""Hives of our own: what was written is read back, by other readers too; files and headers that are refused."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pending_reboot.errors import HiveError
from pending_reboot.readers import regf, regf_cells
from pending_reboot.readers.memory import MemoryKey, MemoryRegistry
from pending_reboot.readers.regf import Hive
from pending_reboot.readers.regf_cells import fold
from pending_reboot.readers.regf_header import checksum
from pending_reboot.registry import (
    ABSENT,
    ALL,
    Children,
    Key,
    KeyQuery,
    Unreadable,
    Value,
    datetime_to_filetime,
)
from pending_reboot.tree import read_node
from pending_reboot_tools.hive_writer import build_hive
from support.hives import (
    content,
    content_of,
    found,
    number,
    patched,
    read_with_hivex,
    read_with_python_registry,
    sample_hive,
    sample_tree,
    unreadable,
    value_at,
)
from support.shared_data import real_hive


def read(hive: Hive, path: str, name: str) -> object:
    return found(hive, path).value(name)


@pytest.fixture(scope="module")
def tree() -> MemoryKey:
    return sample_tree()


@pytest.fixture(scope="module")
def small() -> bytes:
    return sample_hive()


SHAPES = [
    {"minor": minor, "list_kind": kind, "leaf_size": leaf}
    for minor in (3, 4, 5, 6)
    for kind, leaf in (("lh", 507), ("lf", 507), ("li", 507), ("ri", 3), ("lf", 4))
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_a_written_hive_is_read_back(tree: MemoryKey, shape: dict[str, object]) -> None:
    hive = Hive(build_hive(tree, **shape))  # type: ignore[arg-type]
    assert (hive.dirty, hive.minor, hive.file_name) == (False, shape["minor"], "SYSTEM")
    everything = content(hive.root)
    assert len(everything) == 27  # 1 + Select, Alpha and its 3, Many and its 20, without the volatile one
    assert everything[r"\Select"] == (132_000_000_000_000_001, {"Current": (4, b"\1\0\0\0")})
    alpha = tree.child("Alpha")
    beta = alpha.child("Beta") if alpha else None
    assert beta is not None
    written = {name: (value.type, value.data) for name, value in beta.values() if isinstance(value, Value)}
    assert everything[r"\Alpha\Beta"] == (datetime_to_filetime(datetime(2026, 1, 1, tzinfo=timezone.utc)), written)
    assert [name for name, _ in found(hive, "many").children()] == [f"sub{index:02}" for index in range(20)]
    for index in range(20):
        assert read(hive, rf"MANY\SUB{index:02}", "number") == Value.from_integer(index)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_other_readers_accept_a_written_hive(tree: MemoryKey, shape: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "SYSTEM"
    path.write_bytes(build_hive(tree, **shape))  # type: ignore[arg-type]
    with Hive.open(path) as hive:
        mine = content(hive.root)
    assert read_with_python_registry(path) == mine
    assert read_with_hivex(path, segments_of=mine) == mine


def test_a_real_hive_written_anew_reads_the_same(tmp_path: Path) -> None:
    with Hive.open(real_hive("regipy/SYSTEM_2")) as hive:
        part = found(hive, "ControlSet001\\Control")
        again = build_hive(part)
        assert content_of(again) == content(part)


def test_what_cannot_be_read_is_not_written() -> None:
    registry = MemoryRegistry()
    registry.deny("Denied")
    with pytest.raises(ValueError, match="key 'Denied' cannot be written: access is denied"):
        build_hive(registry.root)
    registry = MemoryRegistry()
    registry.root.put("v", Unreadable("failed", None, "broken"))
    with pytest.raises(ValueError, match="value 'v' cannot be written: broken"):
        build_hive(registry.root)
    with pytest.raises(ValueError, match="minor version 2 is not one of 3 to 6"):
        build_hive(MemoryRegistry().root, minor=2)


def test_queries_are_answered_from_a_hive(small: bytes) -> None:
    hive = Hive(small)
    answer = read_node(found(hive, "Many"), KeyQuery("", children=Children("SUB0*", ("number", "absent"))))
    assert list(answer.children) == [f"sub{index:02}" for index in range(10)]
    child = answer.children["sub07"]
    assert isinstance(child, Key)
    assert child.values == {"number": Value.from_integer(7)}
    everything = read_node(found(hive, "Select"), KeyQuery("", values=ALL))
    assert everything.values == {"Current": Value.from_integer(1)}
    assert everything.last_write == 132_000_000_000_000_001


def test_finding_keys_and_values(small: bytes) -> None:
    hive = Hive(small)
    assert hive.find("") is hive.root
    assert hive.find("\\alpha\\\\BETA\\") is not None
    assert hive.find("Alpha\\Bet") is None
    assert hive.find("Alpha\\Beta\\below\\nothing") is None
    beta = found(hive, "Alpha\\Beta")
    assert beta.value("") == Value.from_text("default")
    assert beta.value("SHORT") == Value(3, b"abc")
    assert beta.value("ËÉ") == Value.from_text("Latin")
    assert beta.value("日本") == Value.from_text("wide")
    assert beta.value("Shor") is ABSENT
    assert beta.value("Shorts") is ABSENT
    assert found(hive, "ALPHA\\ÜNÏCODE").name == "Ünïcode"
    assert beta.child("x") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("abc", "ABC", True),
        ("é", "É", True),
        ("ключ", "КЛЮЧ", True),
        ("ß", "SS", False),
        ("\u0131", "I", False),
        ("\u017f", "S", False),
    ],
)
def test_letter_case_as_windows_sees_it(one: str, other: str, same: bool) -> None:
    assert (fold(one) == fold(other)) is same


def test_limits_on_what_one_key_may_list(small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regf, "MAX_DEPTH", 2)
    assert unreadable(content_of(small))[r"\Alpha\Beta"].startswith(
        "hive: damaged: subkey 'Beta' lies deeper than 2 levels"
    )
    monkeypatch.setattr(regf_cells, "MAX_LISTED", 10)
    for data in (small, build_hive(sample_tree(), list_kind="ri", leaf_size=3)):
        many = dict(found(Hive(data), "Many").children())
        assert [*many][9:] == ["sub09", "\\damaged list of subkeys"]
        assert many["\\damaged list of subkeys"] == Unreadable(
            "failed", None, "hive: damaged: a key claims 20 subkeys, 10 are listed (in key 'Many')"
        )


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "is not a registry hive: the file is empty"),
        (b"\0" * 5000, "is not a registry hive: it starts with zeros only"),
        (b"MZ\x90\0" * 2000, "it looks like a program"),
        ("\ufeffWindows Registry Editor".encode("utf-16-le"), "it looks like a .reg export"),
        (b"\xfd7zXZ\0", "it looks like an xz archive"),
        (b"hello, world", "it starts with b'hello, w' in place of b'regf'"),
        (b"regf", "truncated: the file has 4 bytes, its header alone 4096"),
    ],
)
def test_what_is_no_hive(tmp_path: Path, start: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(start)
    with pytest.raises(HiveError) as caught:
        Hive.open(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HiveError, match="is not a file"):
        Hive.open(tmp_path)
    with pytest.raises(HiveError, match="cannot be read: No such file"):
        Hive.open(tmp_path / "absent")
    with pytest.raises(HiveError, match=r"cannot be read: .*embedded null"):
        Hive.open("a\0b")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(HiveError, match="is not a file"):
            Hive.open(tmp_path / "pipe")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret").write_bytes(b"regf")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(HiveError, match="secret: cannot be read: Permission denied"):
        Hive.open(tmp_path / "secret")


@pytest.mark.parametrize(
    ("at", "field", "message"),
    [
        (20, 2, "has format 2.5, 1.3 to 1.6 can be read"),
        (24, 2, "has format 1.2, 1.3 to 1.6 can be read"),
        (28, 6, "is a transaction log, not a hive (name the hive; its logs are given beside it)"),
        (28, 9, "has type 9"),
        (36, 0x40, "damaged: there is no key at 0x40"),
        (36, 0xFFFFFFFF, "damaged: a key should be at 0xffffffff, where no cell can be"),
        (40, 0, "its header claims 0 bytes of data, which no hive has"),
        (40, 4097, "its header claims 4097 bytes of data, which no hive has"),
        (40, 0xFFFFF000, "its header claims 4294963200 bytes of data, which no hive has"),
        (40, 0x100000, "truncated: the file has "),
    ],
)
def test_headers_that_cannot_be_read(small: bytes, at: int, field: int, message: str) -> None:
    with pytest.raises(HiveError) as caught:
        Hive(patched(small, (at, number(field))), name="H")
    assert message in str(caught.value)


def test_a_header_with_a_wrong_checksum_is_read_as_dirty(small: bytes) -> None:
    hive = Hive(small[:200] + b"x" + small[201:])
    assert hive.dirty
    assert content(hive.root) == content_of(small)
    with pytest.raises(HiveError, match=r"has format 1.9, .*its header is damaged: the checksum is wrong"):
        Hive(small[:24] + b"\x09" + small[25:])


@pytest.mark.parametrize(("words", "expected"), [((0, 0), 1), ((0xFFFFFFFF, 0), 0xFFFFFFFE), ((5, 6), 3)])
def test_the_checksum_avoids_two_numbers(words: tuple[int, int], expected: int) -> None:
    assert checksum(b"".join(map(number, words)) + bytes(500)) == expected


def test_a_hive_written_as_dirty(tree: MemoryKey) -> None:
    hive = Hive(build_hive(tree, dirty=True, sequence=7, file_name=r"\SystemRoot\System32\Config\SOFTWARE"))
    assert (hive.dirty, hive.sequences, hive.recovered) == (True, (7, 6), False)
    assert hive.file_name == r"stemRoot\System32\Config\SOFTWARE"[-31:]


def test_names_in_messages_cannot_drive_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(HiveError) as caught:
        Hive.open(tmp_path / "\x1b[2J")
    assert "\x1b" not in str(caught.value)
    registry = MemoryRegistry()
    registry.key("K", {"\x1b[2J": Value(3, b"x" * 50)})
    data = build_hive(registry.root)
    (name, answer), *_ = found(Hive(patched(data, (value_at(data, "\x1b[2J") + 4, number(5000)))), "K").values()
    assert name == "\x1b[2J"
    assert isinstance(answer, Unreadable)
    assert answer.message.isprintable()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind(small: bytes, kind: type[bytes]) -> None:
    assert content(Hive(kind(small)).root) == content_of(small)


def test_closing_releases_the_file(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "SYSTEM"
    path.write_bytes(small)
    with Hive.open(path) as hive:
        root = hive.root
        assert root.child("Select") is not None
    with pytest.raises(ValueError, match="closed"):
        root.child("Select")
    Hive(small).close()
    path.unlink()
