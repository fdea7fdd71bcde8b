"""Every route of the web and the API, with every role: what each gets is written down here, and nothing else is served.

A route that has no line fails the test, and so does a line without a route. Statuses stand in the order of ROLES. Each
request runs in a transaction that is undone, so lines do not influence each other.
"""

from __future__ import annotations

import copy
import hashlib
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.catalog import make_edge, make_model
from tests.factories.runs import NOW, finish, make_run, make_user, must_claim
from tests.factories.uploads import make_upload
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope, User
from zoo.catalog import services as catalog
from zoo.comparisons import services as comparisons
from zoo.lineage import proposals
from zoo.publishing import services as publishing
from zoo.publishing import webhooks
from zoo.runs import recording, workers
from zoo.runs.models import Artifact, Pairing
from zoo.submissions.models import Submission

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
ROLES = ("anonymous", "reader", "stranger", "owner", "curator", "operator", "worker")
"""Stranger and owner are submitters; things in question are the owner's. Worker: a worker's token."""
PEOPLE = {
    "reader": Scope.READ,
    "stranger": Scope.SUBMIT,
    "owner": Scope.SUBMIT,
    "curator": Scope.CURATE,
    "operator": Scope.OPERATE,
}

# An API knows tokens: a worker's is none of a person's, so it is told that it is not good (401), wherever it is shown.
READ = "200 200 200 200 200 200 401"
ANYONE = "200 200 200 200 200 200 200"
SIGNED_IN = "302 200 200 200 200 200 302"
"""Also for a form that is sent empty: some pages show it anew without a complaint."""
OPERATORS = "302 404 404 404 404 200 302"
MOVED = "302 302 302 302 302 302 302"
NOT_MACHINES = "401 401 401 401 401 401 404"
"""The worker's API: people's tokens open nothing there."""

