"""Writes the index of the pinned harness's tasks: ``python -m evaluation.runners.index_tasks``.

The harness needs 13 seconds to read its 13,000 files and half of torch to be imported; the web process has
neither. So the names, kinds and dangers of its tasks are read once per pinned version and carried as data in
``evaluation/suites/harness_tasks.json``, which ``evaluation.suites.harness_tasks`` reads.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from evaluation.contract import TASK_NAME_PATTERN
from evaluation.suites.harness_tasks import INDEX_FILE, TYPES

RUNS_PROGRAMS = re.compile(r"(^|[^a-z_.])(exec|eval)\(|code_eval|import subprocess", re.MULTILINE)
"""Signs, in the Python files beside a task, that it runs what a model wrote or hands it to a program."""


def main() -> int:
    """Reads every task of the installed harness and writes the index."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    root = Path(lm_eval.__file__).parent / "tasks"
    index = TaskManager(include_defaults=True).task_index
    entries = {name: index[name] for name in sorted(index) if re.match(TASK_NAME_PATTERN, name)}
    tasks = [entry for entry in entries.values() if entry.kind.name in ("TASK", "PY_TASK")]
    groups = [entry for entry in entries.values() if entry.kind.name == "GROUP"]
    tags = [entry for entry in entries.values() if entry.kind.name == "TAG"]
    datasets = sorted({_dataset(entry) for entry in tasks})
    folders = sorted({_folder(entry, root) for entry in [*tasks, *groups]})
    numbers = {entry.name: number for number, entry in enumerate([*tasks, *groups, *tags])}
    document = {
        "harness_version": lm_eval.__version__,
        "datasets": datasets,
        "folders": folders,
        "tasks": [_task(entry, root, datasets, folders) for entry in tasks],
        "groups": [_group(entry, root, folders, numbers) for entry in groups],
        "tags": [
            [entry.name, sorted(numbers[name] for name in entry.tags if name in numbers)] for entry in tags
        ],
    }
    INDEX_FILE.write_text(_compact(document), encoding="utf-8")
    return 0


def _dataset(entry: Any) -> str:
    return str(entry.cfg.get("dataset_path") or "")


def _folder(entry: Any, root: Path) -> str:
    return str(entry.yaml_path.parent.relative_to(root).as_posix())


def _file(entry: Any) -> list[str]:
    """The file's name, where it is not the task's."""
    name = entry.yaml_path.name
    return [] if name == f"{entry.name}.yaml" else [name]


def _task(entry: Any, root: Path, datasets: list[str], folders: list[str]) -> list[object]:
    """One line: name, type, dangers, numbers of its data set and folder, and its file if named otherwise."""
    kind = TYPES.get(str(entry.cfg.get("output_type")), "?")
    places = [datasets.index(_dataset(entry)), folders.index(_folder(entry, root))]
    return [entry.name, kind, _flags(entry), *places, *_file(entry)]


def _flags(entry: Any) -> str:
    """One letter for each thing to know before running it; ``evaluation.suites.harness_tasks`` names them."""
    config = entry.cfg
    hub_metric = any(metric.get("hf_evaluate") for metric in config.get("metric_list") or [])
    code = bool(config.get("unsafe_code")) or _runs_programs(entry.yaml_path.parent)
    found = {
        "c": code,
        "v": "doc_to_image" in config or "doc_to_audio" in config,
        "p": entry.kind.name == "PY_TASK",
        "h": hub_metric,
        "d": "custom_dataset" in config,
    }
    return "".join(letter for letter, present in found.items() if present)


def _runs_programs(folder: Path) -> bool:
    return any(RUNS_PROGRAMS.search(file.read_text(errors="replace")) for file in folder.glob("*.py"))


def _group(entry: Any, root: Path, folders: list[str], numbers: dict[str, int]) -> list[object]:
    """One line: name, members by number, whether there are others, folder, and file if named otherwise."""
    named, others = _members(entry.cfg.get("task") or [], numbers)
    return [entry.name, named, int(others), folders.index(_folder(entry, root)), *_file(entry)]


def _members(items: list[Any], numbers: dict[str, int]) -> tuple[list[int], bool]:
    names = [item if isinstance(item, str) else item.get("group") or item.get("task") for item in items]
    known = [numbers[name] for name in names if isinstance(name, str) and name in numbers]
    return known, len(known) < len(names)


def _compact(document: dict[str, Any]) -> str:
    """JSON with a line for each entry, so that a new harness version shows up as a readable difference."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in value)
            parts.append(f"{json.dumps(key)}:[\n{lines}\n]")
        else:
            parts.append(f"{json.dumps(key)}:{json.dumps(value)}")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    sys.exit(main())
