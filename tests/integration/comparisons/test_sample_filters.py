"""Samples by text and by margin: the page, REST and downloads narrow alike, and hidden texts cannot be searched."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from django.test import Client

from tests.integration.comparisons.test_comparing import TASKS, compared
from zoo.comparisons import redaction, samples
from zoo.comparisons.models import Comparison
from zoo.comparisons.narrowing import Narrowing
from zoo.comparisons.samples import PairedSample
from zoo.comparisons.selectors import document_of

pytestmark = pytest.mark.django_db
TASK = TASKS[0]


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    return compared(tmp_path)


def found(comparison: Comparison, narrow: Narrowing, task: str = TASK) -> list[PairedSample]:
    return samples.samples(comparison, task=task, outcome=None, after=0, limit=1000, narrow=narrow).samples


def texts(sample: PairedSample) -> list[str]:
    answers = [
        str(side[name] or "") for side in (sample.student, sample.teacher) for name in ("response", "answer")
    ]
    return [sample.prompt, sample.target, *sample.choices, *answers]


def margin(sample: PairedSample, side: str) -> float:
    values = getattr(sample, side)["loglikelihoods"]
    assert sample.gold is not None
    return float(values[sample.gold] - max(v for n, v in enumerate(values) if n != sample.gold))


def test_a_text_finds_what_reading_every_sample_finds(comparison: Comparison) -> None:
    for task in TASKS:
        everything = found(comparison, Narrowing(), task)
        for text in ("7", "DOCUMENT", "nothing holds this", "%"):
            expected = [
                s.doc_hash for s in everything if any(text.lower() in one.lower() for one in texts(s))
            ]
            assert [s.doc_hash for s in found(comparison, Narrowing(text=text), task)] == expected, (
                task,
                text,
            )


def test_a_range_of_margins_finds_those_within(comparison: Comparison) -> None:
    everything = found(comparison, Narrowing())
    for side in ("student", "teacher"):
        for low, high in ((-math.inf, 0.0), (-0.5, 0.5), (1.0, math.inf), (2.0, 1.0)):
            expected = [s.doc_hash for s in everything if low <= margin(s, side) <= high]
            narrow = Narrowing(margin_of=side, margin_from=low, margin_to=high)  # type: ignore[arg-type]
            assert [s.doc_hash for s in found(comparison, narrow)] == expected, (side, low, high)


def test_texts_without_choices_have_no_margin(comparison: Comparison) -> None:
    (rolling,) = (task for task in TASKS if "rolling" in task)
    assert found(comparison, Narrowing(margin_to=1e6), rolling) == []


def test_page_rest_and_download_take_the_same_filters(client: Client, comparison: Comparison) -> None:
    query = {"task": TASK, "outcome": "lost", "margin_of": "student", "margin__lte": "0", "q": "7"}
    address = f"/comparisons/{comparison.pk}/samples/"
    rows = client.get(f"/api/v1{address}", query).json()["results"]
    assert 0 < len(rows) < 20
    assert all(row["outcome"] == "lost" for row in rows)
    page = client.get(address, query).content.decode()
    for row in rows:
        assert f"Document {row['doc_id']}<" in page
    assert page.count("<article") == len(rows)
    assert "margin__lte=0&amp;after=" in page
    answer = client.get(f"/api/v1{address}jsonl/", query)
    lines = b"".join(answer.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert [json.loads(line)["doc_hash"] for line in lines] == [row["doc_hash"] for row in rows]


def test_the_page_opens_where_the_two_part_most_and_counts_what_there_is(
    client: Client, comparison: Comparison
) -> None:
    rows = [row for row in document_of(comparison)["tasks"] if row["samples"]]
    most = max(rows, key=lambda row: row["samples"]["lost"] + row["samples"]["gained"])
    page = client.get(f"/comparisons/{comparison.pk}/samples/").content.decode()
    assert f'<option value="{most["task"]}" selected>' in page
    assert f"lost: only the teacher is right ({most['samples']['lost']})" in page
    assert f"both right ({most['samples']['both']})" in page
    assert "log-likelihood" in page
    everything = client.get(f"/comparisons/{comparison.pk}/samples/?outcome=").content.decode()
    assert '<option value="">all</option>' in everything
    assert f"{most['n']} samples" in everything


def test_what_is_no_number_or_side_is_refused(client: Client, comparison: Comparison) -> None:
    wrong = ({"margin__gte": "high"}, {"margin__lte": "nan"}, {"margin_of": "both"}, {"margin__gte": "inf"})
    for query in wrong:
        for address in ("", "/api/v1"):
            answer = client.get(f"{address}/comparisons/{comparison.pk}/samples/", query)
            assert answer.status_code == 400, (address, query)


def test_hidden_texts_cannot_be_found_out_by_searching(
    client: Client, comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "datasets_of", lambda suite, tasks: {TASK: "Idavidrein/gpqa"})
    address = f"/api/v1/comparisons/{comparison.pk}/samples/"
    for query in ({"q": "7"}, {"margin__gte": "0"}):
        answer = client.get(address, {"task": TASK} | query)
        assert (answer.status_code, answer.json()["code"]) == (400, "texts_hidden")
    assert client.get(address, {"task": TASK, "outcome": "lost"}).status_code == 200