MINE = "401 403 404 200 404 404 401"
SUBMITTERS = "401 403 200 200 200 200 401"
MINE_CHANGED = "401 403 404 202 404 404 401"
UPLOAD = "401 403 400 400 400 400 401"
API = {
    "models/<str:org>/<str:name>/imports/": {"GET": READ, "POST": UPLOAD},
    "imports/<uuid:import_id>/file/": {"GET": "404 404 404 404 404 404 401"},
    "imports/<uuid:import_id>/withdrawal/": {"POST": UPLOAD},
    "releases/<uuid:release_id>/export/<str:kind>/": {"GET": READ},
    "runs/<uuid:run_id>/export/<str:kind>/": {"GET": READ},
    "models/<str:org>/<str:name>/export/<str:kind>/": {"GET": READ},
    "webhooks/": {"GET": "401 403 200 200 200 200 401", "POST": UPLOAD},
    "webhooks/<uuid:webhook_id>/": {"GET": MINE, "DELETE": "401 403 404 204 404 404 401"},
    "webhooks/<uuid:webhook_id>/ping/": {"POST": MINE_CHANGED},
    "webhooks/<uuid:webhook_id>/deliveries/": {"GET": MINE},
    "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/again/": {"POST": MINE_CHANGED},
    "schema/": {"GET": READ},
    "docs/": {"GET": READ},
    "leaderboard/": {"GET": READ},
    "submissions/": {"GET": READ, "POST": "401 403 400 400 400 400 401"},
    "submissions/preflight/": {"POST": "401 403 400 400 400 400 401"},
    "submissions/<uuid:submission_id>/": {"GET": READ},
    "uploads/": {"GET": SUBMITTERS, "POST": UPLOAD},
    "uploads/archive/": {"POST": "401 403 415 415 415 415 401"},
    "uploads/<uuid:upload_id>/": {"GET": MINE, "DELETE": "401 403 404 204 404 404 401"},
    "uploads/<uuid:upload_id>/parts/": {"PUT": "401 403 400 400 400 400 401"},
    "uploads/<uuid:upload_id>/complete/": {"POST": "401 403 404 200 404 404 401"},
    "suites/": {"GET": READ},
    "suites/<str:name>/": {"GET": READ},
    "tasks/": {"GET": READ},
    "runs/": {"GET": READ},
    "runs/<uuid:run_id>/": {"GET": READ},
    "runs/<uuid:run_id>/events/": {"GET": READ},
    "runs/<uuid:run_id>/cancel/": {"POST": "401 403 403 202 403 202 401"},
    "runs/<uuid:run_id>/retry/": {"POST": "401 403 403 409 403 409 401"},
    "comparisons/": {"GET": READ},
    "comparisons/<uuid:comparison_id>/": {"GET": READ},
    "comparisons/<uuid:comparison_id>/samples/": {"GET": READ},
    "comparisons/<uuid:comparison_id>/samples/<str:kind>/": {"GET": READ},
    "workers/": {"GET": READ},
    "status/": {"GET": READ},
    "worker/claim/": {"POST": "401 401 401 401 401 401 400"},
    "worker/goodbye/": {"POST": "401 401 401 401 401 401 400"},
    "worker/runs/<uuid:run_id>/heartbeat/": {"POST": "401 401 401 401 401 401 200"},
    "worker/runs/<uuid:run_id>/artifacts/": {"POST": "401 401 401 401 401 401 400"},
    "worker/runs/<uuid:run_id>/journal/<str:sha256>/": {"GET": NOT_MACHINES},
    "worker/runs/<uuid:run_id>/uploads/<str:sha256>/": {"GET": NOT_MACHINES},
    "worker/runs/<uuid:run_id>/uploads/<str:sha256>/<str:name>/": {"GET": NOT_MACHINES},
    "worker/runs/<uuid:run_id>/report/": {"POST": "401 401 401 401 401 401 400"},
    "releases/": {"GET": READ},
    "releases/key/": {"GET": READ},
    "releases/<uuid:release_id>/": {"GET": READ},
    "releases/<uuid:release_id>/results/": {"GET": READ},
    "releases/<uuid:release_id>/samples/<str:side>/": {"GET": READ},
    "models/": {"GET": READ},
    "models/facets/": {"GET": READ},
    "models/export/": {"GET": READ},
    "scores/unattached/": {"GET": READ},
    "models/<str:org>/<str:name>/": {"GET": READ},
    "models/<str:alias>/": {"GET": READ},
    "models/<str:org>/<str:name>/scores/": {"GET": READ},
    "models/<str:org>/<str:name>/revisions/": {"GET": READ},
    "models/<str:org>/<str:name>/history/": {"GET": READ},
    "models/<str:org>/<str:name>/lineage/": {"GET": READ},
    "proposals/": {"GET": READ, "POST": "401 403 400 400 400 400 401"},
    "proposals/<uuid:proposal_id>/": {"GET": READ},
    "proposals/<uuid:proposal_id>/decision/": {"POST": "401 403 403 403 400 400 401"},
    "timeline/": {"GET": READ},
    "glossary/": {"GET": READ},
    "disputes/": {"GET": READ},
    "licenses/": {"GET": READ},
    "licenses/<str:key>/": {"GET": READ},
    "license-checks/": {"GET": READ, "POST": "400 400 400 400 400 400 401"},
    "license-checks/changes/": {"GET": READ},
    ".*": {"GET": "404 404 404 404 404 404 404", "POST": "404 404 404 404 404 404 404"},
}
WEB = {
    "": {"GET": ANYONE},
    "lineage/": {"GET": MOVED},
    "healthz": {"GET": ANYONE},
    "readyz": {"GET": ANYONE},
    "theme/": {"POST": "302 302 302 302 302 302 302"},
    "login/": {"GET": "200 302 302 302 302 302 200", "POST": "200 302 302 302 302 302 200"},
    "logout/": {"POST": MOVED},
    "welcome/<str:ticket>/": {"GET": "403 403 403 403 403 403 403", "POST": "403 403 403 403 403 403 403"},
    "account/": {"GET": SIGNED_IN},
    "account/password/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "account/enter/<uidb64>/<token>/": {"GET": ANYONE, "POST": ANYONE},
    "account/people/": {"GET": OPERATORS, "POST": "302 404 404 404 404 400 302"},
    "account/people/<int:user_id>/link/": {"POST": OPERATORS},
    "account/people/<int:user_id>/change/": {"POST": "302 404 404 404 404 302 302"},
    "account/tokens/": {"POST": "302 400 400 400 400 400 302"},
    "account/tokens/<int:token_id>/revoke/": {"POST": "302 404 404 302 404 302 302"},
    "account/webhooks/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "account/webhooks/<uuid:webhook_id>/": {"GET": "302 404 404 200 404 404 302"},
    "account/webhooks/<uuid:webhook_id>/ping/": {"POST": "302 404 404 302 404 404 302"},
    "account/webhooks/<uuid:webhook_id>/end/": {"POST": "302 404 404 302 404 404 302"},
    "account/webhooks/<uuid:webhook_id>/again/<uuid:delivery_id>/": {"POST": "302 404 404 302 404 404 302"},
    "leaderboard/": {"GET": ANYONE},
    "leaderboard/chart.<str:form>": {"GET": ANYONE},
    "models/": {"GET": ANYONE},
    "models/propose/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "models/<str:alias>/": {"GET": MOVED},
    "models/<str:org>/<str:name>/": {"GET": ANYONE},
    "models/<str:org>/<str:name>/propose/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "models/<str:org>/<str:name>/lineage/": {"GET": ANYONE},
    "models/<str:org>/<str:name>/lineage.dot": {"GET": ANYONE},
    "models/<str:org>/<str:name>/lineage.svg": {"GET": ANYONE},
    "proposals/": {"GET": ANYONE},
    "proposals/<uuid:proposal_id>/": {"GET": ANYONE},
    "proposals/<uuid:proposal_id>/decide/": {"POST": "302 400 400 400 400 400 302"},
    "timeline/": {"GET": ANYONE},
    "glossary/": {"GET": ANYONE},
    "starting-points/": {"GET": ANYONE},
    "disputes/": {"GET": ANYONE},
    "scores/unattached/": {"GET": ANYONE},
    "compare/": {"GET": ANYONE},
    "submit/": {"GET": ANYONE, "POST": "302 400 400 400 400 400 302"},
    "uploads/": {"GET": SIGNED_IN, "POST": "302 400 400 400 400 400 302"},
    "uploads/<uuid:upload_id>/remove/": {"POST": "302 404 404 302 404 404 302"},
    "submissions/<uuid:submission_id>/": {"GET": MOVED},
    "runs/": {"GET": ANYONE},
    "runs/<uuid:run_id>/": {"GET": ANYONE},
    "runs/<uuid:run_id>/log/": {"GET": "404 404 404 200 404 200 404"},
    "runs/<uuid:run_id>/cancel/": {"POST": MOVED},
    "runs/<uuid:run_id>/retry/": {"POST": MOVED},
    "comparisons/": {"GET": ANYONE},
    "comparisons/<uuid:comparison_id>/": {"GET": ANYONE},
    "comparisons/<uuid:comparison_id>/samples/": {"GET": ANYONE},
    "status/": {"GET": ANYONE},
    "licenses/": {"GET": ANYONE},
    "licenses/check/": {"GET": ANYONE},
    "licenses/changes/": {"GET": ANYONE},
    "licenses/of/": {"GET": MOVED},
    "licenses/<str:key>/": {"GET": ANYONE},
    "badges/<str:org>/<str:name>/license.svg": {"GET": ANYONE},
    "badges/<str:org>/<str:name>/license.json": {"GET": ANYONE},
    "badges/<str:org>/<str:name>/retention.svg": {"GET": ANYONE},
    "badges/<str:org>/<str:name>/retention.json": {"GET": ANYONE},
    "releases/": {"GET": ANYONE},
    "releases/<uuid:release_id>/": {"GET": ANYONE},
    "feeds/releases.atom": {"GET": ANYONE},
    "feeds/models.atom": {"GET": ANYONE},
    "feeds/licenses.atom": {"GET": ANYONE},
    "dumps/": {"GET": ANYONE},
    "dumps/<str:day>/<str:name>": {"GET": "404 404 404 404 404 404 404"},
    "docs/": {"GET": ANYONE},
    "docs/images/<str:name>": {"GET": "404 404 404 404 404 404 404"},
    "docs/<path:slug>/": {"GET": ANYONE},
    "problems/": {"GET": ANYONE},
    "problems/<slug:code>/": {"GET": ANYONE},
    "metrics": {"GET": ANYONE},
}
TABLE = {f"api/v1/{route}": line for route, line in API.items()} | WEB
ADMIN = "admin/"


