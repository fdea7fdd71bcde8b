"""Takes the commands and examples out of the documents, and says of each command what a test can do with it."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from django.core.management import get_commands

from zoo.cli.main import app

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)

NOT_HERE = {
    "up": "serves until Ctrl-C; the stack tests start it",
    "demo": "minutes; tests/functional/test_demonstration.py runs it",
    "evaluate": "minutes; tests/functional/test_evaluate_command.py runs it",
    "doctor": "answers otherwise on each machine; tests/functional/test_doctor.py runs it",
    "upload": "sends a folder with a model; tests/functional/uploads runs it",
    "backup": "needs a database in a file; tests/functional/test_backup_command.py runs it",
    "restore": "replaces the database; tests/functional/test_backup_command.py runs it",
    "export-site": "copies every page; tests/integration/publishing/test_site.py runs it on a small site",
    "catalog": "loads a whole catalog; tests/integration/lineage/test_dump.py does it",
    **dict.fromkeys(("propose", "proposals", "decide"), "tests/functional/catalog/test_commands.py runs it"),
}
"""Commands of ``zoo`` whose arguments are checked, and why they are not run with the documents."""
NOT_HERE_WITH = {
    "--wait": "waits for a worker; the stack tests do it",
    "--isolation": "attacks this machine; tests/faults/isolation does it",
}
OF_THE_SYSTEM = {
    **dict.fromkeys(
        ("apt-get", "adduser", "systemctl", "journalctl", "nginx", "su", "install", "pg_ctlcluster"),
        "sets up a machine as root; done by hand on a fresh one",
    ),
    **dict.fromkeys(("pg_dump", "pg_restore", "psql", "redis-cli", "valkey-cli"), "needs that server"),
    **dict.fromkeys(
        ("git", "cp", "ln", "mkdir", "chmod", "editor", "set", "cd", "rm", "openssl"), "plain shell"
    ),
    **dict.fromkeys(("pip", "hf", "python3.11"), "installs or fetches; needs a network"),
    **dict.fromkeys(
        ("gunicorn", "celery"), "serves until it is stopped; the tests of many machines start it"
    ),
    **dict.fromkeys(("prometheus", "promtool", "sha256sum", "grep", "ssh", "stunnel"), "a tool of others"),
}
"""Programs that are not ours, and why a test does not run them."""


class Command(NamedTuple):
    """One command of a document. ``where`` names document and line."""

    where: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words without variables in front, a comment behind, and what comes after the first command."""
        words = shlex.split(re.split(r"\s(?:&&|\||;)\s|;\s", self.text)[0], comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        return words


class Example(NamedTuple):
    """A block of another language."""

    where: str
    text: str


def commands() -> Iterator[Command]:
    """Every command of every document, in order."""
    for path in DOCUMENTS:
        for line, text in _blocks(path, "console"):
            joined = text.replace("\\\n", " ")
            for number, one in enumerate(joined.splitlines()):
                if one.startswith("$ "):
                    yield Command(f"{path.relative_to(ROOT)}:{line + number + 1}", one[2:])


def examples(language: str) -> Iterator[Example]:
    """Every block of a language."""
    for path in DOCUMENTS:
        for line, text in _blocks(path, language):
            yield Example(f"{path.relative_to(ROOT)}:{line}", text)


def _blocks(path: Path, language: str) -> Iterator[tuple[int, str]]:
    text = path.read_text("utf-8")
    for found in _FENCE.finditer(text):
        if found[1] == language:
            yield text.count("\n", 0, found.start()) + 1, found[2]


def kind(command: Command) -> str:
    """What a test can do with a command: run "zoo" and "curl"; "checked" is in order; else what is wrong with it."""
    words = command.words
    if not words:
        return "checked"
    program = words[0].rpartition("/")[2]
    if program == "zoo":
        return _of_zoo(words[1:])
    if program == "curl":
        return "curl" if "/api/v1/" in command.text else "checked"
    if program == "make":
        return _make(words[1])
    if program in ("python", "pytest", "export"):
        return {"python": _python, "pytest": _pytest, "export": lambda _: "checked"}[program](words[1:])
    return "checked" if program in OF_THE_SYSTEM else f"nobody says how {program} is tested"


def _of_zoo(arguments: list[str]) -> str:
    """Parses the arguments as the command would, without running it."""
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="zoo")
    command, rest = group, arguments
    while hasattr(command, "get_command") and rest:
        found = command.get_command(context, rest[0])
        if found is None:
            return f"there is no command {rest[0]}"
        command, rest = found, rest[1:]
    try:
        command.make_context("zoo", list(rest), parent=context)
    except Exception as error:  # Whatever click says is wrong with it is the finding.
        return f"zoo {arguments[0]}: {error}"
    if arguments[0] in NOT_HERE or any(word in NOT_HERE_WITH for word in arguments):
        return "checked"
    return "zoo"


def _make(target: str) -> str:
    makefile = (ROOT / "Makefile").read_text()
    return (
        "checked" if re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) else f"no target {target}"
    )


def _python(words: list[str]) -> str:
    if words[0] == "manage.py":
        return "checked" if words[1] in get_commands() else f"manage.py has no {words[1]}"
    if words[0] == "-m":
        found = importlib.util.find_spec(words[1])
        return "checked" if found is not None else f"no module {words[1]}"
    return f"python {words[0]} is not known"


def _pytest(words: list[str]) -> str:
    missing = [word for word in words if not word.startswith("-") and not (ROOT / word).exists()]
    return f"no such tests: {missing}" if missing else "checked"
