"""A worker for one run beside a running zoo: claims, reports progress, delivers at the end of its input.

Each line of the input is a number of requests done; it is reported and answered by the time, in seconds since 1970.

``python -m tests.browser.work RUN`` with the environment of that zoo.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import django

DONE, TOTAL = 24, 40


def main(run_id: str) -> None:
    """Works on the run until whoever started this says so."""
    django.setup()
    from evaluation.contract import Progress, RunSpec, Stage
    from tests.factories.runs import make_worker, measure, upload
    from zoo.runs import queue, recording
    from zoo.runs.models import Run

    def now() -> datetime:
        return datetime.now(UTC)

    run = Run.objects.get(pk=run_id)
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now()), now=now(), lease=timedelta(minutes=1))
    assert lease is not None
    spec = run.parsed_spec
    assert isinstance(spec, RunSpec)
    for done in chain([str(DONE)], iter(sys.stdin.readline, "")):
        progress = Progress(stage=Stage.SCORING, done=int(done), total=TOTAL, task=spec.tasks[0], rate=8.0)
        log = "\n".join(f"answered request {number}" for number in range(int(done) + 1))
        queue.heartbeat(lease=lease, progress=progress, log=log, now=now(), length=timedelta(minutes=1))
        sys.stdout.write(f"{time.time()}\n")
        sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(spec, Path(folder))
        upload(lease, report, Path(folder), now=now())
        recording.deliver(lease=lease, report=report, now=now())


if __name__ == "__main__":
    main(sys.argv[1])
