"""``zoo license-check``: may I use this model like that, given everything it descends from?

Parses, makes one call, prints. Needs no server: it asks the catalog's database where there is one, else the reviewed
data that ships. With ``--json`` the answer alone goes to stdout. Exit 0 allowed (also with conditions), 1 prohibited,
2 unknown, 64 bad usage.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.licensing.rules.vocabulary import FACT_WORDS, REGION_BY_SEAT

if TYPE_CHECKING:
    from zoo.licensing.checks import Checked
    from zoo.licensing.documents import QuestionDocument
    from zoo.licensing.lineage_source import Lineage

EXIT_CODES = {"allowed": 0, "conditions": 0, "prohibited": 1, "unknown": 2}
MAX_FILE = 2_000_000


def license_check(
    model: Annotated[str | None, typer.Argument(help="A model's id or short name.")] = None,
    action: Annotated[
        str | None,
        typer.Option(
            help="run, host, redistribute, publish_derivative, publish_quantized, distill or judge."
        ),
    ] = None,
    question: Annotated[
        Path | None, typer.Option(help="A YAML or JSON file with one question: a use or a plan.")
    ] = None,
    commercial: Annotated[
        bool | None, typer.Option("--commercial/--non-commercial", help="The purpose.")
    ] = None,
    mau: Annotated[int | None, typer.Option(help="Monthly users now, affiliates included.")] = None,
    mau_on: Annotated[
        list[str] | None, typer.Option(help="Monthly users on a day: 2024-12-06=90000000.")
    ] = None,
    revenue: Annotated[int | None, typer.Option(help="Revenue in US dollars a year.")] = None,
    region: Annotated[str | None, typer.Option(help=f"{REGION_BY_SEAT}.")] = None,
    field: Annotated[
        str | None, typer.Option(help="Field of use: medical, military, law-enforcement.")
    ] = None,
    end_user: Annotated[bool | None, typer.Option("--end-user/--no-end-user")] = None,
    competes: Annotated[bool | None, typer.Option("--competes/--does-not-compete")] = None,
    authorised: Annotated[bool | None, typer.Option("--authorised/--not-authorised")] = None,
    revision_date: Annotated[str | None, typer.Option(help="Day of the copy: 2024-12-20.")] = None,
    generated_on: Annotated[str | None, typer.Option(help="Day on which outputs are made.")] = None,
    name: Annotated[str | None, typer.Option(help="Name you mean to give a derivative or student.")] = None,
    via: Annotated[
        str | None, typer.Option(help="Key of the terms of the host that serves it: together-ai-terms.")
    ] = None,
    student_family: Annotated[str | None, typer.Option(help="Family of the student, for distill.")] = None,
    student_is_llm: Annotated[bool | None, typer.Option("--student-is-llm/--student-is-no-llm")] = None,
    student_kind: Annotated[str | None, typer.Option(help="general, generative or classifier.")] = None,
    student_distributed: Annotated[
        bool | None, typer.Option("--student-distributed/--student-kept-inside")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="standard, or strict: what is unsettled upstream is unknown.")
    ] = "standard",
    server: Annotated[
        bool, typer.Option("--server", help="Ask the server of ZOO_URL, not this machine's catalog.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")] = False,
) -> None:
    """Checks one question against the license texts of a model and everything above it."""
    if (question is None) == (model is None):
        raise typer.BadParameter("Give either a model with --action, or --question FILE.")
    if question is not None:
        given = _from_file(question, profile)
    else:
        facts = {
            "commercial": commercial, "mau": mau, "mau_on_date": _figures(mau_on), "revenue": revenue,
            "region": region, "field": field, "end_user": end_user, "competes": competes, "authorised": authorised,
            "revision_date": revision_date, "generated_on": generated_on, "proposed_name": name,
            "accessed_via": via,
        }  # fmt: skip
        student = {
            "family": student_family, "is_llm": student_is_llm, "kind": student_kind,
            "distributed": student_distributed,
        }  # fmt: skip
        given = _from_arguments(model, action, facts, student, profile)
    answer = _from_server(given) if server else _ask(_document(given)).json
    if as_json:
        print(json.dumps(answer, indent=1))
    else:
        _show(answer)
    raise typer.Exit(EXIT_CODES[answer["verdict"]])


def _from_server(given: dict[str, Any]) -> dict[str, Any]:
    from zoo.cli.submit import connected

    with connected() as api:
        return api.post("license-checks/", given, key="license-check")


def _from_arguments(
    model: str | None, action: str | None, facts: dict[str, Any], student: dict[str, Any], profile: str
) -> dict[str, Any]:
    if action is None:
        raise typer.BadParameter("Say what you want to do: --action host, for example.")
    use = {
        "model": model,
        "action": action,
        **{name: value for name, value in facts.items() if value is not None},
    }
    known = {name: value for name, value in student.items() if value is not None}
    if known:
        use["student"] = known
    return {"use": use, "profile": profile}


def _from_file(path: Path, profile: str) -> dict[str, Any]:
    """The question of a file. JSON is YAML."""
    import yaml

    try:
        if path.stat().st_size > MAX_FILE:
            raise typer.BadParameter(f"{path} is larger than {MAX_FILE:,} bytes.")
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from error
    if not isinstance(loaded, dict):
        raise typer.BadParameter(f"{path} holds no question: an object with use or plan is expected.")
    return {"profile": profile, **loaded}


def _figures(given: list[str] | None) -> dict[str, int] | None:
    if not given:
        return None
    figures = {}
    for text in given:
        day, sign, count = text.partition("=")
        if not sign or not count.replace("_", "").isdigit():
            raise typer.BadParameter(f"--mau-on {text}: write a day and a count, 2024-12-06=90000000.")
        figures[day] = int(count)
    return figures


def _document(given: dict[str, Any]) -> QuestionDocument:
    import pydantic

    from zoo.licensing.documents import QuestionDocument

    try:
        return QuestionDocument.model_validate(given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{where}: {first['msg']}") from error


def _ask(document: QuestionDocument) -> Checked:
    import django
    from django.apps import apps

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    if not apps.ready:
        django.setup()
    from zoo.licensing.checks import ask

    return ask(document, None if document.lineage else _lineage(document))


def _lineage(document: QuestionDocument) -> Lineage:
    """From the database where it holds the catalog, else from the reviewed data."""
    from django.db import DatabaseError

    from zoo.licensing import lineage_source
    from zoo.licensing.checks import references

    try:
        found = lineage_source.above(references(document))
    except DatabaseError as error:
        print(
            f"zoo: no database ({type(error).__name__}): asking the reviewed data that ships", file=sys.stderr
        )
        return lineage_source.shipped()
    return found if found.nodes else lineage_source.shipped()


def _show(answer: dict[str, Any]) -> None:
    """For people: the verdict and every line behind it. All of it goes to stdout, it is the answer."""
    words = {"conditions": "allowed with conditions", "allowed": "allowed under the texts we read"}
    print(f"{words.get(answer['verdict'], answer['verdict'])}  ({answer['profile']} profile)")
    if answer.get("caveat"):
        print(answer["caveat"])
    deciding = [line for line in answer["findings"] if line["verdict"] in ("prohibited", "unknown")]
    granted = [line for line in answer["findings"] if line["verdict"] == "allowed"]
    _section("Why:", [(f"{line['verdict']}: {line['reason']}", line) for line in deciding])
    _section("To do:", [(f"[ ] {_duty(line)}", line) for line in answer["obligations"]])
    _section("To know:", [(f"{line['words']}. {line['reason']}", line) for line in answer["flag_details"]])
    _section("What else the texts say:", [(line["reason"], line) for line in granted])
    for sentence in answer["assumptions"]:
        print(f"Assumed: {sentence}")
    if answer["open_facts"]:
        print("Not said, and it can matter:")
        for fact in answer["open_facts"]:
            print(f"  {FACT_WORDS[fact]} ({fact})")
    print(f"Rules {answer['rules_version']}. {answer['disclaimer']}")


def _section(title: str, lines: list[tuple[str, dict[str, Any]]]) -> None:
    if lines:
        print(title)
    for sentence, line in lines:
        print(f"  {sentence}")
        for detail in _source(line):
            print(f"      {detail}")


def _duty(line: dict[str, Any]) -> str:
    unmet = "  (NOT MET by the name given)" if line["met"] is False else ""
    return f"{line['words']}. {line['text']}{unmet}"


def _source(line: dict[str, Any]) -> Iterator[str]:
    """Rule and clause, the way along the lineage, and which copy of the text was read by whom."""
    named = line["license_name"] or line["license"]
    clause = f", {line['clause']}" if line["clause"] else ""
    derivative = line.get("derivative_clause")
    claimed = f" (a student is a derivative: {derivative})" if derivative else ""
    yield f"rule {line['rule']} · {named or 'the record of the catalog, no text'}{clause}{claimed}"
    steps = [f" <-{step['edge']}- {step['node']}" if step["edge"] else step["node"] for step in line["path"]]
    yield f"path {''.join(steps)}"
    if line["license_name"]:
        yield f"text {line['url'] or 'address unknown'} · {line['text_dated']}"
        yield f"{line['verified']} · copy {line['text_digest'] or 'not kept'}"
