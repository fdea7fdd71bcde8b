"""The frame of pages under the hands of a person: keys, focus, scheme, motion, no scripts."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.hands import Keyboard
from tests.browser.server import Zoo


def test_the_first_tab_reaches_the_link_that_skips_to_the_content(desktop: Page) -> None:
    desktop.goto("/docs/")
    desktop.keyboard.press("Tab")
    expect(desktop.locator(".skip")).to_be_focused()
    desktop.keyboard.press("Enter")
    expect(desktop.locator("#main")).to_be_focused()


def test_focus_is_always_visible(desktop: Page) -> None:
    desktop.goto("/")
    for _ in range(20):
        desktop.keyboard.press("Tab")
        width = desktop.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        style = desktop.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert width >= 2, desktop.evaluate("document.activeElement.outerHTML")
        assert style != "none"


def test_slash_goes_to_the_search_and_can_be_switched_off(desktop: Page) -> None:
    desktop.goto("/docs/")
    desktop.keyboard.press("/")
    expect(desktop.locator("#site-q")).to_be_focused()
    desktop.locator("#site-q").blur()
    desktop.keyboard.press("?")
    desktop.get_by_label("Single keys act as shortcuts").uncheck()
    desktop.keyboard.press("Escape")
    desktop.keyboard.press("/")
    expect(desktop.locator("#site-q")).not_to_be_focused()


def test_the_scheme_changes_at_once_and_stays(desktop: Page) -> None:
    desktop.emulate_media(color_scheme="light")
    desktop.goto("/docs/")
    light = desktop.evaluate("getComputedStyle(document.body).backgroundColor")
    with desktop.expect_response("**/theme/"):
        desktop.get_by_role("button", name="Dark").click()
    dark = desktop.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    desktop.reload()
    assert desktop.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_scheme_changes_without_scripts(plain: Page) -> None:
    plain.goto("/docs/")
    plain.get_by_role("button", name="Dark").click()
    assert plain.locator("html").get_attribute("data-theme") == "dark"
    assert plain.url.endswith("/docs/")


def test_nothing_moves_for_those_who_asked_for_less_motion(desktop: Page, zoo: Zoo) -> None:
    desktop.emulate_media(reduced_motion="reduce")
    for address in ("/", zoo.path("/runs/{held_run}/")):
        desktop.goto(address)
        longest = desktop.evaluate(
            """Math.max(...[...document.querySelectorAll("*")].map(getComputedStyle).flatMap((style) =>
                 [style.transitionDuration, style.animationDuration].map((time) => parseFloat(time) || 0)))"""
        )
        assert longest <= 0.001


def test_targets_are_large_enough_for_a_finger(phone: Page) -> None:
    phone.goto("/")
    small = phone.evaluate(
        """[...document.querySelectorAll("button, .button, select, nav a")].filter((e) => {
             const box = e.getBoundingClientRect();
             return box.width && (box.width < 24 || box.height < 24);
           }).map((e) => e.outerHTML)"""
    )
    assert small == []


def test_a_person_signs_in_and_makes_a_token_with_the_keyboard_alone(desktop: Page) -> None:
    desktop.goto("/account/")
    expect(desktop.get_by_label("Username")).to_be_focused()
    desktop.keyboard.type("ada")
    desktop.keyboard.press("Tab")
    desktop.keyboard.type("a long enough sentence")
    desktop.keyboard.press("Enter")
    expect(desktop.get_by_role("heading", name="ada")).to_be_visible()
    desktop.get_by_label("Name").focus()
    desktop.keyboard.type("laptop")
    desktop.keyboard.press("Enter")
    expect(desktop.locator("#new-token")).to_contain_text("zoo_")


def test_paper_shows_the_content_alone_in_ink_on_white(desktop: Page) -> None:
    desktop.emulate_media(media="print", color_scheme="dark")
    for address in ("/models/distilbert/distilbert-base-uncased/", "/licenses/Apache-2.0/"):
        desktop.goto(address)
        expect(desktop.locator("h1")).to_be_visible()
        for left_out in (".site-head", ".site-foot nav", "main .button"):
            assert desktop.locator(left_out).filter(visible=True).count() == 0
        assert desktop.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_license_report_is_on_paper_with_its_checklist_and_notice(desktop: Page) -> None:
    desktop.emulate_media(media="print")
    desktop.goto("/licenses/check/?model=r1-distill-llama-70b&action=redistribute&commercial=yes")
    expect(desktop.locator("ul.checklist").first).to_be_visible()
    expect(desktop.locator("pre.log")).to_contain_text("Llama 3.3 is licensed under")
    expect(desktop.locator("pre.log")).to_be_visible()


def test_models_side_by_side_need_no_sideways_scrolling_on_a_phone(phone: Page) -> None:
    phone.goto("/compare/?m=scripted/student-p70&m=scripted/small-p80&m=scripted/teacher-p90")
    wide = phone.evaluate(
        "[...document.querySelectorAll('.table-box')].filter(box => box.scrollWidth > box.clientWidth).length"
    )
    assert wide == 0
    expect(phone.get_by_role("row", name="License as published").get_by_text("Apache-2.0")).to_have_count(3)


def test_a_mark_of_the_interactive_plot_is_a_link_for_the_keyboard(desktop: Page) -> None:
    desktop.goto("/leaderboard/")
    mark = desktop.locator(".vega-host .mark-symbol path[role=link]").first
    Keyboard(desktop).follow(mark)
    desktop.wait_for_url("**/models/scripted/*/")


def test_a_mark_of_the_plot_is_a_link_without_scripts(plain: Page) -> None:
    plain.goto("/leaderboard/")
    plain.locator("svg.chart a .dot").first.click()
    plain.wait_for_url("**/models/scripted/*/")


def test_single_keys_move_through_samples_and_their_pages(desktop: Page, zoo: Zoo) -> None:
    desktop.goto(zoo.path("/comparisons/{comparison}/samples/?outcome="))
    links = desktop.locator("article > h2 a")
    desktop.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    desktop.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    desktop.keyboard.press("k")
    expect(links.nth(0)).to_be_focused()
    first = links.nth(0).inner_text()
    desktop.keyboard.press("n")
    expect(links.nth(0)).not_to_have_text(first)
    desktop.keyboard.press("p")
    expect(links.nth(0)).to_have_text(first)


def test_a_lineage_opens_at_its_entry_and_can_be_made_larger(phone: Page) -> None:
    phone.goto("/models/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/lineage/")
    window = phone.locator(".graph-box").bounding_box()
    entry = phone.locator(".lineage .node.root rect").bounding_box()
    assert window is not None
    assert entry is not None
    assert window["x"] <= entry["x"]
    assert entry["x"] + entry["width"] <= window["x"] + window["width"]
    drawing = phone.locator("svg.lineage")
    before = drawing.evaluate("drawing => drawing.getBoundingClientRect().width")
    phone.get_by_role("button", name="Larger").click()
    assert drawing.evaluate("drawing => drawing.getBoundingClientRect().width") > before