class World(NamedTuple):
    """One of each thing, by the names that routes give to them, and a client for each role."""

    ids: dict[str, str]
    clients: dict[str, Client]


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Every pattern of the site, as it is written."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, pattern)
        else:
            assert isinstance(entry, URLPattern)
            yield pattern


@pytest.fixture
def world(tmp_path: Path) -> World:
    people = {name: make_user(name, role) for name, role in PEOPLE.items()}
    owner = people["owner"]
    User.objects.filter(pk=people["operator"].pk).update(is_staff=True, is_superuser=True)
    student, teacher = make_model("acme/student", license="Apache-2.0"), make_model("acme/teacher")
    make_edge(student, teacher)
    catalog.add_alias(model=student, alias="student", acting_user=None, now=NOW)
    done = [
        finish(make_run(name, user=owner), tmp_path / name) for name in ("scripted/s-p70", "scripted/t-p90")
    ]
    pairing = Pairing.objects.create(student_run=done[0], teacher_run=done[1], created_at=NOW)
    comparison = comparisons.settle(pairing_id=pairing.pk, now=NOW)
    assert comparison is not None
    held = make_run("scripted/held-p70", user=owner)
    lease = must_claim().lease
    log = b"the last words of a run"
    recording.take_artifact(
        lease=lease,
        kind=Artifact.Kind.LOG,
        sha256=hashlib.sha256(log).hexdigest(),
        source=io.BytesIO(log),
        max_bytes=len(log),
        now=NOW,
    )
    submission = Submission.objects.create(
        submitted_by=owner, student=held.model_name, request={}, student_run=held, created_at=NOW
    )
    webhook = webhooks.subscribe(
        url="https://hooks.example.org/", events=["release.published"], acting_user=owner, now=NOW
    ).webhook
    draft = {"id": "acme/other", "title": "Other", "kind": "model", "source": "its card"}
    proposal = proposals.propose(draft=draft, reason="it exists", acting_user=owner, now=NOW)
    now = datetime.now(UTC)
    token = accounts.create_token(acting_user=owner, name="laptop", scope=Scope.READ, now=now)
    ids = {
        "org": "acme",
        "name": "student",
        "alias": "student",
        "day": "2026-01-01",
        "kind": "csv",
        "key": "Apache-2.0",
        "side": "student",
        "form": "json",
        "slug": "start",
        "code": "invalid",
        "ticket": "forged",
        "uidb64": "MQ",
        "token": "forged",
        "sha256": "0" * 64,
        "user_id": str(owner.pk),
        "token_id": str(token.row.pk),
        "run_id": str(held.pk),
        "submission_id": str(submission.pk),
        "comparison_id": str(comparison.pk),
        "proposal_id": str(proposal.pk),
        "import_id": str(held.pk),
        "done_id": str(done[0].pk),
        "upload_id": str(make_upload(owner, now=NOW).pk),
        "webhook_id": str(webhook.pk),
        "delivery_id": str(webhooks.ping(webhook=webhook, now=NOW).pk),
        "release_id": str(publishing.publish(comparison_id=comparison.pk, now=NOW).pk),
    }
    clients = {"anonymous": Client()}
    for name, user in people.items():
        made = accounts.create_token(acting_user=user, name="walk", scope=Scope(user.role), now=now)
        clients[name] = Client(headers={"Authorization": f"Token {made.token}"})
        clients[name].force_login(user)
    machine = workers.create_credential(acting_user=people["operator"], name="gpu", now=NOW)
    clients["worker"] = Client(
        headers={"Authorization": f"Token {machine.token}", "X-Zoo-Lease": workers.lease_token(lease)}
    )
    return World(ids, clients)


