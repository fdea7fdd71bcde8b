"""How fast are license checks? Single ones over deep lineages, a whole catalog at once, and that in the database.

    python -m benchmarks.licensing [--models 100000] [--rows 20000] [--out benchmarks/results/licensing.json]

The synthetic catalog is shaped like the real one: a few hundred bases and teachers, chains of fine-tunes and students
up to twelve edges deep, the license mix of the shipped data. Times are CPU seconds of one process (what one core does)
and wall seconds beside them; the machine's load tells how far the two may differ. A thousand bulk verdicts are
compared with a check of their own, so the figures are of a thing that works.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.licensing.library import rule_book
from zoo.licensing.rules.bulk import signatures, verdicts
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Edge, Licenses, LineageGraph, Node
from zoo.licensing.rules.questions import Facts, Use
from zoo.licensing.rules.vocabulary import Action, EdgeKind, NodeKind
from zoo.licensing.uses import USES

DEEPEST = 12
ROOTS = 300
TARGET_CHECKS = 2_000
TARGET_SECONDS = 120
MIX = {
    "Apache-2.0": 73, "MIT": 33, "gemma-terms": 16, "llama-3.1-community": 9, "llama-3.2-community": 9,
    "nvidia-open-model": 8, "CC-BY-NC-4.0": 6, "llama-2-community": 5, "llama-3-community": 4, "llama-1-research": 4,
    "qwen-license-2024": 2, "deepseek-model-1.0": 2, "bigcode-openrail-m": 2, "llama-3.3-community": 1, "": 10,
}  # fmt: skip
WEIGHTS = ("finetuned_from", "finetuned_from", "quantized_from", "adapter_of", "merged_from", "pruned_from")


@dataclass
class Catalog:
    """Synthetic rows: license, licensor and kind per model, edges as (child, kind, parent), depth per model."""

    nodes: list[Node]
    edges: list[tuple[int, str, int]]
    depths: list[int]

    def graph(self) -> LineageGraph:
        """The rows as the engine's graph."""
        edges = [Edge(f"m{child}", f"m{parent}", EdgeKind(kind)) for child, kind, parent in self.edges]
        return LineageGraph.of(self.nodes, edges)

    def deepest(self) -> list[str]:
        """The models whose lineage is as deep as it gets."""
        return [f"m{index}" for index, depth in enumerate(self.depths) if depth == DEEPEST]


def synthetic(count: int, seed: int) -> Catalog:
    """A catalog of `count` models; the first are bases, data sets and closed services."""
    chance = random.Random(seed)
    keys, shares = list(MIX), list(MIX.values())
    nodes: list[Node] = []
    edges: list[tuple[int, str, int]] = []
    depths: list[int] = []
    for index in range(count):
        kind, key = NodeKind.MODEL, chance.choices(keys, shares)[0]
        if index < ROOTS and index % 10 == 9:
            kind, key = NodeKind.API, "openai-services-agreement"
        elif index < ROOTS and index % 10 == 8:
            kind = NodeKind.DATASET
        above = [] if index < ROOTS else list(_parents(index, depths, nodes, chance))
        if above and above[0][0] in WEIGHTS and chance.random() < 0.8:
            parent = nodes[above[0][1]]
            key = (
                parent.licenses.declared[0][0] if parent.licenses.declared else ""
            )  # most keep the base's license
        edges += [(index, edge_kind, parent_index) for edge_kind, parent_index in above]
        depths.append(max((depths[parent_index] + 1 for _, parent_index in above), default=0))
        licenses = Licenses(declared=((key,),) if key else ())
        nodes.append(Node(f"m{index}", kind, f"o{chance.randrange(5_000)}", licenses, multimodal=False))
    return Catalog(nodes, edges, depths)


