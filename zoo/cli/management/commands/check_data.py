"""Checks the data that the repository carries (catalog, licenses, suites) against its schemas, for ``make check``."""

from __future__ import annotations

import importlib
from typing import Any

from django.core.management.base import BaseCommand, CommandError

CHECKS = {
    "catalog": "zoo.catalog.data",
    "licenses": "zoo.licensing.data",
    "suites": "evaluation.suites.check",
}


class Command(BaseCommand):
    """Each check is a module with ``problems() -> list[str]``: sentences that name file and place."""

    help = "Check the carried data against its schemas."

    def handle(self, *args: Any, **options: Any) -> None:
        found: list[str] = []
        for name, module in CHECKS.items():
            problems: list[str] = importlib.import_module(module).problems()
            self.stdout.write(f"{name}: {len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}")
            found += problems
        if found:
            raise CommandError("\n".join(found))
