"""Questions about lineage, answered from links alone. Pure: no database, no Django."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

N = TypeVar("N", bound=Hashable)


class Link(NamedTuple, Generic[N]):
    """A step of lineage: the child came from the parent."""

    child: N
    parent: N


def closing_path(links: Iterable[Link[N]], *, child: N, parent: N) -> list[N] | None:
    """The path that a new link from child to parent would close into a circle, or None.

    The path runs from the parent, over its own parents, to the child; its last entry is the child. A link
    from an entry to itself gives that entry alone.
    """
    if child == parent:
        return [child]
    parents = _parents(links)
    came_from: dict[N, N] = {}
    queue = deque([parent])
    while queue:
        node = queue.popleft()
        for above in parents[node]:
            if above in came_from or above == parent:
                continue
            came_from[above] = node
            if above == child:
                return _walk_back(came_from, parent, child)
            queue.append(above)
    return None


def depths(links: Iterable[Link[N]], root: N) -> dict[N, int]:
    """How many steps each ancestor is above the root at least; the root itself is at 0."""
    parents = _parents(links)
    found = {root: 0}
    queue = deque([root])
    while queue:
        node = queue.popleft()
        for above in parents[node]:
            if above not in found:
                found[above] = found[node] + 1
                queue.append(above)
    return found


def paths(links: Iterable[Link[N]], *, start: N, goal: N, limit: int = 16) -> list[list[N]]:
    """Up to ``limit`` ways up from start to goal without repeating an entry, shortest first."""
    parents = _parents(links)
    found: list[list[N]] = []
    queue = deque([[start]])
    while queue and len(found) < limit:
        path = queue.popleft()
        if path[-1] == goal:
            found.append(path)
            continue
        queue.extend([*path, above] for above in parents[path[-1]] if above not in path)
    return found


def _parents(links: Iterable[Link[N]]) -> defaultdict[N, list[N]]:
    parents: defaultdict[N, list[N]] = defaultdict(list)
    for link in links:
        if link.parent not in parents[link.child]:
            parents[link.child].append(link.parent)
    return parents


def _walk_back(came_from: dict[N, N], start: N, goal: N) -> list[N]:
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]
