# SPDX-License-Identifier: Apache-2.0
"""What installers' exit codes mean."""

from __future__ import annotations

import pytest

from pending_reboot.exit_codes import TABLE, exit_code


@pytest.mark.parametrize(
    ("code", "success", "reboot", "applies"),
    [
        (0, True, "no", True),
        (3010, True, "needed", True),
        (1641, True, "started", True),
        (2359301, True, "needed", True),
        (2359302, True, "no", True),
        (3017, False, "needed", None),
        (0x80240017, False, "no", False),
        (0x80240017 - 2**32, False, "no", False),
        (0x80070BC2, True, "needed", True),
        (-2147021886, True, "needed", True),
        (0x80070669, True, "started", True),
        (1603, False, "no", None),
        (0x80070643, False, "no", None),
        (0x80070000, False, "no", None),
    ],
)
def test_known_codes(code: int, success: bool, reboot: str, applies: bool | None) -> None:
    found = exit_code(code)
    assert (found.success, found.reboot, found.applies) == (success, reboot, applies)


@pytest.mark.parametrize("code", [1, -1, 5, 0xC0000005, 0x80004005])
def test_an_unknown_code_is_a_failure(code: int) -> None:
    found = exit_code(code)
    assert (found.success, found.reboot, found.applies) == (False, "no", None)
    assert str(code & 0xFFFFFFFF) in found.meaning


@pytest.mark.parametrize("code", [2**32, -(2**31) - 1])
def test_what_is_no_exit_code(code: int) -> None:
    with pytest.raises(ValueError, match="does not fit in 32 bits"):
        exit_code(code)


def test_rows_stand_under_their_own_code() -> None:
    assert all(code == row.code for code, row in TABLE.items())
    assert all(row.meaning for row in TABLE.values())
