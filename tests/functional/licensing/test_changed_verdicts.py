"""A verdict that became another: over REST, on its page, and in the feed of the model that it is about."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.factories.catalog import NOW, make_model
from zoo.licensing.models import RuleSet, VerdictChange

pytestmark = pytest.mark.django_db
VERSION = "1.9.0+test"


@pytest.fixture(autouse=True)
def change() -> VerdictChange:
    """One change of acme/tiny; acme/other stays as it was."""
    make_model("acme/other", license="MIT")
    return VerdictChange.objects.create(
        model=make_model("acme/tiny", license="CC-BY-NC-4.0"),
        use="sell",
        before="unknown",
        after="prohibited",
        before_rule="unlisted-license",
        after_rule="nc",
        cause=VerdictChange.Cause.RULES,
        rule_set=RuleSet.objects.create(version=VERSION, first_used_at=NOW, texts=1, rules=1),
        at=NOW,
    )


def test_it_is_told_over_rest_with_both_verdicts_and_the_rules(client: Client) -> None:
    address = "/api/v1/license-checks/changes/"
    (row,) = client.get(address).json()["results"]
    assert (row["model"], row["use"], row["before"], row["after"]) == (
        "acme/tiny",
        "sell",
        "unknown",
        "prohibited",
    )
    assert (row["before_rule"], row["after_rule"], row["cause"]) == ("unlisted-license", "nc", "rules")
    assert row["rules_version"] == VERSION
    assert len(client.get(address, {"model": "acme/tiny", "rules": VERSION}).json()["results"]) == 1
    assert client.get(address, {"model": "acme/other"}).json()["results"] == []


def test_it_is_told_on_the_page_of_changes(client: Client) -> None:
    text = client.get("/licenses/changes/").content.decode()
    (row,) = re.findall(r"<tr>(.*?)</tr>", text.split("<tbody>")[1], re.DOTALL)
    assert re.findall(r'data-verdict="(\w+)"', row) == ["unknown", "prohibited"]
    for words in ("acme/tiny", "unlisted-license", "nc", "the rules changed", VERSION):
        assert words in row


def test_the_feed_of_its_model_tells_it_and_that_of_another_does_not(client: Client) -> None:
    for address in ("/feeds/licenses.atom", "/feeds/licenses.atom?model=acme/tiny"):
        text = client.get(address).content.decode()
        assert "unknown became prohibited, because the rules changed." in text
        assert f"Rules {VERSION}." in text
        assert "<title>acme/tiny: sell</title>" in text
    other = client.get("/feeds/licenses.atom?model=acme/other")
    assert other.status_code == 200
    assert "<entry>" not in other.content.decode()
