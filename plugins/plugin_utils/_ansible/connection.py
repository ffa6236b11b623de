# SPDX-License-Identifier: GPL-3.0-or-later
"""The host of a task as a target of the WS-Management reader, from the options of Ansible's own connection."""

from __future__ import annotations

from typing import Any

from ..pending_reboot import InputError
from ..pending_reboot.readers.wsman import WsmanReader
from ..pending_reboot_wire.carriers import Deadline, carrier
from ..pending_reboot_wire.target import Target, configured
from .plain import plain

#: Which client library goes with which connection plugin: the one that it needs itself.
_LIBRARIES = {"winrm": "pywinrm", "psrp": "pypsrp"}
#: Options of the connection plugins, and the variables that the same thing has in an inventory.
_OPTIONS = {
    "winrm": {"scheme": "ansible_winrm_scheme", "transport": "ansible_winrm_transport"},
    "psrp": {
        "protocol": "ansible_psrp_protocol",
        "auth": "ansible_psrp_auth",
        "cert_validation": "ansible_psrp_cert_validation",
        "ca_cert": "ansible_psrp_ca_cert",
        "certificate_pem": "ansible_psrp_certificate_pem",
        "certificate_key_pem": "ansible_psrp_certificate_key_pem",
    },
}
_SHARED = {
    "remote_addr": "ansible_host",
    "port": "ansible_port",
    "remote_user": "ansible_user",
    "remote_password": "ansible_password",
}


def wsman_reader(connection: Any, name: str, *, answer: float, deadline: float) -> WsmanReader:
    """Return a reader of the host that `connection` reaches. Nothing is sent yet.

    Args:
        connection: a connection plugin with its options set: winrm or psrp.
        name: what the user calls the host.
        answer: seconds for one answer.
        deadline: seconds for all of them.

    Raises:
        InputError: it is another connection, or its options cannot be used.
    """
    plugin = str(connection.ansible_name if hasattr(connection, "ansible_name") else connection.transport)
    kind = plugin.rpartition(".")[2]
    if kind not in _LIBRARIES:
        raise InputError(
            f"reader: wsman needs the connection winrm or psrp, this host has {kind}", hint="use reader: powershell"
        )
    options = {**_SHARED, **_OPTIONS[kind]}
    said = {variable: _option(connection, option) for option, variable in options.items()}
    extras = {variable: value for variable, value in (_option(connection, "_extras") or {}).items() if value != ""}
    usual = Target(name, "", 5986, connect_timeout=min(answer, 10), read_timeout=answer)
    target = configured(name, plain({"ansible_connection": kind, **extras, **_said(said)}), usual, "connection")
    return WsmanReader(Deadline(carrier(target, _LIBRARIES[kind]), deadline))


def _option(connection: Any, name: str) -> Any:
    try:
        return connection.get_option(name)
    except KeyError:  # this version of the plugin has it not
        return None


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Return what is set; a list of transports that holds nothing is not."""
    return {name: value for name, value in values.items() if value not in (None, "", [], [None])}
