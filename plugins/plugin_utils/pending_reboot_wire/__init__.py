# SPDX-License-Identifier: Apache-2.0
"""The network side of the WS-Management reader: which host, which client library, within which limits.

It needs third-party libraries, so it stands beside the core. Like the core it has two names: `pending_reboot_wire`
where pip installed it, and one inside of the Ansible collection.
"""
