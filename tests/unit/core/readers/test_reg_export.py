# SPDX-License-Identifier: Apache-2.0
"""What the text of a .reg export means, and what is said about text that is none."""

from __future__ import annotations

import codecs
import hashlib
from pathlib import Path

import pytest

from pending_reboot.errors import InputError
from pending_reboot.readers.reg_export import ExportContent, RegExport, load_exports, parse_export
from pending_reboot.registry import (
    ABSENT,
    ALL,
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from support.shared_data import shared

V5 = "Windows Registry Editor Version 5.00\r\n\r\n"
V4 = "REGEDIT4\r\n\r\n"
KEY = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\K]\r\n"

SESSION_MANAGER = "SYSTEM\\CurrentControlSet\\Control\\Session Manager"


def parse(data: str | bytes) -> ExportContent:
    content = ExportContent()
    parse_export(data.encode() if isinstance(data, str) else data, name="x.reg", into=content)
    return content


def values(data: str | bytes, path: str = "SOFTWARE\\K") -> dict[str, Value | Unreadable]:
    key = RegExport(parse(data)).read(KeyQuery(path, ALL))
    assert isinstance(key, Key)
    return dict(key.values)


def value(data: str, *, header: str = V5) -> Value | Unreadable:
    """Return the value `v` of a key that holds `data` as its only line."""
    found = values(f'{header}{KEY}"v"={data}\r\n')
    assert list(found) == ["v"]
    return found["v"]


def real(name: str) -> Path:
    return shared("hives", "reg", name)


def pending_renames(path: Path) -> Value:
    key = load_exports([path]).read(KeyQuery(SESSION_MANAGER, ("PendingFileRenameOperations",)))
    assert isinstance(key, Key)
    found = key.values["PendingFileRenameOperations"]
    assert isinstance(found, Value)
    return found


# Real exports


@pytest.mark.parametrize("name", ["reged_SYSTEM_2_SessionManager.reg", "hivexregedit_SYSTEM_2_SessionManager.reg"])
def test_real_export_of_a_hive_keeps_every_byte_of_the_rename_list(name: str) -> None:
    found = pending_renames(real(name))
    assert found.type == REG_MULTI_SZ
    assert hashlib.sha256(found.data).hexdigest() == "f4bfec07eb890ec5e385ee95350a78b371c49fe911738b8e5fc2090e106114af"


def comparable(value: Value | None) -> Value | None:
    """Return what two tools must agree on: quotes do not tell if a NUL was stored, and reged cannot read big data."""
    if value and value.type == REG_SZ:
        return Value(REG_SZ, value.data.removesuffix(b"\0\0"))
    return None if value and len(value.data) > 16344 else value


def test_two_tools_export_the_same_keys_and_values() -> None:
    exports = []
    for name in ("reged_SYSTEM_2_SessionManager.reg", "hivexregedit_SYSTEM_2_SessionManager.reg"):
        keys = parse(real(name).read_bytes()).keys
        exports.append({(path, name): comparable(value) for path, found in keys for name, value in found})
    assert exports[0] == exports[1]
    assert len(exports[0]) > 100


def test_real_list_that_ends_after_one_terminator_stays_that_way() -> None:
    found = pending_renames(real("bizagi_pfro_real_export.reg"))
    assert found.data.endswith("BizagiStudio-x64.exe\0".encode("utf-16-le"))
    assert [string.rpartition("\\")[2] for string in found.strings()] == ["BizagiStudio-x64.exe"]


# Encodings, headers and lines

TEXT = f'{V5}{KEY}"Grüße ☃"="Zoë 😀"\r\n'
WANTED = {"Grüße ☃": Value.from_text("Zoë 😀")}


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8 mark", "utf-16-le mark", "utf-16-be mark", "utf-16-le", "utf-16-be"],
)
def test_encodings(data: bytes) -> None:
    assert values(data) == WANTED


def test_lone_surrogates_survive_utf16() -> None:
    text = f'{V5}{KEY}"\ud800"="\udc00"\r\n'
    found = values(codecs.BOM_UTF16_LE + text.encode("utf-16-le", "surrogatepass"))
    assert found == {"\ud800": Value(REG_SZ, b"\x00\xdc\0\0")}


