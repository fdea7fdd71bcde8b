"""The causal engine beside the ``lm-eval`` command: same model, data, dtype, limit, and its best fixed batch size.

    ZOO_DATASETS_DIR=... python -m benchmarks.engine [--only cell:smollm2] [--rounds 2] [--fresh]

One thread, one process at a time, in alternating order. CPU time is each process's own, so that other work on the
machine hardly moves it; wall time stands beside it with the load. Every step is written to
``benchmarks/results/engine.json`` as soon as it is done, and done steps are passed over. Without a mirror of data
sets the slices that the tests carry are used, which are too small to show much.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import engine_processes as processes
from benchmarks import engine_service
from benchmarks.engine_processes import Asked, Place

RESULTS = Path(__file__).parent / "results" / "engine.json"


class Cell(NamedTuple):
    """One task on one model. ``sizes`` are the batch sizes among which the harness's best is looked for."""

    model: str
    name: str
    tasks: str
    limit: int
    sizes: tuple[int, ...]
    target: float | None


CELLS = (
    Cell("smollm2", "BLiMP", "blimp", 2, (4, 16, 32), 1.5),
    Cell("smollm2", "ARC-Easy, 0-shot", "arc_easy", 24, (1, 4, 16), 2),
    Cell("smollm2", "ARC-Easy lettered, 5-shot", "bench_arc_lettered", 20, (1, 4), 5),
    Cell("smollm2", "ARC-Easy, 5-shot, first_n", "bench_arc_first_n", 8, (1, 4), 10),
    Cell("smollm2", "ARC-Easy, 5-shot, drawn anew", "bench_arc_random", 8, (1, 4), 3),
    Cell("smollm2", "gsm8k_cot, generation", "gsm8k_cot", 16, (4, 8, 16), 2.5),
    Cell("demo", "BLiMP", "blimp", 50, (64, 128), 1.5),
    Cell("demo", "ARC-Easy, 0-shot", "arc_easy", 150, (4, 16, 64), 2),
)
"""The shipped demonstration models have a context of 128 tokens, so examples do not fit them."""


def main() -> int:
    """Does every step that is not in the results yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="steps whose names begin so; several with semicolons")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--again", action="store_true", help="do the named steps again")
    parser.add_argument("--work", type=Path, help="a folder to keep converted models and caches in")
    given = parser.parse_args()
    if given.fresh:
        RESULTS.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = Place(given.work or Path(temporary))
        for name, step in _steps().items():
            results = _read()
            if not name.startswith(tuple(given.only.split(";"))) or (name in results and not given.again):
                continue
            print(f"{name} ...", file=sys.stderr, flush=True)
            found = step(place, given.rounds, results) | {"load_average": round(os.getloadavg()[0], 1)}
            _write(_read() | {"machine": _machine(), name: found})
    print(table(_read()))
    return 0


def _read() -> dict[str, Any]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def _write(results: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _steps() -> dict[str, Callable[[Place, int, dict[str, Any]], dict[str, Any]]]:
    cells = {f"cell:{cell.model}:{cell.name}": _step_of(cell) for cell in CELLS}
    return {
        "peak": lambda place, rounds, results: processes.matmul_peak(),
        **cells,
        "import": lambda place, rounds, results: processes.import_time(rounds),
        "resume": _resume,
        "pair": _pair,
        "ten students": _ten_students,
        "re-submission": _again,
        "service": lambda place, rounds, results: engine_service.overhead(place, rounds),
    }


def _step_of(cell: Cell) -> Callable[[Place, int, dict[str, Any]], dict[str, Any]]:
    def step(place: Place, rounds: int, results: dict[str, Any]) -> dict[str, Any]:
        return _cell(cell, place, rounds, float(results["peak"]["flops_per_second"]))

    return step


def _cell(cell: Cell, place: Place, rounds: int, peak: float) -> dict[str, Any]:
    asked = Asked(place.model(cell.model), place.tasks(cell.tasks), cell.limit, cell.sizes[0])
    sweep = {size: processes.harness(place, asked._replace(batch_size=size)) for size in cell.sizes}
    best = min(sweep, key=lambda size: float(sweep[size]["scoring_cpu"]))
    asked = asked._replace(batch_size=best)
    # The best of the sweep is the first round's.
    runs: dict[str, list[dict[str, Any]]] = {"harness": [sweep[best]], "zoo": []}
    for number in range(rounds):
        order = ("zoo",) if number == 0 else ("harness", "zoo") if number % 2 == 0 else ("zoo", "harness")
        for kind in order:
            runs[kind].append(getattr(processes, kind)(place, asked))
    return {
        "task": cell.name,
        "limit": cell.limit,
        "requests": runs["zoo"][0]["requests"],
        "sweep_cpu_seconds": {size: round(run["scoring_cpu"], 2) for size, run in sweep.items()},
        "batch_size": best,
        "target": cell.target,
        **_compared(runs),
        "floor": processes.floor(runs["zoo"], asked.model, peak),
        "equality": processes.equality(runs["harness"][0], runs["zoo"][0]),
    }


def _compared(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Each measure's runs, its median ratio (harness / zoo) over rounds, and the range of the ratios."""
    found: dict[str, Any] = {}
    for measure in ("scoring_cpu", "scoring_wall", "process_cpu", "process_wall", "peak_memory_bytes"):
        pairs = [(h[measure], z[measure]) for h, z in zip(runs["harness"], runs["zoo"], strict=True)]
        ratios = [h / z for h, z in pairs]
        found[measure] = {
            "harness": [round(h, 2) for h, _ in pairs],
            "zoo": [round(z, 2) for _, z in pairs],
            "ratio": round(statistics.median(ratios), 2),
            "range": [round(min(ratios), 2), round(max(ratios), 2)],
        }
    return found


