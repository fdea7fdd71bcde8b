"""Measures a student and its teacher loaded at once: speed, fidelity, similarity, speculative decoding.

Scores do not come from here: they come from single runs, which serve many comparisons.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from evaluation.contract import (
    Engine,
    EngineFacts,
    PairMeasure,
    PairReport,
    PairSpec,
    Progress,
    Stage,
)
from evaluation.runners import devices
from evaluation.runners.base import Context, platform_failure, submitter_failure
from evaluation.runners.measures import bits, fidelity, similarity, speculation, speed
from evaluation.runners.measures.loading import Loaded, load, same_tokenizer
from evaluation.runners.routing import Family
from evaluation.scoring.efficiency import Efficiency
from evaluation.scoring.values import Undefined, plain
from evaluation.suites import texts

TOKENIZERS_DIFFER = Undefined(
    "tokenizers_differ", "The two models cut text into different tokens, so positions cannot be compared."
)
NO_TEXT = Undefined(
    "not_measured",
    "An encoder-decoder answers a question; on running text it has no distribution to compare.",
)
NO_DRAFTS = Undefined("not_measured", "Drafting needs two causal models with one tokenizer.")


class PairMeasurer:
    """Runs the measures that a spec asks for, one after the other."""

    def run(self, spec: PairSpec, context: Context) -> PairReport:
        """Raises RunFailed when a model cannot be loaded or the two are of different kinds."""
        started = time.monotonic()
        tell = _teller(spec, context)
        tell(Stage.LOADING, "", 0)
        devices.set_threads()
        device = devices.choose(spec.requirements.device)
        place = torch.device(device.name)
        student = load(_folder(context.model), spec.student, spec.dtype, place, context)
        teacher = load(_folder(context.teacher), spec.teacher, spec.dtype, place, context)
        if student.family is not teacher.family:
            raise submitter_failure(
                "pair_of_different_kinds",
                f"The student is a {student.family} model and the teacher a {teacher.family} one.",
                "Compare models of one kind; their scores stand side by side all the same.",
            )
        found = self._measure(spec, student, teacher, tell)
        return PairReport(
            identity=spec.identity(),
            **found,
            environment=devices.environment(device, context.isolation),
            engine=_engine(),
            seconds=time.monotonic() - started,
        )

    def _measure(
        self, spec: PairSpec, student: Loaded, teacher: Loaded, tell: Callable[[Stage, str, int], None]
    ) -> dict[str, dict[str, Any]]:
        documents = [document.text for document in texts.documents(spec.text)]
        answers = student.family is Family.SEQ2SEQ
        apart = NO_TEXT if answers else TOKENIZERS_DIFFER
        comparable = not answers and same_tokenizer(student, teacher)
        found: dict[str, dict[str, Any]] = {}
        timed: Efficiency | None = None
        if PairMeasure.EFFICIENCY in spec.measures:
            tell(Stage.SCORING, "efficiency", 0)
            timed = speed.measure(student, teacher, batch_size=spec.batch_size, seed=spec.seed)
            found["efficiency"] = plain(timed)
        if PairMeasure.FIDELITY in spec.measures:
            heard = partial(tell, Stage.SCORING, "fidelity")
            ratio = speed.cost_ratio(timed) if timed is not None else None
            if comparable:
                found["fidelity"] = fidelity.measure(
                    student, teacher, documents, seed=spec.seed, cost_ratio=ratio, tell=heard
                )
            else:
                found["fidelity"] = plain(apart)
            if not comparable and student.family is Family.CAUSAL:
                rates = bits.measure(student, teacher, documents, seed=spec.seed, tell=heard)
                found["fidelity"]["bits_per_byte"] = rates
        if PairMeasure.SIMILARITY in spec.measures:
            tell(Stage.SCORING, "similarity", 0)
            found["similarity"] = (
                similarity.measure(student, teacher, documents) if comparable else plain(apart)
            )
        if PairMeasure.SPECULATION in spec.measures:
            tell(Stage.SCORING, "speculation", 0)
            drafts = comparable and student.family is Family.CAUSAL
            found["speculation"] = (
                speculation.measure(student, teacher, documents, seed=spec.seed)
                if drafts
                else plain(NO_DRAFTS)
            )
        return found


def _folder(path: Path | None) -> Path:
    if path is None:
        raise platform_failure("model_missing", "A pair job was started without both of its models.")
    return path


def _teller(spec: PairSpec, context: Context) -> Callable[[Stage, str, int], None]:
    names = [str(measure) for measure in spec.measures]

    def tell(stage: Stage, task: str, done: int) -> None:
        index = names.index(task) if task in names else 0
        progress = Progress(
            stage=stage, task=task or None, task_index=index, task_count=len(names), done=done
        )
        context.report_progress(progress)

    return tell


def _engine() -> EngineFacts:
    import transformers

    return EngineFacts(
        engine=Engine.AUTO,
        served_by="transformers",
        torch_version=torch.__version__,
        transformers_version=transformers.__version__,
    )
