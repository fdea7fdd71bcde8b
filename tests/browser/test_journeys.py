"""The five questions that people come with, from the home page to the answer.

Each with the keyboard alone, without scripts, and on a phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.hands import Hands, Keyboard
from tests.browser.server import Zoo

WAYS: dict[str, dict[str, object]] = {
    "keyboard": {"viewport": {"width": 1280, "height": 860}},
    "no-scripts": {"viewport": {"width": 1280, "height": 860}, "java_script_enabled": False},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True},
}


FEW = 11
"""Acts that fit into two minutes, reading between them included."""


@pytest.fixture(params=list(WAYS))
def hands(request: pytest.FixtureRequest, browser: Browser, zoo: Zoo) -> Iterator[Hands]:
    """A person at the home page."""
    context = browser.new_context(base_url=zoo.address, **WAYS[request.param])  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    page = context.new_page()
    person = Keyboard(page) if request.param == "keyboard" else Hands(page)
    person.open("/")
    yield person
    person.look()
    context.close()
    assert person.acts <= FEW


def main(page: Page) -> str:
    return page.locator("main").inner_text()


def test_the_smallest_student_that_keeps_enough_and_may_be_shipped(hands: Hands) -> None:
    page = hands.page
    hands.choose(page.get_by_label("Keeps at least"), "keeps 80%")
    hands.press(page.get_by_role("button", name="Find students"))
    first = page.locator("table.models tbody tr").first
    expect(first).to_contain_text("scripted/small-p80")
    expect(first).to_contain_text("87.9%")
    expect(first.locator("[data-verdict=allowed]")).to_be_visible()
    hands.follow(first.get_by_role("link", name="small-p80"))
    expect(page.locator("#measured")).to_contain_text("Keeps 87.9%")
    expect(page.locator("#measured")).to_contain_text("at 17% of its size")


def test_whether_this_model_is_fine_for_us(hands: Hands) -> None:
    page = hands.page
    hands.type(page.get_by_label("Model to check"), "meta-llama/Llama-3.1-8B")
    hands.press(page.get_by_role("button", name="Check the license"))
    expect(page.get_by_role("heading", name="Answer")).to_be_visible()
    expect(page.locator("main .verdict").first).to_contain_text("allowed with conditions")
    assert "not legal advice" in main(page)


def test_where_it_came_from(hands: Hands) -> None:
    page = hands.page
    hands.type(page.get_by_label("Model whose lineage to show"), "distilbert/distilbert-base-uncased")
    hands.press(page.get_by_role("button", name="Show the lineage"))
    expect(page.get_by_role("heading", name="Came from")).to_be_visible()
    came_from = page.locator("main").get_by_role("link", name="BERT base uncased").last
    expect(came_from).to_be_visible()
    hands.follow(came_from)
    expect(page.get_by_role("heading", level=1)).to_contain_text("BERT base uncased")


def test_what_stands_behind_a_number(hands: Hands) -> None:
    page = hands.page
    hands.follow(page.get_by_role("link", name="Open the leaderboard"))
    row = page.locator("table.ranks tbody tr", has_text="scripted/small-p80").first
    hands.follow(row.locator("a.figure-link"))
    expect(page.locator("main")).to_contain_text("Retention by task")
    hands.follow(page.get_by_role("link", name="See the samples"))
    expect(page.locator("main")).to_contain_text(re.compile(r"Question \d+ of scripted_"))


def test_how_good_mine_is(hands: Hands, zoo: Zoo, request: pytest.FixtureRequest) -> None:
    page = hands.page
    way = request.node.callspec.params["hands"]
    mine = f"scripted/mine-by-{way}-p75"
    hands.type(page.get_by_label("Student to evaluate"), mine)
    hands.press(page.get_by_role("button", name="Evaluate it"))
    hands.follow(page.locator("main").get_by_role("link", name="Sign in"))
    hands.type(page.get_by_label("Username"), "ada")
    hands.type(page.get_by_label("Password"), "a long enough sentence")
    hands.press(page.locator("main").get_by_role("button", name="Sign in"))
    expect(page.get_by_label("Student", exact=True)).to_have_value(mine)
    hands.type(page.get_by_role("combobox", name="Teacher (optional)"), "scripted/teacher-p90")
    hands.type(page.get_by_role("textbox", name="Tasks (optional)"), "scripted_choice.n-40")
    hands.press(page.get_by_role("button", name="Check first"))
    expect(page.get_by_role("heading", name="This can be queued")).to_be_visible()
    hands.press(page.get_by_role("button", name="Submit"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(mine)
    expect(page.locator("[data-verdict=queued]").first).to_be_visible()
    with zoo.run("tests.browser.finish", urlsplit(page.url).path.split("/")[2]) as worker:
        worker.communicate(timeout=120)
    assert worker.returncode == 0
    hands.open(page.url)
    hands.follow(page.get_by_role("link", name="See the comparison"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{mine} against scripted/teacher-p90")
    expect(page.get_by_role("heading", name="Retention by task")).to_be_visible()
    expect(page.locator("main .lead")).to_contain_text("Keeps")
