"""From the names in a spec to the harness's task objects, with what the zoo knows of each beside it.

Names are looked up in the index of the pinned harness and in our suites, and in nothing else: no YAML and no
code from outside. Tasks that run what a model wrote are refused here. Imports the harness.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.contract import RunSpec
from evaluation.runners import answers
from evaluation.runners.base import RunFailed, platform_failure, submitter_failure
from evaluation.suites import harness_tasks, loader
from evaluation.suites.schema import (
    AnswerItems,
    ChoiceItems,
    HarnessItems,
    Sampling,
    Suite,
    SuiteTask,
    TextItems,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """One leaf task, ready to run. ``task`` is the harness's object; None of the rest is known to the harness."""

    name: str
    task: Any
    groups: tuple[str, ...] = ()
    capability: str | None = None
    weight: float = 1.0
    metric: str | None = None
    """The metric that counts; None: the first that is a mean over documents."""
    filter: str | None = None
    chance: float | None = None
    items: tuple[int, ...] | None = None
    """Positions of the documents to use, ascending; None: all."""
    stated: int | None = None
    """How many documents there must be; None: not stated."""
    cluster_column: str | None = None
    """The column that names clusters; None for tasks of the harness."""
    sampling: Sampling | None = None
    """How answers are drawn; None: as the task says, once."""
    extract: Callable[[str], str | None] | None = None
    """Finds the answer in a response, where the suite says how; None: as the task's own filters do."""

    @property
    def documents(self) -> int:
        """How many documents will be asked, before any limit."""
        return len(self.items) if self.items is not None else len(self.task.eval_docs)


class IdList(list[int]):
    """A list of document ids with a quick ``in``: the harness asks that for every document of the data set."""

    def __init__(self, ids: Iterable[int]) -> None:
        super().__init__(sorted(ids))
        self._known = frozenset(self)

    def __contains__(self, value: object) -> bool:
        return value in self._known


def plan(spec: RunSpec) -> list[Planned]:
    """Every leaf task of a spec, in its order. Raises RunFailed: ``unknown_task``, ``task_runs_code``, ..."""
    if spec.suite is not None:
        return _plan_suite(spec)
    own = {task.name: (suite, task) for suite in _suites() for task in suite.tasks}
    planned: dict[str, Planned] = {}
    for name in spec.tasks:
        # A name of the harness wins: "any lm-eval task by name" means the harness's own.
        found = [_own(*own[name])] if name in own and name not in harness_tasks.index() else _harness([name])
        for leaf in found:
            _set_shots(leaf.task, spec.protocol.num_fewshot)
            planned.setdefault(leaf.name, leaf)
    return list(planned.values())


def suite_chats(spec: RunSpec) -> bool:
    """Whether the suite of a spec is put to models as a conversation."""
    if spec.suite is None:
        return False
    return loader.load(spec.suite.name, spec.suite.version).apply_chat_template


def check_names(names: Iterable[str]) -> None:
    """Refuses what cannot be run at all, by name, without loading a thing. Raises RunFailed."""
    index = harness_tasks.index()
    for name in names:
        if name not in index:
            raise _unknown(name, index)
        for leaf in index.leaves(name):
            if leaf.runs_code:
                raise _unsafe(leaf.name)
            if leaf.multimodal:
                raise submitter_failure(
                    "task_needs_images",
                    f"'{leaf.name}' shows pictures or plays sound.",
                    "Choose a task of text alone.",
                )


def refuse_what_masked_models_cannot(planned: Iterable[Planned]) -> None:
    """Refuses all but multiple choice: a masked model neither writes nor gives texts a log-likelihood."""
    names = [leaf.name for leaf in planned if leaf.task.OUTPUT_TYPE != "multiple_choice"]
    if names:
        raise submitter_failure(
            "task_not_applicable",
            f"A masked model neither writes nor gives texts a log-likelihood, as {', '.join(names[:5])} would need.",
            "Choose multiple-choice tasks, or the suite 'demo-masked'.",
        )


def _suites() -> list[Suite]:
    return [loader.load(name) for name in loader.names()]


