"""Edges: what is refused, how they are corrected, and how neighborhoods are read."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories.catalog import NOW, make_edge, make_model
from zoo.catalog import search
from zoo.catalog.models import Model, Status
from zoo.core.errors import Invalid
from zoo.lineage import ancestry, selectors, services
from zoo.lineage.models import Edge, EdgeKind, Method
from zoo.lineage.services import Attestation, DuplicateEdge, LineageCycle, SelfEdge

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def chain(length: int) -> list[Model]:
    """Entries of which each is distilled from the one before."""
    models = [make_model(f"acme/g{number}") for number in range(length)]
    for parent, child in itertools.pairwise(models):
        make_edge(child, parent)
    return models


def test_nothing_descends_from_itself() -> None:
    model = make_model("acme/one")
    with pytest.raises(SelfEdge):
        make_edge(model, model)


def test_the_same_edge_stands_once_but_kinds_may_differ() -> None:
    child, parent = make_model("acme/child"), make_model("acme/parent")
    make_edge(child, parent)
    with pytest.raises(DuplicateEdge):
        make_edge(child, parent)
    make_edge(child, parent, EdgeKind.INITIALIZED_FROM)
    assert selectors.parents_of(child).count() == 2


def test_a_circle_is_refused_with_the_path_that_would_close_it() -> None:
    first, middle, last = chain(3)
    with pytest.raises(LineageCycle) as caught:
        make_edge(first, last, EdgeKind.FINETUNED_FROM)
    assert caught.value.data["path"] == [first.slug, last.slug, middle.slug, first.slug]
    assert Edge.objects.count() == 2


def test_a_correction_keeps_the_old_edge_and_its_evidence() -> None:
    child, parent = make_model("acme/child"), make_model("acme/parent")
    said = Attestation("taught by", "a paper", True, Status.DOCUMENTED)
    edge = services.add_edge(
        child=child,
        parent=parent,
        kind=EdgeKind.DISTILLED_FROM,
        methods=[Method.RESPONSE],
        status=Status.CLAIMED,
        seen=False,
        evidence=[said],
        acting_user=None,
        now=NOW,
    )
    corrected = services.correct_edge(
        edge=edge,
        status=Status.DOCUMENTED,
        seen=True,
        methods=[Method.LOGIT],
        reason="the paper was read",
        acting_user=None,
        now=NOW + timedelta(days=1),
    )
    edge.refresh_from_db()
    assert (edge.is_current, edge.methods) == (False, ["response"])
    assert (corrected.supersedes, corrected.methods, corrected.reason) == (
        edge,
        ["logit"],
        "the paper was read",
    )
    assert [row.claim for row in corrected.evidence.all()] == ["taught by"]
    assert search.page(search.Query(facets={"method": ("logit",)})).ids == (child.pk,)
    assert search.page(search.Query(facets={"method": ("response",)})).ids == ()


def test_a_correction_needs_a_reason() -> None:
    edge = make_edge(make_model("acme/child"), make_model("acme/parent"))
    with pytest.raises(Invalid):
        services.retract_edge(edge=edge, reason=" ", acting_user=None, now=NOW)


def test_a_retracted_edge_is_no_lineage_and_is_kept() -> None:
    child, parent = make_model("acme/child"), make_model("acme/parent")
    services.retract_edge(edge=make_edge(child, parent), reason="wrong", acting_user=None, now=NOW)
    assert not selectors.parents_of(child)
    assert selectors.neighborhood(child, depth=3).edges == ()
    assert Edge.objects.filter(child=child).count() == 2
    assert search.page(search.Query(facets={"role": ("student",)})).ids == ()


def test_a_neighborhood_has_levels_in_both_directions() -> None:
    models = chain(5)
    around = selectors.neighborhood(models[2], depth=1)
    assert {around.models[pk].name: level for pk, level in around.levels.items()} == {
        "g1": -1,
        "g2": 0,
        "g3": 1,
    }
    assert len(around.edges) == 2
    assert not around.truncated
    assert len(selectors.neighborhood(models[2], depth=12, direction="up").models) == 3
    assert len(selectors.neighborhood(models[2], depth=12, direction="down").models) == 3


def test_a_neighborhood_stops_at_its_limit_and_says_so() -> None:
    parent = make_model("acme/parent")
    for number in range(6):
        make_edge(make_model(f"acme/child{number}"), parent)
    around = selectors.neighborhood(parent, depth=2, max_nodes=4)
    assert len(around.models) == 4
    assert around.truncated
    assert all(edge.child_id in around.models and edge.parent_id in around.models for edge in around.edges)


def test_statuses_limit_what_is_followed() -> None:
    child, parent = make_model("acme/child"), make_model("acme/parent")
    make_edge(child, parent, status=Status.DISPUTED)
    assert len(selectors.neighborhood(child, depth=1).models) == 2
    assert len(selectors.neighborhood(child, depth=1, statuses=[Status.DOCUMENTED]).models) == 1


def test_all_that_is_above_is_found_in_one_query_and_only_what_counts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    models = chain(6)
    stranger = make_model("acme/stranger")
    make_edge(models[2], stranger, status=Status.DISPUTED)
    make_edge(stranger, make_model("acme/strange"))
    services.retract_edge(
        edge=make_edge(models[3], make_model("acme/no")), reason="wrong", acting_user=None, now=NOW
    )
    with django_assert_num_queries(1):
        steps = ancestry.edges_above([models[5].pk, models[4].pk], statuses=[Status.DOCUMENTED])
    assert {(step.child, step.parent) for step in steps} == {
        (child.pk, parent.pk) for parent, child in itertools.pairwise(models)
    }
    assert len(steps) == 5
    assert len(selectors.ancestor_links([models[5].pk])) == 7


def test_a_circle_in_the_table_ends_the_walk() -> None:
    first, second = make_model("acme/first"), make_model("acme/second")
    make_edge(first, second)
    Edge.objects.create(
        child=second, parent=first, kind=EdgeKind.MERGED_FROM, status="claimed", seen=True, recorded_at=NOW
    )
    assert len(selectors.ancestor_links([first.pk])) == 2


def test_queries_of_a_neighborhood_grow_with_depth_and_not_with_entries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    parent = make_model("acme/parent")
    for number in range(30):
        make_edge(make_model(f"acme/child{number}"), parent)
    with django_assert_max_num_queries(6):
        selectors.neighborhood(parent, depth=1)
    with django_assert_max_num_queries(8):
        selectors.neighborhood(parent, depth=12)
