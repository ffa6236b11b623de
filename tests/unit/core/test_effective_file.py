# SPDX-License-Identifier: Apache-2.0
"""Which file will be at a path after the next boot."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot.effective_file import Effective, Machine, follow, unresolved
from pending_reboot.file_operations import decode
from pending_reboot.model import FileOperation
from pending_reboot.registry import Value

A, B, C, T = (rf"C:\Windows\{name}.dll" for name in "abct")
VARIABLES = {"systemroot": r"C:\Windows", "windir": r"C:\Windows"}


def operations(*pairs: tuple[str, str], name: str = "PendingFileRenameOperations") -> list[FileOperation]:
    """Return operations as the registry holds them; a target of `!...` replaces, an empty one deletes."""
    raw = []
    for source, target in pairs:
        mark, path = ("!", target[1:]) if target.startswith("!") else ("", target)
        raw += [rf"\??\{source}", rf"{mark}\??\{path}" if path else ""]
    return decode(name, Value.from_strings(raw))


def machine(there: Iterable[str], *, unreadable: Iterable[str] = (), long: dict[str, str] | None = None) -> Machine:
    files, hidden = ({path.lower() for path in paths} for paths in (there, unreadable))
    return Machine(VARIABLES, lambda path: None if path.lower() in hidden else path.lower() in files, (long or {}).get)


def after(path: str, pairs: list[tuple[str, str]], there: Iterable[str], **options: object) -> Effective:
    return follow(path, operations(*pairs), machine(there, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pairs", "there", "origin"),
    [
        ([], [T], T),
        ([], [], None),
        ([(A, f"!{T}")], [A, T], A),
        ([(A, f"!{T}")], [A], A),
        ([(A, T)], [A], A),
        ([(T, "")], [T], None),
        ([(T, ""), (A, T)], [A, T], A),
        ([(A, f"!{B}"), (B, f"!{T}")], [A, B, T], A),
        ([(B, f"!{T}"), (A, f"!{B}")], [A, B, T], B),
        ([(T, f"!{A}"), (B, f"!{T}")], [A, B, T], B),
        ([(T, A)], [T], None),
        ([(A, f"!{T}"), (A, f"!{T}")], [A, T], A),
        ([(A, f"!{T}"), (B, f"!{T}")], [A, B, T], B),
        ([(A, f"!{T}"), (T, "")], [A, T], None),
        ([(A, f"!{T}"), (T, f"!{B}"), (B, f"!{T}")], [A, T], A),
        ([(A.upper(), f"!{T.upper()}")], [A, T], A),
        ([(r"C:\Windows\.\x\..\a.dll", f"!{T}")], [A, T], A),
        ([(r"C:\other\a.dll", r"!C:\other\b.dll")], [T], T),
        ([(r"C:\Windows", "")], [T], T),
    ],
)
def test_what_will_be_there(pairs: list[tuple[str, str]], there: list[str], origin: str | None) -> None:
    found = after(T, pairs, there)
    assert (found.origin or "").lower() == (origin or "").lower()
    assert (found.unknown, found.problems) == ("", ())


def test_a_staged_file_that_is_gone_is_said() -> None:
    found = after(T, [(A, f"!{T}")], [T])
    assert (found.origin, found.problems) == (T, (f"{A} is not there, so it does not become {T}",))


def test_a_target_that_may_not_be_replaced() -> None:
    found = after(T, [(A, T)], [A, T])
    assert (found.origin, found.problems) == (T, (f"{T} is there and may not be replaced by {A}",))


def test_operations_in_both_values_are_followed() -> None:
    both = [*operations((A, f"!{B}")), *operations((B, f"!{T}"), name="PendingFileRenameOperations2")]
    found = follow(T, both, machine([A, B, T]))
    assert (found.origin, found.operations) == (A, (0, 1))


def test_a_short_name_that_can_be_spelled_out_is_told_to_be_gone() -> None:
    short, long = r"C:\DOCUME~1\x.tmp", r"C:\Documents and Settings\x.tmp"
    found = after(T, [(short, f"!{T}")], [T], long={short: long})
    assert (found.origin, found.problems) == (T, (f"{long} is not there, so it does not become {T}",))


def test_a_chain_of_thousands() -> None:
    names = [rf"C:\Windows\{number}.tmp" for number in range(5000)]
    assert after(T, [*pairwise(names), (names[-1], f"!{T}")], [names[0], T]).origin == names[0]


def test_a_malformed_pair_is_not_executed() -> None:
    odd = decode("PendingFileRenameOperations", Value.from_strings([rf"\??\{T}"]))
    assert [each.malformed for each in odd] == [True]
    assert follow(T, odd, machine([T])).origin == T


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([(A, f"!{T}")], f"whether {A} is there could not be read"),
        (
            [(r"C:\DOCUME~1\x.tmp", f"!{T}")],
            "is there is not known: its short name cannot be",
        ),
        (
            [(r"\Device\HarddiskVolume1\x.tmp", f"!{T}")],
            "is there is not known: which drive that volume is",
        ),
        ([(r"C:\Win~1\t.dll", "")], ""),
        ([(r"C:\Windows.new", r"!C:\Windows")], r"the next boot moves c:\windows, in which c:\windows\t.dll lies"),
        ([(A, r"!\Device\HarddiskVolume2\Windows\t.dll")], "which drive that volume is, is not known"),
        ([(A, r"!UNC\localhost\c$\Windows\t.dll")], "whether that share is this machine's, is not known"),
    ],
)
def test_what_cannot_be_told_is_unknown(pairs: list[tuple[str, str]], says: str) -> None:
    found = after(T, pairs, [T], unreadable=[A])
    assert says in found.unknown
    assert bool(found.unknown) is bool(says)


LONG = r"C:\Program Files\Vendor Name\component.dll"


@pytest.mark.parametrize(
    ("short", "unknown"),
    [
        (r"C:\PROGRA~1\VENDOR~1\COMPON~1.DLL", True),
        (r"C:\PROGRA~2\VENDOR~1\COMPON~1.DLL", True),
        (r"C:\PROGRA~1\Vendor Name\COMPON~1.OCX", False),
        (r"C:\PROGRA~1\VENDOR~1\OTHER~1.DLL", False),
        (r"C:\WINDOW~1\VENDOR~1\COMPON~1.DLL", False),
        (r"C:\PROGRA~1\COMPON~1.DLL", False),
    ],
)
def test_short_names(short: str, unknown: bool) -> None:
    pairs = [(A, f"!{short}")]
    found = after(LONG, pairs, [A, LONG])
    assert bool(found.unknown) is unknown
    if unknown:
        assert "its short name cannot be spelled out here" in found.unknown
    spelled = after(LONG, pairs, [A, LONG], long={short: LONG})
    assert (spelled.origin, spelled.unknown) == (A, "")


def test_a_name_that_fits_has_no_short_one() -> None:
    found = after(r"C:\Windows\clbcatq.dll", [(A, r"!C:\Windows\CLBCAT~1.DLL")], [A, r"C:\Windows\clbcatq.dll"])
    assert found.unknown == ""


@pytest.mark.parametrize(
    ("path", "full", "problem"),
    [
        (r"%SystemRoot%\a.dll", A, ""),
        (r"%windir%/a.dll", A, ""),
        (r"%windir%\\a.dll", A, ""),
        (r"C:\Windows\.\\x\..\a.dll", A, ""),
        (r"\SystemRoot\a.dll", A, ""),
        (r"%windir%\sysnative\a.dll", r"C:\Windows\System32\a.dll", ""),
        (r"C:\WINDOWS\Sysnative\a.dll", r"C:\Windows\System32\a.dll", ""),
        (r"D:\Windows\Sysnative\a.dll", r"D:\Windows\Sysnative\a.dll", ""),
        (r"%ProgramFiles%\a.dll", r"%ProgramFiles%\a.dll", "%ProgramFiles% of this machine is not known"),
        ("a.dll", "a.dll", "a.dll does not begin with a drive"),
        (r"\\server\share\a.dll", r"\\server\share\a.dll", ""),
    ],
)
def test_full_paths(path: str, full: str, problem: str) -> None:
    assert machine([]).full(path).lower() == full.lower()
    assert unresolved(machine([]).full(path), machine([])) == problem


PATHS = st.sampled_from([A, B, C, T])
PAIRS = st.lists(st.tuples(PATHS, st.one_of(st.just(""), PATHS, PATHS.map(lambda path: f"!{path}"))), max_size=8)


def simulated(pairs: list[tuple[str, str]], there: set[str]) -> dict[str, str]:
    """Return which file is where after executing everything, by brute force."""
    now = {path: path for path in there}
    for source, target in pairs:
        path = target.removeprefix("!")
        if source not in now or (path in now and not target.startswith("!") and path):
            continue
        found = now.pop(source)
        if path:
            now[path] = found
    return now


@given(PAIRS, st.sets(PATHS))
def test_it_is_what_executing_everything_gives(pairs: list[tuple[str, str]], there: set[str]) -> None:
    now = simulated(pairs, there)
    for path in (A, B, C, T):
        found = after(path, pairs, there)
        assert (found.origin, found.unknown) == (now.get(path), "")
