"""A run's page while somebody works on the run: it moves by itself, and without scripts it comes anew."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.server import Zoo

PATIENCE = 60_000
"""Milliseconds; other work on the machine must not decide."""


def test_progress_arrives_without_a_reload_and_ends_in_scores(desktop: Page, zoo: Zoo) -> None:
    desktop.goto(zoo.path("/runs/{live_run}/"))
    expect(desktop.locator("#live [data-verdict=queued]")).to_be_visible()
    desktop.evaluate("window.stayed = true")
    with zoo.run("tests.browser.work", zoo.seeded["live_run"]) as worker:
        expect(desktop.locator("#live")).to_contain_text("24 of 40 requests", timeout=PATIENCE)
        assert desktop.evaluate("window.stayed")
        assert desktop.title().startswith("60%")
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    expect(desktop.get_by_role("heading", name="Scores")).to_be_visible(timeout=PATIENCE)


def test_without_scripts_the_page_comes_anew_by_itself(plain: Page, zoo: Zoo) -> None:
    plain.goto(zoo.path("/runs/{plain_run}/"))
    with zoo.run("tests.browser.work", zoo.seeded["plain_run"]) as worker:
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    expect(plain.get_by_role("heading", name="Scores")).to_be_visible(timeout=PATIENCE)
