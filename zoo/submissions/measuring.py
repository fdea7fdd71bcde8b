"""What is to be measured: suites and tasks by name, with what is wrong with them, before anything is queued."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from evaluation.contract import SuiteRef
from evaluation.suites import harness_tasks, loader
from evaluation.suites.schema import Suite
from zoo.submissions.resolving import Unresolved

SCRIPTED = "scripted_"
TOKENS_OF_A_TASK = 200_000
"""What a task of the harness is taken to ask of a model when nothing is known: for predictions alone."""


class Work(NamedTuple):
    """Tasks to run, the suite they make (if one), and what they ask of a model."""

    suite: SuiteRef | None
    tasks: tuple[str, ...]
    tokens: int
    longest_tokens: int
    chat_template: bool
    generated_tokens: int = 0
    """Those that the model writes, one after another."""
    finetune: bool = False
    """Whether a head is trained: that needs an encoder, whatever the engine is called."""


def work_of_suite(reference: str) -> Work:
    """The tasks of ``name`` or ``name@version``. Raises Unresolved (``unknown_suite``)."""
    name, _, version = reference.partition("@")
    try:
        suite: Suite = loader.load(name, version or None)
    except loader.UnknownSuite as error:
        known = ", ".join(loader.names())
        raise Unresolved(
            "unknown_suite", f"There is no suite '{reference[:100]}'.", f"Suites are: {known}."
        ) from error
    estimate = suite.estimate
    return Work(
        SuiteRef(name=suite.name, version=suite.version),
        suite.task_names,
        estimate.tokens,
        estimate.longest_tokens,
        suite.apply_chat_template,
        estimate.generated_tokens,
        suite.protocol == "finetune",
    )


def work_of_tasks(names: tuple[str, ...], *, scripted: bool) -> Work:
    """The tasks by name. Raises Unresolved: ``unknown_task`` with the nearest names, ``task_runs_code``, ..."""
    for name in names:
        _check_task(name, scripted=scripted)
    return Work(None, names, TOKENS_OF_A_TASK * len(names), 512, False)


def _check_task(name: str, *, scripted: bool) -> None:
    if name.startswith(SCRIPTED) and scripted:
        return
    index = harness_tasks.index()
    if name not in index:
        nearest = index.nearest(name) or tuple(difflib.get_close_matches(name, loader.names()))
        hint = f"Did you mean {', '.join(nearest)}?" if nearest else "GET /api/v1/tasks/ lists the tasks."
        raise Unresolved("unknown_task", f"There is no task '{name[:100]}'.", hint)
    for leaf in index.leaves(name):
        if leaf.runs_code:
            raise Unresolved(
                "task_runs_code",
                f"The task '{leaf.name}' runs what the model writes, which is not done here.",
                "Leave it out.",
            )
        if leaf.multimodal:
            raise Unresolved(
                "task_needs_images", f"The task '{leaf.name}' is not of text alone.", "Leave it out."
            )
