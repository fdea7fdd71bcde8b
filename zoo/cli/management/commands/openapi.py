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

from zoo.cli import promises

PATH: Path = settings.BASE_DIR / "docs" / "openapi.yaml"
PROMISES: Path = settings.BASE_DIR / "docs" / "openapi-promises.txt"
"""What clients of v1 may rely on, one line a promise. Lines are added by writing, and never lost by accident."""


class Command(BaseCommand):
    """Fails on a broken promise, on a warning, and on ``nullable``, which OpenAPI 3.1 does not have.

    ``--check`` also fails on a difference.
    """

    help = "Write (or with --check: compare) docs/openapi.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare")
        parser.add_argument(
            "--break", action="store_true", help="break promises: for what was never released"
        )

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
        made = promises.promises(yaml.safe_load(text))
        kept = set(PROMISES.read_text().splitlines()) if PROMISES.exists() else set()
        broken = promises.broken(kept, made)
        if broken and not options["break"]:
            raise CommandError("this breaks clients of v1:\n" + "\n".join(broken))
        lines = "".join(f"{line}\n" for line in sorted(made))
        if not options["check"]:
            PATH.write_text(text)
            PROMISES.write_text(lines)
        elif text != PATH.read_text() or lines != PROMISES.read_text():
            raise CommandError("docs/openapi.yaml or its promises are out of step: run `make fix`")
