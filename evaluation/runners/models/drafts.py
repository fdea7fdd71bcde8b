"""Guesses how a text goes on from what stands in it already, for greedy decoding to check. Pure: no torch.

Prompt lookup (Saxena 2023): where the last tokens stood before, the tokens behind them are guessed. That costs little
where a pass takes as long for one token as for a few, and cannot change a text: tokens that the model would not have
chosen are thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST, SHORTEST = 4, 2
"""Tokens that must have stood in the text before; the longest match is looked for first."""
FIRST_REACH, FARTHEST_REACH = 4, 24
"""Tokens guessed at first, and at most."""


class Draft:
    """One text as it grows, and what follows each of its short sequences of tokens."""

    def __init__(self, text: Sequence[int]) -> None:
        self.text: list[int] = []
        self.reach = FIRST_REACH
        self._behind: dict[tuple[int, ...], int] = {}
        self.extend(text)

    def extend(self, tokens: Sequence[int]) -> None:
        """Takes in more of the text."""
        for token in tokens:
            place = len(self.text)
            # Entered only when the next token comes, so that the end of the text does not find itself.
            for width in range(SHORTEST, LONGEST + 1):
                if place >= width:
                    self._behind[tuple(self.text[place - width :])] = place
            self.text.append(token)

    def guess(self, most: int) -> list[int]:
        """Up to ``most`` tokens; none where the end of the text is new."""
        most = min(most, self.reach)
        for width in range(LONGEST, SHORTEST - 1, -1):
            place = self._behind.get(tuple(self.text[-width:])) if len(self.text) >= width else None
            if place is not None and most > 0:
                return self._from(place, most)
        return []

    def _from(self, place: int, count: int) -> list[int]:
        """The tokens from a place on; behind the end of the text they repeat."""
        period = len(self.text) - place
        return [self.text[place + step % period] for step in range(count)]

    def judge(self, guessed: int, right: int) -> None:
        """Guesses farther after a guess that was wholly right, and shorter after another."""
        if guessed:
            self.reach = min(2 * self.reach, FARTHEST_REACH) if right == guessed else max(1, right + 1)
