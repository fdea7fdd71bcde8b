"""A process says whether it lives and whether it can work; a database that is away or old makes it unready."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from zoo.web.views import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Schema, "_is_there", False)


def test_with_a_database_of_this_version_it_is_ready(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"status": "ok"}


def test_before_the_migrations_it_is_not(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'runs'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "migrate" in answer.json()["status"]


def test_without_a_database_it_lives_and_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", gone)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
