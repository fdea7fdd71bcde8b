"""The client of intake: what it never connects to, and the operator's own host that it may."""

from __future__ import annotations

import httpcore
import pytest

from evaluation.formats.errors import FormatError
from evaluation.intake.network import Client, GuardedBackend


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
