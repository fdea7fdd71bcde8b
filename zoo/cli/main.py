"""The ``zoo`` command: finds the subcommand, runs it, turns anticipated errors into exit codes.

Each subcommand is a function in a module of its own, imported only when it is asked for, so that
``zoo --help`` does not wait for Django, and nothing here ever waits for torch.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import typer
from typer import _click as click  # Typer carries its own copy of click, and raises that one's errors.
from typer.core import TyperGroup

USAGE = 64
FAILED = 70

COMMANDS: dict[str, str] = {
    "up": "zoo.cli.stack:up",
    "demo": "zoo.cli.demo:demo",
    "doctor": "zoo.cli.doctor:doctor",
    "evaluate": "zoo.cli.evaluate:evaluate",
    "upload": "zoo.cli.upload:upload",
    "submit": "zoo.cli.submit:submit",
    "runs": "zoo.cli.submit:runs",
    "show": "zoo.cli.submit:show",
    "token": "zoo.cli.token:token",
    "license-check": "zoo.cli.license_check:license_check",
    "import": "zoo.cli.import_:import_",
    "propose": "zoo.cli.propose:propose",
    "proposals": "zoo.cli.decide:proposals",
    "decide": "zoo.cli.decide:decide",
    "catalog": "zoo.cli.catalog:catalog",
    "export": "zoo.cli.export:export",
    "verify": "zoo.cli.verify:verify",
    "export-site": "zoo.cli.export_site:export_site",
    "dump": "zoo.cli.export_site:dump",
    "backup": "zoo.cli.backup:backup",
    "restore": "zoo.cli.backup:restore",
}


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are first needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        target = getattr(importlib.import_module(module), attribute)
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        single = typer.Typer(add_completion=False)
        single.command(name=cmd_name)(target)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Distill Zoo: what a student kept of its teacher, where it came from, whether it may be used.",
)


@app.callback()
def _root() -> None:
    """Exists so that Typer builds a group."""


def main() -> NoReturn:
    """The entry point. Exit codes: 0 done, 1 the question's "no", 2 unknown, 64 usage, 70 failed."""
    command = typer.main.get_command(app)
    try:
        sys.exit(command.main(standalone_mode=False) or 0)
    except typer.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.exceptions.UsageError as error:
        error.show(sys.stderr)
        sys.exit(USAGE)
    except (typer.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        _explain(error)


def _explain(error: Exception) -> NoReturn:
    """Prints an anticipated error as a sentence and a remedy; anything else is a bug and keeps its traceback."""
    from zoo.core.errors import ZooError

    if not isinstance(error, ZooError):
        raise error
    print(f"zoo: {error.message}", file=sys.stderr)
    if error.remedy:
        print(f"     {error.remedy}", file=sys.stderr)
    sys.exit(USAGE)
