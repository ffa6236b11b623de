# SPDX-License-Identifier: Apache-2.0
"""Reading a machine's registry from its hive files, or from a mounted Windows directory.

Volatile keys never reach a hive file. What their absence means depends on how the machine stopped: after a shutdown
they are gone and the next start is the reboot they asked for; of a running, crashed or hibernated machine nothing is
known about them.

References:
    https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md
    https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regcreatekeyexw (REG_OPTION_VOLATILE)
    https://github.com/libguestfs/virt-v2v/blob/master/docs/virt-v2v.pod (fast startup is a hibernation)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import HiveError, InputError
from ..files import FileInfo
from ..multi_sz import decode_text
from ..probes import PENDING_XML
from ..registry import ABSENT, Absent, Answer, Capabilities, Key, KeyQuery, Unreadable, Value
from ..sources.pending_file_rename import SYSTEM_ROOT
from ..tree import read_node
from .disk_files import DiskFiles
from .regf import Hive
from .regf_header import find_logs

#: The hives that sources read, in the order they are opened, and a key that each of them has below its root.
HIVES: Final[Mapping[str, str]] = {"SYSTEM": "Select", "SOFTWARE": "Microsoft", "COMPONENTS": ""}

_CURRENT = "CurrentControlSet"


class HiveFiles(NamedTuple):
    """Where the hives and traces of one machine are."""

    #: Hive name (SYSTEM, SOFTWARE, COMPONENTS) to path.
    hives: Mapping[str, str]
    #: Answers that files give.
    probes: Mapping[str, Mapping[str, object] | Absent | Unreadable]
    #: Why the machine is known to be hibernated, or an empty string.
    hibernated: str = ""
    #: The hives were found, not named: one that cannot be read must not hide the others.
    lenient: bool = False
    #: The Windows directory that the hives belong to, None when they lie elsewhere.
    windows: str | None = None
    #: The root of its volume, None for the directory that the Windows directory is in.
    root: str | None = None


class HiveReader:
    """Reads the hives of one machine, and files beside them. Satisfies `files.FileReader`."""

    name = "hive"

    def __init__(self, files: HiveFiles, *, running: bool = False) -> None:
        """Open every hive in `files`, its transaction logs applied.

        Raises:
            HiveError: a file cannot be read, is no hive, is damaged at its root, or is another hive than was said.
        """
        self._probes = files.probes
        self._volume = files.root or (str(Path(files.windows).resolve().parent) if files.windows else None)
        self._windows = None if files.root else files.windows
        self._files: DiskFiles | Unreadable | None = None
        self._hives: dict[str, Hive] = {}
        self.warnings: list[str] = []
        self._broken: dict[str, HiveError] = {}
        for name, path in files.hives.items():
            try:
                self._hives[name] = self._opened(name, path)
            except HiveError as error:
                if name == "SYSTEM" or not files.lenient:
                    raise
                self._broken[name] = error
                self.warnings.append(f"{name} cannot be read, what it would tell is unknown: {error}")
        self.capabilities = self._sight(files.hibernated, running)
        self._control_set = self._current_control_set() if "SYSTEM" in self._hives else ""

    def _opened(self, name: str, path: str) -> Hive:
        logs = find_logs(path)
        hive = Hive.open(path, logs)
        mark = HIVES[name]
        if mark and hive.find(mark) is None:
            raise HiveError(f"is no {name} hive (it has no key {mark})", where=path)
        if hive.dirty and not hive.recovered:
            why = "its transaction logs do not complete it" if logs else "no transaction logs lie beside it"
            numbers = "sequence numbers {} and {}".format(*hive.sequences)
            self.warnings.append(f"{path}: dirty ({numbers}) and {why}: up to an hour of changes may be missing")
        self.warnings += [str(log) for log in hive.log_report if log.outcome == "refused"]
        return hive

    def _sight(self, hibernated: str, running: bool) -> Capabilities:
        dirty = [name for name, hive in self._hives.items() if hive.dirty and name != "COMPONENTS"]
        never = "volatile keys are not in a hive file"
        if running:
            return Capabilities("hidden", f"{never}, and the machine is running", live=False)
        if hibernated:
            return Capabilities("hidden", f"{never}, and {hibernated}", live=False)
        if dirty:
            why = f"the machine was running or crashed (dirty: {', '.join(dirty)})"
            return Capabilities("hidden", f"{never}, and {why}", live=False)
        return Capabilities(
            "lost", "volatile keys went with the shutdown; the next start is the reboot they asked for", live=False
        )

    def _current_control_set(self) -> str:
        system = self._hives["SYSTEM"]
        select = system.find("Select")
        for name in ("Current", "Default"):
            value = select.value(name) if select else ABSENT
            if isinstance(value, (Absent, Unreadable)) or len(value.data) != 4:
                continue
            control_set = f"ControlSet{int.from_bytes(value.data, 'little'):03d}"
            if system.find(control_set) is not None:
                if name != "Current":
                    self.warnings.append(f"{system.name}: Select!Current is no control set, {control_set} is read")
                return control_set
        raise HiveError("Select names no control set that exists", where=system.name)

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""
        name, _separator, path = query.real_path.partition("\\")
        hive = self._hives.get(name.upper())
        if name.upper() in self._broken:
            return Unreadable("failed", None, str(self._broken[name.upper()]))
        if hive is None:
            return Unreadable("unsupported", None, f"no {name} hive was given")
        head, separator, rest = path.partition("\\")
        if head == _CURRENT:
            path = self._control_set + separator + rest
        try:
            key = hive.find(path)
            return ABSENT if key is None else read_node(key, query)
        except HiveError as error:
            return Unreadable("failed", None, str(error))

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer what files can answer."""
        return self._probes.get(name, Unreadable("unsupported", None, f"only a running machine answers {name}"))

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path` on the volume of Windows."""
        if self._files is None:
            self._files = self._disk()
        return self._files if isinstance(self._files, Unreadable) else self._files.look(path, digest=digest)

    def _disk(self) -> DiskFiles | Unreadable:
        if self._volume is None:
            return Unreadable("unsupported", None, "only hives were given, and no volume with files")
        key = self.read(SYSTEM_ROOT)
        value = key.values.get("SystemRoot") if isinstance(key, Key) else None
        root = decode_text(value.data) if isinstance(value, Value) else ""
        if root[1:2] != ":":
            return Unreadable("failed", None, "SystemRoot is not known, so the volume's drive is not either")
        try:
            files = DiskFiles(self._volume, root, self._windows)
        except (OSError, RuntimeError) as error:
            return Unreadable("failed", None, f"{root} cannot be found on the volume at {self._volume}: {error}")
        return (
            files if files.has_windows else Unreadable("failed", None, f"{root} is not on the volume at {self._volume}")
        )

    def long_path(self, path: str) -> str | None:  # noqa: ARG002 - it is asked for by the protocol
        """Return None: a mounted volume tells no short names."""
        return None


def hive_files(
    *,
    system: str | None = None,
    software: str | None = None,
    components: str | None = None,
    root: str | None = None,
) -> HiveFiles:
    """Return the files of hives that were named one by one.

    Hives that lie where Windows has them are taken together with what lies around them. `root` is the root of the
    volume that files are looked up on.

    Raises:
        InputError: no hive was named.
    """
    given = {"SYSTEM": system, "SOFTWARE": software, "COMPONENTS": components}
    hives = {name: path for name, path in given.items() if path}
    if not hives:
        raise InputError("no hive was given", hint="name at least --system SYSTEM")
    if root and not Path(root).is_dir():
        raise InputError("is no directory", where=root, hint="give the root of the volume that Windows is on")
    windows = _windows_of(Path(next(iter(hives.values()))).parent)
    return HiveFiles(hives, *_traces(windows), windows=windows, root=root)


def image_files(image: str) -> HiveFiles:
    """Return the files of a mounted Windows: the root of its volume, its Windows directory, or its config directory.

    Names are looked up without regard to letter case.

    Raises:
        InputError: there is no Windows below `image`, or it cannot be listed.
    """
    windows = next((each for names in _PLACES if (each := _below(image, *names)) and _below(each, *_CONFIG)), None)
    windows = windows or _windows_of(Path(image))
    config = _below(windows, *_CONFIG) if windows else None
    hives = {name: found for name in HIVES if (found := _below(config or image, name))}
    if "SYSTEM" not in hives:
        hint = "give the root of the mounted volume or its Windows directory"
        raise InputError("no Windows found (no System32/config/SYSTEM below it)", where=image, hint=hint)
    return HiveFiles(hives, *_traces(windows), lenient=True, windows=windows)


def _windows_of(config: Path) -> str | None:
    """Return the Windows directory that a config directory belongs to, None when it lies elsewhere."""
    parts = config.resolve().parts
    return str(Path(*parts[:-2])) if [part.lower() for part in parts[-2:]] == ["system32", "config"] else None


def _traces(windows: str | None) -> tuple[Mapping[str, Mapping[str, object] | Absent | Unreadable], str]:
    """Return what the files beside the hives tell: about pending.xml, and why the machine counts as hibernated."""
    if windows is None:
        return {}, ""
    return {PENDING_XML: _pending_xml(windows)}, _hibernation(str(Path(windows).resolve().parent))


_PLACES: Final[tuple[tuple[str, ...], ...]] = (("Windows",), ("WINNT",), ())
_CONFIG: Final = ("System32", "config")


def _below(folder: str, *names: str) -> str | None:
    """Return the path of `names` below `folder` in whatever letter case, None when it is not there."""
    path = Path(folder)
    for name in names:
        try:
            found = next((each for each in path.iterdir() if each.name.lower() == name.lower()), None)
        except NotADirectoryError:
            return None
        except OSError as error:
            raise InputError(f"cannot be listed: {error.strerror}", where=str(path)) from error
        if found is None:
            return None
        path = found
    return str(path)


def _pending_xml(windows: str) -> Mapping[str, object] | Absent | Unreadable:
    path = _below(windows, "WinSxS", "pending.xml")
    if path is None:
        return ABSENT
    try:
        return {"path": path, "size": Path(path).stat().st_size}
    except OSError as error:
        return Unreadable("failed", error.errno, f"{path}: {error.strerror}")


def _hibernation(volume: str) -> str:
    """Return why the machine counts as hibernated, or an empty string.

    hiberfil.sys begins with `HIBR` while a session is saved in it, and with zeros or `WAKE` after it was resumed.
    """
    path = _below(volume, "hiberfil.sys")
    if path is None:
        return ""
    try:
        with Path(path).open("rb") as file:
            signature = file.read(4)
    except OSError as error:
        return f"{path} cannot be read, so it may hold a hibernated session ({error.strerror})"
    if not signature.strip(b"\0") or signature.upper() == b"WAKE":
        return ""
    return "the machine is hibernated or was shut down with fast startup (hiberfil.sys holds its session)"
