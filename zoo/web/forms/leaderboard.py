"""What a reader may choose on the leaderboard. A wrong value is named and left out; the others hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from zoo.comparisons.leaderboard import COSTS, Asked, Board, Cost

_SIZES = (
    ("", "any size"),
    ("1e8", "up to 100M"),
    ("1e9", "up to 1B"),
    ("8e9", "up to 8B"),
    ("1.5e10", "up to 15B"),
)
_KEEPS = (("", "any"), ("0.99", "99%"), ("0.95", "95%"), ("0.9", "90%"), ("0.8", "80%"))
_MAY = (
    ("allowed", "allowed"),
    ("conditions", "allowed with conditions"),
    ("prohibited", "prohibited"),
    ("unknown", "unknown"),
)


class LeaderboardForm(forms.Form):
    """The filters. Choices that depend on the data are added once the board is known."""

    suite = forms.CharField(required=False, max_length=160)
    teacher = forms.CharField(required=False, max_length=200)
    settings = forms.CharField(required=False, max_length=8)
    x = forms.ChoiceField(required=False, choices=[(cost, cost) for cost in COSTS])
    parameters__lte = forms.FloatField(required=False, min_value=1)
    parameters__gte = forms.FloatField(required=False, min_value=1)
    retention__gte = forms.FloatField(required=False, min_value=0, max_value=10)
    verdict = forms.MultipleChoiceField(required=False, choices=_MAY)
    columns = forms.MultipleChoiceField(required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        column_field = self.fields["columns"]
        assert isinstance(column_field, forms.MultipleChoiceField)
        column_field.choices = [(name, name) for name in data.getlist("columns")]

    def asked(self) -> Asked:
        """The question, from the values that are right."""
        self.full_clean()
        good = self.cleaned_data
        suite, _, version = str(good.get("suite") or "").partition("@")
        cost: Cost = good.get("x") or "parameters"
        return Asked(
            suite=suite,
            version=version,
            teacher=good.get("teacher") or "",
            settings=good.get("settings") or "",
            cost=cost,
            parameters_gte=_whole(good.get("parameters__gte")),
            parameters_lte=_whole(good.get("parameters__lte")),
            retention_gte=good.get("retention__gte"),
            verdicts=tuple(good.get("verdict") or ()),
        )


class Option:
    """One choice of a select."""

    __slots__ = ("chosen", "label", "value")

    def __init__(self, value: str, label: str, chosen: bool) -> None:
        self.value, self.label, self.chosen = value, label, chosen


def suite_options(board: Board) -> list[Option]:
    """The suites that something was compared on."""
    return [
        Option(f"{one.name}@{one.version}", f"{one.name}, version {one.version}", one == board.suite)
        for one in board.suites
    ]


def teacher_options(board: Board, chosen: str) -> list[Option]:
    """Any teacher, then each."""
    return [Option("", "any teacher", not chosen)] + [
        Option(name, name, name == chosen) for name in board.teachers
    ]


def size_options(value: str) -> list[Option]:
    """Size classes by the largest size."""
    return _options(_SIZES, value)


def keep_options(value: str) -> list[Option]:
    """The least that must be kept."""
    return _options(_KEEPS, value)


def verdict_options(chosen: Sequence[str]) -> list[Option]:
    """Verdicts of the license check."""
    return [Option(value, label, value in chosen) for value, label in _MAY]


def _options(pairs: Sequence[tuple[str, str]], chosen: str) -> list[Option]:
    found = [Option(value, label, value == chosen) for value, label in pairs]
    if chosen and not any(option.chosen for option in found):
        found.append(Option(chosen, chosen, True))
    return found


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
