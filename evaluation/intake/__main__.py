"""``python -m evaluation.intake SPEC OUT``: lets one model in and leaves ``intake.json`` in OUT.

The only process with network and HF_TOKEN; what it let in is run by another one that has neither. Progress goes
to stdout as JSON lines. Exit code 0: let in, 70: the report holds a failure, 64: the spec is none.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from evaluation.contract import Progress
from evaluation.formats.intake import REPORT_NAME, IntakeSpec
from evaluation.intake.pipeline import take_in

DEFAULT_ENDPOINT = "https://huggingface.co"
EXIT_DONE, EXIT_USAGE, EXIT_FAILED = 0, 64, 70


def main(arguments: list[str] | None = None) -> int:
    """Runs one intake and gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.intake", description=__doc__.split("\n\n")[0])
    parser.add_argument("spec", type=Path, help="an IntakeSpec as JSON")
    parser.add_argument("out", type=Path, help="the folder for intake.json")
    options = parser.parse_args(arguments)
    try:
        spec = IntakeSpec.model_validate_json(options.spec.read_bytes())
    except (OSError, ValidationError, ValueError) as error:
        print(f"the spec cannot be read: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    report = take_in(spec, endpoint=endpoint, token=os.environ.get("HF_TOKEN") or None, tell=_tell)
    options.out.mkdir(parents=True, exist_ok=True)
    temporary = options.out / f"{REPORT_NAME}.part"
    temporary.write_bytes(report.model_dump_json(indent=1).encode())
    os.replace(temporary, options.out / REPORT_NAME)
    return EXIT_DONE if report.failure is None else EXIT_FAILED


def _tell(progress: Progress) -> None:
    sys.stdout.write(progress.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
