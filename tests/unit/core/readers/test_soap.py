# SPDX-License-Identifier: Apache-2.0
"""WS-Management messages: replies that real hosts gave, the examples of the specification, and fuzz."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot.readers.soap import BadAnswerError, Fault, Question, get, invoke, number, parse, text, texts
from pending_reboot.registry import ABSENT, Unreadable
from support.shared_data import shared

ENUM_KEY = Question("uuid:357dee93-b5a1-15a1-8004-4b73f7201300", "", "EnumKey_OUTPUT")


def test_a_reply_of_a_real_host() -> None:
    """StdRegProv.EnumKey of a Windows of the Server 2003 age (openwsman's test data)."""
    found = parse(shared("wsman", "openwsman-EnumKey.xml").read_bytes(), ENUM_KEY)
    assert isinstance(found, Element)
    names = texts(found, "sNames")
    assert (len(names), names[0], names[-1]) == (26, "AddressBook", "{F8FBDC28-C265-4F0D-8B91-6E92913E19F6}")
    assert number(text(found, "ReturnValue")) == 0


def test_a_class_that_is_missing_on_a_real_host() -> None:
    """WinRb's test data of a 2008 R2: the reason stands in the provider's own fault."""
    question = Question("uuid:0CB1C49A-5054-4C12-AF30-FC60BE995DD9", "", "")
    found = parse(shared("wsman", "winrb-soap_fault_v2.xml").read_bytes(), question)
    assert found == Fault(
        2150858778, "CannotProcessFilter", "The specified class does not exist in the given namespace."
    )
    assert isinstance(found, Fault)
    assert found.answer() == ABSENT


def test_a_quota_that_is_used_up_on_a_real_host() -> None:
    """WinRb's test data: MSFT_WmiError, in an answer that names no question."""
    found = parse(shared("wsman", "winrb-wmi_error_v2.xml").read_bytes(), Question("uuid:any", "", ""))
    assert isinstance(found, Fault)
    assert (found.code, found.subcode) == (2150859173, "QuotaLimit")
    assert "maximum number of 30 concurrent shells" in found.message
    answer = found.answer()
    assert isinstance(answer, Unreadable)
    assert (answer.kind, answer.code) == ("failed", 2150859173)


#: MS-WSMV 4.1.4, "Invoking a Method", abridged to what is read.
CREATE = b"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>
 <a:RelatesTo>uuid:1</a:RelatesTo></s:Header><s:Body>
 <p:Create_OUTPUT xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Process">
 <p:ProcessId>596</p:ProcessId><p:ReturnValue>0</p:ReturnValue></p:Create_OUTPUT></s:Body></s:Envelope>"""


def test_the_example_of_the_specification() -> None:
    found = parse(CREATE, Question("uuid:1", "", "Create_OUTPUT"))
    assert isinstance(found, Element)
    assert number(text(found, "ProcessId")) == 596


def fault(detail: str, subcode: str = "w:InternalError") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Sender'
        f"</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text>A reason.</s:Text>"
        f"</s:Reason><s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>"
    ).encode()


WMI_ERROR = (
    '<p:MSFT_WmiError xmlns:p="{}"><p:error_Code>{}</p:error_Code><p:Message>Said.</p:Message></p:MSFT_WmiError>'
)


@pytest.mark.parametrize("code", [0x8004100E, 0x80041010, 0x80041002, 0x8033803B])
@pytest.mark.parametrize("namespace", ["http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError", "urn:other"])
def test_what_is_not_there(code: int, namespace: str) -> None:
    found = parse(fault(WMI_ERROR.format(namespace, code)), Question("", "", ""))
    assert isinstance(found, Fault)
    assert (found.code, found.message, found.answer()) == (code, "Said.", ABSENT)


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (fault("", "w:AccessDenied"), "denied", None),
        (fault('<f:WSManFault xmlns:f="urn:f" Code="5"/>'), "denied", 5),
        (fault(WMI_ERROR.format("urn:x", 0x80041003)), "denied", 0x80041003),
        (fault('<f:WSManFault xmlns:f="urn:f" Code="2150858793"/>'), "failed", 2150858793),
        (fault(""), "failed", None),
        (fault(WMI_ERROR.format("urn:x", "many")), "failed", None),
    ],
)
def test_refusals_and_failures(data: bytes, kind: str, code: int | None) -> None:
    found = parse(data, Question("", "", ""))
    assert isinstance(found, Fault)
    answer = found.answer()
    assert isinstance(answer, Unreadable)
    assert (answer.kind, answer.code) == (kind, code)
    assert answer.message


def test_questions_carry_what_was_asked() -> None:
    question = invoke("root/cimv2", "StdRegProv", "GetStringValue", {"sSubKeyName": "a & <b>", "x": [1, 2]})
    assert "<p:sSubKeyName>a &amp; &lt;b&gt;</p:sSubKeyName><p:x>1</p:x><p:x>2</p:x>" in question.envelope
    assert question.message_id in question.envelope
    assert '<w:Selector Name="Name">c:\\a&amp;b</w:Selector>' in get("root/cimv2", "C", {"Name": "c:\\a&b"}).envelope
    with pytest.raises(ValueError, match="cannot carry"):
        invoke("root/cimv2", "StdRegProv", "EnumKey", {"sSubKeyName": "\x00"})


@pytest.mark.parametrize(
    ("written", "found"),
    [("0", 0), (" 4294967295 ", 2**32 - 1), (str(2**64 - 1), 2**64 - 1), (str(2**64), None), ("-1", None), ("٣", None)],
)
def test_numbers(written: str, found: int | None) -> None:
    assert number(written) == found


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda inner: f"<a>{inner}</a>".encode("utf-8", "replace")))
def test_any_bytes_are_an_answer_or_a_clear_error(data: bytes) -> None:
    try:
        parse(data, ENUM_KEY)
    except BadAnswerError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is fine


@given(st.data())
def test_a_damaged_reply_is_never_another_answer(data: st.DataObject) -> None:
    """Bytes of a good reply are changed; what is still read is an element or a fault, and nothing else escapes."""
    place = data.draw(st.integers(0, len(CREATE) - 1))
    damaged = CREATE[:place] + data.draw(st.binary(max_size=6)) + CREATE[place + data.draw(st.integers(0, 9)) :]
    try:
        found = parse(damaged, Question("uuid:1", "", "Create_OUTPUT"))
    except BadAnswerError:
        return
    assert isinstance(found, (Element, Fault))
