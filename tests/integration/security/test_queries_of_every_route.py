"""No page and no resource asks the database more often because there are more rows.

Every route that may be read is asked for twice, with one of everything and with several of everything, in a process
that remembers nothing. A new route takes part by itself: it has to show the added rows, or to be named in NO_ROWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evaluation.contract import SuiteRef
from tests.factories.catalog import make_edge, make_model
from tests.factories.compared import make_comparison
from tests.factories.runs import NOW, fail, make_run, make_user, make_worker
from tests.factories.uploads import open_upload
from tests.integration.security.test_every_route import ROLES, TABLE, World, filled, world
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope, User
from zoo.catalog import services as catalog
from zoo.catalog.models import (
    Claim,
    Cost,
    Dispute,
    Evidence,
    GlossaryTerm,
    LicensePeriod,
    Model,
    ReportedScore,
    Revision,
    StartingPoint,
    Status,
    TimelineEntry,
)
from zoo.comparisons import leaderboard
from zoo.licensing import services as licensing
from zoo.lineage import proposals
from zoo.lineage.models import EdgeKind, Method
from zoo.publishing import importing, webhooks
from zoo.publishing import services as publishing
from zoo.publishing.exports import harness
from zoo.publishing.selectors import measurement
from zoo.runs.clock import database_now
from zoo.runs.models import Pairing
from zoo.submissions.models import Submission

__all__ = ["world"]

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
STUDENT, TEACHER = "scripted/s-p70", "scripted/t-p90"
DEMO = SuiteRef(name="demo", version="1")
TASKS = ("scripted_choice.n-120",)
SEVERAL = 2

ONE_THING = (
    *(
        "healthz",
        "readyz",
        "welcome",
        "account/password/",
        "account/enter/",
        "badges/",
        "submit/",
        "propose/",
    ),
    *("log/", "dumps/", "api/v1/schema/", "api/v1/docs/", "api/v1/releases/key/", "api/v1/license-checks/$"),
    *("api/v1/models/<str:alias>/", "webhooks/<uuid:webhook_id>/$", "submissions/<uuid:submission_id>/"),
    *("uploads/<uuid:upload_id>/", "api/v1/runs/<uuid:run_id>/", "comparisons/<uuid:comparison_id>/"),
    *("releases/<uuid:release_id>/", "/export/<str:kind>/", "proposals/<uuid:proposal_id>/"),
)
"""Parts of the routes that show one thing. What belongs to it may grow, and must still cost no more queries."""
OF_FILES = ("docs/", "problems/", "suites/", "tasks/", "licenses/")
"""Routes whose rows are files that the product ships and not rows of the database."""


class Seen(NamedTuple):
    """An answer, and what it asked the database."""

    queries: list[str]
    body: bytes

    def shows_more_than(self, other: Seen, route: str) -> bool:
        """Pages hold times and tokens that always differ, so a page has to be longer; documents only count."""
        return self.body != other.body if route.startswith("api/") else len(self.body) > len(other.body)


def grow(number: int, folder: Path, ids: dict[str, str]) -> None:
    """One more of everything that a page lists."""
    owner = User.objects.get(username="owner")
    _grow_catalog(number, owner)
    _grow_measured(number, folder, owner, ids)
    _grow_people(number, owner, ids)
    licensing.recompute_all(acting_user=None, now=NOW + timedelta(days=number))


def _grow_catalog(number: int, owner: User) -> None:
    student, teacher = (Model.objects.get(key=name) for name in (STUDENT, TEACHER))
    other = make_model(f"acme/other-{number}", license="MIT", parameters=1_000 + number)
    teaching = make_model(f"acme/teaching-{number}", license="MIT")
    make_edge(other, teacher)
    make_edge(other, student, EdgeKind.FINETUNED_FROM)
    make_edge(student, teaching, methods=(Method.LOGIT,))
    catalog.add_alias(model=student, alias=f"alias-{number}", acting_user=None, now=NOW)
    catalog.record_fact(
        model=student,
        field="license",
        value=("CC-BY-NC-4.0", "MIT")[number % 2],
        status=Status.DOCUMENTED,
        seen=True,
        acting_user=owner,
        now=NOW,
        reason=f"read {number} times",
    )
    said = {"claim": f"c{number}", "source": "s", "seen": True, "status": Status.DOCUMENTED}
    Evidence.objects.create(model=student, field="license", recorded_at=NOW, **said)
    revision = Revision.objects.create(
        model=student, origin="directory", digest=f"{number:064x}", created_at=NOW
    )
    revision.files.create(path="model.safetensors", size_bytes=2_000_000, sha256=f"{number:064x}")
    LicensePeriod.objects.create(model=student, license="MIT", since=f"202{number}", seen=True, source="s")
    Claim.objects.create(
        model=student,
        topic="t",
        says="s",
        claimant=f"c{number}",
        finding="f",
        outcome="supported",
        source="s",
        seen=True,
    )
    Cost.objects.create(
        model=student, what="training", amount=number + 1, unit="USD", source="s", seen=True, status="claimed"
    )
    dispute = Dispute.objects.create(
        slug=f"d-{number}",
        title=f"Dispute {number}",
        allegation="a",
        claimant="c",
        about="b",
        where="w",
        standing="alleged",
        source="s",
        seen=True,
    )
    dispute.parts.create(model=student, part="subject")
    dispute.parts.create(model=teaching, part="source")
    for model in (student, teacher, teaching, None):
        for benchmark in ("MMLU", "HumanEval"):
            ReportedScore.objects.create(
                record=f"{number}-{benchmark}-{model}",
                model=model,
                printed_name="x",
                benchmark=benchmark,
                unattached_reason="" if model else "not a released model",
                metric="acc",
                settings="",
                value=50.0 + number,
                unit="percent",
                source=f"s{number}",
                via="primary",
                seen=True,
                group="g",
            )
    event = TimelineEntry.objects.create(
        slug=f"e-{number}",
        when="2020",
        when_on="2020-01-01",
        title=f"Event {number}",
        text="t",
        status="documented",
        source="s",
        seen=True,
    )
    event.entries.add(student, other)
    term = GlossaryTerm.objects.create(slug=f"t-{number}", term=f"Term {number}", text="t")
    term.see_also.add(GlossaryTerm.objects.order_by("pk")[0])
    proposals.propose(
        draft={"id": f"acme/proposed-{number}", "source": "card"}, reason="new", acting_user=owner, now=NOW
    )
    proposals.propose(
        draft={"facts": {"license": "MIT"}, "source": "card"},
        reason="x",
        acting_user=owner,
        now=NOW,
        model=student,
    )


def _grow_measured(number: int, folder: Path, owner: User, ids: dict[str, str]) -> None:
    now = NOW + timedelta(hours=number + 1)
    for student, teacher in ((STUDENT, f"scripted/t{number}-p95"), (f"scripted/s{number}-p60", TEACHER)):
        for name in (student, teacher):
            if not Model.objects.filter(key=name).exists():
                make_model(name, parameters=1_000)
        child, parent = (Model.objects.get(key=name) for name in (student, teacher))
        make_edge(child, parent)
        comparison = make_comparison(
            folder / f"{number}", student=student, teacher=teacher, suite=DEMO, tasks=TASKS, now=now
        )
        publishing.publish(comparison_id=comparison.pk, now=now)
    waiting = make_run(f"scripted/waits-{number}-p70", user=owner)
    fail(make_run(f"scripted/fails-{number}-p70", user=owner))
    make_worker(f"worker-{number}", now=database_now())
    pairing = Pairing.objects.create(student_run_id=ids["run_id"], teacher_run=waiting, created_at=NOW)
    Submission.objects.create(
        submitted_by=owner,
        student=STUDENT,
        request={"tasks": []},
        student_run_id=ids["run_id"],
        teacher_run=waiting,
        teacher=waiting.model_name,
        pairing=pairing,
        created_at=NOW,
    )
    document = harness.results(measurement(ids["done_id"])) | {"date": number}
    importing.bring(
        model=Model.objects.get(key=STUDENT),
        content=json.dumps(document).encode(),
        source=f"lab {number}",
        acting_user=owner,
        now=NOW,
    )


def _grow_people(number: int, owner: User, ids: dict[str, str]) -> None:
    make_user(f"person-{number}", Scope.READ)
    accounts.create_token(acting_user=owner, name=f"token {number}", scope=Scope.READ, now=NOW)
    webhooks.subscribe(
        url=f"https://hooks{number}.example.org/", events=["model.added"], acting_user=owner, now=NOW
    )
    webhooks.ping(webhook=webhooks.webhook_of(owner, ids["webhook_id"]), now=NOW)
    open_upload(owner, now=NOW, label=f"upload-{number}")


def addresses(ids: dict[str, str], many: bool) -> Iterator[tuple[str, str, str]]:
    """Each route that may be read, who asks, and where."""
    for route, line in TABLE.items():
        statuses = dict(zip(ROLES, line.get("GET", "").split(), strict=False))
        able = [role for role in ("owner", "operator", "curator") if statuses.get(role) == "200"]
        if able and route != "compare/":
            yield route, able[0], filled(route, ids)
    yield "models/<str:org>/<str:name>/ of a teacher", "operator", f"/models/{TEACHER}/"
    compared = [STUDENT, TEACHER, *(f"acme/other-{number}" for number in range(SEVERAL if many else 1))]
    yield "compare/", "operator", f"/compare/?{'&'.join(f'm={name}' for name in compared)}"


def ask(client: Client, address: str) -> Seen:
    """Asks in a process that remembers nothing."""
    cache.clear()
    leaderboard._kept.clear()
    with CaptureQueriesContext(connection) as seen:
        response = client.get(address)
        body = b"" if _is_endless(response) else response.getvalue()
    assert response.status_code == 200, (address, response.status_code)
    return Seen([query["sql"] for query in seen.captured_queries], body)


def _is_endless(response: object) -> bool:
    return str(response["Content-Type"]).startswith("text/event-stream")  # type: ignore[index]


def _shows_no_list(route: str) -> bool:
    ends = f"{route}$"
    return any(part in ends for part in ONE_THING) or any(
        re.fullmatch(rf"(api/v1/)?{re.escape(start)}(<.*>/)?", route) for start in OF_FILES
    )


def test_more_rows_are_shown_and_cost_no_more_queries(world: World, tmp_path: Path) -> None:
    ids = world.ids | dict(zip(("org", "name"), STUDENT.split("/"), strict=True))
    for name in (STUDENT, TEACHER):
        make_model(name, license="Apache-2.0")
    GlossaryTerm.objects.create(slug="first", term="First", text="t")
    StartingPoint.objects.create(slug="any", title="Any", text="t", query={"license": "MIT"})
    licensing.recompute_all(acting_user=None, now=NOW - timedelta(days=1))
    Submission.objects.update(request={"tasks": []})
    grow(0, tmp_path, ids)
    for client in world.clients.values():
        client.get("/")
    few = {route: ask(world.clients[role], at) for route, role, at in addresses(ids, many=False)}
    for number in range(1, SEVERAL):
        grow(number, tmp_path, ids)
    wrong = []
    for route, role, at in addresses(ids, many=True):
        before, after = few[route], ask(world.clients[role], at)
        if len(after.queries) > len(before.queries):
            extra = sorted(set(after.queries) - set(before.queries), key=after.queries.index)
            wrong.append(
                f"{at}: {len(before.queries)} queries became {len(after.queries)}, such as {extra[-1][:300]}"
            )
        if not after.shows_more_than(before, route) and not _shows_no_list(route):
            wrong.append(
                f"{route}: shows none of the added rows; add some in grow(), or name it in ONE_THING"
            )
    assert not wrong, "\n".join(wrong)
