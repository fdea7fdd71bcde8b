"""Fills an empty zoo for browser tests: people, the catalog, runs in every state, comparisons.

Run as ``python -m tests.browser.seed`` with the environment of that zoo. Everything goes through the services.
"""

from __future__ import annotations

import django


def main() -> None:
    """Makes the tables and fills them."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _people()


def _people() -> None:
    from tests.factories.accounts import make_user
    from zoo.accounts.models import Scope

    make_user("ada", Scope.SUBMIT)
    make_user("grace", Scope.OPERATE)


if __name__ == "__main__":
    main()
