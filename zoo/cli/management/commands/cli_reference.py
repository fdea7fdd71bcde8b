"""Writes docs/reference/cli.md from the command line itself, or checks that it is in step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import typer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from typer.core import TyperArgument, TyperGroup

from zoo.cli.main import COMMANDS, app

PATH: Path = settings.BASE_DIR / "docs" / "reference" / "cli.md"
HEAD = """# Command line

Every command of `zoo`, with its arguments. Written from the commands themselves; `zoo COMMAND --help` says the same.

With `--json` the document alone goes to stdout, everything else to stderr. Exit codes: 0 done, 1 the question's "no"
(prohibited, not kept), 2 unknown or undecided, 64 wrong usage, 70 failed. `ZOO_URL` and `ZOO_TOKEN` say which server,
and as whom.

"""


class Command(BaseCommand):
    """``--check`` fails on a difference."""

    help = "Write (or with --check: compare) docs/reference/cli.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare")

    def handle(self, *args: Any, **options: Any) -> None:
        text = reference()
        if not options["check"]:
            PATH.write_text(text, encoding="utf-8")
        elif not PATH.exists() or PATH.read_text(encoding="utf-8") != text:
            raise CommandError("docs/reference/cli.md is out of step: run `make fix`")


def reference() -> str:
    """The whole page."""
    group = typer.main.get_command(app)
    context = typer.Context(group)
    found = [(name, cast(TyperGroup, group).get_command(context, name)) for name in COMMANDS]
    parts = [_section(f"zoo {name}", command) for name, command in found if command is not None]
    return "\n".join([HEAD, *parts]).rstrip() + "\n"


def _section(name: str, command: Any) -> str:
    if isinstance(command, TyperGroup):
        inner = typer.Context(command)
        rows = [(one, command.get_command(inner, one)) for one in command.list_commands(inner)]
        return "\n".join(_section(f"{name} {one}", found) for one, found in rows if found is not None)
    shown = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    words = [_word(one) for one in shown if isinstance(one, TyperArgument)]
    lines = [f"## {name}", "", " ".join((command.help or "").split()), ""]
    lines += [f"`{' '.join([name, *words, '[OPTIONS]'])}`", ""]
    if shown:
        lines += ["| argument | what |", "| --- | --- |", *(_row(one) for one in shown), ""]
    return "\n".join(lines)


def _word(argument: TyperArgument) -> str:
    word = (argument.metavar or argument.name or "").upper()
    return word if argument.required else f"[{word}]"


def _row(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        names = f"`{_word(parameter)}`"
    else:
        names = ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts])
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        text += f" Default: `{default}`."
    return f"| {names} | {text.strip()} |"
