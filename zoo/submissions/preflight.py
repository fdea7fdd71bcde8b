"""Everything that can be said of a request at once: what is wrong, what to watch, what it will take.

Nothing is queued and nothing is written. The plan that comes out is what ``services.submit`` then queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from django.conf import settings

from evaluation.comparing.inputs import other_batch_size
from evaluation.contract import Dtype, Engine, Protocol, Requirements, RunSpec
from evaluation.formats.families import ENGINES, Family
from zoo.accounts.models import User
from zoo.catalog.models import Model
from zoo.lineage.selectors import teachers_of
from zoo.runs import selectors as runs
from zoo.runs.lifecycle import LIVE
from zoo.runs.models import Run, Worker
from zoo.submissions import uploaded
from zoo.submissions.measuring import Work, work_of_suite, work_of_tasks
from zoo.submissions.requests import SubmissionRequest
from zoo.submissions.resolving import SCRIPTED, Found, Unresolved, resolve

Level = Literal["pass", "warn", "fail"]
BYTES_OF = {Dtype.FLOAT32: 4, Dtype.BFLOAT16: 2, Dtype.FLOAT16: 2}
BASE_MEMORY_BYTES = 600 << 20
"""Interpreter, libraries and what else a runner holds before the first weight. Runs of models of 2 to 6 million
parameters (9 to 24 MB of weights) had peaks of 646 to 696 MiB."""
DEFAULT_VOCABULARY = 128_000
FILE_FIELDS = {"student": "gguf_file", "teacher": "teacher_gguf_file"}
FILE_CODES = frozenset({"gguf_ambiguous", "gguf_missing"})
"""What is wrong with the choice of a file, not with the model."""
OPERATIONS_PER_SECOND = {"cpu": 2e10, "cuda": 2e13, "mps": 2e12}
"""What a device is taken to do in float32; a prediction, said to be one."""
BYTES_PER_SECOND = 2e10
"""What a CPU is taken to read from memory: about half of what two channels of DDR4-2666 have at their peak, which is
2 x 8 bytes x 2,666 million a second. Assumed from that figure, not measured on the worker."""


class Finding(NamedTuple):
    """One thing that was looked at. ``field`` is the input that it is about."""

    code: str
    level: Level
    message: str
    remedy: str = ""
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One model of the pair: what will be run, what it needs, and the run that measures it already, if one does."""

    role: Literal["student", "teacher"]
    found: Found
    spec: RunSpec
    seconds: int
    known_run: Run | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """The answer. ``student`` is None when something fails; ``teacher`` also when the student goes alone."""

    findings: tuple[Finding, ...]
    student: Side | None = None
    teacher: Side | None = None
    queue_length: int = 0
    eta_seconds: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it could be queued."""
        return self.student is not None

    @property
    def failures(self) -> list[Finding]:
        """What speaks against it."""
        return [finding for finding in self.findings if finding.level == "fail"]


def preflight(request: SubmissionRequest, *, now: datetime, user: User | None = None) -> Preflight:
    """Looks at a request from all sides. Never raises for what is wrong with it.

    Models that somebody uploaded are found for that ``user`` alone.
    """
    findings: list[Finding] = []
    student = _resolved(request.student, "student", request.gguf_file, user, findings)
    teacher = _teacher(request, student, user, findings)
    work = _work(request, findings)
    findings += engine_problems(request, student, teacher, finetune=work is not None and work.finetune)
    if student is not None and teacher is not None and _same(student, teacher):
        findings.append(
            Finding(
                "same_model", "fail", "Student and teacher are the same model.", "Name another.", "teacher"
            )
        )
    if student is None or work is None or any(finding.level == "fail" for finding in findings):
        return Preflight(tuple(findings))
    engine = _engine(request, student, teacher)
    first = _side("student", student, request, work, engine)
    second = _side("teacher", teacher, request, work, engine) if teacher else None
    for side in filter(None, (first, second)):
        findings += _remarks(side, now)
    if request.limit is not None:
        message = "With a limit only the first documents are used; such a result is never ranked."
        findings.append(Finding("limited", "warn", message, "Leave the limit out.", "limit"))
    if request.noise_floor and second is not None:
        size = other_batch_size(request.batch_size)
        message = f"The teacher is run a second time, at batch size {size}, to show how many flips are noise."
        findings.append(Finding("noise_floor", "pass", message, field="noise_floor"))
    waiting = runs.counts().queued
    eta = sum(side.seconds for side in (first, second) if side is not None and side.known_run is None)
    return Preflight(tuple(findings), first, second, waiting, eta or None)


def _same(student: Found, teacher: Found) -> bool:
    """Whether both are one model: by name and revision, or by what is in the files."""
    if student.source.digest is not None:
        return student.source.digest == teacher.source.digest
    mine, theirs = (
        (found.source.name, found.source.revision, found.source.gguf_file) for found in (student, teacher)
    )
    return mine == theirs


def _resolved(
    reference: str,
    role: Literal["student", "teacher"],
    gguf_file: str | None,
    user: User | None,
    findings: list[Finding],
) -> Found | None:
    try:
        if reference.startswith(uploaded.PREFIX):
            found = uploaded.resolve(reference, user)
            if gguf_file not in (None, found.source.gguf_file):
                message = f"The upload {reference[:100]} has no GGUF file of that name among its weights."
                raise Unresolved("gguf_missing", message, "Leave gguf_file out.")
        else:
            found = resolve(reference, gguf_file)
    except Unresolved as error:
        about_file = error.code in FILE_CODES
        field = FILE_FIELDS[role] if about_file else role
        remedy = error.remedy.replace(FILE_FIELDS["student"], field) if about_file else error.remedy
        findings.append(Finding(error.code, "fail", error.message, remedy, field))
        return None
    file = f", file {found.source.gguf_file}" if found.source.gguf_file else ""
    message = f"{found.source.name} at revision {found.source.revision[:12]}{file}"
    findings.append(Finding("model_found", "pass", message, field=role))
    return found


def _teacher(
    request: SubmissionRequest, student: Found | None, user: User | None, findings: list[Finding]
) -> Found | None:
    if request.teacher is not None:
        return _resolved(request.teacher, "teacher", request.teacher_gguf_file, user, findings)
    known = _teachers(student.entry) if student is not None and student.entry is not None else []
    if len(known) == 1:
        return _resolved(known[0].slug, "teacher", request.teacher_gguf_file, user, findings)
    if len(known) > 1:
        names = ", ".join(model.slug for model in known)
        findings.append(
            Finding(
                "several_teachers",
                "fail",
                f"The catalog knows several teachers: {names}.",
                "Name one.",
                "teacher",
            )
        )
    elif student is not None:
        message = "No teacher is named or known: the student is measured alone, without a retention."
        level: Level = "fail" if request.teacher_gguf_file else "warn"
        findings.append(Finding("no_teacher", level, message, "Name the teacher.", "teacher"))
    return None


def _teachers(entry: Model) -> list[Model]:
    return teachers_of(entry)


def _work(request: SubmissionRequest, findings: list[Finding]) -> Work | None:
    field = "suite" if request.suite else "tasks"
    try:
        if request.suite:
            return work_of_suite(request.suite)
        return work_of_tasks(request.tasks, scripted=settings.ZOO_SCRIPTED)
    except Unresolved as error:
        findings.append(Finding(error.code, "fail", error.message, error.remedy, field))
        return None


def engine_problems(
    request: SubmissionRequest, student: Found | None, teacher: Found | None, *, finetune: bool
) -> Iterator[Finding]:
    """Models that the engine would score as what they are not. The runner asks again before it loads one."""
    if student is None:
        return
    engine = _engine(request, student, teacher)
    for found in filter(None, (student, teacher)):
        fits = _fits(found, engine, finetune=finetune)
        if fits:
            continue
        kind = f" is a {found.family} language model and" if found.family else ""
        if finetune:
            message = (
                f"{found.source.name}{kind} cannot be measured by a suite that trains heads on encoders."
            )
            yield Finding("engine_does_not_fit", "fail", message, "Choose another suite.", "suite")
        elif request.engine is not None:
            message = f"{found.source.name}{kind} cannot be measured with the engine {engine}."
            yield Finding("engine_does_not_fit", "fail", message, "Leave the engine out.", "engine")
        else:
            message = f"{found.source.name}{kind} cannot be measured by the engine of the other, {engine}."
            yield Finding(
                "engine_does_not_fit", "fail", message, "Name a teacher of the same kind.", "teacher"
            )
        return


def _fits(found: Found, engine: Engine, *, finetune: bool) -> bool:
    """The scripted engine makes answers up: it is for scripted models, and they are for nothing else."""
    if found.source.name.startswith(SCRIPTED) or engine is Engine.SCRIPTED:
        return found.source.name.startswith(SCRIPTED) and engine is Engine.SCRIPTED
    if found.family is None:
        return True
    if finetune:
        return found.family is Family.MASKED
    return engine is Engine.AUTO or engine in ENGINES[found.family]


def _engine(request: SubmissionRequest, student: Found, teacher: Found | None) -> Engine:
    """As asked; else by what the models are, the same for both."""
    if request.engine is not None:
        return request.engine
    if student.source.name.startswith(SCRIPTED):
        return Engine.SCRIPTED
    known = {found.family for found in (student, teacher) if found is not None and found.family}
    if known == {Family.MASKED}:
        return Engine.MASKED
    return Engine.CAUSAL if known == {Family.CAUSAL} and not _has_gpu() else Engine.HARNESS


def _has_gpu() -> bool:
    """Whether some worker that is known has more than a CPU: there the harness's own loop is the quicker one."""
    return Worker.objects.exclude(device="cpu").exists()


