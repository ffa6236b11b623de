# SPDX-License-Identifier: Apache-2.0
"""Carrying WS-Management messages to hosts, with the client libraries that do authentication: pypsrp, or pywinrm.

One carrier belongs to one host and one thread: both libraries bind a sealed session to one TCP connection. A connection
that broke is made anew and the question asked once more, which is safe because only reads are repeated.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .core import Carrier, CarrierError, InputError
from .target import Target


class _Session:
    """Sends through a library's own session; makes a new one and asks once more when the connection broke."""

    def __init__(self, target: Target, open_session: Callable[[Target], Callable[[str], bytes]]) -> None:
        self._target = target
        self._open = open_session
        self._send: Callable[[str], bytes] | None = None

    def send(self, envelope: str) -> bytes:
        """Return the answer; see `wsman.Carrier`."""
        for last in (self._send is None, True):
            try:
                with _errors(self._target):
                    if self._send is None:
                        self._send = self._open(self._target)
                    return self._send(envelope)
            except _BrokenError as error:
                self._send = None
                if last:
                    raise CarrierError("failed", f"{self._target.address}:{self._target.port} {error}") from error
        raise AssertionError


class _BrokenError(Exception):
    """The connection is of no use any more."""


def _pypsrp(target: Target) -> Callable[[str], bytes]:
    wsman = _library("pypsrp.wsman", "pypsrp")
    exceptions = importlib.import_module("pypsrp.exceptions")
    options: dict[str, Any] = {
        "port": target.port,
        "username": target.username,
        "password": target.password,
        "ssl": target.tls,
        "auth": target.auth,
        "cert_validation": target.verify,
        "connection_timeout": target.connect_timeout,
        "read_timeout": target.read_timeout,
        "no_proxy": True,
    }
    if target.auth == "certificate":
        options |= {"certificate_pem": target.certificate, "certificate_key_pem": target.certificate_key}
    # The client's own invoke() throws away what a fault says.
    transport = wsman.WSMan(target.address, **options).transport

    transport.session = _bounded(transport._build_session(), target)

    def send(envelope: str) -> bytes:
        try:
            answer: bytes = transport.send(envelope.encode())
            return answer
        except exceptions.AuthenticationError as error:
            raise CarrierError("denied", "the credentials were rejected") from error
        except exceptions.WinRMTransportError as error:
            return _fault(error.code, error.response_text)

    return send


def _pywinrm(target: Target) -> Callable[[str], bytes]:
    protocol = _library("winrm.protocol", "pywinrm")
    exceptions = importlib.import_module("winrm.exceptions")
    options: dict[str, Any] = {
        "endpoint": f"{'https' if target.tls else 'http'}://{_bracketed(target.address)}:{target.port}/wsman",
        "transport": {"negotiate": "ntlm"}.get(target.auth, target.auth),
        "username": target.username,
        "password": target.password,
        "server_cert_validation": "validate" if target.verify else "ignore",
        "read_timeout_sec": target.read_timeout,
        "operation_timeout_sec": target.read_timeout / 2,  # it insists on less than the other, and sends neither
        "ca_trust_path": _authorities(target),
        "proxy": None,
    }
    if target.auth == "certificate":
        options |= {"cert_pem": target.certificate, "cert_key_pem": target.certificate_key}
    transport = protocol.Protocol(**options).transport
    build, authenticate = transport.build_session, transport.setup_encryption
    # The new session has to be bounded before anything is sent, which without TLS the authentication does first.
    if target.tls:
        transport.build_session = lambda: _bounded(build(), target)
    else:
        transport.setup_encryption = lambda session: authenticate(_bounded(session, target))

    def send(envelope: str) -> bytes:
        try:
            answer: bytes = transport.send_message(envelope)
            return answer
        except exceptions.InvalidCredentialsError as error:
            raise CarrierError("denied", "the credentials were rejected") from error
        except exceptions.WinRMTransportError as error:
            return _fault(error.code, error.response_text)

    return send


