# SPDX-License-Identifier: Apache-2.0
"""Flagging a reboot by hand: volatile, idempotent, and never in a key that would outlive the reboot."""

from __future__ import annotations

import pytest

from lab.planting import REBOOT_REQUIRED, UPDATE_ID, facts
from pending_reboot.registry import Value
from windows_lab.errors import RemoteError
from windows_lab.machine import Lab


def flag(update_id: str, test: bool) -> object:
    """Runs on Windows."""
    import pending_reboot

    return pending_reboot.flag_reboot(update_id, test=test).to_dict()


def test_there_before_and_gone_after_the_reboot(lab: Lab) -> None:
    planned = lab.call(flag, update_id=UPDATE_ID, test=True)
    assert planned == {"changed": True, "key": REBOOT_REQUIRED, "before": None, "after": [UPDATE_ID]}
    assert lab.read_key(REBOOT_REQUIRED) is None
    assert lab.call(flag, update_id=UPDATE_ID, test=False) == planned
    key = lab.read_key(REBOOT_REQUIRED)
    assert key is not None
    assert key.values == {UPDATE_ID: Value.from_integer(1)}
    again = lab.call(flag, update_id=UPDATE_ID.upper(), test=False)
    assert (again["changed"], again["before"], again["after"]) == (False, [UPDATE_ID], [UPDATE_ID])
    assert lab.read_key(REBOOT_REQUIRED) == key
    found = facts(lab)
    assert [reason["source"] for reason in found["reboot_required_reasons"]] == ["windows_update", "install_witness"]
    assert [update["update_id"] for update in found["updates"]] == [UPDATE_ID]
    lab.reboot()
    assert lab.read_key(REBOOT_REQUIRED) is None
    assert facts(lab)["state"] == "clear"


def test_a_second_update_is_added(lab: Lab) -> None:
    for update_id, before in (("KB1", None), ("KB2", ["KB1"])):
        assert lab.call(flag, update_id=update_id, test=False)["before"] == before
    key = lab.read_key(REBOOT_REQUIRED)
    assert key is not None
    assert sorted(key.values) == ["KB1", "KB2"]
    lab.reboot()


def test_a_lasting_key_is_left_as_it_is(lab: Lab) -> None:
    lab.key(REBOOT_REQUIRED, {"someone's": Value.from_integer(1)})
    before = lab.read_key(REBOOT_REQUIRED)
    with pytest.raises(RemoteError, match="exists and is not volatile: it would outlive the reboot"):
        lab.call(flag, update_id=UPDATE_ID, test=False)
    after = lab.read_key(REBOOT_REQUIRED)
    assert before is not None
    assert after is not None
    assert (after.values, after.children) == (before.values, before.children)
    lab.delete_key(REBOOT_REQUIRED)


@pytest.mark.parametrize("wrong", ["", "  ", "a\nb", "x" * 256])
def test_what_cannot_be_a_name(lab: Lab, wrong: str) -> None:
    with pytest.raises(RemoteError, match="is no update id"):
        lab.call(flag, update_id=wrong, test=False)
    assert lab.read_key(REBOOT_REQUIRED) is None