def filled(route: str, ids: dict[str, str]) -> str:
    """The address of a route."""
    if route.endswith(".*"):
        return "/" + route.removesuffix(".*") + "nothing/here/"
    if "/runs/" in route and "export" in route:
        ids = ids | {"run_id": ids["done_id"]}
    ids = ids | KINDS.get(route, {})
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids[found[1]], route) + QUERIES.get(route, "")


KINDS = {
    "api/v1/suites/<str:name>/": {"name": "demo"},
    "api/v1/comparisons/<uuid:comparison_id>/samples/<str:kind>/": {"kind": "parquet"},
    "api/v1/runs/<uuid:run_id>/export/<str:kind>/": {"kind": "lm-eval"},
    "api/v1/models/<str:org>/<str:name>/export/<str:kind>/": {"kind": "model-index"},
}
QUERIES = {
    "api/v1/models/export/": "?as=csv",
    "api/v1/license-checks/": "?model=acme/student&action=host",
}


def answer(client: Client, method: str, address: str) -> int:
    """The status of a request with an empty body, whose effect is undone."""
    cookies = copy.deepcopy(client.cookies)
    with transaction.atomic():
        response = getattr(client, method.lower())(
            address, **({} if method == "GET" else BODY[address[:8] == "/api/v1/"])
        )
        if response.streaming and not response["Content-Type"].startswith("text/event-stream"):
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    client.cookies = cookies  # Who signed out in this request has not, after it.
    return response.status_code


