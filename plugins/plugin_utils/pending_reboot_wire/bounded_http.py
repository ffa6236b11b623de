# SPDX-License-Identifier: Apache-2.0
"""HTTP for talking to hosts that may be hostile: bounded answers, bounded time, no redirects, nothing unpacked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .core import LARGEST

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ReadTimeout, RequestException
except ImportError:
    # ansible-test imports every file without third-party libraries. Here, whoever has a client library has requests.
    HTTPAdapter = object  # type: ignore[misc, assignment]
    ReadTimeout = RequestException = Exception  # type: ignore[misc, assignment]


class UnfitAnswerError(RequestException):
    """The host answered with what is not taken. The message is what it did, in words."""


class BoundedAdapter(HTTPAdapter):
    """Reads answers within limits that no host can stretch."""

    def __init__(self, seconds: float) -> None:
        """Give one answer so many seconds, however slowly it drips."""
        self._seconds = seconds
        super().__init__()

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        """Return the answer; its body is read when somebody asks for it, after those who authenticate saw it."""
        ends = time.monotonic() + self._seconds
        request.headers["Accept-Encoding"] = "identity"
        response: requests.Response = super().send(request, *args, **options)
        if 300 <= response.status_code < 400:
            response.close()
            raise UnfitAnswerError("answered with a redirect, which is not followed")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()
            raise UnfitAnswerError("answered in an encoding that it was not asked for")

        raw = response.raw  # and not the response, which would hold itself until the next garbage collection

        def body(*_args: Any, **_options: Any) -> Iterator[bytes]:
            yield _body(raw, ends)

        response.iter_content = body  # type: ignore[method-assign]
        return response


def _body(raw: Any, ends: float) -> bytes:
    found = bytearray()
    while part := raw.read1(65536):
        found += part
        if len(found) > LARGEST:
            raw.close()
            raise UnfitAnswerError(f"sent more than {LARGEST} bytes")
        if time.monotonic() > ends:
            raw.close()
            raise ReadTimeout("the answer is not complete in time")
    raw.release_conn()
    return bytes(found)
