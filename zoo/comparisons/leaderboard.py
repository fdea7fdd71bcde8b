"""The leaderboard: students of one suite version under one set of settings, with rank ranges and the Pareto front.

Only what was measured alike is ranked: same suite version, same settings, whole coverage. Everything else is kept
beside it with the reason why it has no rank. One row per student and teacher, the newest comparison counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from django.db.models import F

from evaluation.contract import digest_of
from evaluation.scoring.pareto import Placed, Point, pareto
from evaluation.scoring.ranks import RankRange, ranges_from_intervals
from evaluation.scoring.values import Estimate, Quantity, Undefined
from zoo.comparisons.known import UNKNOWN, Known, from_catalog
from zoo.comparisons.models import Comparison
from zoo.comparisons.selectors import measured_document
from zoo.comparisons.titles import task_titles

Cost = Literal["parameters", "bytes", "latency", "memory"]
COSTS: tuple[Cost, ...] = get_args(Cost)


@dataclass(frozen=True, slots=True)
class MeasuredWith:
    """The settings that a row was measured with; rows are ranked together only when all of them agree."""

    engine: str
    harness_version: str
    dtype: str
    num_fewshot: int | None
    apply_chat_template: bool
    max_length: int | None

    @property
    def key(self) -> str:
        """A short name of the settings, for addresses."""
        return digest_of([getattr(self, name) for name in self.__slots__])[:8]


@dataclass(frozen=True, slots=True)
class Costs:
    """What the student costs; None where it was not measured. Seconds per answer, bytes in use at the peak."""

    parameters: int | None
    bytes: int | None
    latency: float | None
    memory: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """Retention of one task or one capability."""

    name: str
    title: str
    capability: str
    retention: Quantity
    verdict: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One student against one teacher, as its newest comparison says."""

    comparison_id: UUID
    student: str
    teacher: str
    created_at: datetime
    settings: MeasuredWith
    retention: Quantity
    mean_of_tasks: Quantity
    verdict: str
    tasks_measured: int
    tasks_of: int
    rankable: bool
    limited: bool
    limit: int | None
    """Documents of each task that were measured at most; None for all."""
    costs: Costs
    teacher_parameters: int | None
    speed_up: Mapping[str, Any] | None
    """How much faster it answers than its teacher on the same worker, as the document has it."""
    tasks: tuple[Cell, ...]
    capabilities: tuple[Cell, ...]
    reproduce: str
    reproduce_zoo: str


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with its standing. `rank` is None, and `unranked` says why, where it cannot be ranked.

    `on_front` is None where it has no rank or its cost is not known.
    """

    entry: Entry
    rank: RankRange | None
    unranked: str
    on_front: bool | None
    dominated_by: tuple[str, ...]
    license: str
    license_verdict: str


class SuiteVersion(NamedTuple):
    """A suite version that something was compared on."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader chose. Empty strings and None mean "any", or the newest, or the most used."""

    suite: str = ""
    version: str = ""
    teacher: str = ""
    settings: str = ""
    cost: Cost = "parameters"
    parameters_gte: int | None = None
    parameters_lte: int | None = None
    retention_gte: float | None = None
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """The answer: rows in order, and what else could be chosen."""

    suite: SuiteVersion | None
    settings: MeasuredWith | None
    cost: Cost
    rows: tuple[Row, ...]
    suites: tuple[SuiteVersion, ...]
    teachers: tuple[str, ...]
    other_settings: tuple[MeasuredWith, ...]
    filtered_out: int


def board(asked: Asked) -> Board:
    """The leaderboard for what was asked. An unknown suite, teacher or setting gives an empty board."""
    suites = suites_compared()
    suite = _chosen_suite(asked, suites)
    entries = _newest(_entries(suite)) if suite else []
    settings = _chosen_settings(asked.settings, entries)
    chosen = [entry for entry in entries if entry.settings == settings]
    teachers = tuple(sorted({entry.teacher for entry in chosen}))
    known = from_catalog({name for entry in chosen for name in (entry.student, entry.teacher)})
    chosen = [with_sizes(entry, known) for entry in chosen]
    kept = [entry for entry in chosen if _wanted(entry, asked, known.get(entry.student, UNKNOWN))]
    return Board(
        suite=suite,
        settings=settings,
        cost=asked.cost,
        rows=_rows(kept, asked.cost, known),
        suites=suites,
        teachers=teachers,
        other_settings=tuple(sorted({e.settings for e in entries} - {settings}, key=lambda one: one.key)),
        filtered_out=len(chosen) - len(kept),
    )


