"""Records a described model: entry, revision, facts, scores, parents. All of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from evaluation.demo import shipped
from zoo.accounts.models import User
from zoo.catalog import digests, references, search, services
from zoo.catalog.imports import CardFacts, Claimed, Description, describe_folder
from zoo.catalog.models import Fact, Kind, Model, Origin, ReportedScore, Revision, RevisionFile, Status
from zoo.catalog.selectors import find_model
from zoo.core.models import record
from zoo.lineage import drafts, proposals
from zoo.lineage import services as lineage
from zoo.lineage.models import Edge, EdgeKind, Method
from zoo.lineage.services import Attestation

WEIGHTS = frozenset(
    {
        EdgeKind.INITIALIZED_FROM,
        EdgeKind.FINETUNED_FROM,
        EdgeKind.PRUNED_FROM,
        EdgeKind.QUANTIZED_FROM,
        EdgeKind.MERGED_FROM,
        EdgeKind.ADAPTER_OF,
    }
)
"""The edges by which weights come down."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    model: Model
    revision: Revision
    is_new_model: bool
    is_new_revision: bool
    resembling: tuple[Model, ...]
    """Other entries with the same weights, files or a like name."""
    hints: tuple[str, ...]
    """Claims of the card's text that somebody should confirm."""
    notes: tuple[str, ...]


@transaction.atomic
def record_model(
    *,
    reference: str,
    description: Description,
    acting_user: User | None,
    now: datetime,
    kind: Kind = Kind.MODEL,
) -> Imported:
    """Records the description under the id. Importing the same state again changes nothing.

    Facts that a source was read for are not overwritten; unknown and recalled ones are filled in. Parents that
    are no entry yet become entries of which only the name is known.
    """
    parsed = references.parse(reference)
    model = find_model(parsed.key)
    is_new = model is None
    if model is None:
        model = services.add_model(
            reference=reference, title=parsed.name, kind=kind, acting_user=acting_user, now=now
        )
    revision, is_new_revision = _revision(model, description, acting_user, now)
    source = f"files of {model.slug} at {revision.label}"
    if is_new_revision:
        _facts(model, description, source, acting_user, now)
        if description.card:
            _scores(model, description, source)
            _parents(model, description.card, source, acting_user, now)
            _hints(model, description.card, acting_user, now)
        search.refresh([model.pk])
        record(
            action="model.revision_recorded",
            subject=f"model:{model.slug}",
            acting_user=acting_user,
            now=now,
            detail={"revision": revision.label, "origin": description.origin},
        )
    return Imported(
        model=model,
        revision=revision,
        is_new_model=is_new,
        is_new_revision=is_new_revision,
        resembling=tuple(_resembling(model, description)),
        hints=description.card.hints if description.card else (),
        notes=description.notes,
    )


def record_shipped(*, now: datetime) -> list[Imported]:
    """Records the revisions of the demonstration models that the product carries, where they are new.

    Quick when nothing changed: the recorded digests are compared first, and the files read only where they differ.
    """
    made = []
    for name, digests_ in shipped.recorded_digests().items():
        model = find_model(name)
        weights = {digest for path, digest in digests_.items() if path.endswith(".safetensors")}
        known = (
            model is not None
            and RevisionFile.objects.filter(revision__model=model, sha256__in=weights).exists()
        )
        if not known:
            description = describe_folder(shipped.model_directory(name))
            made.append(record_model(reference=name, description=description, acting_user=None, now=now))
    return made


def _revision(
    model: Model, given: Description, acting_user: User | None, now: datetime
) -> tuple[Revision, bool]:
    """The revision of this state, made where it is new. A commit, a digest or the card's content identifies it."""
    known = None
    if given.commit:
        known = model.revisions.filter(commit=given.commit).first()
    elif given.digest:
        known = model.revisions.filter(digest=given.digest).first()
    if known is not None:
        return known, False
    card = given.card
    row = Revision.objects.create(
        model=model,
        origin=given.origin,
        commit=given.commit,
        digest=given.digest,
        tensors_digest=given.tensors_digest,
        parameters=given.parameters,
        size_bytes=given.size_bytes,
        weights_format=given.weights_format,
        architecture=given.architecture,
        context_length=given.context_length,
        vocabulary_size=given.vocabulary,
        tokenizer_digest=given.tokenizer_digest,
        license_declared=card.license_declared if card else "",
        license_hub_tag=card.hub_tag if card else "",
        details={
            "model_type": given.model_type,
            "quantization": given.quantization,
            "notes": list(given.notes),
        },
        added_by=acting_user,
        created_at=now,
    )
    RevisionFile.objects.bulk_create(
        RevisionFile(revision=row, path=file.path, size_bytes=file.size, sha256=file.sha256)
        for file in given.files
    )
    return row, True


