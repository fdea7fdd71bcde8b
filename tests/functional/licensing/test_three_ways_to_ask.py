"""The same questions on a page, over REST and on the command line: one answer."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
import typer
from django.test import Client
from rest_framework.test import APIClient
from typer.testing import CliRunner

from tests.factories.catalog import NOW
from zoo.cli.license_check import license_check
from zoo.licensing import services
from zoo.lineage import loading

pytestmark = pytest.mark.django_db

QWEN = {"family": "qwen", "is_llm": True, "distributed": True}
CASES = {
    "R1-Distill-Llama-70B passed on owes Llama 3.3's duties": (
        {"use": {"model": "r1-distill-llama-70b", "action": "redistribute"}},
        "conditions",
        ["l33-copy@llama-3.3-70b-instruct", "l33-notice@llama-3.3-70b-instruct"],
    ),
    "R1-Distill-Qwen-7B passed on owes Apache's": (
        {"use": {"model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "action": "redistribute"}},
        "conditions",
        ["apache-copy@qwen2.5-math-7b"],
    ),
    "Alpaca in a product, on independent grounds": (
        {"use": {"model": "alpaca-7b", "action": "host", "commercial": True}},
        "prohibited",
        ["l1-nc@llama-1-7b", "nc@alpaca-7b"],
    ),
    "a Qwen student of Llama 3 outputs": (
        {"plan": {"base": ["qwen2.5-7b-instruct"], "teachers": ["llama-3-70b-instruct"], "student": QWEN}},
        "prohibited",
        ["l3-improve@llama-3-70b-instruct"],
    ),
    "a Qwen student of Llama 3.1 outputs owes a name": (
        {
            "plan": {
                "base": ["qwen2.5-14b-instruct"],
                "teachers": ["llama-3.1-405b-instruct"],
                "student": {**QWEN, "name": "Comet-14B"},
            }
        },
        "conditions",
        ["l31-name-outputs@llama-3.1-405b-instruct"],
    ),
    "a general chat model for sale from GPT-4o": (
        {
            "plan": {
                "base": ["mistral-7b-v0.1"],
                "teachers": ["openai-gpt-4o"],
                "student": {"family": "mistral", "is_llm": True, "distributed": True, "kind": "general"},
                "competes": True,
                "commercial": True,
            }
        },
        "prohibited",
        ["oa-compete@openai-gpt-4o"],
    ),
    "no license on record": (
        {"use": {"model": "tinybert-general-4l-312d", "action": "host", "commercial": True}},
        "unknown",
        ["no-license@tinybert-general-4l-312d"],
    ),
    "an unlisted license": (
        {"use": {"model": "license:Acme-Model-License-3", "action": "host", "commercial": True}},
        "unknown",
        ["unlisted-license@license:Acme-Model-License-3"],
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
    """Every case all three ways: one verdict, the same rules, and each line with what it rests on."""
    command = typer.Typer()
    command.command()(license_check)
    file = tmp_path / "question.json"
    for name, (question, verdict, expected) in CASES.items():
        over_rest = APIClient().post("/api/v1/license-checks/", question, format="json").json()
        assert over_rest["verdict"] == verdict, name
        assert set(expected) <= {line["rule"] for line in over_rest["findings"]}, name

        file.write_text(json.dumps(question))
        asked = CliRunner().invoke(command, ["--question", str(file), "--json"])
        assert json.loads(asked.stdout) == over_rest, name
        assert asked.exit_code == EXIT[verdict], name

        printed = CliRunner().invoke(command, ["--question", str(file)]).stdout
        page = html.unescape(Client().get(address(question)).content.decode())
        tone = {"prohibited": "bad", "unknown": "unknown"}.get(verdict, "warn")
        assert f"verdict tone-{tone} large" in page, name
        for line in (*over_rest["findings"], *over_rest["obligations"], *over_rest["flag_details"]):
            told = [line["rule"], line.get("text") or line["reason"], line["clause"]]
            told += [line["url"], line["text_dated"], line["verified"]] if line["license_name"] else []
            told += [step["node"] for step in line["path"]]
            for part in filter(None, told):
                assert part in page, (name, part)
                assert part in printed, (name, part)
        for text in (over_rest["rules_version"], over_rest["disclaimer"]):
            assert text in page, name
            assert text in printed, name


def outputs_of_march_2023_stand_under_the_terms_of_that_month() -> None:
    answer = APIClient().get("/api/v1/license-checks/?model=alpaca-7b&action=host&commercial=true").json()
    details = {flag["flag"]: flag for flag in answer["flag_details"]}
    upstream = details["upstream-contract@openai-text-davinci-003"]
    assert (upstream["license"], upstream["clause"]) == ("openai-tou-2023-03-14", "2(c)(iii)")
    assert upstream["outputs_made"] == ["2023-03-01", "2023-03-31"]


def test_the_installed_command_gives_the_exit_code_and_json_alone(tmp_path: Path) -> None:
    file = tmp_path / "question.json"
    question, verdict, expected = CASES["a Qwen student of Llama 3 outputs"]
    file.write_text(json.dumps(question))
    command = [sys.executable, "-c", "from zoo.cli.main import main; main()", "license-check", "--json"]
    clean = {"ZOO_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [*command, "--question", str(file)], capture_output=True, text=True, check=False, env=clean
    )
    assert done.returncode == EXIT[verdict], done.stderr
    assert set(expected) <= {line["rule"] for line in json.loads(done.stdout)["findings"]}


def test_the_form_asks_for_a_host_and_adds_its_terms() -> None:
    address = "/licenses/check/?model=license:MIT&action=distill&commercial=yes&accessed_via=liquid-ai-terms"
    page = Client().get(address).content.decode()
    assert "lq-train@license:MIT" in page
    assert 'id="id_accessed_via"' in page


@pytest.mark.usefixtures("shipped")
def test_pages_over_the_shipped_catalog() -> None:
    """One load of the catalog, several visits."""
    the_smallest_student_of_bert_that_one_may_sell_is_one_query()
    the_checker_asks_only_for_what_can_still_change_the_answer()
    the_report_has_duties_clauses_a_notice_and_the_disclaimer()
    every_license_page_model_panel_and_badge_is_there()
    outputs_of_march_2023_stand_under_the_terms_of_that_month()


def the_smallest_student_of_bert_that_one_may_sell_is_one_query() -> None:
    query = "teacher=google-bert/bert-base-uncased&verdict=allowed&verdict=conditions&ordering=parameters"
    found = APIClient().get(f"/api/v1/models/?{query}").json()["results"]
    sizes = [row["parameters"] for row in found if row["parameters"]]
    assert "distilbert/distilbert-base-uncased" in {row["id"] for row in found}
    assert "huawei-noah/TinyBERT_General_4L_312D" not in {row["id"] for row in found}
    assert sizes == sorted(sizes)
    page = Client().get(f"/models/?{query}").content.decode()
    listed = [page.index(f'href="/models/{row["id"]}/"') for row in found if row["parameters"]]
    assert listed == sorted(listed)
    assert "huawei-noah/TinyBERT_General_4L_312D" not in page
    bert = Client().get("/models/google-bert/bert-base-uncased/").content.decode()
    assert f'href="/models/?{query}"' in html.unescape(bert)


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
    assert "/feeds/licenses.atom?model=deepseek-ai/DeepSeek-R1-Distill-Llama-70B" in model
    assert "/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.svg" in model
    badge = client.get("/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.svg")
    shields = client.get("/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.json").json()
    assert (shields["schemaVersion"], shields["message"]) == (1, "allowed with conditions")
    assert shields["label"].startswith("license: ")
    assert (badge["Content-Type"], b"allowed with conditions" in badge.content) == ("image/svg+xml", True)
    assert (
        client.get("/badges/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/license.svg?use=x").status_code == 400
    )


def test_a_slip_in_the_form_is_named_and_the_rest_is_kept() -> None:
    page = Client().get("/licenses/check/?model=acme/x&action=host&mau=many")
    assert page.status_code == 400
    assert 'value="acme/x"' in page.content.decode()
    assert Client().get("/licenses/check/?about=plan&base=acme/x&student_kind=odd").status_code == 400


def test_switching_the_kind_of_question_keeps_what_was_typed() -> None:
    page = (
        Client().get("/licenses/check/?about=plan&base=acme/x&model=acme/y&commercial=yes").content.decode()
    )
    chosen = re.search(r'<a class="chip"\s+href="([^"]+)" aria-current="true">([^<]+)</a>', page)
    assert chosen is not None
    assert chosen[2] == "a student that we plan"
    other = re.search(r'<a class="chip"\s+href="([^"]+)">a model that exists</a>', page)
    assert other is not None
    assert {"base=acme%2Fx", "model=acme%2Fy", "commercial=yes", "about=use"} <= set(
        html.unescape(other[1]).removeprefix("?").split("&")
    )
    assert '<input type="hidden" name="model" value="acme/y">' in page


def test_what_was_recalled_is_said_on_the_page_over_rest_and_on_the_command_line() -> None:
    """Over the shipped data on the command line, over the loaded catalog elsewhere."""
    loading.load(now=NOW)
    said = "Rests on memory: which license applies to mobilebert-uncased and the step of lineage"
    query = "model=mobilebert-uncased&action=host&commercial="
    assert said in Client().get(f"/licenses/check/?{query}yes").content.decode()
    over_rest = APIClient().get(f"/api/v1/license-checks/?{query}true").json()
    assert over_rest["caveat"].startswith(said)
    assert "lineage-recalled@ib-bert-large" in over_rest["flags"]
    command = typer.Typer()
    command.command()(license_check)
    printed = CliRunner().invoke(command, ["mobilebert-uncased", "--action", "host", "--commercial"]).stdout
    assert said in printed


def test_the_list_of_texts_is_searched_by_words_of_names_keys_and_tags() -> None:
    found = Client().get("/licenses/?q=LLAMA+3.3").content.decode()
    assert "/licenses/llama-3.3-community/" in found
    assert "/licenses/Apache-2.0/" not in found
    assert "What the columns mean" in found
    assert "No text is called that" in Client().get("/licenses/?q=nothing-of-that-name").content.decode()
