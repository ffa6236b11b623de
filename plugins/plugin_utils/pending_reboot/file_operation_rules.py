# SPDX-License-Identifier: Apache-2.0
"""Whether a reboot completes something by a pending file operation: the rules, one table.

*significant*: a file is put in place at the next boot, or the entry is the leftover of a file that was replaced while
in use, so what runs now is not what is on disk. *advisory*: only clean-up; something will happen at the next boot,
but nothing waits for it.

Each row says where it looks, what it decides, why, and who says so. The first row that fits decides. Where no row
explains an entry: what lies under SystemRoot is significant, elsewhere a delete is advisory and a file put in place is
significant. Missing a needed reboot after a manual patch is worse than one false alarm.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw
    https://devblogs.microsoft.com/oldnewthing/20151203-00/ (the queue has no owner and no clean-up)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, Literal, NamedTuple

#: What happens to the path a rule looks at: a file is put there, or it is removed.
Effect = Literal["put", "remove"]


class Rule(NamedTuple):
    """One row: paths that fit `where` (a regular expression on the whole lower-case path) get this weight."""

    weight: Literal["significant", "advisory"]
    category: str
    where: str
    reason: str
    reference: str


# In the patterns: %windir% stands for SystemRoot on any drive, <any> for the rest of a path, <name> for one path part.
_TEMPORARY: Final = Rule(
    "advisory",
    "temporary",
    r"(<any>\\)?(temp|tmp|systemtemp|cbstemp|inetcache|temporary internet files|temporary asp\.net files)(\\<any>)?",
    "clean-up of a temporary folder",
    "https://github.com/chocolatey/choco/issues/1768",
)

_CACHE: Final = Rule(
    "advisory",
    "cache",
    r"%windir%\\appcompat\\programs\\<any>|<any>\\amcache\.hve(\.\w+)*",
    "a cache that Windows writes anew (application compatibility)",
    "https://github.com/flcdrg/au-packages/issues/28",
)

#: A file is put in place: the path is the target.
PUT: Final[tuple[Rule, ...]] = (
    _CACHE,
    Rule(
        "significant",
        "driver",
        r"%windir%\\system32\\drivers\\<any>|<any>\.sys",
        "a driver is put in place at the next boot",
        "https://github.com/GiovanniDicanio/WinReg/issues/39",
    ),
    Rule(
        "significant",
        "servicing",
        r"%windir%\\winsxs\\<any>",
        "a component is put in place at the next boot",
        "https://learn.microsoft.com/en-us/windows-hardware/manufacture/desktop/manage-the-component-store",
    ),
    Rule(
        "significant",
        "printer",
        r"%windir%\\system32\\spool\\<any>",
        "a file of a print driver is put in place at the next boot",
        "https://github.com/bcurran3/ChocolateyPackages_CCR/issues/231",
    ),
    Rule(
        "significant",
        "system",
        r"%windir%(\\<any>)?",
        "a file of Windows is put in place at the next boot",
        "https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw",
    ),
    Rule(
        "significant",
        "application",
        r"<any>",
        "a file is put in place at the next boot",
        "https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw",
    ),
)

#: A file goes away: the path is the one that is deleted, or moved into a temporary folder.
REMOVE: Final[tuple[Rule, ...]] = (
    Rule(
        "significant",
        "servicing",
        r"%windir%\\winsxs\\temp\\<any>|(<any>\\)?\$\$deleteme\.<name>",
        "the old copy of a component that was serviced while in use",
        "https://learn.microsoft.com/en-us/windows-hardware/manufacture/desktop/manage-the-component-store",
    ),
    Rule(
        "significant",
        "windows_installer",
        r"<any>\\config\.msi\\<name>\.rbf",
        "the old copy of a file that Windows Installer replaced while it was in use",
        "https://learn.microsoft.com/en-us/windows/win32/msi/rollback-installation",
    ),
    _TEMPORARY,
    _CACHE,
    Rule(
        "advisory",
        "cache",
        r"%windir%\\(prefetch|softwaredistribution|installer|logs|minidump|livekernelreports|ccmcache|ccmsetup)(\\<any>)?"
        r"|%windir%\\system32\\(catroot2|spool\\v4dirs|spool\\servers|spool\\printers)(\\<any>)?"
        r"|%windir%\\assembly\\nativeimages_<any>|<any>\\fontcache<any>|%windir%\\system32\\fntcache\.dat"
        r"|%windir%\\(<any>\\)?<name>\.(pnf|log|etl|dmp|pf)",
        "a cache, log or download that Windows writes anew",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-client/installing-updates-features-roles/"
        "additional-resources-for-windows-update",
    ),
    Rule(
        "advisory",
        "font",
        r"%windir%\\fonts\\(offsym\w*\.ttf|flat_office<name>)",
        "Office removes its own symbol fonts at each update",
        "PCDoctor, scripts/test-pfro-pattern-match.ps1 (entries of real machines)",
    ),
    Rule(
        "advisory",
        "uninstall",
        r"%windir%\\(\$(ntuninstall<name>|hf_mig)\$|lastgood(\.tmp)?)(\\<any>)?"
        r"|(<any>\\)?(unins\d+\.(exe|dat|msg)|_unins\.tmp|au_\.exe|_iu14d2n\.tmp|iun\d*\.exe|(is)?uninst\w*\.exe)",
        "an uninstaller or its data removes itself",
        "https://github.com/EasyIME/PIME/issues/203",
    ),
    Rule(
        "significant",
        "driver",
        r"%windir%\\system32\\drivers\\<any>|<any>\.sys\.<name>",
        "a driver, or the old copy of one that was replaced while in use",
        "https://github.com/GiovanniDicanio/WinReg/issues/39",
    ),
    Rule(
        "significant",
        "printer",
        r"%windir%\\system32\\spool\\<any>",
        "a print driver, or the old copy of one that was replaced while in use",
        "https://github.com/bcurran3/ChocolateyPackages_CCR/issues/231",
    ),
    Rule(
        "significant",
        "system",
        r"%windir%\\(<any>\\)?(set[0-9a-f]{1,8}|_\d{6}_)\.tmp(\.\w+)?",
        "the old copy of a file of Windows that an installer replaced while it was in use",
        "https://github.com/GiovanniDicanio/WinReg/issues/39",
    ),
    Rule(
        "significant",
        "system",
        r"%windir%(\\<any>)?",
        "a file of Windows goes away at the next boot, and no rule says it is only clean-up",
        "https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw",
    ),
    Rule(
        "advisory",
        "updater",
        r"<any>\\(<name>update|<name>updater|update|application)\\(\d+(\.\d+)+|<name>\.old<name>)(\\<any>)?"
        r"|<any>\\(tobedeleted\\<any>|old_<name>\.exe|<name>\.moz-\w+)",
        "an old version of a program that updates and restarts itself",
        "https://github.com/chocolatey/choco/issues/1768",
    ),
    Rule(
        "advisory",
        "application",
        r"<any>",
        "clean-up after an installation or an uninstallation",
        "https://devblogs.microsoft.com/oldnewthing/20151203-00/",
    ),
)

_USUAL_ROOT: Final = re.compile(
    r"^(?:(?:[a-z]:|\\device\\harddiskvolume\d+|volume\{[0-9a-f-]+\})\\(?:windows|winnt)|\\systemroot|%systemroot%)(?=\\|$)"
)

# Programs that run before anyone has logged on: the usual place to plant another program.
_LOGON_SCREEN: Final = r"%windir%\\system32\\(sethc|utilman|osk|magnify|narrator|displayswitch|atbroker)\.exe"
_PROGRAM: Final = r"%windir%\\(<name>\\)?<name>\.(exe|com|scr)"
SUSPICIOUS: Final = Rule(
    "significant",
    "suspicious",
    f"{_LOGON_SCREEN}|{_PROGRAM}",
    "a program of Windows is replaced by another program",
    "https://attack.mitre.org/techniques/T1546/008/",
)


def weigh(effect: Effect, path: str) -> Rule:
    """Return the rule that decides for `path` (as `plain` gives it): a file is put there, or removed from there."""
    table, fits = _compiled(effect)
    match = fits(path)
    if match is None or match.lastgroup is None:
        raise AssertionError("the last row of each table fits every path")
    return table[int(match.lastgroup[1:])]


def is_temporary(path: str) -> bool:
    """Tell whether `path` (as `plain` gives it) lies in a temporary folder, other than the component store's own."""
    return weigh("remove", path) is _TEMPORARY


