"""Drives lm-evaluation-harness: the one file that calls its evaluation, with every argument said.

It runs in a child process without network. Tasks are evaluated one at a time, with the model kept in memory, so
that each finished one is journaled.
"""

from __future__ import annotations

import logging
import os
import random
import time
from pathlib import Path
from typing import Any

from evaluation.contract import (
    HARNESS_ENGINE_VERSION,
    Engine,
    EngineFacts,
    ModelFacts,
    Progress,
    RunReport,
    RunSpec,
    Stage,
    TaskResult,
    digest_of,
)
from evaluation.runners import earlier, mirror, weights
from evaluation.runners.ahead import Ahead
from evaluation.runners.base import Context, platform_failure, submitter_failure
from evaluation.runners.foreseen import foreseen
from evaluation.runners.journal import SAMPLES, Journal
from evaluation.runners.routing import Family, Route, check_weights, route


def prepare_environment(cache: Path) -> None:
    """Settings that the libraries read when they are imported: no network, no bars, no pools, caches in their place."""
    fixed = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "DISABLE_MULTIPROC": "1",
        "HF_DATASETS_CACHE": str(cache / "datasets" / "hub"),
        "LM_HARNESS_CACHE_PATH": str(cache / "unused"),
    }
    os.environ.update(fixed)
    os.environ.setdefault("HF_HOME", str(cache / "huggingface"))


class HarnessRunner:
    """Measures a model on tasks of the harness and of our suites."""

    def run(self, spec: RunSpec, context: Context) -> RunReport:
        """Measures. Raises RunFailed with a reason for whatever can be foreseen."""
        started = time.monotonic()
        tell = _teller(context)
        directory = _check_files(spec, context)
        tell("loading the libraries")
        prepare_environment(context.cache_folder)
        data = mirror.Mirror(context.datasets, context.cache_folder)
        mirror.install(data)
        identity = digest_of({"spec": spec.identity(), "versions": earlier.versions()})
        lent = earlier.read(context.output / earlier.LENT)
        with foreseen(spec), Journal(context.output, identity, lent) as journal:
            return _Run(spec, context, directory, journal, data, started).report()


def _check_files(spec: RunSpec, context: Context) -> Path:
    """The model's folder, after what can be said of it and of the tasks' names without loading anything."""
    directory = context.model
    if directory is None or not directory.is_dir():
        raise platform_failure(
            "model_missing",
            f"The files of '{spec.model.name}' are not on this worker.",
            "Put the model into the folder that ZOO_MODELS_DIR names, or let the worker fetch it.",
        )
    if not weights.is_gguf(directory, spec):
        check_weights(directory)
        route(directory, spec.engine)
    return directory


