"""Lineages for the engine: from the database, or from the reviewed data that ships when there is no database.

Translation only. Node ids are the short names of curated entries, else ``org/name``; every id or alias that the
catalog knows leads to the same node. Edges that are disputed or retracted do not take part.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, Subquery

from zoo.catalog import selectors as catalog
from zoo.catalog.data import curated
from zoo.catalog.data.schema import Entry
from zoo.catalog.dates import first_day
from zoo.catalog.models import Alias, DisputedModel, Fact, LicensePeriod, Model, Revision
from zoo.catalog.models.attested import COUNTED
from zoo.licensing.documents import period
from zoo.licensing.expressions import Vocabulary
from zoo.licensing.library import rule_book
from zoo.licensing.rules.graph import DatedTerms, Edge, Licenses, LineageGraph, Node
from zoo.licensing.rules.vocabulary import EdgeKind, NodeKind
from zoo.lineage.ancestry import edges_above
from zoo.lineage.models import Edge as EdgeRow

SEES_OR_HEARS = ("image", "vision", "audio", "video", "speech", "multimodal")
ACCUSED = ("subject", "vendor")
SETTLED = ("settled", "withdrawn")
EDGE_COLUMNS = ("child_id", "kind", "parent_id", "accessed_via", "outputs_made", "seen")
EdgeValues = tuple[int, str, int, str, str, bool]


@dataclass(frozen=True)
class Lineage:
    """A graph with the names that lead into it: what somebody asked for -> node id, and node id -> ``org/name``."""

    graph: LineageGraph
    nodes: dict[str, str]
    ids: dict[str, str]

    def node(self, reference: str) -> str:
        """The node that a reference names; an unknown reference stays as it is and is an unknown node."""
        return self.nodes.get(reference.strip().lower(), reference)


@cache
def vocabulary() -> Vocabulary:
    """The names of all licenses."""
    return Vocabulary(rule_book())


# -- the reviewed data that ships ------------------------------------------------------------------------------


@cache
def shipped() -> Lineage:
    """The lineage of the reviewed catalog data, without a database."""
    data = curated()
    accused = {
        part.id.lower()
        for dispute in data.disputes
        if dispute.standing not in SETTLED
        for part in dispute.entries
        if part.part in ACCUSED
    }
    names = {entry.id.lower(): _short(entry) for entry in data.entries}
    nodes = [
        _entry_node(entry, names[entry.id.lower()], entry.id.lower() in accused) for entry in data.entries
    ]
    edges = [
        Edge(
            names[entry.id.lower()],
            names[row.parent.lower()],
            EdgeKind(row.kind),
            row.accessed_via or None,
            period(row.outputs_made),
            not row.seen,
        )
        for entry in data.entries
        for row in entry.lineage
        if row.status in COUNTED
    ]
    leads = {
        alias.lower(): names[entry.id.lower()] for entry in data.entries for alias in entry.aliases
    } | names
    leads |= {name: name for name in names.values()}
    return Lineage(
        LineageGraph.of(nodes, edges), leads, {names[entry.id.lower()]: entry.id for entry in data.entries}
    )


def _short(entry: Entry) -> str:
    return next((alias for alias in entry.aliases if "/" not in alias), entry.id)


def _entry_node(entry: Entry, name: str, contested: bool) -> Node:
    words = vocabulary()
    history = tuple(
        DatedTerms(first_day(row.since) if row.since else None, words.terms(row.license))
        for row in entry.license_history
    )
    return Node(
        id=name,
        kind=NodeKind(entry.kind),
        licensor=entry.licensor,
        licenses=Licenses(
            words.terms(entry.license),
            words.terms(entry.hub_license_tag),
            (),
            history,
            _statements("license" in entry.recalled, "hub_license_tag" in entry.recalled),
        ),
        name=entry.id,
        family=entry.family,
        multimodal=_multimodal(entry.modality or ""),
        contested=contested,
    )


# -- the database ----------------------------------------------------------------------------------------------


def above(references: Iterable[str]) -> Lineage:
    """The lineage above these references, in a fixed number of queries however deep it is."""
    found = catalog.find_models(references)
    return _lineage({reference.lower(): model.pk for reference, model in found.items()})


def above_entry(model: Model) -> Lineage:
    """The lineage above one entry that is at hand already."""
    return _lineage({model.slug.lower(): model.pk})


def above_models(model_ids: Collection[int]) -> tuple[LineageGraph, dict[int, str]]:
    """The graph above these entries, and the node id of each entry in it."""
    steps = edges_above(model_ids, statuses=COUNTED)
    return _graph({*model_ids, *(step.parent for step in steps)}, [step[1:] for step in steps])


def whole() -> tuple[LineageGraph, dict[int, str]]:
    """The whole catalog as one graph; for judging everything at once."""
    ids = Model.objects.order_by("pk").values_list("pk", flat=True)
    edges = EdgeRow.objects.filter(is_current=True, status__in=COUNTED).order_by("pk")
    return _graph(ids, edges.values_list(*EDGE_COLUMNS))


def _lineage(asked: dict[str, int]) -> Lineage:
    graph, names = above_models(set(asked.values()))
    ids = {node.id: node.name or node.id for node in graph.nodes.values()}
    return Lineage(graph, {reference: names[pk] for reference, pk in asked.items()}, ids)


def _graph(models: Iterable[int], edges: Iterable[EdgeValues]) -> tuple[LineageGraph, dict[int, str]]:
    """The graph of these entries, and their node ids."""
    nodes: dict[int, Node] = {}
    for batch in _batches(list(models)):
        nodes |= _nodes(batch)
    links = [
        Edge(nodes[child].id, nodes[parent].id, EdgeKind(kind), host or None, period(made), not seen)
        for child, kind, parent, host, made, seen in edges
    ]
    return LineageGraph.of(nodes.values(), links), {pk: node.id for pk, node in nodes.items()}


def _nodes(batch: list[int]) -> dict[int, Node]:
    """Nodes by entry. What few entries have is asked for as columns of the one query."""
    disputed = DisputedModel.objects.filter(model=OuterRef("pk"), part__in=ACCUSED)
    concluded = Revision.objects.filter(model=OuterRef("pk")).exclude(license_concluded="")
    newest = concluded.order_by(F("published_on").desc(nulls_last=True), "-id")
    rows = (
        Model.objects.filter(pk__in=batch)
        .select_related("organization")
        .prefetch_related(Prefetch("license_periods", LicensePeriod.objects.order_by("since_on", "id")))
        .annotate(
            contested=Exists(disputed.exclude(dispute__standing__in=SETTLED)),
            concluded=Subquery(newest.values("license_concluded")[:1]),
            license_recalled=Exists(_recalled("license")),
            tag_recalled=Exists(_recalled("hub_license_tag")),
        )
        .order_by("pk")
    )
    found = list(rows)
    short = _short_names([row.pk for row in found if row.curated])
    return {
        row.pk: _model_node(
            row,
            short.get(row.pk, row.slug),
            row.contested,
            row.concluded or "",
            _statements(row.license_recalled, row.tag_recalled),
        )
        for row in found
    }


def _statements(license_recalled: bool, tag_recalled: bool) -> frozenset[str]:
    """Which statements about the license are only remembered."""
    held = {"declared": license_recalled, "hub_tag": tag_recalled}
    return frozenset(name for name, recalled in held.items() if recalled)


def _recalled(field: str) -> QuerySet[Fact]:
    """The standing statement about this field of an entry, where nobody read it in a source."""
    return Fact.objects.filter(model=OuterRef("pk"), field=field, is_current=True, seen=False)


def _short_names(curated_ids: list[int]) -> dict[int, str]:
    """The first short alias of each curated entry."""
    if not curated_ids:
        return {}
    aliases = Alias.objects.filter(model__in=curated_ids).exclude(key__contains="/").order_by("-pk")
    return dict(aliases.values_list("model_id", "key"))


def _model_node(row: Model, name: str, contested: bool, concluded: str, recalled: frozenset[str]) -> Node:
    words = vocabulary()
    history = tuple(
        DatedTerms(period.since_on, words.terms(period.license)) for period in row.license_periods.all()
    )
    return Node(
        id=name,
        kind=NodeKind(row.kind),
        licensor=row.licensor or None,
        licenses=Licenses(
            words.terms(row.license),
            words.terms(row.hub_license_tag),
            words.terms(concluded),
            history,
            recalled,
        ),
        name=row.slug,
        family=row.family or None,
        multimodal=_multimodal(row.modality),
        contested=contested,
    )


def _multimodal(modality: str) -> bool | None:
    """None where the catalog does not say what goes in and out."""
    return any(word in modality.lower() for word in SEES_OR_HEARS) if modality else None


def _batches(ids: list[int], size: int = 500) -> Iterable[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
