"""Proposals: made by whoever may, decided by a curator, carried out as new records."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.factories.catalog import NOW, make_edge, make_model
from zoo.accounts.models import User
from zoo.catalog import selectors
from zoo.catalog.models import Model, Proposal, Revision
from zoo.catalog.services import EntryExists
from zoo.core.errors import Conflict, Invalid
from zoo.lineage import drafts, proposals
from zoo.lineage import selectors as lineage
from zoo.lineage.proposals import AlreadyDecided, MayNotPropose, UnknownParent

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

DRAFT = {
    "id": "acme/student",
    "title": "Acme Student",
    "facts": {"parameters": 5_000_000, "license": "MIT"},
    "edges": [
        {
            "kind": "distilled_from",
            "parent": "acme/teacher",
            "methods": ["logit"],
            "outputs_made": "2026-03",
            "accessed_via": "together-ai-terms",
        }
    ],
    "source": "the card of the model",
}


@pytest.fixture
def teacher() -> Model:
    return make_model("acme/teacher")


@pytest.fixture
def author() -> User:
    return User.objects.create_user("author", role="submit")


@pytest.fixture
def curator() -> User:
    return User.objects.create_user("curator", role="curate")


def propose(author: User, draft: Mapping[str, object] = DRAFT, model: Model | None = None) -> Proposal:
    return proposals.propose(draft=draft, reason="it exists", acting_user=author, now=NOW, model=model)


def test_an_accepted_entry_gets_facts_edges_evidence_and_a_history(
    teacher: Model, author: User, curator: User
) -> None:
    row = proposals.accept(proposal_id=propose(author).pk, acting_user=curator, now=NOW)
    model = selectors.get_model("acme/student")
    assert (row.state, row.model, row.decided_by) == ("accepted", model, curator)
    assert (model.title, model.parameters, model.license) == ("Acme Student", 5_000_000, "MIT")
    (edge,) = lineage.parents_of(model)
    assert (edge.parent, edge.methods, edge.status) == (teacher, ["logit"], "documented")
    assert (edge.outputs_made, edge.accessed_via) == ("2026-03", "together-ai-terms")
    assert [said.source for said in edge.evidence.all()] == ["the card of the model"]
    assert {said.source for said in selectors.evidence_of(model)} == {"the card of the model"}
    assert selectors.changes_of(model)


def test_an_amended_entry_keeps_both_drafts(teacher: Model, author: User, curator: User) -> None:
    made = propose(author)
    amended = {**DRAFT, "facts": {"parameters": 6_000_000}}
    row = proposals.accept(
        proposal_id=made.pk, acting_user=curator, now=NOW, amended=amended, decision="counted"
    )
    assert row.state == "amended"
    assert row.draft["facts"]["parameters"] == 5_000_000
    assert row.amended_draft["facts"] == {"parameters": 6_000_000}
    assert selectors.get_model("acme/student").parameters == 6_000_000


def test_a_declined_proposal_has_a_reason_and_no_effect(teacher: Model, author: User, curator: User) -> None:
    made = propose(author)
    with pytest.raises(Invalid):
        proposals.decline(proposal_id=made.pk, acting_user=curator, now=NOW, decision=" ")
    row = proposals.decline(proposal_id=made.pk, acting_user=curator, now=NOW, decision="no source")
    assert (row.state, row.decision) == ("declined", "no source")
    assert selectors.find_model("acme/student") is None
    with pytest.raises(AlreadyDecided):
        proposals.accept(proposal_id=made.pk, acting_user=curator, now=NOW)


def test_a_correction_changes_facts_and_edges_with_its_reason(
    teacher: Model, author: User, curator: User
) -> None:
    model = make_model("acme/student", license="MIT")
    edge = make_edge(model, teacher)
    draft = {
        "facts": {"license": "Apache-2.0"},
        "edges": [{"kind": "distilled_from", "parent": "acme/teacher", "withdraw": True}],
        "source": "a letter",
    }
    proposals.accept(proposal_id=propose(author, draft, model).pk, acting_user=curator, now=NOW)
    model.refresh_from_db()
    assert model.license == "Apache-2.0"
    assert not lineage.parents_of(model)
    edge.refresh_from_db()
    assert not edge.is_current
    assert "it exists" in selectors.history_of(model)[0].reason


def test_only_those_who_may_propose_and_decide(teacher: Model, author: User) -> None:
    reader = User.objects.create_user("reader", role="read")
    with pytest.raises(MayNotPropose):
        propose(reader)
    made = propose(author)
    with pytest.raises(MayNotPropose):
        proposals.accept(proposal_id=made.pk, acting_user=author, now=NOW)


def test_a_taken_id_and_an_unknown_parent_are_refused_at_once(teacher: Model, author: User) -> None:
    with pytest.raises(UnknownParent):
        propose(author, {**DRAFT, "edges": [{"kind": "trained_on", "parent": "no/where"}]})
    make_model("acme/student")
    with pytest.raises(EntryExists):
        propose(author)
    assert not Proposal.objects.exists()


def test_a_circle_is_refused_when_it_would_be_carried_out_and_nothing_is_half_written(
    teacher: Model, author: User, curator: User
) -> None:
    student = make_model("acme/other")
    make_edge(student, teacher)
    draft = {
        "facts": {"license": "MIT"},
        "edges": [{"kind": "distilled_from", "parent": "acme/other"}],
        "source": "x",
    }
    made = propose(author, draft, teacher)
    with pytest.raises(Conflict):
        proposals.accept(proposal_id=made.pk, acting_user=curator, now=NOW)
    made.refresh_from_db()
    teacher.refresh_from_db()
    assert (made.state, teacher.license) == ("open", "")


def test_one_person_cannot_flood_the_curators(
    teacher: Model, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MAX_OPEN", 2)
    for number in range(2):
        propose(author, {**DRAFT, "id": f"acme/s{number}"})
    with pytest.raises(Conflict):
        propose(author)


def test_duplicates_are_found_by_tensors_and_files_and_not_only_by_name(teacher: Model) -> None:
    revision = Revision.objects.create(
        model=teacher, origin="directory", tensors_digest="a" * 64, created_at=NOW
    )
    revision.files.create(path="model.safetensors", size_bytes=2_000_000, sha256="b" * 64)
    digests = {"tensors_digest": "a" * 64, "file_digests": ["b" * 64]}
    draft = {"id": "somebody/renamed", "source": "x"}
    assert proposals.resembling(drafts.read(draft)) == []
    for name, why in (("tensors_digest", "same_tensors"), ("file_digests", "same_file")):
        found = proposals.resembling(drafts.read({**draft, name: digests[name]}))
        assert found == [(teacher, (why,))]
    assert proposals.resembling(drafts.read({**draft, **digests}))[0].why == ("same_tensors", "same_file")
    ((model, why),) = proposals.resembling(drafts.read({"id": "somebody/teacher", "source": "x"}))
    assert (model, why) == (teacher, ("like_name",))
    named = drafts.read({"id": "x/y", "facts": {"hub_id": "Acme/Teacher"}, "source": "x"})
    assert proposals.resembling(named) == [(teacher, ("same_id",))]


def test_what_an_accepted_draft_said_of_its_weights_finds_the_next_copy(
    teacher: Model, author: User, curator: User
) -> None:
    weights = {"tensors_digest": "a" * 64, "file_digests": ["b" * 64]}
    first = proposals.accept(
        proposal_id=propose(author, {**DRAFT, **weights}).pk, acting_user=curator, now=NOW
    )
    for given in ({"tensors_digest": "a" * 64}, {"file_digests": ["c" * 64, "b" * 64]}):
        copy = propose(author, {"id": f"copy/{len(str(given))}", "source": "x", **given})
        ((model, _),) = proposals.resembling_proposal(copy)
        assert model == first.model
        proposals.decline(proposal_id=copy.pk, acting_user=curator, now=NOW, decision="a copy")
        copy.refresh_from_db()
        assert proposals.resembling_proposal(copy) == []
