# SPDX-License-Identifier: Apache-2.0
"""The `pending-reboot` command: front ends, rendering and tools around the core."""

from __future__ import annotations
