"""Verdicts kept in the database: computed, kept up to date along the lineage, their changes listed."""

import datetime as dt
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction

from tests.factories.catalog import NOW, make_edge, make_model
from zoo.catalog import search
from zoo.catalog import services as catalog
from zoo.catalog.models import Kind, Model, SearchDocument, Status
from zoo.catalog.search import parameters
from zoo.licensing import lineage_source, selectors, services
from zoo.licensing.checks import ask
from zoo.licensing.documents import QuestionDocument
from zoo.licensing.library import rule_book
from zoo.licensing.models import RuleSet, Standing, VerdictChange
from zoo.lineage.models import EdgeKind

pytestmark = pytest.mark.django_db
SOON = NOW + dt.timedelta(minutes=1)
LATER = NOW + dt.timedelta(hours=1)


def verdict(model: Model, use: str = "sell") -> str:
    return str(Standing.objects.get(model=model).verdicts[use]["verdict"])


def relicense(model: Model, key: str, now: dt.datetime = LATER) -> None:
    catalog.record_fact(
        model=model,
        field="license",
        value=key,
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=None,
        now=now,
    )


def family() -> tuple[Model, Model, Model]:
    """A base, a student of its weights, and a quantized copy of the student."""
    base = make_model("acme/base", license="Apache-2.0")
    student = make_model("small/student", license="MIT")
    copy = make_model("tiny/copy", license="MIT")
    make_edge(student, base, EdgeKind.FINETUNED_FROM)
    make_edge(copy, student, EdgeKind.QUANTIZED_FROM)
    return base, student, copy


def test_every_model_gets_a_verdict_for_every_intended_use() -> None:
    base, _, copy = family()
    assert services.recompute_all(acting_user=None, now=SOON) == (3, 0)
    assert verdict(base) == "allowed"
    assert verdict(copy, "redistribute") == "conditions"
    assert RuleSet.objects.get().version == rule_book().version


def test_repeating_changes_nothing() -> None:
    family()
    services.recompute_all(acting_user=None, now=SOON)
    before = list(Standing.objects.values_list("model", "verdicts", "changed_at"))
    assert services.recompute_all(acting_user=None, now=LATER).changed == 0
    assert list(Standing.objects.values_list("model", "verdicts", "changed_at")) == before
    assert services.refresh_stale(now=LATER + dt.timedelta(hours=1)) == (0, 0)


def test_a_change_at_the_base_reaches_all_that_descends_and_nothing_else() -> None:
    base, student, copy = family()
    bystander = make_model("other/model", license="MIT")
    services.recompute_all(acting_user=None, now=SOON)
    relicense(base, "CC-BY-NC-4.0")
    outcome = services.refresh_stale(now=LATER + dt.timedelta(minutes=1))
    assert outcome.judged == 3
    assert {verdict(model) for model in (base, student, copy)} == {"prohibited"}
    assert verdict(bystander) == "allowed"
    changes = selectors.changes(model=copy)
    assert {(row.use, row.before, row.after, row.cause) for row in changes if row.use == "sell"} == {
        ("sell", "allowed", "prohibited", "catalog")
    }
    assert changes.filter(use="sell").get().after_rule == "nc"


def test_a_new_edge_and_a_new_model_are_noticed() -> None:
    _, student, _ = family()
    services.recompute_all(acting_user=None, now=SOON)
    api = make_model("closed/api", kind=Kind.API, now=LATER, license="openai-services-agreement")
    make_edge(student, api, EdgeKind.DISTILLED_FROM, now=LATER)
    assert services.stale_models(RuleSet.objects.get()) == {student.pk, api.pk}
    # Judging one model in between hides nothing from the sweep.
    services.recompute_verdicts(models=[], acting_user=None, now=LATER)
    assert services.refresh_stale(now=LATER).judged == 3
    assert verdict(student) == "allowed"
    assert Standing.objects.filter(model=api).exists()


def test_a_disputed_edge_takes_no_part() -> None:
    student = make_model("small/student", license="MIT")
    base = make_model("acme/base", license="CC-BY-NC-4.0")
    make_edge(student, base, EdgeKind.FINETUNED_FROM, status=Status.DISPUTED)
    services.recompute_all(acting_user=None, now=SOON)
    assert verdict(student) == "allowed"


