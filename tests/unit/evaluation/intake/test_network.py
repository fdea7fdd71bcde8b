"""Addresses: what belongs to the public internet, whatever form it is wrapped in, and what is never connected to."""

from __future__ import annotations

import httpcore
import pytest

from evaluation.formats.errors import FormatError
from evaluation.intake.network import Client, GuardedBackend, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "192.0.2.1", "198.18.0.1",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    with pytest.raises(FormatError) as caught:
        GuardedBackend([]).connect_tcp("localhost", 9, timeout=1)
    assert caught.value.code == "address_refused"


def test_the_operator_s_own_host_may_be_inside() -> None:
    with pytest.raises(httpcore.ConnectError):
        GuardedBackend(["LOCALHOST"]).connect_tcp("localhost", 9, timeout=1)


def test_every_connection_of_the_client_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    client = Client("https://hub.example")
    monkeypatch.setattr(client, "endpoint", "https://127.0.0.1:9")
    with client, pytest.raises(FormatError) as caught:
        client.get("/x")
    assert caught.value.code == "address_refused"
