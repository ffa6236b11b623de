# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the action plugins: arguments, the two ways to read a host, and errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..pending_reboot import InputError, PendingRebootError
from ..pending_reboot.escape import printable
from ..pending_reboot.files import FileReader
from ..pending_reboot.local import LONGEST_WAIT
from ..pending_reboot.readers.probe import gather
from ..pending_reboot.readers.wsman import WsmanReader
from ..pending_reboot.text import encodable
from .connection import wsman_reader
from .plain import plain

T = TypeVar("T")

COLLECTION = "pending_reboot.windows"
#: Options of every plugin that reads a host.
READING: dict[str, Any] = {
    "reader": {"type": "str", "choices": ["powershell", "wsman"], "default": "powershell"},
    "timeout": {"type": "int", "default": 30},
}
#: Seconds that a host may take for everything, as a multiple of what one answer may take.
_DEADLINE = 4
#: What the connections winrm and psrp let through when a host goes away, or answers while it is still coming up.
_BROKEN_OFF = {
    "requests.exceptions": ("RequestException",),
    "winrm.exceptions": ("WinRMError", "WinRMTransportError", "WinRMOperationTimeoutError"),
    "pypsrp.exceptions": ("WinRMError",),
}


def broken_off() -> tuple[type[Exception], ...]:
    """Return the errors that say that a connection broke off, of those libraries that are in use."""
    loaded = {name: sys.modules[name] for name in _BROKEN_OFF if name in sys.modules}
    return tuple(getattr(module, each) for name, module in loaded.items() for each in _BROKEN_OFF[name])


class PendingRebootAction(ActionBase):  # type: ignore[misc]
    """An action plugin of this collection. A subclass has `ARGUMENTS` and `answer`."""

    #: As for `validate_argument_spec`.
    ARGUMENTS: ClassVar[dict[str, Any]] = {}

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the result of the task."""
        super().run(tmp, task_vars)
        self.task_vars: dict[str, Any] = task_vars or {}
        self.told: dict[str, list[Any]] = {"warnings": [], "deprecations": []}
        _result, arguments = self.validate_argument_spec(argument_spec=self.ARGUMENTS)
        try:
            result = {"changed": False, "failed": False, **self.answer(plain(arguments))}
        except PendingRebootError as error:
            # A result and no AnsibleActionFail, which until, retries and failed_when do not get to see.
            result = {"changed": False, "failed": True, "msg": printable(str(error))}
        return encodable(result | {name: list(told) for name, told in self.told.items() if told})

    def warn(self, text: str) -> None:
        """Tell the user something, once."""
        if text not in self.told["warnings"]:
            self.told["warnings"].append(text)

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the task gives, as plain JSON types."""
        raise NotImplementedError

    @property
    def host(self) -> str:
        """What the inventory calls the host."""
        return str(self.task_vars.get("inventory_hostname", ""))

    def read_host(self, arguments: Mapping[str, Any], work: Callable[[FileReader], T], **probe: Any) -> T:
        """Return what `work` makes of the host.

        Args:
            arguments: `reader` and `timeout` of the task.
            work: the rules; with the probe they run several times.
            probe: more options of the probe.
        """
        timeout = arguments["timeout"]
        if not 0 < timeout <= LONGEST_WAIT:
            raise InputError(f"{timeout} is no time to wait", where="timeout", hint=f"up to {LONGEST_WAIT} seconds")
        if arguments["reader"] == "powershell":
            return gather(lambda request: self.probe({**request, "timeout": timeout, **probe}), work)
        reader = self.wsman(timeout)
        result = work(reader)
        self._check_reached(reader)
        return result

    def wsman(self, timeout: float) -> WsmanReader:
        """Return a reader of the host that asks WMI over the connection's HTTP, without a process on the host."""
        return wsman_reader(self._connection, self.host, answer=timeout, deadline=_DEADLINE * timeout)

    def _check_reached(self, reader: WsmanReader) -> None:
        """End the task as unreachable when the host gave no answer at all; what it told before it was lost counts."""
        if reader.lost is None:
            return
        if reader.answered == 0:
            raise AnsibleConnectionFailure(printable(reader.lost.message))
        self.warn(f"the host was lost while it was read: {printable(reader.lost.message)}")

    def probe(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the probe answers.

        Raises:
            PendingRebootError: it could not be run.
        """
        return self.module("win_pending_reboot_probe", request)

    def module(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a PowerShell module of this collection on the host, through the connection, become and so on.

        Raises:
            PendingRebootError: it failed, or the host is no Windows.
            AnsibleConnectionFailure: the host cannot be reached.
        """
        if not getattr(self._connection._shell, "_IS_WINDOWS", False):
            raise PendingRebootError(
                f"this host is not reached as a Windows host (connection {self._connection.transport});"
                " over ssh, set ansible_shell_type to powershell or cmd"
            )
        full_name = f"{COLLECTION}.{name}"
        try:
            result = self._execute_module(module_name=full_name, module_args=dict(arguments), task_vars=self.task_vars)
        except Exception as error:  # which of them it can be is known only now
            if not isinstance(error, broken_off()):
                raise
            raise AnsibleConnectionFailure(f"the connection broke off ({type(error).__name__})") from error
        for kind, told in self.told.items():
            told.extend(each for each in result.get(kind) or () if each not in told)
        if result.get("unreachable"):
            raise AnsibleConnectionFailure(str(result.get("msg", "the host cannot be reached")))
        if result.get("failed") or result.get("skipped"):
            said = result.get("msg") or result.get("module_stderr") or "it told no reason"
            raise PendingRebootError(f"{full_name} failed: {' '.join(str(said).split())}")
        return dict(result)
