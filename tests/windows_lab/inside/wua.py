# SPDX-License-Identifier: Apache-2.0
"""COM classes that stand in for the Windows Update Agent, under its real ProgIDs and CLSIDs.

Only what tells of pending reboots is here. A client cannot tell them apart by how it has to call them: late binding,
zero-based collections, HRESULTs in the EXCEPINFO.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/wuapi/
"""
# ruff: noqa: N802 - the members' names are COM's.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pythoncom
import winerror
from win32com.server.exception import COMException
from win32com.server.policy import DesignatedWrapPolicy
from win32com.server.util import NewEnum, wrap

from . import criteria, wua_state
from .wua_state import UpdateState

WU_E_INVALID_CRITERIA = 0x80240032
WU_E_PT_WINHTTP_NAME_NOT_RESOLVED = 0x8024402C
_SUCCEEDED = 2
_TYPES = {"software": 1, "driver": 2}
_ACTIONS = {"none": 0, "installation": 1, "uninstallation": 2, "detection": 3}


class MemberPolicy(DesignatedWrapPolicy):  # type: ignore[misc]
    """Misbehaves as the state says, before every use of a member."""

    def _invokeex_(self, dispid: int, lcid: int, flags: int, args: Any, kwargs: Any, service: Any) -> Any:
        """Invoke a member; asking for a method as if it were a property fails, as with a type library."""
        methods, properties, writable = self._dispid_to_func_, self._dispid_to_get_, self._dispid_to_put_
        if dispid in methods and flags == pythoncom.DISPATCH_PROPERTYGET:
            raise COMException(scode=winerror.DISP_E_MEMBERNOTFOUND)
        name = methods.get(dispid) or properties.get(dispid) or writable.get(dispid)
        if name and not name.startswith("_"):
            member = f"{type(self._obj_).__name__}.{name}"
            wua_state.note_call(member, args or ())
            wua_state.misbehave(member, getattr(self._obj_, "faults", None))
        return super()._invokeex_(dispid, lcid, flags, args, kwargs, service)


def com(found: object) -> Any:
    """Return the object as COM passes it."""
    return wrap(found, usePolicy=MemberPolicy)


class Collection:
    """What all of WUA's collections have."""

    _public_methods_: ClassVar = ["Item"]
    _public_attrs_: ClassVar = ["Count"]
    _readonly_attrs_: ClassVar = ["Count"]

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    @property
    def Count(self) -> int:
        return len(self._items)

    def Item(self, index: int) -> Any:
        if not 0 <= index < len(self._items):
            raise COMException(scode=winerror.DISP_E_BADINDEX)
        return self._items[index]

    _value_ = Item

    def _NewEnum(self) -> Any:
        return NewEnum(self._items)


class StringCollection(Collection):
    """IStringCollection."""


class UpdateCollection(Collection):
    """IUpdateCollection."""


class Identity:
    """IUpdateIdentity."""

    _public_methods_: ClassVar[list[str]] = []
    _public_attrs_: ClassVar = ["UpdateID", "RevisionNumber"]
    _readonly_attrs_ = _public_attrs_

    def __init__(self, update_id: str, revision: int) -> None:
        self.UpdateID = update_id
        self.RevisionNumber = revision


class Category:
    """ICategory."""

    _public_methods_: ClassVar[list[str]] = []
    _public_attrs_: ClassVar = ["CategoryID", "Name"]
    _readonly_attrs_ = _public_attrs_

    def __init__(self, category_id: str) -> None:
        self.CategoryID = category_id
        self.Name = category_id


class Update:
    """IUpdate and IUpdate2, which RebootRequired and IsPresent belong to."""

    _public_methods_: ClassVar[list[str]] = []
    _public_attrs_: ClassVar = [
        "AutoSelectOnWebSites",
        "BrowseOnly",
        "Categories",
        "DeploymentAction",
        "Description",
        "Identity",
        "IsHidden",
        "IsInstalled",
        "IsPresent",
        "KBArticleIDs",
        "RebootRequired",
        "Title",
        "Type",
    ]
    _readonly_attrs_ = _public_attrs_

    def __init__(self, update: UpdateState) -> None:
        self.faults = update["faults"]
        self.AutoSelectOnWebSites = update["auto_select"]
        self.BrowseOnly = update["browse_only"]
        self.Categories = com(Collection([com(Category(each)) for each in update["categories"]]))
        self.DeploymentAction = _ACTIONS[update["deployment_action"].lower()]
        self.Description = update["title"]
        self.Identity = com(Identity(update["update_id"], update["revision"]))
        self.IsHidden = update["is_hidden"]
        self.IsInstalled = update["is_installed"]
        self.IsPresent = update["is_present"]
        self.KBArticleIDs = com(StringCollection([each.upper().removeprefix("KB") for each in update["kb"]]))
        self.RebootRequired = update["reboot_required"]
        self.Title = update["title"]
        self.Type = _TYPES[update["type"].lower()]


