# SPDX-License-Identifier: Apache-2.0
"""Asking components of this machine through COM: the Windows Update Agent, and three WMI classes.

COM needs pywin32, which Salt ships; without it the answers are "unsupported". Every question runs in a thread of its
own and is given up after a time limit, because a COM server may hang: the thread is a daemon, so it cannot keep the
process alive either.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/wuapi/nn-wuapi-isysteminformation
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/swbemservices-execmethod
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..hresult import answer
from ..probes import CONFIGURATION_MANAGER, DESIRED_STATE, WINDOWS_UPDATE_AGENT, WINDOWS_UPDATE_SETTINGS
from ..registry import Absent, Unreadable

#: The updates that are installed and wait for the reboot. `RebootRequired` understands `=` only.
CULPRITS: Final = "IsInstalled=1 and DeploymentAction='Installation' and RebootRequired=1"

_DISP_E_EXCEPTION: Final = 0x80020009

Answer = Mapping[str, object] | Absent | Unreadable


def ask(probe: str, *, search: bool = False, timeout: float = 30) -> Answer:
    """Return what the component behind `probe` says.

    Args:
        probe: one of `probes`.
        search: search for the updates that wait as well (offline, but it takes seconds).
        timeout: seconds to wait for the answer.
    """
    questions: Mapping[str, Callable[[], Mapping[str, object]]] = {
        WINDOWS_UPDATE_AGENT: lambda: _agent(search),
        WINDOWS_UPDATE_SETTINGS: _settings,
        CONFIGURATION_MANAGER: _configuration_manager,
        DESIRED_STATE: _desired_state,
    }
    question = questions.get(probe)
    if question is None:
        return Unreadable("unsupported", None, f"this reader cannot ask for {probe}")
    return _bounded(question, timeout)


def _bounded(question: Callable[[], Mapping[str, object]], timeout: float) -> Answer:
    try:
        import pythoncom
    except ImportError:
        return Unreadable("unsupported", None, "COM cannot be asked: pywin32 is not installed")
    answers: list[Answer] = []

    def work() -> None:
        pythoncom.CoInitialize()
        try:
            answers.append(question())
        except pythoncom.com_error as error:
            answers.append(_failed(error))
        except (AttributeError, TypeError, ValueError) as error:  # the object is not what its name promises
            answers.append(Unreadable("failed", None, f"an unexpected answer: {error}"))
        finally:
            pythoncom.CoUninitialize()

    thread = threading.Thread(target=work, name="pending-reboot-com", daemon=True)
    thread.start()
    thread.join(timeout)
    if answers:
        return answers[0]
    if thread.is_alive():
        return Unreadable("failed", None, f"no answer within {timeout:g} seconds")
    return Unreadable("failed", None, "the question ended without an answer")


def _failed(error: Any) -> Absent | Unreadable:
    """Return the answer that a `pywintypes.com_error` is: (code, text, details or None, argument)."""
    code, text, details = int(error.args[0]), str(error.args[1] or ""), error.args[2]
    if code & 0xFFFFFFFF == _DISP_E_EXCEPTION and details and details[5]:
        code, text = int(details[5]), str(details[2] or "")
    return answer(code, text)


def _agent(search: bool) -> Mapping[str, object]:
    import pythoncom
    from win32com.client import Dispatch

    found: dict[str, object] = {"reboot_required": bool(Dispatch("Microsoft.Update.SystemInfo").RebootRequired)}
    if search:
        try:
            searcher = Dispatch("Microsoft.Update.Session").CreateUpdateSearcher()
            searcher.Online = False
            updates = searcher.Search(CULPRITS).Updates
            found["updates"] = [_update(updates.Item(index)) for index in range(updates.Count)]
        except pythoncom.com_error as error:
            failed = _failed(error)
            found["updates_error"] = failed.message if isinstance(failed, Unreadable) else "there is no update session"
    return found


def _update(update: Any) -> Mapping[str, object]:
    articles = update.KBArticleIDs
    return {
        "update_id": str(update.Identity.UpdateID),
        "kb": [f"KB{articles.Item(index)}" for index in range(articles.Count)],
        "title": str(update.Title),
    }


def _method(namespace: str, class_: str, method: str) -> Any:
    """Return the out-parameters of a static WMI method."""
    from win32com.client import Dispatch

    services = Dispatch("WbemScripting.SWbemLocator").ConnectServer(".", namespace)
    return services.Get(class_).ExecMethod_(method)


def _settings() -> Mapping[str, object]:
    out = _method(r"root\Microsoft\Windows\WindowsUpdate", "MSFT_WUSettings", "IsPendingReboot")
    return {"pending_reboot": bool(out.PendingReboot)}


def _configuration_manager() -> Mapping[str, object]:
    out = _method(r"root\ccm\ClientSDK", "CCM_ClientUtilities", "DetermineIfRebootPending")
    return {
        "return_value": int(out.ReturnValue),
        "reboot_pending": bool(out.RebootPending),
        "hard_reboot_pending": bool(out.IsHardRebootPending),
    }


def _desired_state() -> Mapping[str, object]:
    out = _method(
        r"root\Microsoft\Windows\DesiredStateConfiguration",
        "MSFT_DSCLocalConfigurationManager",
        "GetMetaConfiguration",
    )
    return {"lcm_state": str(out.MetaConfiguration.LCMState)}
