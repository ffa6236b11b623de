# SPDX-License-Identifier: Apache-2.0
"""The WS-Management reader: the contract on simulated machines, few requests, and errors that are never an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from pending_reboot import facts_from, patch_states, patches_from
from pending_reboot.files import FileInfo
from pending_reboot.probes import BOOT_TIME, CONFIGURATION_MANAGER, HOST, WINDOWS_UPDATE_SETTINGS
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.readers.wsman import CarrierError, WsmanReader
from pending_reboot.registry import ABSENT, REG_BINARY, REG_QWORD, Absent, KeyQuery, Unreadable, Value
from pending_reboot.sources.configuration_manager import CLIENT
from pending_reboot_tools.simulator import wmi
from support.cases import all_cases, registry


class Direct:
    """Carries envelopes to a simulated machine, and remembers them. Satisfies `wsman.Carrier`."""

    def __init__(self, machine: MemoryRegistry, change: Callable[[bytes], bytes] = lambda reply: reply) -> None:
        self.machine = machine
        self.change = change
        self.sent: list[str] = []

    def send(self, envelope: str) -> bytes:
        self.sent.append(envelope)
        return self.change(wmi.answer(envelope.encode(), self.machine).envelope)


def over_wsman(machine: MemoryRegistry, **options: Any) -> WsmanReader:
    return WsmanReader(Direct(machine, **options))


def completed(case: dict[str, Any]) -> MemoryRegistry:
    """Return the machine of a case, with what every Windows has."""
    machine = registry(case)
    machine.key(r"SYSTEM\CurrentControlSet\Control\Session Manager")
    machine.key(r"SOFTWARE\Microsoft\Windows\CurrentVersion")
    machine.probes.setdefault(BOOT_TIME, {"time_epoch": 1.7e9, "source": "test"})
    if not isinstance(machine.probes.get(CONFIGURATION_MANAGER, ABSENT), Absent):
        machine.key(CLIENT.path)  # without the client's key nobody asks it
    return machine


def live() -> list[Any]:
    """Return the cases of running machines, without those about what is no question for this reader."""
    found = []
    for source_id, case in all_cases():
        probes = case.get("probes", {})
        other = "pending_xml" in probes or "unsupported" in probes.values() or source_id == "windows_update_agent"
        if case.get("machine", "live") == "live" and not other:
            found.append(pytest.param(source_id, case, id=f"{source_id}: {case['name']}"))
    return found


@pytest.mark.parametrize(("source_id", "case"), live())
def test_contract(source_id: str, case: dict[str, Any]) -> None:
    """The same registry gives the same facts, apart from last-write times and what is no question for this reader."""
    machine = completed(case)
    for key in walk(machine):
        key.last_write = None
    ours = facts_from(over_wsman(machine), sources=[source_id]).to_dict()
    theirs = facts_from(machine, sources=[source_id]).to_dict()
    result, wanted = (each["sources"][source_id] for each in (ours, theirs))  # type: ignore[index]
    for each in (result, wanted):
        if each["error"]:
            each["error"]["code"] = None  # StdRegProv has codes of its own
    assert result["state"] == wanted["state"], result
    assert result["description"] == wanted["description"]
    assert result["evidence"] == wanted["evidence"]
    assert ours["file_operations"] == theirs["file_operations"]
    assert ours["updates"] == theirs["updates"]


def walk(machine: MemoryRegistry) -> list[Any]:
    found, left = [], [machine.root]
    while left:
        key = left.pop()
        found.append(key)
        left += key.subkeys()
    return found


CLEAR_SERVER = {
    "host": "WEB01",
    "boot_time": "2026-11-20T03:12:00Z",
    "keys": {
        r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName": {"values": {"ComputerName": "WEB01"}},
        r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName": {"values": {"ComputerName": "WEB01"}},
        r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters": {
            "values": {"Hostname": "web01", "NV Hostname": "web01"}
        },
        r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters": {},
        r"SOFTWARE\Microsoft\ServerManager\ServicingStorage\ServerComponentCache": {"values": {"RestartRequired": 0}},
        r"SOFTWARE\Microsoft\WindowsUpdate\UX\Settings": {},
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Orchestrator": {},
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update": {},
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages": {},
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce": {},
        r"SOFTWARE\WOW6432Node\Microsoft\Windows": {},
    },
    "probes": {"windows_update_settings": {"pending_reboot": False}},
}


def test_a_machine_on_which_nothing_waits_costs_twenty_requests() -> None:
    reader = over_wsman(from_snapshot(CLEAR_SERVER))
    facts = facts_from(reader)
    assert facts.state == "clear", facts.to_dict()["sources"]
    assert facts.complete
    assert (facts.host, facts.last_reboot and facts.last_reboot.time) == (
        "WEB01",
        datetime(2026, 11, 20, 3, 12, tzinfo=timezone.utc),
    )
    assert reader.requests <= 20


def test_nothing_is_asked_twice() -> None:
    carrier = Direct(from_snapshot(CLEAR_SERVER))
    facts_from(WsmanReader(carrier))
    asked = [envelope.partition("</a:MessageID>")[2] for envelope in carrier.sent]
    assert len(asked) == len(set(asked))


PATCHED = CLEAR_SERVER | {
    "keys": CLEAR_SERVER["keys"]  # type: ignore[operator]
    | {
        r"SYSTEM\CurrentControlSet\Control\Session Manager": {
            "values": {
                "PendingFileRenameOperations": [
                    r"\??\C:\Windows\Temp\x",
                    "",
                    r"\??\C:\Windows\system32\SET31.tmp",
                    r"!\??\C:\Windows\system32\clbcatq.dll",
                    r"\??\C:\Windows\Temp\y",
                    "",
                ]
            }
        },
        r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile": {"values": {"Flags": 1}},
    },
    "files": {
        r"C:\Windows\system32\clbcatq.dll": {"version": "2001.12.4720.9"},
        r"C:\Windows\system32\SET31.tmp": {"version": "2001.12.4720.10"},
    },
}


@pytest.mark.parametrize("empty", [b"<p:sValue></p:sValue>", b"<p:sValue/>", b'<p:sValue xsi:nil="true"/>'])
def test_empty_strings_of_a_list_are_kept_in_every_form(empty: bytes) -> None:
    change = lambda reply: reply.replace(b"<p:sValue></p:sValue>", empty)  # noqa: E731
    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=change))
    assert [(each.action, each.weight) for each in facts.file_operations] == [
        ("delete", "advisory"),
        ("replace", "significant"),
        ("delete", "advisory"),
    ]
    assert [source for source, _ in facts.reasons] == ["pending_file_rename", "update_exe_volatile"]


def test_patch_state_over_wsman() -> None:
    rule = {"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "2001.12.4720.10"}
    (found,) = patch_states(over_wsman(from_snapshot(PATCHED)), patches_from({"kb": "KB902400", "files": [rule]}))
    assert found.verdict == "installed_pending_reboot"
    assert found.views["mbsa_1_2"] == "applicable"


def test_the_older_namespace_is_tried_when_the_first_has_no_class() -> None:
    machine = from_snapshot(PATCHED)

    class Old(Direct):
        def send(self, envelope: str) -> bytes:
            if "root/cimv2/StdRegProv" in envelope:
                envelope = envelope.replace("root/cimv2/StdRegProv", "root/cimv2/NoClass")
            return super().send(envelope)

    carrier = Old(machine)
    assert facts_from(WsmanReader(carrier)).state == "pending"
    assert sum("root/cimv2/NoClass" in envelope for envelope in carrier.sent) == 1, "it is tried once"


class Broken:
    """Answers some requests, and then none any more."""

    def __init__(self, machine: MemoryRegistry, answers: int) -> None:
        self._direct = Direct(machine)
        self._left = answers
        self.tries = 0

    def send(self, envelope: str) -> bytes:
        self.tries += 1
        if self._left == 0:
            raise CarrierError("failed", "the connection was closed")
        self._left -= 1
        return self._direct.send(envelope)


@pytest.mark.parametrize("answers", range(0, 20, 3))
def test_a_connection_that_breaks_is_unknown_and_what_was_seen_counts(answers: int) -> None:
    carrier = Broken(from_snapshot(PATCHED), answers)
    facts = facts_from(WsmanReader(carrier))
    assert facts.state in ("unknown", "pending")
    assert not facts.complete
    assert carrier.tries == answers + 1, "nothing more is sent"
    lost = [result.error.message for result in facts.sources.values() if result.error]
    assert lost
    assert [message for message in lost if "the connection was closed" not in message] == []


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"", "is no XML"),
        (b"<html><body>Bad gateway</body></html>", "is no SOAP envelope"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "declares a document type"),
        (b"<a>" * 200 + b"</a>" * 200, "nested too deeply"),
        (b"<a>" + b"<b/>" * 300_000 + b"</a>", "too many elements"),
        (b"<a>" + b" " * 3_000_000 + b"</a>", "more than 2097152"),
        (b"\xff\xfe\x00", "is no XML"),
        (b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>', "body is empty"),
    ],
)
def test_a_hostile_answer_is_unknown_with_the_reason(reply: bytes, says: str) -> None:
    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=lambda _reply: reply))
    assert (facts.state, facts.reboot_required) == ("unknown", False)
    for id_, result in facts.sources.items():
        assert result.state == "unknown", id_
        assert says in result.description


def test_an_answer_to_another_question_is_none() -> None:
    replies: list[bytes] = []

    def late(reply: bytes) -> bytes:
        replies.append(reply)
        return replies[-2] if len(replies) > 1 else reply

    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=late))
    assert facts.state == "unknown"
    assert "is to another question" in facts.sources["windows_update"].description


def test_an_answer_in_the_place_of_another_is_none() -> None:
    change = lambda reply: reply.replace(b"EnumKey_OUTPUT", b"Other_OUTPUT")  # noqa: E731
    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=change))
    assert facts.sources["update_exe_volatile"].state in ("pending", "unknown")
    assert not facts.complete


@pytest.mark.parametrize("code", [1, 6, 87, 0x80041001, 2**63])
def test_a_return_value_that_is_no_answer_is_an_error(code: int) -> None:
    change = lambda reply: reply.replace(b"<p:ReturnValue>0<", b"<p:ReturnValue>%d<" % code)  # noqa: E731
    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=change), sources=["pending_file_rename"])
    result = facts.sources["pending_file_rename"]
    assert result.state == "unknown"
    assert result.error is not None
    assert result.error.code == code


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20261120031200.500000+060", datetime(2026, 11, 20, 2, 12, 0, 500000, timezone.utc)),
        ("20261120031200.000000-300", datetime(2026, 11, 20, 8, 12, tzinfo=timezone.utc)),
        ("2026-11-20T03:12:00.1234567Z", datetime(2026, 11, 20, 3, 12, tzinfo=timezone.utc)),
        ("2026-11-20T03:12:00+01:00", datetime(2026, 11, 20, 2, 12, tzinfo=timezone.utc)),
        ("2026-11-20T03:12:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_boot_times(written: str, expected: datetime | None) -> None:
    def change(reply: bytes) -> bytes:
        start, _, rest = reply.partition(b"<p:LastBootUpTime>")
        return (
            start
            + b"<p:LastBootUpTime>"
            + written.encode()
            + b"</p:LastBootUpTime>"
            + rest.partition(b"</p:LastBootUpTime>")[2]
            if rest
            else reply
        )

    answer = over_wsman(from_snapshot(CLEAR_SERVER), change=change).probe(BOOT_TIME)
    if expected is None:
        assert isinstance(answer, Unreadable)
    else:
        assert isinstance(answer, dict)
        assert datetime.fromtimestamp(answer["time_epoch"], timezone.utc) == expected


def test_optional_components() -> None:
    absent = over_wsman(from_snapshot(CLEAR_SERVER | {"probes": {}}))
    facts = facts_from(absent)
    for id_ in ("windows_update_agent", "configuration_manager", "desired_state_configuration"):
        assert facts.sources[id_].state == "not_applicable", id_
    refused = CLEAR_SERVER | {"probes": {"windows_update_settings": "denied", "desired_state_configuration": "denied"}}
    facts = facts_from(over_wsman(from_snapshot(refused)))
    assert facts.sources["windows_update_agent"].state == "unknown"
    assert facts.sources["desired_state_configuration"].state == "unknown"
    asked = CLEAR_SERVER | {"probes": {"windows_update_settings": {"pending_reboot": True}}}
    assert facts_from(over_wsman(from_snapshot(asked))).sources["windows_update_agent"].state == "pending"
    machine = from_snapshot(CLEAR_SERVER)
    machine.key(r"SOFTWARE\Microsoft\SMS\Mobile Client")
    machine.probes["configuration_manager"] = {"return_value": 0, "reboot_pending": True, "hard_reboot_pending": False}
    assert facts_from(over_wsman(machine)).sources["configuration_manager"].state == "pending"


def test_every_type_of_value() -> None:
    machine = MemoryRegistry()
    values = {
        "dword": Value.from_integer(0xFFFFFFFF),
        "qword": Value.from_integer(2**64 - 1, REG_QWORD),
        "text": Value.from_text("a & <b>"),
        "expanded": Value.from_text("x", 2),
        "list": Value.from_strings(["a", "", "b", ""]),
        "none": Value.from_strings([]),
        "bytes": Value(REG_BINARY, bytes(range(256))),
    }
    machine.key(r"SYSTEM\Test", values)
    key = over_wsman(machine).read(KeyQuery(r"SYSTEM\Test", tuple(values)))
    assert not isinstance(key, (Absent, Unreadable))
    assert dict(key.values) == values


def test_a_value_of_an_unusual_type_is_found_out() -> None:
    machine = MemoryRegistry()
    machine.key(r"SYSTEM\Test", {"Flags": Value.from_text("1")})
    key = over_wsman(machine).read(KeyQuery(r"SYSTEM\Test", ("Flags",)))
    assert not isinstance(key, (Absent, Unreadable))
    assert key.values == {"Flags": Value.from_text("1")}


def test_characters_that_xml_cannot_carry() -> None:
    answer = over_wsman(MemoryRegistry()).read(KeyQuery("SYSTEM\\a\x01b"))
    assert isinstance(answer, Unreadable)
    assert "cannot carry" in answer.message


def test_files() -> None:
    reader = over_wsman(from_snapshot(PATCHED))
    assert reader.file(r"C:\Windows\system32\clbcatq.dll") == FileInfo((2001, 12, 4720, 9))
    assert reader.file(r"C:\none.dll") == ABSENT
    digest = reader.file(r"C:\Windows\system32\clbcatq.dll", digest=True)
    assert isinstance(digest, FileInfo)
    assert digest.error is not None


def test_reboot() -> None:
    reader = over_wsman(from_snapshot(CLEAR_SERVER))
    assert reader.reboot() is None
    refused = over_wsman(
        from_snapshot(CLEAR_SERVER), change=lambda reply: reply.replace(b"ReturnValue>0<", b"ReturnValue>1314<")
    )
    answer = refused.reboot()
    assert answer is not None
    assert (answer.code, answer.message) == (1314, "Win32Shutdown returned 1314")


def test_the_host_is_what_the_machine_says() -> None:
    machine = from_snapshot(CLEAR_SERVER)
    assert over_wsman(machine).probe(HOST) == {"name": "WEB01"}
    assert WINDOWS_UPDATE_SETTINGS in machine.probes


@pytest.mark.parametrize(
    ("code", "state"),
    [("0", "clear"), ("2147942405", "unknown"), ("-2147024891", "unknown"), ("5", "unknown"), ("many", "unknown")],
)
def test_windows_update_that_answers_and_fails(code: str, state: str) -> None:
    """A `false` beside an error is no answer."""

    def change(reply: bytes) -> bytes:
        return (
            reply.replace(b"<p:ReturnValue>0<", f"<p:ReturnValue>{code}<".encode())
            if b"PendingReboot>" in reply
            else reply
        )

    facts = facts_from(over_wsman(from_snapshot(CLEAR_SERVER), change=change))
    assert facts.sources["windows_update_agent"].state == state
    assert facts.complete is (state == "clear")


@pytest.mark.parametrize("list_", ["empty", "absent", "half"])
def test_a_list_that_lacks_what_every_windows_has_proves_nothing(list_: str) -> None:
    """EnumKey lies; every key is opened then, and nothing is lost."""

    def change(reply: bytes) -> bytes:
        if b"EnumKey_OUTPUT" not in reply:
            return reply
        if list_ == "absent":
            return reply.replace(b"<p:ReturnValue>0<", b"<p:ReturnValue>2<")
        start, _, rest = reply.partition(b"<p:sNames>")
        end = rest.rpartition(b"</p:sNames>")[2] if rest else b""
        kept = b"<p:sNames>AddressBook</p:sNames>" if list_ == "half" else b""
        return start + kept + end if rest else reply

    machine = from_snapshot(PATCHED)
    machine.key(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending")
    machine.key(r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired")
    found = facts_from(over_wsman(machine, change=change))
    assert [source for source, _ in found.reasons] == [
        "windows_update",
        "pending_file_rename",
        "update_exe_volatile",
        "component_based_servicing",
    ]


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "99991231235959.000000-840"]
)
def test_a_boot_time_that_is_no_time_costs_nothing_else(written: str) -> None:
    def change(reply: bytes) -> bytes:
        start, found, rest = reply.partition(b"<p:LastBootUpTime>")
        after = rest.partition(b"</p:LastBootUpTime>")[2]
        return start + found + written.encode() + b"</p:LastBootUpTime>" + after if found else reply

    facts = facts_from(over_wsman(from_snapshot(PATCHED), change=change))
    assert (facts.state, facts.last_reboot) == ("pending", None)
