"""Fills an empty, migrated database with the made-up catalog, in bulk, and brings its statistics up to date.

The index rows are written by the same pure functions as in service; a sample is compared with what
``search.refresh`` makes of it, so that the benchmark searches what the product would have written.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice

from django.apps import apps
from django.db import connection, transaction

from benchmarks.catalog_shapes import ARCHITECTURES, Made, make
from zoo.catalog import search
from zoo.catalog.models import FacetValue, Model, Organization, SearchDocument, Term
from zoo.catalog.search.index import document_facets, document_words, sort_values
from zoo.catalog.search.query import FACETS
from zoo.lineage.facets import refresh_facets

NOW = datetime(2026, 11, 24, tzinfo=UTC)
BATCH = 20_000
WITH_FACTS = 0.05
"""Share of models that have facts, evidence and a revision; the real catalog is as uneven."""

MODEL = [
    "id",
    "organization_id",
    "name",
    "key",
    "title",
    "kind",
    "availability",
    "family",
    "licensor",
    "modality",
    "hub_id",
    "architecture",
    "parameters",
    "released",
    "released_on",
    "license",
    "license_url",
    "hub_license_tag",
    "license_note",
    "distillation",
    "paper",
    "notes",
    "curated",
    "created_at",
]
EDGE = [
    "child_id",
    "parent_id",
    "kind",
    "methods",
    "role",
    "stage",
    "status",
    "seen",
    "note",
    "recorded_at",
    "is_current",
    "reason",
]
DOCUMENT = [
    "model_id",
    "words",
    "facets",
    "contributed",
    "name_key",
    "prominence",
    "size_up",
    "size_down",
    "oldest",
    "newest",
    "most_kept",
]
FACT = ["model_id", "field", "value", "status", "seen", "recorded_at", "reason", "is_current", "origin"]
EVIDENCE = ["claim", "source", "source_url", "seen", "status", "model_id", "field", "recorded_at"]
REVISION = [
    "id",
    "model_id",
    "origin",
    "commit",
    "digest",
    "tensors_digest",
    "weights_format",
    "architecture",
    "tokenizer_digest",
    "license_declared",
    "license_hub_tag",
    "license_concluded",
    "published",
    "details",
    "created_at",
]


def build(count: int) -> dict[str, float]:
    """Builds the catalog and returns how long each part took, in seconds."""
    took: dict[str, float] = {}
    started = time.perf_counter()
    made = list(make(count))
    took["made up"] = time.perf_counter() - started
    steps = {
        "entries": lambda: _entries(made),
        "edges": lambda: _edges(made),
        "index": lambda: _index(made),
        "facts": lambda: _facts(made),
        "statistics": _statistics,
    }
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        took[name] = time.perf_counter() - started
    _verify(count)
    return took


def _entries(made: Sequence[Made]) -> None:
    names = sorted({model.organization for model in made})
    Organization.objects.bulk_create([Organization(slug=name, name=name) for name in names], batch_size=5000)
    ids = dict(Organization.objects.values_list("slug", "pk"))
    rows = (
        (
            model.number + 1,
            ids[model.organization],
            model.name,
            model.slug.lower(),
            model.name,
            "model",
            "open",
            model.family,
            model.organization,
            "text",
            model.slug,
            ARCHITECTURES.get(model.family, "decoder"),
            model.parameters,
            model.released,
            date.fromisoformat(model.released),
            model.license,
            "",
            "",
            "",
            "",
            "",
            "",
            False,
            NOW,
        )
        for model in made
    )
    _insert("catalog_model", MODEL, rows)


def _edges(made: Sequence[Made]) -> None:
    rows = (
        (
            model.number + 1,
            parent + 1,
            kind,
            json.dumps(methods),
            "",
            "",
            "documented",
            True,
            "",
            NOW,
            True,
            "",
        )
        for model in made
        for parent, kind, methods in model.parents
    )
    _insert("lineage_edge", EDGE, rows)


def _index(made: Sequence[Made]) -> None:
    """The index rows with the facets that lineage would contribute."""
    contributed = _contributed(made)
    values: dict[tuple[str, str], int] = {}
    counts: Counter[tuple[str, str]] = Counter()
    terms: Counter[str] = Counter()

    def rows() -> Iterator[tuple[object, ...]]:
        for model in made:
            row = _as_model(model)
            known = contributed[model.number]
            words = document_words(row, ())
            terms.update(words)
            tokens = []
            for facet, value in document_facets(row, known, has_reports=False):
                key = (facet, value)
                counts[key] += 1
                tokens.append(f" _{FACETS[facet]}{values.setdefault(key, len(values) + 1)} ")
            sorts = sort_values(row, known)
            text = "".join(f" {word} " for word in words)
            yield (
                model.number + 1,
                text,
                "".join(tokens),
                json.dumps(known),
                *(sorts[name] for name in DOCUMENT[4:]),
            )

    with _without_indexes("catalog_searchdocument"):
        _insert("catalog_searchdocument", DOCUMENT, rows())
        FacetValue.objects.bulk_create(
            [
                FacetValue(pk=pk, facet=facet, key=value.lower(), value=value, count=counts[facet, value])
                for (facet, value), pk in values.items()
            ],
            batch_size=5000,
        )
    Term.objects.bulk_create([Term(term=term, count=count) for term, count in terms.items()], batch_size=5000)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in ("catalog_facetvalue", "catalog_organization", "catalog_model", "catalog_revision"):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}) + 1)"
                )


def _contributed(made: Sequence[Made]) -> list[dict[str, object]]:
    """What lineage knows: the same as ``zoo.lineage.facets`` would say."""
    roles: defaultdict[int, set[str]] = defaultdict(set)
    children: Counter[int] = Counter()
    for model in made:
        for parent, kind, _ in model.parents:
            children[parent] += 1
            roles[parent].add("teacher" if kind == "distilled_from" else "base")
    found: list[dict[str, object]] = []
    for model in made:
        methods: set[str] = set()
        teachers = set()
        for parent, kind, given in model.parents:
            if kind == "distilled_from":
                roles[model.number].add("student")
                teachers.add(made[parent].slug)
                methods |= {*given, *(["mixed"] if len(given) > 1 else [])}
            elif kind == "quantized_from":
                roles[model.number].add("quantized")
        found.append(
            {
                "method": sorted(methods),
                "teacher": sorted(teachers),
                "role": sorted(roles[model.number]),
                "prominence": children[model.number],
            }
        )
    return found


def _facts(made: Sequence[Made]) -> None:
    some = [model for model in made if model.number % int(1 / WITH_FACTS) == 0]
    fields = ("family", "license", "released", "parameters", "hub_id", "architecture")
    _insert(
        "catalog_fact",
        FACT,
        (
            (model.number + 1, field, json.dumps("x"), "documented", True, NOW, "", True, "curated")
            for model in some
            for field in fields
        ),
    )
    _insert(
        "catalog_evidence",
        EVIDENCE,
        (
            ("says so", f"card {part}", "", True, "documented", model.number + 1, "", NOW)
            for model in some
            for part in range(3)
        ),
    )
    _insert(
        "catalog_revision",
        REVISION,
        (
            (
                number + 1,
                model.number + 1,
                "hub",
                f"{model.number:040x}",
                f"{model.number:064x}",
                "",
                "safetensors",
                "",
                "",
                model.license,
                "",
                "",
                model.released,
                "{}",
                NOW,
            )
            for number, model in enumerate(some)
        ),
    )


def _as_model(made: Made) -> Model:
    return Model(
        pk=made.number + 1,
        organization=Organization(slug=made.organization),
        name=made.name,
        key=made.slug.lower(),
        title=made.name,
        kind="model",
        availability="open",
        family=made.family,
        modality="text",
        hub_id=made.slug,
        architecture=ARCHITECTURES.get(made.family, "decoder"),
        parameters=made.parameters,
        released_on=date.fromisoformat(made.released),
        license=made.license,
    )


def _insert(table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Writes rows in bulk; columns that are not named, of models as they are today, get their defaults."""
    rest = _defaults(table, columns)
    names = ", ".join(f'"{column}"' for column in (*columns, *rest))
    full = ((*row, *rest.values()) for row in rows)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in full:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * (len(columns) + len(rest)))
        while batch := list(islice(full, BATCH)):
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", batch)


