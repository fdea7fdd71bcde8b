"""Pages, badge and feeds of releases, read as a visitor and a feed reader would."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from django.test import Client

from tests.factories.catalog import make_model
from tests.factories.compared import make_comparison, measured_run
from tests.factories.runs import NOW
from tests.integration.publishing.test_releases import published
from zoo.comparisons.services import settle
from zoo.comparisons.side_by_side import starting_points
from zoo.publishing.selectors import listed, newest
from zoo.publishing.services import publish, publish_ready
from zoo.runs.models import Pairing

pytestmark = pytest.mark.django_db
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def entries(client: Client, address: str) -> list[str]:
    response = client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("application/atom+xml")
    return [
        entry.findtext("a:title", "", ATOM)
        for entry in ET.fromstring(response.content).findall("a:entry", ATOM)
    ]


def test_the_permanent_page_shows_what_was_published_and_how_to_check_it(
    tmp_path: Path, client: Client
) -> None:
    release = published(tmp_path)
    text = client.get(f"/releases/{release.pk}/").content.decode()
    assert release.digest in text
    assert f"zoo verify {release.pk}" in text
    assert "scripted_choice.n-60" in text
    listed = client.get("/releases/").content.decode()
    assert f"/releases/{release.pk}/" in listed
    assert release.hash in listed


def test_a_trial_is_listed_with_its_limit(tmp_path: Path, client: Client) -> None:
    comparison = make_comparison(tmp_path, tasks=("scripted_choice.n-60",), limit=20)
    release = publish(comparison_id=comparison.pk, now=NOW)
    index = client.get("/releases/").content.decode()
    assert "limited" in index
    for page in (index, client.get(f"/releases/{release.pk}/").content.decode()):
        assert "first 20 documents of each task" in page


def test_a_noise_floor_is_neither_published_nor_listed(tmp_path: Path, client: Client) -> None:
    model, tasks = "scripted/teacher-p90", ("scripted_choice.n-60",)
    runs = [measured_run(model, tmp_path, tasks=tasks, batch_size=size) for size in (8, 16)]
    pairing = Pairing.objects.create(student_run=runs[0], teacher_run=runs[1], created_at=NOW)
    floor = settle(pairing_id=pairing.pk, now=NOW)
    assert floor is not None
    assert publish_ready(now=NOW) == 0
    assert starting_points() == []
    publish(comparison_id=floor.pk, now=NOW)
    assert list(listed()) == []
    assert newest([model]) == {}
    page = client.get("/releases/").content.decode()
    assert "Nothing was published yet" in page
    assert "Not listed: 1 noise floor" in page


def test_without_releases_the_list_says_what_to_do(client: Client) -> None:
    assert "Nothing was published yet" in client.get("/releases/").content.decode()


def test_the_badge_shows_the_newest_release_or_that_there_is_none(tmp_path: Path, client: Client) -> None:
    make_model("scripted/student-p70")
    make_model("acme/other")
    assert "not measured" in client.get("/badges/acme/other/retention.svg").content.decode()
    published(tmp_path)
    response = client.get("/badges/scripted/student-p70/retention.svg")
    assert response["Content-Type"] == "image/svg+xml"
    assert "%" in ET.fromstring(response.content).attrib["aria-label"]
    shields = client.get("/badges/scripted/student-p70/retention.json").json()
    assert shields["schemaVersion"] == 1
    assert shields["label"] == "retention"


def test_feeds_list_releases_models_and_changed_verdicts(tmp_path: Path, client: Client) -> None:
    make_model("acme/small", title="Acme Small")
    published(tmp_path)
    assert entries(client, "/feeds/releases.atom") == ["scripted/student-p70 against scripted/teacher-p90"]
    assert "Acme Small" in entries(client, "/feeds/models.atom")
    assert entries(client, "/feeds/licenses.atom?model=acme/small") == []
