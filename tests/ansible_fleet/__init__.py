# SPDX-License-Identifier: Apache-2.0
"""Real ansible-playbook on simulated Windows hosts: their state lies in files, only PowerShell itself is replaced."""