def _defaults(table: str, columns: Sequence[str]) -> dict[str, object]:
    (model,) = (model for model in apps.get_models() if model._meta.db_table == table)
    return {
        field.attname: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field.attname not in columns and not field.null and not field.primary_key
    }


class _without_indexes:
    """Leaves off the indexes of a table, and the full-text triggers, while many rows go in."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.statements: list[str] = []

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%pkey'",
                    (self.table,),
                )
            else:
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index' AND sql IS NOT NULL",
                    (self.table,),
                )
            found = cursor.fetchall()
            self.statements = [sql for _, sql in found]
            for name, _ in found:
                cursor.execute(f'DROP INDEX "{name}"')
            if connection.vendor == "sqlite":
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'catalog_fts%%'"
                )
                for name, sql in cursor.fetchall():
                    self.statements.append(sql)
                    cursor.execute(f'DROP TRIGGER "{name}"')

    def __exit__(self, *_: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            else:
                cursor.execute("INSERT INTO catalog_fts(catalog_fts) VALUES ('rebuild')")
                cursor.execute("INSERT INTO catalog_fts(catalog_fts) VALUES ('optimize')")
            for sql in self.statements:
                cursor.execute(sql)


def _statistics() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("PRAGMA analysis_limit = 1000")
            cursor.execute("ANALYZE")


def _verify(count: int) -> None:
    """The bulk rows are what the product itself would write."""
    ids = list(range(1, count + 1, max(1, count // 200)))
    columns = [
        column.attname for column in SearchDocument._meta.concrete_fields if column.attname != "facets"
    ]
    before = list(SearchDocument.objects.filter(pk__in=ids).order_by("pk").values(*columns))
    with transaction.atomic():
        search.refresh(ids)
        refresh_facets(ids)
        after = list(SearchDocument.objects.filter(pk__in=ids).order_by("pk").values(*columns))
        if before != after:
            wrong = next(pair for pair in zip(before, after, strict=True) if pair[0] != pair[1])
            raise AssertionError(f"the bulk index differs from the product's: {wrong}")
        transaction.set_rollback(True)
