"""The recipe as one command: corpus to tokenizer, teachers, students. It makes everything that is shipped.

    python -m evaluation.demo.recipe --minutes 120 --out DIR [--seed N]

The causal chain, the masked and the sequence-to-sequence pair train side by side, each in a process of its own. Not
for production training: the schedule follows the wall clock, so a repeat on another machine makes other numbers of
steps.
"""

import argparse
import multiprocessing
import queue
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from tokenizers import Tokenizer

from evaluation.demo import loop

Part = Literal["causal", "masked", "sequence"]
_PARTS: tuple[Part, ...] = ("causal", "masked", "sequence")

SEQUENCE_MINUTES = 30.0
"""More than this the sequence-to-sequence pair does not need."""


def prepare(out: Path) -> None:
    """Writes tokenizer.json and tokens.npz into `out`, unless they are there."""
    from evaluation.demo import corpus, tokenizer, windows

    out.mkdir(parents=True, exist_ok=True)
    if (out / "tokens.npz").exists():
        return
    books = corpus.training_books()
    vocabulary = tokenizer.train(p for book in books for p in book.paragraphs)
    vocabulary.save(str(out / "tokenizer.json"))
    stream = windows.encode(books, vocabulary)
    np.savez(out / "tokens.npz", tokens=stream.tokens, starts=stream.starts)


class Go(NamedTuple):
    """One call of the recipe: the wall clock for each part in minutes, its seed, and CPU threads of each part."""

    minutes: float
    seed: int
    threads: int = 1


def train_part(part: Part, out: Path, go: Go, report: loop.Report) -> None:
    """Trains one chain into `out`/<model name>."""
    import torch

    from evaluation.demo import causal, masked, sequence, windows

    torch.set_num_threads(go.threads)
    if part == "sequence":
        sequence.train_pair(out, minutes=min(go.minutes, SEQUENCE_MINUTES), seed=go.seed, report=report)
        return
    saved = np.load(out / "tokens.npz")
    stream = windows.Stream(saved["tokens"], saved["starts"])
    vocabulary = Tokenizer.from_file(str(out / "tokenizer.json"))
    if part == "causal":
        causal.train_chain(stream, vocabulary, out, minutes=go.minutes, seed=go.seed, report=report)
    else:
        masked.train_pair(stream, vocabulary, out, minutes=go.minutes, seed=go.seed, report=report)


def _start(part: Part, out: Path, go: Go, put: Callable[[loop.Progress], None]) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=train_part, args=(part, out, go, put), name=part)
    process.start()
    return process


def _show(processes: list[BaseProcess], messages: "multiprocessing.Queue[loop.Progress]") -> None:
    """Draws a bar per stage until all processes have ended; without a terminal, a line a minute."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:24}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
               TextColumn("step {task.fields[step]} loss {task.fields[loss]:.3f}"), TimeElapsedColumn())  # fmt: skip
    said: dict[str, float] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}
        while any(p.is_alive() for p in processes) or not messages.empty():
            try:
                news = messages.get(timeout=1.0)
            except queue.Empty:
                continue
            if news.stage not in tasks:
                tasks[news.stage] = bars.add_task(news.stage, total=1.0, step=0, loss=0.0)
            bars.update(tasks[news.stage], completed=news.fraction, step=news.step, loss=news.loss)
            now = time.monotonic()
            if not console.is_terminal and (news.fraction == 1.0 or now - said.get(news.stage, 0.0) > 60.0):
                said[news.stage] = now
                console.print(f"{news.stage} {news.fraction:.1%} step {news.step} loss {news.loss:.3f}")


def main(arguments: list[str] | None = None) -> int:
    """Parses, prepares, trains; 0 when every part ended well."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.recipe", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0, help="wall clock for training (default 120)")
    parser.add_argument("--out", type=Path, required=True, help="where models and intermediate files go")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--part", choices=_PARTS, action="append", help="only this part (default: all)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each part (default 1)")
    options = parser.parse_args(arguments)
    go = Go(options.minutes, options.seed, options.threads)
    prepare(options.out)
    messages: multiprocessing.Queue[loop.Progress] = multiprocessing.get_context("spawn").Queue()
    parts = options.part or _PARTS
    processes = [_start(part, options.out, go, messages.put) for part in parts]
    _show(processes, messages)
    for process in processes:
        process.join()
    return 0 if all(process.exitcode == 0 for process in processes) else 1


if __name__ == "__main__":
    sys.exit(main())
