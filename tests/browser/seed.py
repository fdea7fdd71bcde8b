"""Fills an empty zoo for browser tests: people, the curated catalog, comparisons of scripted models, a waiting run.

Run as ``python -m tests.browser.seed`` with the environment of that zoo. Everything goes through the services; ids
that tests need are written to ``seeded.json`` in the zoo's home.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

STUDENTS = (
    ("scripted/student-p70", "scripted/teacher-p90", 1_200_000),
    ("scripted/small-p80", "scripted/teacher-p90", 1_000_000),
    ("scripted/large-p88", "scripted/teacher-p90", 3_100_000),
    ("scripted/tiny-p60", "scripted/teacher-p95", 700_000),
)
TEACHERS = {"scripted/teacher-p90": 6_000_000, "scripted/teacher-p95": 66_000_000}


def main() -> None:
    """Makes the tables and fills them."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from zoo.licensing import services as licensing

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    _people()
    _catalog(now)
    licensing.refresh_stale(now=now)
    home = Path(settings.ZOO_HOME)
    seeded = _comparisons(home / "seed", now) | _runs(now) | _session()
    (home / "seeded.json").write_text(json.dumps(seeded))


def _people() -> None:
    from tests.factories.accounts import make_user
    from zoo.accounts.models import Scope

    make_user("ada", Scope.SUBMIT)
    make_user("grace", Scope.OPERATE)


def _session() -> dict[str, str]:
    """Somebody who is signed in."""
    from django.test import Client

    from zoo.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="ada"))
    return {"session": client.cookies["sessionid"].value}


def _catalog(now: datetime) -> None:
    from tests.factories.catalog import make_edge, make_model
    from zoo.catalog import search
    from zoo.lineage.facets import refresh_facets
    from zoo.lineage.loading import load

    load(now=now)
    teachers = {
        name: make_model(name, parameters=size, license="Apache-2.0") for name, size in TEACHERS.items()
    }
    made = list(teachers.values())
    for name, teacher, size in STUDENTS:
        student = make_model(name, parameters=size, license="Apache-2.0")
        make_edge(student, teachers[teacher])
        made.append(student)
    ids = [model.pk for model in made]
    search.refresh(ids)
    refresh_facets(ids)


def _comparisons(folder: Path, now: datetime) -> dict[str, str]:
    from evaluation.contract import SuiteRef
    from tests.factories.compared import make_comparison

    suite = SuiteRef(name="demo", version="1")
    made = [
        make_comparison(
            folder, student=student, teacher=teacher, suite=suite, now=now - timedelta(hours=number)
        )
        for number, (student, teacher, _) in enumerate(STUDENTS)
    ]
    make_comparison(folder, student="scripted/cut-p70", suite=suite, limit=20, now=now - timedelta(days=1))
    first = made[0]
    return {"comparison": str(first.pk), "run": str(first.student_run_id)}


def _runs(now: datetime) -> dict[str, str]:
    """Runs that wait: one to look at, two to be worked on while a browser looks."""
    from tests.factories.runs import make_run

    names = ("waiting_run", "live_run", "plain_run")
    return {name: str(make_run(f"scripted/{name}-p50", now=now).pk) for name in names}


if __name__ == "__main__":
    main()
