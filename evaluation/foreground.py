"""Measures a student, and a teacher beside it, here and now: what ``zoo evaluate`` does.

The same intake, the same isolated runner and the same statistics as the service, without a server. A run that was
measured before (same identity, same folder) is not measured again, and one that was cut short goes on.
"""

from __future__ import annotations

import re
import shlex
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluation import isolation, samples
from evaluation.comparing import Measured, comparison_document, mismatches, scores_document
from evaluation.comparing.document import with_pair, with_price
from evaluation.comparing.inputs import SAMPLE_COLUMNS, other_batch_size
from evaluation.contract import (
    MODEL_ID_PATTERN,
    Engine,
    Failure,
    Fault,
    ModelSource,
    PairReport,
    PairSpec,
    Progress,
    Protocol,
    Requirements,
    RunReport,
    RunSpec,
    SuiteRef,
    WeightsFormat,
)
from evaluation.demo import shipped
from evaluation.formats import unchanged
from evaluation.formats.intake import IntakeSpec
from evaluation.runners import earlier, planning, scripted
from evaluation.runners.base import RunFailed as RunFailed  # Callers catch it without knowing a runner.
from evaluation.runners.base import submitter_failure
from evaluation.suites import loader

SCRIPTED = "scripted/"
MAX_SAMPLES_BYTES = 2 << 30
LOCAL_ORG = "local"

Tell = Callable[[str, Progress], None]
"""Called with what is being done ("student", "teacher", "pair") and how far it is, from another thread."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure. ``student`` and ``teacher`` are ids (``org/name[@revision]``) or directories."""

    student: str
    teacher: str | None
    suite: str | None
    """A name, or ``name@version``."""
    tasks: tuple[str, ...]
    protocol: Protocol
    engine: Engine
    home: Path
    """Where runs are kept, and found again."""
    requirements: Requirements = field(default_factory=Requirements)
    models_dir: Path | None = None
    datasets_dir: Path | None = None
    offline: bool = False
    pair: bool = True
    """Whether to load both models at once too, for speed, fidelity and similarity."""
    noise: bool = False
    """Whether to measure the teacher a second time at another batch size, for the noise floor of flips."""
    price_per_hour: float | None = None
    """Price of an hour of this device, in any currency: gives costs per million tokens."""
    gguf_file: str | None = None
    """The student's GGUF file, where there are several or safetensors beside it."""
    teacher_gguf_file: str | None = None


class Evaluated(NamedTuple):
    """The document of the comparison (or of the scores alone), and the folders of all that it was made of.

    ``whole``: nothing of it failed, so that asking again would bring nothing more.
    """

    document: dict[str, Any]
    folders: tuple[Path, ...]
    whole: bool = True


