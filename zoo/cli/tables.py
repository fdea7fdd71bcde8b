"""Shows progress and results on a terminal. Progress goes to stderr, tables to stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from evaluation.contract import Progress as Told

LABELS = {"student": "student", "teacher": "teacher", "pair": "both at once"}
VERDICTS = {"kept": "kept", "not_kept": "not kept", "undecided": "undecided", None: ""}


class Bars:
    """A bar for each of student, teacher and pair; plain lines where stderr is no terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[doing]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bars: dict[str, Any] = {}
        self._stages: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, role: str, progress: Told) -> None:
        """Moves the bar of a role. Called from another thread."""
        doing = progress.task or progress.message or progress.stage.value
        if not self._console.is_terminal:
            self._line(role, progress.stage.value)
            return
        if role not in self._bars:
            self._bars[role] = self._progress.add_task(LABELS.get(role, role), total=None, doing="")
        total = progress.total or None
        self._progress.update(self._bars[role], completed=progress.done, total=total, doing=doing)

    def _line(self, role: str, stage: str) -> None:
        if self._stages.get(role) != stage:
            self._stages[role] = stage
            print(f"{LABELS.get(role, role)}: {stage}", file=sys.stderr, flush=True)


def show(document: dict[str, Any]) -> None:
    """Prints a comparison, or scores alone, as tables."""
    console = Console()
    teacher = document.get("teacher")
    title = document["student"]["model"] + (f" against {teacher['model']}" if teacher else "")
    table = Table(title=title, title_justify="left")
    table.add_column("task", overflow="fold", min_width=20)
    table.add_column("n", justify="right")
    table.add_column("student", justify="right")
    if teacher:
        for name in ("teacher", "kept", "95 % interval", "above chance", "lost / gained", "verdict"):
            table.add_column(name, justify="right")
    for row in document["tasks"]:
        table.add_row(*_cells(row, row.get("task") or row["name"], bool(teacher)))
    for kind in ("groups", "capabilities"):
        table.add_section()
        for row in document.get(kind) or []:
            table.add_row(*_cells(row, row["name"], bool(teacher)))
    table.add_section()
    table.add_row(*_cells(document["overall"], "overall", bool(teacher)), style="bold")
    console.print(table)
    for note in _footnotes(document):
        console.print(note)


def _cells(row: dict[str, Any], name: str, paired: bool) -> list[str]:
    own = row.get("student") or row.get("score") or row
    cells = [name, str(row.get("n") or ""), _score(own)]
    if not paired:
        return cells
    retention = row.get("retention") or {}
    samples = row.get("samples") or {}
    flips = f"{samples['lost']} / {samples['gained']}" if samples else ""
    return [
        *cells,
        _score(row.get("teacher") or {}),
        _value(retention),
        _interval(retention),
        _value(row.get("retention_above_chance") or {}),
        flips,
        VERDICTS.get(row.get("verdict"), str(row.get("verdict"))),
    ]


def _score(score: dict[str, Any]) -> str:
    value, stderr = score.get("value"), score.get("stderr")
    if value is None:
        return "not measured"
    return f"{value:.4f}" + (f" ± {stderr:.4f}" if stderr is not None else "")


def _value(quantity: dict[str, Any]) -> str:
    if "undefined" in quantity:
        return str(quantity["undefined"]).replace("_", " ")
    value = quantity.get("value")
    return "" if value is None else f"{value:.3f}"


def _interval(quantity: dict[str, Any]) -> str:
    low, high = quantity.get("ci_low"), quantity.get("ci_high")
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _footnotes(document: dict[str, Any]) -> list[str]:
    fidelity = document.get("fidelity") or {}
    notes = []
    if "undefined" in fidelity and document.get("teacher"):
        notes.append(f"fidelity: {fidelity.get('message') or fidelity['undefined']}")
    if document.get("reproduce"):
        notes.append(f"the harness alone: {document['reproduce']}")
    notes.append(f"again: {document['reproduce_zoo']}")
    return notes
