"""The same questions on a page, over REST and on the command line: one answer."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.factories.catalog import NOW
from zoo.licensing import services
from zoo.lineage import loading

pytestmark = pytest.mark.django_db

CASES = {
    "R1-Distill-Llama-70B passed on owes Llama 3.3's duties": (
        {"use": {"model": "r1-distill-llama-70b", "action": "redistribute"}},
        "conditions",
        "l33-copy@llama-3.3-70b-instruct",
    ),
    "R1-Distill-Qwen-7B passed on owes Apache's": (
        {"use": {"model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "action": "redistribute"}},
        "conditions",
        "apache-copy@qwen2.5-math-7b",
    ),
    "Alpaca in a product": (
        {"use": {"model": "alpaca-7b", "action": "host", "commercial": True}},
        "prohibited",
        "l1-nc@llama-1-7b",
    ),
    "a Qwen student of Llama 3 outputs": (
        {
            "plan": {
                "base": ["qwen2.5-7b-instruct"],
                "teachers": ["llama-3-70b-instruct"],
                "student": {"family": "qwen", "is_llm": True, "distributed": True},
            }
        },
        "prohibited",
        "l3-improve@llama-3-70b-instruct",
    ),
    "a chat model for sale from GPT-4o": (
        {
            "plan": {
                "base": ["mistral-7b-v0.1"],
                "teachers": ["openai-gpt-4o"],
                "student": {"family": "mistral", "is_llm": True, "distributed": True, "kind": "general"},
                "competes": True,
            }
        },
        "prohibited",
        "oa-compete@openai-gpt-4o",
    ),
    "no license on record": (
        {"use": {"model": "tinybert-general-4l-312d", "action": "host", "commercial": True}},
        "unknown",
        "no-license@tinybert-general-4l-312d",
    ),
}
EXIT = {"allowed": 0, "conditions": 0, "prohibited": 1, "unknown": 2}


def address(question: dict[str, dict[str, object]]) -> str:
    """The question as the page's form would put it into an address."""
    kind, body = next(iter(question.items()))
    query: dict[str, str] = {"about": kind}
    for name, value in body.items():
        if name == "student" and isinstance(value, dict):
            query |= {f"student_{fact}": word(given) for fact, given in value.items()}
        else:
            query[name] = ",".join(value) if isinstance(value, list) else word(value)
    return f"/licenses/check/?{urlencode(query)}"


def word(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)  # type: ignore[call-overload]


@pytest.fixture
def shipped() -> None:
    loading.load(now=NOW)
    services.recompute_all(acting_user=None, now=NOW)


@pytest.mark.usefixtures("shipped")
def test_page_rest_and_command_line_agree(tmp_path: Path) -> None:
    for name, (question, verdict, rule) in CASES.items():
        over_rest = APIClient().post("/api/v1/license-checks/", question, format="json").json()
        assert over_rest["verdict"] == verdict, name
        assert rule in {line["rule"] for line in over_rest["findings"]}, name
        page = Client().get(address(question)).content.decode()
        assert (
            f"verdict tone-{ {'prohibited': 'bad', 'unknown': 'unknown'}.get(verdict, 'warn') } large" in page
        ), name
        assert rule in page, name
    file = tmp_path / "question.json"
    for name, (question, verdict, rule) in list(CASES.items())[2:4]:
        file.write_text(json.dumps(question))
        command = [sys.executable, "-c", "from zoo.cli.main import main; main()", "license-check", "--json"]
        clean = {"ZOO_HOME": str(tmp_path), "PATH": ""}
        done = subprocess.run(
            [*command, "--question", str(file)], capture_output=True, text=True, check=False, env=clean
        )
        assert done.returncode == EXIT[verdict], (name, done.stderr)
        assert rule in {line["rule"] for line in json.loads(done.stdout)["findings"]}, name


@pytest.mark.usefixtures("shipped")
def test_pages_over_the_shipped_catalog() -> None:
    """One load of the catalog, several visits."""
    the_smallest_student_of_bert_that_one_may_sell_is_one_query()
    the_checker_asks_only_for_what_can_still_change_the_answer()
    the_report_has_duties_clauses_a_notice_and_the_disclaimer()
    every_license_page_model_panel_and_badge_is_there()


def the_smallest_student_of_bert_that_one_may_sell_is_one_query() -> None:
    query = "teacher=google-bert/bert-base-uncased&verdict=allowed&verdict=conditions&ordering=parameters"
    found = APIClient().get(f"/api/v1/models/?{query}").json()["results"]
    sizes = [row["parameters"] for row in found if row["parameters"]]
    assert "distilbert/distilbert-base-uncased" in {row["id"] for row in found}
    assert "huawei-noah/TinyBERT_General_4L_312D" not in {row["id"] for row in found}
    assert sizes == sorted(sizes)


def the_checker_asks_only_for_what_can_still_change_the_answer() -> None:
    page = Client().get("/licenses/check/?model=r1-distill-llama-70b&action=host").content.decode()
    assert "users_2024-12-06" in page
    assert 'id="id_revenue"' not in page
    settled = Client().get("/licenses/check/?model=r1-distill-qwen-7b&action=run").content.decode()
    assert "Can still change the answer" not in settled


def the_report_has_duties_clauses_a_notice_and_the_disclaimer() -> None:
    address = "/licenses/check/?model=r1-distill-llama-70b&action=redistribute&commercial=yes"
    page = Client().get(address).content.decode()
    for text in ("1.b.iii", "NOTICE file", "not legal advice", "Llama 3.3 is licensed under", "Rules 1."):
        assert text in page
    assert not re.search(r"\sstyle=|<script>", page)


def every_license_page_model_panel_and_badge_is_there() -> None:
    client = Client()
    assert client.get("/licenses/").status_code == 200
    for key in ("llama-3-community", "mrl-0.1", "openai-services-agreement", "CC0-1.0"):
        page = client.get(f"/licenses/{key}/")
        assert (page.status_code, b"Can" in page.content) == (200, True)
    assert client.get("/licenses/llama3/").headers["Location"] == "/licenses/llama-3-community/"
    assert client.get("/licenses/lama/").status_code == 404
    assert client.get("/licenses/changes/").status_code == 200
    model = client.get("/models/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/").content.decode()
    assert "Pass the weights on" in model
    badge = client.get("/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.svg")
    assert (badge["Content-Type"], b"allowed with conditions" in badge.content) == ("image/svg+xml", True)
    assert (
        client.get("/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.svg?use=x").status_code == 400
    )


def test_a_slip_in_the_form_is_named_and_the_rest_is_kept() -> None:
    page = Client().get("/licenses/check/?model=acme/x&action=host&mau=many")
    assert page.status_code == 400
    assert 'value="acme/x"' in page.content.decode()
    assert Client().get("/licenses/check/?about=plan&base=acme/x&student_kind=odd").status_code == 400
