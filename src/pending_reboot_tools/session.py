# SPDX-License-Identifier: Apache-2.0
"""What was said over WS-Management, recorded from a real host without its secrets, and played again in tests.

Credentials are in no message: they are HTTP's. Names of the host, of accounts and of users' folders are replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pending_reboot import InputError, __version__
from pending_reboot.readers.wsman import Carrier, CarrierError

#: The version of this format.
FORMAT: Final = 1

_MESSAGE_ID: Final = re.compile(r"(<(?:\w+:)?MessageID[^>]*>)[^<]*")
_RELATES_TO: Final = re.compile(r"(<(?:\w+:)?RelatesTo[^>]*>)[^<]*")
_SID: Final = re.compile(r"S-1-5-21(?:-\d+){3}")
_PROFILE: Final = re.compile(r"(\\(?:Users|Documents and Settings)\\)([^\\<]+)", re.IGNORECASE)
_SERVER: Final = re.compile(r"(\\UNC\\)([^\\<]+)", re.IGNORECASE)
#: Registry values that hold the computer's names.
_NAME_VALUES: Final = ("ComputerName", "Hostname", "NV Hostname")
_VALUE: Final = re.compile(r"<(?:\w+:)?sValue>([^<]+)<")
_PUBLIC: Final = frozenset({"public", "default", "default user", "all users"})
_NAMES: Final = re.compile(r"<(?:\w+:)?(CSName|Hostname|RegisteredUser|Organization|SerialNumber)>([^<]+)<")


class Recorder:
    """Carries messages and keeps them. Satisfies `wsman.Carrier`."""

    def __init__(self, inner: Carrier) -> None:
        """Carry by `inner`."""
        self._inner = inner
        self.exchanges: list[dict[str, str]] = []

    def send(self, envelope: str) -> bytes:
        """Return the answer."""
        try:
            reply = self._inner.send(envelope)
        except CarrierError as error:
            self.exchanges.append({"request": envelope, "failure": str(error)})
            raise
        self.exchanges.append({"request": envelope, "reply": reply.decode("utf-8", "backslashreplace")})
        return reply

    def session(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Return what was said, without secrets; `names` are words to replace, such as the host's."""
        words = dict(names)
        for exchange in self.exchanges:
            reply = exchange.get("reply", "")
            for match in _NAMES.finditer(reply):
                words.setdefault(match[2], match[1].upper())
            if any(f"sValueName>{name}<" in exchange["request"] for name in _NAME_VALUES):
                for match in _VALUE.finditer(reply):
                    words.setdefault(match[1], "COMPUTER")
        cleaned = [{kind: _cleaned(text, words) for kind, text in exchange.items()} for exchange in self.exchanges]
        return {"session": FORMAT, "version": __version__, "exchanges": cleaned}


def _cleaned(text: str, words: Mapping[str, str]) -> str:
    text = _SID.sub("S-1-5-21-0-0-0", text)
    text = _PROFILE.sub(lambda match: match[0] if match[2].lower() in _PUBLIC else f"{match[1]}USER", text)
    text = _SERVER.sub(r"\1SERVER", text)
    for word, other in sorted(words.items(), key=lambda item: -len(item[0])):
        if word:
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", other, text, flags=re.IGNORECASE)
    return text


class Replay:
    """Answers as a recorded host did. Satisfies `wsman.Carrier`."""

    def __init__(self, session: object, where: str = "session") -> None:
        """Play `session`, as `Recorder.session` made it.

        Raises:
            InputError: it is no session.
        """
        exchanges = session.get("exchanges") if isinstance(session, Mapping) else None
        if not isinstance(session, Mapping) or session.get("session") != FORMAT or not isinstance(exchanges, list):
            raise InputError("is no recorded session", where=where)
        self._replies = {_asked(each["request"]): each for each in exchanges}

    def send(self, envelope: str) -> bytes:
        """Return the recorded answer; a question that was not recorded has none."""
        exchange = self._replies.get(_asked(envelope))
        if exchange is None:
            raise CarrierError("failed", "this question is not in the recorded session")
        if "reply" not in exchange:
            raise CarrierError("failed", str(exchange["failure"]))
        message_id = re.search(r"MessageID>([^<]*)<", envelope)
        assert message_id is not None
        return _RELATES_TO.sub(lambda match: match[1] + message_id[1], str(exchange["reply"])).encode()


def _asked(envelope: str) -> str:
    return _MESSAGE_ID.sub(r"\1", envelope)


def to_json(session: Mapping[str, Any]) -> str:
    """Return the session as text that people can read through before they send it to anybody."""
    return json.dumps(session, indent=1)
