"""Changes of the catalog: nothing is edited, everything is kept with who, when and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories.catalog import NOW, make_model
from zoo.accounts.models import User
from zoo.catalog import search, selectors, services
from zoo.catalog.fields import BadFact
from zoo.catalog.models import Fact, Kind, Status
from zoo.catalog.references import BadReference
from zoo.catalog.selectors import ModelNotFound
from zoo.catalog.services import EntryExists
from zoo.core.models import AuditRow

pytestmark = pytest.mark.django_db


def test_an_entry_is_found_by_its_id_in_any_case_and_by_its_aliases() -> None:
    model = make_model("Acme/Tiny-7B")
    services.add_alias(model=model, alias="Tiny", acting_user=None, now=NOW)
    assert selectors.get_model("acme/tiny-7b") == model
    assert selectors.get_model(" TINY ") == model
    assert selectors.find_models(["ACME/tiny-7b", "tiny", "nobody/none"]) == {
        "ACME/tiny-7b": model,
        "tiny": model,
    }
    with pytest.raises(ModelNotFound):
        selectors.get_model("nobody/none")


def test_an_id_is_taken_once_whatever_its_case() -> None:
    make_model("Acme/Tiny")
    with pytest.raises(EntryExists):
        make_model("acme/TINY")


def test_an_alias_belongs_to_one_entry() -> None:
    one, other = make_model("acme/one"), make_model("acme/other")
    services.add_alias(model=one, alias="x", acting_user=None, now=NOW)
    services.add_alias(model=one, alias="X", acting_user=None, now=NOW)
    for taken in ("x", "acme/one"):
        with pytest.raises(EntryExists):
            services.add_alias(model=other, alias=taken, acting_user=None, now=NOW)


def test_a_bad_id_makes_nothing() -> None:
    with pytest.raises(BadReference):
        services.add_model(reference="../x", title="t", kind=Kind.MODEL, acting_user=None, now=NOW)
    assert not AuditRow.objects.exists()


def test_a_correction_is_a_new_record_with_who_when_and_why() -> None:
    model = make_model("acme/tiny", license="MIT")
    curator = User.objects.create_user("ada", role="curate")
    later = NOW + timedelta(days=1)
    services.record_fact(
        model=model,
        field="license",
        value="Apache-2.0",
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=curator,
        now=later,
        reason="the card says so",
    )
    new, old = selectors.history_of(model)
    assert (old.value, old.is_current) == ("MIT", False)
    assert (new.value, new.supersedes, new.recorded_by, new.recorded_at, new.reason) == (
        "Apache-2.0",
        old,
        curator,
        later,
        "the card says so",
    )
    model.refresh_from_db()
    assert model.license == "Apache-2.0"
    change = selectors.changes_of(model)[0]
    assert (change.action, change.user) == ("model.fact_corrected", curator)
    assert change.detail == {
        "field": "license",
        "from": "MIT",
        "to": "Apache-2.0",
        "reason": "the card says so",
    }


def test_the_same_fact_again_changes_nothing() -> None:
    model = make_model("acme/tiny", license="MIT")
    rows = Fact.objects.count(), AuditRow.objects.count()
    services.record_fact(
        model=model,
        field="license",
        value="MIT",
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=None,
        now=NOW,
    )
    assert (Fact.objects.count(), AuditRow.objects.count()) == rows


def test_a_bad_fact_is_refused_and_nothing_is_written() -> None:
    model = make_model("acme/tiny", parameters=5)
    with pytest.raises(BadFact):
        services.record_fact(
            model=model,
            field="parameters",
            value=-1,
            status=Status.CLAIMED,
            seen=False,
            acting_user=None,
            now=NOW,
        )
    assert [fact.value for fact in selectors.history_of(model)] == [5]


def test_the_index_follows_every_change() -> None:
    model = make_model("acme/tiny", license="MIT", released="2024-07", parameters=7)
    assert search.page(search.Query(facets={"license": ("mit",)})).ids == (model.pk,)
    services.record_fact(
        model=model,
        field="license",
        value="Apache-2.0",
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=None,
        now=NOW,
    )
    services.add_alias(model=model, alias="pocketling", acting_user=None, now=NOW)
    assert search.page(search.Query(facets={"license": ("mit",)})).ids == ()
    assert search.page(search.Query(facets={"license": ("apache-2.0",)})).ids == (model.pk,)
    assert search.page(search.Query(text="pocketling")).ids == (model.pk,)


def test_evidence_is_added_once() -> None:
    model = make_model("acme/tiny")
    for _ in range(2):
        services.add_evidence(
            model=model, claim="c", source="s", seen=True, status=Status.DOCUMENTED, acting_user=None, now=NOW
        )
    assert [row.claim for row in selectors.evidence_of(model)] == ["c"]


def test_verdicts_and_retention_of_other_apps_show_in_lists_and_facets() -> None:
    one, other = make_model("acme/one"), make_model("acme/other")
    services.publish_verdicts({one.pk: ["conditions"], other.pk: ["prohibited"]})
    services.publish_retention({one.pk: 0.97}, imported=[other.pk])
    (row,) = selectors.summaries(search.page(search.Query(facets={"verdict": ("conditions",)})).ids)
    assert (row.model, row.verdict, row.retention, row.numbers) == (one, "conditions", 0.97, ("measured",))
    kept = search.Query(ranges={"retention": search.Range(950_000, None)})
    assert search.page(kept).ids == (one.pk,)
    assert search.page(search.Query(ordering="-retention")).ids == (one.pk, other.pk)
    assert search.page(search.Query(facets={"numbers": ("imported",)})).ids == (other.pk,)
    services.publish_verdicts({one.pk: ["allowed"]})
    assert search.page(search.Query(facets={"verdict": ("conditions",)})).ids == ()


def test_names_of_other_facets_cannot_be_contributed() -> None:
    model = make_model("acme/one")
    with pytest.raises(ValueError, match="family"):
        search.contribute({model.pk: {"family": ["x"]}})
