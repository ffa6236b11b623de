# SPDX-License-Identifier: Apache-2.0
"""What a .reg export answers: which keys it covers, the control set, volatile keys, several files, any input."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pending_reboot.errors import InputError
from pending_reboot.readers import reg_export
from pending_reboot.readers.reg_export import ExportContent, RegExport, load_exports, parse_export
from pending_reboot.registry import (
    ABSENT,
    ALL,
    REG_DWORD,
    Absent,
    Children,
    Key,
    KeyQuery,
    Reader,
    Unreadable,
    Value,
)

ONE = Value.from_integer(1)
TWO = Value.from_integer(2)


def reader(*texts: str | bytes, live: bool = False) -> RegExport:
    content = ExportContent()
    for number, text in enumerate(texts, 1):
        parse_export(text.encode() if isinstance(text, str) else text, name=f"{number}.reg", into=content)
    return RegExport(content, live=live)


def keys(*paths: str) -> str:
    """Return an export of keys below HKLM, each with the value `v` = 1."""
    return "".join(f'[HKEY_LOCAL_MACHINE\\{path}]\r\n"v"=dword:1\r\n\r\n' for path in paths)


def not_covered(path: str) -> Unreadable:
    return Unreadable("unsupported", None, f"the export does not cover HKLM\\{path}")


# Coverage


def test_key_below_an_exported_one_is_absent_and_every_other_one_unreadable() -> None:
    export = reader(keys("SOFTWARE\\A", "SOFTWARE\\A\\B", "SOFTWARE\\C\\D"))
    assert export.read(KeyQuery("software\\a", ("V", "w"))) == Key(values={"V": ONE})
    assert export.read(KeyQuery("SOFTWARE\\A\\B", ALL)) == Key(values={"v": ONE})
    assert export.read(KeyQuery("SOFTWARE\\A\\X\\Y")) == ABSENT
    assert export.read(KeyQuery("SOFTWARE\\C\\D\\X")) == ABSENT
    for path in ("SOFTWARE", "SOFTWARE\\C", "SOFTWARE\\C\\X", "SOFTWARE\\AB", "SYSTEM\\Setup", "COMPONENTS"):
        assert export.read(KeyQuery(path)) == not_covered(path)


def test_order_of_the_key_lines_does_not_matter_for_coverage() -> None:
    export = reader(keys("SOFTWARE\\A\\B", "SOFTWARE\\A"))
    assert export.read(KeyQuery("SOFTWARE\\A\\C")) == ABSENT


def test_whole_root_covers_everything() -> None:
    export = reader("[HKEY_LOCAL_MACHINE]\n")
    assert export.read(KeyQuery("SOFTWARE\\A")) == ABSENT
    assert export.read(KeyQuery("")) == Key()


def test_children_are_listed() -> None:
    export = reader(keys("SOFTWARE\\A", "SOFTWARE\\A\\Package_1", "SOFTWARE\\A\\Package_2\\X", "SOFTWARE\\A\\Other"))
    answer = export.read(KeyQuery("SOFTWARE\\A", children=Children("package_*", ("v",))))
    assert answer == Key(children={"Package_1": Key(values={"v": ONE}), "Package_2": Key()})


def test_32_bit_view_has_a_key_of_its_own() -> None:
    path = "SOFTWARE\\Microsoft\\Updates"
    wow = "SOFTWARE\\WOW6432Node\\Microsoft\\Updates"
    export = reader(keys("SOFTWARE\\Microsoft"))
    assert export.read(KeyQuery(path)) == ABSENT
    assert export.read(KeyQuery(path, view=32)) == not_covered(wow)
    assert reader(keys("SOFTWARE")).read(KeyQuery(path, view=32)) == ABSENT
    assert reader(keys(wow)).read(KeyQuery(path, ALL, view=32)) == Key(values={"v": ONE})
    assert reader(keys(wow)).read(KeyQuery(path, ALL)) == not_covered(path)


def test_other_root_keys_are_skipped_with_their_number() -> None:
    text = keys("SOFTWARE\\A").replace("v", "w")
    for root in ("HKEY_CURRENT_USER", "HKCU", "HKEY_USERS\\.DEFAULT"):
        text += f'[{root}\\SOFTWARE\\A]\n"v"=dword:1\n'
    export = reader(text)
    assert export.read(KeyQuery("SOFTWARE\\A", ALL)) == Key(values={"w": ONE})
    assert export.warnings == ["1.reg: keys outside of HKEY_LOCAL_MACHINE are skipped: 3"]


def test_skipped_keys_must_still_be_well_formed() -> None:
    with pytest.raises(InputError, match=r"^1\.reg:2: is no list of hex bytes: '0'$"):
        reader('[HKEY_CURRENT_USER\\A]\n"v"=hex:0\n')


def test_keys_without_a_root_key() -> None:
    text = ""
    for path in ("\\", "\\controlset001\\Control", "ControlSet001\\Services", "\\Select", "\\Setup", "\\Microsoft\\A"):
        text += f'[{path}]\n"v"=dword:1\n'
    text += "[\\WOW6432Node\\A]\n[\\Policies]\n[\\Vendor]\n[\\ControlSet0001]\n"
    export = reader(text)
    for path in (
        "SYSTEM\\ControlSet001\\Control",
        "SYSTEM\\ControlSet001\\Services",
        "SYSTEM\\Select",
        "SYSTEM\\Setup",
        "SOFTWARE\\Microsoft\\A",
    ):
        assert export.read(KeyQuery(path, ALL)) == Key(values={"v": ONE})
    assert export.read(KeyQuery("SOFTWARE\\A", view=32)) == Key()
    assert export.read(KeyQuery("SOFTWARE\\Policies")) == Key()
    assert export.read(KeyQuery("SOFTWARE\\Vendor")) == not_covered("SOFTWARE\\Vendor")
    assert export.warnings == [
        "1.reg: keys without a root key are skipped, their hive is not known: 3",
        "1.reg: keys without a root key are taken as keys of HKLM\\SYSTEM or HKLM\\SOFTWARE: 7",
        "controlset001 is taken as the current control set: it is the only one in the export",
    ]


# Control sets

CONTROL = "SYSTEM\\CurrentControlSet\\Control"


def select(number: int) -> str:
    return f'[HKLM\\SYSTEM\\Select]\n"Current"=dword:{number:08x}\n'


def test_current_control_set_of_the_export_is_used() -> None:
    export = reader(keys(CONTROL, "SYSTEM\\ControlSet001", "SYSTEM\\ControlSet001\\Services") + select(1))
    assert export.read(KeyQuery(CONTROL, ALL)) == Key(values={"v": ONE})
    assert export.read(KeyQuery(f"{CONTROL}\\X")) == ABSENT
    services = "SYSTEM\\CurrentControlSet\\Services"
    assert export.read(KeyQuery(services)) == not_covered(services)


def test_select_names_the_current_control_set() -> None:
    text = keys("SYSTEM", "SYSTEM\\ControlSet001\\Control") + select(2)
    export = reader(text + '[HKLM\\SYSTEM\\ControlSet002\\Control]\n"v"=dword:2\n')
    assert export.read(KeyQuery(CONTROL.lower(), ALL)) == Key(values={"v": TWO})
    assert export.read(KeyQuery(f"{CONTROL}\\X")) == ABSENT
    assert export.read(KeyQuery("SYSTEM\\CurrentControlSet")) == Key()
    assert export.read(KeyQuery("SYSTEM\\ControlSet001\\Control", ALL)) == Key(values={"v": ONE})
    assert export.warnings == []


def test_coverage_counts_for_the_control_set_that_stands_in() -> None:
    export = reader(keys("SYSTEM\\ControlSet001\\Control") + select(1))
    assert export.read(KeyQuery(f"{CONTROL}\\X")) == ABSENT
    services = "SYSTEM\\CurrentControlSet\\Services"
    assert export.read(KeyQuery(services)) == not_covered(services)


def test_only_control_set_is_taken_with_a_warning() -> None:
    export = reader(keys("SYSTEM\\ControlSet003\\Control", "SYSTEM\\ControlSet0010"))
    assert export.read(KeyQuery(CONTROL, ALL)) == Key(values={"v": ONE})
    assert export.warnings == ["ControlSet003 is taken as the current control set: it is the only one in the export"]


@pytest.mark.parametrize("selection", ["", '[HKLM\\SYSTEM\\Select]\n"Current"="1"\n', "[HKLM\\SYSTEM\\Select]\n"])
def test_several_control_sets_and_no_selection(selection: str) -> None:
    export = reader(keys("SYSTEM", "SYSTEM\\ControlSet002", "SYSTEM\\ControlSet001") + selection)
    assert export.read(KeyQuery(CONTROL)) == Unreadable(
        "unsupported", None, "which control set is current is not in the export (ControlSet001, ControlSet002)"
    )
    assert export.read(KeyQuery("SYSTEM\\ControlSet001", ALL)) == Key(values={"v": ONE})
    assert export.warnings == []


def test_selected_control_set_that_is_not_exported() -> None:
    export = reader(keys("SYSTEM", "SYSTEM\\ControlSet001") + select(2))
    assert export.read(KeyQuery(CONTROL)) == Unreadable(
        "unsupported", None, "the current control set, ControlSet002, is not in the export"
    )


def test_no_control_set_at_all() -> None:
    export = reader(keys("SYSTEM", "SYSTEM\\Setup"))
    assert export.read(KeyQuery(CONTROL)) == not_covered("SYSTEM\\CurrentControlSet")
    assert export.read(KeyQuery("SYSTEM\\Select")) == ABSENT


# Volatile keys and the rest of the reader


def test_export_with_the_current_control_set_was_made_on_the_running_machine() -> None:
    export: Reader = reader(keys(CONTROL))
    assert export.name == "reg"
    assert (export.capabilities.volatile, export.capabilities.reason) == ("visible", "")
    assert export.capabilities.live


@pytest.mark.parametrize(
    "text", [keys("SYSTEM\\ControlSet001"), keys("SOFTWARE"), "[-HKLM\\SYSTEM\\CurrentControlSet\\Control]\n"]
)
def test_export_that_does_not_say_where_it_was_made(text: str) -> None:
    capabilities = reader(text).capabilities
    assert capabilities.volatile == "hidden"
    assert capabilities.reason == "the export does not say whether it was made on the running machine"
    assert not capabilities.live
    said = reader(text, live=True).capabilities
    assert (said.volatile, said.reason, said.live) == ("visible", "", True)


def test_volatile_key_in_the_export_is_reported_even_when_they_are_hidden() -> None:
    path = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending"
    export = reader(keys(path))
    assert export.capabilities.volatile == "hidden"
    assert export.read(KeyQuery(path, volatile=True)) == Key()


def test_probes_are_unsupported() -> None:
    assert reader(keys("SOFTWARE")).probe("wua") == Unreadable("unsupported", None, "the reg reader cannot ask for wua")


# Files


def test_later_file_wins_and_warnings_name_their_file(tmp_path: Path) -> None:
    first = tmp_path / "first.reg"
    first.write_text('[HKLM\\SOFTWARE\\A]\n"v"=dword:1\n"w"=dword:1\n')
    second = tmp_path / "second.reg"
    second.write_text('[HKCU\\A]\n[HKLM\\SOFTWARE\\A]\n"V"=dword:2\n[HKLM\\SYSTEM\\CurrentControlSet]\n')
    export = load_exports([first, str(second)])
    assert export.read(KeyQuery("SOFTWARE\\A", ("v", "w"))) == Key(values={"v": TWO, "w": ONE})
    assert export.capabilities.live
    assert export.warnings == [f"{second}: keys outside of HKEY_LOCAL_MACHINE are skipped: 1"]
    assert not load_exports([first]).capabilities.live
    assert load_exports([first], live=True).capabilities.live


def test_deletion_in_a_later_file_applies_to_the_earlier_one() -> None:
    export = reader(keys("SOFTWARE\\A", "SOFTWARE\\A\\B"), "[-HKLM\\SOFTWARE\\A\\B]\n")
    assert export.read(KeyQuery("SOFTWARE\\A\\B")) == ABSENT
    assert reader("[-HKLM\\SOFTWARE\\A\\B]\n", keys("SOFTWARE\\A\\B")).read(KeyQuery("SOFTWARE\\A\\B")) == Key()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^no \.reg export is given$"):
        load_exports([])
    missing = tmp_path / "missing.reg"
    with pytest.raises(InputError) as caught:
        load_exports([missing])
    assert str(caught.value) == f"{missing}: {os.strerror(errno.ENOENT)}"
    with pytest.raises(InputError) as caught:
        load_exports(["a\0b.reg"])
    assert (caught.value.what, caught.value.where) == ("embedded null byte", "a\0b.reg")
    empty = tmp_path / "empty.reg"
    empty.touch()
    with pytest.raises(InputError) as caught:
        load_exports([empty])
    assert str(caught.value) == f"{empty}: is empty"


def test_file_over_the_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.reg"
    path.write_text("[HKLM\\A]\n")
    monkeypatch.setattr(reg_export, "MAX_SIZE", path.stat().st_size)
    assert load_exports([path]).read(KeyQuery("A")) == Key()
    path.write_text("[HKLM\\AB]\n")
    with pytest.raises(InputError) as caught:
        load_exports([path])
    assert str(caught.value) == f"{path}: is larger than 9 bytes (export only the keys that are needed)"


# Any content, any input

_COMPONENT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\\"), min_size=1, max_size=6)
_PATHS = st.lists(_COMPONENT, max_size=4).map("\\".join)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_TYPES = st.integers(0, 12) | st.integers(0, 0xFFFFFFFF)
_VALUES = st.builds(Value, _TYPES, st.binary(max_size=90)) | _TEXTS.map(Value.from_text)
_TREES = st.dictionaries(_PATHS, st.dictionaries(_TEXTS, _VALUES, max_size=4), min_size=1, max_size=5)
_ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_value(name: str, value: Value, newline: str, width: int) -> str:
    data = f"hex({value.type:x}):"
    text = value.data.decode("utf-16-le", "replace")
    if value == Value.from_text(text.removesuffix("\0")) and "\0" not in text[:-1]:
        data = quote(text[:-1])
    elif value.type == REG_DWORD and len(value.data) == 4:
        data = f"dword:{value.integer():08x}"
    else:
        digits = [f"{byte:02x}" for byte in value.data]
        data += f",\\{newline}  ".join(",".join(digits[at : at + width]) for at in range(0, len(digits), width))
    return f"{quote(name) if name else '@'}={data}{newline}"


def write(tree: dict[str, dict[str, Value]], newline: str, width: int) -> str:
    text = f"Windows Registry Editor Version 5.00{newline}"
    for path, values in tree.items():
        text += f"{newline}[HKEY_LOCAL_MACHINE\\{path}]{newline}"
        text += "".join(write_value(name, value, newline, width) for name, value in values.items())
    return text


@given(_TREES, _ENCODINGS, st.sampled_from(["\r\n", "\n", "\r"]), st.integers(1, 30))
def test_what_is_written_is_read_back(
    tree: dict[str, dict[str, Value]], encoding: str, newline: str, width: int
) -> None:
    export = reader(write(tree, newline, width).encode(encoding))
    wanted: dict[str, dict[str, Value]] = {}
    for path, values in tree.items():  # names that differ in letter case only are the same name
        wanted.setdefault(path.lower(), {}).update({name.lower(): value for name, value in values.items()})
    for path in tree:
        answer = export.read(KeyQuery(path, ALL))
        assert isinstance(answer, Key)
        assert {name.lower(): value for name, value in answer.values.items()} == wanted[path.lower()]


_SYNTAX = (
    ("[HKLM\\SYSTEM\\A]", "[-HKLM\\SYSTEM]", "[HKCU\\B]", "[\\Select]", "]", '"v"=', "@=", "-", '"', "\\", '"text"'),
    (";", "REGEDIT4", "hex(7):", "hex:", "00,", "41", "dword:1", "\\\r\n", "\r\n", "\n", "\r", " ", "\t"),
    ("é", "\0", "\ufeff"),
)
_PIECES = st.one_of([st.sampled_from(pieces) for pieces in _SYNTAX])


def read_any(data: bytes) -> None:
    """Parse what may be no export, and ask what is asked of every machine."""
    refused: InputError | None = None
    try:
        export = reader(data)
    except InputError as error:
        refused = error
    if refused:
        assert "\n" not in str(refused)
        assert refused.where.startswith("1.reg")
        return
    for path in ("SYSTEM\\A", CONTROL, "SOFTWARE\\Microsoft"):
        assert isinstance(export.read(KeyQuery(path, ALL, Children("*", ALL))), (Key, Absent, Unreadable))


@given(st.binary(max_size=200))
@example(b"\0")
@example(b"\xff\xfe")
@example(b"REGEDIT4\n\xff")
@example(b"\xef\xbb\xbf\xff")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_any(data)


@given(st.lists(_PIECES, max_size=25), _ENCODINGS)
def test_any_mix_of_the_syntax_is_read_or_refused(pieces: Sequence[str], encoding: str) -> None:
    read_any("".join(pieces).encode(encoding))


@given(_TREES, _ENCODINGS, st.integers(1, 30), st.integers(min_value=0), st.binary(max_size=3))
def test_damaged_exports_are_read_or_refused(
    tree: dict[str, dict[str, Value]], encoding: str, width: int, at: int, patch: bytes
) -> None:
    data = write(tree, "\r\n", width).encode(encoding)
    at %= len(data)
    read_any(data[:at] + patch)
    read_any(data[:at] + patch + data[at + len(patch) :])