class Placed(NamedTuple):
    """A model on this machine, and whether it is one that the package ships."""

    source: ModelSource
    trusted: bool

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that the runner must see."""
        return (Path(self.source.directory),) if self.source.directory else ()


def evaluate(request: Request, tell: Tell) -> Evaluated:
    """Measures and compares. Raises RunFailed with whatever kept it from being done.

    What can be known of the request itself (unknown tasks, no such suite) is said before anything is fetched.
    """
    names = _names(request)
    student = _place(source_of(request.student, request.gguf_file), request, tell, "student")
    teacher = (
        _place(source_of(request.teacher, request.teacher_gguf_file), request, tell, "teacher")
        if request.teacher
        else None
    )
    mine, folder = _measure(student, names, request, tell, "student")
    if teacher is None:
        return Evaluated(_as_asked(scores_document(mine, identifier=None), request), (folder,))
    theirs, other = _measure(teacher, names, request, tell, "teacher")
    found = mismatches(mine, theirs)
    if found:
        raise submitter_failure("not_comparable", "The two runs are no pair: " + "; ".join(found) + ".", "")
    again, folders, whole = None, [folder, other], True
    if request.noise:
        again, repeated = _again(teacher, names, request, tell)
        folders.append(repeated)
    document = comparison_document(mine, theirs, identifier=None, again=again)
    if request.pair and not any(model.source.name.startswith(SCRIPTED) for model in (student, teacher)):
        report, both = _pair(student, teacher, request, tell)
        document = with_price(with_pair(document, report), request.price_per_hour)
        folders.append(both)
        whole = report is not None and report.failure is None
    return Evaluated(_as_asked(document, request), tuple(folders), whole)


def _again(teacher: Placed, names: Names, request: Request, tell: Tell) -> tuple[Measured, Path]:
    """The teacher once more, at another batch size."""
    size = other_batch_size(request.protocol.batch_size)
    protocol = request.protocol.model_copy(update={"batch_size": size})
    return _measure(teacher, names, replace(request, protocol=protocol), tell, "again")


def _as_asked(document: dict[str, Any], request: Request) -> dict[str, Any]:
    """The document with the models of the repeating command as the person named them: directories have no id."""
    words = shlex.split(document["reproduce_zoo"])
    words[2] = request.student
    if request.teacher is not None:
        words[words.index("--teacher") + 1] = request.teacher
    return document | {"reproduce_zoo": shlex.join(words)}


class Names(NamedTuple):
    """What is put to both models."""

    suite: SuiteRef | None
    tasks: tuple[str, ...]


def _names(request: Request) -> Names:
    """The suite and tasks of a request. Raises RunFailed for names that nothing here knows."""
    if request.suite is not None:
        name, _, version = request.suite.partition("@")
        try:
            suite = loader.load(name, version or None)
        except loader.UnknownSuite as error:
            known = ", ".join(loader.names())
            raise submitter_failure("unknown_suite", f"{error}.", f"Known suites: {known}.") from error
        return Names(SuiteRef(name=suite.name, version=suite.version), suite.task_names)
    if request.student.startswith(SCRIPTED):
        for name in request.tasks:
            scripted.script_of(name)
    else:
        own = {task.name for name in loader.names() for task in loader.load(name).tasks}
        planning.check_names(name for name in request.tasks if name not in own)
    return Names(None, request.tasks)


def source_of(reference: str, gguf_file: str | None = None) -> ModelSource:
    """A model by directory or by id. Raises RunFailed (``bad_reference``) when it is neither.

    A directory wins over an id of the same spelling. ``gguf_file``: the file of it to take, where there are several.
    """
    path = Path(reference).expanduser()
    if path.is_dir():
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-.") or "model"
        tensors = gguf_file is None and any(path.glob("*.safetensors"))
        return ModelSource(
            name=f"{LOCAL_ORG}/{name[:96]}",
            revision="local",
            directory=str(path.resolve()),
            weights_format=WeightsFormat.SAFETENSORS if tensors else WeightsFormat.GGUF,
            gguf_file=gguf_file,
        )
    name, _, revision = reference.partition("@")
    if not re.match(MODEL_ID_PATTERN, name):
        raise submitter_failure(
            "bad_reference",
            f"'{reference}' is neither a directory nor a model's id.",
            "Give a directory, or org/name, or org/name@revision.",
        )
    chosen = WeightsFormat.SAFETENSORS if gguf_file is None else WeightsFormat.GGUF
    return ModelSource(name=name, revision=revision or "main", weights_format=chosen, gguf_file=gguf_file)


def _place(source: ModelSource, request: Request, tell: Tell, role: str) -> Placed:
    """Finds or fetches a model. Raises RunFailed with what intake says against it."""
    if source.name.startswith(SCRIPTED):
        return Placed(source, True)
    trusted = False
    if source.directory is None and source.name in shipped.SHIPPED:
        directory = shipped.model_directory(source.name)
        trusted = shipped.is_shipped(source.name, directory)
        source = source.model_copy(update={"directory": str(directory)})
    spec = IntakeSpec(
        source=source,
        cache_dir=str(request.home / "models"),
        models_dir=str(request.models_dir) if request.models_dir else None,
        in_place=_readable_by_all(source, request),
        offline=request.offline,
        probe=not trusted,
    )
    file = f"-{source.gguf_file}" if source.gguf_file else ""
    folder = request.home / "intake" / re.sub(r"[^A-Za-z0-9]+", "-", f"{source.name}{file}")
    looked_at = _looked_at(spec, folder)
    if looked_at is not None and (known := looked_at.recall()) is not None:
        return Placed(ModelSource.model_validate(known), trusted)
    report = isolation.start_fetch(
        spec, out_dir=folder, on_progress=lambda progress: tell(role, progress)
    ).wait()
    if report.failure is not None:
        raise RunFailed(report.failure)
    if looked_at is not None and report.source.directory is not None:
        looked_at.keep(report.source.model_dump(mode="json"), [Path(report.source.directory)])
    return Placed(report.source, trusted)


def _looked_at(spec: IntakeSpec, folder: Path) -> unchanged.Finding | None:
    """What intake has found in a local folder, which holds while no file of it has changed; None for a hub's model."""
    source = spec.source
    local = Path(source.directory) if source.directory else Path(spec.models_dir or "/nowhere") / source.name
    if not local.is_dir():
        return None
    return unchanged.finding(folder / "looked-at.json", spec.model_dump_json(), [local], now=time.time())


def _readable_by_all(source: ModelSource, request: Request) -> bool:
    """Whether a run under another user can read the model where it lies; else intake keeps a copy that it can."""
    folder = Path(source.directory) if source.directory else (request.models_dir or Path()) / source.name
    return all(path.stat().st_mode & stat.S_IROTH for path in folder.glob("*") if path.is_file())


