"""Starts the probes of templates and tokenizers under limits, and turns what they say into refusals."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from evaluation.formats.errors import FormatError
from evaluation.formats.folder import read_plain
from evaluation.formats.tokenizer import MAX_BYTES
from evaluation.isolation.brief import Budget, run_briefly

PROGRAM = Path(__file__).with_name("probe.py")


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
    for text in templates.values():
        answer = _answer("template", text.encode("utf-8", "replace"), budget)
        if answer != "ok":
            raise FormatError("bad_template", f"The chat template {_TEMPLATE_PROBLEMS[answer]}.", _REMEDY)
    return None


def check_tokenizer(folder: Path, budget: Budget = TOKENIZER) -> str | None:
    """Loads the folder's ``tokenizer.json`` and encodes a few texts. Gives a note when that cannot be tried here.

    Raises FormatError (``bad_tokenizer``) when it cannot be loaded, or not within 30 seconds of processor time.
    """
    if not (folder / "tokenizer.json").is_file():
        return None
    if importlib.util.find_spec("tokenizers") is None:
        return "The tokenizer was not tried: tokenizers is not installed where the model was fetched."
    answer = _answer("tokenizer", read_plain(folder, "tokenizer.json", MAX_BYTES), budget)
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


def _answer(what: str, content: bytes, budget: Budget) -> str:
    """What the probe said, or how it died: "ok", "time", "memory", "died" or a word of its own."""
    with tempfile.TemporaryDirectory(prefix="zoo-probe-") as name:
        # The probe may run under another user, who must be able to read this and nothing else.
        folder = Path(name).resolve()
        folder.chmod(0o755)
        (folder / what).write_bytes(content)
        (folder / what).chmod(0o644)
        inner = [sys.executable, "-I", str(PROGRAM), what, str(folder / what)]
        answer = run_briefly(inner, readable=(folder,), budget=budget)
    if answer.out_of_time:
        return "time"
    known = answer.code == 0 and answer.text in {"ok", *_TEMPLATE_PROBLEMS, *_TOKENIZER_PROBLEMS}
    return answer.text if known else "died"