class _Run:
    """One run, step by step. Made after the libraries may be imported."""

    def __init__(
        self,
        spec: RunSpec,
        context: Context,
        directory: Path,
        journal: Journal,
        data: mirror.Mirror,
        started: float,
    ) -> None:
        from evaluation.runners import devices, planning, templates
        from evaluation.runners.models import load

        self.spec = spec
        self.context = context
        self.journal = journal
        self.started = started
        self.tell = _teller(context)
        _quiet()
        templates.install()
        self.ahead: Ahead | None = None
        self.threads = devices.set_threads()
        self.device = devices.choose(spec.requirements.device)
        self.directory = load.prepared(directory, spec, context.cache_folder, self.tell)
        self.route = _for_device(route(self.directory, spec.engine), spec.engine, self.device.name)
        self.tell("loading the tasks")
        self.planned = planning.plan(spec)
        self.chat = spec.protocol.apply_chat_template or planning.suite_chats(spec)
        if self.route.family is Family.MASKED:
            planning.refuse_what_masked_models_cannot(self.planned)
        self.notes: list[str] = [
            f"Data set {name}: mirror with digest {digest[:16]}."
            for name, digest in sorted(data.used.items())
        ]

    def report(self) -> RunReport:
        """Loads the model, evaluates every task that the journal does not hold, and writes the samples."""
        from evaluation.runners import devices
        from evaluation.runners.models import load

        self.tell("loading the model")
        loaded = load.load(self.directory, self.spec, self.route, self.device)
        results = self._evaluate(loaded)
        self.context.report_progress(Progress(stage=Stage.WRITING, task_count=len(results)))
        names = [leaf.name for leaf in self.planned]
        if used := len(self.journal.lent_and_used):
            self.notes.append(
                f"{used} answers are those of earlier runs of these weights under this protocol."
            )
        return RunReport(
            identity=self.spec.identity(),
            results=tuple(results),
            samples=self.journal.write_samples(self.context.output / SAMPLES, names),
            model=loaded.facts,
            engine=_engine_facts(self.route.engine, loaded),
            environment=devices.environment(self.device, self.context.isolation),
            seconds=time.monotonic() - self.started,
            peak_memory_bytes=devices.peak_memory(self.device),
            reproduce=self._reproduce(loaded.facts),
            notes=tuple(self.notes),
        )

    def _evaluate(self, loaded: Any) -> list[TaskResult]:
        from evaluation.runners.models.journaled import JournaledLM
        from evaluation.runners.progress import Tracker

        model = JournaledLM(loaded.model, self.journal, loaded.plan, self.spec.protocol.seed)
        sizes = [self._size(leaf) for leaf in self.planned]
        tracker = Tracker(self.context.report_progress, [leaf.name for leaf in self.planned], sizes)
        model.watch(tracker)
        self.ahead = self._ahead(loaded, model, sizes)
        results = []
        for index, leaf in enumerate(self.planned):
            tracker.start(index)
            known = self.journal.finished.get(leaf.name)
            if known is None and self.ahead is not None:
                self.ahead.before(leaf.name)
            result = known or self._task(leaf, model, loaded.measure)
            if result is not None:
                results.append(result)
            tracker.finish()
        if not results:
            raise submitter_failure(
                "answers_truncated", " ".join(self.notes), "Choose a suite with longer answers."
            )
        return results

    def _ahead(self, loaded: Any, model: Any, sizes: list[int]) -> Ahead | None:
        """Groups of short tasks, for an engine that gains from them."""
        if self.chat or not loaded.plans_by_itself:
            return None
        return Ahead(self.planned, sizes, build=self._build, answer=model.answer_ahead)

    def _build(self, leaf: Any) -> None:
        """Makes the requests of a task as its evaluation would."""
        ids = self._ids(leaf)
        _seed(self.spec.protocol.seed)
        leaf.task.set_fewshot_seed(seed=self.spec.protocol.seed)
        leaf.task.build_all_requests(
            limit=None if ids is not None else self.spec.protocol.limit,
            samples=ids,
            cache_requests=False,
            rewrite_requests_cache=False,
        )

    def _task(self, leaf: Any, model: Any, measure: str | None) -> TaskResult | None:
        """The result of one task; None, with a note, where too many answers were cut off to score it."""
        from evaluation.runners.results import convert, merged

        parts = []
        draws = leaf.sampling.draws if leaf.sampling else 1
        for draw in range(draws):
            began = time.monotonic()
            model.begin_draw(draw, draws)
            document = self._document(leaf, model)
            seconds = time.monotonic() - began
            if self.ahead is not None:
                seconds += self.ahead.seconds(leaf.name)
            parts.append(convert(document, leaf, model, seconds))
            if model.cut_prompts and draw == 0:
                self.notes.append(
                    f"{leaf.name}: {model.cut_prompts} prompts are longer than the context and lost their beginning."
                )
            if leaf.sampling and self._too_many_cut_off(leaf, parts):
                return None
        converted = merged(parts)
        result = converted.result
        if measure is not None:
            result = result.model_copy(update={"task_version": f"{result.task_version}+{measure}"})
        self._check_count(leaf, result)
        self.notes.extend(converted.notes)
        self.journal.finish(result, converted.samples)
        return result

    def _too_many_cut_off(self, leaf: Any, parts: list[Any]) -> bool:
        """Whether so many answers were cut off that, whatever the other draws bring, the task has no score."""
        sampling = leaf.sampling
        cut = sum(bool(sample.truncated) for part in parts for sample in part.samples)
        share = cut / (len(parts[0].samples) * sampling.draws)
        if share <= sampling.most_truncated:
            return False
        self.notes.append(
            f"{leaf.name} has no score: at least {share:.1%} of the answers were cut off at "
            f"{sampling.max_tokens} tokens, and at most {sampling.most_truncated:.0%} may be."
        )
        return True

    def _document(self, leaf: Any, model: Any) -> dict[str, Any]:
        """The harness's evaluation of one task."""
        import lm_eval

        protocol = self.spec.protocol
        name = leaf.task.task_name
        ids = self._ids(leaf)
        _seed(protocol.seed)
        leaf.task.set_fewshot_seed(seed=protocol.seed)
        document = lm_eval.evaluate(
            lm=model,
            task_dict={"tasks": {name: leaf.task}},
            limit=None if ids is not None else protocol.limit,
            samples=None if ids is None else {name: ids},
            cache_requests=False,
            rewrite_requests_cache=False,
            bootstrap_iters=0,
            write_out=False,
            log_samples=True,
            system_instruction=None,
            apply_chat_template=self.chat,
            fewshot_as_multiturn=self.chat,
            confirm_run_unsafe_code=False,
        )
        return dict(document)

    def _ids(self, leaf: Any) -> Any:
        from evaluation.runners.planning import IdList

        if leaf.items is None:
            return None
        ids = IdList(leaf.items[: self.spec.protocol.limit])
        available = len(leaf.task.eval_docs)
        if ids[-1] >= available:
            raise platform_failure(
                "other_data",
                f"'{leaf.name}' needs document {ids[-1]} of its data set, which has {available} here.",
                "Put the whole data set into the mirror.",
            )
        return ids

    def _size(self, leaf: Any) -> int:
        """About how many requests a task will be; corrected when it is built."""
        documents = min(leaf.documents, self.spec.protocol.limit or leaf.documents)
        documents *= leaf.sampling.draws if leaf.sampling else 1
        if (
            leaf.task.OUTPUT_TYPE != "multiple_choice"
            or getattr(leaf.task.config, "doc_to_choice", None) is None
        ):
            return int(documents)
        return int(documents) * len(leaf.task.doc_to_choice(leaf.task.eval_docs[0]))

    def _check_count(self, leaf: Any, result: TaskResult) -> None:
        documents = result.n // result.draws
        expected = min(leaf.stated or documents, self.spec.protocol.limit or documents)
        if documents != expected or result.n != documents * result.draws:
            raise platform_failure(
                "other_data",
                f"'{leaf.name}' has {result.n} samples here, the suite says {expected} of {result.draws} draws each.",
                "Put the data set that the suite was made for into the mirror.",
            )

    def _reproduce(self, facts: ModelFacts) -> str | None:
        from evaluation.runners.reproduce import lm_eval_command

        if self.spec.suite is None:
            own = [leaf for leaf in self.planned if leaf.cluster_column is not None]
            tasks = None if own else list(self.spec.tasks)
            return lm_eval_command(self.spec, self.route.engine, tasks, {}, self.device.name)
        harness_names = [leaf.task.task_name for leaf in self.planned if leaf.cluster_column is None]
        tasks = harness_names if len(harness_names) == len(self.planned) else None
        items = {leaf.task.task_name: leaf.items for leaf in self.planned if leaf.items is not None}
        return lm_eval_command(self.spec, self.route.engine, tasks, items, self.device.name)


