# SPDX-License-Identifier: Apache-2.0
"""Independent clients talk to the simulator as they talk to Windows: pywinrm, pypsrp, Ansible's connection plugins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypsrp.exceptions
import pypsrp.wsman
import pytest
import winrm.exceptions
import winrm.protocol
import xmltodict

from pending_reboot_tools.simulator.fleet import LOOPBACK, Simulation
from wire.conftest import PASSWORD, PATCHED, Simulate

URI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv"
UPDATES = {"hDefKey": "2147483650", "sSubKeyName": r"SOFTWARE\Microsoft\Updates"}


def by_pywinrm(simulation: Simulation, name: str, password: str = PASSWORD) -> str:
    """Return an answer to pywinrm, made with its own builder of messages."""
    protocol = winrm.protocol.Protocol(
        f"http://{LOOPBACK}:{simulation.ports[name]}/wsman",
        transport="ntlm",
        username="scanner",
        password=password,
        proxy=None,
        server_cert_validation="ignore",  # there is no TLS
    )
    envelope = protocol.build_wsman_header(action=f"{URI}/EnumKey", resource_uri=URI)
    arguments = {f"p:{key}": value for key, value in UPDATES.items()}
    envelope["env:Body"] = {"p:EnumKey_INPUT": {"@xmlns:p": URI, **arguments}}
    return protocol.send_message(xmltodict.unparse({"env:Envelope": envelope})).decode()


def client(simulation: Simulation, name: str, auth: str, password: str = PASSWORD) -> pypsrp.wsman.WSMan:
    return pypsrp.wsman.WSMan(
        LOOPBACK,
        port=simulation.ports[name],
        username="scanner",
        password=password,
        ssl=False,
        auth=auth,
        no_proxy=True,
    )


def by_pypsrp(wsman: pypsrp.wsman.WSMan) -> str:
    """Return an answer to pypsrp, made with its public invoke()."""
    resource = ElementTree.Element(f"{{{URI}}}EnumKey_INPUT")
    for key, value in UPDATES.items():
        ElementTree.SubElement(resource, f"{{{URI}}}{key}").text = value
    return ElementTree.tostring(wsman.invoke(f"{URI}/EnumKey", URI, resource)).decode()


def test_pywinrm(simulate: Simulate) -> None:
    simulation = simulate({"web01": {"machine": PATCHED}, "busy": {"fault": "quota"}})
    assert "UpdateExeVolatile</p:sNames>" in by_pywinrm(simulation, "web01")
    with pytest.raises(winrm.exceptions.InvalidCredentialsError):
        by_pywinrm(simulation, "web01", "wrong")
    with pytest.raises(winrm.exceptions.WSManFaultError) as raised:
        by_pywinrm(simulation, "busy")
    assert raised.value.wmierror_code == 0x803381A6


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_pypsrp(simulate: Simulate, auth: str) -> None:
    simulation = simulate({"web01": {"machine": PATCHED}, "busy": {"fault": "quota"}})
    assert "UpdateExeVolatile<" in by_pypsrp(client(simulation, "web01", auth))
    with pytest.raises(pypsrp.exceptions.AuthenticationError):
        by_pypsrp(client(simulation, "web01", auth, "wrong"))
    with pytest.raises(pypsrp.exceptions.WSManFaultError, match="QuotaLimit"):
        by_pypsrp(client(simulation, "busy", auth))


def test_basic_only_where_it_is_allowed(simulate: Simulate) -> None:
    def ask(simulation: Simulation) -> str:
        wsman = pypsrp.wsman.WSMan(
            LOOPBACK,
            port=simulation.ports["web01"],
            username="scanner",
            password=PASSWORD,
            ssl=False,
            auth="basic",
            encryption="never",
            no_proxy=True,
        )
        return by_pypsrp(wsman)

    with pytest.raises(pypsrp.exceptions.AuthenticationError):
        ask(simulate({"web01": {"machine": PATCHED}}))
    assert "UpdateExeVolatile<" in ask(simulate({"web01": {"machine": PATCHED}}, basic=True))


#: Builds a client from what Ansible's winrm connection plugin was configured with, as a module's own action would.
ACTION = """
from ansible.plugins.action import ActionBase
from winrm.protocol import Protocol
import xmltodict


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        connection = self._connection
        connection._build_winrm_kwargs()
        endpoint = "%s://%s:%s/wsman" % (
            connection._winrm_scheme, connection._winrm_host, connection._winrm_port)
        protocol = Protocol(endpoint, transport="ntlm", proxy=None, **connection._winrm_kwargs)
        uri = self._task.args["uri"]
        envelope = protocol.build_wsman_header(action=uri + "/EnumKey", resource_uri=uri)
        envelope["env:Body"] = {"p:EnumKey_INPUT": {
            "@xmlns:p": uri, "p:hDefKey": "2147483650", "p:sSubKeyName": self._task.args["key"]}}
        reply = protocol.send_message(xmltodict.unparse({"env:Envelope": envelope}))
        return {"changed": False, "reply": reply.decode(), "shell": connection.connected}
"""


def ansible(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANSIBLE_LOCAL_TEMP": str(folder / "temp"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_ACTION_PLUGINS": str(folder / "action"),
        "ANSIBLE_LIBRARY": str(folder / "library"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "no_proxy": "*",
    }
    program = str(Path(sys.executable).with_name("ansible"))
    return subprocess.run([program, *words], env=environment, capture_output=True, text=True, timeout=120, check=False)


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what `ansible` printed of the one host."""
    found: dict[str, Any] = json.loads(done.stdout.partition("=>")[2] or "null")
    assert found, done.stdout + done.stderr
    return found


@pytest.fixture
def configured(simulate: Simulate, inventory: Callable[[Simulation], str], tmp_path: Path) -> str:
    simulation = simulate({"web01": {"machine": PATCHED}})
    for name in ("action", "library"):
        (tmp_path / name).mkdir()
    (tmp_path / "action/wsman_probe.py").write_text(ACTION)
    (tmp_path / "library/wsman_probe.py").write_text("#!/usr/bin/python\n")
    return inventory(simulation)


def test_ansible_makes_wsman_calls_without_a_shell(configured: str, tmp_path: Path) -> None:
    words = ["web01", "-i", configured, "-e", f"ansible_password={PASSWORD}", "-m", "wsman_probe"]
    done = ansible(tmp_path, *words, "-a", rf"uri={URI} key=SOFTWARE\Microsoft\Updates")
    result = result_of(done)
    assert "UpdateExeVolatile</p:sNames>" in result["reply"], done.stdout
    assert result["shell"] is False


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_a_shell_is_refused_clearly(configured: str, tmp_path: Path, connection: str) -> None:
    words = ["web01", "-i", configured, "-e", f"ansible_password={PASSWORD}", "-e", f"ansible_connection={connection}"]
    psrp = ["-e", "ansible_psrp_protocol=http", "-e", "ansible_psrp_auth=ntlm"]
    done = ansible(tmp_path, *words, *psrp, "-m", "raw", "-a", "hostname")
    assert done.returncode != 0
    result = result_of(done)
    assert result.get("unreachable") or result.get("failed")
    assert "the simulator has WMI classes and no shells" in result["msg"]
