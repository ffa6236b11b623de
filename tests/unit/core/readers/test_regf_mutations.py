# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to the bytes of a hive or its logs, reading them ends in answers or HiveError, within limits."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from struct import pack_into, unpack_from
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pending_reboot.errors import HiveError
from pending_reboot.readers.memory import MemoryKey, MemoryRegistry
from pending_reboot.readers.regf import Hive, HiveKey
from pending_reboot.readers.regf_header import checksum
from pending_reboot.registry import Absent, Unreadable, Value
from pending_reboot_tools.hive_writer import build_hive
from support.hives import Content, changed_pages, content_of, log_entry, new_log, old_log, unreadable

#: A key takes 80 bytes at least, and is reached on one way only.
SMALLEST_KEY = 80

reading = settings(
    max_examples=250,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def tree(step: int = 0) -> MemoryKey:
    registry = MemoryRegistry()
    registry.key("Select", {"Current": Value.from_integer(step)})
    registry.key(
        r"ControlSet001\Control\Session Manager",
        {
            "PendingFileRenameOperations": Value.from_strings(
                [r"\??\C:\a", "", r"\??\C:\b", r"!\??\C:\c"] * (1 + step)
            ),
            "Large": Value(3, bytes(range(256)) * 150),
            "日本": Value(3, b"\xff" * 3),
        },
    )
    registry.key("Привет\\ключ")
    for index in range(12):
        registry.key(rf"Packages\KB{index}", {"CurrentState": Value.from_integer(0x70), "Name": Value.from_text("x")})
    return registry.root


class Mutation(NamedTuple):
    kind: str
    where: int
    what: int


@cache
def base(list_kind: str) -> bytes:
    return build_hive(tree(), list_kind=list_kind, leaf_size=4)  # type: ignore[arg-type]


@cache
def interesting() -> list[int]:
    """Return positions of the fields that lead elsewhere or tell a size, in all the records of `base`."""
    fields = {b"nk": (2, 16, 20, 28, 36, 40, 72), b"vk": (2, 4, 8, 16), b"ri": (2, 4, 8), b"db": (2, 4)}
    fields |= dict.fromkeys((b"lh", b"lf", b"li"), (2, 4, 8, 12))
    found = [4, 8, 12, 20, 24, 28, 36, 40, 508]
    for kind in ("lh", "ri"):
        data = base(kind)
        for position in range(4096 + 32, len(data) - 80, 4):
            offsets = fields.get(data[position + 4 : position + 6], ())
            found += [position, *(position + 4 + offset for offset in offsets)]
    return sorted(set(found))


numbers = st.one_of(
    st.sampled_from([0, 1, 0x20, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0x80000005, 0xFFFFFFF0, 0xFFFFFFFF, 500_001]),
    st.integers(0, 80_000).map(lambda offset: offset & ~7),
    st.integers(0, 0xFFFFFFFF),
)
mutations = st.one_of(
    st.builds(Mutation, st.just("field"), st.sampled_from(range(4000)), numbers),
    st.builds(Mutation, st.just("swap"), st.sampled_from(range(4000)), st.sampled_from(range(4000))),
    st.builds(Mutation, st.just("byte"), st.integers(0, 80_000), st.integers(1, 255)),
    st.builds(Mutation, st.just("zeros"), st.integers(0, 150), st.integers(1, 8)),
    st.builds(Mutation, st.just("cut"), st.integers(0, 80_000), st.just(0)),
)


def mutate(data: bytes, changes: list[Mutation], mend: bool) -> bytes:
    changed = bytearray(data)
    fields = [position for position in interesting() if position + 4 <= len(data)]
    for kind, where, what in changes:
        position = fields[where % len(fields)]
        if len(changed) <= max(position + 4, 512):
            break
        if kind == "field":
            pack_into("<I", changed, position, what)
        elif kind == "swap":
            other = fields[what % len(fields)]
            if other + 4 <= len(changed):
                (mine,), (theirs,) = unpack_from("<I", changed, position), unpack_from("<I", changed, other)
                pack_into("<I", changed, position, theirs)
                pack_into("<I", changed, other, mine)
        elif kind == "byte":
            changed[where % len(changed)] ^= what
        elif kind == "zeros":
            start = where * 512 % len(changed)
            length = min(what * 512, len(changed) - start)
            changed[start : start + length] = bytes(length)
        else:
            del changed[where % len(changed) :]
    if mend and len(changed) >= 512:
        pack_into("<I", changed, 508, checksum(changed))
    return bytes(changed)


def check_unreadable(answer: Unreadable) -> None:
    assert answer.kind == "failed"
    assert answer.message.isprintable()
    assert answer.message.startswith("hive: damaged: ")


def check_values(key: HiveKey, room: int) -> None:
    total = 0
    for name, value in key.values():
        assert isinstance(name, str)
        if isinstance(value, Unreadable):
            check_unreadable(value)
        else:
            total += len(value.data)
    assert total <= room
    answer = key.value("PendingFileRenameOperations")
    assert isinstance(answer, (Value, Absent, Unreadable))


def opened(data: bytes, *logs: Path) -> Hive | None:
    """Return the hive, None when it is refused in one line."""
    try:
        return Hive(data, logs=logs)
    except HiveError as error:
        message = str(error)
    assert message.startswith("hive: ")
    assert message.isprintable()
    return None


def walk(hive: Hive, size: int) -> int:
    """Read everything in a hive of `size` bytes; return how many keys it has."""
    limit = size // SMALLEST_KEY + 1
    pending, seen = [hive.root], 0
    while pending:
        key = pending.pop()
        seen += 1
        assert seen <= limit
        check_values(key, size)
        for name, child in islice(key.children(), limit + 1):
            assert isinstance(name, str)
            if isinstance(child, Unreadable):
                check_unreadable(child)
            else:
                pending.append(child)
    return seen


@given(st.sampled_from(["lh", "lf", "li", "ri"]), st.lists(mutations, min_size=1, max_size=6), st.booleans())
@reading
def test_a_mutated_hive_ends_in_answers(list_kind: str, changes: list[Mutation], mend: bool) -> None:
    data = mutate(base(list_kind), changes, mend)
    hive = opened(data)
    if hive is not None:
        assert walk(hive, len(data)) >= 1


@given(st.lists(mutations, min_size=1, max_size=6))
@reading
def test_looking_up_in_a_mutated_hive_ends_in_an_answer(changes: list[Mutation]) -> None:
    hive = opened(mutate(base("lh"), changes, True))
    if hive is not None:
        try:
            key = hive.find(r"ControlSet001\Control\Session Manager")
        except HiveError as error:
            message = str(error)
        else:
            answer = key.value("Large") if key else None
            message = answer.message if isinstance(answer, Unreadable) else "hive: damaged: not at all"
        assert message.startswith("hive: damaged: ")
        assert message.isprintable()


@pytest.mark.parametrize("list_kind", ["lh", "lf", "li", "ri"])
def test_the_hive_that_is_mutated_is_sound(list_kind: str) -> None:
    data = base(list_kind)
    assert walk(Hive(data), len(data)) == 20
    assert unreadable(content_of(data)) == {}
    assert len(interesting()) > 1000


@given(st.integers(0, 60_000))
@reading
def test_a_truncated_hive_is_never_read(length: int) -> None:
    data = base("lh")
    with pytest.raises(HiveError, match=r"truncated|not a registry hive"):
        Hive(data[: length % len(data)])


# --- logs


@cache
def states() -> list[bytes]:
    return [build_hive(tree(step), dirty=True, sequence=11) for step in range(4)]


@cache
def contents() -> list[Content]:
    return [content_of(data) for data in states()]


@cache
def log_of_three_entries() -> bytes:
    steps = states()
    entries = [
        log_entry(9 + step, len(steps[step]) - 4096, changed_pages(steps[step - 1], steps[step], 1024))
        for step in (1, 2, 3)
    ]
    return new_log(steps[0], 10, entries)


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "SYSTEM.LOG1"


log_changes = st.one_of(
    st.builds(Mutation, st.just("byte"), st.integers(0, 80_000), st.integers(1, 255)),
    st.builds(Mutation, st.just("zeros"), st.integers(0, 150), st.integers(1, 8)),
    st.builds(Mutation, st.just("cut"), st.integers(0, 80_000), st.just(0)),
)


@given(st.lists(log_changes, min_size=1, max_size=3))
@reading
def test_a_mutated_log_is_applied_entry_by_entry_or_not_at_all(log_path: Path, changes: list[Mutation]) -> None:
    log_path.write_bytes(mutate(log_of_three_entries(), changes, False))
    hive = Hive(states()[0], logs=[log_path])
    (outcome,) = hive.log_report
    assert outcome.detail.isprintable()
    reached = contents().index(content_of(states()[0], [log_path]))
    assert (reached > 0) is (outcome.outcome == "applied") is hive.recovered


@given(st.lists(log_changes, min_size=1, max_size=3), st.booleans())
@reading
def test_a_mutated_log_of_the_old_format_ends_in_answers(log_path: Path, changes: list[Mutation], mend: bool) -> None:
    first, second = states()[:2]
    log_path.write_bytes(mutate(old_log(first, 11, changed_pages(first, second, 512)), changes, mend))
    hive = opened(first, log_path)
    if hive is not None:
        assert hive.log_report[0].detail.isprintable()
        assert walk(hive, len(first)) >= 1


def test_the_log_that_is_mutated_is_sound(log_path: Path) -> None:
    log_path.write_bytes(log_of_three_entries())
    assert content_of(states()[0], [log_path]) == contents()[3]
    assert len({str(content) for content in contents()}) == 4
