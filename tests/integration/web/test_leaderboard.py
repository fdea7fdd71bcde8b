"""The leaderboard: what is ranked, what is not and why, and that page, CSV and API say the same."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evaluation.contract import SuiteRef
from tests.factories.catalog import make_model
from tests.factories.compared import make_comparison
from tests.factories.runs import NOW
from zoo.comparisons.leaderboard import Asked, board

pytestmark = pytest.mark.django_db
DEMO = SuiteRef(name="demo", version="1")
SIZES = {"scripted/tiny-p60": 1_000, "scripted/half-p80": 5_000, "scripted/odd-p70": 6_000}


@pytest.fixture
def compared(tmp_path: Path) -> None:
    for name, size in SIZES.items():
        make_model(name, parameters=size)
        make_comparison(tmp_path, student=name, suite=DEMO)
    make_comparison(tmp_path, student="scripted/cut-p85", suite=DEMO, limit=20)
    make_comparison(tmp_path, student="scripted/free-p85")


def names(asked: Asked, *, ranked: bool = True) -> list[str]:
    return [row.entry.student for row in board(asked).rows if (row.rank is not None) == ranked]


@pytest.mark.usefixtures("compared")
def test_students_are_ranked_by_what_they_keep_and_ranks_are_ranges() -> None:
    found = board(Asked())
    assert names(Asked()) == ["scripted/half-p80", "scripted/odd-p70", "scripted/tiny-p60"]
    ranks = [row.rank for row in found.rows if row.rank]
    assert ranks[0].best == 1
    assert all(rank.best <= rank.worst <= 3 for rank in ranks)


@pytest.mark.usefixtures("compared")
def test_a_limited_result_is_shown_with_the_reason_and_never_ranked() -> None:
    row = next(row for row in board(Asked()).rows if row.entry.student == "scripted/cut-p85")
    assert row.rank is None
    assert row.unranked == "a limit cut its tasks short"
    assert row.on_front is None


@pytest.mark.usefixtures("compared")
def test_a_comparison_outside_any_suite_is_not_on_the_board() -> None:
    assert "scripted/free-p85" not in names(Asked()) + names(Asked(), ranked=False)


@pytest.mark.usefixtures("compared")
def test_the_front_holds_what_no_other_beats_in_both() -> None:
    front = {row.entry.student: (row.on_front, row.dominated_by) for row in board(Asked()).rows if row.rank}
    assert front["scripted/tiny-p60"] == (True, ())
    assert front["scripted/half-p80"] == (True, ())
    assert front["scripted/odd-p70"] == (False, ("scripted/half-p80",))


@pytest.mark.usefixtures("compared")
def test_a_cost_that_nobody_measured_puts_nobody_on_the_front() -> None:
    assert {row.on_front for row in board(Asked(cost="latency")).rows} == {None}


@pytest.mark.usefixtures("compared")
def test_filters_leave_out_and_count_what_they_leave_out() -> None:
    found = board(Asked(parameters_lte=5_000, retention_gte=0.8))
    assert [row.entry.student for row in found.rows] == ["scripted/half-p80"]
    assert found.filtered_out == 3
    assert board(Asked(teacher="nobody/else")).rows == ()
    assert board(Asked(suite="nothing")).suite is None


def test_the_newest_whole_comparison_of_a_pair_counts(tmp_path: Path) -> None:
    whole = make_comparison(tmp_path, student="scripted/half-p80", suite=DEMO)
    make_comparison(tmp_path, student="scripted/half-p80", suite=DEMO, limit=10, now=NOW + timedelta(days=1))
    assert [row.entry.comparison_id for row in board(Asked()).rows] == [whole.pk]


@pytest.mark.usefixtures("compared")
def test_page_csv_and_api_say_the_same(client: Client) -> None:
    page = client.get("/leaderboard/").content.decode()
    rows = list(csv.DictReader(io.StringIO(client.get("/leaderboard/?format=csv").content.decode())))
    answer = client.get("/api/v1/leaderboard/").json()
    assert [row["student"] for row in rows] == [row["student"] for row in answer["results"]]
    for row, from_api in zip(rows, answer["results"], strict=True):
        assert row["student"] in page
        assert float(row["retention"]) == from_api["retention"]["value"]
        assert row["unranked"] == (from_api["unranked"] or "")


@pytest.mark.usefixtures("compared")
def test_htmx_gets_the_part_that_filters_change(client: Client) -> None:
    part = client.get("/leaderboard/", headers={"HX-Request": "true"})
    assert "HX-Request" in part["Vary"]
    assert "<html" not in part.content.decode()
    assert 'id="pareto"' in part.content.decode()


@pytest.mark.usefixtures("compared")
def test_a_wrong_filter_is_named_and_the_others_hold(client: Client) -> None:
    page = client.get("/leaderboard/?retention__gte=lots&parameters__lte=5000").content.decode()
    assert "retention__gte" in page
    assert "scripted/tiny-p60" in page
    assert "scripted/odd-p70" not in page


@pytest.mark.parametrize("query", ["x=price", "retention__gte=lots", "no_such=1", "verdict=maybe"])
def test_the_api_refuses_what_it_does_not_know(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/leaderboard/?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("compared")
def test_the_plot_can_be_taken_away_as_specification_and_picture(client: Client) -> None:
    specification = client.get("/leaderboard/chart.json").json()
    assert {row["name"] for row in specification["data"]["values"]} == set(SIZES)
    picture = client.get("/leaderboard/chart.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"http://testserver/models/scripted/half-p80/" in picture.content
    assert client.get("/leaderboard/chart.png").content.startswith(b"\x89PNG")
    assert client.get("/leaderboard/chart.exe").status_code == 404


def test_an_empty_board_says_how_to_fill_it(client: Client) -> None:
    assert "Nothing to rank yet" in client.get("/leaderboard/").content.decode()
    assert client.get("/api/v1/leaderboard/").json()["results"] == []


def test_a_longer_board_costs_no_more_queries(client: Client, tmp_path: Path) -> None:
    def count() -> int:
        client.get("/leaderboard/")
        with CaptureQueriesContext(connection) as seen:
            client.get("/leaderboard/")
        return len(seen)

    make_comparison(tmp_path, student="scripted/half-p80", suite=DEMO)
    short = count()
    make_comparison(tmp_path, student="scripted/odd-p70", suite=DEMO)
    make_comparison(tmp_path, student="scripted/tiny-p60", suite=DEMO)
    assert count() == short
