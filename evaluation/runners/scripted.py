"""The fake runner that ships: answers made from hashes, in every kind a real run has, and faults on demand.

No weights and no torch. It is how the stack is tried out, tested and broken on purpose; its numbers
say nothing about any model, and its models live in the org ``scripted``. What a task does is in its name:
``scripted_<behavior>[.<key>-<value>]...``, for example ``scripted_choice.n-500`` or
``scripted_slow.n-40.seconds-3``. The faults are in ``scripted_faults``.
"""

from __future__ import annotations

import hashlib
import math
import platform
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from evaluation.contract import (
    SCRIPTED_ENGINE_VERSION,
    Engine,
    EngineFacts,
    Environment,
    ModelFacts,
    PairReport,
    PairSpec,
    Progress,
    RunReport,
    RunSpec,
    Score,
    Stage,
    TaskResult,
    canonical_json,
)
from evaluation.runners import scripted_faults
from evaluation.runners.base import Context, submitter_failure
from evaluation.runners.journal import SAMPLES, Journal, request_key
from evaluation.samples import Sample

PREFIX = "scripted_"
VERSION = "1"
DEFAULT_SKILL = 0.7
BATCH = 8

Kind = Literal["multiple_choice", "generate_until", "loglikelihood_rolling"]

METRICS = {
    "multiple_choice": "acc",
    "generate_until": "exact_match",
    "loglikelihood_rolling": "bits_per_byte",
}
CAPABILITIES = {"choice": "knowledge", "pair": "language", "generate": "mathematics", "rolling": "language"}


class Behavior(NamedTuple):
    """A scripted task: what it asks, and a fault to strike half-way."""

    kind: Kind
    choices: int = 4
    fault: Callable[[scripted_faults.Situation], None] | None = None


BEHAVIORS: dict[str, Behavior] = {
    "choice": Behavior("multiple_choice"),
    "pair": Behavior("multiple_choice", choices=2),
    "generate": Behavior("generate_until"),
    "rolling": Behavior("loglikelihood_rolling"),
    "slow": Behavior("multiple_choice"),
    "short": Behavior("multiple_choice"),
    **{name: Behavior("multiple_choice", fault=fault) for name, fault in scripted_faults.FAULTS.items()},
}

NAME = re.compile(r"^scripted_(?P<behavior>[a-z_0-9]+)(?P<options>(\.[a-z]+-[0-9a-z_]+)*)$")


@dataclass(frozen=True, slots=True)
class Script:
    """One scripted task, parsed from its name."""

    task: str
    behavior: str
    n: int = 40
    seconds: float = 0.0
    """Time the whole task takes, at least."""
    at: int = 50
    """Percentage of the task's documents answered before a fault strikes."""

    @property
    def kind(self) -> Kind:
        """The kind of request, named as lm-eval names them."""
        return BEHAVIORS[self.behavior].kind


def script_of(task: str) -> Script:
    """Parses a task's name. Raises RunFailed (``unknown_task``) when it is not a scripted task."""
    match = NAME.match(task)
    if match is None or match["behavior"] not in BEHAVIORS:
        raise submitter_failure(
            "unknown_task",
            f"There is no scripted task named '{task}'.",
            "Scripted tasks are: " + ", ".join(PREFIX + name for name in sorted(BEHAVIORS)) + ".",
        )
    options = dict(part.split("-", 1) for part in match["options"].split(".") if part)
    slow_by_default = 2 if match["behavior"] == "slow" else 0
    return Script(
        task=task,
        behavior=match["behavior"],
        n=int(options.get("n", 40)),
        seconds=int(options.get("ms", 0)) / 1000 + int(options.get("seconds", slow_by_default)),
        at=int(options.get("at", 50)),
    )


def skill_of(model: str) -> float:
    """How often a model is right: ``scripted/teacher-p90`` is right on 90 % of the documents."""
    match = re.search(r"-p(\d{1,3})$", model)
    return min(int(match[1]), 100) / 100 if match else DEFAULT_SKILL


