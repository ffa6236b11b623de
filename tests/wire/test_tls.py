# SPDX-License-Identifier: Apache-2.0
"""HTTPS: certificates are verified unless the user says otherwise, and Basic is carried by it only."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pending_reboot import Facts, facts_from
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot_tools.simulator.fleet import Simulation, scenario_from
from pending_reboot_wire.carriers import BACKENDS, carrier
from pending_reboot_wire.target import Auth, Target
from wire.conftest import PASSWORD, PATCHED


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture(scope="module")
def port(authority: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    data = {"username": "scanner", "password": PASSWORD, "basic": True, "hosts": {"web01": {"machine": PATCHED}}}
    account, machines = scenario_from(data)
    with Simulation(account, machines, tls=context).running() as simulation:
        yield simulation.ports["web01"]


def ask(port: int, backend: str, verify: bool | str, auth: Auth = "ntlm") -> Facts:
    target = Target("web01", "127.0.0.1", port, "scanner", PASSWORD, auth, tls=True, verify=verify)
    return facts_from(WsmanReader(carrier(target, backend)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_certificate_that_cannot_be_verified_is_refused(port: int, backend: str) -> None:
    facts = ask(port, backend, True)
    assert facts.state == "unknown"
    assert "the certificate cannot be verified" in facts.sources["windows_update"].description


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_certificate_of_a_trusted_authority(port: int, backend: str, authority: Path, auth: Auth) -> None:
    assert ask(port, backend, str(authority), auth).state == "pending"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_verification_can_be_switched_off(port: int, backend: str) -> None:
    assert ask(port, backend, False).state == "pending"
