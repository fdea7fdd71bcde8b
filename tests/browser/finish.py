"""Works off a submission beside a running zoo: its runs, and the comparison of the two.

``python -m tests.browser.finish RUN`` with the environment of that zoo; any run of the submission will do.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import django


def main(run_id: str) -> None:
    """Finishes the runs of all submissions that wait for the run, then compares."""
    django.setup()
    from tests.factories.runs import finish
    from zoo.comparisons.services import settle_ready
    from zoo.runs.models import Run
    from zoo.submissions.selectors import submissions_of_run

    run = Run.objects.get(pk=run_id)
    now = datetime.now(UTC)
    for submission in submissions_of_run(run):
        for part in (submission.student_run, submission.teacher_run):
            if part is not None and not part.is_final:
                with tempfile.TemporaryDirectory() as folder:
                    finish(part, Path(folder), now=now)
    settle_ready(now=datetime.now(UTC))


if __name__ == "__main__":
    main(sys.argv[1])