def _side(
    role: Literal["student", "teacher"], found: Found, request: SubmissionRequest, work: Work, engine: Engine
) -> Side:
    protocol = Protocol(
        num_fewshot=request.num_fewshot,
        limit=request.limit,
        batch_size=request.batch_size,
        dtype=request.dtype,
        seed=request.seed,
        apply_chat_template=request.apply_chat_template or work.chat_template,
    )
    spec = RunSpec(
        model=found.source,
        suite=work.suite,
        tasks=work.tasks,
        protocol=protocol,
        engine=engine,
        requirements=_requirements(found, request, work),
    )
    standing = Run.objects.filter(identity=spec.identity(), state__in=sorted(LIVE), superseded_at=None)
    known = standing.select_related("result").first()
    seconds = seconds_on_cpu(found.parameters or 0, work, dtype=request.dtype, batch_size=request.batch_size)
    return Side(role, found, spec, seconds, known)


def _requirements(found: Found, request: SubmissionRequest, work: Work) -> Requirements:
    """Predicted memory: weights, the logits of a batch, and the base. Nothing where nothing is known."""
    if found.source.name.startswith(SCRIPTED):
        return Requirements()
    parameters = found.parameters or 0
    weights = parameters * BYTES_OF[request.dtype]
    logits = request.batch_size * work.longest_tokens * (found.vocabulary or DEFAULT_VOCABULARY) * 4
    memory = weights * 5 // 4 + min(logits, 16 << 30) + BASE_MEMORY_BYTES if parameters else 0
    return Requirements(memory_bytes=memory, disk_bytes=2 * (found.total_bytes or 0))


