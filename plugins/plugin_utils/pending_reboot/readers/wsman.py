# SPDX-License-Identifier: Apache-2.0
"""A running Windows machine over WS-Management: its registry, and what its WMI classes tell.

No process is started on the machine: WMI's providers answer.

References:
    https://learn.microsoft.com/en-us/windows/win32/cimwin32prov/win32-operatingsystem
    https://learn.microsoft.com/en-us/windows/win32/cimwin32prov/cim-datafile
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, Protocol
from xml.etree.ElementTree import Element

from ..errors import PendingRebootError
from ..files import FileInfo
from ..hresult import DENIED, words
from ..probes import (
    BOOT_TIME,
    CONFIGURATION_MANAGER,
    DESIRED_STATE,
    HOST,
    PENDING_XML,
    WINDOWS_UPDATE_AGENT,
    WINDOWS_UPDATE_SETTINGS,
)
from ..registry import ABSENT, Absent, Answer, Capabilities, Key, KeyQuery, Unreadable, Value
from ..sources.configuration_manager import CLIENT
from ..sources.pending_computer_rename import ACTIVE
from ..sources.pending_file_rename import SYSTEM_ROOT
from .soap import BadAnswerError, Fault, Question, find, get, invoke, number, parse, text
from .std_reg_prov import StdRegProv

_WINDOWS_UPDATE: Final = "root/Microsoft/Windows/WindowsUpdate"
_DMTF: Final = re.compile(r"(\d{14})\.(\d{6})([+-]\d{3})", re.ASCII)


#: After so many answers that are none, nothing more is asked: that is no WS-Management.
_MOST_BAD_ANSWERS: Final = 5

#: Win32Shutdown: reboot (2) and force (4).
_FORCED_REBOOT: Final = 6

#: Registry questions, and the properties of Win32_OperatingSystem that hold the same.
_KNOWN: Final[Mapping[KeyQuery, str]] = {SYSTEM_ROOT: "WindowsDirectory", ACTIVE: "CSName"}


class CarrierError(PendingRebootError):
    """The host cannot be asked: it refuses, does not answer, or broke off. Ends the reading of this host.

    Attributes:
        answer: what every further question gets in place of an answer.
    """

    def __init__(self, kind: Literal["denied", "failed"], message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.answer = Unreadable(kind, code, message)


class Carrier(Protocol):
    """Brings an envelope to a host and its answer back, over HTTP."""

    def send(self, envelope: str) -> bytes:
        """Return the answer, a fault as well (which comes with HTTP status 500).

        Raises:
            CarrierError: there is no answer.
        """


class WsmanReader:
    """Reads one machine. Satisfies `files.FileReader`. Every answer is asked for once."""

    name = "wsman"
    capabilities = Capabilities()

    def __init__(self, carrier: Carrier) -> None:
        """Ask through `carrier`."""
        self._carrier = carrier
        self._registry = StdRegProv(self.ask)
        self._settings: Mapping[str, object] | Absent | Unreadable | None = None
        self._system: Mapping[str, str] | Absent | Unreadable | None = None
        self.warnings: list[str] = []
        #: Why the host cannot be asked any more, None while it can.
        self.lost: Unreadable | None = None
        #: How many requests were sent.
        self.requests = 0
        #: How many of them it answered, be it with a fault.
        self.answered = 0
        self._bad_answers = 0

    def reboot(self) -> Unreadable | None:
        """Have the machine reboot at once, programs closed by force; return why it does not, None when it accepted.

        References:
            https://learn.microsoft.com/en-us/windows/win32/cimwin32prov/win32shutdown-method-in-class-win32-operatingsystem
        """
        answer = self.ask(
            invoke("root/cimv2", "Win32_OperatingSystem", "Win32Shutdown", {"Flags": _FORCED_REBOOT, "Reserved": 0})
        )
        if isinstance(answer, (Absent, Unreadable)):
            return answer if isinstance(answer, Unreadable) else Unreadable("failed", None, "there is no Win32Shutdown")
        code = number(text(answer, "ReturnValue"))
        return None if code == 0 else Unreadable("failed", code, f"Win32Shutdown returned {code}")

    def ask(self, question: Question) -> Element | Absent | Unreadable:
        """Return the element that answers, or what the fault in its place means.

        After a question that could not be carried no other one is sent.
        """
        if self.lost is not None:
            return self.lost
        self.requests += 1
        try:
            found = parse(self._carrier.send(question.envelope), question)
        except CarrierError as error:
            self.lost = error.answer
            return self.lost
        except BadAnswerError as error:
            bad = Unreadable("failed", None, str(error))
            self._bad_answers += 1
            self.lost = bad if self._bad_answers == _MOST_BAD_ANSWERS else None
            return bad
        self.answered += 1
        return found.answer() if isinstance(found, Fault) else found

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question; what Win32_OperatingSystem tells need not be asked again."""
        known = _KNOWN.get(query)
        if known:
            system = self._operating_system()
            if isinstance(system, Mapping) and system.get(known):
                return Key(values={query.values[0]: Value.from_text(system[known])})
        return self._registry.read(query)

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer a question that is none of the registry's."""
        probes: Mapping[str, Callable[[], Mapping[str, object] | Absent | Unreadable]] = {
            BOOT_TIME: self._boot_time,
            HOST: self._host,
            WINDOWS_UPDATE_SETTINGS: self._update_settings,
            CONFIGURATION_MANAGER: self._configuration_manager,
            DESIRED_STATE: self._desired_state,
        }
        if name in probes:
            return probes[name]()
        if name == WINDOWS_UPDATE_AGENT:  # it answers no network logon; the settings answer in its place
            settings = self._update_settings()
            return settings if isinstance(settings, (Absent, Unreadable)) else _NOT_OVER_WSMAN
        if name != PENDING_XML:
            raise AssertionError(name)
        return _NOT_OVER_WSMAN

    def _operating_system(self) -> Mapping[str, str] | Absent | Unreadable:
        if self._system is None:
            answer = self.ask(get("root/cimv2", "Win32_OperatingSystem"))
            wanted = ("LastBootUpTime", "CSName", "WindowsDirectory")
            self._system = (
                answer
                if isinstance(answer, (Absent, Unreadable))
                else {name: said for name in wanted if (said := text(answer, name))}
            )
        return self._system

    def _boot_time(self) -> Mapping[str, object] | Absent | Unreadable:
        system = self._operating_system()
        if not isinstance(system, Mapping):
            return system
        when = _time(system.get("LastBootUpTime", ""))
        if when is None:
            return Unreadable("failed", None, "LastBootUpTime is no time")
        return {"time_epoch": when.timestamp(), "source": "Win32_OperatingSystem.LastBootUpTime"}

    def _host(self) -> Mapping[str, object] | Absent | Unreadable:
        system = self._operating_system()
        if not isinstance(system, Mapping):
            return system
        return {"name": system["CSName"]} if "CSName" in system else ABSENT

    def _update_settings(self) -> Mapping[str, object] | Absent | Unreadable:
        if self._settings is None:
            question = invoke(_WINDOWS_UPDATE, "MSFT_WUSettings", "IsPendingReboot")
            found = self._flags(question, {"PendingReboot": "pending_reboot"})
            code = found.get("return_value", 0) if isinstance(found, Mapping) else 0
            self._settings = found if code == 0 else _refused(code, "IsPendingReboot")
        return self._settings

    def _configuration_manager(self) -> Mapping[str, object] | Absent | Unreadable:
        if self._registry.is_not_there(CLIENT.real_path):
            return ABSENT
        question = invoke("root/ccm/ClientSDK", "CCM_ClientUtilities", "DetermineIfRebootPending")
        return self._flags(question, {"RebootPending": "reboot_pending", "IsHardRebootPending": "hard_reboot_pending"})

    def _flags(self, question: Question, names: Mapping[str, str]) -> Mapping[str, object] | Absent | Unreadable:
        """Return the booleans of an answer under the names of the probe, with its ReturnValue."""
        answer = self.ask(question)
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        found: dict[str, object] = {}
        for theirs, ours in names.items():
            said = (text(answer, theirs) or "").strip().lower()
            if said not in ("true", "false"):
                return Unreadable("failed", None, f"{question.answer} holds no {theirs}")
            found[ours] = said == "true"
        written = text(answer, "ReturnValue")
        if written is None:
            return found
        code = number(written.strip().removeprefix("-"))
        if code is None:
            return Unreadable("failed", None, f"{question.answer} holds a ReturnValue that is no number")
        return {"return_value": -code if written.strip().startswith("-") else code, **found}

    def _desired_state(self) -> Mapping[str, object] | Absent | Unreadable:
        namespace = "root/Microsoft/Windows/DesiredStateConfiguration"
        answer = self.ask(invoke(namespace, "MSFT_DSCLocalConfigurationManager", "GetMetaConfiguration"))
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        state = find(answer, "LCMState")
        return {"lcm_state": state} if state else Unreadable("failed", None, "the answer holds no LCMState")

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`; digests cannot be had."""
        try:
            answer = self.ask(get("root/cimv2", "CIM_DataFile", {"Name": path}))
        except ValueError as error:
            return Unreadable("failed", None, str(error))
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        unable = Unreadable("unsupported", None, "a SHA-256 cannot be asked for over WS-Management") if digest else None
        match = re.match(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?!\d)", text(answer, "Version") or "", re.ASCII)
        if not match:
            return FileInfo(None, None, unable)
        first, second, third, fourth = map(int, match.groups())
        return FileInfo((first, second, third, fourth), None, unable)

    def long_path(self, path: str) -> str | None:  # noqa: ARG002 - it is asked for by the protocol
        """Return None: WMI spells no short names out."""
        return None


_NOT_OVER_WSMAN: Final = Unreadable("unsupported", None, "it cannot be asked over WS-Management")


def _refused(code: object, method: str) -> Unreadable:
    """Return what a ReturnValue other than 0 means, signed or not."""
    unsigned = int(str(code)) & 0xFFFFFFFF
    if unsigned == 5 or unsigned in DENIED:
        return Unreadable("denied", unsigned, f"access is denied ({method})")
    return Unreadable("failed", unsigned, f"{method} returned {words(unsigned)}")


def _time(written: str) -> datetime | None:
    """Return the time in `20261120031200.500000+060` (minutes from UTC) or in ISO 8601."""
    written = written.strip()
    match = _DMTF.fullmatch(written)
    try:
        if match:
            zone = timezone(timedelta(minutes=int(match[3])))
            when = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(microsecond=int(match[2]), tzinfo=zone)
            return when if 1601 < when.year < 9999 else None
        # Windows writes up to seven digits of a second, Python 3.10 reads none but three or six.
        when = datetime.fromisoformat(re.sub(r"\.\d+", "", written).replace("Z", "+00:00"))
    except ValueError:
        return None
    return when if when.tzinfo and 1601 < when.year < 9999 else None
