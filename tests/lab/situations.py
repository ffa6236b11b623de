# SPDX-License-Identifier: Apache-2.0
"""Situations, what is true in them, and what stock Salt says: the table of the differential test.

Stock Salt answers yes or no. Where its answer is not the truth, the row names why; where the truth is that it could not
be looked at, any yes or no is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.planting import CBS, REBOOT_REQUIRED, SESSION_MANAGER, UPDATE_EXE, UPDATE_ID
from pending_reboot.registry import REG_MULTI_SZ, Value
from windows_lab.wua import ACCESS_DENIED, Wua

Keys = Mapping[str, Mapping[str, Value]]

#: Why stock Salt's answer is wrong.
Why = Literal[
    "reads a value where the installer writes a key",
    "reads a key where a value can be as well",
    "does not read this place",
    "counts clean-up as pending",
    "takes an emptied list for a full one",
    "takes an error for no",
    "takes an error for yes",
    "one error hides every answer",
]

ONE = Value.from_integer(1)
ZERO = Value.from_integer(0)


@dataclass(frozen=True)
class Situation:
    """One row."""

    name: str
    #: What is true: our state of the machine.
    truth: Literal["pending", "advisory", "clear", "unknown"]
    #: What stock Salt says; "error" when it raises.
    stock: Literal["yes", "no", "error"]
    why: Why | None = None
    keys: Keys = field(default_factory=dict)
    volatile: bool = False
    denied: str | None = None
    wua: Wua = field(default_factory=Wua)

    @property
    def stock_is_right(self) -> bool:
        """Whether a yes or no is the truth here."""
        return self.stock == {"pending": "yes", "advisory": "no", "clear": "no", "unknown": ""}[self.truth]


def renames(*strings: str, name: str = "PendingFileRenameOperations") -> Keys:
    """Return pending file operations to plant."""
    return {SESSION_MANAGER: {name: Value.from_strings(strings)}}


def emptied(data: bytes) -> Keys:
    """Return a list that was emptied, as Windows may leave it."""
    return {SESSION_MANAGER: {"PendingFileRenameOperations": Value(REG_MULTI_SZ, data)}}


_DRIVER = (r"\??\C:\windows\system32\drivers\SET1.tmp", r"!\??\C:\windows\system32\drivers\lab.sys")
_TEMP = (r"\??\C:\Users\a\AppData\Local\Temp\nsp9C0.tmp\nsProcess.dll", "")
_BROWSER = (r"*1\??\C:\Program Files (x86)\Microsoft\EdgeUpdate\1.3.215.9", "")
_WRONG_PLACE: Why = "reads a value where the installer writes a key"
_NOT_READ: Why = "does not read this place"
_CLEAN_UP: Why = "counts clean-up as pending"
_WOW = UPDATE_EXE.replace("SOFTWARE", r"SOFTWARE\WOW6432Node")
_NAMES = r"SYSTEM\CurrentControlSet\Control\ComputerName"
_NETLOGON = r"SYSTEM\CurrentControlSet\Services\Netlogon"
_RUN_ONCE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce"
_SERVER_MANAGER = r"SOFTWARE\Microsoft\ServerManager"
_AUTO_UPDATE = REBOOT_REQUIRED.rpartition("\\")[0]

SITUATIONS = (
    Situation("nothing waits", "clear", "no"),
    Situation(
        "Windows Update installed an update", "pending", "yes", keys={REBOOT_REQUIRED: {UPDATE_ID: ONE}}, volatile=True
    ),
    Situation("Windows Update, no id", "pending", "yes", keys={REBOOT_REQUIRED: {}}, volatile=True),
    Situation("a patch run by hand", "pending", "no", _WRONG_PLACE, {UPDATE_EXE: {"Flags": ONE}}, volatile=True),
    Situation("a patch removed by hand", "pending", "no", _WRONG_PLACE, {UPDATE_EXE: {"Flags": Value.from_integer(2)}}),
    Situation(
        "a flag nobody documented", "pending", "no", _WRONG_PLACE, {UPDATE_EXE: {"Flags": Value.from_integer(7)}}
    ),
    Situation("a 32-bit patch", "pending", "no", _WRONG_PLACE, {_WOW: {"Flags": ONE}}),
    Situation("a sibling's flag", "pending", "no", _WRONG_PLACE, {f"{UPDATE_EXE}_01C60B4A7471BAAB": {"Flags": ONE}}),
    Situation("a flag that is zero", "clear", "no", keys={UPDATE_EXE: {"Flags": ZERO}}),
    Situation(
        "the value other tools read", "pending", "yes", keys={r"SOFTWARE\Microsoft\Updates": {"UpdateExeVolatile": ONE}}
    ),
    Situation(
        "a flag that is text", "unknown", "no", "takes an error for no", {UPDATE_EXE: {"Flags": Value.from_text("1")}}
    ),
    Situation("a driver is replaced", "pending", "yes", keys=renames(*_DRIVER)),
    Situation("a driver, after clean-up", "pending", "yes", keys=renames(*_TEMP, *_DRIVER)),
    Situation("an installer's clean-up", "advisory", "yes", _CLEAN_UP, renames(*_TEMP)),
    Situation("a browser's clean-up", "advisory", "yes", _CLEAN_UP, renames(*_BROWSER)),
    Situation("an overflowed list", "pending", "yes", keys=renames(*_DRIVER, name="PendingFileRenameOperations2")),
    Situation(
        "clean-up that overflowed", "advisory", "yes", _CLEAN_UP, renames(*_TEMP, name="PendingFileRenameOperations2")
    ),
    Situation("a list emptied to nothing", "clear", "no", keys=emptied(b"")),
    Situation("a list emptied to one NUL", "clear", "no", keys=emptied(bytes(2))),
    Situation("a list emptied to two NULs", "clear", "yes", "takes an emptied list for a full one", emptied(bytes(4))),
    Situation("servicing: RebootPending", "pending", "yes", keys={rf"{CBS}\RebootPending": {}}, volatile=True),
    Situation("servicing: RebootInProgress", "pending", "yes", keys={rf"{CBS}\RebootInProgress": {}}, volatile=True),
    Situation("servicing: PackagesPending", "pending", "yes", keys={rf"{CBS}\PackagesPending": {}}),
    Situation(
        "servicing: sessions of a healthy machine",
        "clear",
        "no",
        keys={rf"{CBS}\SessionsPending\30557562_936863184": {}},
    ),
    Situation("a join, as a subkey", "pending", "yes", keys={rf"{_NETLOGON}\JoinDomain": {}}),
    Situation(
        "a join, as a value",
        "pending",
        "no",
        "reads a key where a value can be as well",
        {_NETLOGON: {"JoinDomain": Value.from_text("example.org")}},
    ),
    Situation(
        "a new NetBIOS name",
        "pending",
        "no",
        _NOT_READ,
        {rf"{_NAMES}\ComputerName": {"ComputerName": Value.from_text("NEW")}},
    ),
    Situation("a role counts its reboots", "pending", "yes", keys={_SERVER_MANAGER: {"CurrentRebootAttempts": ONE}}),
    Situation("a role that is done", "clear", "no", keys={_SERVER_MANAGER: {"CurrentRebootAttempts": ZERO}}),
    Situation(
        "a component asks for a restart",
        "pending",
        "no",
        _NOT_READ,
        {rf"{_SERVER_MANAGER}\ServicingStorage\ServerComponentCache": {"RestartRequired": ONE}},
    ),
    Situation("the DVD signal", "pending", "yes", keys={_RUN_ONCE: {"DVDRebootSignal": ONE}}),
    Situation("reporting after the reboot", "pending", "yes", keys={rf"{_AUTO_UPDATE}\PostRebootReporting": {}}),
    Situation(
        "the settings page",
        "pending",
        "no",
        _NOT_READ,
        {r"SOFTWARE\Microsoft\WindowsUpdate\UX\StateVariables": {"RebootRequired": ONE}},
    ),
    Situation(
        "Intune",
        "pending",
        "no",
        _NOT_READ,
        {r"SOFTWARE\Microsoft\IntuneManagementExtension\RebootSettings": {"RebootFlag": ONE}},
    ),
    Situation(
        "Configuration Manager counts down",
        "pending",
        "no",
        _NOT_READ,
        {r"SOFTWARE\Microsoft\SMS\Mobile Client\Reboot Management\RebootData": {}},
    ),
    Situation(
        "Salt's own note",
        "pending",
        "yes",
        keys={r"SYSTEM\CurrentControlSet\Services\salt-minion\Volatile-Data": {"Reboot required": ONE}},
        volatile=True,
    ),
    Situation("the agent asks for a reboot", "pending", "yes", wua=Wua(reboot_required=True)),
    Situation(
        "the agent refuses", "unknown", "no", "takes an error for no", wua=Wua(faults={"SystemInfo": ACCESS_DENIED})
    ),
    Situation(
        "the agent fails",
        "unknown",
        "error",
        "one error hides every answer",
        wua=Wua(faults={"SystemInfo.RebootRequired": 0x8024A000}),
    ),
    Situation(
        "Windows Update's key refuses",
        "unknown",
        "yes",
        "takes an error for yes",
        {REBOOT_REQUIRED: {}},
        denied=REBOOT_REQUIRED,
    ),
    Situation("the list refuses", "unknown", "no", "takes an error for no", renames(*_DRIVER), denied=SESSION_MANAGER),
    Situation("RunOnce refuses", "unknown", "error", "one error hides every answer", denied=_RUN_ONCE),
)
