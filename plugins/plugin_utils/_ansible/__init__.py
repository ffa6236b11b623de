# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's plugins share: private to it, and the only helper files that import Ansible."""