BODY: dict[bool, dict[str, object]] = {False: {}, True: {"data": {}, "content_type": "application/json"}}


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    found = {route for route in routes() if not route.startswith(ADMIN)}
    assert sorted(found - TABLE.keys()) == [], "say in the table who may ask this, and what each gets"
    assert sorted(TABLE.keys() - found) == []


def test_every_role_gets_what_the_table_says_and_no_more(world: World) -> None:
    wrong = [*_differences(world), *_other_methods(world), *_without_token(world)]
    assert not wrong, "\n".join(wrong)


def _differences(world: World) -> Iterator[str]:
    for route, line in TABLE.items():
        address = filled(route, world.ids)
        for method, statuses in line.items():
            found = " ".join(str(answer(world.clients[role], method, address)) for role in ROLES)
            if found != statuses:
                yield f"{method} {route}: {found}, not {statuses}"


def _other_methods(world: World) -> Iterator[str]:
    """What a route takes beside the methods of its line. One who may do everything is refused nothing for a right."""
    for route, line in TABLE.items():
        for method in {"POST", "DELETE"} - line.keys():
            status = answer(world.clients["operator"], method, filled(route, world.ids))
            if status not in (401, 403, 404, 405):
                yield f"{method} {route}: {status}, and the table does not name it"


def _without_token(world: World) -> Iterator[str]:
    """Pages that a foreign site's form could change in the name of who is signed in."""
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(User.objects.get(username="operator"))
    for route, line in WEB.items():
        if "POST" in line and (status := answer(careless, "POST", filled(route, world.ids))) != 403:
            yield f"POST {route} without the form's token: {status}"


def test_administration_is_for_operators_alone(world: World) -> None:
    ids = world.ids | {
        "object_id": "1",
        "content_type_id": "1",
        "app_label": "accounts",
        "id": "1",
        "url": "x",
    }
    wrong = []
    for route in {route for route in routes() if route.startswith(ADMIN) and "(?P" not in route}:
        address = filled(route, ids)
        for role in ("anonymous", "curator"):
            if (status := answer(world.clients[role], "GET", address)) not in (302, 403, 404, 405):
                wrong.append(f"{route}: {status} for {role}")
    assert not wrong, "\n".join(wrong)
