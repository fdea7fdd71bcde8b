"""Gets a run's models onto this machine before the runner starts: shipped ones, the mirror, then intake.

Intake is a process of its own, the only one with network and the hub's token. This module starts it, passes its
progress on, and stops it when the run must stop.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from evaluation.contract import ModelSource, PairSpec, Progress, RunSpec, Stage
from evaluation.demo import shipped
from evaluation.runners.base import submitter_failure
from evaluation.supervision.settings import WorkerSettings

SCRIPTED = "scripted/"


class Fetched(NamedTuple):
    """A spec whose models are here: their folders (in the spec too), and whether we ship all of them."""

    spec: RunSpec | PairSpec
    folders: tuple[Path, ...]
    trusted: bool


class Located(NamedTuple):
    """One model's folder (None for a scripted one), and whether we ship it."""

    folder: Path | None
    trusted: bool


def fetch(
    spec: RunSpec | PairSpec,
    settings: WorkerSettings,
    tell: Callable[[Progress], None],
    must_stop: Callable[[], bool],
) -> Fetched:
    """Gets every model of the spec. Raises RunFailed with what is wrong with one of them."""
    tell(Progress(stage=Stage.FETCHING))
    if isinstance(spec, PairSpec):
        student, teacher = locate(spec.student, settings), locate(spec.teacher, settings)
        placed: RunSpec | PairSpec = spec.model_copy(
            update={"student": _placed(spec.student, student), "teacher": _placed(spec.teacher, teacher)}
        )
        found = [student, teacher]
    else:
        model = locate(spec.model, settings)
        placed = spec.model_copy(update={"model": _placed(spec.model, model)})
        found = [model]
    folders = tuple(one.folder for one in found if one.folder is not None)
    return Fetched(placed, folders, all(one.trusted for one in found))


def locate(source: ModelSource, settings: WorkerSettings) -> Located:
    """Where a model lies on this machine. Raises RunFailed when it does not."""
    if source.name.startswith(SCRIPTED):
        return Located(None, True)
    if source.name in shipped.SHIPPED and shipped.is_shipped(
        source.name, shipped.model_directory(source.name)
    ):
        return Located(shipped.model_directory(source.name), True)
    if settings.models_dir is not None and (settings.models_dir / source.name).is_dir():
        return Located(settings.models_dir / source.name, False)
    raise submitter_failure(
        "unknown_model",
        f"{source.name} is not on this worker, and it cannot be fetched.",
        "Put it into the folder that ZOO_MODELS_DIR names, laid out org/name.",
    )


def _placed(source: ModelSource, located: Located) -> ModelSource:
    return source.model_copy(update={"directory": str(located.folder) if located.folder else None})