def test_regedit4_that_is_not_utf8_is_read_as_cp1252() -> None:
    # 0x80 is the euro sign; 0x81 is undefined in cp1252, Windows reads it as U+0081.
    data = f'\r\n{V4}{KEY}"'.encode() + b'\xe9\x80\x81"="\xfc"\r\n'
    assert values(data) == {"é€\x81": Value.from_text("ü")}


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "header", [V5, V4, "", "\r\n\r\n", "; pasted\r\n", "  REGEDIT4 \r\n", V5.lower(), f"; made by hand\r\n{V5}"]
)
def test_headers_and_line_ends(header: str, newline: str) -> None:
    text = f'{header}{KEY}"a"=dword:1\r\n"b"=hex:00,\\\r\n  01\r\n'
    assert values(text.replace("\r\n", newline)) == {"a": Value.from_integer(1), "b": Value(REG_BINARY, b"\0\1")}


def test_joined_files_change_the_header_on_the_way() -> None:
    text = f'\ufeff{V4}{KEY}"a"=hex(2):41,00\r\n\ufeff{V5}{KEY}"b"=hex(2):41,00\r\n'
    assert values(codecs.BOM_UTF16_LE + text.encode("utf-16-le")) == {
        "a": Value(REG_EXPAND_SZ, b"A\0\0\0"),
        "b": Value(REG_EXPAND_SZ, b"A\0"),
    }


def test_comments_and_blanks_around_everything() -> None:
    text = (
        f";first\r\n{V5} ; a comment\r\n\t[HKEY_LOCAL_MACHINE\\SOFTWARE\\K] ; here\r\n"
        '  "a" = "x;y" ; too\r\n\r\n@=dword:2;\r\n"b"= hex:00 , 01;c\r\n"c"=hex:00,\\ ; c\r\n\r\n; c\r\n\t01 ;c\r\n'
        '"d"=dword: 3 ; c\r\n;"e"=dword:4'
    )
    assert values(text) == {
        "a": Value.from_text("x;y"),
        "": Value.from_integer(2),
        "b": Value(REG_BINARY, b"\0\1"),
        "c": Value(REG_BINARY, b"\0\1"),
        "d": Value.from_integer(3),
    }


# Names and strings


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('"plain"', "plain"),
        ("@", ""),
        ('""', ""),
        (r'"a\"b"', 'a"b'),
        (r'"a\\"', "a\\"),
        (r'"\\\""', '\\"'),
        (r'"C:\\Windows"', "C:\\Windows"),
        (r'"C:\Windows"', "C:\\Windows"),  # only \\ and \" are escapes
        ('"a=b"', "a=b"),
        ('"a]b"', "a]b"),
        ('"[a]=hex:"', "[a]=hex:"),
        ('"; a"', "; a"),
        ('"a\r\nb"', "a\r\nb"),
    ],
)
def test_names_and_strings(written: str, name: str) -> None:
    assert values(f'{V5}{KEY}{written}="x"\r\n') == {name: Value.from_text("x")}
    if written != "@":
        assert value(written) == Value.from_text(name)


def test_string_keeps_raw_line_breaks_and_what_follows_is_read() -> None:
    text = f'{V5}{KEY}"a"="one\r\n[two]\r\n\r\n;three"\r\n"b"="four\nfive"\r\n'
    assert values(text) == {
        "a": Value.from_text("one\r\n[two]\r\n\r\n;three"),
        "b": Value.from_text("four\nfive"),
    }


@pytest.mark.parametrize("name", ["a]b", "a[b]", "-", "k;l", "a=b", '"q"', " k ", "ключ"])
def test_key_names(name: str) -> None:
    found = values(f'{V5}[HKEY_LOCAL_MACHINE\\SOFTWARE\\{name}]\r\n"v"=dword:1\r\n', f"SOFTWARE\\{name}")
    assert found == {"v": Value.from_integer(1)}


@pytest.mark.parametrize("root", ["HKEY_LOCAL_MACHINE", "hkey_Local_Machine", "HKLM", "hklm", "\\HKLM"])
def test_root_key_names(root: str) -> None:
    assert values(f'[{root}\\Software\\k\\]\n"v"=dword:1\n') == {"v": Value.from_integer(1)}


