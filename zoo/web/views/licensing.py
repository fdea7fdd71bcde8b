"""License pages: the texts, one text, the checker with its report, changes of verdicts, and a badge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from zoo.catalog import selectors as catalog
from zoo.licensing import guidance, matrix, report, selectors
from zoo.licensing.checks import Checked, ask
from zoo.licensing.library import rule_book
from zoo.licensing.rules.book import CompiledRule, Effect, License
from zoo.licensing.rules.vocabulary import Action
from zoo.licensing.uses import ORDINARY
from zoo.web import presenters
from zoo.web.forms.licensing import CheckForm, choice_words, label_of

FAMILY_LABELS = {
    "community": "Community licenses of vendors",
    "rail": "RAIL: open with use restrictions",
    "noncommercial": "Non-commercial",
    "research": "Research only",
    "service": "Terms of closed services",
    "permissive": "Permissive",
    "public-domain": "Public domain",
    "creative-commons": "Creative Commons",
    "data": "Data licenses",
    "weak-copyleft": "Weak copyleft",
    "strong-copyleft": "Strong copyleft",
}
ACT_LABELS = {
    Action.RUN: "run it inside",
    Action.HOST: "offer it as a service",
    Action.REDISTRIBUTE: "pass it on",
    Action.PUBLISH_DERIVATIVE: "publish a derivative",
    Action.DISTILL: "train on its outputs",
    Action.JUDGE: "judge with it",
}
BADGE_COLORS = {
    "good": "#1a7f37",
    "warn": "#9a6700",
    "bad": "#cf222e",
    "unknown": "#57606a",
    "info": "#0969da",
}


class Group(NamedTuple):
    """The texts of a family."""

    label: str
    rows: list[matrix.Row]


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """``/licenses/``: every text by family, as a matrix."""
    wanted = request.GET.get("q", "").strip()[:100]
    every = selectors.matrix_rows()
    rows = [row for row in every if _matches(row.text, wanted)]
    grouped = groupby(rows, key=lambda row: row.text.file.family)
    groups = {family: list(members) for family, members in grouped}
    ordered = [Group(label, groups[family]) for family, label in FAMILY_LABELS.items() if family in groups]
    context = {
        "groups": ordered,
        "count": len(every),
        "found": len(rows),
        "wanted": wanted,
        "book": rule_book(),
        "disclaimer": report.disclaimer(rule_book()),
    }
    return render(request, "licensing/index.html", context)


def _matches(text: License, wanted: str) -> bool:
    """Whether every word asked for stands in a name, key or tag of the text, or in what family it belongs to."""
    file = text.file
    names = (file.name, text.key, file.spdx or "", file.licensor or "", FAMILY_LABELS[file.family])
    told = " ".join((*names, *file.aliases, *file.hub_tags, *file.hub_names)).lower()
    return all(word in told for word in wanted.lower().split())


@require_GET
def detail(request: HttpRequest, key: str) -> HttpResponse:
    """``/licenses/{key}/``: what one text lets one do, asks and forbids, and what it says about students."""
    text = selectors.get_license(key)
    if text.key != key:
        return redirect("web:license", text.key)
    rules = {rule.id: rule for action in Action for rule in text.rules_for[action]}
    by_effect = {effect: [rule for rule in rules.values() if rule.effect is effect] for effect in Effect}
    distilling = [rule for rule in rules.values() if rule.names_distilling]
    context = {
        "text": text,
        "file": text.file,
        "dated": report.dated(text.text).removeprefix("dated "),
        "verified": report.verified(text.text),
        "granted": []
        if text.recalled
        else [label for action, label in ACT_LABELS.items() if action in text.grants],
        "family": FAMILY_LABELS[text.file.family],
        "actions": [
            (ACT_LABELS[action], *cells) for action, cells in matrix.by_action(rule_book(), text.key).items()
        ],
        "allows": by_effect[Effect.ALLOW],
        "must": _with_acts(by_effect[Effect.MUST]),
        "cannot": _with_acts(by_effect[Effect.DENY]),
        "notes": by_effect[Effect.FLAG],
        "distilling": _with_acts(distilling),
        "row": matrix.row(rule_book(), text.key),
        "choices": [choice for choice in rule_book().choices.values() if _rests_on(text, choice.id)],
        "book": rule_book(),
        "disclaimer": report.disclaimer(rule_book()),
    }
    return render(request, "licensing/detail.html", context)


@require_GET
def check(request: HttpRequest) -> HttpResponse:
    """``/licenses/check/``: the question as a form, and under it the answer. Every state is in the address."""
    form = CheckForm(request.GET)
    document = form.document()
    checked = ask(document) if document else None
    open_facts = guidance.open_facts(checked.answer, checked.lineage.graph, rule_book()) if checked else ()
    days = guidance.dates_of_photographs(checked.answer, rule_book()) if checked else ()
    context: dict[str, Any] = {
        "form": form,
        "given": request.GET,
        "shown": form.shown([fact.name for fact in open_facts], days),
        "is_plan": form.is_plan,
        "tabs": form.tabs(),
        "kept": form.kept(),
        "checked": checked,
        "report": report_context(checked) if checked else None,
        "names": catalog.model_names(limit=400),
        "query": request.GET.urlencode(),
        "disclaimer": report.disclaimer(rule_book()),
        "book": rule_book(),
    }
    status = 400 if form.asks and checked is None else 200
    return render(request, "licensing/check.html", context, status=status)


@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """``/licenses/changes/``: which verdicts became others, by version of the rules."""
    rules = request.GET.get("rules", "")
    rows = Paginator(selectors.changes(rules=rules or None), 100).get_page(request.GET.get("page"))
    context = {"rows": rows, "rule_sets": selectors.rule_sets(), "rules": rules, "book": rule_book()}
    return render(request, "licensing/changes.html", context)


@require_GET
def badge(request: HttpRequest, org: str, name: str, form: str) -> HttpResponse:
    """``/badges/{org}/{name}/license.svg`` or ``.json`` (shields): the verdict of the ordinary use, or of ``?use=``."""
    model = catalog.get_model(f"{org}/{name}")
    use = request.GET.get("use", ORDINARY)
    row = next((row for row in selectors.panel(model).rows if row.use.name == use), None)
    if row is None:
        return HttpResponse("There is no such use.", status=400, content_type="text/plain; charset=utf-8")
    sign = presenters.sign(row.verdict)
    context = {
        "left": f"license: {row.use.label}",
        "right": sign.label,
        "color": BADGE_COLORS[sign.tone],
        "left_width": 7 * len(f"license: {row.use.label}") + 16,
        "right_width": 7 * len(sign.label) + 16,
    }
    if form == "json":
        body = {
            "schemaVersion": 1,
            "label": context["left"],
            "message": sign.label,
            "color": context["color"],
        }
        response: HttpResponse = JsonResponse(body)
    else:
        response = render(request, "licensing/badge.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=300"
    return response


def report_context(checked: Checked) -> dict[str, Any]:
    """What the report template shows of an answer."""
    answer, book = checked.answer, rule_book()
    found = checked.json
    lines = found["findings"]
    pages = set(checked.lineage.ids.values())
    for line in (*lines, *found["obligations"], *found["flag_details"]):
        line["page"] = f"/models/{line['node']}/" if line["node"] in pages else ""
    return {
        "answer": answer,
        "json": found,
        "verdict": found["verdict"],
        "caveat": found["caveat"],
        "question": _question(found),
        "decisive": [line for line in lines if line["verdict"] in ("prohibited", "unknown")],
        "rest": [line for line in lines if line["verdict"] == "allowed"],
        "duties": found["obligations"],
        "flags": found["flag_details"],
        "checklist": report.checklist(answer, book),
        "notice": report.notice_text(answer, book),
        "unmet": [report.duty_words(duty) for duty in answer.unmet],
    }


def _question(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The question in words, so that a printed report says what was asked."""
    asked = dict(found.get("use") or found.get("plan") or {})
    student = asked.pop("student", {})
    asked |= {f"student_{fact}": value for fact, value in student.items()}
    first = [name for name in ("model", "action", "base", "teachers") if name in asked]
    ordered = {name: asked[name] for name in (*first, *asked)}
    return [(label_of(name), _chosen(name, value)) for name, value in ordered.items()]


def _chosen(name: str, value: object) -> str:
    """A value in the words in which the form offers it."""
    return choice_words(name).get(str(value), "") or _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def check_address(reference: str, use_name: str) -> str:
    """The address of the checker for one model and intended use."""
    given = selectors.parameters_of(use_name)
    query = {
        "model": reference,
        "action": given["action"],
        "commercial": "yes" if given["commercial"] else "no",
    }
    student = given.get("student")
    if isinstance(student, dict):
        for fact, value in student.items():
            query[f"student_{fact}"] = ("yes" if value else "no") if isinstance(value, bool) else value
    return f"/licenses/check/?{urlencode(query)}"


def _with_acts(rules: Sequence[CompiledRule]) -> list[tuple[CompiledRule, str, str]]:
    """Rules with the actions they bear on and the duty in words."""
    return [
        (
            rule,
            "any use"
            if len(rule.acts) == len(Action)
            else ", ".join(ACT_LABELS[a] for a in Action if a in rule.acts),
            report.duty_words(rule.duty) if rule.duty else rule.value.replace("-", " "),
        )
        for rule in rules
    ]


def _rests_on(text: License, choice: str) -> bool:
    return any(rule.choice == choice or choice in rule.choice_acts for rule in text.file.rules)
