"""The pages of the catalog, as a browser without scripts asks for them."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories.accounts import PASSWORD, make_user
from tests.factories.catalog import make_edge, make_model
from tests.unit.catalog.test_data import NAMED_IN_THE_ARTICLE
from zoo.accounts.models import Scope
from zoo.catalog import selectors
from zoo.catalog.models import Proposal, Status

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shipped-catalog")]


@pytest.fixture(autouse=True)
def shipped(shipped_catalog: None) -> None:
    """Every page is asked for with the shipped catalog behind it."""


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


@pytest.mark.parametrize("name", NAMED_IN_THE_ARTICLE)
def test_every_system_of_the_article_has_its_page(name: str, client: Client) -> None:
    model = selectors.get_model(name)
    text = page(client, f"/models/{model.slug}/")
    assert f"<h1>{model.title}</h1>".replace("'", "&#x27;") in text
    for heading in ("Lineage", "License", "Facts and evidence", "Reported scores", "Revisions", "History"):
        assert f">{heading}</h2>" in text, heading
    assert "“" in text
    assert page(client, f"/models/{model.slug}/lineage/")


def test_the_list_filters_by_address_and_says_what_is_in_force(client: Client) -> None:
    text = page(
        client, "/models/?teacher=distilbert&teacher=google-bert/bert-base-uncased&license=Apache-2.0"
    )
    assert "distilbert/distilbert-base-uncased" in text
    assert "microsoft/MiniLM" not in text
    assert 'value="Apache-2.0" checked' in text
    assert "Remove all" in text


def test_a_wrong_filter_is_told_and_the_others_stay(client: Client) -> None:
    text = page(client, "/models/?family=bert&parameters__lte=many&role=king", status=400)
    assert "Some of the filters were not understood" in text
    assert "distilbert/distilbert-base-uncased" in text
    assert "Qwen/Qwen3-8B" not in text


def test_an_unknown_parameter_is_told(client: Client) -> None:
    assert "no such parameter" in page(client, "/models/?color=red", status=400)


def test_a_damaged_cursor_gives_the_first_page(client: Client) -> None:
    assert "this is the first page" in page(client, "/models/?cursor=damaged", status=400)


def test_a_misspelled_word_is_mended_and_said_so(client: Client) -> None:
    text = page(client, "/models/?q=deepsek")
    assert "Nothing is called <b>deepsek</b>" in text
    assert "deepseek-ai/DeepSeek-R1" in text


def test_no_result_offers_a_looser_query(client: Client) -> None:
    text = page(client, "/models/?family=bert&license=gemma-terms")
    assert "Nothing matches" in text
    assert 'href="?family=bert"' in text


def test_paging_leads_through_everything(client: Client) -> None:
    seen: list[str] = []
    address = "/models/?ordering=name"
    while address:
        text = page(client, address)
        seen += re.findall(r'<input type="checkbox"\s+name="m"\s+value="([^"]+)"', text)
        following = re.search(r'rel="next"\s+href="(\?[^"]+)"', text)
        address = f"/models/{following[1].replace('&amp;', '&')}" if following else ""
    assert len(seen) == len(set(seen)) == selectors.Model.objects.count()


def test_aliases_and_other_cases_lead_to_the_one_address(client: Client) -> None:
    for address in ("/models/distilbert/", "/models/DISTILBERT/distilbert-base-uncased/"):
        answer = client.get(address, follow=True)
        assert answer.redirect_chain[-1][0] == "/models/distilbert/distilbert-base-uncased/"
    assert client.get("/models/nobody/nothing/").status_code == 404


def test_the_claim_of_the_article_stands_beside_what_sources_say(client: Client) -> None:
    text = page(client, "/models/meta-llama/Llama-3.1-8B/")
    assert "Llama 3.1-70B (partially)" in text
    assert "no support found" in text
    assert "disputed" in text


def test_prices_and_training_costs_stand_with_amount_unit_date_and_source(client: Client) -> None:
    model = make_model("acme/priced")
    for what, amount, unit, as_of in (
        ("input", "0.028", "USD per million tokens", "2026-02"),
        ("output", "1.10", "USD per million tokens", "2026-02"),
        ("training", "5576000", "USD", ""),
    ):
        model.costs.create(
            what=what,
            amount=amount,
            unit=unit,
            as_of=as_of,
            source="price list",
            source_url="https://acme.example/prices",
            seen=True,
            status=Status.CLAIMED,
        )
    text = " ".join(re.sub(r"<[^>]+>", "", page(client, "/models/acme/priced/")).split())
    assert "Input tokens: 0.028 USD per million tokens, 2026-02 (claimed). price list" in text
    assert "Output tokens: 1.1 USD per million tokens, 2026-02 (claimed). price list" in text
    assert "Training: 5,576,000 USD, undated (claimed). price list" in text
    shown = client.get("/api/v1/models/acme/priced/").json()["costs"]
    assert {(row["what"], float(row["amount"]), row["unit"], row["as_of"]) for row in shown} == {
        ("input", 0.028, "USD per million tokens", "2026-02"),
        ("output", 1.1, "USD per million tokens", "2026-02"),
        ("training", 5_576_000, "USD", ""),
    }
    alpaca = " ".join(page(client, "/models/stanford/alpaca-7b/").split())
    assert "Training: 600 USD, 2023-03 (claimed)" in alpaca


def test_a_finding_that_was_recalled_is_not_called_checked(client: Client) -> None:
    text = page(client, "/models/distilbert/distilbert-base-uncased/")
    claim = text[text.index("no copy of the card was read") :]
    assert "not checked" in claim[: claim.index("</tr>")]
    assert "supported, from memory" in claim[: claim.index("</tr>")]


def test_of_a_sentence_that_finds_nothing_nothing_is_said_to_be_shown(client: Client) -> None:
    text = page(client, "/models/?q=zzzqqq+distilbert+wwwkkk")
    assert "0 entries" in text
    assert "Shown are results" not in text


def test_an_allegation_is_shown_as_one(client: Client) -> None:
    text = page(client, "/models/Qwen/Qwen3.7-Max/")
    assert "Alleged, unproven" in text
    assert "An allegation is shown because it is made, not because it is true." in text
    assert "No lineage is on record." in text


def test_lineage_is_drawn_and_listed_alike(client: Client) -> None:
    text = page(client, "/models/deepseek-ai/DeepSeek-R1/lineage/?depth=2")
    drawn = set(re.findall(r'<a class="node[^"]*" href="(/models/[^"]+)"', text))
    listed = set(re.findall(r"<li>\s*<a href=\"(/models/[^\"]+)\"", text))
    assert len(drawn) > 10
    assert drawn - listed <= {"/models/deepseek-ai/DeepSeek-R1/", "/models/openai/gpt-4/"}
    assert 'class="edge alleged"' in text
    assert "<title>" in text


def test_lineage_comes_as_dot_and_svg(client: Client) -> None:
    dot = page(client, "/models/distilbert/distilbert-base-uncased/lineage.dot")
    step = '"google-bert/bert-base-uncased" -> "distilbert/distilbert-base-uncased"'
    assert f'{step} [label="distilled from (logit, feature)"]' in dot
    assert page(client, "/models/distilbert/distilbert-base-uncased/lineage.svg").startswith("<svg xmlns=")


@pytest.mark.parametrize("query", ["?depth=0", "?depth=99", "?depth=x", "?direction=sideways", "?depth=-1"])
def test_nonsense_in_a_lineage_address_falls_back(query: str, client: Client) -> None:
    assert page(client, f"/models/distilbert/distilbert-base-uncased/lineage/{query}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/timeline/", ["2006", "Model compression", "DistilBERT", "2026"]),
        ("/glossary/", ["Dark knowledge", "Speculative decoding", 'id="temperature"']),
        ("/starting-points/", ["Reasoning on one small GPU", "deepseek-ai/DeepSeek-R1"]),
        ("/disputes/", ["Anthropic", "US House Select Committee", "Alleged and denied"]),
        ("/scores/unattached/", ["369", "not a released model"]),
        ("/proposals/", ["Nobody proposed anything"]),
    ],
)
def test_the_other_pages_tell_their_story(address: str, words: list[str], client: Client) -> None:
    text = page(client, address)
    for word in words:
        assert word in text


def test_proposing_needs_a_person_and_ends_with_a_curator(client: Client) -> None:
    assert client.get("/models/propose/").status_code == 302
    make_user("author", Scope.SUBMIT)
    make_user("curator", Scope.CURATE)
    client.login(username="author", password=PASSWORD)
    form = {
        "id": "acme/tiny",
        "title": "Tiny",
        "kind": "model",
        "license": "MIT",
        "parameters": "5000000",
        "teacher": "distilbert",
        "method": ["logit"],
        "source": "its card",
        "reason": "it is new",
    }
    assert client.post("/models/propose/", {**form, "teacher": "nobody"}).status_code == 400
    assert client.post("/models/propose/", {**form, "tensors_digest": "abc"}).status_code == 400
    assert client.post("/models/propose/", {**form, "file_digests": "none here"}).status_code == 400
    weights = {"tensors_digest": "A" * 64, "file_digests": f"{'b' * 64}  model.safetensors"}
    answer = client.post("/models/propose/", {**form, **weights})
    assert answer.status_code == 302
    proposal = Proposal.objects.get()
    assert (proposal.draft["tensors_digest"], proposal.draft["file_digests"]) == ("a" * 64, ["b" * 64])
    assert "Accept as amended" not in page(client, f"/proposals/{proposal.pk}/")
    refused = client.post(f"/proposals/{proposal.pk}/decide/", {"verdict": "accept"})
    assert refused.status_code == 400
    client.login(username="curator", password=PASSWORD)
    assert "Accept as amended" in page(client, f"/proposals/{proposal.pk}/")
    assert client.post(f"/proposals/{proposal.pk}/decide/", {"verdict": "accept"}).status_code == 302
    text = page(client, "/models/acme/tiny/")
    assert "DistilBERT base uncased" in text
    assert "MIT" in text


def test_a_correction_is_proposed_on_the_page_of_the_entry(client: Client) -> None:
    make_user("author", Scope.SUBMIT)
    client.login(username="author", password=PASSWORD)
    address = "/models/distilbert/distilbert-base-uncased/propose/"
    assert page(client, address)
    answer = client.post(address, {"parameters": "66362880", "source": "header", "reason": "counted"})
    assert answer.status_code == 302
    assert Proposal.objects.get().model == selectors.get_model("distilbert")
    nothing = client.post(address, {"source": "header", "reason": "nothing"})
    assert nothing.status_code == 400


def _history(client: Client, address: str) -> str:
    """The text of the history on a page, without tags."""
    section = page(client, address).split(">History</h2>")[1].split("</ol>")[0]
    return " ".join(re.sub(r"<[^>]+>", "", section).split())


def _proposed(client: Client, license_: str) -> Proposal:
    """A correction of DistilBERT's license, proposed by an author; a curator is logged in afterward."""
    make_user("author", Scope.SUBMIT)
    make_user("curator", Scope.CURATE)
    client.login(username="author", password=PASSWORD)
    form = {"license": license_, "source": "its card", "reason": "the card says so"}
    assert client.post("/models/distilbert/distilbert-base-uncased/propose/", form).status_code == 302
    client.login(username="curator", password=PASSWORD)
    return Proposal.objects.get()


