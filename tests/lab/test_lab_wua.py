# SPDX-License-Identifier: Apache-2.0
"""The lab's Windows Update Agent is called, answers, refuses, fails and hangs as a real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from windows_lab.errors import LabTimeoutError, RemoteError
from windows_lab.machine import Lab
from windows_lab.wua import (
    ACCESS_DENIED,
    WU_E_INVALID_CRITERIA,
    WU_E_PT_WINHTTP_NAME_NOT_RESOLVED,
    Wua,
    WuaUpdate,
)

CULPRITS = "IsInstalled=1 and DeploymentAction='Installation' and RebootRequired=1"
WAITING = WuaUpdate(
    "9306cdfc-c4a1-4a22-9996-848cb67eddc3",
    title="Security Update (KB902400)",
    kb=["KB902400"],
    is_installed=True,
    reboot_required=True,
)
DONE = WuaUpdate("5c1a2c2e-0f6f-4a83-9a0c-7f0f4d2c7d10", title="Done", is_installed=True)
WANTED = WuaUpdate("b3c75dc1-155f-4be4-b015-3f1a91758e52", title="Wanted", type="Driver")


def reboot_required() -> bool:
    from win32com.client import Dispatch

    answer: bool = Dispatch("Microsoft.Update.SystemInfo").RebootRequired
    return answer


def search(criteria: str, online: bool) -> list[dict[str, object]]:
    from win32com.client import Dispatch

    searcher = Dispatch("Microsoft.Update.Session").CreateUpdateSearcher()
    searcher.Online = online
    searcher.ServerSelection = 1
    result = searcher.Search(criteria)
    assert result.ResultCode == 2
    return [
        {
            "id": (update.Identity.UpdateID, update.Identity.RevisionNumber),
            "title": update.Title,
            "kb": list(update.KBArticleIDs),
            "type": update.Type,
            "action": update.DeploymentAction,
            "states": (update.IsInstalled, update.IsHidden, update.RebootRequired),
        }
        for update in result.Updates
    ]


def count(criteria: str) -> list[object]:
    from win32com.client import Dispatch

    updates = Dispatch("Microsoft.Update.Session").CreateUpdateSearcher().Search(criteria).Updates
    return [updates.Count, len(updates), [updates.Item(index).Title for index in range(updates.Count)]]


def code(lab: Lab, function: Callable[..., object], **arguments: Any) -> int | None:
    with pytest.raises(RemoteError) as raised:
        lab.call(function, **arguments)
    return raised.value.code


def test_reboot_required_until_the_reboot(lab: Lab) -> None:
    lab.wua(Wua(reboot_required=True, updates=[WAITING]))
    assert lab.call(reboot_required) is True
    assert len(lab.call(search, criteria=CULPRITS, online=False)) == 1
    lab.reboot()
    assert lab.call(reboot_required) is False
    assert lab.call(search, criteria=CULPRITS, online=False) == []


def test_other_programs_see_it_too(lab: Lab) -> None:
    lab.wua(Wua(reboot_required=True))
    lab.write_file(r"C:\ask.vbs", b'WScript.Echo CreateObject("Microsoft.Update.SystemInfo").RebootRequired\r\n')
    assert lab.run("cscript", "//nologo", r"C:\ask.vbs").stdout == "-1\n"


def test_search(lab: Lab) -> None:
    lab.wua(Wua(updates=[WAITING, DONE, WANTED]))
    assert lab.call(search, criteria=CULPRITS, online=False) == [
        {
            "id": [WAITING.update_id, 100],
            "title": "Security Update (KB902400)",
            "kb": ["902400"],
            "type": 1,
            "action": 1,
            "states": [True, False, True],
        }
    ]
    assert lab.call(count, criteria="") == [1, 1, ["Wanted"]]
    assert lab.call(count, criteria="Type='Driver' or RebootRequired=1") == [2, 2, [WAITING.title, "Wanted"]]


def test_what_was_asked_is_noted(lab: Lab) -> None:
    lab.wua(Wua(updates=[WAITING]))
    lab.call(search, criteria=CULPRITS, online=False)
    calls = lab.wua_calls()
    assert calls[:4] == [
        ("Session.CreateUpdateSearcher", ()),
        ("Searcher.Online", ("False",)),
        ("Searcher.ServerSelection", ("1",)),
        ("Searcher.Search", (CULPRITS,)),
    ]
    assert ("Update.RebootRequired", ()) in calls


def test_illegal_criteria(lab: Lab) -> None:
    lab.wua(Wua())
    assert code(lab, search, criteria="RebootRequired!=1", online=False) == WU_E_INVALID_CRITERIA


def test_a_search_online_needs_its_server(lab: Lab) -> None:
    lab.wua(Wua(updates=[WANTED], online=False))
    assert code(lab, search, criteria="", online=True) == WU_E_PT_WINHTTP_NAME_NOT_RESOLVED
    assert [each["title"] for each in lab.call(search, criteria="", online=False)] == ["Wanted"]


@pytest.mark.parametrize("where", ["SystemInfo", "SystemInfo.RebootRequired"])
def test_refuses_like_a_network_logon(lab: Lab, where: str) -> None:
    lab.wua(Wua(faults={where: ACCESS_DENIED}))
    assert code(lab, reboot_required) == ACCESS_DENIED


@pytest.mark.parametrize("where", ["Session", "Session.CreateUpdateSearcher", "Searcher", "Searcher.Search"])
def test_refuses_a_search(lab: Lab, where: str) -> None:
    lab.wua(Wua(faults={where: ACCESS_DENIED}))
    assert code(lab, search, criteria=CULPRITS, online=False) == ACCESS_DENIED


def test_fails_in_the_middle(lab: Lab) -> None:
    broken = WuaUpdate(DONE.update_id, reboot_required=True, is_installed=True, faults={"Title": 0x80248007})
    lab.wua(Wua(updates=[WAITING, broken]))
    assert code(lab, search, criteria=CULPRITS, online=False) == 0x80248007
    assert ("Update.Title", ()) in lab.wua_calls()


def test_hangs(lab: Lab) -> None:
    lab.wua(Wua(reboot_required=True, hangs={"SystemInfo.RebootRequired": 1.5}))
    started = time.monotonic()
    assert lab.call(reboot_required) is True
    assert time.monotonic() - started >= 1.5
    lab.wua(Wua(hangs={"SystemInfo": 600}))
    with pytest.raises(LabTimeoutError):
        lab.call(reboot_required, timeout=1)


def test_unknown_members_are_mistakes(lab: Lab) -> None:
    with pytest.raises(RemoteError, match=r"WUA has no SystemInfo\.Reboot;"):
        lab.wua(Wua(faults={"SystemInfo.Reboot": ACCESS_DENIED}))
