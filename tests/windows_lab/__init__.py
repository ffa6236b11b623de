# SPDX-License-Identifier: Apache-2.0
"""A genuine Windows API under test: Wine, a Windows CPython and WUA's COM classes. See docs/windows-lab.md.

Nothing is imported here: the modules of `inside` are imported by the lab's Windows Python, the others by Linux.
"""

from __future__ import annotations