def seconds_on_cpu(parameters: int, work: Work, *, dtype: Dtype, batch_size: int) -> int:
    """Predicted seconds on a CPU: what is read goes by operations, what is written token by token by the slower wall.

    A step of decoding reads every weight once for the whole batch and computes once for each row, so a written token
    takes the larger of both (the roofline of Williams, Waterman and Patterson, 2009). Attention is not counted.
    """
    for_a_token = 2 * parameters / OPERATIONS_PER_SECOND["cpu"]
    to_read_weights = parameters * BYTES_OF[dtype] / BYTES_PER_SECOND / batch_size
    written = work.generated_tokens * max(for_a_token, to_read_weights)
    return round(10 + work.tokens * for_a_token + written)


def _remarks(side: Side, now: datetime) -> Iterator[Finding]:
    """What is worth knowing of one side that could be queued."""
    if side.known_run is not None:
        message = f"The {side.role} is measured already by run {side.known_run.pk} ({side.known_run.state})."
        yield Finding("measured_already", "pass", message, field=side.role)
    if side.found.skipped:
        message = f"Files of the {side.role} that are not needed and not fetched: {len(side.found.skipped)}."
        yield Finding("files_skipped", "pass", message, field=side.role)
    if side.found.gated:
        message = f"{side.spec.model.name} is gated: the worker's account must have accepted its conditions."
        yield Finding("gated", "warn", message, "Ask an operator whether it has.", side.role)
    needs = side.spec.requirements
    workers = list(runs.live_workers(now=now))
    if not workers:
        yield Finding("no_worker", "warn", "No worker is running just now; the run waits for one.")
        return
    able = [worker for worker in workers if side.spec.engine.value in worker.engines]
    if not able:
        yield Finding(
            "no_worker_for_engine",
            "warn",
            f"No running worker has the engine {side.spec.engine}.",
            field="engine",
        )
    elif all(worker.memory_bytes < needs.memory_bytes for worker in able):
        message = (
            f"The {side.role} should need {needs.memory_bytes / 2**30:.1f} GiB of memory; no worker has that."
        )
        yield Finding("no_worker_fits", "warn", message, "Use bfloat16 or a smaller batch.", "dtype")
    else:
        message = (
            f"The {side.role} is predicted to need {needs.memory_bytes / 2**30:.1f} GiB of memory "
            f"and about {side.seconds} seconds on a CPU."
        )
        yield Finding("fits", "pass", message, field=side.role)
