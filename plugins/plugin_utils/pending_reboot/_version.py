# SPDX-License-Identifier: Apache-2.0
"""The version of this package; the one place it is written in."""

from __future__ import annotations

VERSION = "0.1.0"
