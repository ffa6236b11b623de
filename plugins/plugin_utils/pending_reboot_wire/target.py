# SPDX-License-Identifier: Apache-2.0
"""A host that is asked over WS-Management, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from .core import InputError

Auth = Literal["negotiate", "ntlm", "kerberos", "credssp", "certificate", "basic"]


@dataclass(frozen=True)
class Target:
    """A host, and how to reach it. Its text has no secrets."""

    #: What the user calls it.
    name: str
    address: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    auth: Auth = "negotiate"
    tls: bool = True
    #: Verify the certificate: yes, no, or with the authorities in this file.
    verify: bool | str = True
    certificate: str | None = None
    certificate_key: str | None = field(default=None, repr=False)
    #: Seconds.
    connect_timeout: float = 5
    read_timeout: float = 25

    def check(self) -> None:
        """Refuse what would send a password in the clear.

        Raises:
            InputError: Basic without TLS, a certificate without its key, a file that is not there, or no port.
        """
        if self.auth == "basic" and not self.tls:
            raise InputError("basic sends the password in the clear without TLS", where=self.name, hint="use ntlm")
        if self.auth == "certificate" and not (self.certificate and self.certificate_key and self.tls):
            raise InputError("certificate needs TLS, a certificate and its key", where=self.name)
        if not 0 < self.port < 65536:
            raise InputError(f"{self.port} is no port", where=self.name)
        for path in (self.verify, self.certificate, self.certificate_key):
            if isinstance(path, str) and not Path(path).exists():
                raise InputError("cannot be read: No such file or directory", where=path)


_AUTHS: Final[Mapping[str, Auth]] = {
    "ntlm": "ntlm",
    "kerberos": "kerberos",
    "credssp": "credssp",
    "certificate": "certificate",
    "negotiate": "negotiate",
    "basic": "basic",
    "plaintext": "basic",
    "ssl": "basic",
}
_HTTP_PORTS: Final = (5985, 80)


def configured(name: str, variables: Mapping[str, Any], usual: Target, path: str) -> Target:
    """Return the target that Ansible's connection variables describe.

    Args:
        name: what the user calls it.
        variables: `ansible_host`, `ansible_winrm_scheme` and so on, as plain values.
        usual: what holds where they say nothing.
        path: the inventory, for errors.

    Raises:
        InputError: a variable cannot be used.
    """
    psrp = variables.get("ansible_connection") == "psrp"

    def said(*names: str) -> Any:
        variable = next((each for each in names if variables.get(each) is not None), None)
        value = variables[variable] if variable else None
        if isinstance(value, Mapping) or (isinstance(value, str) and "{{" in value):
            what = "is encrypted" if isinstance(value, Mapping) else "is a template"
            hint = "give the credentials in the environment" if "password" in str(variable) else "write its value"
            raise InputError(f"{variable} {what}, which is not read here", where=f"{path}: {name}", hint=hint)
        return value

    port = said("ansible_psrp_port", "ansible_winrm_port", "ansible_port")
    scheme = said("ansible_psrp_protocol", "ansible_winrm_scheme")
    auth = said("ansible_psrp_auth" if psrp else "ansible_winrm_transport")
    auth = auth[0] if isinstance(auth, list) and auth else auth
    try:
        number = usual.port if port is None else int(str(port))
    except ValueError as error:
        raise InputError(f"{port!r} is no port", where=f"{path}: {name}") from error
    if auth is not None and str(auth) not in _AUTHS:
        raise InputError(f"{auth!r} is no way to authenticate", where=f"{path}: {name}", hint=", ".join(_AUTHS))
    tls = usual.tls if scheme is None and port is None else scheme == "https" if scheme else number not in _HTTP_PORTS
    checks = str(said("ansible_psrp_cert_validation", "ansible_winrm_server_cert_validation") or "").lower()
    trust = said("ansible_psrp_ca_cert", "ansible_winrm_ca_trust_path")
    return replace(
        usual,
        name=name,
        address=str(said("ansible_psrp_host", "ansible_winrm_host", "ansible_host") or name).strip("[]"),
        port=number,
        username=_string(said("ansible_psrp_user", "ansible_winrm_user", "ansible_user")) or usual.username,
        password=_string(said("ansible_psrp_password", "ansible_winrm_password", "ansible_password")) or usual.password,
        auth=_AUTHS[str(auth)] if auth else usual.auth,
        tls=tls,
        verify=False if checks == "ignore" else str(trust) if trust else usual.verify,
        certificate=said("ansible_psrp_certificate_pem", "ansible_winrm_cert_pem") or usual.certificate,
        certificate_key=said("ansible_psrp_certificate_key_pem", "ansible_winrm_cert_key_pem") or usual.certificate_key,
    )


def _string(value: object) -> str | None:
    """Return text; YAML makes a number of a password that is one."""
    return None if value is None else str(value)
