# SPDX-License-Identifier: Apache-2.0
"""Every test here runs one real tool on the collection and fails with what it says."""

from __future__ import annotations

from ansible_fleet.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
