"""Writes the OpenAPI document to docs/openapi.yaml, or checks that it is in step and breaks no client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

PATH: Path = settings.BASE_DIR / "docs" / "openapi.yaml"


class Command(BaseCommand):
    """``--check`` fails on a difference, on a warning, and on ``nullable``, which OpenAPI 3.1 does not have."""

    help = "Write (or with --check: compare) docs/openapi.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare")

    def handle(self, *args: Any, **options: Any) -> None:
        generator: Any = SchemaGenerator
        renderer: Any = OpenApiYamlRenderer()
        schema = generator().get_schema(request=None, public=True)
        text = renderer.render(schema, renderer_context={}).decode()
        if GENERATOR_STATS:
            GENERATOR_STATS.emit_summary()
            raise CommandError("the schema has warnings: describe the views that they name")
        if "nullable:" in text:
            raise CommandError("'nullable' is not OpenAPI 3.1: write a type list with 'null'")
        before = PATH.read_text() if PATH.exists() else ""
        if not options["check"]:
            PATH.write_text(text)
            return
        if broken := breaking_changes(yaml.safe_load(before) or {}, schema):
            raise CommandError("this breaks clients:\n" + "\n".join(broken))
        if text != before:
            raise CommandError("docs/openapi.yaml is out of step: run `make fix`")


def breaking_changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What a client of the earlier document would miss: operations gone, parameters newly required."""
    found = []
    for path, operations in before.get("paths", {}).items():
        for method, operation in operations.items():
            now = after["paths"].get(path, {}).get(method)
            if now is None:
                found.append(f"{method.upper()} {path} is gone")
                continue
            required = {p["name"] for p in now.get("parameters", []) if p.get("required")}
            known = {p["name"] for p in operation.get("parameters", []) if p.get("required")}
            found += [f"{method.upper()} {path} now requires {name}" for name in sorted(required - known)]
    return found
