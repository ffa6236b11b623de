# SPDX-License-Identifier: Apache-2.0
"""`salt-call --local`: a minion without a master."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .installation import Salt

_TIMEOUT = 240


@dataclass
class Outcome:
    """What a call printed."""

    status: int
    #: What the function returned; None when it printed no JSON.
    value: Any
    #: Everything that was printed for a person.
    text: str


@dataclass
class Masterless:
    """A minion's folder with its configuration."""

    salt: Salt
    folder: Path
    #: Settings of the minion beside those that every test wants.
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "id": "web01",
            "file_client": "local",
            "root_dir": str(self.folder / "root"),
            "log_level_logfile": "quiet",
            **self.settings,
        }
        (self.folder / "root").mkdir(exist_ok=True)
        (self.folder / "minion").write_text(json.dumps(settings))

    def run(self, function: str, *arguments: str) -> Outcome:
        """Call a function of an execution module."""
        command = [self.salt.program("salt-call"), "-c", str(self.folder), "--local", "--out=json", "-l", "error"]
        return run([*command, function, *arguments], self.environment)

    def call(self, function: str, *arguments: str) -> Any:
        """Return what a function returns."""
        done = self.run(function, *arguments)
        assert isinstance(done.value, dict), done.text
        return done.value["local"]


def run(command: Sequence[str], environment: Mapping[str, str]) -> Outcome:
    """Run a Salt program that prints JSON."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    try:
        value = json.loads(done.stdout)
    except ValueError:
        value = None
    return Outcome(done.returncode, value, done.stdout + done.stderr)