def test_a_change_of_the_rules_lists_which_verdicts_changed() -> None:
    model = make_model("acme/model", license="CC-BY-NC-4.0")
    services.recompute_all(acting_user=None, now=SOON)
    old = RuleSet.objects.create(version="0.9.0+old", first_used_at=NOW, texts=1, rules=1)
    row = Standing.objects.get(model=model)
    row.verdicts["sell"] = {"verdict": "unknown", "rule": "unlisted-license", "license": ""}
    row.rule_set = old
    row.save()
    assert services.refresh_stale(now=LATER).changed == 1
    change = VerdictChange.objects.get()
    assert (change.cause, change.before, change.after) == ("rules", "unknown", "prohibited")
    assert list(selectors.changes(rules=rule_book().version)) == [change]


def test_the_verdict_is_a_facet_of_the_model_list() -> None:
    family()
    make_model("acme/unlisted", license="Nobody-1.0")
    services.recompute_all(acting_user=None, now=SOON)
    for value, expected in (("allowed", 3), ("unknown", 1), ("use-redistribute:conditions", 3)):
        query = parameters.parse({"verdict": [value]}).query
        assert len(search.page(query).ids) == expected
    document = SearchDocument.objects.get(model__key="acme/unlisted")
    assert document.contributed["verdict"][0] == "unknown"


def test_an_unknown_license_is_unknown_and_a_missing_one_too() -> None:
    unlisted = make_model("acme/unlisted", license="Nobody-1.0")
    bare = make_model("acme/bare")
    services.recompute_all(acting_user=None, now=SOON)
    assert (verdict(unlisted), verdict(bare)) == ("unknown", "unknown")


def test_the_lineage_costs_as_many_queries_however_deep_it_is(django_assert_max_num_queries: object) -> None:
    models = [make_model(f"acme/m{index}", license="MIT") for index in range(13)]
    for child, parent in pairwise(models):
        make_edge(child, parent, EdgeKind.FINETUNED_FROM)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        lineage = lineage_source.above(["acme/m0"])
    assert len(lineage.graph.nodes) == 13


def test_the_panel_shows_a_row_per_use_with_kept_or_fresh_verdicts() -> None:
    _, _, copy = family()
    fresh = [(row.use.name, row.verdict) for row in selectors.panel(copy).rows]
    services.recompute_all(acting_user=None, now=SOON)
    assert [(row.use.name, row.verdict) for row in selectors.panel(copy).rows] == fresh
    assert len(fresh) == 6


def test_a_check_finds_models_by_any_name() -> None:
    family()
    for name in ("tiny/copy", "TINY/Copy"):
        document = QuestionDocument.model_validate({"use": {"model": name, "action": "redistribute"}})
        answer = ask(document).answer
        assert "apache-copy@acme/base" in {finding.rule for finding in answer.findings}


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("license:MIT", "allowed"),
        ("license:MIT AND CC-BY-NC-4.0", "prohibited"),
        ("license:MIT OR CC-BY-NC-4.0", "allowed"),
        ("license:gemma", "conditions"),
        ("license:Odd-1.0", "unknown"),
        ("license:", "unknown"),
    ],
)
def test_a_license_expression_is_asked_about_like_a_model(expression: str, verdict: str) -> None:
    use = {"model": expression, "action": "host", "commercial": True}
    assert ask(QuestionDocument.model_validate({"use": use})).answer.verdict.word == verdict


def test_a_license_is_found_by_key_tag_or_spdx_id_and_a_wrong_one_names_neighbors() -> None:
    assert {selectors.get_license(name).key for name in ("MIT", "mit", "Expat")} == {"MIT"}
    assert selectors.get_license("llama3").key == "llama-3-community"
    with pytest.raises(selectors.LicenseNotFound) as caught:
        selectors.get_license("llama-3.5-community")
    assert "llama-3.1-community" in caught.value.remedy


def test_the_database_refuses_a_change_that_is_none() -> None:
    model = make_model("acme/model", license="MIT")
    rules = RuleSet.objects.create(version="1", first_used_at=NOW, texts=1, rules=1)
    for before, after in (("allowed", "allowed"), ("allowed", "maybe")):
        with pytest.raises(IntegrityError), transaction.atomic():
            VerdictChange.objects.create(
                model=model, use="sell", before=before, after=after, cause="rules", rule_set=rules, at=NOW
            )