def test_deepest_key_windows_allows() -> None:
    path = "\\".join(["a"] * 511)
    assert values(f'[HKLM\\{path}]\n"v"=dword:1\n', path) == {"v": Value.from_integer(1)}


# Kinds of data


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ('"text"', Value(REG_SZ, b"t\0e\0x\0t\0\0\0")),
        ('""', Value(REG_SZ, b"\0\0")),
        ("dword:0000002a", Value(REG_DWORD, b"\x2a\0\0\0")),
        ("dword:2A", Value(REG_DWORD, b"\x2a\0\0\0")),
        ("DWORD:ffffffff", Value(REG_DWORD, b"\xff\xff\xff\xff")),
        ("hex:", Value(REG_BINARY, b"")),
        ("hex:0a,FF", Value(REG_BINARY, b"\x0a\xff")),
        ("hex(0):00", Value(0, b"\0")),
        ("hex(1):41,00", Value(REG_SZ, b"A\0")),
        ("hex(2):25,00,00,00", Value(REG_EXPAND_SZ, b"%\0\0\0")),
        ("hex(4):01,02", Value(REG_DWORD, b"\1\2")),
        ("hex(7):41,00,00", Value(REG_MULTI_SZ, b"A\0\0")),
        ("hex(7):", Value(REG_MULTI_SZ, b"")),
        ("HEX(B):01,00,00,00,00,00,00,00", Value(REG_QWORD, b"\1" + bytes(7))),
        ("hex(ffff0012):01", Value(0xFFFF0012, b"\1")),
        ("hex:\\\r\n  00,01,\\\r\n02,\\  \r\n\t\t03", Value(REG_BINARY, b"\0\1\2\3")),
        ("hex:00,\\\r\n\\\r\n01", Value(REG_BINARY, b"\0\1")),
    ],
)
def test_data(data: str, wanted: Value) -> None:
    assert value(data) == wanted


PAIRS = ["\\??\\C:\\Grüße.tmp", "", "\\??\\C:\\b.dll", "!\\??\\C:\\c.dll"]


def as_hex(data: bytes) -> str:
    return ",".join(f"{byte:02x}" for byte in data)


@pytest.mark.parametrize(
    ("number", "wanted"), [(7, Value.from_strings(PAIRS)), (2, Value.from_text("%Zoë%", 2)), (1, Value.from_text("Üb"))]
)
def test_regedit4_holds_ansi_strings_that_become_utf16(number: int, wanted: Value) -> None:
    ansi = wanted.data.decode("utf-16-le").encode("cp1252")
    assert value(f"hex({number}):{as_hex(ansi)}", header=V4) == wanted
    # Tools that only change the header leave UTF-16 there.
    assert value(f"hex({number}):{as_hex(wanted.data)}", header=V4) == wanted
    # No other header makes ANSI text of it.
    assert value(f"hex({number}):{as_hex(ansi)}") == Value(number, ansi)


@pytest.mark.parametrize(
    ("ansi", "wanted"),
    [
        (b"", b""),
        (b"\0", b"\0\0"),
        (b"\0\0", b"\0\0\0\0"),
        (b"1\0", b"1\0\0\0"),
        (b"a\0b\0", b"a\0\0\0b\0\0\0"),
        (b"a\0b\0\0", b"a\0\0\0b\0\0\0\0\0"),
        (b"ab\0\0\0\0", b"a\0b\0" + bytes(8)),
        (b"a\0\0\0", b"a\0" + bytes(6)),
        # Not ANSI: mostly Cyrillic, but in the form of a path.
        ("C:\\\\ж\0".encode("utf-16-le"), "C:\\\\ж\0".encode("utf-16-le")),
    ],
)
def test_regedit4_strings_that_are_short_or_empty(ansi: bytes, wanted: bytes) -> None:
    assert value(f"hex(7):{as_hex(ansi)}", header=V4) == Value(REG_MULTI_SZ, wanted)


def test_regedit4_leaves_other_types_alone() -> None:
    assert value("hex:41,42", header=V4) == Value(REG_BINARY, b"AB")
    assert value("hex(b):41,42", header=V4) == Value(REG_QWORD, b"AB")


# Order and deletions


