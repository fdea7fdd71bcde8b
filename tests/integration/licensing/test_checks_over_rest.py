"""License checks over REST: one, many, inline lineages, bills of materials; and the texts as data."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories.catalog import make_edge, make_model
from tests.unit.licensing.test_sbom import CYCLONEDX
from zoo.catalog.models import Kind
from zoo.lineage.models import EdgeKind

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/license-checks/"


@pytest.fixture
def catalog() -> None:
    base = make_model("meta-llama/Llama-3.3-70B-Instruct", license="llama-3.3-community", licensor="meta")
    student = make_model(
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", license="MIT", licensor="deepseek", hub_license_tag="mit"
    )
    make_edge(student, base, EdgeKind.FINETUNED_FROM)
    make_model("openai/gpt-4o", kind=Kind.API, license="openai-services-agreement", licensor="openai")


def get(**parameters: str) -> Any:
    return APIClient().get(ADDRESS, parameters)


def post(body: object) -> Any:
    return APIClient().post(ADDRESS, body, format="json")


@pytest.mark.usefixtures("catalog")
def test_one_question_is_answered_and_cacheable() -> None:
    answer = get(model="deepseek-ai/DeepSeek-R1-Distill-Llama-70B", action="redistribute")
    body = answer.json()
    assert (answer.status_code, body["verdict"]) == (200, "conditions")
    assert "l33-copy@meta-llama/Llama-3.3-70B-Instruct" in {line["rule"] for line in body["obligations"]}
    assert "tag-mismatch" in body["flags"]
    again = APIClient().get(
        ADDRESS,
        {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "action": "redistribute"},
        headers={"if-none-match": answer["ETag"]},
    )
    assert again.status_code == 304


@pytest.mark.usefixtures("catalog")
def test_facts_in_the_address_decide() -> None:
    model = "deepseek-ai/DeepSeek-R1-Distill-Llama-70B"
    many = get(model=model, action="host", commercial="true", mau_on_date="2024-12-06=800000000")
    few = get(model=model, action="host", commercial="true", mau_on_date="2024-12-06=90000000")
    assert (many.json()["verdict"], few.json()["verdict"]) == ("prohibited", "conditions")


@pytest.mark.parametrize(
    "parameters",
    [
        {"model": "x"},
        {"model": "x", "action": "sell"},
        {"model": "x", "action": "run", "comercial": "true"},
        {"model": "x", "action": "run", "mau": "many"},
        {"model": "x", "action": "run", "mau_on_date": "2024-12-06"},
        {"model": "x", "action": "run", "mau_on_date": "yesterday=5"},
    ],
)
def test_a_question_with_a_slip_is_a_problem_document(parameters: dict[str, str]) -> None:
    answer = get(**parameters)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")


def test_a_model_that_nobody_recorded_is_unknown() -> None:
    body = get(model="nobody/knows", action="run").json()
    assert (body["verdict"], body["findings"][0]["rule"]) == ("unknown", "unknown-parent@nobody/knows")


@pytest.mark.usefixtures("catalog")
def test_a_plan_and_many_questions_are_posted() -> None:
    plan = {
        "teachers": ["openai/gpt-4o"],
        "student": {"family": "own", "is_llm": True, "distributed": True, "kind": "general"},
        "competes": True,
    }
    assert post({"plan": plan}).json()["verdict"] == "prohibited"
    use = {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "action": "redistribute"}
    body = post({"questions": [{"plan": plan}, {"use": use}]}).json()
    assert body["counts"] == {"allowed": 0, "conditions": 1, "unknown": 0, "prohibited": 1}
    assert [one["verdict"] for one in body["results"]] == ["prohibited", "conditions"]


def test_an_undeclared_lineage_is_given_inline() -> None:
    lineage = {
        "nodes": [{"id": "mine", "declared": "mit"}, {"id": "theirs", "declared": "cc-by-nc-4.0"}],
        "edges": [["mine", "finetuned_from", "theirs"]],
    }
    body = post({"use": {"model": "mine", "action": "host", "commercial": True}, "lineage": lineage}).json()
    assert (body["verdict"], body["findings"][0]["rule"]) == ("prohibited", "nc@theirs")


@pytest.mark.usefixtures("catalog")
def test_a_bill_of_materials_is_checked_and_the_catalog_knows_better() -> None:
    body = post({"bom": CYCLONEDX, "use": {"action": "redistribute", "commercial": True}}).json()
    assert (body["format"], len(body["results"])) == ("CycloneDX", 1)
    rules = {line["rule"] for line in body["results"][0]["findings"]}
    assert "l33-copy@meta-llama/Llama-3.3-70B-Instruct" in rules
    assert body["results"][0]["verdict"] == "unknown"  # its other teacher has no license on record


def test_an_spdx_document_is_checked_with_what_its_models_descend_from() -> None:
    document = {
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {"SPDXID": "SPDXRef-student", "name": "acme/student", "licenseDeclared": "MIT"},
            {"SPDXID": "SPDXRef-base", "name": "acme/base", "licenseDeclared": "CC-BY-NC-4.0"},
        ],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-student",
                "relationshipType": "DESCENDANT_OF",
                "relatedSpdxElement": "SPDXRef-base",
            }
        ],
    }
    body = post({"bom": document, "use": {"action": "host", "commercial": True}}).json()
    assert (body["format"], body["counts"]["prohibited"]) == ("SPDX", 1)
    assert body["results"][0]["findings"][0]["rule"] == "nc@acme/base"


def test_a_host_and_the_time_of_the_outputs_are_given_with_an_inline_lineage() -> None:
    lineage = {
        "nodes": [
            {"id": "mine", "declared": "mit"},
            {"id": "gpt", "kind": "api", "declared": "openai-services-agreement"},
        ],
        "edges": [{"child": "mine", "kind": "distilled_from", "parent": "gpt", "outputs_made": "2024-06"}],
    }
    use = {"model": "mine", "action": "host", "commercial": True, "accessed_via": "together-ai-terms"}
    body = post({"use": use, "lineage": lineage}).json()
    assert "together-ai-terms" in {line["license"] for line in body["findings"]}
    assert {flag["license"] for flag in body["flag_details"]} >= {"openai-tou-2024-01-31"}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"questions": []},
        {"questions": [{}]},
        {"questions": [{"use": {"model": "x", "action": "run"}}] * 201},
        {"use": {"model": "x", "action": "run"}, "plan": {"base": "x"}},
        {"bom": {}},
        {"bom": CYCLONEDX, "use": {"action": "fly"}},
        {"bom": CYCLONEDX, "profile": "lenient"},
    ],
)
def test_a_body_with_a_slip_is_a_problem_document(body: object) -> None:
    answer = post(body)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")


def test_the_texts_are_data() -> None:
    listed = APIClient().get("/api/v1/licenses/").json()["results"]
    assert len(listed) >= 100
    one = APIClient().get("/api/v1/licenses/gemma-terms/").json()
    assert one["student_clause"] == "1.1(e)(iii)"
    assert all(rule["clause"] for rule in one["rules"])
    rows = {row["key"]: row for row in listed}
    assert rows["CC-BY-NC-4.0"]["sell"] == {
        "verdict": "prohibited", "otherwise": {"not for commerce": "allowed"},
    }  # fmt: skip
    assert rows["mrl-0.1"]["distill"]["verdict"] == "unknown"
    assert APIClient().get("/api/v1/licenses/gemma-terms/?x=1").status_code == 400
    missing = APIClient().get("/api/v1/licenses/gema/")
    assert (missing.status_code, "gemma-terms" in missing.json()["remedy"]) == (404, True)


def test_changed_verdicts_are_listed() -> None:
    assert APIClient().get(f"{ADDRESS}changes/").json()["results"] == []
    assert APIClient().get(f"{ADDRESS}changes/?rules=1.0.0").json()["results"] == []
    assert APIClient().get(f"{ADDRESS}changes/?model=nobody/knows").status_code == 404
    assert APIClient().get(f"{ADDRESS}changes/?use=sell").status_code == 400
