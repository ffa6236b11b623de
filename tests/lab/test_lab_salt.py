# SPDX-License-Identifier: Apache-2.0
"""Stock Salt runs on the lab, and its answers are Salt's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pending_reboot.registry import Value
from windows_lab.machine import Lab
from windows_lab.salt_minion import SaltMinion
from windows_lab.wua import Wua

#: The module's function returns what this returns; asking it directly spares the seconds that salt-call takes.
DETAILS = "salt.utils.win_system:get_pending_reboot_details"
UPDATE_EXE_VOLATILE = r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile"


@pytest.fixture(autouse=True)
def clean(salt_lab: Lab) -> Iterator[None]:
    yield
    salt_lab.wua(Wua())
    salt_lab.delete_key(UPDATE_EXE_VOLATILE)


def test_a_fresh_machine_waits_for_nothing(salt_lab: Lab) -> None:
    details = salt_lab.call(DETAILS)
    assert len(details) == 10
    assert set(details.values()) == {False}


def test_salt_asks_the_update_agent_of_the_lab(salt_lab: Lab) -> None:
    salt_lab.wua(Wua(reboot_required=True))
    assert salt_lab.call(DETAILS)["Pending Windows Update"] is True
    assert salt_lab.wua_calls() == [("SystemInfo.RebootRequired", ())]


def test_salt_looks_for_the_flag_of_update_exe_in_the_wrong_place(salt_lab: Lab) -> None:
    salt_lab.key(UPDATE_EXE_VOLATILE, {"Flags": Value.from_integer(1)}, volatile=True)
    assert salt_lab.call(DETAILS)["Volatile Update Exe"] is False


def test_salt_call(salt_lab: Lab) -> None:
    salt_lab.wua(Wua(reboot_required=True))
    minion = SaltMinion(salt_lab)
    assert minion.call("system.get_pending_reboot_details") == salt_lab.call(DETAILS)