def test_later_lines_win_whatever_their_letter_case() -> None:
    text = f'{KEY}"a"=dword:1\n"A"=dword:2\n"b"=dword:1\n{KEY.upper()}"B"=-\n"c"=dword:3\n'
    found = values(text)
    assert {name.lower(): value for name, value in found.items()} == {
        "a": Value.from_integer(2),
        "c": Value.from_integer(3),
    }


def test_deletions_are_applied_in_order_and_warned_about() -> None:
    text = (
        '[HKLM\\SOFTWARE\\K]\n"v"=dword:1\n"w"=-\n@="d"\n@=- ; gone\n[HKLM\\SOFTWARE\\K\\Sub]\n'
        "[-HKLM\\software\\k]\n[HKLM\\SOFTWARE\\K\\New]\n[HKLM\\SOFTWARE\\L]\n[-HKLM\\SOFTWARE\\L]\n"
    )
    reader = RegExport(parse(text))
    assert reader.read(KeyQuery("SOFTWARE\\K", ALL)) == Key()
    assert reader.read(KeyQuery("SOFTWARE\\K\\New")) == Key()
    assert reader.read(KeyQuery("SOFTWARE\\K\\Sub")) == ABSENT
    assert reader.read(KeyQuery("SOFTWARE\\L")) == ABSENT
    assert reader.warnings == [
        "x.reg: deletions are applied, which no export holds: the file looks like a script for import: 4"
    ]


def test_deletion_proves_nothing_about_a_key_that_was_not_exported() -> None:
    reader = RegExport(parse("[-HKLM\\SOFTWARE\\K]\n"))
    assert reader.read(KeyQuery("SOFTWARE\\K")) == Unreadable(
        "unsupported", None, "the export does not cover HKLM\\SOFTWARE\\K"
    )


