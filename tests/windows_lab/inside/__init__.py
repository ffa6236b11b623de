# SPDX-License-Identifier: Apache-2.0
"""What runs on the lab's Windows Python."""

from __future__ import annotations
