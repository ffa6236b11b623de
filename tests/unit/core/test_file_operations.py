# SPDX-License-Identifier: Apache-2.0
"""PendingFileRenameOperations: decoding, pairing, prefixes, ignoring."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import facts_from
from pending_reboot.file_operations import MOST, clean, decode, encode_pairs, ignoring, pairs
from pending_reboot.model import FileOperation
from pending_reboot.multi_sz import decode_strings, encode_strings
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.registry import REG_MULTI_SZ, REG_SZ, Value
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER

NAME = "PendingFileRenameOperations"


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def decoded(*raw: str) -> list[FileOperation]:
    return decode(NAME, Value.from_strings(raw))


class TestPairs:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("", [], id="no bytes"),
            pytest.param("\0", [], id="one NUL"),
            pytest.param("\0\0", [], id="two NULs"),
            pytest.param("\0\0\0", [], id="three NULs"),
            pytest.param("a\0\0\0", [("a", "")], id="a delete"),
            pytest.param("a\0\0b\0!c\0\0", [("a", ""), ("b", "!c")], id="a delete, then a replace"),
            pytest.param("b\0!c\0a\0\0\0", [("b", "!c"), ("a", "")], id="a delete last"),
            pytest.param("a\0\0b\0\0c\0\0\0", [("a", ""), ("b", ""), ("c", "")], id="only deletes"),
            pytest.param("a\0\0b\0!c\0", [("a", ""), ("b", "!c")], id="no terminator of the list"),
            pytest.param("a\0\0b\0!c", [("a", ""), ("b", "!c")], id="no terminator at all"),
            pytest.param("a\0\0b\0!c\0\0\0\0\0", [("a", ""), ("b", "!c")], id="empty pairs at the end"),
            pytest.param("a\0", [("a",)], id="one string, as a real export has it"),
            pytest.param("a\0\0", [("a",)], id="one string in a terminated list"),
            pytest.param("a\0\0b\0\0", [("a", ""), ("b",)], id="an odd string at the end"),
            pytest.param("a\0b\0c\0\0", [("a", "b"), ("c",)], id="an odd string after a rename"),
            pytest.param("a\0\0\0\0b\0!c\0\0", [("a", ""), ("", ""), ("b", "!c")], id="an empty pair in the middle"),
        ],
    )
    def test_shape(self, text: str, expected: list[tuple[str, ...]]) -> None:
        assert pairs(utf16(text)) == expected

    def test_an_odd_byte_is_dropped(self) -> None:
        assert pairs(utf16("a\0\0\0") + b"x") == [("a", "")]

    @given(st.binary(max_size=400))
    def test_any_bytes_decode(self, data: bytes) -> None:
        operations = decode(NAME, Value(REG_MULTI_SZ, data))
        assert [operation.raw for operation in operations] == pairs(data)
        assert [operation.to_dict()["index"] for operation in operations] == list(range(len(operations)))

    @given(st.binary(max_size=100))
    def test_no_string_is_lost(self, data: bytes) -> None:
        strings = [string for string in decode_strings(data) if string]
        assert [string for pair in pairs(data) for string in pair if string] == strings

    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_characters="\0"), min_size=1),
                st.text(st.characters(exclude_characters="\0")),
            )
        )
    )
    def test_well_formed_operations_survive(self, raw: list[tuple[str, str]]) -> None:
        assert pairs(encode_pairs(raw)) == raw

    @given(st.lists(st.text(st.characters(exclude_characters="\0", codec=None))))
    def test_strings_survive(self, strings: list[str]) -> None:
        assert decode_strings(encode_strings(strings)) == strings


def test_a_list_without_end_is_cut_and_said() -> None:
    reader = MemoryRegistry()
    reader.key(SESSION_MANAGER.path, {NAME: Value.from_strings(["\\??\\C:\\Temp\\a", ""] * (MOST + 1))})
    result = facts_from(reader, sources=["pending_file_rename"]).sources["pending_file_rename"]
    assert (result.state, len(result.operations)) == ("unknown", MOST)
    assert f"holds more than {MOST} operations, the rest is not shown" in result.description


def test_many_zeros_are_no_emptied_list() -> None:
    reader = MemoryRegistry()
    reader.key(SESSION_MANAGER.path, {NAME: Value(REG_MULTI_SZ, bytes(14652))})
    assert facts_from(reader, sources=["pending_file_rename"]).state == "unknown"


class TestClean:
    @pytest.mark.parametrize(
        ("raw", "path", "replace"),
        [
            (r"\??\C:\a.dll", r"C:\a.dll", False),
            (r"!\??\C:\a.dll", r"C:\a.dll", True),
            (r"@\??\C:\a.dll", r"C:\a.dll", True),
            (r"*1\??\C:\a.dll", r"C:\a.dll", False),
            (r"*2!\??\C:\a.dll", r"C:\a.dll", True),
            (r"!*1\??\C:\a.dll", r"C:\a.dll", True),
            (r"*1*2!\??\C:\a.dll", r"C:\a.dll", True),
            (r"\??\UNC\server\share\a", r"\\server\share\a", False),
            (r"\??\unc\server\share\a", r"\\server\share\a", False),
            (r"!\??\UNC\server\share\a", r"\\server\share\a", True),
            (r"\\?\C:\a.dll", r"C:\a.dll", False),
            (r"\\.\C:\a.dll", r"C:\a.dll", False),
            (r"\DosDevices\C:\a.dll", r"C:\a.dll", False),
            (r"\GLOBAL??\C:\a.dll", r"C:\a.dll", False),
            (r"\??\GLOBALROOT\Device\HarddiskVolume3\a", r"\Device\HarddiskVolume3\a", False),
            (r"C:\!odd\*1.txt", r"C:\!odd\*1.txt", False),
            (r"\SystemRoot\system32\a.dll", r"\SystemRoot\system32\a.dll", False),
            ("", "", False),
            ("!", "", True),
        ],
    )
    def test_prefixes(self, raw: str, path: str, replace: bool) -> None:
        assert clean(raw) == (path, replace)

    @given(st.text(alphabet="*12!@\\?UNC:", max_size=30))
    def test_ends(self, raw: str) -> None:
        path, _ = clean(raw)
        assert clean(path) == (path, False)


class TestDecode:
    def test_every_field(self) -> None:
        (operation,) = decoded(r"\??\C:\WINDOWS\system32\SET31.tmp", r"!\??\C:\WINDOWS\system32\clbcatq.dll")
        assert operation.to_dict() == {
            "action": "replace",
            "source": r"C:\WINDOWS\system32\SET31.tmp",
            "target": r"C:\WINDOWS\system32\clbcatq.dll",
            "replace_existing": True,
            "value": NAME,
            "index": 0,
            "weight": "significant",
            "category": "system",
            "reason": "a file of Windows is put in place at the next boot",
            "suspicious": False,
            "ignored_by": None,
            "raw": [r"\??\C:\WINDOWS\system32\SET31.tmp", r"!\??\C:\WINDOWS\system32\clbcatq.dll"],
            "malformed": False,
        }

    def test_actions(self) -> None:
        operations = decoded("\\??\\C:\\a", "", "\\??\\C:\\b", "\\??\\C:\\c", "\\??\\C:\\d", "!\\??\\C:\\e")
        assert [(each.action, each.target, each.replace_existing) for each in operations] == [
            ("delete", None, False),
            ("rename", r"C:\c", False),
            ("replace", r"C:\e", True),
        ]
        assert [each.index for each in operations] == [0, 1, 2]
        assert not any(each.malformed for each in operations)

    def test_an_odd_tail_is_a_malformed_delete(self) -> None:
        (operation,) = decoded(r"\??\C:\Users\a\AppData\Local\Temp\x.exe")
        assert (operation.action, operation.malformed, operation.weight) == ("delete", True, "advisory")
        assert operation.raw == (r"\??\C:\Users\a\AppData\Local\Temp\x.exe",)

    def test_a_pair_without_a_source_is_malformed_and_moves_nothing(self) -> None:
        (operation,) = decoded("", r"!\??\C:\Windows\a.dll")
        assert (operation.malformed, operation.weight) == (True, "advisory")

    def test_a_target_of_markers_only_is_malformed(self) -> None:
        (operation,) = decoded(r"\??\C:\Windows\a.dll", "!")
        assert (operation.action, operation.target, operation.malformed) == ("delete", None, True)

    def test_another_type_is_not_executed(self) -> None:
        (operation,) = decode(NAME, Value(REG_SZ, utf16("\\??\\C:\\Windows\\a.dll\0")))
        assert (operation.malformed, operation.weight) == (True, "advisory")


class TestIgnore:
    def test_matches_what_the_operation_changes(self) -> None:
        ignores = ignoring([r"*\Temp\*"])
        operations = decode(
            NAME,
            Value.from_strings([r"\??\C:\Temp\a", "", r"\??\C:\Temp\b.sys", r"!\??\C:\Windows\System32\drivers\b.sys"]),
            ignores=ignores,
        )
        assert [each.weight for each in operations] == ["ignored", "significant"]
        assert [each.ignored_by for each in operations] == [r"*\Temp\*", None]

    @pytest.mark.parametrize("pattern", [r"c:\PROGRAM files\x\*", "C:/Program Files/X/*", r"*\y.dll", r"*\?.dll"])
    def test_case_and_slashes_do_not_matter(self, pattern: str) -> None:
        ignores = ignoring([pattern])
        assert ignores is not None
        assert ignores(r"C:\Program Files\X\y.dll") == pattern

    def test_no_pattern_is_no_function(self) -> None:
        assert ignoring([]) is None

    def test_ignored_operations_stay_listed_and_count_for_nothing(self) -> None:
        reader = MemoryRegistry()
        reader.key(SESSION_MANAGER.path, {NAME: Value.from_strings([r"\??\C:\a.new", r"!\??\C:\Windows\a.dll"])})
        facts = facts_from(reader, sources=["pending_file_rename"], ignore=[r"*\a.dll"]).to_dict()
        assert facts["state"] == "clear"
        assert [each["weight"] for each in facts["file_operations"]] == ["ignored"]  # type: ignore[attr-defined]
        assert facts["sources"]["pending_file_rename"]["description"] == "only 1 ignored file operation"  # type: ignore[index]


def test_the_digest_is_of_what_is_in_the_registry() -> None:
    def digest(*raw: str, ignore: tuple[str, ...] = ()) -> object:
        reader = MemoryRegistry()
        reader.key(SESSION_MANAGER.path, {NAME: Value.from_strings(raw)})
        return facts_from(reader, sources=["pending_file_rename"], ignore=ignore).to_dict()["file_operations_digest"]

    assert digest("\\??\\C:\\a", "") == digest("\\??\\C:\\a", "", ignore=("*",))
    assert digest("\\??\\C:\\a", "") != digest("\\??\\C:\\b", "")
    assert digest() == "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