# Bad input


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "x.reg: is empty"),
        (V5, "x.reg: holds no registry key"),
        ("; nothing\r\n", "x.reg: holds no registry key"),
        (b"regf\0\0\0", "x.reg: this is a hive, not a .reg export: give it with --system or --software"),
        (codecs.BOM_UTF16_LE + b"[\0x", "x.reg: ends in the middle of a UTF-16 character"),
        (f"{V5}{KEY}".encode() + b'"\xe9"="x"', "x.reg:4: is not text in UTF-16 or UTF-8"),
        (b"[HKLM\\K]\r\r\n\n\xff", "x.reg:4: is not text in UTF-16 or UTF-8"),
        (f'{V5}{KEY}"a"="\0"', "x.reg:4: is binary data, not the text of a .reg export"),
        (f"{V5}text", "x.reg:3: is neither a key, a value nor a comment: 'text'"),
        ("\x1b[2J" + "x" * 50, f"x.reg:1: is neither a key, a value nor a comment: '\\x1b[2J{'x' * 36}'"),
        ("REGEDIT5\r\n", "x.reg:1: is neither a key, a value nor a comment: 'REGEDIT5'"),
        ("[HKLM\\K\r\n", "x.reg:1: the key has no closing ]"),
        ("[HKLM\\K] x", "x.reg:1: text after the closing ] of a key: ' x'"),
        ("[]", "x.reg:1: the key has no name"),
        ("[-]", "x.reg:1: the key has no name"),
        ("[HKLM" + "\\a" * 512 + "]", "x.reg:1: the key has 513 levels, Windows allows 512"),
        (f'{V5}"a"="b"', "x.reg:3: a value without a key before it"),
        ("@=dword:1", "x.reg:1: a value without a key before it"),
        ("[-HKLM\\K]\n@=dword:1", "x.reg:2: a value without a key before it"),
        (f'{KEY}"a', "x.reg:2: a string has no closing quote"),
        (f'{KEY}"a"="b\\"\r\n\r\n', "x.reg:2: a string has no closing quote"),
        (f'{KEY}"a"="b\r\n"c"="d"\r\n', 'x.reg:2: text after the data of a value: \'c"="d"\''),
        (f'{KEY}"a"', "x.reg:2: no = after the name of a value"),
        (f'{KEY}"a"\r\n="b"', "x.reg:2: no = after the name of a value"),
        (f'{KEY}@"a"', "x.reg:2: no = after the name of a value"),
        (f'{KEY}"a"=', "x.reg:2: data of an unknown kind: ''"),
        (f'{KEY}"a"=1', "x.reg:2: data of an unknown kind: '1'"),
        (f'{KEY}"a"=hex():00', "x.reg:2: data of an unknown kind: 'hex():00'"),
        (f'{KEY}"a"=hex(123456789):00', "x.reg:2: data of an unknown kind: 'hex(123456789):00'"),
        (f'{KEY}"a"=hex(g):00', "x.reg:2: data of an unknown kind: 'hex(g):00'"),
        (f'{KEY}"a"=-x', "x.reg:2: text after the data of a value: 'x'"),
        (f'{KEY}"a"="b"c', "x.reg:2: text after the data of a value: 'c'"),
        (f'{KEY}"a"=dword:', "x.reg:2: dword is no hexadecimal number of up to 8 digits: ''"),
        (f'{KEY}"a"=dword:0x1', "x.reg:2: dword is no hexadecimal number of up to 8 digits: '0x1'"),
        (f'{KEY}"a"=dword:123456789', "x.reg:2: dword is no hexadecimal number of up to 8 digits: '123456789'"),
        (f'{KEY}"a"=dword:1_0', "x.reg:2: dword is no hexadecimal number of up to 8 digits: '1_0'"),
        (f'{KEY}"a"=dword:\uff11', "x.reg:2: dword is no hexadecimal number of up to 8 digits: '\uff11'"),
        (f'{KEY}"a"=hex:0', "x.reg:2: is no list of hex bytes: '0'"),
        (f'{KEY}"a"=hex:00,1,02', "x.reg:2: is no list of hex bytes: '00,1,02'"),
        (f'{KEY}"a"=hex:0001', "x.reg:2: is no list of hex bytes: '0001'"),
        (f'{KEY}"a"=hex:00 01', "x.reg:2: is no list of hex bytes: '00 01'"),
        (f'{KEY}"a"=hex:00 01,,02', "x.reg:2: is no list of hex bytes: '00 01,,02'"),
        (f'{KEY}"a"=hex:0 0', "x.reg:2: is no list of hex bytes: '0 0'"),
        (f'{KEY}"a"=hex:00,,01', "x.reg:2: is no list of hex bytes: '00,,01'"),
        (f'{KEY}"a"=hex:0g', "x.reg:2: is no list of hex bytes: '0g'"),
        (f'{KEY}"a"=hex:\x0b\x0b', "x.reg:2: is no list of hex bytes: '\\x0b\\x0b'"),
        (f'{KEY}"a"=hex:00,\x0b\x0b,01', "x.reg:2: is no list of hex bytes: '00,\\x0b\\x0b,01'"),
        (f'{KEY}"a"=hex:00,\\\r\n0', "x.reg:3: is no list of hex bytes: '0'"),
        (
            f'{KEY}"a"=hex:00,\\\r\n\r\n{KEY}',
            "x.reg:4: is no list of hex bytes: '[HKEY_LOCAL_MACHINE\\\\SOFTWARE\\\\K]'",
        ),
        (f'{KEY}"a"=hex:00,\r\n01', "x.reg:2: a hex list lacks its last part, it ends with a comma"),
        (f'{KEY}"a"=hex:00,', "x.reg:2: a hex list lacks its last part, it ends with a comma"),
        (f'{KEY}"a"=hex:00,\\', "x.reg:2: a hex list is cut off: the file ends where it goes on"),
        (f'{KEY}"a"=hex:\\', "x.reg:2: a hex list is cut off: the file ends where it goes on"),
        (f'{KEY}"a"=hex:00,\\\r\n01,\\\r\n ; c\r\n', "x.reg:3: a hex list is cut off: the file ends where it goes on"),
        (f'{KEY}"a"=hex:00\\\r\n01', "x.reg:2: a hex list lacks a comma before the \\"),
    ],
)
def test_bad_input_is_one_clear_error(data: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert str(caught.value) == message


def test_first_error_counts_and_lines_are_counted_for_every_line_end() -> None:
    with pytest.raises(InputError) as caught:
        parse(f'{V4}\r\n\n{KEY}\r\n\n"a"="b\nc"\r"d"=hex:0\n"e"=hex:1\n')
    assert (caught.value.where, caught.value.what) == ("x.reg:10", "is no list of hex bytes: '0'")