def uniform(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def is_right(model: str, task: str, doc: int, seed: int) -> bool:
    """Whether the model knows the document. Four fifths of the luck belongs to the document, not the model.

    So a weaker model mostly fails where a stronger one fails too, as students and teachers do.
    """
    shared = uniform(task, doc, seed) < 0.8
    luck = uniform("document", task, doc, seed) if shared else uniform(model, task, doc, seed)
    return luck < skill_of(model)


def sample_of(script: Script, model: str, doc: int, seed: int) -> Sample:
    """The answer of a model to one document of a scripted task."""
    right = is_right(model, script.task, doc, seed)
    sample = Sample(
        task=script.task,
        doc_id=doc,
        doc_hash=_hash(script.task, doc),
        prompt_hash=_hash("prompt", script.task, doc),
        target_hash=_hash("target", script.task, doc),
        score=float(right),
        cluster=f"passage-{doc // 2}",
        prompt=f"Question {doc} of {script.task}?",
    )
    if script.kind == "generate_until":
        answer = str(doc) if right else str(doc + 1)
        response = f"The answer is {answer}."
        return sample._replace(target=str(doc), response=response, answer=answer, truncated=False, tokens=5)
    if script.kind == "loglikelihood_rolling":
        size = 100 + doc % 50
        shared, own = uniform(script.task, doc), uniform(model, script.task, doc)
        loglikelihood = -size * (1.6 - skill_of(model) + 0.2 * shared + 0.05 * own)
        bits = -loglikelihood / size / math.log(2)
        return sample._replace(score=bits, loglikelihoods=[loglikelihood], byte_count=size)
    return _with_choices(sample, script, model)


def _with_choices(sample: Sample, script: Script, model: str) -> Sample:
    count = BEHAVIORS[script.behavior].choices
    gold = int(uniform("gold", script.task, sample.doc_id) * count)
    other = (gold + 1 + int(uniform(model, sample.doc_id) * (count - 1))) % count
    prediction = gold if sample.score else other
    loglikelihoods = [-8 - 4 * uniform(model, sample.prompt, choice) for choice in range(count)]
    loglikelihoods[prediction] = -7.0
    return sample._replace(
        tie_split=sample.score,
        prediction=prediction,
        gold=gold,
        target=f"choice {gold}",
        choices=[f"choice {number}" for number in range(count)],
        loglikelihoods=loglikelihoods,
    )


class ScriptedRunner:
    """Runs scripted tasks: journals, reports progress, resumes, and fails where its tasks say so."""

    def run(self, spec: RunSpec, context: Context) -> RunReport:
        """Measures a scripted model. Raises RunFailed for unknown tasks and for scripted failures."""
        scripts = [script_of(task) for task in spec.tasks]
        started = time.monotonic()
        context.report_progress(Progress(stage=Stage.LOADING, task_count=len(scripts)))
        with Journal(context.output, spec.identity()) as journal:
            work = _Work(spec, context, journal, scripts)
            results = [work.do(index) for index in range(len(scripts))]
            context.report_progress(Progress(stage=Stage.WRITING, task_count=len(scripts)))
            samples = journal.write_samples(context.output / SAMPLES, spec.tasks)
        return RunReport(
            identity=spec.identity(),
            results=tuple(results),
            samples=samples,
            model=_model_facts(),
            engine=EngineFacts(
                engine=Engine.SCRIPTED, served_by="ScriptedRunner", engine_version=SCRIPTED_ENGINE_VERSION
            ),
            environment=_environment(context),
            seconds=time.monotonic() - started,
            notes=("Scripted answers: these numbers say nothing about any model.", *work.notes),
        )


class _Work:
    """One run in progress."""

    def __init__(self, spec: RunSpec, context: Context, journal: Journal, scripts: list[Script]) -> None:
        self.spec = spec
        self.context = context
        self.journal = journal
        self.scripts = scripts
        self.notes: list[str] = []
        self.done = 0
        self.total = sum(self._count(script) for script in scripts)

    def do(self, index: int) -> TaskResult:
        """Answers one task's documents, or takes its result from the journal."""
        script = self.scripts[index]
        if script.task in self.journal.finished:
            self.done += self._count(script)
            return self.journal.finished[script.task]
        started = time.monotonic()
        answered = list(self._answers(script, index))
        kept = answered[:-1] if script.behavior == "short" else answered
        result = _result(script, answered, self.spec, time.monotonic() - started)
        self.journal.finish(result, kept)
        return result

    def _answers(self, script: Script, index: int) -> Iterator[Sample]:
        count = self._count(script)
        strike_at = min(count - 1, count * script.at // 100)
        for doc in range(count):
            if doc == strike_at:
                self._strike(script)
            key = request_key(script.task, [doc])
            if self.journal.answer(key) is None:
                time.sleep(script.seconds / count)
                self.journal.record_answers([(key, doc)])
            self.done += 1
            if doc % BATCH == BATCH - 1 or doc == count - 1:
                self._tell(script, index)
            yield sample_of(script, self.spec.model.name, doc, self.spec.protocol.seed)

    def _strike(self, script: Script) -> None:
        fault = BEHAVIORS[script.behavior].fault
        if fault is not None:
            note = self.notes.append
            fault(scripted_faults.Situation(self.context.output, self.spec.model.name, note))

    def _tell(self, script: Script, index: int) -> None:
        self.context.report_progress(
            Progress(
                stage=Stage.SCORING,
                task=script.task,
                task_index=index,
                task_count=len(self.scripts),
                done=self.done,
                total=self.total,
                rate=script.n / script.seconds if script.seconds else None,
            )
        )

    def _count(self, script: Script) -> int:
        return min(script.n, self.spec.protocol.limit or script.n)


def _result(script: Script, samples: list[Sample], spec: RunSpec, seconds: float) -> TaskResult:
    values = [sample.score for sample in samples]
    stderr = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    score = Score(value=fmean(values), stderr=stderr)
    rolling = script.kind == "loglikelihood_rolling"
    metric = {"generate_until": "exact_match", "loglikelihood_rolling": "bits_per_byte"}.get(
        script.kind, "acc"
    )
    choices = BEHAVIORS[script.behavior].choices
    return TaskResult(
        task=script.task,
        task_version=VERSION,
        task_hash=hashlib.sha256(canonical_json([s.doc_hash for s in samples])).hexdigest(),
        capability=CAPABILITIES.get(script.behavior, "knowledge"),
        output_type=script.kind,
        num_fewshot=spec.protocol.num_fewshot or 0,
        metric=metric,
        higher_is_better=not rolling,
        is_ratio=not rolling,
        chance=1 / choices if script.kind == "multiple_choice" else (None if rolling else 0.0),
        n=len(samples),
        score=score,
        tie_split=score if script.kind == "multiple_choice" else None,
        metrics={f"{metric},none": score},
        seconds=seconds,
    )


class ScriptedPairRunner:
    """Reports a pair job in which nothing could be measured, as two models without weights deserve."""

    def run(self, spec: PairSpec, context: Context) -> PairReport:
        """Gives an undefined value, with its reason, for each measure that was asked for."""
        context.report_progress(Progress(stage=Stage.SCORING))
        undefined = {measure.value: {"undefined": "not_measured"} for measure in spec.measures}
        return PairReport(
            identity=spec.identity(),
            environment=_environment(context),
            engine=EngineFacts(
                engine=Engine.SCRIPTED, served_by="ScriptedPairRunner", engine_version=SCRIPTED_ENGINE_VERSION
            ),
            notes=("Scripted models have no weights to measure.",),
            **undefined,
        )


def _model_facts() -> ModelFacts:
    return ModelFacts(architecture="Scripted", model_type="scripted", parameters=0)


def _environment(context: Context) -> Environment:
    return Environment(
        device="cpu",
        device_name="none",
        threads=1,
        python_version=platform.python_version(),
        platform=platform.system(),
    )


def _hash(*parts: object) -> str:
    return hashlib.sha256(canonical_json([str(part) for part in parts])).hexdigest()
