"""The child process: ``python -m evaluation SPEC OUT`` runs one spec and leaves a report in OUT.

It is also how a person repeats a run by hand. Progress goes out as JSON lines; anything else that a
library prints goes to stderr. Whatever goes wrong becomes a Failure in OUT/report.json. Started again with
the same spec and OUT, it goes on where it stopped. It holds no token and talks to no server.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, cast

from pydantic import TypeAdapter, ValidationError

from evaluation import logs
from evaluation.contract import Failure, Fault, PairSpec, Progress, Spec
from evaluation.runners import registry
from evaluation.runners.base import (
    AnyReport,
    AnySpec,
    Cancelled,
    Context,
    PairRunner,
    RunFailed,
    Runner,
    failed_report,
)
from evaluation.runners.journal import write_atomically

REPORT = "report.json"
EXIT_DONE = 0
EXIT_USAGE = 64
EXIT_FAILED = 70
logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Runs one spec. Gives 0 when measured, 70 when the report holds a failure, 64 on a spec that is none."""
    options = _parser().parse_args(arguments)
    try:
        spec = read_spec(options.spec)
    except (OSError, ValidationError, ValueError) as error:
        print(f"the spec cannot be read: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / REPORT).unlink(missing_ok=True)
    context = _context(options, spec, _progress_to(_progress_stream(options.progress_fd)))
    signal.signal(signal.SIGTERM, _cancel)
    logger.info("measuring %s", spec.identity())
    report = run(spec, context)
    write_atomically(options.out / REPORT, report.model_dump_json(indent=1).encode())
    if report.failure is None and options.cache_dir is None:
        # Converted weights and data sets of a finished run are of no more use; a failed one may be resumed.
        shutil.rmtree(options.out / "cache", ignore_errors=True)
    return EXIT_DONE if report.failure is None else EXIT_FAILED


def read_spec(path: Path) -> AnySpec:
    """The spec in a file. Raises OSError, or ValidationError for anything but a spec of this version."""
    adapter: TypeAdapter[AnySpec] = TypeAdapter(Spec)
    return adapter.validate_json(path.read_bytes())


def run(spec: AnySpec, context: Context) -> AnyReport:
    """Runs the spec with the runner of its engine; never raises for what goes wrong in a runner."""
    try:
        runner = registry.runner_for(spec)
        if isinstance(spec, PairSpec):
            return cast(PairRunner, runner).run(spec, context)
        return cast(Runner, runner).run(spec, context)
    except RunFailed as error:
        return failed_report(spec, error.failure)
    except Cancelled:
        return failed_report(spec, _CANCELLED)
    except MemoryError:
        traceback.print_exc()
        return failed_report(spec, _OUT_OF_MEMORY)
    except Exception as error:
        traceback.print_exc()
        return failed_report(spec, _unexpected(error))


_CANCELLED = Failure(
    code="cancelled",
    fault=Fault.PLATFORM,
    message="The run was stopped before it was finished.",
    remedy="Start it again: it goes on where it stopped.",
)
_OUT_OF_MEMORY = Failure(
    code="out_of_memory",
    fault=Fault.PLATFORM,
    message="The process ran out of memory.",
    remedy="Use a smaller batch size or a worker with more memory.",
)


def _unexpected(error: Exception) -> Failure:
    """A failure for an exception that no table knows. The traceback stays in the log, paths and all."""
    return Failure(
        code="runner_error",
        fault=Fault.PLATFORM,
        message=f"{type(error).__name__}: {error}"[:1000],
        remedy="This is a bug or an unforeseen model; the worker's log has the details.",
    )


def _cancel(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def _progress_stream(descriptor: int | None) -> IO[str]:
    """The stream for progress. stdout is then turned to stderr, so that no library can write into it."""
    stream = os.fdopen(os.dup(1) if descriptor is None else descriptor, "w", buffering=1, encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return stream


def _progress_to(stream: IO[str]) -> Callable[[Progress], None]:
    def write(progress: Progress) -> None:
        try:
            stream.write(progress.model_dump_json() + "\n")
        except BrokenPipeError:
            # Nobody listens any more. Whoever wants this process to end will end it.
            return

    return write


def _context(
    options: argparse.Namespace, spec: AnySpec, report_progress: Callable[[Progress], None]
) -> Context:
    model = spec.student if isinstance(spec, PairSpec) else spec.model
    teacher = spec.teacher if isinstance(spec, PairSpec) else None
    return Context(
        output=options.out.resolve(),
        model=options.model_dir or _local(model.directory, model.name, options.models_dir),
        teacher=_local(teacher.directory, teacher.name, options.models_dir) if teacher else None,
        datasets=options.datasets_dir,
        cache=options.cache_dir,
        isolation=options.isolation,
        report_progress=report_progress,
    )


def _local(directory: str | None, name: str, mirror: Path | None) -> Path | None:
    """The folder of a model: the one in the spec, else ``org/name`` in the mirror if it is there."""
    if directory is not None:
        return Path(directory)
    if mirror is not None and (mirror / name).is_dir():
        return mirror / name
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__.split("\n\n")[0])
    parser.add_argument("spec", type=Path, help="a RunSpec or PairSpec as JSON")
    parser.add_argument("out", type=Path, help="the folder for report.json, samples.parquet and the journal")
    parser.add_argument("--progress-fd", type=int, help="where progress goes (default: stdout)")
    parser.add_argument("--model-dir", type=Path, help="the model's files (default: as the spec says)")
    parser.add_argument("--models-dir", type=Path, default=_folder("ZOO_MODELS_DIR"))
    parser.add_argument("--datasets-dir", type=Path, default=_folder("ZOO_DATASETS_DIR"))
    parser.add_argument("--cache-dir", type=Path, default=_folder("ZOO_RUNNER_CACHE"))
    parser.add_argument("--isolation", default=os.environ.get("ZOO_ISOLATION", "none"))
    return parser


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


if __name__ == "__main__":
    # Not sys.exit alone: threads that a library left running must not keep a finished run alive.
    logs.configure()
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
