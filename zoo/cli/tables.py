"""Shows progress and results on a terminal. Progress goes to stderr, tables to stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from rich.box import SIMPLE_HEAD
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

from evaluation.scoring.planned import can_be_meant, in_words

if TYPE_CHECKING:
    from evaluation.contract import Progress as Told

PAPER_WIDTH = 120
MOST_OPEN = 3
LABELS = {"student": "student", "teacher": "teacher", "again": "teacher again", "pair": "both at once"}
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


WHY_UNDEFINED = {
    "teacher_at_chance": "not above chance",
    "too_few_samples": "too few",
    "prompts_differ": "prompts differ",
    "not_a_ratio_metric": "no ratio",
    "tokenizers_differ": "tokenizers",
    "not_measured": "not measured",
}


def paper() -> Console:
    """The console for results: as wide as the terminal, and wide enough for a table where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=PAPER_WIDTH)


def show(document: dict[str, Any]) -> None:
    """Prints a comparison, or scores alone, as tables and lines."""
    console = paper()
    teacher = document.get("teacher")
    title = document["student"]["model"] + (f" against {teacher['model']}" if teacher else "")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold", min_width=20)
    paired = (
        ("teacher", "kept", "95 %\ninterval", "above\nchance", "lost/\ngained", "verdict") if teacher else ()
    )
    for name in ("n", "student", *paired):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in ("tasks", "groups", "capabilities"):
        for row in document.get(kind) or []:
            table.add_row(*_cells(row, row.get("task") or row["name"], bool(teacher)))
        table.add_section()
    table.add_row(*_cells(document["overall"], "overall", bool(teacher)), style="bold")
    console.print(table)
    for line in _lines(document):
        console.print(line, highlight=False)


def _cells(row: dict[str, Any], name: str, paired: bool) -> list[str]:
    own = row.get("student") or row.get("score") or row
    cells = [name, str(row.get("n") or "")]
    if not paired:
        return [*cells, _score(own)]
    retention = row.get("retention") or {}
    samples = row.get("samples") or {}
    return [
        *cells,
        _value(own),
        _value(row.get("teacher") or {}),
        _value(retention),
        _interval(retention),
        _value(row.get("retention_above_chance") or {}),
        f"{samples['lost']}/{samples['gained']}" if samples else "",
        VERDICTS.get(row.get("verdict"), str(row.get("verdict"))),
    ]


def _score(score: dict[str, Any]) -> str:
    value, stderr = score.get("value"), score.get("stderr")
    if value is None:
        return "not measured"
    return f"{value:.3f}" + (f" ± {stderr:.3f}" if stderr is not None else "")


def _value(quantity: dict[str, Any]) -> str:
    if "undefined" in quantity:
        return WHY_UNDEFINED.get(str(quantity["undefined"]), str(quantity["undefined"]))
    value = quantity.get("value")
    return "" if value is None else f"{value:.3f}"


def _interval(quantity: dict[str, Any]) -> str:
    low, high = quantity.get("ci_low"), quantity.get("ci_high")
    return "" if low is None or high is None else f"{low:.3f}–{high:.3f}"


def _with_interval(quantity: dict[str, Any]) -> str:
    between = _interval(quantity)
    return _value(quantity) + (f" ({between})" if between else "")


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [
        *_flips(document),
        *_noise(document),
        *_fidelity(document),
        *_speculation(document.get("speculation") or {}),
        *_similarity(document.get("similarity") or {}),
        *_efficiency(document.get("efficiency") or {}),
        *_macro(document.get("macro")),
        *_to_settle(document),
        *_drawn(document),
        *(
            f"look at {sign['task']} before believing it: {sign['message']}"
            for sign in document.get("signs") or []
        ),
    ]
    if document.get("reproduce"):
        lines.append(f"the harness alone: {document['reproduce']}")
    return [*lines, f"again: {document['reproduce_zoo']}"]


def _flips(document: dict[str, Any]) -> list[str]:
    """Outcomes that differ, over all tasks whose samples are right or wrong."""
    found = [row["flips"] for row in document["tasks"] if row.get("flips")]
    if not found:
        return []
    n, lost, gained = (sum(row[name] for row in found) for name in ("n", "lost", "gained"))
    shared, expected = (sum(row["shared_errors"][name] for row in found) for name in ("observed", "expected"))
    return [
        f"flips: {lost + gained} of {n} samples ({(lost + gained) / n:.3f}), {lost} lost and {gained} gained; "
        f"{shared} errors are shared, {expected:.0f} would be by accident"
    ]


