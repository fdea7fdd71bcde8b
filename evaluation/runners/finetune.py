"""Trains a new head on an encoder, with a stated grid and seeds, and measures it: how GLUE claims are made.

Not a task of the harness: it trains. What comes out is the same record as of any run, a prediction per example and
seed, so the same statistics compare a student with its teacher. Each training is journaled.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from evaluation.contract import (
    FINETUNE_ENGINE_VERSION,
    Engine,
    EngineFacts,
    ModelFacts,
    Progress,
    RunReport,
    RunSpec,
    Score,
    Stage,
    TaskResult,
    canonical_json,
)
from evaluation.runners import mirror
from evaluation.runners.base import Context, platform_failure, submitter_failure
from evaluation.runners.foreseen import foreseen
from evaluation.runners.grades import Graded, grade
from evaluation.runners.harness import prepare_environment
from evaluation.runners.journal import SAMPLES, Journal, request_key
from evaluation.runners.results import is_ratio, mean_stderr
from evaluation.runners.routing import Family, check_weights, route
from evaluation.samples import Sample, clip
from evaluation.suites import loader
from evaluation.suites.loader import Example
from evaluation.suites.schema import FinetuneItems, Grid, Suite, SuiteTask

_PARTS = 100
"""A training counts as so many parts of the work that progress tells of."""


class Split(NamedTuple):
    """What a head is trained on, and what it is measured on."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]


class Trained(NamedTuple):
    """Predictions of one training on the held-out examples: classes, or numbers."""

    rate: float
    seed: int
    predictions: list[float]


class FinetuneRunner:
    """Runs suites of the protocol ``finetune`` on encoders."""

    def run(self, spec: RunSpec, context: Context) -> RunReport:
        """Trains and measures. Raises RunFailed with a reason for whatever can be foreseen."""
        started = time.monotonic()
        if context.model is None or not context.model.is_dir():
            raise platform_failure(
                "model_missing", f"The files of '{spec.model.name}' are not on this worker."
            )
        check_weights(context.model)
        found = route(context.model, Engine.AUTO)
        if found.family is not Family.MASKED:
            raise submitter_failure(
                "wrong_engine",
                f"'{found.architecture}' is no encoder; this suite trains heads on encoders.",
                "Choose another suite for this model.",
            )
        prepare_environment(context.cache_folder)
        mirror.install(mirror.Mirror(context.datasets, context.cache_folder))
        with foreseen(spec), Journal(context.output, spec.identity()) as journal:
            return _Run(spec, context, context.model, journal).report(started)


