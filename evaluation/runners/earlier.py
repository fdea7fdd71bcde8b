"""Answers of earlier runs of the same weights under the same protocol: a changed suite pays for what changed.

Beside the request itself an answer depends on the weights (by digest), the engine, the protocol, the kind of device
and the versions of the libraries; the key of a store is all of them. Only in float32, where an answer does not
depend on the batch it was computed in by more than rounding. What a run wrote is read as data.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from evaluation.contract import Dtype, Engine, RunSpec, digest_of
from evaluation.runners.journal import ANSWERS, FOLDER, write_atomically

LENT = "earlier.jsonl"
MOST_BYTES = 256 << 20
MOST_STORES = 200
LIBRARIES = ("lm_eval", "torch", "transformers", "tokenizers")
KEY = re.compile(r"[0-9a-f]{32}")
"""Answers that were drawn have longer keys, and are never lent: a draw belongs to its run."""


def store_of(spec: RunSpec, folder: Path) -> Path | None:
    """The file of a spec's store in a folder of stores; None where answers may not pass from run to run."""
    exact = spec.protocol.dtype is Dtype.FLOAT32 and spec.engine is not Engine.SCRIPTED
    if spec.model.digest is None or not exact:
        return None
    decided = {
        "weights": spec.model.model_dump(mode="json", exclude={"name", "revision", "directory"}),
        "engine": spec.engine,
        "device": spec.requirements.device,
        "protocol": spec.protocol.model_dump(mode="json", exclude={"num_fewshot", "limit"}),
        "versions": versions(),
    }
    return folder / f"{digest_of(decided)[:32]}.jsonl"


def versions() -> dict[str, str | None]:
    """The versions of the libraries that compute answers; None where one is not installed."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        found[name] = None
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def lend(spec: RunSpec, folder: Path, output: Path) -> None:
    """Lays the answers of a spec's store into the folder of a run that is about to start."""
    store = store_of(spec, folder)
    if store is not None and store.exists():
        output.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(output / LENT, store.read_bytes())


def collect(spec: RunSpec, folder: Path, output: Path) -> None:
    """Adds the answers of a finished run to its spec's store. Leaves it as it was when there is nothing to trust."""
    store = store_of(spec, folder)
    if store is None:
        return
    known = dict(read(store))
    before = len(known)
    for key, answer in read(output / FOLDER / ANSWERS):
        known.setdefault(key, answer)
    if len(known) == before:
        return
    content = "".join(json.dumps({"key": key, "answer": known[key]}) + "\n" for key in known).encode()
    if len(content) <= MOST_BYTES:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(store, content)
        _drop_oldest(folder)


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Keys and answers of a file of answers, as far as they are such. Nothing of a link or of too large a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
            return
        for line in file:
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and KEY.fullmatch(str(row.get("key"))) and "answer" in row:
                    yield row["key"], row["answer"]


def _drop_oldest(folder: Path) -> None:
    stores = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    for path in stores[:-MOST_STORES]:
        path.unlink(missing_ok=True)
