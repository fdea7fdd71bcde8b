"""The home page and the measured part of model pages, before and after something was compared."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluation.contract import SuiteRef
from tests.factories.catalog import make_model
from tests.factories.compared import make_comparison
from tests.factories.runs import NOW, make_worker
from zoo.runs.models import Worker

pytestmark = pytest.mark.django_db
DEMO = SuiteRef(name="demo", version="1")
STUDENT, TEACHER = "scripted/half-p80", "scripted/teacher-p90"


@pytest.fixture
def compared(tmp_path: Path) -> None:
    make_model(STUDENT, parameters=1_000)
    make_model(TEACHER, parameters=4_000)
    make_comparison(tmp_path, student=STUDENT, teacher=TEACHER, suite=DEMO)


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_empty_zoo_says_how_to_begin(client: Client) -> None:
    page = text(client, "/")
    assert "Nothing was compared here yet" in page
    assert "make demo" in page


def test_the_home_page_has_one_sentence_one_search_and_five_doors(client: Client) -> None:
    page = text(client, "/")
    assert page.count("<h1") == 1
    assert page.count('type="search"') == 1
    assert page.split('class="doors"')[1].split("</section>")[0].count("<h3>") == 5


@pytest.mark.usefixtures("compared")
def test_the_latest_comparison_is_told_in_a_sentence(client: Client) -> None:
    page = " ".join(text(client, "/").split())
    assert f'<a href="/models/{STUDENT}/">{STUDENT}</a> keeps <strong>' in page


@pytest.mark.usefixtures("compared")
def test_a_trial_does_not_take_the_place_of_a_whole_suite_and_says_its_limit(
    client: Client, tmp_path: Path
) -> None:
    later = NOW + timedelta(hours=1)
    make_comparison(tmp_path, student="scripted/half-p70", teacher=TEACHER, suite=DEMO, limit=20, now=later)
    page = text(client, "/")
    hero, rest = page.split('class="card latest"')[1].split("</aside>")
    assert f"/models/{STUDENT}/" in hero
    assert "Latest comparison on a whole suite" in hero
    assert "first 20 documents" not in hero
    assert "first 20 documents of each task" in rest


def test_a_lone_trial_is_told_with_its_limit(client: Client, tmp_path: Path) -> None:
    make_comparison(tmp_path, student=STUDENT, teacher=TEACHER, suite=DEMO, limit=20)
    hero = text(client, "/").split('class="card latest"')[1].split("</aside>")[0]
    assert "on the first 20 documents of each task" in hero


@pytest.mark.usefixtures("compared")
def test_a_students_page_says_what_it_keeps_at_which_size(client: Client) -> None:
    page = text(client, f"/models/{STUDENT}/")
    assert "Measured here" in page
    assert "at 25% of its size" in page
    assert "zoo evaluate scripted/half-p80 --teacher scripted/teacher-p90" in page


def test_a_model_too_large_for_every_worker_is_not_urged_to_be_evaluated(client: Client) -> None:
    make_model("acme/large", parameters=70_600_000_000)
    make_model("acme/small", parameters=6_000_000)
    make_worker(now=timezone.now())
    Worker.objects.update(memory_bytes=16 * 10**9)
    large, small = text(client, "/models/acme/large/"), text(client, "/models/acme/small/")
    assert "its weights fill 141 GB and more; the largest worker here has 16 GB" in " ".join(large.split())
    assert '<a class="button"' not in large.split('<div class="row">')[1].split("</div>")[0]
    assert "the largest worker here" not in small


@pytest.mark.usefixtures("compared")
def test_a_teachers_page_lists_its_students(client: Client) -> None:
    page = text(client, f"/models/{TEACHER}/")
    assert "Its students" in page
    assert STUDENT in page


def test_a_model_that_was_never_measured_says_so(client: Client) -> None:
    make_model("acme/new")
    assert "Never measured here" in text(client, "/models/acme/new/")


@pytest.mark.usefixtures("compared")
def test_the_list_draws_what_was_measured(client: Client) -> None:
    assert 'class="bar"' in text(client, "/models/")


@pytest.mark.usefixtures("compared")
def test_the_home_page_costs_a_fixed_number_of_queries(client: Client, tmp_path: Path) -> None:
    def count() -> int:
        client.get("/")
        with CaptureQueriesContext(connection) as seen:
            client.get("/")
        return len(seen)

    one = count()
    make_model("scripted/odd-p70", parameters=1_000)
    make_comparison(tmp_path, student="scripted/odd-p70", teacher=TEACHER, suite=DEMO)
    assert count() == one