def _for_device(found: Route, asked: Engine, device: str) -> Route:
    """On a CPU ``auto`` means the engine that computes shared beginnings once: the same answers, sooner.

    Not elsewhere: its masks keep a GPU from its fast attention.
    """
    if (
        asked is Engine.AUTO
        and found.engine is Engine.HARNESS
        and found.family is Family.CAUSAL
        and device == "cpu"
    ):
        return found._replace(engine=Engine.CAUSAL)
    return found


def _teller(context: Context) -> Any:
    def tell(message: str) -> None:
        context.report_progress(Progress(stage=Stage.LOADING, message=message))

    return tell


def _quiet() -> None:
    """Leaves warnings and errors of the libraries in the log, and no more."""
    import datasets
    from lm_eval.models import huggingface

    datasets.disable_progress_bars()
    # It asks for its bars by name, which the environment cannot overrule.
    tqdm = huggingface.tqdm
    huggingface.tqdm = lambda *arguments, **options: tqdm(*arguments, **(options | {"disable": True}))
    for name in ("lm_eval", "lm-eval", "transformers", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _seed(seed: int) -> None:
    """Seeds all generators that the harness seeds, before each task: a resumed run draws what a whole one draws."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def _engine_facts(engine: Engine, loaded: Any) -> EngineFacts:
    import lm_eval
    import torch
    import transformers

    return EngineFacts(
        engine=engine,
        served_by=loaded.served_by,
        harness_version=lm_eval.__version__,
        torch_version=str(torch.__version__),
        transformers_version=transformers.__version__,
        # Runs of different engine versions are never compared: a pseudo-log-likelihood is a version of its own.
        engine_version=f"{loaded.measure}-{HARNESS_ENGINE_VERSION}"
        if loaded.measure
        else HARNESS_ENGINE_VERSION,
    )