def _facts(model: Model, given: Description, source: str, acting_user: User | None, now: datetime) -> None:
    current: Mapping[str, Fact] = {fact.field: fact for fact in model.facts.filter(is_current=True)}
    for field, value in given.facts(model.slug).items():
        before = current.get(field)
        is_settled = before is not None and before.seen and before.status != Status.INFERRED
        is_classified = (
            before is not None and before.status == Status.INFERRED and field in ("family", "availability")
        )
        if value in (None, "") or is_settled or is_classified:
            continue
        services.record_fact(
            model=model,
            field=field,
            value=value,
            status=Status.INFERRED if field == "family" else Status.DOCUMENTED,
            seen=True,
            acting_user=acting_user,
            now=now,
            reason=f"read from the {source}",
            origin=Origin.FILES,
        )


def _scores(model: Model, given: Description, source: str) -> None:
    """The card's scores, as reported ones: the owner's own document."""
    card = given.card
    rows = [*(card.scores if card else ()), *given.eval_results]
    made = [
        ReportedScore(
            record=digests.of_texts(
                model.slug, row.benchmark, row.metric, row.settings, source, str(row.value)
            ),
            model=model,
            printed_name=model.name,
            benchmark=row.benchmark,
            metric=row.metric,
            settings=row.settings,
            value=row.value,
            unit="as printed",
            source=f"card of {model.slug}"[:400],
            source_url=row.source if row.source.startswith("https://") else "",
            via=ReportedScore.Via.PRIMARY,
            seen=True,
            note=row.source if not row.source.startswith("https://") else "",
            group="cards",
            order=number,
        )
        for number, row in enumerate(rows)
    ]
    ReportedScore.objects.bulk_create(made, ignore_conflicts=True)


def _parents(model: Model, card: CardFacts, source: str, acting_user: User | None, now: datetime) -> None:
    claims = [*card.parents, *(Claimed("trained_on", data, (), True) for data in card.datasets)]
    for claim in claims:
        kind = Kind.DATASET if claim.kind == "trained_on" else Kind.MODEL
        parent = find_model(claim.parent) or services.add_model(
            reference=claim.parent,
            title=claim.parent.split("/")[1],
            kind=kind,
            acting_user=acting_user,
            now=now,
        )
        if _stands(model, parent, claim.kind):
            continue
        said = Attestation(
            claim=f"{claim.kind} {claim.parent}",
            source=f"card, {source}"[:400],
            seen=True,
            status=Status.DOCUMENTED,
        )
        lineage.add_edge(
            child=model,
            parent=parent,
            kind=EdgeKind(claim.kind),
            methods=[Method(method) for method in claim.methods],
            status=Status.DOCUMENTED if claim.certain else Status.INFERRED,
            seen=True,
            note="" if claim.certain else "The card names the base and not the relation.",
            evidence=[said],
            acting_user=acting_user,
            now=now,
        )


def _stands(model: Model, parent: Model, kind: str) -> bool:
    """Whether the edge is on record, or, for weights, a more exact one: cards know few words for them."""
    kinds = WEIGHTS if kind in WEIGHTS else {kind}
    return Edge.objects.filter(child=model, parent=parent, kind__in=kinds, is_current=True).exists()


def _hints(model: Model, card: CardFacts, acting_user: User | None, now: datetime) -> None:
    """What the text hints at is kept as claimed evidence, so that a curator can confirm it. It is no lineage."""
    for hint in card.hints:
        services.add_evidence(
            model=model,
            field="lineage",
            claim=f"to confirm: {hint}"[:400],
            source=f"text of the card of {model.slug}"[:400],
            seen=True,
            status=Status.CLAIMED,
            acting_user=acting_user,
            now=now,
        )


def _resembling(model: Model, given: Description) -> list[Model]:
    draft = drafts.Draft(
        id=model.slug,
        tensors_digest=given.tensors_digest or None,
        file_digests=tuple(sorted(drafts.weight_digests(given))[: drafts.MAX_WEIGHT_FILES]),
        source="import",
    )
    return [found.model for found in proposals.resembling(draft, apart_from=model)]