def _parents(
    index: int, depths: list[int], nodes: list[Node], chance: random.Random
) -> Iterator[tuple[str, int]]:
    """One parent of weights, sometimes a teacher and data; popular roots far more often than others."""
    recent = chance.random() < 0.5 and index > ROOTS
    for _ in range(20):
        # Of a few recent models the deepest is continued, so that some chains grow as long as they may.
        near = (
            [chance.randrange(ROOTS, index) for _ in range(4)]
            if recent
            else [int(ROOTS * chance.random() ** 2)]
        )
        base = max(near, key=lambda place: depths[place] % DEEPEST)
        if depths[base] < DEEPEST and nodes[base].kind is NodeKind.MODEL:
            yield (chance.choice(WEIGHTS), base)
            break
    if chance.random() < 0.2:
        teacher = int(ROOTS * chance.random() ** 2)
        yield ("trained_on" if nodes[teacher].kind is NodeKind.DATASET else "distilled_from", teacher)


@contextmanager
def timed(figures: dict[str, Any], name: str) -> Iterator[None]:
    """Records CPU and wall seconds under `name`."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    figures[f"{name}_cpu_seconds"] = round(time.process_time() - cpu, 3)
    figures[f"{name}_wall_seconds"] = round(time.perf_counter() - wall, 3)


def single_checks(catalog: Catalog, count: int, seed: int) -> dict[str, Any]:
    """Whole answers, with findings and paths, about models twelve edges deep."""
    graph, book, chance = catalog.graph(), rule_book(), random.Random(seed)
    deep = catalog.deepest()
    facts = Facts(commercial=True, mau=1_000_000)
    questions = [Use(chance.choice(deep), chance.choice(list(Action)), facts) for _ in range(count)]
    check(questions[0], graph, book)
    figures: dict[str, Any] = {"checks": count, "deepest_models": len(deep)}
    lines = 0
    with timed(figures, "single"):
        for question in questions:
            lines += len(check(question, graph, book).findings)
    figures["findings_per_check"] = round(lines / count, 1)
    figures["checks_per_cpu_second"] = round(count / figures["single_cpu_seconds"])
    return figures


def whole_catalog(catalog: Catalog) -> dict[str, Any]:
    """Verdicts of every model for every intended use, in memory; a sample is compared with single checks."""
    graph, book = catalog.graph(), rule_book()
    names = [node.id for node in catalog.nodes]
    uses = {use.name: use.question for use in USES}
    figures: dict[str, Any] = {"models": len(names), "uses": len(uses)}
    with timed(figures, "bulk"):
        found = dict(verdicts(graph, book, uses, names))
    figures["distinct_situations"] = len(set(signatures(graph, names).values()))
    for name in names[:: max(1, len(names) // 1000)]:
        for use, question in uses.items():
            alone = check(replace(question, model=name), graph, book)
            assert alone.verdict is found[name][use].verdict, (name, use)
    return figures


def in_the_database(catalog: Catalog) -> dict[str, Any]:
    """The same through the tables: first, again, under other rules, and after one base is relicensed."""
    from django.db.models import F
    from django.utils import timezone

    from zoo.catalog.models import Fact, Model
    from zoo.licensing import services
    from zoo.licensing.models import RuleSet, Standing
    from zoo.lineage.models import Edge as EdgeRow

    _fill(catalog)
    now, figures = timezone.now(), dict[str, Any]()
    with timed(figures, "first"):
        services.recompute_all(acting_user=None, now=now)
    with timed(figures, "again_unchanged"):
        services.recompute_all(acting_user=None, now=now)
    RuleSet.objects.update(version="0.0.0+before", swept_at=None)
    with timed(figures, "after_new_rules"):
        services.refresh_stale(now=timezone.now())
    every_third = Standing.objects.annotate(place=F("pk") % 3).filter(place=0)
    judged_otherwise = {use.name: {"verdict": "unknown", "rule": "", "license": ""} for use in USES}
    every_third.update(verdicts=judged_otherwise)
    RuleSet.objects.filter(version=rule_book().version).update(version="0.0.1+before", swept_at=None)
    with timed(figures, "after_telling_rules"):
        telling = services.refresh_stale(now=timezone.now())
    base = EdgeRow.objects.order_by("parent").values_list("parent", flat=True)[0]
    Model.objects.filter(pk=base).update(license="CC-BY-NC-4.0")
    Fact.objects.create(
        model_id=base,
        field="license",
        value="CC-BY-NC-4.0",
        status="documented",
        seen=True,
        recorded_at=timezone.now(),
    )
    with timed(figures, "after_one_change"):
        outcome = services.refresh_stale(now=timezone.now())
    return figures | {
        "rows": Standing.objects.count(),
        "verdicts_changed_by_rules": telling.changed,
        "descendants_judged": outcome.judged,
        "verdicts_changed": outcome.changed,
    }


def _fill(catalog: Catalog) -> None:
    """Rows straight into the tables: filling is not what is measured."""
    from django.utils import timezone

    from zoo.catalog.models import Model, Organization, SearchDocument
    from zoo.lineage.models import Edge as EdgeRow

    now = timezone.now()
    organization = Organization.objects.create(slug="synthetic", name="synthetic")
    Model.objects.bulk_create(
        [
            Model(
                pk=index + 1, organization=organization, name=node.id, key=f"synthetic/{node.id}", title=node.id,
                kind=node.kind.value, licensor=node.licensor or "", modality="text", created_at=now,
                license=node.licenses.declared[0][0] if node.licenses.declared else "",
            )
            for index, node in enumerate(catalog.nodes)
        ],
        batch_size=1_000,
    )  # fmt: skip
    SearchDocument.objects.bulk_create(
        [
            SearchDocument(model_id=index + 1, words=f" {node.id} ", facets=" ", name_key=node.id)
            for index, node in enumerate(catalog.nodes)
        ],
        batch_size=1_000,
    )
    EdgeRow.objects.bulk_create(
        [
            EdgeRow(
                child_id=child + 1,
                parent_id=parent + 1,
                kind=kind,
                status="documented",
                seen=True,
                recorded_at=now,
            )
            for child, kind, parent in catalog.edges
        ],
        batch_size=1_000,
    )


def with_database(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Runs over an empty SQLite database of its own."""
    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/bench.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "zoo.settings.test"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        return run()


