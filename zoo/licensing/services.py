"""Writes of license checks: the verdicts that are kept ready, brought up to date as rules and lineage change."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.db import transaction

from zoo.accounts.models import User
from zoo.catalog import services as catalog
from zoo.catalog.models import Fact, Model, Revision
from zoo.core.models import record
from zoo.licensing import lineage_source
from zoo.licensing.library import rule_book
from zoo.licensing.models import RuleSet, Standing, VerdictChange
from zoo.licensing.rules.bulk import Brief, verdicts
from zoo.licensing.rules.graph import LineageGraph
from zoo.licensing.uses import USES, facet_values
from zoo.lineage.models import Edge

logger = logging.getLogger(__name__)
TELLING_FIELDS = ("license", "hub_license_tag", "licensor", "modality")
BATCH = 2_000
MAX_LEVELS = 64
Given = dict[str, dict[str, str]]


class Outcome(NamedTuple):
    """How many models were judged, and how many verdicts became others."""

    judged: int
    changed: int


def recompute_all(*, acting_user: User | None, now: datetime) -> Outcome:
    """Judge the whole catalog. Harmless to repeat: what stays the same is only stamped."""
    graph, names = lineage_source.whole()
    outcome = _recompute(graph, names, acting_user=acting_user, now=now)
    _swept(now)
    return outcome


def recompute_verdicts(*, models: Collection[int], acting_user: User | None, now: datetime) -> Outcome:
    """Judge these models and everything that descends from them."""
    affected = with_descendants(models)
    graph, names = lineage_source.above_models(affected)
    wanted = {pk: names[pk] for pk in affected if pk in names}
    return _recompute(graph, wanted, acting_user=acting_user, now=now)


def refresh_stale(*, now: datetime, acting_user: User | None = None) -> Outcome:
    """Judge what is out of date: everything after a change of the rules, else what was added or changed since.

    For a schedule; costs two small queries when nothing happened.
    """
    swept = RuleSet.objects.filter(version=rule_book().version, swept_at__isnull=False).first()
    if swept is None or Standing.objects.exclude(rule_set=swept).exists():
        return recompute_all(acting_user=acting_user, now=now)
    stale = stale_models(swept)
    outcome = recompute_verdicts(models=stale, acting_user=acting_user, now=now) if stale else Outcome(0, 0)
    _swept(now)
    return outcome


def stale_models(rule_set: RuleSet) -> set[int]:
    """Models without a verdict, and those whose license, licensor or edges were recorded since the last sweep."""
    since = rule_set.swept_at
    facts = Fact.objects.filter(field__in=TELLING_FIELDS, recorded_at__gte=since)
    edges = Edge.objects.filter(recorded_at__gte=since)
    concluded = Revision.objects.filter(created_at__gte=since).exclude(license_concluded="")
    return {
        *Model.objects.filter(license_standing=None).order_by().values_list("pk", flat=True),
        *facts.order_by().values_list("model_id", flat=True),
        *edges.order_by().values_list("child_id", flat=True),
        *concluded.order_by().values_list("model_id", flat=True),
    }


def with_descendants(models: Collection[int]) -> set[int]:
    """These models and all that came of them, over every kind of edge that stands."""
    known, frontier = set(models), set(models)
    for _ in range(MAX_LEVELS):
        if not frontier:
            break
        rows = Edge.objects.filter(parent__in=frontier, is_current=True).order_by()
        frontier = set(rows.values_list("child_id", flat=True)) - known
        known |= frontier
    return known


def _recompute(
    graph: LineageGraph, names: Mapping[int, str], *, acting_user: User | None, now: datetime
) -> Outcome:
    keys = {name: pk for pk, name in names.items()}
    questions = {use.name: use.question for use in USES}
    judged = ((keys[name], briefs) for name, briefs in verdicts(graph, rule_book(), questions, keys))
    rule_set = _rule_set(now)
    count = changed = 0
    while batch := list(islice(judged, BATCH)):
        changed += _store(dict(batch), rule_set, now)
        count += len(batch)
    if changed:
        detail: dict[str, object] = {"judged": count, "changed": changed, "rules": rule_set.version}
        with transaction.atomic():
            record(
                action="license.verdicts_changed",
                subject="catalog",
                acting_user=acting_user,
                now=now,
                detail=detail,
            )
    logger.info("license verdicts: %s models judged, %s verdicts changed", count, changed)
    return Outcome(count, changed)


def _swept(now: datetime) -> None:
    RuleSet.objects.filter(pk=_rule_set(now).pk).update(swept_at=now)


def _rule_set(now: datetime) -> RuleSet:
    book = rule_book()
    rules = sum(len(text.file.rules) for text in book.licenses.values())
    found, _ = RuleSet.objects.get_or_create(
        version=book.version, defaults={"first_used_at": now, "texts": len(book.licenses), "rules": rules}
    )
    return found


@transaction.atomic
def _store(judged: Mapping[int, Mapping[str, Brief]], rule_set: RuleSet, now: datetime) -> int:
    """Write one batch; returns how many verdicts became others. The search index hears only of what differs."""
    before = {
        row.pk: row for row in Standing.objects.select_for_update().filter(model__in=judged).order_by("pk")
    }
    new: list[Standing] = []
    different: list[Standing] = []
    same: list[int] = []
    changes: list[VerdictChange] = []
    facets: dict[int, list[str]] = {}
    shared: dict[int, Given] = {}  # models in one situation share their briefs, and so their row
    for pk, briefs in judged.items():
        given = shared.setdefault(id(briefs), _given(briefs))
        known = before.get(pk)
        if known is not None and known.verdicts == given:
            same.append(pk)
            continue
        facets[pk] = facet_values(_words(given))
        if known is None:
            new.append(
                Standing(model_id=pk, rule_set=rule_set, verdicts=given, computed_at=now, changed_at=now)
            )
            continue
        found = _changes(pk, known, given, rule_set, now)
        changes += found
        known.verdicts, known.rule_set, known.computed_at = given, rule_set, now
        known.changed_at = now if found else known.changed_at
        different.append(known)
    Standing.objects.bulk_create(new, batch_size=500)
    Standing.objects.bulk_update(
        different, ["verdicts", "rule_set", "computed_at", "changed_at"], batch_size=200
    )
    for start in range(0, len(same), 500):
        stamped = Standing.objects.filter(pk__in=same[start : start + 500])
        stamped.update(computed_at=now, rule_set=rule_set)
    VerdictChange.objects.bulk_create(changes, batch_size=500)
    if facets:
        catalog.publish_verdicts(facets)
    return len(changes)


def _changes(pk: int, known: Standing, given: Given, rule_set: RuleSet, now: datetime) -> list[VerdictChange]:
    old: Given = known.verdicts
    cause = VerdictChange.Cause.CATALOG if known.rule_set_id == rule_set.pk else VerdictChange.Cause.RULES
    return [
        VerdictChange(
            model_id=pk,
            use=use,
            before=old[use]["verdict"],
            after=now_given["verdict"],
            before_rule=old[use]["rule"],
            after_rule=now_given["rule"],
            cause=cause,
            rule_set=rule_set,
            at=now,
        )
        for use, now_given in given.items()
        if use in old and old[use]["verdict"] != now_given["verdict"]
    ]


def _given(briefs: Mapping[str, Brief]) -> Given:
    return {
        use: {"verdict": brief.verdict.word, "rule": brief.rule_id or "", "license": brief.license or ""}
        for use, brief in briefs.items()
    }


def _words(given: Given) -> dict[str, str]:
    return {use: one["verdict"] for use, one in given.items()}
