"""Gets a run's models onto this machine before the runner starts: shipped ones as they lie, others through intake.

Intake is a process of its own, the only one with network and the hub's token. This module starts it, passes its
progress on, and stops it when the run must stop.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from evaluation import isolation
from evaluation.contract import ModelSource, PairSpec, Progress, RunSpec, Stage
from evaluation.demo import shipped
from evaluation.exchange import FetchedModel
from evaluation.formats.intake import IntakeReport, IntakeSpec
from evaluation.isolation import Fetch
from evaluation.runners.base import RunFailed
from evaluation.supervision import uploaded
from evaluation.supervision.settings import WorkerSettings

SCRIPTED = "scripted/"
TICK_SECONDS = 0.1


class Fetched(NamedTuple):
    """A spec whose models are here: their folders (in the spec too), whether we ship all of them, what they are."""

    spec: RunSpec | PairSpec
    folders: tuple[Path, ...]
    trusted: bool
    models: tuple[FetchedModel, ...]


class Located(NamedTuple):
    """One model's folder (None for a scripted one), whether we ship it, and what was found there."""

    folder: Path | None
    trusted: bool
    model: FetchedModel | None


def fetch(
    spec: RunSpec | PairSpec,
    settings: WorkerSettings,
    tell: Callable[[Progress], None],
    must_stop: Callable[[], bool],
    bring: Callable[[ModelSource], Path | None],
) -> Fetched:
    """Gets every model of the spec; ``bring`` gets an uploaded one from the zoo.

    Raises RunFailed with what is wrong with one of them, or ``cancelled``.
    """
    tell(Progress(stage=Stage.FETCHING))
    sources = [spec.student, spec.teacher] if isinstance(spec, PairSpec) else [spec.model]
    found = [_locate(source, settings, tell, must_stop, bring) for source in sources]
    placed = [_placed(source, one) for source, one in zip(sources, found, strict=True)]
    names = ("student", "teacher") if isinstance(spec, PairSpec) else ("model",)
    return Fetched(
        # Only the folder is filled in: the identity stays that of the run.
        spec.model_copy(update=dict(zip(names, placed, strict=True))),
        tuple(one.folder for one in found if one.folder is not None),
        all(one.trusted for one in found),
        tuple(one.model for one in found if one.model is not None),
    )


def _locate(
    source: ModelSource,
    settings: WorkerSettings,
    tell: Callable[[Progress], None],
    must_stop: Callable[[], bool],
    bring: Callable[[ModelSource], Path | None],
) -> Located:
    if source.name.startswith(SCRIPTED):
        return Located(None, True, None)
    if source.name in shipped.SHIPPED:
        folder = shipped.model_directory(source.name)
        if folder.is_dir() and shipped.is_shipped(source.name, folder):
            model = FetchedModel(name=source.name, revision=source.revision, digest=source.digest)
            return Located(folder, True, model)
    if source.name.startswith(uploaded.PREFIX):
        brought = bring(source)
        placed = source.model_copy(update={"directory": str(brought) if brought else None})
        located = _taken_in(placed, settings, tell, must_stop)
        if brought is not None:
            uploaded.forget(brought)
        return located
    return _taken_in(source, settings, tell, must_stop)


def _taken_in(
    source: ModelSource,
    settings: WorkerSettings,
    tell: Callable[[Progress], None],
    must_stop: Callable[[], bool],
) -> Located:
    spec = IntakeSpec(
        source=source,
        cache_dir=str(settings.home / "models"),
        models_dir=str(settings.models_dir) if settings.models_dir else None,
        offline=settings.offline,
    )
    name = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:32]
    started = isolation.start_fetch(
        spec, out_dir=settings.home / "worker" / "intake" / name, on_progress=tell
    )
    report = _watch(started, must_stop)
    if report.failure is not None:
        raise RunFailed(report.failure)
    taken = report.source
    if taken.directory is None:
        raise RunFailed(isolation.CANCELLED)
    model = FetchedModel(name=taken.name, revision=taken.revision, digest=taken.digest, notes=report.notes)
    return Located(Path(taken.directory), False, model)


def _watch(started: Fetch, must_stop: Callable[[], bool]) -> IntakeReport:
    while (report := started.poll()) is None:
        if must_stop():
            started.kill()
            return started.wait(timeout=30)
        time.sleep(TICK_SECONDS)
    return report


def _placed(source: ModelSource, located: Located) -> ModelSource:
    return source.model_copy(update={"directory": str(located.folder) if located.folder else None})