class _Run:
    """One run over the tasks of a suite."""

    def __init__(self, spec: RunSpec, context: Context, directory: Path, journal: Journal) -> None:
        from evaluation.runners import devices

        assert spec.suite is not None
        self.spec = spec
        self.context = context
        self.directory = directory
        self.journal = journal
        self.suite: Suite = loader.load(spec.suite.name, spec.suite.version)
        assert self.suite.grid is not None
        self.grid: Grid = self.suite.grid
        devices.set_threads()
        self.device = devices.choose(spec.requirements.device)
        self.notes: list[str] = []
        self.done = 0

    def report(self, started: float) -> RunReport:
        """Trains every head that the journal does not hold and writes the report."""
        from evaluation.runners import devices

        tasks = [self.suite.task(name) for name in self.spec.tasks]
        results = [self._task(number, task, len(tasks)) for number, task in enumerate(tasks)]
        self.context.report_progress(Progress(stage=Stage.WRITING, task_count=len(tasks)))
        return RunReport(
            identity=self.spec.identity(),
            results=tuple(results),
            samples=self.journal.write_samples(self.context.output / SAMPLES, self.spec.tasks),
            model=self._facts(),
            engine=_engine_facts(self.grid),
            environment=devices.environment(self.device, self.context.isolation),
            seconds=time.monotonic() - started,
            peak_memory_bytes=devices.peak_memory(self.device),
            reproduce=None,
            notes=tuple(self.notes),
        )

    def _task(self, number: int, task: SuiteTask, count: int) -> TaskResult:
        known = self.journal.finished.get(task.name)
        trainings = len(self.grid.learning_rates) * len(self.grid.seeds)
        if known is not None:
            self.done += trainings
            return known
        began = time.monotonic()
        source = task.source
        assert isinstance(source, FinetuneItems)
        split = _split(self.suite, source, self.spec.protocol.limit)
        self._check(task, split)
        trained = []
        for rate in self.grid.learning_rates:
            for seed in self.grid.seeds:
                self._tell(number, task.name, count, trainings)
                tell = partial(self._tell, number, task.name, count, trainings)
                trained.append(self._trained(task, source, split, rate, seed, tell))
                self.done += 1
        self._tell(number, task.name, count, trainings)
        result, samples = self._scored(task, source, split, trained, time.monotonic() - began)
        self.journal.finish(result, samples)
        return result

    def _check(self, task: SuiteTask, split: Split) -> None:
        expected = min(task.items or len(split.held_out), self.spec.protocol.limit or len(split.held_out))
        if len(split.held_out) != expected:
            raise platform_failure(
                "other_data",
                f"'{task.name}' has {len(split.held_out)} examples here, the suite says {expected}.",
            )

    def _trained(
        self,
        task: SuiteTask,
        source: FinetuneItems,
        split: Split,
        rate: float,
        seed: int,
        tell: Callable[[int, int], None],
    ) -> Trained:
        key = request_key("finetune", [task.name, rate, seed])
        known = self.journal.answer(key)
        if known is None:
            from evaluation.runners.head_training import train_and_predict

            known = train_and_predict(
                self.directory, split.train, split.held_out, classes=len(source.labels) if source.labels else None,
                grid=self.grid, rate=rate, seed=seed + self.spec.protocol.seed, dtype=self.spec.protocol.dtype,
                device=self.device.name, tell=tell,
            )  # fmt: skip
            self.journal.record_answers([(key, known)])
        return Trained(rate, seed, [float(value) for value in known])

    def _scored(
        self, task: SuiteTask, source: FinetuneItems, split: Split, trained: Sequence[Trained], seconds: float
    ) -> tuple[TaskResult, list[Sample]]:
        golds = [example.label for example in split.held_out]
        grades = {(one.rate, one.seed): grade(one.predictions, golds, source.labels) for one in trained}
        metric = task.metric
        by_rate = {
            rate: fmean(grades[rate, seed].metrics[metric] for seed in self.grid.seeds)
            for rate in self.grid.learning_rates
        }
        best = max(self.grid.learning_rates, key=lambda rate: by_rate[rate])
        chosen = [one for one in trained if one.rate == best]
        self.notes.append(
            f"{task.name}: learning rate {best:g} of {sorted(by_rate)} had the best mean {metric}."
        )
        samples = [
            sample
            for draw, one in enumerate(chosen)
            for sample in _samples(task, source, split, one, grades[one.rate, one.seed], draw)
        ]
        return self._result(task, [grades[best, seed] for seed in self.grid.seeds], samples, seconds), samples

    def _result(
        self, task: SuiteTask, grades: Sequence[Graded], samples: Sequence[Sample], seconds: float
    ) -> TaskResult:
        draws = len(grades)
        values = [one.metrics[task.metric] for one in grades]
        documents = len(samples) // draws
        means = [
            fmean(samples[draw * documents + place].score for draw in range(draws))
            for place in range(documents)
        ]
        is_mean = task.metric == "acc"
        metrics = {
            f"{name},none": Score(value=fmean(one.metrics[name] for one in grades))
            for name in grades[0].metrics
        }
        metrics[f"{task.metric},median"] = Score(value=median(values))
        metrics |= {f"{task.metric},seed-{number}": Score(value=value) for number, value in enumerate(values)}
        hashes = [sample.doc_hash + sample.prompt_hash + sample.target_hash for sample in samples[:documents]]
        return TaskResult(
            task=task.name,
            task_version=f"{self.suite.name}-{self.suite.version}+{FINETUNE_ENGINE_VERSION}",
            task_hash=hashlib.sha256("".join(hashes).encode()).hexdigest(),
            capability=task.capability,
            group=task.groups[-1] if task.groups else None,
            groups=task.groups,
            weight=task.weight,
            output_type="multiple_choice",
            num_fewshot=0,
            metric=task.metric,
            higher_is_better=True,
            is_ratio=is_ratio(task.metric),
            chance=task.chance,
            n=len(samples),
            draws=draws,
            score=Score(value=fmean(values), stderr=mean_stderr(means) if is_mean else mean_stderr(values)),
            metrics=metrics,
            seconds=seconds,
        )

    def _tell(
        self, number: int, name: str, count: int, trainings: int, step: int = 0, steps: int = 0
    ) -> None:
        doing = f", step {step} of {steps}" if steps else ""
        part = _PARTS * step // steps if steps else 0
        self.context.report_progress(
            Progress(
                stage=Stage.SCORING,
                task=name,
                task_index=number,
                task_count=count,
                done=self.done * _PARTS + part,
                total=count * trainings * _PARTS,
                message=f"training {self.done % trainings + 1} of {trainings}{doing}",
            )
        )

    def _facts(self) -> ModelFacts:
        from evaluation.runners.head_training import facts

        return facts(self.directory)


