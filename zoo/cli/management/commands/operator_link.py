"""``manage.py operator_link``: the link that makes the first operator, where ``zoo up`` does not print it."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from zoo.accounts.services import first_operator_ticket


class Command(BaseCommand):
    """Prints the link; it works once, and only while there is no operator."""

    help = "Print the link that makes the first operator account. It works once."

    def handle(self, *args: object, **options: object) -> None:
        ticket = first_operator_ticket(now=timezone.now())
        if ticket is None:
            raise CommandError("there is an operator already: sign in, and make further accounts there")
        self.stdout.write(f"{settings.ZOO_PUBLIC_URL}/welcome/{ticket}/")
