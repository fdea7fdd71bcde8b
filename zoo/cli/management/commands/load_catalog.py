"""``manage.py load_catalog``: brings the reviewed catalog data into the database and shows what that changed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from zoo.lineage import loading


class Command(BaseCommand):
    """Loads the data of zoo/catalog/data. Safe to repeat."""

    help = "Load the reviewed catalog data; repeating it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the one switch."""
        parser.add_argument("--diff", action="store_true", help="only show what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        """Loads, or rehearses, and prints a line for each difference."""
        changes = loading.load(now=timezone.now(), rehearse=options["diff"])
        shown = changes if options["diff"] or options["verbosity"] > 1 else changes[:20]
        for change in shown:
            self.stdout.write(f"{change.subject}: {change.what}")
        if len(changes) > len(shown):
            self.stdout.write(f"... and {len(changes) - len(shown)} more (-v 2 shows all)")
        self.stdout.write(f"{len(changes)} {'differences' if options['diff'] else 'changes'}")