def _plan_suite(spec: RunSpec) -> list[Planned]:
    assert spec.suite is not None
    try:
        suite = loader.load(spec.suite.name, spec.suite.version)
        tasks = [suite.task(name) for name in spec.tasks]
    except (loader.UnknownSuite, KeyError) as error:
        raise submitter_failure(
            "unknown_suite",
            f"Suite '{spec.suite.name}' version {spec.suite.version} is not known here, or lacks a task: {error}.",
            f"Known suites: {', '.join(loader.names())}.",
        ) from error
    if spec.protocol.num_fewshot is not None:
        raise submitter_failure(
            "suite_fixes_shots",
            "A suite says how many examples each task shows; num_fewshot cannot change that.",
            "Leave num_fewshot out, or list the tasks instead of the suite.",
        )
    planned = [_own(suite, task) for task in tasks]
    for leaf, task in zip(planned, tasks, strict=True):
        leaf.task.set_config(key="num_fewshot", value=task.num_fewshot)
    return planned


def _own(suite: Suite, task: SuiteTask) -> Planned:
    """A task of a suite: the harness's task on stated documents, or one made of the suite's own data."""
    try:
        items = loader.item_ids(suite, task)
        source = task.source
        if isinstance(source, HarnessItems):
            (leaf,) = _harness([source.task])
            made = leaf.task
        elif isinstance(source, AnswerItems):
            made = _make_answer_task(suite, task, source)
        else:
            made = _make_task(suite, task)
    except loader.BrokenSuite as error:
        raise platform_failure("suite_broken", str(error), "Reinstall the zoo.") from error
    return Planned(
        name=task.name,
        task=made,
        groups=task.groups,
        capability=task.capability,
        weight=task.weight,
        metric=task.metric,
        filter=task.filter,
        chance=task.chance,
        items=items,
        stated=task.items,
        cluster_column=None if isinstance(source, HarnessItems) else "cluster",
        sampling=task.sampling,
        extract=partial(answers.extract, kind=source.kind) if isinstance(source, AnswerItems) else None,
    )


def _make_task(suite: Suite, task: SuiteTask) -> Any:
    """A task of the harness's own class, made of rendered columns: it has no template to render."""
    import datasets
    from lm_eval.tasks import TaskManager

    items = loader.items(suite, task)
    rows = [
        {"id": item.id, "context": item.context, "choices": list(item.choices), "gold": item.gold}
        | {"cluster": item.cluster or ""}
        for item in items
    ]
    config: dict[str, Any] = {
        "task": task.name,
        # The harness hands its metadata and data set arguments to this function.
        "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
        "test_split": "test",
        "num_fewshot": 0,
        "metric_list": [
            {"metric": task.metric, "aggregation": _aggregation(task), "higher_is_better": _is_better(task)}
        ],
        "metadata": {"version": f"{suite.name}-{suite.version}"},
    }
    if isinstance(task.source, TextItems):
        form = {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "context"}
    else:
        form = {
            "output_type": "multiple_choice",
            "doc_to_text": "context",
            "doc_to_choice": "choices",
            "doc_to_target": "gold",
            "target_delimiter": task.source.delimiter if isinstance(task.source, ChoiceItems) else " ",
        }
    loaded = TaskManager(include_defaults=False).load([config | form])
    return loaded["tasks"][task.name]


