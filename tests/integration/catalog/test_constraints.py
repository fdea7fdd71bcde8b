"""What the database itself refuses, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from tests.factories.catalog import NOW, make_model
from zoo.catalog.models import (
    Alias,
    Claim,
    Cost,
    Evidence,
    Fact,
    LicensePeriod,
    Model,
    Proposal,
    ReportedScore,
    Revision,
    RevisionFile,
)
from zoo.lineage.models import Edge

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def _score(**given: object) -> ReportedScore:
    row = {
        "record": "r1",
        "printed_name": "x",
        "benchmark": "b",
        "metric": "m",
        "settings": "",
        "value": 1.0,
        "unit": "percent",
        "source": "s",
        "via": "primary",
        "seen": True,
        "group": "g",
        "unattached_reason": "why",
    }
    return ReportedScore.objects.create(**row | given)


def _edge(model: Model, other: Model, **given: object) -> Edge:
    row = {"child": model, "parent": other, "kind": "distilled_from", "status": "claimed", "seen": False}
    return Edge.objects.create(**row | given, recorded_at=NOW)


REFUSED: dict[str, Callable[[Model, Model], object]] = {
    "model_id_is_unique": lambda a, b: Model.objects.create(
        organization=a.organization, name=a.name, key="other/key", title="t", kind="model", created_at=NOW
    ),
    "model_kind_is_known": lambda a, b: Model.objects.filter(pk=a.pk).update(kind="toaster"),
    "model_parameters_positive": lambda a, b: Model.objects.filter(pk=a.pk).update(parameters=0),
    "model_release_has_both_forms": lambda a, b: Model.objects.filter(pk=a.pk).update(released="2024"),
    "alias of two": lambda a, b: [Alias.objects.create(model=m, key="same") for m in (a, b)],
    "revision_commit_is_unique": lambda a, b: [
        Revision.objects.create(model=a, origin="hub", commit="f" * 40, created_at=NOW) for _ in range(2)
    ],
    "revision_digest_is_unique": lambda a, b: [
        Revision.objects.create(model=a, origin="hub", digest="f" * 64, created_at=NOW) for _ in range(2)
    ],
    "revision_file_is_unique": lambda a, b: RevisionFile.objects.bulk_create(
        RevisionFile(
            revision=Revision.objects.create(model=a, origin="hub", created_at=NOW), path="x", size_bytes=size
        )
        for size in (-1,)
    ),
    "one_current_fact_per_field": lambda a, b: [
        Fact.objects.create(model=a, field="paper", value=v, status="claimed", seen=True, recorded_at=NOW)
        for v in ("x", "y")
    ],
    "catalog_evidence_recalled_is_not_documented": lambda a, b: Evidence.objects.create(
        model=a, claim="c", source="s", seen=False, status="documented", recorded_at=NOW
    ),
    "catalog_evidence_status_is_known": lambda a, b: Evidence.objects.create(
        model=a, claim="c", source="s", seen=True, status="rumored", recorded_at=NOW
    ),
    "claim_is_unique": lambda a, b: [
        Claim.objects.create(
            model=a, topic="t", says="s", claimant="c", finding="f", outcome="partly", source="s", seen=True
        )
        for _ in range(2)
    ],
    "cost_not_negative": lambda a, b: Cost.objects.create(
        model=a, what="training", amount=Decimal("-1"), unit="USD", source="s", seen=True, status="claimed"
    ),
    "reported_score_is_finite": lambda a, b: _score(value=float("inf")),
    "reported_score_attached_or_explained": lambda a, b: _score(unattached_reason=""),
    "reported_score with both": lambda a, b: _score(model=a),
    "reported_score_recalled_is_unseen": lambda a, b: _score(via="recalled"),
    "proposal_declined_with_a_reason": lambda a, b: Proposal.objects.filter(
        pk=Proposal.objects.create(kind="entry", draft={}, proposed_by=_person(), proposed_at=NOW).pk
    ).update(state="declined", decided_at=NOW),
    "proposal_decided_with_a_date": lambda a, b: Proposal.objects.filter(
        pk=Proposal.objects.create(kind="entry", draft={}, proposed_by=_person(), proposed_at=NOW).pk
    ).update(state="accepted"),
    "edge_is_no_loop": lambda a, b: _edge(a, a),
    "edge_is_no_duplicate": lambda a, b: [_edge(a, b) for _ in range(2)],
    "edge_kind_is_known": lambda a, b: _edge(a, b, kind="cousin_of"),
    "edge_recalled_is_not_documented": lambda a, b: _edge(a, b, status="documented"),
}


def _person() -> object:
    from zoo.accounts.models import User

    return User.objects.create_user("somebody")


@pytest.mark.parametrize("name", REFUSED)
def test_the_database_refuses_nonsense(name: str) -> None:
    one, other = make_model("acme/one"), make_model("acme/other")
    with pytest.raises(IntegrityError), transaction.atomic():
        REFUSED[name](one, other)


def test_a_superseded_edge_does_not_stand_in_the_way_of_its_successor() -> None:
    one, other = make_model("acme/one"), make_model("acme/other")
    _edge(one, other, is_current=False)
    assert _edge(one, other).is_current


EDITS: dict[str, Callable[[Model, Model], object]] = {
    "a fact": lambda a, b: Fact.objects.filter(model=a).update(value="MIT"),
    "where a fact came from": lambda a, b: Fact.objects.filter(model=a).update(origin="files"),
    "what a source says": lambda a, b: Evidence.objects.update(claim="something else"),
    "a revision": lambda a, b: Revision.objects.update(tensors_digest="f" * 64),
    "a file of a revision": lambda a, b: RevisionFile.objects.update(size_bytes=1),
    "a license period": lambda a, b: LicensePeriod.objects.update(license="MIT"),
    "since when a license holds": lambda a, b: LicensePeriod.objects.update(since="2020"),
    "an edge": lambda a, b: Edge.objects.update(kind="merged_from"),
    "how an edge stands": lambda a, b: Edge.objects.update(status="documented", seen=True),
}


@pytest.mark.parametrize("what", EDITS)
def test_what_is_on_record_is_not_edited(what: str) -> None:
    a, b = make_model("acme/a", license="Apache-2.0"), make_model("acme/b")
    Evidence.objects.create(model=a, claim="c", source="s", seen=True, status="documented", recorded_at=NOW)
    revision = Revision.objects.create(model=a, origin="hub", commit="1" * 40, created_at=NOW)
    RevisionFile.objects.create(revision=revision, path="config.json", size_bytes=2)
    LicensePeriod.objects.create(model=a, license="Apache-2.0", since="2023", seen=True, source="s")
    _edge(a, b)
    with pytest.raises(DatabaseError, match="corrected by new rows"), transaction.atomic():
        EDITS[what](a, b)


def test_what_says_that_a_record_holds_no_more_may_change() -> None:
    a, b = make_model("acme/a", license="Apache-2.0"), make_model("acme/b")
    edge = _edge(a, b)
    assert Fact.objects.filter(model=a).update(is_current=False)
    assert Edge.objects.filter(pk=edge.pk).update(is_current=False)
