# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a simulated Windows host: everything of Ansible is real, but PowerShell."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from ansible_fleet.host import AwayError, BrokenOffError, Host, call_of

DOCUMENTATION = """
name: simulated_windows
short_description: A Windows host that is a folder
description: Runs the modules that the collection needs on a simulated host.
author: pending-reboot maintainers
options:
  folder:
    description: The folder of the host.
    vars: [{name: simulated_folder}]
    required: true
    type: path
"""


_BROKEN_OFF = {"requests": "ConnectionError", "winrm": "WinRMTransportError", "pypsrp": "WSManFaultError"}


class Connection(ConnectionBase):  # type: ignore[misc]
    """Reaches the host of a folder."""

    transport = "simulated_windows"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    always_pipeline_modules = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)

    def _host(self) -> Host:
        return Host(Path(self.get_option("folder")))

    def _connect(self) -> Connection:
        self._reached(lambda host: host.check_there())
        self._connected = True
        return self

    def _reached(self, work: Any) -> Any:
        try:
            return work(self._host())
        except AwayError as error:
            raise AnsibleConnectionFailure(str(error)) from error
        except BrokenOffError as error:
            module = importlib.import_module(f"{error.library}.exceptions")
            raise getattr(module, _BROKEN_OFF[error.library])(*error.arguments) from error

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a module, or a command."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        call = call_of(in_data) if in_data else None
        if in_data and call is None:
            # From ansible-core 2.19 on, the folder for files that are copied is made by a script.
            return 0, rb"C:\Windows\Temp\ansible-tmp", b""
        if call:
            result = self._reached(lambda host: host.module(*call))
            return (1 if result.get("failed") else 0), json.dumps(result).encode(), b""
        code, out, err = self._reached(lambda host: host.command(cmd))
        return code, out.encode(), err.encode()

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file to the host."""
        self._reached(lambda host: host.put(Path(in_path), out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy nothing: no module of the collection fetches files."""
        raise AnsibleConnectionFailure("the simulated host gives no files")

    def reset(self) -> None:
        """Forget the connection."""
        self.close()

    def close(self) -> None:
        """Close it."""
        self._connected = False
