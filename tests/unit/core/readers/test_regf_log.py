# SPDX-License-Identifier: Apache-2.0
"""Transaction logs: what Windows itself made of the same files, and which logs are refused."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from struct import pack

import pytest

from pending_reboot.errors import HiveError
from pending_reboot.readers import regf_log
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.regf import Hive
from pending_reboot.readers.regf_header import find_logs
from pending_reboot.readers.regf_log import LogOutcome, marvin32
from pending_reboot.registry import Value
from pending_reboot_tools.hive_writer import build_hive
from support.hives import (
    changed_pages,
    content,
    content_of,
    log_entry,
    log_header,
    new_log,
    number,
    old_log,
    patched,
)
from support.shared_data import replay_case


def outcomes(hive: Hive) -> list[str]:
    return [f"{Path(log.name).name}: {log.outcome}, {log.detail}" for log in hive.log_report]


def bins(path: Path) -> bytes:
    data = path.read_bytes()
    return data[4096 : 4096 + int.from_bytes(data[40:44], "little")]


# --- files made by Windows


def test_new_logs_give_what_windows_10_made_of_them() -> None:
    path = replay_case("NewDirtyHive1", "NewDirtyHive")
    before = path.read_bytes()
    with Hive.open(path, find_logs(path)) as hive:
        assert (hive.dirty, hive.recovered, hive.sequences) == (True, True, (3, 2))
        assert outcomes(hive) == [
            "NewDirtyHive.LOG1: applied, log entry 2",
            "NewDirtyHive.LOG2: applied, log entries 3 to 5",
        ]
        assert bytes(hive._buffer[4096 : 4096 + 20480]) == bins(replay_case("NewDirtyHive1", "RecoveredHive_Windows10"))
        assert [name for name, _ in hive.root.children()] == ["Key3"]
    assert path.read_bytes() == before
    with Hive.open(path) as hive:
        assert (hive.dirty, hive.recovered, hive.log_report) == (True, False, ())
        assert [name for name, _ in hive.root.children()] == ["Key1", "Key2"]


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_order_of_logs_does_not_matter(order: tuple[int, ...], tmp_path: Path) -> None:
    folder = replay_case("NewDirtyHive1")
    empty = tmp_path / "NewDirtyHive.LOG"
    empty.write_bytes(b"")
    first = folder / "NewDirtyHive.LOG1"
    logs = [first, folder / "NewDirtyHive.LOG2", empty, first]
    with Hive.open(folder / "NewDirtyHive", [logs[index] for index in order]) as hive:
        assert hive.recovered
        assert content(hive.root) == content_of((folder / "RecoveredHive_Windows10").read_bytes())
        assert sorted(log.outcome for log in hive.log_report) == ["applied", "applied", "ignored", "ignored"]
        assert [log.name for log in hive.log_report] == [str(logs[index]) for index in order]


def test_entries_that_the_hive_has_already_are_left_out() -> None:
    path = replay_case("NewDirtyHive2", "NewDirtyHive")
    with Hive.open(path, find_logs(path)) as hive:
        assert hive.recovered
        assert outcomes(hive) == [
            "NewDirtyHive.LOG1: ignored, all of it is in the hive already",
            "NewDirtyHive.LOG2: applied, log entries 3 to 5",
        ]
        assert content(hive.root) == content_of(replay_case("NewDirtyHive1", "RecoveredHive_Windows10").read_bytes())


def test_the_second_log_alone_is_not_enough() -> None:
    path = replay_case("NewDirtyHive1", "NewDirtyHive")
    with Hive.open(path, [path.with_suffix(".LOG2")]) as hive:
        assert not hive.recovered
        assert outcomes(hive) == [
            "NewDirtyHive.LOG2: refused, it starts with log entry 3, the hive needs number 2 first"
        ]
        assert content(hive.root) == content_of(path.read_bytes())


def test_an_old_log_gives_what_windows_7_made_of_it() -> None:
    path = replay_case("OldDirtyHive", "OldDirtyHive")
    with Hive.open(path, find_logs(path)) as hive:
        assert (hive.dirty, hive.recovered) == (True, True)
        assert outcomes(hive) == [
            "OldDirtyHive.LOG1: applied, 64 changed pages",
            "OldDirtyHive.LOG2: ignored, it is empty",
        ]
        recovered = content(hive.root)
        value = hive.find(r"key_with_many_subkeys\4500")
        assert value is not None
        assert value.value("V") == Value.from_strings(["a", "bb", "ccc"])
    assert recovered == content_of(replay_case("OldDirtyHive", "RecoveredHive_Windows7").read_bytes())
    assert recovered != content_of(path.read_bytes())


@pytest.mark.parametrize(
    ("case", "reasons"),
    [
        (1, ["LOG1: refused, its header is damaged: the checksum is wrong", "LOG2: ignored, it is empty"]),
        (2, ["LOG1: refused, its list of changed pages is missing", "LOG2: ignored, it is empty"]),
        (3, [f"LOG{n}: refused, its header is damaged: the checksum is wrong" for n in (1, 2)]),
    ],
)
def test_bad_logs_change_nothing(case: int, reasons: list[str]) -> None:
    path = replay_case(f"BadLogHive{case}", "BadLogHive")
    with Hive.open(path, find_logs(path)) as hive:
        assert (hive.dirty, hive.recovered) == (True, False)
        assert outcomes(hive) == [f"BadLogHive.{reason}" for reason in reasons]
        assert content(hive.root) == content_of(path.read_bytes())


def test_a_log_repairs_the_header_of_its_hive() -> None:
    path = replay_case("BadBaseBlockHive", "BadBaseBlockHive")
    with pytest.raises(HiveError, match=r"has format 1.1, 1.3 to 1.6 can be read .its header is damaged"):
        Hive.open(path)
    with Hive.open(path, find_logs(path)) as hive:
        assert (hive.dirty, hive.recovered, hive.minor) == (True, True, 3)
        assert content(hive.root) == content_of(replay_case("OldDirtyHive", "RecoveredHive_Windows7").read_bytes())


def test_logs_of_a_complete_hive_are_not_even_read(tmp_path: Path) -> None:
    path = replay_case("NewDirtyHive1", "RecoveredHive_Windows10")
    log = path.with_name("NewDirtyHive.LOG1")
    with Hive.open(path, [log, tmp_path / "absent"]) as hive:
        assert (hive.dirty, hive.recovered) == (False, False)
        assert [log.detail for log in hive.log_report] == ["the hive is complete"] * 2
        assert content(hive.root) == content_of(path.read_bytes())


# --- finding logs


def test_logs_are_found_in_any_letter_case(tmp_path: Path) -> None:
    for name in ("System", "SYSTEM.LOG2", "system.log", "System.Log1", "SYSTEM.LOG3", "SYSTEM.SAV", "SOFTWARE.LOG1"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "system.LOG1").mkdir(exist_ok=True)
    assert [path.name for path in find_logs(tmp_path / "System")] == ["System.Log1", "SYSTEM.LOG2", "system.log"]
    assert find_logs(str(tmp_path / "SOFTWARE")) == [tmp_path / "SOFTWARE.LOG1"]
    assert find_logs(tmp_path / "SAM") == []
    with pytest.raises(HiveError, match="its folder cannot be searched for logs: No such file"):
        find_logs(tmp_path / "absent" / "SYSTEM")


# --- logs of our own


def state(step: int) -> bytes:
    """Return a hive after `step` changes; the second makes it larger."""
    registry = MemoryRegistry()
    registry.key("Select", {"Current": Value.from_integer(step)})
    registry.key("Data", {"v": Value(3, bytes([step]) * (300 if step < 2 else 20_000))})
    return build_hive(registry.root, dirty=True, sequence=11)


STATES = [state(step) for step in range(4)]
CONTENTS = [content_of(data) for data in STATES]


def entry(step: int, **changes: object) -> bytes:
    """Return log entry 10, 11 or 12, which leads to state 1, 2 or 3."""
    pages = changed_pages(STATES[step - 1], STATES[step])
    arguments = {"sequence": 9 + step, "hive_size": len(STATES[step]) - 4096, "pages": pages} | changes
    return log_entry(**arguments)  # type: ignore[arg-type]


def log_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_hive_grows_with_its_logs(tmp_path: Path) -> None:
    assert len(STATES[2]) > len(STATES[1])
    hive_path = log_file(tmp_path, "SYSTEM", STATES[0])
    log_file(tmp_path, "SYSTEM.LOG2", new_log(STATES[0], 10, [entry(1)]))
    log_file(tmp_path, "SYSTEM.LOG1", new_log(STATES[0], 11, [entry(2), entry(3)]))
    logs = find_logs(hive_path)
    with Hive.open(hive_path, logs) as hive:
        assert hive.recovered
        assert content(hive.root) == CONTENTS[3]
        assert [str(log).partition(": ")[2] for log in hive.log_report] == [
            "applied, log entries 11 to 12",
            "applied, log entry 10",
        ]
    data = bytearray(STATES[0])
    assert content(Hive(data, logs=logs).root) == CONTENTS[3]
    assert data == STATES[0]
    assert hive_path.read_bytes() == STATES[0]


def test_what_is_left_of_earlier_entries_is_not_read(tmp_path: Path) -> None:
    log = log_file(tmp_path, "log", new_log(STATES[0], 10, [entry(1), entry(3)]))
    hive = Hive(STATES[0], logs=[log])
    assert (content(hive.root), hive.recovered) == (CONTENTS[1], True)
    assert outcomes(hive) == ["log: applied, log entry 10"]


def test_a_log_that_begins_before_the_hive_was_written(tmp_path: Path) -> None:
    log = log_file(tmp_path, "log", new_log(STATES[0], 9, [entry(1, sequence=9), entry(1), entry(2)]))
    hive = Hive(STATES[0], logs=[log])
    assert content(hive.root) == CONTENTS[2]
    assert outcomes(hive) == ["log: applied, log entries 10 to 11"]


def broken(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BAD_ENTRIES = {
    "the first hash": (broken(entry(2), 24), "log entry 11 is damaged: a hash is wrong"),
    "the second hash": (broken(entry(2), 32), "log entry 11 is damaged: a hash is wrong"),
    "a page": (broken(entry(2), 600), "log entry 11 is damaged: a hash is wrong"),
    "its end is missing": (entry(2)[:-512], f"log entry 11 claims {len(entry(2))} bytes"),
    "an odd size": (entry(2)[:4] + number(777) + entry(2)[8:], "log entry 11 claims 777 bytes"),
    "no size": (entry(2)[:4] + number(0) + entry(2)[8:], "log entry 11 claims 0 bytes"),
    "an odd hive size": (entry(2, hive_size=4097), "log entry 11 makes the hive 4097 bytes large"),
    "no hive size": (entry(2, hive_size=0), "log entry 11 makes the hive 0 bytes large"),
    "a huge hive": (entry(2, hive_size=0x40000000), "log entry 11 makes the hive 1073741824 bytes large"),
    "a page outside": (
        entry(2, pages=[(0x10000000, b"x" * 4096)]),
        "log entry 11 has a page of 4096 bytes for 0x10000000, which does not fit",
    ),
}


@pytest.mark.parametrize("what", BAD_ENTRIES)
def test_replay_stops_at_a_bad_entry(what: str, tmp_path: Path) -> None:
    bad, reason = BAD_ENTRIES[what]
    both = log_file(tmp_path, "both", new_log(STATES[0], 10, [entry(1), bad]))
    hive = Hive(STATES[0], logs=[both])
    assert content(hive.root) == CONTENTS[1]
    assert outcomes(hive) == [f"both: applied, log entry 10, but then: {reason}"]
    assert hive.recovered  # Windows gets no further either

    first = log_file(tmp_path, "first", new_log(STATES[0], 10, [entry(1)]))
    second = log_file(tmp_path, "second", new_log(STATES[0], 11, [bad]))
    hive = Hive(STATES[0], logs=[second, first])
    assert content(hive.root) == CONTENTS[1]
    assert outcomes(hive) == [f"second: refused, {reason}", "first: applied, log entry 10"]
    assert not hive.recovered


def test_pages_beyond_the_end_of_their_entry(tmp_path: Path) -> None:
    body = (number(0) + number(4096) + number(4096) + number(4096) + b"x" * 4096).ljust(4096 + 512 - 40, b"\0")
    for pages, reason in ((2, "has a page of 4096 bytes for 0x1000"), (60_000, "claims 60000 pages")):
        head = pack("<4sIIIIIQ", b"HvLE", 4096 + 512, 0, 10, len(STATES[0]) - 4096, pages, marvin32(body))
        log = log_file(tmp_path, "log", new_log(STATES[0], 10, [head + pack("<Q", marvin32(head)) + body]))
        hive = Hive(STATES[0], logs=[log])
        assert reason in outcomes(hive)[0]
        assert content(hive.root) == CONTENTS[0]


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"\0" * 4096, "ignored, it is empty"),
        (STATES[0], "refused, it is a hive, not a log"),
        (log_header(STATES[0], 10, 4), "refused, its type is unknown"),
        (b"hello", "refused, is not a registry hive: it starts with b'hello' in place of b'regf'"),
        (log_header(STATES[0], 10, 6)[:100], "refused, truncated: the file has 100 bytes, its header alone 4096"),
        (log_header(STATES[0], 10, 6), "refused, its first log entry should be number 10, which is not there"),
        (new_log(STATES[0], 10, [entry(2)]), "refused, its first log entry should be number 10, which is not there"),
        (b"x" * 5000, "refused, is larger than 4999 bytes"),
    ],
)
def test_files_that_are_no_log(data: bytes, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if data[:1] == b"x":
        monkeypatch.setattr(regf_log, "MAX_LOG_SIZE", 4999)
    hive = Hive(STATES[0], logs=[log_file(tmp_path, "log", data)])
    assert outcomes(hive) == [f"log: {outcome}"]
    assert content(hive.root) == CONTENTS[0]


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    hive = Hive(STATES[0], logs=[tmp_path / "absent", tmp_path])
    assert outcomes(hive) == [
        "absent: refused, cannot be read: No such file or directory",
        f"{tmp_path.name}: refused, is not a file",
    ]
    assert str(hive.log_report[0]) == f"{tmp_path / 'absent'}: refused, cannot be read: No such file or directory"
    assert isinstance(hive.log_report[0], LogOutcome)


def test_a_damaged_header_takes_the_last_log_only(tmp_path: Path) -> None:
    damaged = broken(STATES[0], 41)  # the size of the hive
    first = log_file(tmp_path, "first", new_log(STATES[0], 10, [entry(1)]))
    last = log_file(tmp_path, "last", new_log(STATES[0], 11, [entry(2)]))
    hive = Hive(damaged, logs=[last, first])
    assert outcomes(hive) == [
        "last: applied, log entry 11",
        "first: ignored, the hive's header is damaged: only the last log fits",
    ]
    hive = Hive(damaged, logs=[first])
    assert (content(hive.root), hive.recovered) == (CONTENTS[1], True)
    with pytest.raises(HiveError, match=r"truncated|which no hive has"):
        Hive(damaged[:-4096], logs=[first])


# --- the old format

SECTORS = changed_pages(STATES[0], STATES[1], 512)


def test_old_logs_are_chosen_by_the_time_of_the_last_write(tmp_path: Path) -> None:
    other = patched(STATES[0], (12, b"\1" * 8))
    stale = log_file(tmp_path, "stale", old_log(other, 12, SECTORS))
    fitting = log_file(tmp_path, "fitting", old_log(STATES[0], 11, SECTORS))
    later = log_file(tmp_path, "later", old_log(STATES[0], 12, SECTORS))
    hive = Hive(STATES[0], logs=[stale, fitting, later])
    assert outcomes(hive) == [
        "stale: ignored, it was written for another state of the hive",
        "fitting: ignored, a later log was used",
        f"later: applied, {len(SECTORS)} changed pages",
    ]
    assert (content(hive.root), hive.recovered) == (CONTENTS[1], True)


def test_an_old_log_beside_a_new_one_is_left_out(tmp_path: Path) -> None:
    old = log_file(tmp_path, "old", old_log(STATES[0], 11, SECTORS))
    new = log_file(tmp_path, "new", new_log(STATES[0], 10, [entry(1), entry(2)]))
    hive = Hive(STATES[0], logs=[old, new])
    assert content(hive.root) == CONTENTS[2]
    assert outcomes(hive)[0] == "old: ignored, it is older than the other log's format"


def test_an_old_log_makes_a_hive_grow(tmp_path: Path) -> None:
    larger = patched(STATES[2])
    pages = [(start - 4096, larger[start : start + 512]) for start in range(4096, len(larger), 512)]
    hive = Hive(STATES[0], logs=[log_file(tmp_path, "log", old_log(larger, 11, pages))])
    assert content(hive.root) == CONTENTS[2]
    short = log_file(tmp_path, "short", old_log(larger, 11, pages[:-1]))
    hive = Hive(STATES[0], logs=[short])
    assert outcomes(hive)[0].startswith(f"short: refused, the hive should have {len(larger)} bytes, and 0x")
    assert content(hive.root) == CONTENTS[0]


def test_old_logs_that_are_refused(tmp_path: Path) -> None:
    good = old_log(STATES[0], 11, SECTORS)
    bad_bin = old_log(STATES[0], 11, [(0, b"hxin" + STATES[0][4100:4608])])
    cases = {
        patched(good[:512], (8, number(10))) + good[512:]: "it was not written completely",
        good[:-1]: f"it has {len(good) - 1} bytes, its {len(SECTORS)} changed pages need more",
        bad_bin: "its hive bin at 0x0 is damaged",
        patched(good[:512], (40, number(0))) + good[512:]: "it makes the hive 0 bytes large",
        patched(good[:512], (40, number(0x50000000))) + good[512:]: "it makes the hive 1342177280 bytes large",
    }
    for data, reason in cases.items():
        hive = Hive(STATES[0], logs=[log_file(tmp_path, "log", data)])
        assert outcomes(hive) == [f"log: refused, {reason}"]
        assert content(hive.root) == CONTENTS[0]
        assert not hive.recovered


def test_an_old_log_does_not_answer_for_damage_elsewhere(tmp_path: Path) -> None:
    hive_data = patched(STATES[2], (STATES[2].index(b"hbin", 8192), b"xxxx"))
    change = [(0, hive_data[4096:4608])]
    assert Hive(hive_data, logs=[log_file(tmp_path, "log", old_log(hive_data, 11, change))]).recovered
