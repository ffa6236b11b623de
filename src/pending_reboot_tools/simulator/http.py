# SPDX-License-Identifier: Apache-2.0
"""WS-Management's HTTP, from the server's side: authentication, sealed messages, keep-alive.

NTLM (bare, or inside of SPNEGO) is pyspnego's acceptor; a connection stays authenticated as on Windows, and messages on
plain HTTP must be sealed. Basic is there when it is allowed, which Windows does not do by default either.

References:
    https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-wsmv/58421e8f-4bf1-4e8b-b1a7-f8b9d9b1e0d6
    (encrypted message types)
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import h11
import spnego
from spnego.exceptions import SpnegoError

_BOUNDARY: Final = b"--Encrypted Boundary"
_PROTOCOL: Final = b"application/HTTP-SPNEGO-session-encrypted"
_SEALED: Final = (
    'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
)
_PLAIN: Final = "application/soap+xml;charset=UTF-8"
_LENGTH: Final = re.compile(rb"Length=(\d{1,9})")
#: Bytes that one message may have.
_LARGEST: Final = 1 << 20


class Account(NamedTuple):
    """Who may ask, and how."""

    username: str
    password: str
    #: Accept Basic, and messages that are not sealed.
    basic: bool = False


#: Answers an envelope with an HTTP status and an envelope; None closes the connection without an answer.
Handler = Callable[[bytes], Awaitable["tuple[int, bytes] | None"]]


class UnsealError(Exception):
    """A message is not what its seal promises."""


class Connection:
    """One connection of a client."""

    def __init__(self, account: Account, handler: Handler) -> None:
        """Serve those who prove to be `account`; `handler` answers them."""
        self._account = account
        self._handler = handler
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._context: Any = None
        self._authenticated = False

    async def serve(self, reader: Any, writer: Any) -> None:
        """Answer requests until the client goes, or one cannot be answered."""
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            while True:
                request = await self._request(reader)
                if request is None:
                    return
                answer = await self._answer(*request)
                if answer is None:
                    return
                writer.write(self._response(*answer))
                await writer.drain()
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    return
                self._http.start_next_cycle()

    async def _request(self, reader: Any) -> tuple[dict[str, str], bytes] | None:
        headers: dict[str, str] | None = None
        body = b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _LARGEST:
                    return None
            elif isinstance(event, h11.EndOfMessage) and headers is not None:
                return headers, body
            else:
                return None

    def _response(self, status: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
        fields = [*headers, ("Server", "Microsoft-HTTPAPI/2.0"), ("Content-Length", str(len(body)))]
        parts = (h11.Response(status_code=status, headers=fields), h11.Data(data=body), h11.EndOfMessage())
        return b"".join(self._http.send(part) or b"" for part in parts)

    async def _answer(self, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        more: list[tuple[str, str]] = []
        if scheme.lower() in ("negotiate", "ntlm") and token:
            reply = self._step(token)
            if reply is None:
                return self._refused()
            if reply:
                more = [("WWW-Authenticate", f"{scheme} {reply}")]
            if not self._authenticated:
                return 401, more, b""
        elif scheme.lower() == "basic" and self._account.basic:
            self._authenticated = self._basic(token)
        if not self._authenticated:
            return self._refused()
        if not body:
            return 200, [*more, ("Content-Type", _PLAIN)], b""
        return await self._message(headers.get("content-type", ""), body, more)

    async def _message(
        self, kind: str, body: bytes, more: list[tuple[str, str]]
    ) -> tuple[int, list[tuple[str, str]], bytes] | None:
        sealed = kind.lower().startswith("multipart/encrypted")
        if not sealed and not self._account.basic:
            return 500, more, b""  # as a Windows with AllowUnencrypted=false
        try:
            message = self._unseal(body) if sealed else body
        except (UnsealError, SpnegoError):
            return 400, [], b""
        answer = await self._handler(message)
        if answer is None:
            return None
        status, envelope = answer
        if not sealed:
            return status, [*more, ("Content-Type", _PLAIN)], envelope
        return status, [*more, ("Content-Type", _SEALED)], self._seal(envelope)

    def _refused(self) -> tuple[int, list[tuple[str, str]], bytes]:
        self._context, self._authenticated = None, False
        schemes = ["Negotiate", "NTLM", *(['Basic realm="WSMAN"'] if self._account.basic else [])]
        return 401, [("WWW-Authenticate", scheme) for scheme in schemes], b""

    def _step(self, token: str) -> str | None:
        """Return the next token for the client, None when it is refused."""
        try:
            given = base64.b64decode(token, validate=True)
            if self._context is None or self._context.complete:
                bare = given.startswith(b"NTLMSSP\0")
                self._context = spnego.server(protocol="ntlm" if bare else "negotiate")
                self._authenticated = False
            reply = self._context.step(given)
        except (SpnegoError, binascii.Error, ValueError):
            return None
        self._authenticated = bool(self._context.complete)
        return base64.b64encode(reply).decode("ascii") if reply else ""

    def _basic(self, token: str) -> bool:
        try:
            given = base64.b64decode(token, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self._account.username}:{self._account.password}".encode())

    def _unseal(self, body: bytes) -> bytes:
        head, separator, rest = body.partition(b"Content-Type: application/octet-stream\r\n")
        length = _LENGTH.search(head)
        payload, end, _ = rest.rpartition(_BOUNDARY + b"--")
        if not separator or not length or not end or len(payload) < 4 or self._context is None:
            raise UnsealError
        size = int.from_bytes(payload[:4], "little")
        message: bytes = self._context.unwrap_winrm(payload[4 : 4 + size], payload[4 + size :])
        if len(message) != int(length[1]):
            raise UnsealError
        return message

    def _seal(self, message: bytes) -> bytes:
        wrapped = self._context.wrap_winrm(message)
        length = len(message) + wrapped.padding_length
        return b"".join(
            (
                _BOUNDARY,
                b"\r\n\tContent-Type: ",
                _PROTOCOL,
                b"\r\n\tOriginalContent: type=",
                _PLAIN.encode(),
                b";Length=%d\r\n" % length,
                _BOUNDARY,
                b"\r\n\tContent-Type: application/octet-stream\r\n",
                len(wrapped.header).to_bytes(4, "little"),
                wrapped.header,
                wrapped.data,
                _BOUNDARY,
                b"--\r\n",
            )
        )
