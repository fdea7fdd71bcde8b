"""Starts the probes of templates and tokenizers under limits, and turns what they say into refusals."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from evaluation.formats.errors import FormatError
from evaluation.isolation.sandbox import guarded

PROGRAM = Path(__file__).with_name("probe.py")


class Budget(NamedTuple):
    """What one probe may use."""

    cpu_seconds: int
    memory_bytes: int


TEMPLATE = Budget(2, 1 << 30)
TOKENIZER = Budget(30, 6 << 30)


def check_templates(templates: Mapping[str, str], budget: Budget = TEMPLATE) -> str | None:
    """Renders each template once. Gives a note when templates cannot be tried here.

    Raises FormatError (``bad_template``) for an escape, bad syntax, or more than two seconds or a gibibyte.
    """
    if not templates:
        return None
    if importlib.util.find_spec("jinja2") is None:
        return "The chat template was not tried: jinja2 is not installed where the model was fetched."
    with tempfile.TemporaryDirectory(prefix="zoo-probe-") as folder:
        for text in templates.values():
            path = Path(folder) / "template"
            path.write_text(text, encoding="utf-8", errors="replace")
            answer = _answer("template", path, budget)
            if answer != "ok":
                raise FormatError("bad_template", f"The chat template {_TEMPLATE_PROBLEMS[answer]}.", _REMEDY)
    return None


def check_tokenizer(folder: Path, budget: Budget = TOKENIZER) -> str | None:
    """Loads the folder's ``tokenizer.json`` and encodes a few texts. Gives a note when that cannot be tried here.

    Raises FormatError (``bad_tokenizer``) when it cannot be loaded, or not within 30 seconds of processor time.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    if importlib.util.find_spec("tokenizers") is None:
        return "The tokenizer was not tried: tokenizers is not installed where the model was fetched."
    answer = _answer("tokenizer", path, budget)
    if answer != "ok":
        remedy = "Save the tokenizer again with a current version of the tokenizers library."
        raise FormatError("bad_tokenizer", f"tokenizer.json {_TOKENIZER_PROBLEMS[answer]}.", remedy)
    return None


_REMEDY = "Use the plain template of the model's family."
_TEMPLATE_PROBLEMS = {
    "escape": "tries to leave its sandbox",
    "syntax": "is not a valid template",
    "time": "needs too much time for a short conversation",
    "memory": "needs too much memory for a short conversation",
    "died": "makes the process that renders it fail",
}
_TOKENIZER_PROBLEMS = {
    "unusable": "cannot be loaded by the tokenizers library",
    "time": "needs too much time for a few short texts",
    "memory": "needs too much memory",
    "died": "makes the process that loads it fail",
}


def _answer(what: str, path: Path, budget: Budget) -> str:
    """What the probe said, or how it died: "ok", "time", "memory", "died" or a word of its own."""
    words = guarded(
        {
            "mode": "exec",
            "die_with": os.getpid(),
            "no_new_privileges": True,
            "filter": "unix",
            "sacrifice": True,
            "limits": {"CPU": budget.cpu_seconds, "AS": budget.memory_bytes, "FSIZE": 1 << 20, "CORE": 0},
            "command": [sys.executable, "-I", str(PROGRAM), what, str(path)],
        }
    )
    settings = {
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "RAYON_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        done = subprocess.run(
            words, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=3 * budget.cpu_seconds + 10, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "time"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "time"
    word = done.stdout[:20].decode("ascii", "replace").strip()
    if done.returncode != 0 or word not in {"ok", *_TEMPLATE_PROBLEMS, *_TOKENIZER_PROBLEMS}:
        return "died"
    return word