def suites_compared() -> tuple[SuiteVersion, ...]:
    """The suite versions that have comparisons, by name, newest version first."""
    found = Comparison.objects.exclude(suite="").values_list("suite", "suite_version").distinct().order_by()
    versions = [SuiteVersion(*pair) for pair in found]
    return tuple(sorted(versions, key=lambda one: (one.name, -_number(one.version))))


_Key = tuple[UUID, str]
"""A comparison and the state of its pair job: records never change, only its pair job adds to one, once."""
_MOST_KEPT = 4096
_kept: dict[_Key, Entry] = {}


def entries_of(wanted: Iterable[_Key]) -> list[Entry]:
    """The summaries of these comparisons, in this order.

    What was summarized before is kept by the process; all the others cost one query together.
    """
    keys = list(wanted)
    found = {key: entry for key in keys if (entry := _kept.get(key))}
    states = {pk: state for pk, state in keys if (pk, state) not in found}
    if states:
        rows = Comparison.objects.select_related("pairing__pair_run__result").filter(pk__in=states)
        for row in rows.order_by("pk").iterator(chunk_size=50):
            found[row.pk, states[row.pk]] = _entry(row)
        _kept.update(found)
        for key in list(_kept)[: max(0, len(_kept) - _MOST_KEPT)]:
            _kept.pop(key, None)
    return [found[key] for key in keys if key in found]


def _entry(comparison: Comparison) -> Entry:
    document = measured_document(comparison)
    overall, coverage = document["overall"], document["overall"]["coverage"]
    titles = task_titles(comparison.suite, comparison.suite_version)
    return Entry(
        comparison_id=comparison.pk,
        student=comparison.student,
        teacher=comparison.teacher,
        created_at=comparison.created_at,
        settings=_settings(document),
        retention=quantity(overall["retention"]),
        mean_of_tasks=quantity(overall["mean_of_tasks"]),
        verdict=overall["verdict"] or "",
        tasks_measured=coverage["tasks"],
        tasks_of=coverage["of"],
        rankable=comparison.rankable,
        limited=coverage["limited"],
        limit=document["protocol"].get("limit"),
        costs=_costs(document["efficiency"]),
        teacher_parameters=(document["efficiency"].get("teacher") or {}).get("parameters") or None,
        speed_up=(document["efficiency"].get("latency") or {}).get("speed_up"),
        tasks=tuple(_cell(row, "task", titles) for row in document["tasks"]),
        capabilities=tuple(_cell(row, "name", {}) for row in document["capabilities"]),
        reproduce=document.get("reproduce") or "",
        reproduce_zoo=document["reproduce_zoo"],
    )


def quantity(plain: Mapping[str, Any] | None) -> Quantity:
    """A number of a document as the scoring's own type."""
    if plain is None or "undefined" in plain:
        plain = plain or {}
        return Undefined(plain.get("undefined", "not_measured"), plain.get("message", ""))
    return Estimate(
        plain["value"], plain["ci_low"], plain["ci_high"], plain["ci_level"], plain.get("method", "")
    )


def _cell(row: Mapping[str, Any], key: str, titles: Mapping[str, str]) -> Cell:
    name = row[key]
    return Cell(
        name=name,
        title=titles.get(name, name),
        capability=row.get("capability") or "",
        retention=quantity(row["retention"]),
        verdict=row["verdict"] or "",
    )


def _settings(document: Mapping[str, Any]) -> MeasuredWith:
    protocol, engine = document["protocol"], document.get("engine") or {}
    return MeasuredWith(
        engine=engine.get("engine", ""),
        harness_version=engine.get("harness_version") or "",
        dtype=protocol["dtype"],
        num_fewshot=protocol["num_fewshot"],
        apply_chat_template=protocol["apply_chat_template"],
        max_length=protocol["max_length"],
    )


def _costs(efficiency: Mapping[str, Any]) -> Costs:
    student = efficiency.get("student") or {}
    latency = (efficiency.get("latency") or {}).get("student") or {}
    return Costs(
        parameters=student.get("parameters") or None,
        bytes=student.get("weights_bytes") or student.get("weight_bytes"),
        # Documents of before percentiles had names in JSON hold them by position: median first.
        latency=latency[0] if isinstance(latency, list) else latency.get("p50"),
        memory=student.get("peak_memory_bytes"),
    )


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _chosen_suite(asked: Asked, suites: Sequence[SuiteVersion]) -> SuiteVersion | None:
    fitting = [one for one in suites if asked.suite in ("", one.name) and asked.version in ("", one.version)]
    return fitting[0] if fitting else None


