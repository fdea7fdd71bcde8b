"""Fills an empty zoo for browser tests: people, the curated catalog, comparisons of scripted models, a waiting run.

Run as ``python -m tests.browser.seed`` with the environment of that zoo. Everything goes through the services; ids
that tests need are written to ``seeded.json`` in the zoo's home.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

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
    seeded = _comparisons(home / "seed", now) | _runs(now) | _sessions() | _of_accounts(now)
    (home / "seeded.json").write_text(json.dumps(seeded))


def _people() -> None:
    from tests.factories.accounts import make_user
    from zoo.accounts.models import Scope

    make_user("ada", Scope.SUBMIT)
    make_user("grace", Scope.OPERATE)


def _sessions() -> dict[str, str]:
    """People who are signed in."""
    from django.test import Client

    from zoo.accounts.models import User

    found = {}
    for user in User.objects.filter(username__in=("ada", "grace")):
        client = Client()
        client.force_login(user)
        found[f"session_{user.username}"] = client.cookies["sessionid"].value
    return found


def _of_accounts(now: datetime) -> dict[str, str]:
    """What people own: an invitation, a webhook that was tried, a proposal."""
    from zoo.accounts import services as accounts
    from zoo.accounts.models import Scope, User
    from zoo.lineage import proposals
    from zoo.publishing import webhooks

    ada, grace = (User.objects.get(username=name) for name in ("ada", "grace"))
    invited = accounts.create_account(acting_user=grace, username="edsger", role=Scope.CURATE, now=now)
    address = "https://hooks.example.org/zoo"
    webhook = webhooks.subscribe(url=address, events=["release.published"], acting_user=ada, now=now).webhook
    webhooks.ping(webhook=webhook, now=now)
    draft = {"id": "scripted/new-p75", "title": "New", "edges": [], "source": "the card of the model"}
    proposal = proposals.propose(draft=draft, reason="it exists", acting_user=ada, now=now)
    return {
        "entry": accounts.entry_path(acting_user=grace, user=invited),
        "webhook": str(webhook.pk),
        "proposal": str(proposal.pk),
    }


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
    from tests.factories.compared import add_pair_report, make_comparison
    from tests.factories.suites import make_drawn_comparison, make_glue_comparison
    from zoo.publishing.services import publish

    suite = SuiteRef(name="demo", version="1")
    made = [
        make_comparison(
            folder, student=student, teacher=teacher, suite=suite, now=now - timedelta(hours=number)
        )
        for number, (student, teacher, _) in enumerate(STUDENTS)
    ]
    make_comparison(folder, student="scripted/cut-p70", suite=suite, limit=20, now=now - timedelta(days=1))
    drawn = make_drawn_comparison(folder / "drawn", now=now - timedelta(days=2))
    glue = make_glue_comparison(folder / "glue", now=now - timedelta(days=2))
    first = made[0]
    add_pair_report(first, now=now)
    release = publish(comparison_id=first.pk, now=now)
    found = {"comparison": first.pk, "run": first.student_run_id, "release": release.pk}
    return {name: str(key) for name, key in (found | {"drawn": drawn.pk, "glue": glue.pk}).items()}


def _runs(now: datetime) -> dict[str, str]:
    """Runs that wait: one to look at, two to be worked on while a browser looks; one that runs, one that failed."""
    from evaluation.contract import Progress, Stage
    from tests.factories.runs import fail, make_run, make_worker
    from zoo.runs import queue

    names = ("waiting_run", "live_run", "plain_run", "held_run")
    found = {name: str(make_run(f"scripted/{name}-p50", now=now).pk) for name in names}
    length = timedelta(days=1)
    lease = queue.take(run_id=UUID(found["held_run"]), worker=make_worker(now=now), now=now, lease=length)
    assert lease is not None
    progress = Progress(
        stage=Stage.SCORING, task="scripted_choice", task_count=1, done=26, total=40, rate=8.4
    )
    log = "\n".join(f"14:00:{second:02} INFO answered {second} batches" for second in range(40))
    queue.heartbeat(lease=lease, progress=progress, log=log, now=now, length=length)
    failed = fail(make_run("scripted/too-large-p50", now=now), now=now)
    return found | {"failed_run": str(failed.pk)}


if __name__ == "__main__":
    main()