def _split(suite: Suite, source: FinetuneItems, limit: int | None) -> Split:
    """The examples, from the carried file or from a data set of the hub or the mirror."""
    if source.rows is not None:
        train = loader.carried_examples(suite, source, "train")
        held_out = loader.carried_examples(suite, source, "eval")
    else:
        train, held_out = (_fetched(source, name) for name in (source.train_split, source.eval_split))
    return Split(train, held_out[:limit])


def _fetched(source: FinetuneItems, split: str) -> tuple[Example, ...]:
    import datasets

    rows = datasets.load_dataset(source.dataset, source.config, split=split)
    return tuple(loader.example_of(row, source, number) for number, row in enumerate(rows))


def _samples(
    task: SuiteTask, source: FinetuneItems, split: Split, trained: Trained, graded: Graded, draw: int
) -> list[Sample]:
    made = []
    for number, (example, prediction) in enumerate(zip(split.held_out, trained.predictions, strict=True)):
        inputs = [example.text, example.pair]
        labels = source.labels
        made.append(
            Sample(
                task=task.name,
                doc_id=number,
                doc_hash=_hash([example.id, *inputs, example.label]),
                prompt_hash=_hash(inputs),
                target_hash=_hash(example.label),
                score=graded.scores[number],
                draw=draw,
                prediction=int(prediction) if labels else None,
                gold=int(example.label) if labels else None,
                prompt=clip("\n".join(text for text in inputs if text is not None)),
                target=labels[int(example.label)] if labels else f"{example.label:g}",
                choices=labels or (),
                answer=labels[int(prediction)] if labels else f"{prediction:.4f}",
            )
        )
    return made


def _hash(document: object) -> str:
    return hashlib.sha256(canonical_json(document)).hexdigest()


def _engine_facts(grid: Grid) -> EngineFacts:
    import torch
    import transformers

    rates = ", ".join(f"{rate:g}" for rate in grid.learning_rates)
    return EngineFacts(
        engine=Engine.MASKED,
        served_by=f"FinetuneRunner (rates {rates}; {len(grid.seeds)} seeds; {grid.epochs} epochs)",
        torch_version=str(torch.__version__),
        transformers_version=transformers.__version__,
        engine_version=FINETUNE_ENGINE_VERSION,
    )
