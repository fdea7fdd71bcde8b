"""Notices that this machine cannot start runners, and takes it out of service for a while.

Kept in a file, so that the main process and the pool's processes agree, and a restart does not forget.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from evaluation.supervision.settings import WorkerSettings

STUMBLES = 3
"""Runners in a row that could not be started before the worker rests."""
REST_SECONDS = 120.0


def stumbled(settings: WorkerSettings, *, now: float) -> None:
    """A runner could not be started."""
    times = [*_stumbles(settings), now][-STUMBLES:]
    path = _file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, times)))


def recovered(settings: WorkerSettings) -> None:
    """A runner was started: whatever was wrong is over."""
    _file(settings).unlink(missing_ok=True)


def trouble(settings: WorkerSettings, *, now: float) -> str:
    """Why this worker should take no work just now; empty when it should."""
    times = _stumbles(settings)
    if len(times) >= STUMBLES and now < times[-1] + REST_SECONDS:
        return f"the last {STUMBLES} runners could not be started; the worker's log says why"
    return ""


def _stumbles(settings: WorkerSettings) -> list[float]:
    with contextlib.suppress(OSError, ValueError):
        return [float(line) for line in _file(settings).read_text().split()]
    return []


def _file(settings: WorkerSettings) -> Path:
    return settings.home / "worker" / settings.name / "stumbles"
