"""The order in which waiting runs will be claimed, foretold by the rules of ``claiming.candidates``.

Foretold as if every worker could do every run and nothing in work ended meanwhile; what really happens may
differ where these differ. The order is never stored: each claim decides anew.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Run, Turn

Served = dict[int | None, tuple[int, datetime]]
NEVER = datetime.min.replace(tzinfo=UTC)


def position(run: Run) -> int:
    """Where a queued run stands among all that wait: 1 is next."""
    queued = Run.objects.filter(state=State.QUEUED)
    own_before = (
        queued.filter(priority=run.priority, requested_by=run.requested_by_id)
        .filter(Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, pk__lt=run.pk))
        .count()
    )
    ahead = queued.filter(priority__gt=run.priority).count() + own_before
    peers = _counts(queued.filter(priority=run.priority))
    held = _in_work(priority_above=run.priority)
    return 1 + ahead + _of_others(run.requested_by_id, own_before, peers, held, _served())


def positions(runs: Iterable[Run]) -> dict[UUID, int]:
    """Like ``position`` for many queued runs at once: three queries, by the key of the run."""
    queued = Run.objects.filter(state=State.QUEUED).order_by("created_at", "pk")
    lines: dict[int, dict[int | None, list[UUID]]] = {}
    for pk, priority, who in queued.values_list("pk", "priority", "requested_by"):
        lines.setdefault(priority, {}).setdefault(who, []).append(pk)
    in_work, served = _in_work(), _served()
    found = {}
    for run in runs:
        mine, line = run.requested_by_id, lines.get(run.priority, {})
        higher = Counter[int | None]()
        for priority, others in lines.items():
            if priority > run.priority:
                higher.update({who: len(waiting) for who, waiting in others.items()})
        own = line.get(mine, [])
        own_before = own.index(run.pk) if run.pk in own else len(own)
        peers = {who: len(waiting) for who, waiting in line.items()}
        held = dict(higher + Counter(in_work))
        others_before = _of_others(mine, own_before, peers, held, served)
        found[run.pk] = 1 + higher.total() + own_before + others_before
    return found


def _of_others(
    mine: int | None,
    own_before: int,
    peers: dict[int | None, int],
    held: dict[int | None, int],
    served: Served,
) -> int:
    """How many runs of others come before somebody's run that has so many of their own before it."""
    ahead = 0
    for other, waiting in peers.items():
        if other == mine:
            continue
        lead = held.get(other, 0) - held.get(mine, 0)
        ahead += min(waiting, max(0, own_before - lead + _first(other, mine, lead, served)))
    return ahead


def _first(other: int | None, mine: int | None, lead: int, served: Served) -> bool:
    """Whether the other comes first once both have as many runs in work.

    Whoever led has waited for that, and is the one who was not served lately; for nobody's runs no turn is noted.
    """
    if other is None or mine is None:
        return other is None
    return lead > 0 or (lead == 0 and _rank(other, served) < _rank(mine, served))


def in_order(*, limit: int) -> list[Run]:
    """The first runs that wait, in the order in which they will be claimed."""
    queued = Run.objects.filter(state=State.QUEUED)
    held, served = _in_work(), _served()
    found: list[Run] = []
    for priority in queued.order_by("-priority").values_list("priority", flat=True).distinct():
        found += _taking_turns(priority, limit - len(found), held, served)
        if len(found) >= limit:
            break
    return found


def _taking_turns(priority: int, limit: int, held: dict[int | None, int], served: Served) -> list[Run]:
    """The first runs of one priority. Notes each claim in ``held`` and ``served``."""
    queued = Run.objects.filter(state=State.QUEUED, priority=priority).order_by("created_at", "pk")

    def turn(who: int | None) -> tuple[int, tuple[tuple[int, datetime], int]]:
        return held.get(who, 0), _rank(who, served)

    # No more than ``limit`` people can come within the first ``limit`` claims.
    people = sorted(_counts(queued), key=turn)[:limit]
    lines = {who: deque(queued.filter(requested_by=who)[:limit]) for who in people}
    found: list[Run] = []
    while len(found) < limit and (left := [who for who in people if lines[who]]):
        who = min(left, key=turn)
        found.append(lines[who].popleft())
        held[who] = held.get(who, 0) + 1
        if who is not None:
            served[who] = (max((nth for nth, _ in served.values()), default=0) + 1, NEVER)
    return found


def _rank(who: int | None, served: Served) -> tuple[tuple[int, datetime], int]:
    """Whoever was served longest ago comes first: foretold claims, counted from 1, are after all real ones."""
    return served.get(who, (0, NEVER)), who or 0


def _served() -> Served:
    return {who: (0, at) for who, at in Turn.objects.values_list("user", "served_at")}


def _in_work(*, priority_above: int | None = None) -> dict[int | None, int]:
    """Runs in work by requester; with those that will be claimed before anything of the priority."""
    counted = Q(state__in=sorted(HELD))
    if priority_above is not None:
        counted |= Q(state=State.QUEUED, priority__gt=priority_above)
    return _counts(Run.objects.filter(counted))


def _counts(runs: QuerySet[Run]) -> dict[int | None, int]:
    return dict(runs.order_by().values_list("requested_by").annotate(number=Count("pk")))
