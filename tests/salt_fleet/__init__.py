# SPDX-License-Identifier: Apache-2.0
"""Real Salt for tests: the command without a master, and a master with minions on this machine.

The minions run on Linux and play Windows machines (docs/salt.md, "Play a Windows machine").
"""
