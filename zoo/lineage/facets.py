"""What lineage tells search about an entry: methods, teachers, roles, and how much hangs on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

from zoo.catalog import search
from zoo.catalog.models import Kind, Model
from zoo.catalog.models.attested import COUNTED
from zoo.lineage.models import Edge, EdgeKind

_BATCH = 500
_WEIGHT_KINDS = frozenset(
    {
        EdgeKind.INITIALIZED_FROM,
        EdgeKind.FINETUNED_FROM,
        EdgeKind.PRUNED_FROM,
        EdgeKind.QUANTIZED_FROM,
        EdgeKind.MERGED_FROM,
        EdgeKind.ADAPTER_OF,
    }
)


def refresh_facets(model_ids: Iterable[int], *, using: str = "default") -> None:
    """Brings method, teacher, role and prominence of these entries up to date. Only edges that count take part."""
    ids = iter(dict.fromkeys(model_ids))
    while batch := list(islice(ids, _BATCH)):
        _refresh_batch(batch, using)


def _refresh_batch(ids: list[int], using: str) -> None:
    edges = Edge.objects.using(using).filter(is_current=True, status__in=COUNTED)
    values: dict[int, dict[str, set[str]]] = {
        pk: {"method": set(), "teacher": set(), "role": set()} for pk in ids
    }
    upward = edges.filter(child__in=ids).select_related("parent__organization").order_by("id")
    for edge in upward:
        _learn_upward(values[edge.child_id], edge)
    children: defaultdict[int, int] = defaultdict(int)
    for parent, kind in edges.filter(parent__in=ids).values_list("parent_id", "kind"):
        children[parent] += 1
        if kind in (EdgeKind.DISTILLED_FROM, EdgeKind.GENERATED_BY):
            values[parent]["role"].add("teacher")
        elif kind in _WEIGHT_KINDS:
            values[parent]["role"].add("base")
    rows = Model.objects.using(using).filter(pk__in=ids).values_list("pk", "kind", "distillation")
    for pk, kind, distillation in rows:
        if distillation and kind == Kind.MODEL:
            values[pk]["role"].add("student")
    search.contribute(
        {pk: {facet: sorted(given) for facet, given in own.items()} for pk, own in values.items()},
        prominence={pk: children[pk] for pk in ids},
        using=using,
    )


def _learn_upward(own: dict[str, set[str]], edge: Edge) -> None:
    if edge.kind == EdgeKind.DISTILLED_FROM:
        own["role"].add("student")
        own["teacher"].add(edge.parent.slug)
        own["method"].update(edge.methods)
        if len(edge.methods) > 1:
            own["method"].add("mixed")
    elif edge.kind == EdgeKind.QUANTIZED_FROM:
        own["role"].add("quantized")
