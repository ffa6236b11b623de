# SPDX-License-Identifier: Apache-2.0
"""`make lab`: builds the lab and says where it is and how long that took."""

from __future__ import annotations

import argparse
import sys
import time

from . import build, machine, salt_layer
from .errors import LabError, LabUnavailableError


def _say(message: str) -> None:
    print(message, flush=True)


def main() -> int:
    """Build, start once, and tell."""
    parser = argparse.ArgumentParser(prog="windows_lab", description="Build the Windows lab of the tests.")
    parser.add_argument("--salt", action="store_true", help="build the layer with Salt, too")
    salt = parser.parse_args().salt
    try:
        made = build.ensure(_say)
        _say(f"{made.folder}: {_how(made.seconds)}")
        if salt:
            layer = salt_layer.ensure(_say)
            _say(f"{layer.folder}: {_how(layer.seconds)}")
        started = time.monotonic()
        with machine.Lab.start(made) as lab:
            name = lab.call("platform:platform")
        _say(f"{name}: start, one question and stop took {time.monotonic() - started:.1f} s")
    except (LabUnavailableError, LabError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _how(seconds: float) -> str:
    return f"built in {seconds:.0f} s" if seconds else "was there already"


if __name__ == "__main__":
    sys.exit(main())