def _noise(document: dict[str, Any]) -> list[str]:
    found = [row["noise"] for row in document["tasks"] if row.get("noise")]
    if not found or not document.get("noise"):
        return []
    n, changed = (sum(row[name] for row in found) for name in ("n", "flips"))
    first, second = document["noise"]["batch_sizes"]
    return [
        f"noise floor: {changed} of {n} samples flip ({changed / n:.4f}) when the teacher runs at batch size "
        f"{first} and again at {second}"
    ]


def _to_settle(document: dict[str, Any]) -> list[str]:
    """How many samples would settle what is undecided: the tasks that are nearest to a verdict."""
    open_tasks = [(row["task"], row["power"]) for row in document["tasks"] if row.get("power")]
    if not open_tasks:
        return []
    near = sorted(
        (power["samples"], power["n"], name)
        for name, power in open_tasks
        if can_be_meant(power["samples"], power["n"])
    )
    numbers = ", ".join(f"{name} {in_words(samples, n)}" for samples, n, name in near[:MOST_OPEN])
    return [
        f"undecided: {len(open_tasks)} tasks; samples that would settle the nearest, were it as measured: "
        f"{numbers or 'no feasible number'}"
    ]


def _macro(macro: dict[str, Any] | None) -> list[str]:
    if not macro or macro["ratio"] is None:
        return []
    return [
        f"as the claim is formed: macro {macro['student']:.3f} of {macro['teacher']:.3f}, {macro['ratio']:.3f} of the "
        f"teacher ({macro['source']}); it mixes metrics and has no interval"
    ]


def _drawn(document: dict[str, Any]) -> list[str]:
    """Tasks whose answers were drawn several times, or whose heads were trained with several seeds."""
    lines = []
    version = str((document.get("engine") or {}).get("engine_version"))
    trained = version.startswith("finetune-")
    for row in document["tasks"]:
        for side, found in (row.get("reasoning") or {}).items():
            if found and trained:
                lines.append(
                    f"{row.get('task') or row['name']}, {side}: accuracy {_with_interval(found['pass_at_1'])} over "
                    f"{found['draws']} seeds, by the majority of seeds {_with_interval(found['maj_at_k'])}"
                )
            elif found:
                cut = found["truncation_rate"]
                lines.append(
                    f"{row.get('task') or row['name']}, {side}: pass@1 {_with_interval(found['pass_at_1'])} over "
                    f"{found['draws']} draws, maj@{found['k']} {_with_interval(found['maj_at_k'])}"
                    + ("" if cut is None else f", {cut:.1%} cut off")
                )
    return lines


def _speculation(found: dict[str, Any]) -> list[str]:
    if "acceptance" not in found:
        return []
    return [
        f"as a draft, run for real: {_with_interval(found['acceptance'])} of drafted tokens accepted, "
        f"{_with_interval(found['speed_up'])} times the speed over {found['prompts']} prompts"
    ]


def _similarity(found: dict[str, Any]) -> list[str]:
    closest = found.get("closest")
    if not closest:
        return []
    return [f"layers: the student's are closest to the teacher's {', '.join(map(str, closest))} (linear CKA)"]


def _fidelity(document: dict[str, Any]) -> list[str]:
    fidelity = document.get("fidelity") or {}
    if not document.get("teacher") or not fidelity:
        return []
    if "undefined" in fidelity:
        return [f"fidelity: {fidelity.get('message') or fidelity['undefined']}", *_bits(fidelity)]
    return [
        f"fidelity: the same first choice at {_with_interval(fidelity['top1'])} of {fidelity['positions']} places, "
        f"KL {_with_interval(fidelity['kl'])}, expected acceptance of drafts {_with_interval(fidelity['acceptance'])}"
    ]


def _bits(fidelity: dict[str, Any]) -> list[str]:
    """Bits per byte, which stand in where tokens cannot be compared."""
    bits = fidelity.get("bits_per_byte")
    if not bits:
        return []
    return [
        f"bits per byte over {bits['bytes']} bytes: student {_value(bits['student'])}, "
        f"teacher {_value(bits['teacher'])}, difference {_with_interval(bits['difference'])}"
    ]


def _efficiency(efficiency: dict[str, Any]) -> list[str]:
    lines = []
    share = efficiency.get("parameter_share") or efficiency.get("parameters_ratio")
    if share is not None:
        lines.append(f"size: {share:.3f} of the teacher's parameters")
    for name, what in (("latency", "a passage at a time"), ("prefill", "reading"), ("decode", "writing")):
        speed_up = (efficiency.get(name) or {}).get("speed_up")
        if speed_up and "value" in speed_up:
            lines.append(f"speed, {what}: {_with_interval(speed_up)} times the teacher's")
    return lines
