"""The place in the queue that people are told is the order in which workers really claim."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories.runs import NOW, make_run, make_user, must_claim
from zoo.accounts.models import User
from zoo.runs import selectors
from zoo.runs.lifecycle import State
from zoo.runs.models import Run
from zoo.runs.places import places

pytestmark = pytest.mark.django_db


def queue_up(whose: str, *, start: int = 0, priority: int = 0) -> None:
    """One run for each letter: a, b, c are people, and a dot is nobody."""
    for number, letter in enumerate(whose, start=start):
        user: User | None = None if letter == "." else make_user(letter)
        at = NOW + timedelta(seconds=number)
        make_run(f"scripted/m{number}", user=user, now=at, priority=priority)


def claim_all() -> list[Run]:
    """Claims everything that waits; none of it ends meanwhile."""
    waiting = Run.objects.filter(state=State.QUEUED).count()
    return [
        must_claim(now=NOW + timedelta(minutes=1, seconds=number), lease=timedelta(hours=1)).run
        for number in range(waiting)
    ]


@pytest.mark.parametrize(
    ("in_work", "whose"),
    [
        ("", "aaaab"),
        ("", "bbaaab"),
        ("a", "aaabbb"),
        ("aaa", "aaabbbbb"),
        ("ab", "aabbb"),
        ("ba", "aabbb"),
        ("bb", "ccaabbca"),
        (".", "..aab."),
        ("a", "..aa"),
    ],
)
def test_the_place_and_the_list_are_the_real_order_of_claims(in_work: str, whose: str) -> None:
    queue_up(in_work)
    claimed_before = claim_all()
    queue_up(whose, start=len(claimed_before))
    told = {run.pk: selectors.place(run, now=NOW).position for run in Run.objects.filter(state=State.QUEUED)}
    together = places(Run.objects.all(), now=NOW)
    assert {pk: place.position for pk, place in together.items() if place.position} == told
    listed = [run.pk for run in selectors.waiting(limit=20)]
    first_three = [run.pk for run in selectors.waiting(limit=3)]
    real = [run.pk for run in claim_all()]
    assert [told[run] for run in real] == list(range(1, len(real) + 1))
    assert listed == real
    assert first_three == real[:3]


def test_a_higher_priority_is_ahead_of_everything_and_uses_up_turns() -> None:
    queue_up("aab")
    queue_up("aa", start=3, priority=1)
    told = {run.pk: selectors.place(run, now=NOW).position for run in Run.objects.filter(state=State.QUEUED)}
    listed = [run.pk for run in selectors.waiting(limit=20)]
    real = [run.pk for run in claim_all()]
    assert listed == real
    assert [told[run] for run in real] == [1, 2, 3, 4, 5]
