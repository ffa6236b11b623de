# SPDX-License-Identifier: Apache-2.0
"""Files on a mounted volume of Windows, by the paths that Windows knows them by."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from ..files import FileInfo, sha256_of
from ..registry import ABSENT, Absent, Unreadable
from .pe import NoProgramError, fixed_version


class DiskFiles:
    """The files of one mounted volume. Names are looked up without regard to letter case."""

    def __init__(self, volume: str, system_root: str, windows: str | None = None) -> None:
        r"""Look at the volume mounted at `volume`, on which Windows is at `system_root` (`C:\Windows`).

        Args:
            volume: where it is mounted.
            system_root: what Windows calls its own directory.
            windows: where that directory is, when it may have another name here.
        """
        self._volume = Path(volume).resolve()
        drive, _separator, self._root_name = system_root.lower().rstrip("\\").partition("\\")
        self._drive = drive
        self._windows = Path(windows).resolve() if windows else None
        #: Whether Windows is where it says that it is.
        self.has_windows = self._windows is not None or bool(self._find([*filter(None, self._root_name.split("\\"))]))

    def look(self, path: str, *, digest: bool) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`: see `files.FileReader.file`."""
        drive, _separator, rest = path.partition("\\")
        if drive.lower() != self._drive:
            return Unreadable("unsupported", None, f"{path} is not on the volume that is read ({self._drive.upper()})")
        try:
            found = self._find([part for part in rest.split("\\") if part])
            if found is None:
                return ABSENT
            if not stat.S_ISREG(found.stat().st_mode):
                return Unreadable("failed", None, f"{path} is no file")
            return _read(found, digest)
        except NotADirectoryError:  # a part of the path is a file
            return ABSENT
        except PermissionError as error:
            return Unreadable("denied", error.errno, f"{path}: {error.strerror}")
        except OSError as error:
            return Unreadable("failed", error.errno, f"{path}: {error.strerror}")
        except RuntimeError:  # before Python 3.13
            return Unreadable("failed", None, f"{path}: links lead in a circle")

    def _find(self, parts: list[str]) -> Path | None:
        place = self._volume
        if self._windows and parts and parts[0].lower() == self._root_name:
            place, parts = self._windows, parts[1:]
        for part in parts:
            exact = place / part
            if not os.path.lexists(exact):
                names = [entry.name for entry in os.scandir(place) if entry.name.lower() == part.lower()]
                if not names:
                    return None
                exact = place / names[0]
            place = exact
        # A link on the volume may lead anywhere on this machine.
        if not place.resolve().is_relative_to(self._volume):
            raise OSError(0, "leads out of the volume")
        return place


def _read(path: Path, digest: bool) -> FileInfo:
    with path.open("rb") as file:
        sha256 = sha256_of(file) if digest else None
        if os.fstat(file.fileno()).st_size == 0:
            return FileInfo(None, sha256, None if digest else Unreadable("failed", None, "the file is empty"))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            view = memoryview(content)
            try:
                return FileInfo(fixed_version(view), sha256)
            except NoProgramError as error:
                return FileInfo(None, sha256, None if digest else Unreadable("failed", None, str(error)))
            finally:
                view.release()
