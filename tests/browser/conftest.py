"""One seeded zoo and one Chromium for all browser tests; what a visit to a page shows is measured once per page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.pages import Place
from tests.browser.server import Zoo, running_zoo
from tests.browser.visits import Visit, visit
from tests.conftest import CHROMIUM


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps all browser tests on one worker, so that the zoo is started and seeded once.

    First of all, because xdist reads the groups in the same hook and would find none.
    """
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Debian's Chromium; without its sandbox, which does not work for root."""
    return {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]}


@pytest.fixture(scope="session")
def zoo() -> Iterator[Zoo]:
    """A seeded zoo."""
    with running_zoo() as running:
        yield running


@pytest.fixture(scope="session")
def visited(browser: Browser, zoo: Zoo) -> Callable[[Place], Visit]:
    """Visits a page once and remembers what was seen."""
    seen: dict[Place, Visit] = {}

    def visit_once(place: Place) -> Visit:
        if place not in seen:
            seen[place] = visit(browser, zoo, place)
        return seen[place]

    return visit_once


@pytest.fixture
def desktop(browser: Browser, zoo: Zoo) -> Iterator[Page]:
    """A page in a fresh context, as wide as a laptop."""
    yield from _page(browser, zoo)


@pytest.fixture
def phone(browser: Browser, zoo: Zoo) -> Iterator[Page]:
    """A page in a fresh context, as wide as a phone."""
    yield from _page(browser, zoo, viewport={"width": 360, "height": 740}, has_touch=True)


@pytest.fixture
def plain(browser: Browser, zoo: Zoo) -> Iterator[Page]:
    """A page in a fresh context that runs no scripts."""
    yield from _page(browser, zoo, java_script_enabled=False)


def _page(browser: Browser, zoo: Zoo, **options: object) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(base_url=zoo.address, **options)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
