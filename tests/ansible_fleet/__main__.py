# SPDX-License-Identifier: Apache-2.0
"""`python -m ansible_fleet` (in tests/) shows a roll-out of the collection on simulated hosts."""

from __future__ import annotations

import sys

from support.environments import EnvironmentUnavailableError

from .demo import main

try:
    main()
except EnvironmentUnavailableError as error:
    sys.exit(f"error: {error}")