def _resume(place: Place, rounds: int, results: dict[str, Any]) -> dict[str, Any]:
    """kill -9 when half of the answers are journaled, then the same command again."""
    asked = Asked(place.model("smollm2"), place.tasks("arc_easy"), 24, 4)
    whole = processes.zoo(place, asked)
    first, second = processes.killed_at_half(place, asked, whole["requests"]["loglikelihood"])
    return {
        "task": "ARC-Easy, 0-shot, 24 documents, SmolLM2-135M",
        "answers": whole["requests"]["loglikelihood"],
        "answers_kept": first["answers"],
        "scoring_cpu_whole": round(whole["scoring_cpu"], 2),
        "scoring_cpu_after_resume": round(second["scoring_cpu"], 2),
        "share_of_scoring_done_again": round(
            second["scoring_cpu"] / whole["scoring_cpu"] - (1 - first["answers"] / second["answers"]), 3
        ),
        "peak_memory_bytes": {
            "whole": whole["peak_memory_bytes"],
            "after_resume": second["peak_memory_bytes"],
        },
        "samples_equal": whole["samples"] == second["samples"],
    }


def _pair(place: Place, rounds: int, results: dict[str, Any]) -> dict[str, Any]:
    """From command to table: ``lm-eval`` twice against ``zoo evaluate STUDENT --teacher``."""
    runs: dict[str, list[dict[str, Any]]] = {"harness": [], "zoo": []}
    for number in range(rounds):
        for kind in ("harness", "zoo") if number % 2 == 0 else ("zoo", "harness"):
            runs[kind].append(processes.pair(kind, place))
    ratios = [h["cpu"] / z["cpu"] for h, z in zip(runs["harness"], runs["zoo"], strict=True)]
    return {
        "what": processes.PAIR,
        "cpu_seconds": {kind: [round(run["cpu"], 2) for run in found] for kind, found in runs.items()},
        "wall_seconds": {kind: [round(run["wall"], 2) for run in found] for kind, found in runs.items()},
        "peak_memory_bytes": {kind: max(run["peak"] for run in found) for kind, found in runs.items()},
        "cpu_ratio": round(statistics.median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def _ten_students(place: Place, rounds: int, results: dict[str, Any]) -> dict[str, Any]:
    """Ten different students of one teacher. The command has no memory: its cost is ten times that of a pair."""
    harness = 10 * statistics.median(results["pair"]["cpu_seconds"]["harness"])
    zoo = processes.students(place, 10)
    ratio = harness / zoo["cpu"]
    return {
        "what": processes.PAIR,
        "cpu_seconds": {"harness (10 x pair)": round(harness, 2), "zoo": round(zoo["cpu"], 2)},
        "wall_seconds": round(zoo["wall"], 2),
        "peak_memory_bytes": zoo["peak"],
        "cpu_ratio": round(ratio, 2),
        "beyond_the_pair": round(ratio / results["pair"]["cpu_ratio"], 2),
        "target_beyond": 1.8,
    }


def _again(place: Place, rounds: int, results: dict[str, Any]) -> dict[str, Any]:
    """The demonstration suite on the pair, then the same command again."""
    first, again = processes.suite_twice(place)
    return {
        "what": "suite 'demo' on the demonstration pair, with speed and fidelity",
        "cpu_seconds": {"first": round(first["cpu"], 2), "again": round(again["cpu"], 2)},
        "wall_seconds": {"first": round(first["wall"], 2), "again": round(again["wall"], 2)},
        "peak_memory_bytes": {"first": first["peak"], "again": again["peak"]},
        "share": round(again["cpu"] / first["cpu"], 4),
        "target": 0.02,
    }


def _machine() -> dict[str, Any]:
    import lm_eval
    import torch
    import transformers

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": 1,
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
        "lm_eval": lm_eval.__version__,
        "dtype": "float32",
    }


def table(results: dict[str, Any]) -> str:
    """The cells as a table of Markdown."""
    lines = [
        "| model | task | documents | batch | scoring, CPU s: harness / zoo | ratio (range) | target | "
        "process, CPU s | peak memory, GB | times the floor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cell in results.items():
        if name.startswith("cell:"):
            lines.append(_line(name.split(":")[1], cell))
    return "\n".join(lines)


def _line(model: str, cell: dict[str, Any]) -> str:
    def both(measure: str, unit: float = 1, digits: int = 1) -> str:
        middle = [statistics.median(cell[measure][kind]) / unit for kind in ("harness", "zoo")]
        return " / ".join(f"{value:.{digits}f}" for value in middle)

    scoring = cell["scoring_cpu"]
    ratio = f"**{scoring['ratio']:.2f}** ({scoring['range'][0]:.2f} to {scoring['range'][1]:.2f})"
    floor = cell["floor"]["scoring_cpu_over_floor"]
    fields = (
        model,
        cell["task"],
        cell["limit"],
        cell["batch_size"],
        both("scoring_cpu"),
        ratio,
        cell["target"],
        both("process_cpu"),
        both("peak_memory_bytes", 1e9, 2),
        floor if floor is not None else "",
    )
    return "| " + " | ".join(str(field) for field in fields) + " |"


if __name__ == "__main__":
    sys.exit(main())