def test_an_accepted_correction_stands_in_the_history_with_both_values_person_and_reason(
    client: Client,
) -> None:
    proposal = _proposed(client, "MIT")
    client.post(f"/proposals/{proposal.pk}/decide/", {"verdict": "accept"})
    history = _history(client, "/models/distilbert/distilbert-base-uncased/")
    assert "curator: corrected license: Apache-2.0 → MIT" in history
    assert f"(the card says so (proposal {proposal.pk}))" in history


def test_an_edge_stands_in_the_history_in_words(client: Client) -> None:
    make_edge(make_model("acme/tiny"), make_model("acme/teacher"))
    history = _history(client, "/models/acme/tiny/")
    assert "added to the lineage: distilled from acme/teacher" in history
    assert "edge_added" not in history


@pytest.mark.parametrize(
    ("verdict", "state", "license_"),
    [
        ("accept", "accepted", "MIT"),
        ("amend", "amended", "BSD-3-Clause"),
        ("decline", "declined", "Apache-2.0"),
    ],
)
def test_a_curator_decides_in_each_way_and_the_page_says_why(
    verdict: str, state: str, license_: str, client: Client
) -> None:
    proposal = _proposed(client, "MIT")
    amended = json.dumps({**proposal.draft, "facts": {"license": "BSD-3-Clause"}})
    form = {"verdict": verdict, "decision": "I read the card.", "amended": amended}
    assert client.post(f"/proposals/{proposal.pk}/decide/", form).status_code == 302
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decision) == (state, "I read the card.")
    assert selectors.get_model("distilbert").license == license_
    text = page(client, f"/proposals/{proposal.pk}/")
    assert "I read the card." in text
    assert ("The first draft" in text) == (verdict == "amend")
    if verdict == "amend":
        shown, first = text.split("<summary>The first draft")
        assert "<dd>BSD-3-Clause</dd>" in shown
        assert "<dd>MIT</dd>" in first.split("</details>")[0]


ROWS = 30


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/models/?page_size=5", 40),
        ("/models/?page_size=100", 40),
        ("/models/?page_size=5&family=bert&license=Apache-2.0", 70),
        ("/models/?page_size=100&family=bert&license=Apache-2.0", 70),
        ("/timeline/", 8),
        ("/glossary/", 8),
        ("/disputes/", 8),
        ("/scores/unattached/", 8),
        ("/starting-points/", 90),
    ],
)
def test_a_page_makes_a_number_of_queries_that_does_not_grow_with_its_rows(
    address: str, most: int, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(most):
        page(client, address)


def test_queries_of_a_model_page_do_not_grow_with_its_children(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    parent = make_model("acme/parent")
    with django_assert_max_num_queries(60) as before:
        page(client, "/models/acme/parent/")
    for number in range(ROWS):
        make_edge(make_model(f"acme/child{number}"), parent)
    with django_assert_max_num_queries(len(before) + 6):
        page(client, "/models/acme/parent/")
    with django_assert_max_num_queries(30):
        page(client, "/models/acme/parent/lineage/?depth=12")
