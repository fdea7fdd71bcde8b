"""Over REST one sees what can be measured: suites with their tasks, and the names that a submission may list."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from evaluation.suites import harness_tasks, loader

# Throttles and tokens are the only reasons to have a database here.
pytestmark = pytest.mark.django_db


def get(path: str, status: int = 200, **parameters: object) -> Any:
    answer = APIClient().get(f"/api/v1/{path}", parameters)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_every_suite_is_listed_with_what_it_asks_of_a_model() -> None:
    rows = {row["name"]: row for row in get("suites/")["results"]}
    assert tuple(rows) == loader.names()
    row = rows["reasoning-r1"]
    assert row["estimate"]["generated_tokens"] == loader.load("reasoning-r1").estimate.generated_tokens
    assert row["capabilities"] == ["mathematics", "reasoning"]
    assert row["url"].endswith("/api/v1/suites/reasoning-r1/")


@pytest.mark.parametrize("name", loader.names())
def test_a_suite_tells_of_each_task_how_it_is_measured(name: str) -> None:
    suite, found = loader.load(name), get(f"suites/{name}/")
    assert found["version"] == suite.version
    assert [
        (task["name"], task["num_fewshot"], task["metric"], task["chance"], task["capability"])
        for task in found["tasks"]
    ] == [(task.name, task.num_fewshot, task.metric, task.chance, task.capability) for task in suite.tasks]


def test_a_suite_can_be_asked_for_by_version() -> None:
    assert get("suites/demo/", version="1")["version"] == "1"
    problem = get("suites/demo/", 404, version="99")
    assert problem["code"] == "unknown_suite"


def test_an_unknown_suite_is_a_404_that_names_those_there_are() -> None:
    assert "quick" in get("suites/nothing/", 404)["detail"]


def test_tasks_are_found_by_a_part_of_their_name() -> None:
    found = get("tasks/", q="ARC_Eas", page_size=100)
    names = {row["name"]: row for row in found["results"]}
    assert found["harness_version"] == harness_tasks.index().harness_version
    assert names["arc_easy"]["kind"] == "task"
    assert names["arc_easy"]["capability"] == loader.capability_of("arc_easy")
    assert names["arc_easy"]["output_type"] == "multiple_choice"
    assert all("arc_eas" in name.lower() for name in names)


def test_a_group_says_how_many_tasks_it_has() -> None:
    rows = {row["name"]: row for row in get("tasks/", q="mmlu_stem", page_size=100)["results"]}
    assert "task" not in rows["mmlu_stem"]["kind"]
    assert rows["mmlu_stem"]["tasks_count"] == len(harness_tasks.index().leaves("mmlu_stem")) > 1


def test_tasks_that_preflight_refuses_say_so() -> None:
    rows = get("tasks/", q="humaneval", page_size=100)["results"]
    assert next(row for row in rows if row["name"] == "humaneval")["refused"] == "task_runs_code"


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    seen: list[str] = []
    address: str | None = "/api/v1/tasks/?q=blimp&page_size=40"
    while address:
        page = APIClient().get(address).json()
        seen += [row["name"] for row in page["results"]]
        last, address = page, page["next"]
    assert seen == sorted(set(seen))
    assert len(seen) > 67
    back = APIClient().get(last["previous"]).json()["results"]
    assert back[-1]["name"] == seen[(len(seen) - 1) // 40 * 40 - 1]


def test_a_word_that_nothing_has_gives_an_empty_page() -> None:
    assert get("tasks/", q="no such task at all")["results"] == []


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("tasks/", {"cursor": "x"}),
        ("tasks/", {"cursor": "-1"}),
        ("tasks/", {"cursor": "999999"}),
        ("tasks/", {"page_size": 0}),
        ("tasks/", {"query": "arc"}),
        ("suites/", {"q": "demo"}),
        ("suites/demo/", {"v": "1"}),
    ],
)
def test_parameters_that_are_wrong_or_unknown_are_refused(path: str, parameters: dict[str, object]) -> None:
    get(path, 400, **parameters)


def test_the_advice_of_preflight_about_tasks_leads_somewhere() -> None:
    assert get("tasks/")["results"]
