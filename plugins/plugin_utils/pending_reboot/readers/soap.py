# SPDX-License-Identifier: Apache-2.0
"""WS-Management messages: questions to WMI classes as text, and answers taken apart, whoever carries them.

What comes from a host is hostile until it is read: no document types (so no entities), a limit for its size, its depth
and the number of its elements. An empty element, a self-closed one and `xsi:nil` are all the empty string, because
dropping them would pair the strings of a list wrongly.

References:
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-wsmv/31bb000a-32c1-4981-8a09-245c5eabe171
    https://www.dmtf.org/sites/default/files/standards/documents/DSP0226_1.2.0.pdf
    https://learn.microsoft.com/en-us/windows/win32/winrm/windows-remote-management-glossary
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from ..hresult import DENIED, NOT_THERE
from ..registry import ABSENT, Absent, Unreadable

#: Bytes; more than any server sends (its own limit is 512 KB).
LARGEST: Final = 2 * 1024 * 1024
_DEEPEST: Final = 64
_MOST_ELEMENTS: Final = 200_000

_WMI: Final = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_GET: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
#: Seconds that the host may take for one answer.
OPERATION_TIMEOUT: Final = 20

_ENVELOPE: Final = (
    f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
    "<a:To>http://windows-host:5985/wsman</a:To>"
    f'<a:ReplyTo><a:Address s:mustUnderstand="true">{_ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>'
    '<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>'
    "<a:MessageID>{message_id}</a:MessageID>"
    '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>'
    f"<w:OperationTimeout>PT{OPERATION_TIMEOUT}S</w:OperationTimeout>"
    '<w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>'
    '<a:Action s:mustUnderstand="true">{action}</a:Action>{selectors}</s:Header>'
    "<s:Body>{body}</s:Body></s:Envelope>"
)
#: What XML cannot carry, escaped or not.
_UNSENDABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ACCESS_DENIED: Final = frozenset({5, *DENIED})
#: The resource URI is not in the catalog: this WS-Management reaches no such thing.
_NO_RESOURCE: Final = 0x8033803B
#: Older systems give this code to a class that is missing, and say so in words only.
_CANNOT_PROCESS_FILTER: Final = 0x8033801A
_CLASS_MISSING: Final = re.compile(r"invalid class|class does not exist|invalid namespace", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d{1,20}", re.ASCII)


class Question(NamedTuple):
    """One request."""

    message_id: str
    envelope: str
    #: Local name of the element that answers it, an empty string for any.
    answer: str


class Fault(NamedTuple):
    """What a host says when it does not answer."""

    code: int | None
    subcode: str
    message: str

    def answer(self) -> Absent | Unreadable:
        """Return what it means: not there, denied or failed."""
        code = self.code
        if self.subcode == "AccessDenied" or code in _ACCESS_DENIED:
            return Unreadable("denied", code, "access is denied")
        unsaid = code is None or code == _CANNOT_PROCESS_FILTER
        if code in NOT_THERE or code == _NO_RESOURCE or (unsaid and _CLASS_MISSING.search(self.message)):
            return ABSENT
        return Unreadable("failed", code, self.message or self.subcode or "the host gave a fault without a reason")


class BadAnswerError(Exception):
    """What came back is no answer to the question. The message is one line."""


def invoke(namespace: str, class_: str, method: str, arguments: Mapping[str, object] | None = None) -> Question:
    """Return the call of a static method of a WMI class; a list among `arguments` is sent as a repeated element.

    Raises:
        ValueError: an argument holds characters that XML cannot carry.
    """
    uri = f"{_WMI}{namespace}/{class_}"
    inner = "".join(
        f"<p:{name}>{_text(each)}</p:{name}>"
        for name, value in (arguments or {}).items()
        for each in (value if isinstance(value, (list, tuple)) else [value])
    )
    body = f'<p:{method}_INPUT xmlns:p="{escape(uri)}">{inner}</p:{method}_INPUT>'
    return _question(uri, f"{uri}/{method}", body, {}, f"{method}_OUTPUT")


def get(namespace: str, class_: str, selectors: Mapping[str, str] | None = None) -> Question:
    """Return the question for one instance of a WMI class; the only one there is needs no selectors.

    Raises:
        ValueError: a selector holds characters that XML cannot carry.
    """
    return _question(f"{_WMI}{namespace}/{class_}", _GET, "", selectors or {}, class_)


def _question(uri: str, action: str, body: str, selectors: Mapping[str, str], answer: str) -> Question:
    message_id = f"uuid:{uuid.uuid4()}".upper().replace("UUID", "uuid")
    chosen = "".join(
        f"<w:Selector Name={quoteattr(name)}>{_text(value)}</w:Selector>" for name, value in selectors.items()
    )
    text = _ENVELOPE.format(
        message_id=message_id,
        uri=escape(uri),
        action=escape(action),
        selectors=f"<w:SelectorSet>{chosen}</w:SelectorSet>" if chosen else "",
        body=body,
    )
    return Question(message_id, text, answer)


def _text(value: object) -> str:
    text = str(value)
    if _UNSENDABLE.search(text):
        raise ValueError(f"{text!r} holds characters that WS-Management cannot carry")
    return escape(text)


def parse(data: bytes, question: Question) -> Element | Fault:
    """Return the element that answers `question`, or the fault in its place.

    Raises:
        BadAnswerError: it is no answer: no XML, no envelope, too large, another question's, or hostile.
    """
    envelope = tree(data)
    if envelope.tag != f"{{{_SOAP}}}Envelope":
        raise BadAnswerError("the answer is no SOAP envelope")
    header, body = (envelope.find(f"{{{_SOAP}}}{name}") for name in ("Header", "Body"))
    content = body[0] if body is not None and len(body) else None
    if content is None:
        raise BadAnswerError("the answer's body is empty")
    relates = None if header is None else header.find(f"{{{_ADDRESSING}}}RelatesTo")
    fault = content.tag == f"{{{_SOAP}}}Fault"
    related = (relates.text or "").strip().lower() if relates is not None else ""
    # Faults of the service itself name no question.
    if relates is not None and related != question.message_id.lower() and not (fault and not related):
        raise BadAnswerError("the answer is to another question")
    if fault:
        return _fault(content)
    if question.answer and local(content) != question.answer:
        raise BadAnswerError(f"the answer holds {local(content)[:80]!r} in place of {question.answer}")
    return content


def local(element: Element) -> str:
    """Return an element's name without its namespace, which differs between versions of Windows."""
    return element.tag.rpartition("}")[2]


