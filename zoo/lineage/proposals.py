"""Proposals: anybody with a right to submit drafts; a curator accepts, amends or declines with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Upper

from zoo.accounts.models import Scope, User
from zoo.catalog import references, search, services
from zoo.catalog.models import Alias, Kind, Model, Proposal, RevisionFile, Status
from zoo.catalog.models.entries import Revision
from zoo.catalog.selectors import find_model, get_model
from zoo.core.errors import Conflict, Forbidden, Invalid, NotFound
from zoo.core.models import record
from zoo.lineage import drafts
from zoo.lineage import services as lineage
from zoo.lineage.drafts import Draft, DraftEdge
from zoo.lineage.models import Edge, EdgeKind, Method

MAX_OPEN = 50
"""Open proposals that one person may have."""


class MayNotPropose(Forbidden):
    """The role does not allow it."""

    code = "may_not_propose"


class AlreadyDecided(Conflict):
    """The proposal was decided before."""

    code = "already_decided"


class UnknownParent(Invalid):
    """The draft names a parent that is no entry."""

    code = "unknown_parent"


class NoSuchProposal(NotFound):
    """There is no such proposal."""

    code = "proposal_not_found"


@transaction.atomic
def propose(
    *, draft: Mapping[str, object], reason: str, acting_user: User, now: datetime, model: Model | None = None
) -> Proposal:
    """Stores a draft of a new entry, or of a correction of ``model``.

    Raises BadDraft, UnknownParent, EntryExists when the id is taken, MayNotPropose, or Conflict when the person
    has too many open ones.
    """
    if not acting_user.may(Scope.SUBMIT):
        raise MayNotPropose("proposing needs the role 'submit'", remedy="Ask the operator of this site.")
    if acting_user.proposals.filter(state=Proposal.State.OPEN).count() >= MAX_OPEN:
        raise Conflict(f"you have {MAX_OPEN} open proposals; wait until some are decided")
    checked = drafts.read(dict(draft))
    _check(checked, model)
    row = Proposal.objects.create(
        kind=Proposal.Kind.ENTRY if model is None else Proposal.Kind.CORRECTION,
        model=model,
        draft=checked.model_dump(mode="json"),
        reason=reason.strip()[:1000],
        source=checked.source,
        proposed_by=acting_user,
        proposed_at=now,
    )
    record(
        action="proposal.made",
        subject=f"proposal:{row.pk}",
        acting_user=acting_user,
        now=now,
        detail={"kind": row.kind, "model": model.slug if model else str(checked.id)},
    )
    return row


@transaction.atomic
def accept(
    *,
    proposal_id: UUID,
    acting_user: User,
    now: datetime,
    decision: str = "",
    amended: Mapping[str, object] | None = None,
) -> Proposal:
    """Carries the draft out, as proposed or as amended. Raises what adding facts and edges raises."""
    row = _open(proposal_id, acting_user)
    draft = drafts.read(dict(amended if amended is not None else row.draft))
    _check(draft, row.model if row.kind == Proposal.Kind.CORRECTION else None)
    model = row.model
    if model is None:
        if draft.id is None:
            raise drafts.BadDraft("a new entry needs an id", field="id")
        model = services.add_model(
            reference=draft.id,
            title=draft.title or draft.id.split("/")[1],
            kind=Kind(draft.kind),
            acting_user=acting_user,
            now=now,
        )
    _carry_out(model, draft, f"{row.reason} (proposal {row.pk})", acting_user, now)
    row.model = model
    row.state = Proposal.State.ACCEPTED if amended is None else Proposal.State.AMENDED
    row.amended_draft = None if amended is None else draft.model_dump(mode="json")
    return _decide(row, decision, acting_user, now)


@transaction.atomic
def decline(*, proposal_id: UUID, acting_user: User, now: datetime, decision: str) -> Proposal:
    """Declines the draft. Raises Invalid without a reason."""
    row = _open(proposal_id, acting_user)
    if not decision.strip():
        raise Invalid("say why the proposal is declined", field="decision")
    row.state = Proposal.State.DECLINED
    return _decide(row, decision, acting_user, now)


def proposals(*, state: str = "") -> QuerySet[Proposal]:
    """The proposals, newest first."""
    rows = Proposal.objects.select_related("model__organization", "proposed_by", "decided_by")
    rows = rows.filter(state=state) if state else rows
    return rows.order_by("-proposed_at", "-id")


def get_proposal(proposal_id: UUID) -> Proposal:
    """One proposal. Raises NoSuchProposal."""
    found = proposals().filter(pk=proposal_id).first()
    if found is None:
        raise NoSuchProposal("there is no such proposal")
    return found


class Resemblance(NamedTuple):
    """An entry that a draft may already be, and what says so, the strongest first."""

    model: Model
    why: tuple[str, ...]


REASONS = SAME_TENSORS, SAME_FILE, SAME_ID, LIKE_NAME = "same_tensors", "same_file", "same_id", "like_name"


def resembling(draft: Draft, *, apart_from: Model | None = None) -> list[Resemblance]:
    """Entries that the draft may already be: by tensors, by files with weights, by id, and last by a like name.

    Digests are looked up among recorded revisions and among the drafts that became entries.
    """
    found: dict[int, list[str]] = {}
    for why, keys in (
        (SAME_TENSORS, _with_tensors(draft)),
        (SAME_FILE, _with_files(draft)),
        (SAME_ID, _with_id(draft)),
        (LIKE_NAME, _with_like_name(draft)),
    ):
        for pk in dict.fromkeys(keys):
            found.setdefault(pk, []).append(why)
    if apart_from is not None:
        found.pop(apart_from.pk, None)
    rows = Model.objects.select_related("organization").in_bulk(list(found))
    return [Resemblance(rows[pk], tuple(why)) for pk, why in found.items() if pk in rows]


def resembling_proposal(row: Proposal) -> list[Resemblance]:
    """What an open proposal may already be, apart from the entry that it corrects; nothing once it is decided."""
    if row.state != Proposal.State.OPEN:
        return []
    return resembling(drafts.read(row.draft), apart_from=row.model)


def _with_tensors(draft: Draft) -> Iterator[int]:
    if draft.tensors_digest:
        same = Revision.objects.filter(tensors_digest=draft.tensors_digest).order_by("pk")
        yield from same.values_list("model_id", flat=True)
        accepted = _accepted().filter(draft__tensors_digest=draft.tensors_digest)
        yield from accepted.values_list("model_id", flat=True)


def _with_files(draft: Draft) -> Iterator[int]:
    if draft.file_digests:
        files = RevisionFile.objects.filter(
            sha256__in=draft.file_digests, size_bytes__gt=drafts.WEIGHTS_BYTES
        ).order_by("pk")
        yield from files.values_list("revision__model_id", flat=True)
        accepted = _accepted().filter(draft__has_key="file_digests")
        for model_id, digests in accepted.values_list("model_id", "draft__file_digests"):
            if not set(draft.file_digests).isdisjoint(digests):
                yield model_id


def _accepted() -> QuerySet[Proposal]:
    """The proposals that became entries or corrections of them."""
    return Proposal.objects.filter(state__in=[Proposal.State.ACCEPTED, Proposal.State.AMENDED]).order_by("pk")


def _with_id(draft: Draft) -> Iterator[int]:
    """Three look-ups by an index each: one with OR between them would read every entry."""
    ids = {str(name).lower() for name in (draft.id, draft.facts.get("hub_id")) if name}
    if ids:
        yield from Model.objects.filter(key__in=ids).values_list("pk", flat=True)
        yield from Alias.objects.filter(key__in=ids).values_list("model_id", flat=True)
        of_hub = Model.objects.annotate(hub=Upper("hub_id")).filter(hub__in={name.upper() for name in ids})
        yield from of_hub.values_list("pk", flat=True)


def _with_like_name(draft: Draft) -> Iterator[int]:
    if draft.id:
        name = draft.id.split("/")[1].lower()
        yield from Alias.objects.filter(key=name).values_list("model_id", flat=True)
        yield from search.page(search.Query(text=name, size=5)).ids


def _open(proposal_id: UUID, acting_user: User) -> Proposal:
    if not acting_user.may(Scope.CURATE):
        raise MayNotPropose("deciding needs the role 'curate'")
    row = Proposal.objects.select_for_update().filter(pk=proposal_id).first()
    if row is None:
        raise NoSuchProposal("there is no such proposal")
    if row.state != Proposal.State.OPEN:
        raise AlreadyDecided(f"this proposal is already {row.state}")
    return row


def _decide(row: Proposal, decision: str, acting_user: User, now: datetime) -> Proposal:
    row.decided_by, row.decided_at, row.decision = acting_user, now, decision.strip()[:1000]
    row.save()
    record(
        action=f"proposal.{row.state}",
        subject=f"proposal:{row.pk}",
        acting_user=acting_user,
        now=now,
        detail={"decision": row.decision},
    )
    return row


def _check(draft: Draft, model: Model | None) -> None:
    """What a draft must satisfy that only the catalog knows."""
    if model is None:
        if draft.id is None:
            raise drafts.BadDraft("a new entry needs an id", field="id")
        if find_model(references.parse(draft.id).key) is not None:
            raise services.EntryExists(
                f"the catalog already has {draft.id}", remedy="Propose a correction of it.", field="id"
            )
    elif not draft.facts and not draft.edges:
        raise drafts.BadDraft("a correction changes at least one fact or edge", field="facts")
    for edge in draft.edges:
        if find_model(edge.parent) is None:
            raise UnknownParent(
                f"there is no entry {edge.parent!r}", remedy="Propose that one first.", field="edges"
            )


def _carry_out(model: Model, draft: Draft, reason: str, acting_user: User, now: datetime) -> None:
    for field, value in draft.facts.items():
        services.record_fact(
            model=model,
            field=field,
            value=value,
            status=Status.DOCUMENTED,
            seen=True,
            acting_user=acting_user,
            now=now,
            reason=reason[:500],
        )
        services.add_evidence(
            model=model,
            field=field,
            claim=f"{field}: {value}",
            source=draft.source,
            source_url=draft.source_url or "",
            seen=True,
            status=Status.DOCUMENTED,
            acting_user=acting_user,
            now=now,
        )
    for edge in draft.edges:
        _carry_out_edge(model, edge, draft, reason, acting_user, now)


def _carry_out_edge(
    model: Model, edge: DraftEdge, draft: Draft, reason: str, acting_user: User, now: datetime
) -> None:
    parent = get_model(edge.parent)
    said = lineage.Attestation(
        claim=f"{model.slug} {edge.kind} {parent.slug}",
        source=draft.source,
        source_url=draft.source_url or "",
        seen=True,
        status=Status.DOCUMENTED,
    )
    standing = Edge.objects.filter(child=model, parent=parent, kind=edge.kind, is_current=True).first()
    if edge.withdraw:
        if standing is not None:
            lineage.retract_edge(edge=standing, reason=reason[:500], acting_user=acting_user, now=now)
    elif standing is not None:
        lineage.correct_edge(
            edge=standing,
            status=Status.DOCUMENTED,
            seen=True,
            methods=[Method(method) for method in edge.methods],
            accessed_via=edge.accessed_via,
            outputs_made=edge.outputs_made,
            reason=reason[:500],
            evidence=[said],
            acting_user=acting_user,
            now=now,
        )
    else:
        lineage.add_edge(
            child=model,
            parent=parent,
            kind=EdgeKind(edge.kind),
            methods=[Method(method) for method in edge.methods],
            accessed_via=edge.accessed_via or "",
            outputs_made=edge.outputs_made or "",
            status=Status.DOCUMENTED,
            seen=True,
            evidence=[said],
            acting_user=acting_user,
            now=now,
        )
