"""How a person acts on a page: with the keyboard alone, with a pointer or a finger, with scripts or without."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

_FARTHEST = 400
_SHOWS_FOCUS = """element => {
  // A mark of a drawing shows it by its stroke.
  if (!(element instanceof HTMLElement)) return true;
  const style = getComputedStyle(element);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
PHONE = 360
"""Width of a phone in pixels."""


class Hands:
    """A pointer or a finger."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.acts = 0
        """What was pressed, followed, typed or chosen so far."""

    def open(self, path: str) -> None:
        """Types an address."""
        self.page.goto(path)

    def follow(self, link: Locator) -> None:
        """Follows a link."""
        self._act(link)
        link.click()

    def press(self, button: Locator) -> None:
        """Presses a button."""
        self._act(button)
        button.click()

    def type(self, field: Locator, text: str) -> None:
        """Types into a field."""
        self._act(field)
        field.fill(text)

    def choose(self, field: Locator, words: str) -> None:
        """Chooses from a list by what is written there."""
        self._act(field)
        field.select_option(label=words)

    def look(self) -> None:
        """Checks on a phone that the page is not wider than the screen."""
        size = self.page.viewport_size
        if size is None or size["width"] > PHONE:
            return
        assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], self.page.url

    def _act(self, target: Locator) -> None:
        self.acts += 1
        target.wait_for()
        self.look()


class Keyboard(Hands):
    """Nothing but Tab, Enter and letters. What Tab does not reach cannot be used."""

    def follow(self, link: Locator) -> None:
        self._reach(link)
        self.page.keyboard.press("Enter")

    def press(self, button: Locator) -> None:
        self._reach(button)
        self.page.keyboard.press("Enter")

    def type(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, field: Locator, words: str) -> None:
        self._reach(field)
        self.page.keyboard.type(words)

    def _reach(self, target: Locator) -> None:
        """Goes on by Tab until the target has the focus, and checks that the focus can be seen."""
        self._act(target)
        for _ in range(_FARTHEST):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                expect(target).to_be_in_viewport()
                assert target.evaluate(_SHOWS_FOCUS), f"the focus of {target} cannot be seen"
                return
        raise AssertionError(f"{_FARTHEST} times Tab did not reach {target}")
