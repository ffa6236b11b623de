# SPDX-License-Identifier: Apache-2.0
"""`make salt`: install the Salt versions that tests use, or say where they are."""

from __future__ import annotations

import sys

from .installation import VERSIONS, SaltUnavailableError, ensure


def main() -> int:
    """Run; return the exit status."""
    try:
        for version in VERSIONS:
            print(ensure(version, print).folder)
    except SaltUnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
