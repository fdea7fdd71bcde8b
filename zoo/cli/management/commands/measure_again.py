"""``manage.py measure_again``: queues everything anew that superseded code has measured."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zoo.accounts.models import User
from zoo.runs import selectors
from zoo.runs.clock import database_now
from zoo.submissions import services


class Command(BaseCommand):
    """Old results stay and say what they are; the new ones are compared beside them."""

    help = "Queue everything anew that superseded code has measured."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds who asks, and the rehearsal."""
        parser.add_argument("--user", help="an operator's account, in whose name it is done")
        parser.add_argument("--diff", action="store_true", help="only list the runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Lists, or queues."""
        if options["diff"]:
            for run in selectors.outdated_runs():
                self.stdout.write(f"{run.pk} {run.model_name}: {selectors.outdated(run)}")
            return
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError("name an operator's account with --user")
        count = services.measure_again(acting_user=user, now=database_now())
        self.stdout.write(f"{count} runs are queued again")
