"""Where the words of a lineage drawing stand: on their line, as near its tip as there is room for them.

Pure geometry in the drawing's units. A label covers no box and no other label, and keeps off other lines where it
can; one without any room gets no place, and its words are left to the pointer and to the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LETTER_WIDTH, LETTER_HEIGHT = 6.3, 13.0
"""Of the 11 unit type, on the generous side: the browser's font is not known here."""
TIP_ROOM, START_ROOM = 14.0, 4.0
STEP = 8.0
_BETWEEN_LINES = 8.0
_SAMPLES = np.linspace(0.0, 1.0, 13)

Floats = NDArray[np.float64]


class Spot(NamedTuple):
    """A point."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float


class Curve(NamedTuple):
    """A line of the drawing by points on it, from left to right."""

    xs: Floats
    ys: Floats


def curve(bends: Sequence[tuple[Spot, Spot]]) -> Curve:
    """The curve that is level at both ends of each bend, and straight between them."""
    xs, ys = [], []
    for here, there in bends:
        half = (there.x - here.x) / 2
        xs.append(_bezier(here.x, here.x + half, there.x - half, there.x))
        ys.append(_bezier(here.y, here.y, there.y, there.y))
    return Curve(np.concatenate(xs), np.concatenate(ys))


def _bezier(start: float, first: float, second: float, end: float) -> Floats:
    t, u = _SAMPLES, 1 - _SAMPLES
    return u**3 * start + 3 * u**2 * t * first + 3 * u * t**2 * second + t**3 * end


def place(curves: Sequence[Curve], words: Sequence[str], boxes: Sequence[Box]) -> list[Spot | None]:
    """The middle of each label, or None where there is no room for it. Short lines choose first."""
    taken = _Taken(boxes, len(curves))
    found: list[Spot | None] = [None] * len(curves)
    for index in sorted(range(len(curves)), key=lambda one: float(np.ptp(curves[one].xs))):
        width = len(words[index]) * LETTER_WIDTH
        free = [box for box in _candidates(curves[index], width) if not taken.covers(box)]
        if not free:
            continue
        others = [line for number, line in enumerate(curves) if number != index]
        best = next((box for box in free if not _crossed(box, others)), free[0])
        taken.add(best)
        found[index] = Spot((best.left + best.right) / 2, (best.top + best.bottom) / 2)
    return found


def _candidates(line: Curve, width: float) -> list[Box]:
    """Boxes for the label along its line, from the tip backward. None for a line that runs backward."""
    if line.xs[-1] <= line.xs[0]:
        return []
    first = float(line.xs[-1]) - TIP_ROOM - width / 2
    last = float(line.xs[0]) + START_ROOM + width / 2
    middles = np.arange(first, max(last, first - STEP / 2) - STEP / 2, -STEP)
    heights = np.interp(middles, line.xs, line.ys)
    half = LETTER_HEIGHT / 2
    return [
        Box(float(x) - width / 2, float(y) - half, float(x) + width / 2, float(y) + half)
        for x, y in zip(middles, heights, strict=True)
    ]


def _crossed(box: Box, others: Sequence[Curve]) -> bool:
    """Whether another line runs through the middle of the box, so that it would seem to be that line's."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    for line in others:
        if line.xs[0] <= x <= line.xs[-1] and abs(float(np.interp(x, line.xs, line.ys)) - y) < _BETWEEN_LINES:
            return True
    return False


class _Taken:
    """The room that is taken already, by boxes and by labels."""

    def __init__(self, boxes: Sequence[Box], labels: int) -> None:
        self._rows = np.zeros((len(boxes) + labels, 4))
        self._used = len(boxes)
        if boxes:
            self._rows[: len(boxes)] = boxes

    def covers(self, box: Box) -> bool:
        left, top, right, bottom = self._rows[: self._used].T
        hit = (left < box.right) & (box.left < right) & (top < box.bottom) & (box.top < bottom)
        return bool(hit.any())

    def add(self, box: Box) -> None:
        self._rows[self._used] = box
        self._used += 1
