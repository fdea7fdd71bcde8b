"""Plain functions that make catalog entries and edges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from zoo.catalog import services
from zoo.catalog.models import Kind, Model, Status
from zoo.lineage import loading
from zoo.lineage import services as lineage
from zoo.lineage.models import Edge, EdgeKind, Method

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def make_model(
    reference: str = "acme/student",
    *,
    kind: Kind = Kind.MODEL,
    title: str = "",
    now: datetime = NOW,
    **facts: str | int,
) -> Model:
    """An entry with the given facts, documented and seen."""
    model = services.add_model(
        reference=reference, title=title or reference.split("/")[1], kind=kind, acting_user=None, now=now
    )
    for field, value in facts.items():
        services.record_fact(
            model=model,
            field=field,
            value=value,
            status=Status.DOCUMENTED,
            seen=True,
            acting_user=None,
            now=now,
        )
    return model


def make_edge(
    child: Model,
    parent: Model,
    kind: EdgeKind = EdgeKind.DISTILLED_FROM,
    *,
    methods: tuple[Method, ...] = (),
    status: Status = Status.DOCUMENTED,
    seen: bool = True,
    now: datetime = NOW,
) -> Edge:
    """An edge without evidence rows."""
    return lineage.add_edge(
        child=child,
        parent=parent,
        kind=kind,
        methods=methods,
        status=status,
        seen=seen,
        acting_user=None,
        now=now,
    )


@contextmanager
def curated_catalog(blocker: DjangoDbBlocker) -> Iterator[None]:
    """The shipped catalog, loaded once for a module in a transaction of its own and undone after it."""
    with blocker.unblock(), transaction.atomic():
        loading.load(now=NOW)
        yield
        transaction.set_rollback(True)
