# SPDX-License-Identifier: Apache-2.0
"""Simulated Windows machines that speak WS-Management over real HTTP, on this machine."""
