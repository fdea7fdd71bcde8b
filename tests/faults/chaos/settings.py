"""Settings of a fleet under chaos: as on one machine, with a database whose clock can be moved.

The file that ZOO_CHAOS_CLOCK names holds the seconds by which the clock of the database's machine is wrong. Nothing of
the product knows of it: the database itself is asked for the time, and gives another.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from zoo.settings.local import *  # noqa: F403
from zoo.settings.local import DATABASES

SHIFT = Path(os.environ["ZOO_CHAOS_CLOCK"])
POSTGRES = "postgresql" in DATABASES["default"]["ENGINE"]
if POSTGRES:
    # A clock of our own is found before the server's.
    DATABASES["default"]["OPTIONS"]["options"] += " -c search_path=public,pg_catalog"


def _told(form: str, moment: str, *more: Any) -> str | None:
    """strftime, as far as the product asks for it."""
    if moment.lower() != "now" or more:
        raise ValueError("only the present moment is asked for")
    now = datetime.now(UTC) + timedelta(seconds=float(SHIFT.read_text()))
    # SQLite's %f is the seconds with three decimals.
    return now.strftime(form.replace("%f", f"{now.second:02d}.{now.microsecond // 1000:03d}"))


def _give_clock(connection: Any, **about: Any) -> None:
    if not POSTGRES:
        connection.connection.create_function("strftime", -1, _told)


connection_created.connect(_give_clock, dispatch_uid="chaos-clock")