def _measure(model: Placed, names: Names, request: Request, tell: Tell, role: str) -> tuple[Measured, Path]:
    """One model's run, measured now or found from before."""
    spec = RunSpec(
        model=model.source,
        suite=names.suite,
        tasks=names.tasks,
        protocol=request.protocol,
        engine=Engine.SCRIPTED if model.source.name.startswith(SCRIPTED) else request.engine,
        requirements=request.requirements,
    )
    folder = request.home / "runs" / spec.identity()[:32]
    known = _known(folder, spec)
    if known is not None:
        return known, folder
    earlier.lend(spec, request.home / "answers", folder)
    outcome = _finished(
        isolation.start(
            spec,
            out_dir=folder,
            model_dirs=model.folders,
            datasets_dir=request.datasets_dir,
            limits=isolation.Limits(time_seconds=spec.requirements.time_limit_seconds),
            on_progress=lambda progress: tell(role, progress),
            gpu=_wants_gpu(request),
            trusted=model.trusted,
            expected=_expected(names, request),
        )
    )
    report = outcome.report
    if report.failure is not None or not isinstance(report, RunReport):
        raise RunFailed(_explained(report.failure, role))
    if report.peak_memory_bytes is None:
        report = report.model_copy(update={"peak_memory_bytes": outcome.peak_memory_bytes})
    earlier.collect(spec, request.home / "answers", folder)
    return _measured(folder, spec, report), folder


def _finished(child: isolation.Child) -> isolation.Outcome:
    """Waits for a run; a person who interrupts it gets what is finished journaled, to go on later."""
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.stop()
        child.wait(timeout=2 * child.limits.grace_seconds)
        raise


def _known(folder: Path, spec: RunSpec) -> Measured | None:
    """The result of an earlier run of this spec, if it is whole."""
    if not (folder / "report.json").exists():
        return None
    try:
        place = folder.parent.parent / "counted" / f"{folder.name}.json"
        counted = unchanged.finding(place, spec.identity(), [folder], now=time.time())
        known = counted.recall() is True
        report = isolation.read_report(folder, spec, count=not known)
        if report.failure is not None or not isinstance(report, RunReport):
            return None
        if not known:
            counted.keep(True)
        return _measured(folder, spec, report)
    except (isolation.BadResult, ValueError):
        return None


def _measured(folder: Path, spec: RunSpec, report: RunReport) -> Measured:
    if report.samples is None:
        raise isolation.BadResult("it has results but no samples")
    with isolation.open_samples(folder, report.samples, limit=MAX_SAMPLES_BYTES) as file:
        return Measured(spec, report, samples.read_table(file, columns=SAMPLE_COLUMNS))


def _expected(names: Names, request: Request) -> dict[str, int]:
    """How many samples each task must have, where the suite says so."""
    if names.suite is None:
        return {}
    limit = request.protocol.limit
    suite = loader.load(names.suite.name, names.suite.version)
    if suite.protocol != "harness":
        return {}
    stated = {
        task.name: task.items for task in suite.tasks if task.items is not None and task.sampling is None
    }
    return {name: min(items, limit or items) for name, items in stated.items()}


def _pair(student: Placed, teacher: Placed, request: Request, tell: Tell) -> tuple[PairReport | None, Path]:
    """What needs both models loaded. Its failure is a part of the answer, not the end of it."""
    spec = PairSpec(
        student=student.source,
        teacher=teacher.source,
        dtype=request.protocol.dtype,
        seed=request.protocol.seed,
        requirements=request.requirements,
    )
    folder = request.home / "pairs" / spec.identity()[:32]
    known = _known_pair(folder, spec)
    if known is not None:
        return known, folder
    outcome = _finished(
        isolation.start(
            spec,
            out_dir=folder,
            model_dirs=(*student.folders, *teacher.folders),
            limits=isolation.Limits(time_seconds=spec.requirements.time_limit_seconds),
            on_progress=lambda progress: tell("pair", progress),
            gpu=_wants_gpu(request),
            trusted=student.trusted and teacher.trusted,
        )
    )
    return (outcome.report if isinstance(outcome.report, PairReport) else None), folder


def _known_pair(folder: Path, spec: PairSpec) -> PairReport | None:
    """The measurements of an earlier pair job of this spec, if they are whole."""
    if not (folder / "report.json").exists():
        return None
    try:
        report = isolation.read_report(folder, spec)
    except isolation.BadResult:
        return None
    return report if isinstance(report, PairReport) and report.failure is None else None


def _wants_gpu(request: Request) -> bool:
    return request.requirements.device in ("any", "cuda")


def _explained(failure: Failure | None, role: str) -> Failure:
    """The failure, saying which of the two models it is about."""
    if failure is None:
        return Failure(code="runner_error", fault=Fault.PLATFORM, message=f"The {role}'s run left no result.")
    return failure.model_copy(update={"message": f"{role}: {failure.message}"[:4000]})
