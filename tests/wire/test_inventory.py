# SPDX-License-Identifier: Apache-2.0
"""Hosts from words, files and Ansible inventories."""

from __future__ import annotations

from pathlib import Path

import pytest

from pending_reboot import InputError
from pending_reboot_tools import inventory
from pending_reboot_tools.inventory import inventory_targets, target_from, targets_in
from pending_reboot_tools.scan import unique
from pending_reboot_wire.target import Target

USUAL = Target("", "", 5986, "everyone", "secret")

INI = """
[web]
web01 ansible_host=10.0.0.1
web02 ansible_port=5985 ansible_user=own

[db]
db01 ansible_winrm_scheme=http ansible_port=8080

[windows:children]
web
db

[windows:vars]
ansible_connection=winrm
ansible_winrm_transport=kerberos
ansible_winrm_server_cert_validation=ignore
"""

YAML = """
all:
  vars: {ansible_user: all}
  children:
    web:
      hosts:
        web01: {ansible_host: 10.0.0.1}
        web02: {ansible_port: 5985, ansible_user: own}
      vars: {ansible_connection: psrp, ansible_psrp_auth: ntlm, ansible_psrp_ca_cert: /etc/ca.pem}
    empty:
"""


@pytest.fixture(params=["with Ansible", "without Ansible"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "without Ansible":
        monkeypatch.setattr(inventory, "_by_ansible", lambda _path, _limit: None)
    return str(request.param)


def described(target: Target) -> tuple[object, ...]:
    return (target.name, target.address, target.port, target.username, target.auth, target.tls, target.verify)


def test_a_yaml_inventory(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(YAML)
    assert [described(target) for target in inventory_targets(str(path), USUAL)] == [
        ("web01", "10.0.0.1", 5986, "all", "ntlm", True, "/etc/ca.pem"),
        ("web02", "web02", 5985, "own", "ntlm", False, "/etc/ca.pem"),
    ]


def test_an_ini_inventory_is_read_by_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts.ini"
    path.write_text(INI)
    assert sorted(described(target) for target in inventory_targets(str(path), USUAL)) == [
        ("db01", "db01", 8080, "everyone", "kerberos", False, False),
        ("web01", "10.0.0.1", 5986, "everyone", "kerberos", True, False),
        ("web02", "web02", 5985, "own", "kerberos", False, False),
    ]
    assert [target.name for target in inventory_targets(str(path), USUAL, "db")] == ["db01"]
    monkeypatch.setattr(inventory, "_by_ansible", lambda _path, _limit: None)
    with pytest.raises(InputError, match=r"is no YAML inventory .pip install ansible-core"):
        inventory_targets(str(path), USUAL)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("all: {hosts: {a: {ansible_port: many}}}", "'many' is no port"),
        ("all: {hosts: {a: {ansible_winrm_transport: telnet}}}", "'telnet' is no way to authenticate"),
        (
            "all: {hosts: {a: {ansible_password: '{{ vault }}'}}}",
            "ansible_password is a template, which is not read here",
        ),
        ("all: {hosts: {}}", "holds no host"),
        ("all: {hosts: {a: {ansible_connection: ssh}}}", "holds no host that is reached by WinRM"),
    ],
)
def test_what_cannot_be_used(reader: str, written: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(written)
    with pytest.raises(InputError) as raised:
        inventory_targets(str(path), USUAL)
    assert says in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "written",
    [
        "all: {hosts: {'web[01:03]': {}}}",
        "all: {hosts: [a]}",
        "all: {children: [a]}",
        "all: {vars: x}",
        "a: 5",
        "a: &a {children: {b: *a}}",
        "{all: {children: {web: {hosts: {a: }}}}, web: {vars: {ansible_port: 5985}}}",
        "all: {children: {x: {hosts: {a: }}, y: {hosts: {a: }}}}",
    ],
)
def test_without_ansible_nothing_is_guessed(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_by_ansible", lambda _path, _limit: None)
    path = tmp_path / "hosts.yml"
    path.write_text(written)
    with pytest.raises(InputError, match="pip install ansible-core"):
        inventory_targets(str(path), USUAL)


def test_an_inventory_that_ansible_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("all: [")
    with pytest.raises(InputError):
        inventory_targets(str(path), USUAL)


@pytest.mark.parametrize(
    ("word", "address", "port"),
    [("web01", "web01", 5986), ("web01.example.com:5985", "web01.example.com", 5985), ("[fe80::1]:1", "fe80::1", 1)],
)
def test_words(word: str, address: str, port: int) -> None:
    target = target_from(word, USUAL)
    assert (target.name, target.address, target.port) == (word, address, port)


@pytest.mark.parametrize("word", ["", "a b", "a/b", "user@host", "a:b", "fe80::1", "a:123456"])
def test_what_is_no_host(word: str) -> None:
    with pytest.raises(InputError, match="is no host"):
        target_from(word, USUAL)


def test_lines_with_comments() -> None:
    assert [target.name for target in targets_in("# all\nweb01 # first\n\n  web02:1\n", USUAL)] == ["web01", "web02:1"]


def test_a_host_that_is_named_twice() -> None:
    once = target_from("web01", USUAL)
    assert unique([once, once]) == [once]
    with pytest.raises(InputError, match="web01: stands for two hosts"):
        unique([once, Target("web01", "10.0.0.1", 5986)])


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(USUAL)
