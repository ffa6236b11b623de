# SPDX-License-Identifier: Apache-2.0
"""Installs the Salt versions that tests use, each into a virtual environment of its own below .cache."""

from __future__ import annotations

from pathlib import Path

from support import environments
from support.environments import REPOSITORY, EnvironmentUnavailableError

__all__ = ["PYTHON", "REPOSITORY", "VERSIONS", "Salt", "SaltUnavailableError", "ensure"]

HERE = Path(__file__).resolve().parent

#: The two lines of Salt that are supported; the first one is tested in full.
VERSIONS = ("3008.3", "3006.28")
#: Both run on it, and 3006 on no later one.
PYTHON = "3.11"

#: Salt cannot be installed here; the message is the reason, in one line.
SaltUnavailableError = EnvironmentUnavailableError


class Salt(environments.Installed):
    """An installed Salt, with programs such as `salt-call`."""


def ensure(version: str, log: environments.Log = environments.silent) -> Salt:
    """Return that version of Salt, installed when it is not there; raises SaltUnavailableError."""
    folder = environments.ensure(f"salt-{version}", HERE / f"requirements-{version}.txt", PYTHON, log)
    return Salt(version, folder)
