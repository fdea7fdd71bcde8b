"""Reads and checks the data files of this folder. Pure: files in, records out.

``python -m zoo.catalog.data`` runs the check by itself.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from zoo.catalog.data import schema
from zoo.core.errors import Invalid

FOLDER = Path(__file__).parent
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_File = TypeVar("_File", bound=schema.Record)


class BadData(Invalid):
    """A data file breaks the schema or contradicts another one. ``data['problems']`` lists every finding."""

    code = "bad_catalog_data"


@dataclass(frozen=True, slots=True)
class Score:
    """A published score with the group of sources that its file stands for."""

    group: str
    row: schema.ScoreRow
    name: schema.ScoreName


@dataclass(frozen=True, slots=True)
class CuratedData:
    """Everything that the folder holds."""

    organizations: tuple[schema.OrganizationRow, ...]
    entries: tuple[schema.Entry, ...]
    disputes: tuple[schema.DisputeRow, ...]
    timeline: tuple[schema.TimelineRow, ...]
    glossary: tuple[schema.GlossaryRow, ...]
    starting_points: tuple[schema.StartingPointRow, ...]
    scores: tuple[Score, ...]


@cache
def curated() -> CuratedData:
    """The data that ships with the product. Raises BadData."""
    return read(FOLDER)


def read(folder: Path) -> CuratedData:
    """Reads a folder laid out like this one and checks it as a whole. Raises BadData."""
    problems: list[str] = []
    entries: list[schema.Entry] = []
    for path in sorted((folder / "entries").glob("*.yaml")):
        if file := _load(path, schema.EntryFile, problems):
            entries.extend(file.entries)
    organizations = _load(folder / "organizations.yaml", schema.OrganizationFile, problems)
    disputes = _load(folder / "disputes.yaml", schema.DisputeFile, problems)
    timeline = _load(folder / "timeline.yaml", schema.TimelineFile, problems)
    glossary = _load(folder / "glossary.yaml", schema.GlossaryFile, problems)
    points = _load(folder / "starting_points.yaml", schema.StartingPointFile, problems)
    names = _load(folder / "scores" / "names.yaml", schema.ScoreNameFile, problems)
    scores = list(_scores(folder / "scores", names.names if names else {}, problems))
    data = CuratedData(
        organizations=organizations.organizations if organizations else (),
        entries=tuple(entries),
        disputes=disputes.disputes if disputes else (),
        timeline=timeline.timeline if timeline else (),
        glossary=glossary.terms if glossary else (),
        starting_points=points.starting_points if points else (),
        scores=tuple(scores),
    )
    problems.extend(_contradictions(data))
    if problems:
        raise BadData(f"{len(problems)} problems in the catalog data: {problems[0]}", problems=problems)
    return data


def _load(path: Path, kind: type[_File], problems: list[str]) -> _File | None:
    try:
        return kind.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))  # noqa: S506
    except FileNotFoundError:
        problems.append(f"{path.name}: the file is missing")
    except yaml.YAMLError as error:
        problems.append(f"{path.name}: {error}")
    except ValidationError as error:
        problems.extend(
            f"{path.name}: {'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()
        )
    return None


def _scores(folder: Path, names: dict[str, schema.ScoreName], problems: list[str]) -> Iterator[Score]:
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    score = schema.ScoreRow.model_validate(row)
                except ValidationError as error:
                    problems.append(f"{path.name}:{number}: {error.errors()[0]['msg']}")
                    continue
                name = names.get(score.model)
                if name is None:
                    problems.append(f"{path.name}:{number}: names.yaml does not say what {score.model!r} is")
                    continue
                yield Score(path.stem, score, name)


def _contradictions(data: CuratedData) -> Iterator[str]:
    """What each file may say alone, but not together."""
    ids = {entry.id.lower() for entry in data.entries}
    names = [name.lower() for entry in data.entries for name in (entry.id, *entry.aliases)]
    yield from (f"the name {name} is given twice" for name in _repeated(names))
    for label, slugs in (
        ("organization", [row.slug.lower() for row in data.organizations]),
        ("dispute", [row.slug for row in data.disputes]),
        ("event", [row.slug for row in data.timeline]),
        ("term", [row.slug for row in data.glossary]),
        ("starting point", [row.slug for row in data.starting_points]),
        (
            "score",
            [
                repr((s.row.model, s.row.benchmark, s.row.metric, s.row.settings, s.row.source))
                for s in data.scores
            ],
        ),
    ):
        yield from (f"the {label} {slug} is given twice" for slug in _repeated(slugs))
    yield from (
        f"{where}: there is no entry {name}" for where, name in _mentions(data) if name.lower() not in ids
    )
    terms = {row.slug for row in data.glossary}
    for row in data.glossary:
        yield from (
            f"glossary {row.slug}: there is no term {other}" for other in row.see_also if other not in terms
        )
    known = {row.slug.lower() for row in data.organizations}
    publishers = {entry.id.split("/")[0] for entry in data.entries}
    yield from (
        f"organization {slug} is not described" for slug in sorted(publishers) if slug.lower() not in known
    )
    circle = _circle(data.entries)
    if circle:
        yield f"lineage runs in a circle: {' comes from '.join(circle)}"


def _mentions(data: CuratedData) -> Iterator[tuple[str, str]]:
    for entry in data.entries:
        yield from ((entry.id, edge.parent) for edge in entry.lineage)
    for dispute in data.disputes:
        yield from ((dispute.slug, part.id) for part in dispute.entries)
    for event in data.timeline:
        yield from ((event.slug, name) for name in event.entries)
    for score in data.scores:
        if score.name.id:
            yield f"score of {score.row.model}", score.name.id


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _circle(entries: Iterable[schema.Entry]) -> list[str]:
    """A circle in the lineage, or nothing: entries without open parents are taken off until none is left."""
    parents = {entry.id.lower(): {edge.parent.lower() for edge in entry.lineage} for entry in entries}
    while loose := [name for name, above in parents.items() if not above & parents.keys()]:
        for name in loose:
            del parents[name]
    if not parents:
        return []
    path = [min(parents)]
    while path[-1] not in path[:-1]:
        path.append(min(parents[path[-1]] & parents.keys()))
    return path[path.index(path[-1]) :]


def problems() -> list[str]:
    """What is wrong with the data that ships; empty when nothing is. For ``make check``."""
    try:
        curated()
    except BadData as error:
        found = error.data["problems"]
        return found if isinstance(found, list) else [error.message]
    return []
