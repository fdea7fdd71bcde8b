"""The Pareto front: models that no other model beats on every axis at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.scoring.values import BadInput

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True)
class Point:
    """A model with its value on each axis; None where it is not known."""

    name: str
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A model's standing. `dominated_by` names those that are no worse anywhere and better somewhere.

    `on_front` is None where a value is missing: such a model neither stands on the front nor beats another.
    """

    name: str
    on_front: bool | None
    dominated_by: tuple[str, ...]


def pareto(points: Sequence[Point], axes: Mapping[str, Direction]) -> tuple[Placed, ...]:
    """Place each model; equal points share the front. Order as given."""
    if not axes:
        raise BadInput("a front needs at least one axis")
    signs = {axis: 1.0 if direction == "maximize" else -1.0 for axis, direction in axes.items()}
    known = {point.name: _gains(point, signs) for point in points}
    if len(known) != len(points):
        raise BadInput("two models have one name")
    return tuple(_placed(name, gains, known) for name, gains in known.items())


def _gains(point: Point, signs: Mapping[str, float]) -> tuple[float, ...] | None:
    """Values turned so that more is better; None when one is missing."""
    values = [point.values.get(axis) for axis in signs]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if any(value != value for value in known):
        raise BadInput(f"{point.name} has a value that is not a number")
    return tuple(sign * value for sign, value in zip(signs.values(), known, strict=True))


def _placed(
    name: str, gains: tuple[float, ...] | None, known: Mapping[str, tuple[float, ...] | None]
) -> Placed:
    """Compare one model with all others."""
    if gains is None:
        return Placed(name, None, ())
    better = tuple(
        other
        for other, theirs in known.items()
        if theirs is not None and theirs != gains and all(t >= g for t, g in zip(theirs, gains, strict=True))
    )
    return Placed(name, not better, better)
