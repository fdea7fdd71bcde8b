"""What must hold whatever happened, read from the database itself. Prints what does not, as JSON.

``python -m tests.faults.chaos.invariants`` with the environment of the installation.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any


def broken() -> list[str]:
    """Every invariant that does not hold, in words."""
    from zoo.comparisons.models import Comparison
    from zoo.runs.lifecycle import FINAL, State
    from zoo.runs.models import Pairing, Result, Run
    from zoo.runs.selectors import chain_breaks

    found: list[str] = []
    for run in Run.objects.prefetch_related("events").iterator(chunk_size=500):
        found += _story_problems(run)
        results = list(Result.objects.filter(run=run))
        if run.state == State.SUCCEEDED:
            if len(results) != 1:
                found.append(f"run {run.pk} succeeded with {len(results)} results")
            elif results[0].token != run.token:
                found.append(f"run {run.pk}: its result has token {results[0].token}, the run {run.token}")
        elif results:
            found.append(f"run {run.pk} is {run.state} and has a result")
        if run.state not in FINAL and run.lease_until is None and run.state != State.QUEUED:
            found.append(f"run {run.pk} is {run.state} without a lease")
    if chain_breaks():
        found.append(f"the chain of results breaks at {chain_breaks()}")
    for pairing in Pairing.objects.filter(student_run__state="succeeded", teacher_run__state="succeeded"):
        count = Comparison.objects.filter(pairing=pairing).count()
        if count != 1:
            found.append(f"pairing {pairing.pk} has {count} comparisons")
    return found + _database_problems()


def _story_problems(run: Any) -> list[str]:
    """Each change of state has its event, and the events alone lead to the state."""
    state = ""
    for event in sorted(run.events.all(), key=lambda event: event.pk):
        if not event.to_state:
            continue
        if event.from_state != state:
            return [
                f"run {run.pk}: an event starts from '{event.from_state}', the one before ended in '{state}'"
            ]
        state = event.to_state
    return [] if state == run.state else [f"run {run.pk} is {run.state}, its events say {state}"]


def _database_problems() -> list[str]:
    from django.db import connection

    if connection.vendor != "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        (verdict,) = cursor.fetchone()
    return [] if verdict == "ok" else [f"integrity_check: {verdict}"]


def figures() -> dict[str, Any]:
    """How many of what there are."""
    from zoo.comparisons.models import Comparison
    from zoo.runs.models import Result, Run, RunEvent
    from zoo.submissions.models import Submission

    attempts = Counter(Run.objects.values_list("attempts", flat=True))
    kinds = Counter(RunEvent.objects.exclude(kind="progress").values_list("kind", flat=True))
    return {
        "submissions": Submission.objects.count(),
        "runs": Run.objects.count(),
        "states": dict(Counter(Run.objects.values_list("state", flat=True))),
        "reasons": dict(
            Counter((reason or {}).get("code") for reason in Run.objects.values_list("reason", flat=True))
        ),
        "results": Result.objects.count(),
        "comparisons": Comparison.objects.count(),
        "attempts": {str(number): count for number, count in sorted(attempts.items())},
        "events": dict(kinds),
        "stale_refused": kinds.get("refused", 0),
    }


def main() -> int:
    import django

    django.setup()
    print(json.dumps({"broken": broken(), "figures": figures()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
