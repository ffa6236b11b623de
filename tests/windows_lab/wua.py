# SPDX-License-Identifier: Apache-2.0
"""What the lab's Windows Update Agent is told to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

#: HRESULTs that real agents answer with.
ACCESS_DENIED = 0x80070005
WU_E_INVALID_CRITERIA = 0x80240032
WU_E_PT_WINHTTP_NAME_NOT_RESOLVED = 0x8024402C


@dataclass(frozen=True, slots=True)
class WuaUpdate:
    """One update, as the agent knows it."""

    update_id: str
    revision: int = 100
    title: str = ""
    #: `KB5031234` or `5031234`; WUA's KBArticleIDs have no letters.
    kb: Sequence[str] = ()
    type: str = "Software"
    deployment_action: str = "Installation"
    categories: Sequence[str] = ()
    is_assigned: bool = True
    auto_select: bool = False
    browse_only: bool = False
    is_installed: bool = False
    is_present: bool = False
    is_hidden: bool = False
    reboot_required: bool = False
    #: Member of this update (`Title`) -> HRESULT with which reading it fails.
    faults: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wua:
    """What the agent says and how it misbehaves.

    After a reboot nothing is required any more; updates, faults and hangs stay.
    """

    #: ISystemInformation.RebootRequired.
    reboot_required: bool = False
    updates: Sequence[WuaUpdate] = ()
    #: False: a search with Online=True fails with 0x8024402C.
    online: bool = True
    #: `SystemInfo` (its creation), `SystemInfo.RebootRequired`, `Searcher.Search`, `Update.Title` ... -> HRESULT.
    faults: Mapping[str, int] = field(default_factory=dict)
    #: The same names -> how many seconds it takes before it goes on.
    hangs: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return asdict(self)
