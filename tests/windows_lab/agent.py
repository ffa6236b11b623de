# SPDX-License-Identifier: Apache-2.0
"""The Linux end of `inside.agent`: sends commands to a Windows Python and waits for the answers, not for ever."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any

from .errors import LabError, LabTimeoutError, RemoteError

_START_TIMEOUT = 60


class Agent:
    """A Windows Python process that carries out commands, one after the other."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # An interrupt at the keyboard is for the tests, which then end this.
            start_new_session=True,
        )
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        #: What was printed last, for the message when it dies.
        self._printed: deque[str] = deque(maxlen=50)
        threading.Thread(target=self._read_answers, args=[self._process.stdout], daemon=True).start()
        threading.Thread(target=self._read_printed, args=[self._process.stderr], daemon=True).start()
        self._next_answer("the start of Windows Python", _START_TIMEOUT)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, command: str, arguments: Mapping[str, object], timeout: float) -> Any:
        """Return what the command returns; raises RemoteError for what it raises."""
        assert self._process.stdin is not None
        request = json.dumps({"command": command, "arguments": arguments})
        try:
            self._process.stdin.write(request.encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LabError(f"{command}: Windows Python has ended: {self._last_words()}") from error
        answer = self._next_answer(command, timeout)
        if "error" in answer:
            raise RemoteError(**answer["error"])
        return answer["result"]

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait(10)
        if self._process.stdin is not None:
            # What could not be sent any more is of no interest.
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _next_answer(self, what: str, timeout: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.end()
            raise LabTimeoutError(f"{what} takes longer than {timeout} s") from None
        if line is None:
            raise LabError(f"{what}: Windows Python has ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        return "\n".join(self._printed) or "it said nothing"

    def _read_answers(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._answers.put(line)
        self._answers.put(None)

    def _read_printed(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._printed.append(line.decode("utf-8", "replace").rstrip())
