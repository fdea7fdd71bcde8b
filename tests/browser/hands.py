"""How a person acts on a page: with the keyboard alone, with a pointer or a finger, with scripts or without."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

_FARTHEST = 400


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
        self.acts += 1
        link.click()

    def press(self, button: Locator) -> None:
        """Presses a button."""
        self.acts += 1
        button.click()

    def type(self, field: Locator, text: str) -> None:
        """Types into a field."""
        self.acts += 1
        field.fill(text)

    def choose(self, field: Locator, words: str) -> None:
        """Chooses from a list by what is written there."""
        self.acts += 1
        field.select_option(label=words)


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
        self.acts += 1
        target.wait_for()
        for _ in range(_FARTHEST):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                expect(target).to_be_in_viewport()
                return
        raise AssertionError(f"{_FARTHEST} times Tab did not reach {target}")
