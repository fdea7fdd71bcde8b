"""``zoo evaluate``: measures a student against its teacher in the foreground, without a server.

Parses, makes one call, prints. Argument names are lm-eval's. With ``--json`` the document alone goes to stdout;
everything for people goes to stderr.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from evaluation.foreground import Request
    from evaluation.formats.unchanged import Finding

DONE, NO, UNKNOWN, USAGE, FAILED = 0, 1, 2, 64, 70
USAGE_CODES = frozenset(
    "unknown_task unknown_suite task_runs_code task_needs_images bad_reference suite_fixes_shots "  # noqa: SIM905
    "model_not_found weights_not_safetensors needs_remote_code bad_header config_missing weights_missing "
    "gguf_ambiguous gguf_missing".split()
)
"""Failures that are about the question, not about the run."""
NOT_ASKED = frozenset({"require_retention", "as_json"})
"""Arguments that do not decide the document, only what is made of it."""


def evaluate(
    ctx: typer.Context,
    student: Annotated[str, typer.Argument(help="A directory, or org/name[@revision].")],
    teacher: Annotated[str | None, typer.Option(help="A directory or id. Without it: scores alone.")] = None,
    suite: Annotated[str | None, typer.Option(help="A suite by name, or name@version.")] = None,
    tasks: Annotated[str | None, typer.Option(help="lm-eval tasks, groups or tags, with commas.")] = None,
    gguf_file: Annotated[
        str | None, typer.Option("--gguf_file", "--gguf-file", help="The student's GGUF file, of several.")
    ] = None,
    teacher_gguf_file: Annotated[
        str | None,
        typer.Option(
            "--teacher_gguf_file", "--teacher-gguf-file", help="The teacher's GGUF file, of several."
        ),
    ] = None,
    num_fewshot: Annotated[int | None, typer.Option("--num_fewshot", "--num-fewshot", min=0)] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The first n documents of each task; never ranked.")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch_size", "--batch-size", min=1)] = 16,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    device: Annotated[str, typer.Option(help="any, cpu, cuda or mps.")] = "any",
    apply_chat_template: Annotated[
        bool, typer.Option("--apply_chat_template", "--apply-chat-template")
    ] = False,
    seed: Annotated[int, typer.Option(min=0)] = 1234,
    engine: Annotated[str, typer.Option(help="auto, harness, causal, masked, vllm or sglang.")] = "auto",
    pair: Annotated[
        bool, typer.Option(help="Measure speed, fidelity and similarity with both models loaded.")
    ] = True,
    noise_floor: Annotated[
        bool,
        typer.Option(
            "--noise-floor/--no-noise-floor",
            help="Run the teacher again at another batch size, to show how many flips are noise.",
        ),
    ] = False,
    price_per_hour: Annotated[
        float | None,
        typer.Option("--price-per-hour", min=0, help="Of this device: adds the cost of a million tokens."),
    ] = None,
    require_retention: Annotated[
        float | None,
        typer.Option(
            "--require-retention", min=0, help="Exit 1 when less is kept, 2 when it cannot be told."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for runs, samples and the document.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The document on stdout.")] = False,
) -> None:
    """Measures how much of its teacher a student has kept, here and now."""
    if (suite is None) == (tasks is None):
        raise typer.BadParameter("Give either --suite or --tasks.")
    from zoo.cli import recall

    arguments = {name: value for name, value in ctx.params.items() if name not in NOT_ASKED}
    asked = recall.question(arguments, (student, teacher), output or _home() / "evaluate", now=time.time())
    document: dict[str, Any] | None = asked.recall() if asked is not None else None
    if document is None:
        request = _request(
            student, teacher, suite, tasks, num_fewshot=num_fewshot, limit=limit, batch_size=batch_size, dtype=dtype,
            seed=seed, apply_chat_template=apply_chat_template, engine=engine, device=device, pair=pair, output=output,
            noise=noise_floor, price=price_per_hour, gguf_file=gguf_file, teacher_gguf_file=teacher_gguf_file,
        )  # fmt: skip
        document = _document(request, as_json, asked)
    else:
        print("zoo: answered from before; no file of it has changed since", file=sys.stderr)
    if output is not None:
        (output / "comparison.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        from zoo.cli.tables import show

        show(document)
    raise typer.Exit(verdict_code(document, require_retention))


def verdict_code(document: dict[str, Any], required: float | None) -> int:
    """Exit code for ``--require-retention``: kept 0, not kept 1, cannot tell 2; 0 when nothing was required.

    The whole interval of the overall retention must lie on one side.
    """
    if required is None:
        return DONE
    retention = (document.get("overall") or {}).get("retention") or {}
    low, high = retention.get("ci_low"), retention.get("ci_high")
    if low is None or high is None:
        return UNKNOWN
    if low >= required:
        return DONE
    return NO if high < required else UNKNOWN


def _request(
    student: str, teacher: str | None, suite: str | None, tasks: str | None, **options: Any
) -> Request:
    """The request, or a usage error that names the argument."""
    import pydantic

    from evaluation.contract import Engine, Protocol, Requirements
    from evaluation.foreground import Request

    try:
        protocol = Protocol(
            **{
                name: options[name]
                for name in ("num_fewshot", "limit", "batch_size", "dtype", "seed", "apply_chat_template")
            }
        )
        requirements = Requirements(device=options["device"])
        engine = Engine(options["engine"])
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return Request(
        student=student,
        teacher=teacher,
        suite=suite,
        tasks=tuple(name.strip() for name in re.split(r"[,\s]+", tasks or "") if name.strip()),
        protocol=protocol,
        engine=engine,
        requirements=requirements,
        home=options["output"] or _home() / "evaluate",
        models_dir=_folder("ZOO_MODELS_DIR"),
        datasets_dir=_folder("ZOO_DATASETS_DIR"),
        offline=os.environ.get("HF_HUB_OFFLINE", "") in ("1", "true", "yes"),
        pair=options["pair"] and teacher is not None,
        noise=options["noise"] and teacher is not None,
        price_per_hour=options["price"],
        gguf_file=options["gguf_file"],
        teacher_gguf_file=options["teacher_gguf_file"],
    )


def _document(request: Request, as_json: bool, asked: Finding | None) -> dict[str, Any]:
    """The document, kept for the next time, or an exit with the reason there is none."""
    from evaluation.foreground import RunFailed
    from evaluation.foreground import evaluate as measure
    from evaluation.isolation import IsolationRefused
    from zoo.cli.tables import Bars

    try:
        with Bars() as bars:
            document, folders, whole = measure(request, bars.tell)
    except (RunFailed, IsolationRefused) as error:
        failure = error.failure
        if as_json:
            print(json.dumps({"failure": failure.model_dump(mode="json")}, indent=1))
        print(f"zoo: {failure.message}", file=sys.stderr)
        if failure.remedy:
            print(f"     {failure.remedy}", file=sys.stderr)
        raise typer.Exit(USAGE if failure.code in USAGE_CODES else FAILED) from error
    if asked is not None and whole:
        asked.keep(document, folders)
    return document


def _home() -> Path:
    return Path(os.environ.get("ZOO_HOME") or "var")


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
