"""The causal engine beside the harness's own loop: one model, one suite, one thread, alternating, CPU time.

``python -m benchmarks.engine`` runs each as a child process from command to report, as a worker does, and writes
ratios to ``benchmarks/results/engine.json``. CPU time is the child's
own, so that other work on the machine hardly moves the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from evaluation.contract import Engine, ModelSource, Protocol, RunReport, RunSpec, SuiteRef
from evaluation.demo import shipped
from evaluation.suites import loader

RESULTS = Path(__file__).parent / "results" / "engine.json"
ENGINES = (Engine.HARNESS, Engine.CAUSAL)


class Measured(NamedTuple):
    """One run from command to report."""

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int | None
    scores: dict[str, float]


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default=shipped.CAUSAL_TEACHER)
    parser.add_argument("--suite", default="demo")
    parser.add_argument("--batch_size", type=int, default=32)
    given = parser.parse_args()
    found: dict[Engine, list[Measured]] = {engine: [] for engine in ENGINES}
    for number in range(given.rounds):
        for engine in ENGINES if number % 2 == 0 else reversed(ENGINES):
            found[engine].append(run(given.model, given.suite, engine, given.batch_size))
            print(
                f"round {number + 1}, {engine}: {found[engine][-1].cpu_seconds:.1f} CPU seconds",
                file=sys.stderr,
            )
    report = summary(found, given)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report["ratios"], indent=1))


def run(model: str, suite_name: str, engine: Engine, batch_size: int) -> Measured:
    """One child process, from an empty cache."""
    suite = loader.load(suite_name)
    spec = RunSpec(
        model=ModelSource(name=model, revision="shipped"),
        suite=SuiteRef(name=suite.name, version=suite.version),
        tasks=suite.task_names,
        protocol=Protocol(batch_size=batch_size),
        engine=engine,
    )
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        (output / "spec.json").write_text(spec.model_dump_json())
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "evaluation", str(output / "spec.json"), folder],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "ZOO_MODELS_DIR": str(shipped.MODELS_DIR)},
        )
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = RunReport.model_validate_json((output / "report.json").read_text())
    if report.failure is not None:
        raise SystemExit(f"{engine}: {report.failure.message}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    scores = {result.task: result.score.value for result in report.results}
    return Measured(cpu, wall, report.peak_memory_bytes, scores)


def summary(found: dict[Engine, list[Measured]], given: argparse.Namespace) -> dict[str, object]:
    """Medians, ranges, ratios (harness / engine), and whether every score is the same."""
    harness, causal = (found[engine] for engine in ENGINES)
    pairs = zip(harness, causal, strict=True)
    return {
        "model": given.model,
        "suite": given.suite,
        "batch_size": given.batch_size,
        "rounds": given.rounds,
        "threads": 1,
        "load_average": os.getloadavg()[0],
        "cpu_seconds": {
            str(engine): [round(one.cpu_seconds, 2) for one in runs] for engine, runs in found.items()
        },
        "wall_seconds": {
            str(engine): [round(one.wall_seconds, 2) for one in runs] for engine, runs in found.items()
        },
        "peak_memory_bytes": {
            str(engine): max(one.peak_memory_bytes or 0 for one in runs) for engine, runs in found.items()
        },
        "ratios": {
            "cpu": round(statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs), 2),
            "largest_difference_of_a_score": max(
                abs(harness[0].scores[task] - causal[0].scores[task]) for task in harness[0].scores
            ),
        },
    }


if __name__ == "__main__":
    main()
