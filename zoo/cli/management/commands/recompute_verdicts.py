"""``manage.py recompute_verdicts``: brings the kept license verdicts up to date and says what changed."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from zoo.licensing import services


class Command(BaseCommand):
    """Judges what is out of date, or everything. Safe to repeat."""

    help = "Recompute the license verdicts that are kept per model and intended use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the one switch."""
        parser.add_argument("--all", action="store_true", help="judge every model, whatever is up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judges and prints one line."""
        now = timezone.now()
        if options["all"]:
            outcome = services.recompute_all(acting_user=None, now=now)
        else:
            outcome = services.refresh_stale(now=now)
        self.stdout.write(f"{outcome.judged} models judged, {outcome.changed} verdicts changed")
