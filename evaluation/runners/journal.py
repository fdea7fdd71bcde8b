"""What a run has already done, on disk, so that a killed run goes on where it stopped.

Append-only JSON lines: an answer is worth a model's forward pass, so each batch is written as it
comes; a finished task is its result and a Parquet file of its samples. The journal belongs to one spec
(by identity); another spec's journal is thrown away. A torn last line is what a kill leaves behind, and is
dropped. Survives the death of the process, not a power cut between two syncs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self

from evaluation import samples as samples_file
from evaluation.contract import FileRef, TaskResult, canonical_json
from evaluation.samples import Sample

FOLDER = "journal"
IDENTITY = "identity"
ANSWERS = "answers.jsonl"
RESULTS = "results.jsonl"
SAMPLES = "samples.parquet"


def request_key(method: str, arguments: Sequence[object]) -> str:
    """Short name of one request: 32 hex digits over the method and its arguments."""
    return hashlib.sha256(canonical_json([method, list(arguments)])).hexdigest()[:32]


class Journal:
    """The journal of one run in its output folder. Use it in a ``with`` statement, which closes its files."""

    def __init__(self, output: Path, identity: str, lent: Iterable[tuple[str, Any]] = ()) -> None:
        """``lent`` are answers of other runs, by key; they are used like this run's own and not written again."""
        self.folder = output / FOLDER
        self._start(identity)
        self._answers: dict[str, Any] = dict(lent)
        self._lent = frozenset(self._answers)
        self.lent_and_used: set[str] = set()
        """Keys of the lent answers that this run has asked for."""
        for line in _lines(self.folder / ANSWERS):
            self._answers[line["key"]] = line["answer"]
        self._finished = {
            line["result"]["task"]: TaskResult.model_validate(line["result"])
            for line in _lines(self.folder / RESULTS)
            if (self.folder / line["samples"]).exists()
        }
        self._answers_out = _open_to_append(self.folder / ANSWERS)
        self._results_out = _open_to_append(self.folder / RESULTS)

    @property
    def finished(self) -> dict[str, TaskResult]:
        """The results so far, by task."""
        return dict(self._finished)

    @property
    def answer_count(self) -> int:
        """How many requests have been answered, in this process or one before it. Lent answers count."""
        return len(self._answers)

    def answer(self, key: str) -> Any | None:
        """The answer recorded for a request, or None."""
        if key in self._lent:
            self.lent_and_used.add(key)
        return self._answers.get(key)

    def record_answers(self, answers: Iterable[tuple[str, Any]]) -> None:
        """Appends a batch of answers (JSON values) and hands them to the operating system."""
        for key, answer in answers:
            self._answers[key] = answer
            self._answers_out.write(json.dumps({"key": key, "answer": answer}) + "\n")
        self._answers_out.flush()

    def finish(self, result: TaskResult, samples: Iterable[Sample]) -> None:
        """Records a finished task with its samples; both are on disk when this returns."""
        name = f"{hashlib.sha256(result.task.encode()).hexdigest()[:16]}.parquet"
        temporary = self.folder / f"{name}.part"
        samples_file.write(temporary, samples)
        os.replace(temporary, self.folder / name)
        self._finished[result.task] = result
        line = {"result": result.model_dump(mode="json"), "samples": name}
        self._results_out.write(json.dumps(line) + "\n")
        self._results_out.flush()
        os.fsync(self._results_out.fileno())

    def samples(self, tasks: Sequence[str]) -> Iterator[Sample]:
        """The recorded samples of the named tasks, in the order of the names."""
        for task in tasks:
            name = f"{hashlib.sha256(task.encode()).hexdigest()[:16]}.parquet"
            if (self.folder / name).exists():
                yield from samples_file.read(self.folder / name)

    def write_samples(self, path: Path, tasks: Sequence[str]) -> FileRef:
        """Writes the samples of the named tasks as one file and gives its reference."""
        temporary = path.with_suffix(".part")
        samples_file.write(temporary, self.samples(tasks))
        os.replace(temporary, path)
        return file_ref(path)

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the files. What was recorded stays."""
        self._answers_out.close()
        self._results_out.close()

    def _start(self, identity: str) -> None:
        marker = self.folder / IDENTITY
        if self.folder.exists() and (not marker.exists() or marker.read_text() != identity):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(marker, identity.encode())


def file_ref(path: Path) -> FileRef:
    """Name, digest and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRef(name=path.name, sha256=digest, size=path.stat().st_size)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes the file so that a reader sees the old content or the new one, never a part."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _open_to_append(path: Path) -> IO[str]:
    """Opens for appending after cutting off a torn last line."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
    return path.open("a", encoding="utf-8")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            try:
                yield json.loads(line)
            except ValueError:
                continue
