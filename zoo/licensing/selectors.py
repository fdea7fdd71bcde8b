"""Reads of license checks: standings of a model, changes, and the license files as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.db.models import QuerySet

from zoo.catalog.models import Model
from zoo.core.errors import NotFound
from zoo.licensing import lineage_source, matrix
from zoo.licensing.checks import Checked, ask
from zoo.licensing.documents import QuestionDocument
from zoo.licensing.library import rule_book
from zoo.licensing.models import RuleSet, Standing, VerdictChange
from zoo.licensing.rules.book import License
from zoo.licensing.uses import ORDINARY, USES, IntendedUse


class LicenseNotFound(NotFound):
    """No license text of this key is on record."""

    code = "license_not_found"


def licenses() -> list[License]:
    """Every text, by family and name."""
    return sorted(rule_book().licenses.values(), key=lambda text: (text.file.family, text.file.name.lower()))


@cache
def matrix_rows() -> tuple[matrix.Row, ...]:
    """Every text with its answers to the first questions, in the order of `licenses`."""
    return tuple(matrix.row(rule_book(), text.key) for text in licenses())


def get_license(key: str) -> License:
    """One text by key, SPDX id, alias or hub tag in any case. Raises LicenseNotFound with the nearest keys."""
    book = rule_book()
    found = book.get(key)
    if found is None:
        terms = lineage_source.vocabulary().terms(key)
        found = book.get(terms[0][0]) if len(terms) == 1 and len(terms[0]) == 1 else None
    if found is None:
        near = book.nearest(key)
        remedy = (
            f"Keys that look like it: {', '.join(near)}." if near else "The list of licenses names all keys."
        )
        raise LicenseNotFound(f"no license {key[:100]!r} is on record", remedy=remedy, nearest=list(near))
    return found


@dataclass(frozen=True, slots=True)
class UseVerdict:
    """The verdict of one intended use, with the rule that decided it."""

    use: IntendedUse
    verdict: str
    rule: str
    license: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page of a model shows about its license: a row per intended use, and the ordinary answer whole."""

    rows: tuple[UseVerdict, ...]
    checked: Checked
    license: License | None


def panel(model: Model) -> Panel:
    """Verdicts for a model's page. Kept ones where they are there and current, else judged now."""
    short = model.slug
    lineage = lineage_source.above_entry(model)
    standing = Standing.objects.filter(model=model, rule_set__version=rule_book().version).first()
    ordinary = ask(_document(short, ORDINARY), lineage)
    rows = []
    for use in USES:
        kept = standing.verdicts.get(use.name) if standing else None
        if kept is None:
            answer = ask(_document(short, use.name), lineage).answer
            first = answer.findings[0] if answer.findings else None
            rule, key = (first.rule_id, first.license or "") if first else ("", "")
            kept = {"verdict": answer.verdict.word, "rule": rule, "license": key}
        rows.append(UseVerdict(use, kept["verdict"], kept["rule"], kept["license"]))
    terms = lineage_source.vocabulary().terms(model.license)
    text = rule_book().get(terms[0][0]) if terms else None
    return Panel(tuple(rows), ordinary, text)


def _document(reference: str, use_name: str) -> QuestionDocument:
    return QuestionDocument.model_validate({"use": {"model": reference, **parameters_of(use_name)}})


def parameters_of(use_name: str) -> dict[str, object]:
    """An intended use as the fields of a question."""
    question = next(use.question for use in USES if use.name == use_name)
    student = question.facts.student
    described = {
        name: getattr(student, name)
        for name in ("family", "is_llm", "kind", "distributed")
        if getattr(student, name) is not None
    }
    given: dict[str, object] = {"action": question.action.value, "commercial": question.facts.commercial}
    return given | ({"student": described} if described else {})


def verdict_of(model: Model, use_name: str) -> UseVerdict:
    """One intended use of a model: the kept verdict, or one judged now."""
    return next(row for row in panel(model).rows if row.use.name == use_name)


def changes(*, model: Model | None = None, rules: str | None = None) -> QuerySet[VerdictChange]:
    """Verdicts that became others, newest first."""
    rows = VerdictChange.objects.select_related("model__organization", "rule_set").order_by("-at", "-id")
    if model is not None:
        rows = rows.filter(model=model)
    return rows.filter(rule_set__version=rules) if rules else rows


def rule_sets() -> QuerySet[RuleSet]:
    """The versions of the rules that were used here, newest first."""
    return RuleSet.objects.order_by("-first_used_at", "-id")