class SearchResult:
    """ISearchResult."""

    _public_methods_: ClassVar[list[str]] = []
    _public_attrs_: ClassVar = ["ResultCode", "RootCategories", "Updates", "Warnings"]
    _readonly_attrs_ = _public_attrs_

    def __init__(self, updates: Sequence[UpdateState]) -> None:
        self.ResultCode = _SUCCEEDED
        self.RootCategories = com(Collection([]))
        self.Updates = com(UpdateCollection([com(Update(each)) for each in updates]))
        self.Warnings = com(Collection([]))


class Searcher:
    """IUpdateSearcher."""

    clsid: ClassVar = "{B699E5E8-67FF-4177-88B0-3684A3388BFB}"
    progid: ClassVar = "Microsoft.Update.Searcher"
    _public_methods_: ClassVar = ["Search"]
    _public_attrs_: ClassVar = [
        "ClientApplicationID",
        "IncludePotentiallySupersededUpdates",
        "Online",
        "ServerSelection",
        "ServiceID",
    ]

    def __init__(self) -> None:
        wua_state.misbehave("Searcher")
        self.ClientApplicationID = ""
        self.IncludePotentiallySupersededUpdates = False
        self.Online = True
        self.ServerSelection = 0
        self.ServiceID = ""

    def Search(self, text: str) -> Any:
        state = wua_state.read()
        try:
            wanted = criteria.parse(text)
        except criteria.InvalidCriteriaError as error:
            raise COMException(str(error), scode=wua_state.signed(WU_E_INVALID_CRITERIA)) from error
        if self.Online and not state["online"]:
            raise COMException(scode=wua_state.signed(WU_E_PT_WINHTTP_NAME_NOT_RESOLVED))
        return com(SearchResult([each for each in state["updates"] if criteria.matches(wanted, searchable(each))]))


def searchable(update: UpdateState) -> dict[str, object]:
    """Return what criteria can ask of an update."""
    return {
        "Type": update["type"],
        "DeploymentAction": update["deployment_action"],
        "IsAssigned": update["is_assigned"],
        "BrowseOnly": update["browse_only"],
        "AutoSelectOnWebSites": update["auto_select"],
        "UpdateID": update["update_id"],
        "RevisionNumber": update["revision"],
        "CategoryIDs": update["categories"],
        "IsInstalled": update["is_installed"],
        "IsHidden": update["is_hidden"],
        "IsPresent": update["is_present"],
        "RebootRequired": update["reboot_required"],
    }


class Session:
    """IUpdateSession."""

    clsid: ClassVar = "{4CB43D7F-7EEE-4906-8698-60DA1C38F2FE}"
    progid: ClassVar = "Microsoft.Update.Session"
    _public_methods_: ClassVar = ["CreateUpdateSearcher"]
    _public_attrs_: ClassVar = ["ClientApplicationID"]

    def __init__(self) -> None:
        wua_state.misbehave("Session")
        self.ClientApplicationID = ""

    def CreateUpdateSearcher(self) -> Any:
        return com(Searcher())


class SystemInfo:
    """ISystemInformation."""

    clsid: ClassVar = "{C01B9BA0-BEA7-41BA-B604-D0A36F469133}"
    progid: ClassVar = "Microsoft.Update.SystemInfo"
    _public_methods_: ClassVar[list[str]] = []
    _public_attrs_: ClassVar = ["OemHardwareSupportLink", "RebootRequired"]
    _readonly_attrs_ = _public_attrs_
    OemHardwareSupportLink = ""

    def __init__(self) -> None:
        wua_state.misbehave("SystemInfo")

    @property
    def RebootRequired(self) -> bool:
        return wua_state.read()["reboot_required"]


#: What clients can create.
SERVERS = (SystemInfo, Session, Searcher)


def _members() -> Iterator[str]:
    for server in SERVERS:
        yield server.__name__
    for each in (*SERVERS, SearchResult, Collection, UpdateCollection, StringCollection, Identity, Category, Update):
        for member in (*each._public_methods_, *each._public_attrs_):
            yield f"{each.__name__}.{member}"


#: Where it can be told to fail or hang: `Class` (its creation) and `Class.Member`.
MEMBERS = frozenset(_members())
