# SPDX-License-Identifier: Apache-2.0
"""What a simulated machine answers to WS-Management: StdRegProv and the few WMI classes that scans ask.

The machine behind it is a reader, so what is simulated is the wire and not the machine: the in-memory registry, or a
genuine one. Anything else gets the fault that Windows gives for it.

References:
    https://learn.microsoft.com/en-us/previous-versions/windows/desktop/regprov/stdregprov
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-wsmv/31bb000a-32c1-4981-8a09-245c5eabe171
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from pending_reboot.errors import WrongTypeError
from pending_reboot.files import FileInfo, FileReader, version_text
from pending_reboot.probes import (
    BOOT_TIME,
    CONFIGURATION_MANAGER,
    DESIRED_STATE,
    HOST,
    WINDOWS_UPDATE_AGENT,
    WINDOWS_UPDATE_SETTINGS,
)
from pending_reboot.readers.soap import find, local, tree
from pending_reboot.registry import (
    ALL,
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    Absent,
    Children,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from pending_reboot.sources.pending_computer_rename import ACTIVE
from pending_reboot.sources.pending_file_rename import SYSTEM_ROOT

_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSMAN: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_WMI: Final = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
_WMI_ERROR: Final = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
_GET: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
_HKLM: Final = "2147483650"

_NO_VALUE, _NO_KEY, _WRONG_TYPE, _INVALID = 1, 2, 0x80041005, 0x80041008
_INVALID_NAMESPACE, _INVALID_CLASS, _NOT_FOUND = 0x8004100E, 0x80041010, 0x80041002

Outputs = Iterable[tuple[str, object]]


class Request(NamedTuple):
    """One message, taken apart."""

    message_id: str
    uri: str
    action: str
    selectors: Mapping[str, str]
    arguments: Mapping[str, str]


class FaultError(Exception):
    """The answer is a fault."""

    def __init__(self, subcode: str, message: str, code: int) -> None:
        super().__init__(message)
        self.subcode = subcode
        self.code = code


class Reply(NamedTuple):
    """An HTTP status and an envelope."""

    status: int
    envelope: bytes
    #: The machine was told to reboot.
    reboots: bool = False


def answer(message: bytes, reader: FileReader) -> Reply:
    """Return what the machine that `reader` reads answers to an envelope.

    Raises:
        BadAnswerError: the envelope is no XML.
    """
    envelope = tree(message)
    request = _request(envelope)
    try:
        reboots = request.uri.endswith("/Win32_OperatingSystem") and request.action.endswith("/Win32Shutdown")
        body = _body(request, reader)
        return Reply(200, _envelope(f"{request.action}Response", request.message_id, body), reboots)
    except FaultError as fault:
        return Reply(500, fault_envelope(fault, request.message_id))


def _request(envelope: Element) -> Request:
    body = next((each for each in envelope if local(each) == "Body"), None)
    content = body[0] if body is not None and len(body) else None
    selectors = {each.get("Name", ""): each.text or "" for each in envelope.iter() if local(each) == "Selector"}
    return Request(
        find(envelope, "MessageID") or "",
        find(envelope, "ResourceURI") or "",
        find(envelope, "Action") or "",
        selectors,
        {local(each): each.text or "" for each in content} if content is not None else {},
    )


def _body(request: Request, reader: FileReader) -> str:
    if not request.uri.lower().startswith(_WMI.lower()):
        raise FaultError(
            "DestinationUnreachable",
            "The WS-Management service cannot process the request. The resource URI was not found in the WS-Management"
            " catalog: the simulator has WMI classes and no shells.",
            0x8033803B,
        )
    namespace, _, class_ = request.uri[len(_WMI) :].rpartition("/")
    found = _CLASSES.get((namespace.lower(), class_.lower()))
    if found is None:
        known = {each for each, _ in _CLASSES}
        if namespace.lower() in known:
            raise FaultError("DestinationUnreachable", "Invalid class ", _INVALID_CLASS)
        raise FaultError("DestinationUnreachable", "Invalid namespace ", _INVALID_NAMESPACE)
    outputs = found(request, reader)
    method = request.action.rpartition("/")[2]
    name = f"{method}_OUTPUT" if request.action != _GET else class_
    inner = "".join(_element(key, value) for key, value in outputs)
    return (
        f'<p:{name} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="{escape(request.uri)}"'
        f' xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">{inner}</p:{name}>'
    )


def _element(name: str, value: object) -> str:
    if value is None:
        return f'<p:{name} xsi:nil="true"/>'
    if isinstance(value, datetime):
        return f"<p:{name}><cim:Datetime>{value.isoformat()}</cim:Datetime></p:{name}>"
    if isinstance(value, bool):
        value = str(value).lower()
    return f"<p:{name}>{escape(str(value))}</p:{name}>"


def _envelope(action: str, relates: str, body: str) -> bytes:
    related = f"<a:RelatesTo>{escape(relates)}</a:RelatesTo>" if relates else ""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}" xmlns:w="{_WSMAN}">'
        f"<s:Header><a:Action>{escape(action)}</a:Action>"
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{_ADDRESSING}/role/anonymous</a:To>{related}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault_envelope(fault: FaultError, relates: str) -> bytes:
    """Return the envelope of a fault, in the shape of MSFT_WmiError that Windows 8 and later send."""
    said = escape(str(fault))
    return _envelope(
        "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
        relates,
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{said}</s:Text></s:Reason><s:Detail>'
        f'<p:MSFT_WmiError xmlns:p="{_WMI_ERROR}"><p:CIMStatusCode>1</p:CIMStatusCode><p:Message>{said}</p:Message>'
        f"<p:MessageID>HRESULT {fault.code:#010x}</p:MessageID><p:error_Code>{fault.code}</p:error_Code>"
        "</p:MSFT_WmiError></s:Detail></s:Fault>",
    )


# StdRegProv


def _std_reg_prov(request: Request, reader: FileReader) -> Outputs:
    method = request.action.rpartition("/")[2]
    path = request.arguments.get("sSubKeyName", "").strip("\\")
    if request.arguments.get("hDefKey", _HKLM) != _HKLM:
        return [("ReturnValue", 6)]
    if method == "EnumKey":
        return _enum_key(reader, path)
    if method == "EnumValues":
        return _enum_values(reader, path)
    if method not in _GETTERS:
        raise FaultError("InvalidParameter", f"The simulator's StdRegProv has no method {method} ", _INVALID)
    return _get_value(reader, path, request.arguments.get("sValueName", ""), method)


def _opened(reader: FileReader, query: KeyQuery) -> Key | int:
    """Return the key, or the ReturnValue for one that cannot be opened."""
    found = reader.read(query)
    if isinstance(found, Absent):
        return _NO_KEY
    if isinstance(found, Unreadable):
        return found.code or _INVALID
    return found


def _enum_key(reader: FileReader, path: str) -> Outputs:
    key = _opened(reader, KeyQuery(path, children=Children("*")))
    if isinstance(key, int):
        return [("ReturnValue", key)]
    return [*(("sNames", name) for name in key.children), ("ReturnValue", 0)]


def _enum_values(reader: FileReader, path: str) -> Outputs:
    key = _opened(reader, KeyQuery(path, ALL))
    if isinstance(key, int):
        return [("ReturnValue", key)]
    types = [value.type if isinstance(value, Value) else REG_BINARY for value in key.values.values()]
    return [*(("sNames", name) for name in key.values), *(("Types", kind) for kind in types), ("ReturnValue", 0)]


def _get_value(reader: FileReader, path: str, name: str, method: str) -> Outputs:
    key = _opened(reader, KeyQuery(path, (name,)))
    if isinstance(key, int):
        return [("ReturnValue", key)]
    value = key.values.get(name)
    if value is None:
        return [("ReturnValue", _NO_VALUE)]
    if isinstance(value, Unreadable):
        return [("ReturnValue", value.code or _INVALID)]
    types, element, decode = _GETTERS[method]
    if value.type not in types:
        return [("ReturnValue", _WRONG_TYPE)]
    try:
        return [*((element, each) for each in decode(value)), ("ReturnValue", 0)]
    except WrongTypeError:
        return [("ReturnValue", _WRONG_TYPE)]


_GETTERS: Final[Mapping[str, tuple[tuple[int, ...], str, Callable[[Value], Iterable[object]]]]] = {
    "GetStringValue": ((REG_SZ,), "sValue", lambda value: [value.text()]),
    "GetExpandedStringValue": ((REG_EXPAND_SZ,), "sValue", lambda value: [value.text()]),
    "GetDWORDValue": ((REG_DWORD,), "uValue", lambda value: [value.integer()]),
    "GetQWORDValue": ((REG_QWORD,), "uValue", lambda value: [value.integer()]),
    "GetMultiStringValue": ((REG_MULTI_SZ,), "sValue", lambda value: value.strings()),
    "GetBinaryValue": ((REG_BINARY,), "uValue", lambda value: list(value.data)),
}


# Other classes


def _operating_system(request: Request, reader: FileReader) -> Outputs:
    method = request.action.rpartition("/")[2]
    if method == "Win32Shutdown":
        flags = request.arguments.get("Flags", "")
        return [("ReturnValue", 0 if flags in ("2", "6") else 87)]
    if request.action != _GET:
        raise FaultError("InvalidParameter", f"Invalid method {method} ", _INVALID)
    boot, host = reader.probe(BOOT_TIME), reader.probe(HOST)
    epoch = float(str(boot["time_epoch"])) if isinstance(boot, Mapping) else None
    name = _text(reader, ACTIVE, "ComputerName") or (str(host["name"]) if isinstance(host, Mapping) else None)
    return [
        ("Caption", "Microsoft Windows (simulated)"),
        ("CSName", name),
        ("LastBootUpTime", None if epoch is None else datetime.fromtimestamp(epoch, timezone.utc)),
        ("WindowsDirectory", _text(reader, SYSTEM_ROOT, "SystemRoot")),
    ]


def _text(reader: FileReader, query: KeyQuery, name: str) -> str | None:
    key = reader.read(query)
    value = key.values.get(name) if isinstance(key, Key) else None
    return value.text() if isinstance(value, Value) and value.type == REG_SZ else None


def _asked(reader: FileReader, probe: str) -> Mapping[str, object]:
    """Return the answer to a probe, or raise the fault that stands for it."""
    found = reader.probe(probe)
    if isinstance(found, Absent) or (isinstance(found, Unreadable) and found.kind == "unsupported"):
        raise FaultError("DestinationUnreachable", "Invalid namespace ", _INVALID_NAMESPACE)
    if isinstance(found, Unreadable):
        if found.kind == "denied":
            raise FaultError("AccessDenied", "Access is denied. ", 5)
        raise FaultError("InternalError", found.message, found.code or 0x80041001)
    return found


def _update_settings(_request: Request, reader: FileReader) -> Outputs:
    agent = reader.probe(WINDOWS_UPDATE_AGENT)
    own = reader.probe(WINDOWS_UPDATE_SETTINGS)
    pending = agent.get("reboot_required") if isinstance(agent, Mapping) and isinstance(own, Absent) else None
    if pending is None:
        pending = _asked(reader, WINDOWS_UPDATE_SETTINGS).get("pending_reboot")
    return [("PendingReboot", bool(pending)), ("ReturnValue", 0)]


def _configuration_manager(_request: Request, reader: FileReader) -> Outputs:
    found = _asked(reader, CONFIGURATION_MANAGER)
    return [
        ("RebootPending", bool(found.get("reboot_pending"))),
        ("IsHardRebootPending", bool(found.get("hard_reboot_pending"))),
        ("ReturnValue", found.get("return_value", 0)),
    ]


def _desired_state(_request: Request, reader: FileReader) -> Outputs:
    return [("LCMState", _asked(reader, DESIRED_STATE).get("lcm_state")), ("ReturnValue", 0)]


def _data_file(request: Request, reader: FileReader) -> Outputs:
    path = request.selectors.get("Name", "")
    found = reader.file(path)
    if isinstance(found, Absent):
        raise FaultError("DestinationUnreachable", "Not found ", _NOT_FOUND)
    if not isinstance(found, FileInfo):
        raise FaultError("AccessDenied", "Access is denied. ", 5)
    return [("Name", path), ("Version", version_text(found.version))]


_CLASSES: Final[Mapping[tuple[str, str], Callable[[Request, FileReader], Outputs]]] = {
    ("root/cimv2", "stdregprov"): _std_reg_prov,
    ("root/default", "stdregprov"): _std_reg_prov,
    ("root/cimv2", "win32_operatingsystem"): _operating_system,
    ("root/cimv2", "cim_datafile"): _data_file,
    ("root/microsoft/windows/windowsupdate", "msft_wusettings"): _update_settings,
    ("root/ccm/clientsdk", "ccm_clientutilities"): _configuration_manager,
    ("root/microsoft/windows/desiredstateconfiguration", "msft_dsclocalconfigurationmanager"): _desired_state,
}