def is_suspicious(source: str, target: str) -> bool:
    """Tell whether `target`, a program of Windows, is replaced by another program.

    An installer stages a file under the target's own name or a temporary one; another program's name is no staging.
    """
    if _name(source) == _name(target):
        return False
    logon_screen, program, staged = _suspicion()
    if logon_screen(target):
        return not staged(_name(source))
    return bool(program(target) and program(source)) and not is_temporary(source)


def plain(path: str, system_root: str) -> str:
    r"""Return `path` in the form the rules look at: lower case, SystemRoot as `%windir%`, no trailing backslash.

    `system_root` is the lower-case SystemRoot of the machine, or an empty string when it is not known; the usual
    folders (`X:\Windows`, `X:\WINNT`) count in any case.
    """
    lower = path.lower().rstrip("\\")
    if system_root and (lower == system_root or lower.startswith(system_root + "\\")):
        return "%windir%" + lower[len(system_root) :]
    return _USUAL_ROOT.sub("%windir%", lower, count=1)


def _name(path: str) -> str:
    return path.rpartition("\\")[2]


def _expand(pattern: str) -> str:
    return pattern.replace("<any>", ".*").replace("<name>", r"[^\\]*")


Matcher = Callable[[str], "re.Match[str] | None"]


@cache
def _compiled(effect: Effect) -> tuple[tuple[Rule, ...], Matcher]:
    # One expression for a whole table: alternatives are tried in order, the group's name is the row that fits.
    table = PUT if effect == "put" else REMOVE
    rows = "|".join(f"(?P<r{index}>{_unnamed(_expand(rule.where))})" for index, rule in enumerate(table))
    return table, re.compile(rows, re.DOTALL).fullmatch


@cache
def _suspicion() -> tuple[Matcher, Matcher, Matcher]:
    staged = r"(set[0-9a-f]{1,8}|_\d{6}_|<name>)\.(tmp|new|\d+)"
    return (
        re.compile(_expand(_LOGON_SCREEN)).fullmatch,
        re.compile(_expand(_PROGRAM)).fullmatch,
        re.compile(_expand(staged)).fullmatch,
    )


def _unnamed(pattern: str) -> str:
    # Plain groups would become the last group of a match; only the rows may.
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
