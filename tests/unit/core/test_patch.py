# SPDX-License-Identifier: Apache-2.0
"""Descriptions of patches: what is understood, and what is refused in one clear line."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import InputError, patches_from
from pending_reboot.patch import AppliesTo, FileRule, Mark

FULL = r"""
kb: 902400
title: Vulnerabilities in MSDTC and COM+ (MS05-051)
update_id: '{9306CDFC-C4A1-4A22-9996-848CC67EDDC3}'
applies_to: {min_build: 2600, max_build: 3790, architecture: 'x86, x64', key: HKLM\SOFTWARE\Microsoft\COM3}
files:
  - {path: '%SystemRoot%/system32/clbcatq.dll', version: 2001.12.4720.10}
registry:
  - SOFTWARE\Microsoft\Updates\Windows XP\SP3\KB902400
  - {key: SOFTWARE\Vendor, value: Level, equals: 3}
package: Package_for_KB902400~*
exit_code: '0x80070BC2'
installed_at: 2026-11-20T03:20:00Z
"""


def test_a_full_description() -> None:
    (patch,) = patches_from(yaml.safe_load(FULL))
    assert (patch.kb, patch.update_id) == ("KB902400", "9306cdfc-c4a1-4a22-9996-848cc67eddc3")
    assert patch.applies_to == AppliesTo(2600, 3790, ("x86", "amd64"), r"SOFTWARE\Microsoft\COM3")
    assert patch.files == (FileRule(r"%SystemRoot%\system32\clbcatq.dll", (2001, 12, 4720, 10)),)
    assert patch.registry == (
        Mark(r"SOFTWARE\Microsoft\Updates\Windows XP\SP3\KB902400"),
        Mark(r"SOFTWARE\Vendor", "Level", 3),
    )
    assert patch.exit_code == 0x80070BC2
    assert patch.installed_at == datetime(2026, 11, 20, 3, 20, tzinfo=timezone.utc)


def test_several_in_one_file() -> None:
    entry = {"kb": "KB1000000", "package": "P*"}
    assert len(patches_from([entry, entry])) == len(patches_from({"patches": [entry, entry]})) == 2


FILE = {"path": r"C:\a.dll", "version": "1"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "patches: describes no patch"),
        (["KB1"], "patches: must be a mapping, is str"),
        ({"kb": "KB1000000"}, "patches (KB1000000): names nothing to look at"),
        ({"files": [FILE]}, "patches: has no name"),
        ({"kb": "KB1000000", "fils": []}, "patches: unknown field 'fils' (known: applies_to, exit_code,"),
        ({"kb": "x", "files": [FILE]}, "patches.kb: 'x' is no KB number"),
        ({"update_id": "9306cdfc"}, "patches.update_id: '9306cdfc' is no update id"),
        ({"kb": 1000000, "files": [{"path": r"C:\a"}]}, r"patches.files[0] (C:\a): needs a version or a sha256"),
        ({"kb": 1000000, "files": [{"path": "a.dll", "version": "1"}]}, "'a.dll' is no full path of a file (write C:"),
        ({"kb": 1000000, "files": [{"path": r"C:\a\*.dll", "version": "1"}]}, "is no full path of a file"),
        ({"kb": 1000000, "files": [{"path": "C:\\", "version": "1"}]}, "is no full path of a file"),
        ({"kb": 1000000, "files": [FILE | {"sha256": "0" * 64}]}, "needs a version or a sha256, and not both"),
        (
            {"kb": 1000000, "files": [FILE | {"version": "1.2.3.4.5"}]},
            "files[0].version: '1.2.3.4.5' is no file version",
        ),
        ({"kb": 1000000, "files": [FILE | {"version": "1.70000"}]}, "'1.70000' is no file version"),
        ({"kb": 1000000, "files": [FILE | {"version": 5.10}]}, "5.1 is a number (write the version in quotes)"),
        ({"kb": 1000000, "files": [{"path": r"C:\a", "sha256": "00"}]}, "files[0].sha256: '00' is no SHA-256"),
        ({"kb": 1000000, "files": [{"path": "", "version": 1}]}, "files[0].path: '' is no text"),
        ({"kb": 1000000, "files": [{"path": r"\\nas\c$\a", "version": 1}]}, r"'\\\\nas\\c$\\a' is on a share"),
        ({"kb": 1000000, "files": [{"path": r"\\?\UNC\nas\a", "version": 1}]}, "is on a share"),
        ({"kb": 1000000, "registry": [r"HKCU\Software\x"]}, r"is no key that is looked at"),
        ({"kb": 1000000, "registry": ["SOFTWARE"]}, "registry[0].key: 'SOFTWARE' is no key"),
        ({"kb": 1000000, "registry": [{"key": r"SOFTWARE\x", "equals": 1}]}, "must be a number or a text, for a value"),
        ({"kb": 1000000, "package": "p", "exit_code": "reboot"}, "patches.exit_code: 'reboot' is no exit code"),
        ({"kb": 1000000, "package": "p", "exit_code": 2**40}, "is no exit code"),
        ({"kb": 1000000, "package": "p", "installed_at": "soon"}, "patches.installed_at: 'soon' is no ISO 8601 time"),
        ({"kb": 1000000, "package": "p", "applies_to": {"architecture": ["mips"]}}, "'mips' is no architecture"),
        ({"kb": 1000000, "package": "p", "applies_to": {"min_build": "x"}}, "min_build: 'x' is no build number"),
        ({"kb": 1000000, "package": "p", "applies_to": {"min_build": 2, "max_build": 1}}, "min_build 2 is above"),
        ([{"kb": 1000000, "package": "p"}, {"kb": 1}], "patches[1].kb: 1 is no KB number"),
    ],
)
def test_what_cannot_be_used(wrong: Any, says: str) -> None:
    with pytest.raises(InputError) as raised:
        patches_from(wrong)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("path", [r"C:\W\a.dll", r"\??\C:\W\a.dll", r"\\?\C:\W\a.dll", "C:/W/a.dll"])
def test_forms_of_one_path(path: str) -> None:
    (patch,) = patches_from({"kb": "KB1000000", "files": [{"path": path, "version": "1"}]})
    assert patch.files[0].path == r"C:\W\a.dll"


FIELDS = st.sampled_from(["kb", "title", "update_id", "applies_to", "files", "registry", "package", "exit_code"])


@given(PLAIN | st.dictionaries(FIELDS, PLAIN, max_size=5))
def test_anything_is_a_patch_or_a_clear_error(data: Any) -> None:
    try:
        patches_from(data)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is fine