def _bounded(session: Any, target: Target) -> Any:
    from .bounded_http import BoundedAdapter

    session.mount("https://" if target.tls else "http://", BoundedAdapter(target.read_timeout))
    return session


def _authorities(target: Target) -> str:
    """Return the file of authorities; pywinrm warns when it has to find that out itself."""
    if isinstance(target.verify, str):
        return target.verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or str(_library("requests.certs", "requests").where())


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"{package} is not installed", hint=f"pip install {package}") from error


def _fault(status: int, body: str) -> bytes:
    """Return the envelope that came with an HTTP error; an error without one is a broken connection."""
    if status == 500 and body:
        return body.encode() if isinstance(body, str) else body
    if status in (401, 403):
        raise CarrierError("denied", f"the credentials were rejected (HTTP status {status})", status)
    raise _BrokenError(f"answered with HTTP status {status}")


@contextlib.contextmanager
def _errors(target: Target) -> Iterator[None]:
    """Turn what the libraries below raise into one line; their texts may hold addresses, never credentials."""
    import requests
    from spnego.exceptions import SpnegoError

    from .bounded_http import UnfitAnswerError

    place = f"{target.address}:{target.port}"
    try:
        yield
    except (CarrierError, InputError, _BrokenError):
        raise
    except UnfitAnswerError as error:
        raise CarrierError("failed", f"{place} {error}") from error
    except requests.exceptions.SSLError as error:
        untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        why = "the certificate cannot be verified" if untrusted else "does not speak TLS, or broke the handshake off"
        raise CarrierError("failed", f"{place}: {why}") from error
    except requests.exceptions.ConnectTimeout as error:
        raise CarrierError("failed", f"{place} cannot be reached: no answer") from error
    except requests.exceptions.Timeout as error:
        raise CarrierError("failed", f"{place} gave no answer within {target.read_timeout:g} seconds") from error
    except requests.exceptions.ConnectionError as error:
        raise _BrokenError(_why(error)) from error
    except SpnegoError as error:
        raise CarrierError("denied", f"{place}: there are no credentials for {target.auth}") from error
    except ImportError as error:
        raise CarrierError("failed", f"{target.auth} needs a library that is not installed: {error}") from error
    except Exception as error:  # the libraries raise whatever their own parts do; no host may end a scan
        if type(error).__name__ == "InvalidCredentialsError":  # pywinrm's, when it is given none
            raise CarrierError("denied", f"{place}: there are no credentials for {target.auth}") from error
        raise _BrokenError(f"gave what is no answer ({type(error).__name__})") from error


def _why(error: Exception) -> str:
    text = str(error)
    for mark, words in _REASONS.items():
        if mark in text:
            return words
    return "broke the connection off"


_REASONS: Final[Mapping[str, str]] = {
    "Connection refused": "refuses connections",
    "Name or service not known": "is no host name that can be resolved",
    "getaddrinfo failed": "is no host name that can be resolved",
    "No route to host": "cannot be reached: no route",
}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


#: Client libraries, the preferred one first.
BACKENDS: Final[Mapping[str, Callable[[Target], Callable[[str], bytes]]]] = {"pypsrp": _pypsrp, "pywinrm": _pywinrm}


def carrier(target: Target, backend: str = "pypsrp") -> Carrier:
    """Return the carrier to a host. Nothing is sent yet.

    Raises:
        InputError: the target cannot be used, or the library is not installed.
    """
    target.check()
    return _Session(target, BACKENDS[backend])


class Deadline:
    """A carrier that carries nothing after its time. Satisfies `wsman.Carrier`."""

    def __init__(self, inner: Carrier, seconds: float) -> None:
        """Carry by `inner` for so many seconds."""
        self._inner = inner
        self._ends = time.monotonic() + seconds
        self._seconds = seconds

    def send(self, envelope: str) -> bytes:
        """Return the answer."""
        if time.monotonic() >= self._ends:
            raise CarrierError("failed", f"did not answer everything within {self._seconds:g} seconds")
        return self._inner.send(envelope)