def report(models: int, rows: int, checks: int, seed: int) -> dict[str, Any]:
    """All figures, with the machine and the rules they hold for."""
    catalog = synthetic(models, seed)
    figures: dict[str, Any] = {
        "rules_version": rule_book().version,
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "targets": {"checks_per_second": TARGET_CHECKS, "whole_catalog_seconds": TARGET_SECONDS},
        "single": single_checks(catalog, checks, seed),
        "whole_catalog": whole_catalog(catalog),
    }
    stored = catalog if rows == models else synthetic(rows, seed)
    figures["database"] = with_database(lambda: in_the_database(stored))
    return figures


def table(figures: dict[str, Any]) -> str:
    """The figures that matter, for people. CPU seconds; those of the database also scaled to the target's size."""
    single, bulk, database = figures["single"], figures["whole_catalog"], figures["database"]
    rows, scale = database["rows"], 100_000 / database["rows"]
    found = [
        (
            f"checks a second over lineages {DEEPEST} deep",
            f"{single['checks_per_cpu_second']:,}",
            f"{TARGET_CHECKS:,}",
        ),
        (f"{bulk['models']:,} models x {bulk['uses']} uses in memory", f"{bulk['bulk_cpu_seconds']} s", ""),
    ]
    stages = (
        ("first", "first filling of tables and search index"),
        ("again_unchanged", "recomputed, nothing changed"),
        ("after_new_rules", "recomputed under another version of the rules that changes no verdict"),
        (
            "after_telling_rules",
            f"the same when every third model was judged otherwise: {database['verdicts_changed_by_rules']:,} changed",
        ),
        ("after_one_change", f"one base relicensed: {database['descendants_judged']:,} judged"),
    )
    for stage, words in stages:
        seconds = database[f"{stage}_cpu_seconds"]
        found.append(
            (f"{rows:,} models in the database, {words}", f"{seconds} s", f"{seconds * scale:.0f} s")
        )
    lines = [f"| {name} | {value} | {other} |" for name, value, other in found]
    return "\n".join(["| | measured | target, or for 100,000 models |", "|---|---|---|", *lines])


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=None, help="models in the database; as many if not given")
    parser.add_argument("--checks", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/licensing.json"))
    given = parser.parse_args()
    figures = report(given.models, given.rows or given.models, given.checks, given.seed)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
