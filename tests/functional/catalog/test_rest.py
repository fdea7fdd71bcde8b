"""The REST resources of the catalog, as the README's examples ask for them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.factories.accounts import make_user
from tests.factories.catalog import NOW, make_model
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.catalog.models import Model, Revision

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shipped-catalog")]
API = "/api/v1"


@pytest.fixture(autouse=True)
def shipped(shipped_catalog: None) -> None:
    """Every resource is asked for with the shipped catalog behind it."""


def get(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(f"{API}/{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def ids(document: Any) -> list[str]:
    return [row["id"] for row in document["results"]]


def test_the_smallest_student_of_bert_under_apache(client: Client) -> None:
    found = get(client, "models/?teacher=bert-base-uncased&license=Apache-2.0&ordering=parameters")
    assert ids(found)[0] == "distilbert/distilbert-base-uncased"
    assert all(row["license"] == "Apache-2.0" for row in found["results"])


def test_all_descendants_of_llama_3_3_70b_instruct(client: Client) -> None:
    found = get(client, "models/meta-llama/Llama-3.3-70B-Instruct/lineage/?direction=down&depth=12")
    assert {node["id"] for node in found["nodes"] if node["level"] > 0} == {
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
        "nvidia/Llama-3_3-Nemotron-Super-49B-v1",
    }
    assert all(edge["evidence"] for edge in found["edges"])


def test_everything_distilled_with_chain_of_thought(client: Client) -> None:
    found = get(client, "models/?method=chain-of-thought&page_size=100")
    assert {"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "simplescaling/s1-32B"} <= set(ids(found))
    assert all("chain-of-thought" in row["methods"] for row in found["results"])
    assert found["count"] == len(found["results"])


def test_pages_lead_forward_and_back(client: Client) -> None:
    first = get(client, "models/?ordering=name&page_size=7")
    assert first["previous"] is None
    second = client.get(first["next"]).json()
    assert not set(ids(first)) & set(ids(second))
    assert ids(client.get(second["previous"]).json()) == ids(first)
    seen, address = ids(first), first["next"]
    while address:
        page = client.get(address).json()
        seen += ids(page)
        address = page["next"]
    assert len(seen) == len(set(seen)) == Model.objects.count()


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("color=red", "/color"),
        ("role=king", "/role"),
        ("parameters__lte=many", "/parameters__lte"),
        ("page_size=1000", "/page_size"),
        ("ordering=size", "/ordering"),
        ("cursor=damaged", "/cursor"),
    ],
)
def test_what_is_not_understood_is_a_400_that_points_at_it(query: str, pointer: str, client: Client) -> None:
    problem = get(client, f"models/?{query}", 400)
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["status"] == 400


@pytest.mark.parametrize(
    "path",
    [
        "models/no/where/",
        "models/nowhere/",
        "models/no/where/lineage/",
        "proposals/00000000-0000-7000-8000-000000000000/",
    ],
)
def test_what_is_not_there_is_a_404(path: str, client: Client) -> None:
    assert get(client, path, 404)["status"] == 404


def test_sub_lists_refuse_unknown_parameters_too(client: Client) -> None:
    get(client, "models/distilbert/distilbert-base-uncased/scores/?color=red", 400)
    get(client, "models/distilbert/distilbert-base-uncased/lineage/?depth=99", 400)


def test_a_model_is_described_with_its_evidence(client: Client) -> None:
    found = get(client, "models/distilbert/distilbert-base-uncased/")
    assert found["parameters"] == 66_000_000
    assert found["methods"] == ["logit", "feature", "mixed"]
    assert {fact["field"]: fact["seen"] for fact in found["facts"]}["license"] is False
    assert {claim["topic"] for claim in found["claims"]} >= {"base", "parameters", "distillation", "license"}
    assert get(client, "models/distilbert/") == found


def test_reported_scores_come_with_source_and_settings(client: Client) -> None:
    found = get(client, "models/distilbert/distilbert-base-uncased/scores/?page_size=100")
    assert len(found["results"]) >= 20
    assert all(row["kind"] == "reported" and row["source"] and row["via"] for row in found["results"])


def test_unattached_scores_say_why(client: Client) -> None:
    found = get(client, "scores/unattached/?page_size=100")
    assert all(row["unattached_reason"] for row in found["results"])


def test_an_allegation_is_no_edge(client: Client) -> None:
    found = get(client, "models/Qwen/Qwen3.7-Max/lineage/")
    assert found["edges"] == []
    assert {row["parent"] for row in found["alleged"]} >= {"anthropic/claude"}


def test_reads_carry_an_etag_that_spares_the_body(client: Client) -> None:
    for path in ("models/", "models/distilbert/distilbert-base-uncased/", "models/facets/", "timeline/"):
        tag = client.get(f"{API}/{path}")["ETag"]
        again = client.get(f"{API}/{path}", headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_facets_follow_the_filters(client: Client) -> None:
    found = {facet["name"]: facet for facet in get(client, "models/facets/?family=qwen")["facets"]}
    assert (
        sum(option["count"] for option in found["kind"]["options"])
        == get(client, "models/?family=qwen")["count"]
    )
    assert all(facet["exact"] for facet in found.values())


def test_a_result_comes_as_csv_json_lines_and_parquet(client: Client) -> None:
    expected = sorted(ids(get(client, "models/?family=bert&page_size=100")))
    answers = {
        kind: b"".join(client.get(f"{API}/models/export/?as={kind}&family=bert").streaming_content)
        for kind in ("csv", "jsonl", "parquet")
    }
    rows = list(csv.DictReader(io.StringIO(answers["csv"].decode())))
    assert sorted(row["id"] for row in rows) == expected
    lines = [json.loads(line) for line in answers["jsonl"].splitlines()]
    assert sorted(line["id"] for line in lines) == expected
    table = pq.read_table(io.BytesIO(answers["parquet"]))
    assert sorted(table.column("id").to_pylist()) == expected
    assert get(client, "models/export/?as=xls", 400)
    assert get(client, "models/export/?as=csv&color=red", 400)


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless() -> None:
    from zoo.catalog.exports import safe_cell

    assert [safe_cell(text) for text in ("=1+1", "+x", "-x", "@x", "x=1", "")] == [
        "'=1+1",
        "'+x",
        "'-x",
        "'@x",
        "x=1",
        "",
    ]


def test_a_proposal_travels_from_draft_to_entry(client: Client) -> None:
    draft = {"id": "acme/tiny", "title": "Tiny", "facts": {"license": "MIT"}, "source": "its card"}
    body = {"draft": draft, "reason": "new"}
    assert _post(client, "proposals/", body, None)[0] in (401, 403)
    assert _post(client, "proposals/", body, _token(Scope.READ))[0] == 403
    status, made = _post(client, "proposals/", body, _token(Scope.SUBMIT))
    assert (status, made["state"]) == (201, "open")
    status, problem = _post(
        client,
        "proposals/",
        {"draft": {**draft, "id": "distilbert/DistilBERT-base-uncased"}, "reason": "x"},
        _token(Scope.SUBMIT),
    )
    assert (status, problem["code"]) == (409, "entry_exists")
    address = f"proposals/{made['id']}/decision/"
    assert _post(client, address, {"decision": "accept"}, _token(Scope.SUBMIT))[0] == 403
    curate = _token(Scope.CURATE)
    assert _post(client, address, {"decision": "decline"}, curate)[0] == 400
    assert _post(client, address, {"decision": "amend"}, curate)[0] == 400
    amended = {**draft, "facts": {"license": "Apache-2.0"}}
    status, done = _post(
        client, address, {"decision": "amend", "draft": amended, "reason": "read it"}, curate
    )
    assert (status, done["state"], done["model"]) == (200, "amended", "acme/tiny")
    assert _post(client, address, {"decision": "accept"}, curate)[0] == 409
    assert get(client, "models/acme/tiny/")["license"] == "Apache-2.0"
    history = get(client, "models/acme/tiny/history/")["results"]
    assert {row["user"] for row in history} == {"curate-person"}
    assert len(get(client, "proposals/?state=amended")["results"]) == 1
    get(client, "proposals/?state=lost", 400)


@pytest.mark.parametrize(
    ("decision", "state", "license_"),
    [
        ("accept", "accepted", "MIT"),
        ("amend", "amended", "BSD-3-Clause"),
        ("decline", "declined", "Apache-2.0"),
    ],
)
def test_a_curator_decides_in_each_way_with_a_reason(
    decision: str, state: str, license_: str, client: Client
) -> None:
    draft = {"facts": {"license": "MIT"}, "source": "its card"}
    body = {"model": "distilbert", "draft": draft, "reason": "the card says so"}
    _, made = _post(client, "proposals/", body, _token(Scope.SUBMIT))
    answer: dict[str, Any] = {"decision": decision, "reason": "I read the card."}
    if decision == "amend":
        answer |= {"draft": {**draft, "facts": {"license": "BSD-3-Clause"}}}
    status, done = _post(client, f"proposals/{made['id']}/decision/", answer, _token(Scope.CURATE))
    assert (status, done["state"], done["decision"]) == (200, state, "I read the card.")
    assert done["decided_by"] == "curate-person"
    assert get(client, "models/distilbert/")["license"] == license_
    assert get(client, f"proposals/{made['id']}/")["draft"]["facts"] == {"license": "MIT"}


def test_a_copy_under_another_name_is_shown_with_the_reason_while_the_proposal_is_open(
    client: Client,
) -> None:
    model = make_model("acme/original")
    Revision.objects.create(model=model, origin="directory", tensors_digest="a" * 64, created_at=NOW)
    draft = {"id": "copy/cat", "tensors_digest": "a" * 64, "source": "its card"}
    _, made = _post(client, "proposals/", {"draft": draft, "reason": "new"}, _token(Scope.SUBMIT))
    found = {"model": "acme/original", "why": ["same_tensors"]}
    assert made["resembles"][0] == found
    assert get(client, f"proposals/{made['id']}/")["resembles"][0] == found
    page = client.get(f"/proposals/{made['id']}/").content.decode()
    assert "the same weights, tensor by tensor" in page
    assert "a" * 64 in page
    answer = {"decision": "decline", "reason": "a copy"}
    _post(client, f"proposals/{made['id']}/decision/", answer, _token(Scope.CURATE))
    assert get(client, f"proposals/{made['id']}/")["resembles"] == []
    bad = {"draft": {**draft, "tensors_digest": "short"}, "reason": "new"}
    assert _post(client, "proposals/", bad, _token(Scope.SUBMIT))[0] == 400


def test_the_stories_are_resources_too(client: Client) -> None:
    events = get(client, "timeline/?page_size=100")["results"]
    assert (events[0]["when"], events[0]["status"]) == ("2006", "claimed")
    assert any(term["slug"] == "dark-knowledge" for term in get(client, "glossary/?page_size=100")["results"])
    assert {row["standing"] for row in get(client, "disputes/")["results"]} >= {
        "alleged",
        "denied",
        "reported",
    }


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("models/?page_size=5", 14),
        ("models/?page_size=100", 14),
        ("models/facets/", 20),
        ("models/facets/?family=qwen&license=Apache-2.0", 30),
        ("models/distilbert/distilbert-base-uncased/", 20),
        ("models/deepseek-ai/DeepSeek-R1/lineage/?depth=12", 30),
        ("models/distilbert/distilbert-base-uncased/scores/?page_size=100", 6),
        ("timeline/?page_size=100", 6),
    ],
)
def test_queries_do_not_grow_with_rows(
    path: str, most: int, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(most):
        get(client, path)


def _token(scope: Scope) -> str:
    from zoo.accounts.models import User

    person = User.objects.filter(username=f"{scope}-person").first() or make_user(f"{scope}-person", scope)
    return create_token(acting_user=person, name="test", scope=scope, now=timezone.now()).token


def _post(client: Client, path: str, body: Any, token: str | None) -> tuple[int, Any]:
    headers = {"authorization": f"Token {token}"} if token else {}
    answer = client.post(f"{API}/{path}", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()