def texts(element: Element, name: str) -> list[str]:
    """Return the texts of all children of that name, in order; an empty one is the empty string."""
    return [_content(child) for child in element if local(child) == name]


def text(element: Element, name: str) -> str | None:
    """Return the text of the first child of that name, None when there is none."""
    return next(iter(texts(element, name)), None)


def number(written: str | None) -> int | None:
    """Return a number as hosts write it: unsigned, up to 64 bits; None when it is none."""
    written = (written or "").strip()
    if not _NUMBER.fullmatch(written) or int(written) >= 2**64:
        return None
    return int(written)


def find(element: Element, name: str) -> str | None:
    """Return the text of the first descendant of that name, None when there is none."""
    return next((_content(each) for each in element.iter() if local(each) == name), None)


def _content(element: Element) -> str:
    # A date stands in an element of its own (cim:Datetime).
    return "".join(element.itertext()) if len(element) else element.text or ""


def _fault(fault: Element) -> Fault:
    """Return what a fault says; providers put the real reason in a detail of their own."""
    code = number(find(fault, "error_Code"))
    for each in fault.iter():
        if local(each) == "WSManFault" and code is None:
            code = number(each.get("Code"))
    values = [_content(each) for each in fault.iter() if local(each) == "Value"]
    subcode = values[-1].rpartition(":")[2] if len(values) > 1 else ""
    messages = [find(fault, "Message") if code is None or _wmi_error(fault) else _provider(fault), find(fault, "Text")]
    said = next((" ".join(message.split()) for message in messages if message and message.strip()), "")
    return Fault(code, subcode, said[:500])


def _wmi_error(fault: Element) -> bool:
    return any(local(each) == "MSFT_WmiError" for each in fault.iter())


def _provider(fault: Element) -> str | None:
    inner = [each for each in fault.iter() if local(each) == "Message"]
    return _content(inner[-1]) if inner else None


def tree(data: bytes) -> Element:
    """Return the root element of a message.

    Raises:
        BadAnswerError: it is no XML, too large, or hostile.
    """
    if len(data) > LARGEST:
        raise BadAnswerError(f"the answer has {len(data)} bytes, more than {LARGEST}")
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise BadAnswerError("the answer is nested too deeply or has too many elements")
        builder.start("{" + tag if "}" in tag else tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end("{" + tag if "}" in tag else tag)

    def refuse(*_declaration: object) -> None:
        raise BadAnswerError("the answer declares a document type, which no WS-Management message does")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ValueError, AssertionError) as error:
        raise BadAnswerError(f"the answer is no XML: {error}") from error


def listed_numbers(element: Element, name: str) -> Sequence[int]:
    """Return the numbers of all children of that name.

    Raises:
        BadAnswerError: one of them is no number.
    """
    found = [number(each) for each in texts(element, name)]
    if None in found:
        raise BadAnswerError(f"{name} holds what is no number")
    return [each for each in found if each is not None]
