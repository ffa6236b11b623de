# SPDX-License-Identifier: Apache-2.0
"""Every test here runs on real Salt."""

from __future__ import annotations

from salt_fleet.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
from salt_fleet.web import folder, web_fleet  # noqa: F401
