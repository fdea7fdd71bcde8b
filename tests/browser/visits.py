"""What one visit to a page shows: accessibility findings, requests, errors, weight, timing, width."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, Page, Response

from tests.browser.pages import Place
from tests.browser.server import Zoo

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
_STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_COUNTED = ("text/html", "text/css", "javascript", "image/svg")

SOON_MS = 1000
_PATIENCE_MS = 60_000
_LOOK = {"include": ["html"], "exclude": [["tbody tr:nth-child(n+30)"]]}
"""Long tables repeat the same markup: their first rows stand for all, which spares most of the time."""

_NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Scripts hear of a changed scheme when the page is drawn next."""

_TIMING = """() => new Promise((resolve) => {
  let shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve({
    paint: (performance.getEntriesByName("first-contentful-paint")[0] || { startTime: 0 }).startTime,
    shift,
  }), 50);
})"""


@dataclass(slots=True)
class Visit:
    """The findings of a visit. `weight` is the compressed size of pages, sheets, scripts and drawings in bytes."""

    status: int
    light: list[str] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    width_at_320: int = 0
    headings: int = 0
    paint_ms: float = 0.0
    shift: float = 0.0
    weight: int = 0


def visit(browser: Browser, zoo: Zoo, place: Place) -> Visit:
    """Opens a page in a fresh context and measures it: light, dark, then 320 pixels wide."""
    context = browser.new_context(base_url=zoo.address, viewport={"width": 1280, "height": 900})
    if place.user:
        zoo.sign_in(context, place.user)
    page = context.new_page()
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    seen = Visit(status=0)
    page.on(
        "request", lambda sent: seen.foreign.append(sent.url) if _is_foreign(sent.url, zoo.address) else None
    )
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    answer = page.goto(zoo.path(place.path), wait_until="load")
    assert answer is not None
    seen.status = answer.status
    arrive(page, place)
    _weigh(seen, list(responses))
    _look_at_the_clock(seen, page)
    seen.headings = page.locator("h1:visible").count()
    _look_with_axe(seen, page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 320, "height": 640})
    seen.width_at_320 = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    return seen


def arrive(page: Page, place: Place) -> None:
    """Waits until what was opened is ready to be looked at; presses what is to be pressed."""
    if place.ready:
        page.locator(place.ready).first.wait_for(timeout=_PATIENCE_MS)
    if place.press:
        page.get_by_role("button", name=place.press).click()
        page.locator("main [aria-live], main .errors").first.wait_for(timeout=_PATIENCE_MS)


def _look_at_the_clock(seen: Visit, page: Page) -> None:
    """Time to the first paint, the best of up to three loads: other work on the machine must not decide."""
    for _ in range(3):
        timing = page.evaluate(_TIMING)
        seen.shift = max(seen.shift, timing["shift"])
        seen.paint_ms = min(seen.paint_ms or timing["paint"], timing["paint"])
        if seen.paint_ms < SOON_MS:
            return
        page.reload(wait_until="load")


def _is_foreign(address: str, zoo: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(zoo).netloc


def _weigh(seen: Visit, responses: list[Response]) -> None:
    for response in responses:
        kind = response.headers.get("content-type", "")
        if response.ok and any(counted in kind for counted in _COUNTED):
            seen.weight += len(gzip.compress(response.body(), 6))


def _look_with_axe(seen: Visit, page: Page) -> None:
    page.evaluate(_AXE)
    seen.light = _violations(page, {"type": "tag", "values": _STANDARD})
    page.emulate_media(color_scheme="dark")
    page.evaluate(_NEXT_FRAME)
    seen.dark = _violations(page, {"type": "rule", "values": ["color-contrast"]})


def _violations(page: Page, only: dict[str, object]) -> list[str]:
    found = page.evaluate(
        "([where, only]) => axe.run(where, { runOnly: only, resultTypes: ['violations'] })", [_LOOK, only]
    )
    return [
        f"{rule['id']}: {node['html'][:160]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
