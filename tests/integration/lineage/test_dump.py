"""The whole catalog as a file, and its way into another instance."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.factories.catalog import NOW, make_edge, make_model
from tests.factories.model_files import make_folder
from zoo.accounts.models import User
from zoo.catalog import loading, search, selectors, services
from zoo.catalog.data import curated
from zoo.catalog.imports import describe_folder
from zoo.catalog.models import (
    Dispute,
    Evidence,
    Fact,
    GlossaryTerm,
    Kind,
    Model,
    ReportedScore,
    Revision,
    SearchDocument,
    StartingPoint,
    Status,
    TimelineEntry,
)
from zoo.lineage import dump
from zoo.lineage import services as lineage
from zoo.lineage.dump import BadDump
from zoo.lineage.importing import record_model
from zoo.lineage.models import Edge, Method

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """A dump of a catalog with everything in it: facts with history, edges with a correction, a revision, a score."""
    parent, child = make_model("acme/parent", license="MIT"), make_model("acme/child", parameters=5)
    services.add_alias(model=parent, alias="pa", acting_user=None, now=NOW)
    services.record_fact(
        model=parent,
        field="license",
        value="Apache-2.0",
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=User.objects.create_user("ada"),
        now=NOW,
        reason="read again",
    )
    services.add_evidence(
        model=parent, claim="c", source="s", seen=True, status=Status.DOCUMENTED, acting_user=None, now=NOW
    )
    edge = make_edge(child, parent, methods=(Method.LOGIT,))
    lineage.correct_edge(
        edge=edge, status=Status.CLAIMED, seen=False, reason="doubt", acting_user=None, now=NOW
    )
    record_model(
        reference="acme/child",
        description=describe_folder(make_folder(tmp_path / "m")),
        acting_user=None,
        now=NOW,
    )
    ReportedScore.objects.create(
        record="r",
        model=child,
        printed_name="Child",
        benchmark="b",
        metric="m",
        settings="",
        value=1.5,
        unit="x",
        source="s",
        via="primary",
        seen=True,
        group="g",
    )
    return list(dump.write())


def wipe() -> None:
    """Another, empty instance."""
    Edge.objects.update(supersedes=None)
    for table in (
        Edge,
        ReportedScore,
        Dispute,
        TimelineEntry,
        GlossaryTerm,
        StartingPoint,
        Revision,
        Evidence,
    ):
        table.objects.all().delete()
    Fact.objects.update(supersedes=None)
    Fact.objects.all().delete()
    SearchDocument.objects.all().delete()
    Model.objects.all().delete()


def test_another_instance_loads_it_with_the_history(lines: list[str]) -> None:
    wipe()
    added = dump.load(lines, now=NOW)
    assert added == Counter(json.loads(line)["kind"] for line in lines[1:])
    assert added["entry"] >= 2
    parent, child = selectors.get_model("pa"), selectors.get_model("acme/child")
    new, old = selectors.history_of(parent)
    assert (old.value, new.value, new.supersedes) == ("MIT", "Apache-2.0", old)
    assert new.reason == "read again (by ada, on another instance)"
    assert child.revisions.get().files.count() >= 3
    assert Edge.objects.get(is_current=True, kind="distilled_from").status == "claimed"
    assert search.page(search.Query(facets={"teacher": ("acme/parent",)})).ids == (child.pk,)
    assert [row.value for row in selectors.reported_scores_of(child)] == [1.5]


def test_loading_twice_adds_nothing(lines: list[str]) -> None:
    assert sum(dump.load(lines, now=NOW).values()) == 0
    wipe()
    dump.load(lines, now=NOW)
    assert sum(dump.load(lines, now=NOW).values()) == 0


def test_what_is_here_is_left_alone(lines: list[str]) -> None:
    wipe()
    make_model("acme/parent", license="GPL-3.0-only")
    assert dump.load(lines, now=NOW)["entry"] == sum('"kind":"entry"' in line for line in lines) - 1
    assert selectors.get_model("acme/parent").license == "GPL-3.0-only"


def test_the_stories_travel_too() -> None:
    loading.load(curated(), now=NOW)
    lines = list(dump.write())
    wipe()
    added = dump.load(lines, now=NOW)
    assert added["event"] == len(curated().timeline)
    assert added["term"] == len(curated().glossary)
    assert added["dispute"] == len(curated().disputes)
    assert GlossaryTerm.objects.get(slug="teacher").see_also.exists()
    assert Dispute.objects.get(slug="house-committee-deepseek-2025").parts.count() == 2


@pytest.mark.parametrize(
    "broken",
    [
        [],
        ["not json\n"],
        ['{"kind":"head","data":{"format":"other","version":1}}\n'],
        ['{"kind":"head","data":{"format":"distill-zoo-catalog","version":9}}\n'],
        ['{"kind":"spell","data":{}}\n'],
        ['{"kind":"entry","data":{"id":"a/b"}}\n'],
    ],
)
def test_a_damaged_file_is_refused(broken: list[str]) -> None:
    if not broken:
        assert sum(dump.load(broken, now=NOW).values()) == 0
    else:
        with pytest.raises(BadDump):
            dump.load(broken, now=NOW)


def test_a_file_that_breaks_off_in_the_middle_leaves_nothing(lines: list[str]) -> None:
    wipe()
    with pytest.raises(BadDump) as caught:
        dump.load([*lines[:3], lines[3][:40]], now=NOW)
    assert "line 4" in caught.value.message
    assert not Model.objects.exists()


def test_an_edge_to_nothing_is_refused_with_its_line(lines: list[str]) -> None:
    edge = next(json.loads(line) for line in lines if '"kind":"edge"' in line[:20])
    edge["data"]["parent"] = "no/where"
    with pytest.raises(BadDump, match="line 2"):
        dump.load([lines[0], json.dumps(edge)], now=NOW)


def test_kinds_are_kept(lines: list[str]) -> None:
    make_model("acme/books", kind=Kind.DATASET)
    entries = [json.loads(line)["data"] for line in dump.write() if line.startswith('{"kind":"entry"')]
    assert {entry["id"]: entry["columns"]["kind"] for entry in entries}["acme/books"] == "dataset"