def _entries(suite: SuiteVersion) -> list[Entry]:
    rows = (
        Comparison.objects.filter(suite=suite.name, suite_version=suite.version)
        .exclude(student=F("teacher"))
        .order_by("-created_at", "-pk")
        .values_list("pk", "pairing__pair_run__state")
    )
    return entries_of((pk, state or "") for pk, state in rows)


def _newest(entries: Iterable[Entry]) -> list[Entry]:
    """One entry per student, teacher and settings: the newest that is whole, else the newest."""
    found: dict[tuple[str, str, MeasuredWith], Entry] = {}
    for entry in entries:
        key = (entry.student, entry.teacher, entry.settings)
        if key not in found or (entry.rankable and not found[key].rankable):
            found[key] = entry
    return list(found.values())


def _chosen_settings(key: str, entries: Sequence[Entry]) -> MeasuredWith | None:
    """The settings with this key; without a key, those that most entries share."""
    counts = Counter(entry.settings for entry in entries)
    if key:
        return next((one for one in counts if one.key == key), None)
    return max(counts, key=lambda one: (counts[one], one.key), default=None)


def with_sizes(entry: Entry, known: Mapping[str, Known]) -> Entry:
    """The entry with the catalog's parameter counts where the runs counted none."""
    mine, teachers = (known.get(name, UNKNOWN).parameters for name in (entry.student, entry.teacher))
    return replace(
        entry,
        costs=replace(entry.costs, parameters=entry.costs.parameters or mine),
        teacher_parameters=entry.teacher_parameters or teachers,
    )


def _wanted(entry: Entry, asked: Asked, known: Known) -> bool:
    size = entry.costs.parameters
    kept = entry.retention
    return (
        asked.teacher in ("", entry.teacher)
        and (not asked.verdicts or known.verdict in asked.verdicts)
        and (asked.parameters_gte is None or (size is not None and size >= asked.parameters_gte))
        and (asked.parameters_lte is None or (size is not None and size <= asked.parameters_lte))
        and (
            asked.retention_gte is None or (isinstance(kept, Estimate) and kept.value >= asked.retention_gte)
        )
    )


def _rows(entries: Sequence[Entry], cost: Cost, known: Mapping[str, Known]) -> tuple[Row, ...]:
    reasons = {e.comparison_id: _why_unranked(e, known.get(e.student, UNKNOWN)) for e in entries}
    ranked = [entry for entry in entries if not reasons[entry.comparison_id]]
    estimates = [entry.retention for entry in ranked if isinstance(entry.retention, Estimate)]
    ranges = ranges_from_intervals(estimates) if estimates else ()
    ranks = dict(zip((entry.comparison_id for entry in ranked), ranges, strict=True))
    placed = _front(ranked, cost)
    names = {str(entry.comparison_id): entry.student for entry in ranked}
    rows = [
        _row(
            entry,
            known.get(entry.student, UNKNOWN),
            rank=ranks.get(entry.comparison_id),
            unranked=reasons[entry.comparison_id],
            standing=placed.get(str(entry.comparison_id)),
            names=names,
        )
        for entry in entries
    ]
    return tuple(sorted(rows, key=_order))


def _why_unranked(entry: Entry, known: Known) -> str:
    if entry.limited:
        return "a limit cut its tasks short"
    if not entry.rankable:
        return f"{entry.tasks_measured} of {entry.tasks_of} tasks were measured"
    if isinstance(entry.retention, Undefined):
        return "retention is undefined"
    if not known.learned_from(entry.teacher):
        return "compared with a model that is not its teacher"
    return ""


def _front(ranked: Sequence[Entry], cost: Cost) -> dict[str, Placed]:
    points = [
        Point(
            str(entry.comparison_id),
            {"cost": getattr(entry.costs, cost), "kept": entry.retention.value},
        )
        for entry in ranked
        if isinstance(entry.retention, Estimate)
    ]
    placed = pareto(points, {"cost": "minimize", "kept": "maximize"})
    return {one.name: one for one in placed}


def _row(
    entry: Entry,
    known: Known,
    *,
    rank: RankRange | None,
    unranked: str,
    standing: Placed | None,
    names: Mapping[str, str],
) -> Row:
    return Row(
        entry=entry,
        rank=rank,
        unranked=unranked,
        on_front=standing.on_front if standing else None,
        dominated_by=tuple(names[name] for name in standing.dominated_by) if standing else (),
        license=known.license,
        license_verdict=known.verdict,
    )


def _order(row: Row) -> tuple[bool, float, str]:
    kept = row.entry.retention
    value = kept.value if isinstance(kept, Estimate) else float("-inf")
    return row.rank is None, -value, row.entry.student
