"""A run's page while somebody works on the run: it moves by itself, and without scripts it comes anew."""

from __future__ import annotations

import subprocess

from playwright.sync_api import Page, expect

from tests.browser.server import Zoo

PATIENCE = 60_000
"""Milliseconds; other work on the machine must not decide."""
A_SECOND = 1.0
_TRIES = 4
"""Reports that are timed; the quickest counts, as other work on the machine must not decide."""

_NOTE_CHANGES = """() => {
  window.seen = {};
  new MutationObserver(() => {
    const found = document.getElementById("live").textContent.match(/(\\d+) of 40 requests/);
    if (found && !(found[1] in window.seen)) window.seen[found[1]] = Date.now() / 1000;
  }).observe(document.getElementById("live"), { childList: true, subtree: true });
}"""


def _report(worker: subprocess.Popen[bytes], done: int) -> float:
    """Lets the worker report; gives the time at which it had."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{done}\n".encode())
    worker.stdin.flush()
    return float(worker.stdout.readline())


def _seconds_until_shown(page: Page, worker: subprocess.Popen[bytes], done: int) -> float:
    reported = _report(worker, done)
    expect(page.locator("#live")).to_contain_text(f"{done} of 40 requests", timeout=PATIENCE)
    return float(page.evaluate(f"window.seen[{done}]")) - reported


def test_progress_arrives_within_a_second_without_a_reload_and_ends_in_scores(
    desktop: Page, zoo: Zoo
) -> None:
    zoo.sign_in(desktop.context, "grace")
    desktop.goto(zoo.path("/runs/{live_run}/"))
    expect(desktop.locator("#live [data-verdict=queued]")).to_be_visible()
    desktop.evaluate("window.stayed = true")
    desktop.evaluate(_NOTE_CHANGES)
    with zoo.run("tests.browser.work", zoo.seeded["live_run"]) as worker:
        expect(desktop.locator("#live")).to_contain_text("24 of 40 requests", timeout=PATIENCE)
        assert worker.stdout is not None
        worker.stdout.readline()
        assert desktop.title().startswith("60%")
        expect(desktop.locator("#live-log")).to_contain_text("answered request 24")
        taken = [_seconds_until_shown(desktop, worker, 25 + number) for number in range(_TRIES)]
        assert min(taken) <= A_SECOND, taken
        assert desktop.evaluate("window.stayed")
        _log_follows_unless_a_reader_scrolled(desktop, worker)
        _survives_a_reload_and_a_lost_network(desktop, worker)
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    expect(desktop.get_by_role("heading", name="Scores")).to_be_visible(timeout=PATIENCE)


def _log_follows_unless_a_reader_scrolled(page: Page, worker: subprocess.Popen[bytes]) -> None:
    lines = page.locator("#live-log-lines")
    at_end = "lines => lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 1"
    expect(lines).to_contain_text("answered request 28")
    assert lines.evaluate(at_end)
    lines.evaluate("lines => { lines.scrollTop = 0; }")
    _report(worker, 30)
    expect(lines).to_contain_text("answered request 30", timeout=PATIENCE)
    assert lines.evaluate("lines => lines.scrollTop") == 0


def _survives_a_reload_and_a_lost_network(page: Page, worker: subprocess.Popen[bytes]) -> None:
    live = page.locator("#live")
    page.reload()
    _report(worker, 33)
    expect(live).to_contain_text("33 of 40 requests", timeout=PATIENCE)
    page.context.set_offline(True)
    _report(worker, 36)
    page.context.set_offline(False)
    expect(live).to_contain_text("36 of 40 requests", timeout=PATIENCE)


def test_without_scripts_the_page_comes_anew_by_itself(plain: Page, zoo: Zoo) -> None:
    plain.goto(zoo.path("/runs/{plain_run}/"))
    with zoo.run("tests.browser.work", zoo.seeded["plain_run"]) as worker:
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    expect(plain.get_by_role("heading", name="Scores")).to_be_visible(timeout=PATIENCE)
