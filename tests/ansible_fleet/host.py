# SPDX-License-Identifier: Apache-2.0
"""A simulated Windows host that Ansible runs modules on: a folder with its machine, its behaviour, and what ran on it.

machine.json    the registry, files and components (`pending_reboot.fixture`)
behaviour.json  how it reboots, and what its installers do:
                {"down": 2, "lost": false, "ignored": false, "installers": {"kb1.exe": {"exit_code": 3010,
                 "machine": {...}, "hangs": 0}}}; what an installer's `machine` holds is laid over the machine
ran.jsonl       what ran, one JSON object a line
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from pending_reboot import Fixture
from pending_reboot.fixture import boot
from pending_reboot.probes import BOOT_TIME
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.snapshot import from_snapshot, to_snapshot
from pending_reboot.registry import Value, datetime_to_filetime
from pending_reboot_tools.simulator.probe import answer

_ENCODED = re.compile(r"-EncodedCommand\s+'?([A-Za-z0-9+/=]+)")
_DELAY = re.compile(r"/t (\d+)")


_BROKEN_OFF: Mapping[str, tuple[Any, ...]] = {
    "requests": ("Connection reset by peer",),
    "winrm": ("http", 503, ""),
    "pypsrp": (2150858843, "h1", "The request for the Windows Remote Shell failed", "", "", ""),
}


class AwayError(Exception):
    """The host does not answer."""


class BrokenOffError(Exception):
    """The host breaks the connection off, in a way that connection plugins let through."""

    def __init__(self, library: str) -> None:
        super().__init__(library)
        #: Whose error the plugin lets through, and what that is made of.
        self.library = library
        self.arguments = _BROKEN_OFF[library]


class Host:
    """One simulated host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fixture = Fixture(str(folder / "machine.json"))
        self.behaviour: dict[str, Any] = json.loads((folder / "behaviour.json").read_text("utf-8"))

    @classmethod
    def make(cls, folder: Path, machine: Mapping[str, Any] | MemoryRegistry, **behaviour: Any) -> Host:
        """Make the folder of a new host; `machine` is a snapshot or a registry."""
        folder.mkdir(parents=True)
        registry = machine if isinstance(machine, MemoryRegistry) else from_snapshot(machine)
        (folder / "machine.json").write_text(json.dumps(to_snapshot(registry)))
        (folder / "behaviour.json").write_text(json.dumps(behaviour))
        return cls(folder)

    def ran(self) -> list[dict[str, Any]]:
        """Return what ran, the oldest first."""
        path = self.folder / "ran.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def become(self) -> list[str]:
        """Return as whom modules ran that ran as somebody else."""
        return [each["become"] for each in self.ran() if each.get("become")]

    def note(self, what: str, **more: Any) -> None:
        """Note that something ran."""
        with (self.folder / "ran.jsonl").open("a") as file:
            file.write(json.dumps({"ran": what, **more}) + "\n")

    def check_there(self) -> None:
        """Raise AwayError when the host is switched off, lost, or in the middle of a reboot.

        A reboot happens here, when it is due: nothing else runs on a simulated host.
        """
        if self.behaviour.get("off"):
            raise AwayError("it is switched off")
        if (self.folder / "dead").exists():
            raise AwayError("it is dead")
        path = self.folder / "rebooting.json"
        if not path.exists():
            return
        due = json.loads(path.read_text("utf-8"))
        now = time.time()
        if now < due["down_at"]:
            return
        if self.behaviour.get("lost") or now < due["back_at"]:
            raise AwayError("it is down")
        path.unlink()
        self.note("reboot")
        self.fixture.change(lambda machine: boot(machine, datetime.now(timezone.utc)))

    # What win_reboot runs, as commands of PowerShell

    def command(self, line: str) -> tuple[int, str, str]:
        """Run a command line that is no module; return its exit code and what it printed."""
        self.check_there()
        encoded = _ENCODED.search(line)
        script = base64.b64decode(encoded[1]).decode("utf-16-le") if encoded else line
        if "LastBootUpTime" in script:
            return 0, str(self._boot_filetime()), ""
        if "shutdown.exe /r" in script:
            self._shut_down(int(match[1]) if (match := _DELAY.search(script)) else 0)
            return 0, json.dumps({"stdout": "", "stderr": "", "rc": 0}), ""
        if "AutoLogonChecked" in script:
            return 0, script.rpartition("; '")[2].partition("'")[0], ""
        self.note("command", script=script)
        return 0, "", ""

    def _boot_filetime(self) -> int:
        found = self.fixture.reader().probe(BOOT_TIME)
        assert isinstance(found, Mapping)
        return datetime_to_filetime(datetime.fromtimestamp(float(str(found["time_epoch"])), timezone.utc))

    def _shut_down(self, delay: int) -> None:
        self.note("shutdown")
        if self.behaviour.get("ignored"):
            return
        down_at = time.time() + min(delay, 0.5)
        due = {"down_at": down_at, "back_at": down_at + float(self.behaviour.get("down", 1))}
        (self.folder / "rebooting.json").write_text(json.dumps(due))

    # Modules

    def module(self, name: str, arguments: Mapping[str, Any], become: str | None = None) -> dict[str, Any]:
        """Run a module, as another user with `become`, and return its result."""
        self.check_there()
        self._flap()
        self._die(name)
        run = _MODULES.get(name)
        if run is None:
            return {"failed": True, "msg": f"the simulated host has no module {name}"}
        told = {key: value for key, value in arguments.items() if not key.startswith("_ansible")}
        more = {"become": become} if become else {}
        self.note(name, **more, **({} if name.endswith("_probe") else {"arguments": told}))
        return {"changed": False, **run(self, arguments)}

    def _die(self, name: str) -> None:
        """Die when a module is to run for so many a time as `dies_at` says (`{module: 2}`)."""
        number = self.behaviour.get("dies_at", {}).get(name)
        if number == sum(each["ran"] == name for each in self.ran()) + 1:
            (self.folder / "dead").touch()
            self.check_there()

    def _flap(self) -> None:
        """Break as many connections off after the reboot as the behaviour says in `flaps`."""
        flapped = sum(each["ran"] == "flap" for each in self.ran())
        if flapped < self.behaviour.get("flaps", 0) and any(each["ran"] == "reboot" for each in self.ran()):
            self.note("flap")
            raise BrokenOffError(self.behaviour.get("flaps_as", "requests"))

    def probe(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as the probe does."""
        time.sleep(float(self.behaviour.get("slow", 0)))
        if self.behaviour.get("probe_fails"):
            return {"failed": True, "msg": self.behaviour["probe_fails"]}
        return answer(arguments, self.fixture.reader())

    def flag(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Write the flag as win_reboot_flag.ps1 does."""
        found = self.fixture.reader()
        lasting = next((path for path in arguments["keys"] if not found.key(path, volatile=True).volatile), None)
        if lasting:
            return {"failed": True, "msg": f"HKLM\\{lasting} exists and is not volatile"}
        if not arguments.get("_ansible_check_mode"):
            name = arguments["update_id"]

            def write(machine: MemoryRegistry) -> None:
                for path in arguments["keys"]:
                    machine.key(path, {name: Value.from_integer(1)}, volatile=True)

            self.fixture.change(write)
        return {"changed": bool(arguments["keys"])}

    def install(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a command: the installer that it names does what the behaviour says."""
        if arguments.get("_ansible_check_mode"):
            return {"skipped": True, "msg": "skipped, running in check mode"}
        words = [str(word) for word in arguments["argv"]]
        for name, installer in self.behaviour.get("installers", {}).items():
            if any(name.lower() in word.lower() for word in words):
                time.sleep(float(installer.get("hangs", 0)))
                self._lay_over(installer.get("machine"))
                if installer.get("kills"):
                    (self.folder / "dead").touch()
                ended = {"rc": installer["exit_code"], "delta": "0:00:01", "stdout": "", "stderr": "", "cmd": words}
                return {"changed": True, **ended}
        return {"failed": True, "rc": 2, "msg": f"there is no program {words[0]}", "cmd": words}

    def _lay_over(self, more: Mapping[str, Any] | None) -> None:
        """Lay what an installer leaves over the machine: keys, files and components, not its name or boot time."""
        path = self.folder / "machine.json"
        machine = json.loads(path.read_text("utf-8"))
        for part, content in (more or {}).items():
            if part in ("keys", "files", "probes"):
                machine[part] = {**machine.get(part, {}), **content}
        path.write_text(json.dumps(machine))

    # Files that are copied to the host

    def _uploads(self, change: Callable[[dict[str, str]], Any] | None = None) -> dict[str, str]:
        path = self.folder / "uploads.json"
        uploads: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if change:
            change(uploads)
            path.write_text(json.dumps(uploads))
        return uploads

    def put(self, source: Path, target: str) -> None:
        """Take a file that the connection copies."""
        self.check_there()
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        digest = self.behaviour.get("damages_uploads", digest)
        self._uploads(lambda uploads: uploads.update({target.strip("'\"").lower(): digest}))

    def copy(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as win_copy does for one file."""
        mode, target = arguments.get("_copy_mode"), str(arguments.get("dest"))
        if mode == "query":
            wanted = [{"src": each["src"], "dest": target} for each in arguments["files"]]
            return {"files": wanted, "directories": [], "symlinks": []}
        source = str(arguments.get("src", "")).strip("'\"").lower()

        def move(uploads: dict[str, str]) -> None:
            uploads[target.lower()] = uploads.pop(source)

        self._uploads(move)
        return {"changed": True, "dest": target, "operation": "file_copy"}

    def stat(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as win_stat does."""
        path = str(arguments["path"])
        digest = self._uploads().get(path.lower())
        seen = {"exists": digest is not None, "path": path, "isdir": False, "isreg": digest is not None}
        return {"stat": seen | ({"checksum": digest} if digest else {})}

    def download(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as win_get_url does, for a file:// address of this machine."""
        content = Path(str(arguments["url"]).removeprefix("file://")).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if arguments.get("checksum") and arguments["checksum"].lower() != digest:
            return {"failed": True, "msg": f"The checksum for {arguments['url']} did not match {arguments['checksum']}"}
        self._uploads(lambda uploads: uploads.update({str(arguments["dest"]).lower(): digest}))
        return {"changed": True, "dest": arguments["dest"], "status_code": 200}

    def folder_for(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as win_tempfile does."""
        return {"changed": True, "path": rf"C:\Windows\Temp\ansible.{time.time_ns():x}", "state": "directory"}

    def remove(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as win_file does for `state: absent`."""
        path = str(arguments["path"]).lower()
        gone = [name for name in self._uploads() if name == path or name.startswith(path + "\\")]
        self._uploads(lambda uploads: [uploads.pop(name) for name in gone])
        return {"changed": bool(gone)}


_MODULES: Mapping[str, Callable[[Host, Mapping[str, Any]], dict[str, Any]]] = {
    "pending_reboot.windows.win_pending_reboot_probe": Host.probe,
    "pending_reboot.windows.win_reboot_flag": Host.flag,
    "ansible.windows.win_command": Host.install,
    "ansible.windows.win_copy": Host.copy,
    "ansible.windows.win_stat": Host.stat,
    "ansible.windows.win_get_url": Host.download,
    "ansible.windows.win_tempfile": Host.folder_for,
    "ansible.windows.win_file": Host.remove,
}


class Call(NamedTuple):
    """A module that a connection is given to run."""

    name: str
    arguments: Mapping[str, Any]
    #: Who runs it, None for the user of the connection.
    become: str | None


def call_of(payload: bytes) -> Call | None:
    """Return the module in what a connection is given to run, None when that is another script.

    Every ansible-core puts JSON behind a separator, with the arguments under a key of another name; they are found by
    the module's name among them.
    """
    content = json.loads(payload.rpartition(b"\0\0\0\0")[2])
    arguments = next((each for each in _mappings(content) if "_ansible_module_name" in each), None)
    if arguments is None:
        return None
    users = (each.get("become_user") or each.get("BecomeUser") for each in _mappings(content))
    return Call(arguments["_ansible_module_name"], arguments, next(filter(None, users), None))


def _mappings(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, dict):
        yield content
        content = list(content.values())
    if isinstance(content, list):
        for each in content:
            yield from _mappings(each)
