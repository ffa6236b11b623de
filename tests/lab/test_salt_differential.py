# SPDX-License-Identifier: Apache-2.0
"""Stock Salt's `system.get_pending_reboot_details` beside our facts, on the same genuine registry."""

from __future__ import annotations

import pytest

from lab.planting import facts, planted
from lab.situations import SITUATIONS, Situation
from windows_lab.machine import Lab
from windows_lab.wua import Wua

#: The default rights of a key: administrators may do everything, everybody may read.
READABLE = "D:(A;;KA;;;BA)(A;;KA;;;SY)(A;;KA;;;WD)"


def stock() -> object:
    """Runs on Windows: what stock Salt says, or what it raises."""
    from salt.utils import win_system

    try:
        return win_system.get_pending_reboot_details()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_situation(salt_lab: Lab, situation: Situation) -> None:
    salt_lab.wua(situation.wua)
    with planted(salt_lab, situation.keys, volatile=situation.volatile):
        if situation.denied:
            salt_lab.key(situation.denied)
            salt_lab.deny_key(situation.denied)
        try:
            theirs = salt_lab.call(stock, timeout=120)
            ours = facts(salt_lab, wua="state")
        finally:
            if situation.denied:
                salt_lab.deny_key(situation.denied, sddl=READABLE)
            salt_lab.wua(Wua())
    assert ours["state"] == situation.truth
    said = "error" if isinstance(theirs, str) else "yes" if any(theirs.values()) else "no"
    assert said == situation.stock, theirs


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_every_difference_has_a_name(situation: Situation) -> None:
    assert situation.stock_is_right == (situation.why is None)


def test_the_table_is_worth_its_name() -> None:
    assert len(SITUATIONS) >= 25
    assert len({situation.name for situation in SITUATIONS}) == len(SITUATIONS)
    wrong = [situation for situation in SITUATIONS if not situation.stock_is_right]
    assert len(wrong) / len(SITUATIONS) > 0.4
