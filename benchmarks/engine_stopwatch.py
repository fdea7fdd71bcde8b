"""Runs the harness's command or our child process with a stopwatch around the model's answers.

``python -m benchmarks.engine_stopwatch OUT harness|zoo ARGUMENTS``. Writes CPU and wall seconds spent inside
``loglikelihood`` and ``generate_until``, and how much was asked, to OUT. One thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TASKS = Path(__file__).parent / "engine_tasks"
METHODS = ("loglikelihood", "generate_until")


class Stopwatch:
    """Adds up the time that a model takes to answer."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.asked: dict[str, int] = {}

    def wrap(self, model: Any) -> None:
        """Puts the stopwatch around the model's methods."""
        for name in METHODS:
            setattr(model, name, self._timed(name, getattr(model, name)))

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(requests: list[Any], *args: Any, **kwargs: Any) -> Any:
            self.asked[name] = self.asked.get(name, 0) + len(requests)
            cpu, wall = time.process_time(), time.monotonic()
            try:
                return method(requests, *args, **kwargs)
            finally:
                self.cpu += time.process_time() - cpu
                self.wall += time.monotonic() - wall

        return timed


def main() -> int:
    """Runs what is asked; its exit code is the command's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("kind", choices=("harness", "zoo"))
    given, rest = parser.parse_known_args()
    watch = Stopwatch()
    code, extra = _harness(watch, rest) if given.kind == "harness" else _zoo(watch, rest)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    given.out.write_text(
        json.dumps(
            {
                "scoring_cpu": watch.cpu,
                "scoring_wall": watch.wall,
                "process_cpu": time.process_time(),
                "peak_memory_bytes": usage.ru_maxrss * 1024,
                "requests": watch.asked,
                **extra,
            }
        )
    )
    return code


def _harness(watch: Stopwatch, words: list[str]) -> tuple[int, dict[str, Any]]:
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.models.huggingface import HFLM

    original = HFLM.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        watch.wrap(self)

    HFLM.__init__ = init
    sys.argv = ["lm-eval", *words]
    cli_evaluate()
    return 0, {}


def _zoo(watch: Stopwatch, words: list[str]) -> tuple[int, dict[str, Any]]:
    from evaluation import __main__ as child
    from evaluation.runners import harness
    from evaluation.suites import harness_tasks

    _add_tasks(harness_tasks.index())
    original = harness._Run._evaluate
    found: dict[str, Any] = {}

    sequences: set[tuple[int, ...]] = set()

    def evaluate(self: Any, loaded: Any) -> Any:
        watch.wrap(loaded.model)
        _collect(loaded.model, sequences)
        try:
            return original(self, loaded)
        finally:
            for name in ("tokens_run", "tokens_in_vain", "head_rows_run"):
                found[name] = getattr(loaded.model, name, None)

    harness._Run._evaluate = evaluate  # type: ignore[method-assign]
    code = child.main(words)
    return code, found | {
        "unique_tokens": _unique(sequences) or found["tokens_run"] - found["tokens_in_vain"]
    }


def _collect(model: Any, sequences: set[tuple[int, ...]]) -> None:
    """Takes down what the model reads for log-likelihoods. Of generations, all but wrong guesses counts as unique."""
    original = model._loglikelihood_tokens

    def collect(requests: Any, *args: Any, **kwargs: Any) -> Any:
        sequences.update(tuple(context + continuation)[:-1] for _, context, continuation in requests)
        return original(requests, *args, **kwargs)

    model._loglikelihood_tokens = collect


def _unique(sequences: set[tuple[int, ...]]) -> int:
    from evaluation.runners.models.trie import Plan, Request

    asked = [Request(number, tokens, tokens[-1:]) for number, tokens in enumerate(sequences)]
    return Plan(asked, budget=1).unique_tokens()


def _add_tasks(index: Any) -> None:
    """Makes the benchmark's own tasks known, as ``--include_path`` does for the command."""
    like = index.tasks["arc_easy"]
    for path in TASKS.glob("*.yaml"):
        index.tasks[path.stem] = like._replace(name=path.stem, file=str(path))


if __name__ == "__main__":
    sys.exit(main())
