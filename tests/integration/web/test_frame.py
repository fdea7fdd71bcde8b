"""What every page has: the scheme switch, headers that forbid foreign code, error pages with a next step."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories.catalog import make_model
from zoo.catalog import search

pytestmark = pytest.mark.django_db


def test_the_scheme_is_kept_in_a_cookie_and_rendered_by_the_server(client: Client) -> None:
    assert "data-theme" not in client.get("/docs/").content.decode()
    answer = client.post("/theme/", {"theme": "dark", "next": "/docs/"})
    assert answer["Location"] == "/docs/"
    assert '<html lang="en" data-theme="dark">' in client.get("/docs/").content.decode()
    client.post("/theme/", {"theme": "system"})
    assert "data-theme" not in client.get("/docs/").content.decode()


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"]
)
def test_the_scheme_switch_never_leads_to_another_site(client: Client, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target})["Location"] == "/"


def test_pages_forbid_inline_and_foreign_code(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_an_unknown_address_offers_the_search_with_what_was_asked(client: Client) -> None:
    page = client.get("/models/no-such/model-here/")
    assert page.status_code == 404
    assert 'name="q"' in page.content.decode()


def test_an_unknown_api_address_gets_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/nothing/")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_every_problem_type_has_its_page(client: Client) -> None:
    page = client.get("/problems/")
    assert "quota_exceeded" in page.content.decode()
    assert client.get("/problems/quota_exceeded/").status_code == 200
    assert client.get("/problems/no_such_problem/").status_code == 404


def test_a_form_without_its_token_says_what_to_do() -> None:
    page = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert page.status_code == 403
    assert "Reload the page" in page.content.decode()


def test_documents_are_served_by_name_and_nothing_else(client: Client) -> None:
    assert "How the numbers are formed" in client.get("/docs/").content.decode()
    assert client.get("/docs/decisions/2026-11-24-own-tokens/").status_code == 200
    for name in ("../pyproject", "%2e%2e/pyproject", "decisions/../../README", "nothing"):
        assert client.get(f"/docs/{name}/").status_code == 404


def test_the_lineage_door_leads_unknown_names_to_the_search(client: Client) -> None:
    assert client.get("/lineage/?model=some%26thing")["Location"] == "/models/?q=some%26thing"


def test_the_doors_understand_a_name_however_it_is_written(client: Client) -> None:
    search.refresh([make_model("example/Tiny-Model-3.1-8B").pk])
    for door, goal in (
        ("lineage", "/models/example/Tiny-Model-3.1-8B/lineage/"),
        ("licenses/of", "/licenses/check/?model=example%2FTiny-Model-3.1-8B"),
    ):
        for written in ("example/tiny-model-3.1-8b", "tiny model 3.1 8B"):
            assert client.get(f"/{door}/", {"model": written})["Location"] == goal
        assert client.get(f"/{door}/", {"model": "exmaple tiny modle"})["Location"] == goal, (
            "the only one meant"
        )


def test_the_license_door_leads_unknown_names_to_the_search_instead_of_an_unknown_verdict(
    client: Client,
) -> None:
    assert client.get("/licenses/of/?model=some+thing")["Location"] == "/models/?q=some+thing"
    assert client.get("/licenses/of/?model=license:MIT")["Location"] == "/licenses/check/?model=license%3AMIT"
