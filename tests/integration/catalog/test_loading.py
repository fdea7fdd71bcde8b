"""Loading the reviewed data: complete, idempotent, careful with what people corrected."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories.catalog import NOW
from zoo.accounts.models import User
from zoo.catalog import selectors, services
from zoo.catalog.data import CuratedData, curated
from zoo.catalog.models import Evidence, Model, ReportedScore, Status, TimelineEntry
from zoo.lineage import loading
from zoo.lineage import selectors as lineage
from zoo.lineage.models import Edge

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shipped-catalog")]
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def shipped(shipped_catalog: None) -> None:
    """Every test here starts from the loaded catalog."""


def _changed(**changes: object) -> CuratedData:
    """The shipped data with one entry changed: DistilBERT."""
    entries = tuple(
        entry.model_copy(update=changes) if "distilbert" in entry.aliases else entry
        for entry in curated().entries
    )
    return replace(curated(), entries=entries)


def test_all_of_it_is_there() -> None:
    assert Model.objects.filter(curated=True).count() == len(curated().entries)
    assert Edge.objects.count() == sum(len(entry.lineage) for entry in curated().entries)
    assert ReportedScore.objects.count() == 2885
    assert Counter(row is not None for row in ReportedScore.objects.values_list("model", flat=True)) == {
        True: 2516,
        False: 369,
    }
    assert TimelineEntry.objects.count() == len(curated().timeline)


def test_loading_again_changes_nothing() -> None:
    assert loading.load(now=LATER) == []


def test_a_rehearsal_tells_the_changes_and_makes_none() -> None:
    data = _changed(license="MIT", recalled=())
    changes = loading.load(now=LATER, data=data, rehearse=True)
    assert ("distilbert/distilbert-base-uncased", "license: Apache-2.0 -> MIT") in changes
    assert selectors.get_model("distilbert").license == "Apache-2.0"


def test_a_changed_fact_becomes_a_correction() -> None:
    loading.load(now=LATER, data=_changed(parameters=67_000_000))
    model = selectors.get_model("distilbert")
    assert model.parameters == 67_000_000
    new, old = selectors.history_of(model).filter(field="parameters")
    assert (new.supersedes, old.value, new.reason) == (old, 66_000_000, "the reviewed data changed")


def test_what_a_person_corrected_is_left_alone_and_said_so() -> None:
    model = selectors.get_model("distilbert")
    services.record_fact(
        model=model,
        field="parameters",
        value=66_362_880,
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=User.objects.create_user("ada"),
        now=LATER,
        reason="counted",
    )
    assert loading.load(now=LATER) == []
    changes = loading.load(now=LATER, data=_changed(parameters=67_000_000))
    assert [change.what for change in changes] == ["parameters: left as a person corrected it"]
    model.refresh_from_db()
    assert model.parameters == 66_362_880


def test_withdrawn_evidence_and_edges_are_retracted_and_kept() -> None:
    loading.load(now=LATER, data=_changed(evidence=(), lineage=()))
    model = selectors.get_model("distilbert")
    assert set(Evidence.objects.filter(model=model).values_list("status", flat=True)) == {Status.RETRACTED}
    assert not lineage.parents_of(model)
    assert Edge.objects.filter(child=model, status=Status.RETRACTED, is_current=True).count() == 3


def test_a_score_that_is_gone_is_removed_and_a_changed_one_is_kept_under_its_record() -> None:
    data = curated()
    first, second, *rest = data.scores
    moved = replace(second, row=second.row.model_copy(update={"value": 12.5}))
    changes = loading.load(now=LATER, data=replace(data, scores=(moved, *rest)))
    assert ("reported scores", "1 gone") in changes
    assert ReportedScore.objects.count() == 2884
    assert ReportedScore.objects.filter(value=12.5, printed_name=second.row.model).exists()
    assert first.row.model


def test_r1_distill_llama_has_two_parents_of_different_kinds_with_evidence() -> None:
    edges = lineage.parents_of(selectors.get_model("r1-distill-llama-70b"))
    kinds = {(edge.kind, edge.parent.slug) for edge in edges}
    assert {
        ("distilled_from", "deepseek-ai/DeepSeek-R1"),
        ("finetuned_from", "meta-llama/Llama-3.3-70B-Instruct"),
    } <= kinds
    assert all(edge.evidence.all() for edge in edges)


def test_disputed_edges_and_allegations_give_no_teacher() -> None:
    assert lineage.teachers_of(selectors.get_model("llama-3.1-8b")) == []
    assert lineage.teachers_of(selectors.get_model("qwen-3.7-max")) == []
    assert [teacher.slug for teacher in lineage.teachers_of(selectors.get_model("distilbert"))] == [
        "google-bert/bert-base-uncased"
    ]


def test_the_starting_points_offer_open_licensed_models_with_numbers() -> None:
    choices = selectors.starting_points()
    assert len(choices) >= 5
    for choice in choices:
        assert choice.summaries, choice.point.slug
        for row in choice.summaries:
            assert row.model.availability == "open"
            assert row.model.license
            assert row.numbers


def test_a_prohibited_model_is_no_starting_point() -> None:
    before = {row.model.pk for choice in selectors.starting_points() for row in choice.summaries}
    services.publish_verdicts({pk: ["prohibited"] for pk in before})
    after = {row.model.pk for choice in selectors.starting_points() for row in choice.summaries}
    assert not before & after
