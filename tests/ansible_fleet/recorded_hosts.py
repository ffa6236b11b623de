# SPDX-License-Identifier: Apache-2.0
"""`python -m ansible_fleet.recorded_hosts FOLDER NAME=RECORDING ...` makes simulated hosts, for molecule."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .machines import add_host, package, recorded


def main(folder: str, *hosts: str) -> None:
    """Make the hosts anew, and the patch that is run on them by hand."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    package(Path(folder))
    for host in hosts:
        name, _, situation = host.partition("=")
        add_host(Path(folder), name, recorded(situation))


if __name__ == "__main__":
    main(*sys.argv[1:])
