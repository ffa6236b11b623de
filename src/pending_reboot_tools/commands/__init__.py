# SPDX-License-Identifier: Apache-2.0
"""One module per command, each with `add(commands)` for its options and `run(options)` for its work."""

from __future__ import annotations