def _make_answer_task(suite: Suite, task: SuiteTask, source: AnswerItems) -> Any:
    """A task of generated answers, in words and with equality of our own: the harness's parts differ by task."""
    import datasets
    from lm_eval.tasks import TaskManager

    def rows(**_: Any) -> dict[str, Any]:
        loaded = datasets.load_dataset(source.dataset, source.config, split=source.split)
        made = [loader.question_of(row, source, number) for number, row in enumerate(loaded)]
        listed = [
            {"id": item.id, "question": item.context, "answer": item.choices[0], "cluster": ""}
            for item in made
        ]
        return {"test": datasets.Dataset.from_list(listed)}

    def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
        return {task.metric: float(answers.is_right(answers.extract(results[0], source.kind), doc["answer"]))}

    sampling = task.sampling or Sampling(draws=1, temperature=0, top_p=1, max_tokens=1024)
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p} if sampling.temperature else {}
    config: dict[str, Any] = {
        "task": task.name,
        "custom_dataset": rows,
        "test_split": "test",
        "num_fewshot": 0,
        "output_type": "generate_until",
        "doc_to_text": "question",
        "doc_to_target": "answer",
        "process_results": process_results,
        "generation_kwargs": {
            "until": [],
            "do_sample": sampling.temperature > 0,
            "max_gen_toks": sampling.max_tokens,
            **drawn,
        },
        "metric_list": [{"metric": task.metric, "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": f"{suite.name}-{suite.version}"},
    }
    return TaskManager(include_defaults=False).load([config])["tasks"][task.name]


def _aggregation(task: SuiteTask) -> str:
    return "bits_per_byte" if isinstance(task.source, TextItems) else "mean"


def _is_better(task: SuiteTask) -> bool:
    return not isinstance(task.source, TextItems)


def _harness(names: list[str]) -> list[Planned]:
    """Leaf tasks of the pinned harness, opened by the index instead of by reading all of its files."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    check_names(names)
    index = harness_tasks.index()
    if lm_eval.__version__ != index.harness_version:
        raise platform_failure(
            "harness_version",
            f"This worker has lm-eval {lm_eval.__version__}; results are pinned to {index.harness_version}.",
            f"Install lm-eval=={index.harness_version}.",
        )
    manager = TaskManager(include_defaults=False)
    _fill(manager.task_index, names, Path(lm_eval.__file__).parent / "tasks")
    try:
        loaded = manager.load(list(names))
    except RunFailed:
        raise
    except ImportError as error:
        raise platform_failure(
            "task_needs_package",
            f"A task needs a package that this worker lacks: {error}.",
            "Install the harness's extra for this task on the worker.",
        ) from error
    return [
        _checked(
            Planned(
                name=name,
                task=task,
                groups=_groups_of(name, loaded.get("group_map") or {}),
                capability=loader.capability_of(name),
            )
        )
        for name, task in loaded["tasks"].items()
    ]


def _fill(entries: dict[str, Any], names: Iterable[str], root: Path) -> None:
    """Puts the named entries, and all that they lead to, into a manager's index."""
    from lm_eval.tasks._index import Entry, Kind

    index = harness_tasks.index()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in entries:
            continue
        if name in index.tasks:
            task = index.tasks[name]
            kind = Kind.PY_TASK if task.python else Kind.TASK
            entries[name] = Entry(name=name, kind=kind, yaml_path=root / task.file)
        elif name in index.groups:
            group = index.groups[name]
            entries[name] = Entry(name=name, kind=Kind.GROUP, yaml_path=root / group.file)
            waiting.extend(group.members)
        elif name in index.tags:
            entries[name] = Entry(name=name, kind=Kind.TAG, yaml_path=None, tags=set(index.tags[name]))
            waiting.extend(index.tags[name])


def _groups_of(name: str, members: dict[str, list[str]]) -> tuple[str, ...]:
    """The chain of groups above a task, outermost first; the first chain where there are several."""
    chain: list[str] = []
    current = name
    while True:
        above = next((group for group, below in members.items() if current in below), None)
        if above is None or above in chain:
            return tuple(reversed(chain))
        chain.append(above)
        current = above


def _checked(leaf: Planned) -> Planned:
    """A task of a group without a name of its own is in no index: its flags are looked at here."""
    if getattr(leaf.task, "UNSAFE_CODE", False):
        raise _unsafe(leaf.name)
    # "group::task" is the harness's name for such a task; a colon is no part of a name here.
    return replace(leaf, name=leaf.name.replace("::", ".."))


def _set_shots(task: Any, shots: int | None) -> None:
    """What the harness does with ``num_fewshot``: a task that says 0 keeps its 0, others are overruled."""
    stated = task.get_config("num_fewshot")
    if shots is not None and stated != 0:
        task.set_config(key="num_fewshot", value=shots)
    elif stated is None:
        task.set_config(key="num_fewshot", value=0)


def _unknown(name: str, index: harness_tasks.HarnessIndex) -> RunFailed:
    near = index.nearest(name)
    return submitter_failure(
        "unknown_task",
        f"lm-eval {index.harness_version} has no task, group or tag named '{name}'.",
        f"Did you mean {', '.join(near)}?" if near else "See the list of tasks.",
    )


def _unsafe(name: str) -> RunFailed:
    return submitter_failure(
        "task_runs_code",
        f"'{name}' runs what the model writes as a program, and there is no sandbox for that here.",
        "Choose another task; the harness's own command can run it at your own risk.",
    )
