# SPDX-License-Identifier: Apache-2.0
"""Whether a patch is missing, installed, or installed and waiting for a reboot: the question this project began with.

A patch is judged by its files where it names some: by the files in place, and by those that the pending file operations
will have put there after the next boot. Else its package decides, else its marks in the registry. What could not be
read makes the verdict *unknown* as soon as it could change it. Beside the verdict stand the answers of four scanners,
which look at different parts of the same machine:

    mbsa_1_2  judges the file in place
    wua       judges the file in place or the one that will be there (Windows Update Agent, MBSA 2.0's update scan)
    itmu      is wua, but a patch that is listed under Windows Update's RebootRequired counts as applicable
    mbsa_2_0  is wua, but says reboot_pending for the whole machine while update.exe's flag is 1 or 2

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw
    https://learn.microsoft.com/en-us/windows-hardware/manufacture/desktop/dism-api-enumerations (package states)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from .exit_codes import exit_code
from .facts import facts_from
from .files import FileReader
from .model import Facts
from .patch import Patch
from .patch_files import FileEvidence, judge_files, machine_of
from .patch_traces import PackageEvidence, applies, judge_marks, judge_packages
from .text import listed

Verdict = Literal["missing", "installed", "installed_pending_reboot", "not_applicable", "unknown"]
View = Literal["applicable", "installed", "reboot_pending", "not_applicable", "unknown"]

VIEWS: Final = ("mbsa_1_2", "wua", "itmu", "mbsa_2_0")
#: What the facts are asked for.
SOURCES: Final = ("windows_update", "pending_file_rename", "update_exe_volatile", "install_witness")
#: update.exe's flags that MBSA 2.0 takes for a pending reboot.
_MBSA_FLAGS: Final = frozenset({1, 2})


class PatchState(NamedTuple):
    """What is known of one patch on one machine."""

    patch: Patch
    verdict: Verdict
    #: One sentence for the user: why this verdict.
    description: str
    views: Mapping[str, View]
    evidence: Mapping[str, object]

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        patch = {"kb": self.patch.kb, "title": self.patch.title, "update_id": self.patch.update_id}
        return {
            "patch": {**patch, "flag": self.patch.flag},
            "verdict": self.verdict,
            "description": self.description,
            "views": dict(self.views),
            "evidence": dict(self.evidence),
        }


def patch_states(reader: FileReader, patches: Iterable[Patch], *, now: datetime | None = None) -> list[PatchState]:
    """Return the state of each patch on the machine that `reader` reads.

    Args:
        reader: answers questions about the registry and the files.
        patches: what to look for (`patch.patches_from`).
        now: when the facts were collected; the current time when not given.
    """
    facts = facts_from(reader, sources=SOURCES, now=now)
    return [_Case(reader, facts, patch).state() for patch in patches]


class _Presence(NamedTuple):
    """Whether the patch is there, now and after the next boot; None for not known, and why it is so."""

    now: bool | None
    after: bool | None
    why: str


class _Case:
    """One patch on one machine."""

    def __init__(self, reader: FileReader, facts: Facts, patch: Patch) -> None:
        self._reader = reader
        self._facts = facts
        self._patch = patch

    def state(self) -> PatchState:
        """Look at everything, and judge."""
        evidence: dict[str, object] = {"warnings": list(self._facts.collected.warnings)}
        applicable, why = applies(self._reader, self._patch.applies_to)
        evidence["applies"] = {"answer": applicable, "description": why}
        if applicable is False:
            return PatchState(self._patch, "not_applicable", why, dict.fromkeys(VIEWS, "not_applicable"), evidence)
        files = judge_files(self._patch.files, self._facts, machine_of(self._reader), self._reader)
        packages = judge_packages(self._reader, self._patch.package)
        marks, marks_why, marks_evidence = judge_marks(self._reader, self._patch.registry)
        evidence["files"] = [each.to_dict() for each in files]
        evidence["packages"] = packages.to_dict() if packages else None
        evidence["registry"] = marks_evidence
        presence = _presence(files, packages, marks, marks_why)
        waits, waits_why = self._waits(evidence)
        verdict, description = self._verdict(presence, waits, waits_why)
        if applicable is None and verdict != "unknown":
            verdict, description = "unknown", f"whether it is for this machine is not known: {why}"
        return PatchState(self._patch, verdict, description, self._views(presence), evidence)

    def _verdict(self, presence: _Presence, waits: bool | None, waits_why: str) -> tuple[Verdict, str]:
        exited = None if self._patch.exit_code is None else exit_code(self._patch.exit_code)
        gone = presence.now is False and presence.after is False
        if exited and exited.applies is False and (gone or not self._has_content):
            return "not_applicable", f"its installer said so: {exited.meaning}"
        if presence.after is None:
            if waits and not self._has_content:  # being listed is all that there is to look at
                return "installed_pending_reboot", waits_why
            return "unknown", presence.why
        if gone and waits is not False:
            # Servicing keeps what it has installed elsewhere until the boot: an old file proves nothing then.
            why = f"{waits_why}, and until the next boot {presence.why}"
            return ("installed_pending_reboot", why) if waits else ("unknown", f"{presence.why}, but {waits_why}")
        if presence.after is False:
            lost = ": it is there, but the next boot takes it away" if presence.now else ""
            return "missing", presence.why + lost
        if not presence.now:
            return "installed_pending_reboot", presence.why
        if waits is None:
            return "unknown", f"it is there, but whether it waits for a reboot is not known: {waits_why}"
        return ("installed_pending_reboot", waits_why) if waits else ("installed", presence.why)

    @property
    def _has_content(self) -> bool:
        return bool(self._patch.files or self._patch.package or self._patch.registry)

    def _waits(self, evidence: dict[str, object]) -> tuple[bool | None, str]:
        """Tell whether somebody noted that this very patch waits for a reboot, and who."""
        listed_ids, flagged = self._listed(), self._flagged()
        evidence["listed_under_reboot_required"] = listed_ids
        evidence["flagged_by_hand"] = flagged
        evidence["update_exe_flags"] = self._facts.sources["update_exe_volatile"].evidence.get("flags", {})
        evidence["last_reboot"] = self._facts.last_reboot.to_dict() if self._facts.last_reboot else None
        exited, exited_why = self._exited(evidence)
        if listed_ids:
            return True, f"Windows Update's RebootRequired key lists it ({listed(listed_ids)})"
        if flagged:
            return True, f"it is flagged by hand ({listed(flagged)})"
        if exited:
            return True, exited_why
        for source in ("windows_update", "install_witness"):
            if self._patch_names and self._facts.sources[source].state == "unknown":
                return None, self._facts.sources[source].description
        return exited, exited_why

    @property
    def _patch_names(self) -> set[str]:
        patch = self._patch
        return {name.lower() for name in (patch.kb, patch.update_id, patch.title) if name}

    def _listed(self) -> list[str]:
        evidence = self._facts.sources["windows_update"].evidence
        names = [*_strings(evidence.get("update_ids")), *_strings(evidence.get("other_values"))]
        return [name for name in names if name.strip("{}").lower() in self._patch_names]

    def _flagged(self) -> list[str]:
        names = _strings(self._facts.sources["install_witness"].evidence.get("flagged"))
        return [name for name in names if name.strip("{}").lower() in self._patch_names]

    def _exited(self, evidence: dict[str, object]) -> tuple[bool | None, str]:
        if self._patch.exit_code is None:
            return False, ""
        meaning = exit_code(self._patch.exit_code)
        evidence["exit_code"] = meaning.to_dict()
        if not meaning.success or meaning.reboot == "no":
            return False, ""
        if self._patch.installed_at is None:
            return None, "its installer asked for a reboot, and when that was is not said (give installed_at)"
        if self._facts.last_reboot is None:
            return None, "its installer asked for a reboot, and when the machine started last is not known"
        # In whole seconds, because the time of an installation has no finer ones.
        since = self._facts.last_reboot.time.replace(microsecond=0) > self._patch.installed_at
        return not since, f"its installer asked for a reboot: {meaning.meaning}"

    def _views(self, presence: _Presence) -> dict[str, View]:
        words: Mapping[bool | None, View] = {True: "installed", False: "applicable", None: "unknown"}
        wua = words[True if presence.now or presence.after else _both_false(presence)]
        itmu: View = wua
        if wua == "installed" and self._listed():
            itmu = "applicable"
        elif wua == "installed" and self._patch_names and self._facts.sources["windows_update"].state == "unknown":
            itmu = "unknown"
        return {"mbsa_1_2": words[presence.now], "wua": wua, "itmu": itmu, "mbsa_2_0": self._mbsa_2_0(wua)}

    def _mbsa_2_0(self, wua: View) -> View:
        source = self._facts.sources["update_exe_volatile"]
        flags = source.evidence.get("flags")
        if isinstance(flags, Mapping) and _MBSA_FLAGS.intersection(flags.values()):
            return "reboot_pending"
        return "unknown" if source.state == "unknown" else wua


def _presence(
    files: Sequence[FileEvidence], packages: PackageEvidence | None, marks: bool | None, marks_why: str
) -> _Presence:
    """Return whether the patch is there by the strongest evidence that its description names."""
    if not files:
        if packages:
            return _Presence(packages.now, packages.after, packages.why)
        if marks_why:
            return _Presence(marks, marks, marks_why)
        return _Presence(None, None, "its description names no file, package or registry mark")
    now, after = (_all(getattr(each, name) for each in files) for name in ("meets_now", "meets_after"))
    why = _files_why(files, after)
    if packages and (packages.now is None or packages.after is None):
        return _Presence(now, None, f"{why}, and its package is not known: {packages.why}")
    if packages and packages.now and packages.after is False:
        return _Presence(now, False, packages.why)
    if packages and packages.after and not packages.now and after is not True:
        return _Presence(now, True, packages.why)
    if packages and packages.now and after is False:
        return _Presence(None, None, f"its files and its package contradict each other: {why}, but {packages.why}")
    return _Presence(now, after, why)


def _files_why(files: Sequence[FileEvidence], after: bool | None) -> str:
    if after is not True:
        telling = [each for each in files if each.meets_after is after]
        return "; ".join(each.why for each in telling)
    telling = [each for each in files if each.meets_now is not True] or list(files)
    return "; ".join(each.why for each in telling)


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Return whether all hold: one that does not decides, else one that is not known."""
    found = list(answers)
    return False if False in found else None if None in found else True


def _both_false(presence: _Presence) -> bool | None:
    return False if presence.now is False and presence.after is False else None


def _strings(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []
