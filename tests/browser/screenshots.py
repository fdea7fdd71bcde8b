"""Pictures of every page: desktop, phone and dark. ``python -m tests.browser.screenshots [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.pages import NOTHING_THERE, PLACES
from tests.browser.server import CHECKOUT, Zoo, running_zoo
from tests.browser.visits import arrive
from tests.conftest import CHROMIUM

KINDS: dict[str, dict[str, object]] = {
    "desktop": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}


def take(browser: Browser, zoo: Zoo, folder: Path) -> int:
    """Takes all pictures and returns their number."""
    taken = 0
    for kind, options in KINDS.items():
        context = browser.new_context(base_url=zoo.address, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        page = context.new_page()
        for place in (*PLACES, NOTHING_THERE):
            context.clear_cookies()
            if place.user:
                zoo.sign_in(context, place.user)
            page.goto(zoo.path(place.path))
            arrive(page, place)
            page.screenshot(path=folder / f"{place.name}-{kind}.png", full_page=True)
            taken += 1
        context.close()
    return taken


def main() -> int:
    """Starts a seeded zoo and Chromium, takes the pictures, says where they are."""
    if CHROMIUM is None:
        sys.stderr.write("no Chromium: install Debian's chromium\n")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with running_zoo() as zoo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        taken = take(browser, zoo, folder)
        browser.close()
    sys.stdout.write(f"{taken} pictures in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
