# SPDX-License-Identifier: Apache-2.0
"""Carries out what the tests ask: one JSON object a line on stdin, one answer a line on stdout.

It stays alive for a whole boot, because starting a process takes longer than anything it is asked to do.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from . import registry, system, wua_state

COMMANDS: dict[str, Callable[..., Any]] = {
    "boot_time": system.boot_time,
    "create_key": registry.create_key,
    "delete_key": registry.delete_key,
    "delete_value": registry.delete_value,
    "move_file_delayed": system.move_file_delayed,
    "protect_key": registry.protect_key,
    "read_file": system.read_file,
    "read_key": registry.read_key,
    "remove": system.remove,
    "write_file": system.write_file,
    "write_wua_state": wua_state.write,
    "wua_calls": wua_state.calls,
}


def call_source(source: str, function: str, arguments: dict[str, object]) -> object:
    """Call the function that `source` defines."""
    # Annotations stay text: the names in them are imported where the source came from, not here.
    code = compile(source, "<lab.call>", "exec", annotations.compiler_flag, dont_inherit=True)
    namespace: dict[str, Any] = {"__name__": "lab_call"}
    exec(code, namespace)
    return plain(namespace[function](**arguments))


def call_name(function: str, arguments: dict[str, object]) -> object:
    """Call `module:function`."""
    module, _, name = function.partition(":")
    return plain(getattr(importlib.import_module(module), name)(**arguments))


def plain(result: Any) -> object:
    """Return what can be sent as JSON: the result itself, or what its `to_dict` says."""
    return result.to_dict() if hasattr(result, "to_dict") else result


COMMANDS["call_source"] = call_source
COMMANDS["call_name"] = call_name


def answer(line: bytes) -> str:
    """Carry out one command and return its answer as JSON."""
    try:
        request = json.loads(line)
        return json.dumps({"result": COMMANDS[request["command"]](**request["arguments"])})
    except Exception as error:
        failure = {
            "kind": type(error).__name__,
            "message": str(error),
            "code": error_code(error),
            "traceback": traceback.format_exc(),
        }
        return json.dumps({"error": failure})


def error_code(error: Exception) -> int | None:
    """Return the Win32 error of an OSError, or the HRESULT that a COM object answered with."""
    hresult: int | None = getattr(error, "hresult", None)
    if hresult is None:
        return getattr(error, "winerror", None)
    disp_e_exception = -2147352567
    details = getattr(error, "excepinfo", None)
    return (details[5] if hresult == disp_e_exception and details else hresult) & 0xFFFFFFFF


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other side closes its end."""
    answers.write(b'{"ready": true}\n')
    answers.flush()
    for line in requests:
        answers.write(answer(line).encode("ascii") + b"\n")
        answers.flush()


def main() -> None:
    """Keep stdout for the answers; whatever called code prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    wua_state.register()
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
