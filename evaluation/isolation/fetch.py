"""Intake in a process of its own: the one that may reach the network and hold HF_TOKEN, and runs no model.

It has limits, dies with its parent, and gets a few named settings of the environment instead of all of it. Its code
is not imported here: it is started by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evaluation.contract import Progress
from evaluation.formats.intake import REPORT_NAME, IntakeReport, IntakeSpec
from evaluation.isolation.failures import crashed
from evaluation.isolation.process import Command, Ending
from evaluation.isolation.result import BadResult, open_output
from evaluation.isolation.sandbox import PACKAGE, Limits, guarded
from evaluation.isolation.started import Started

SPEC_NAME = "intake-spec.json"
MAX_REPORT = 8 << 20
ADDRESS_SPACE = 16 << 30
PASSED_ON = (
    "HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ",
)  # fmt: skip
"""Settings that intake needs. No secret of the zoo is among them."""
DEFAULT_LIMITS = Limits(time_seconds=12 * 3600, stall_seconds=600, processes=64)


@dataclass
class Fetch(Started[IntakeReport]):
    """An intake that was started. Ended early, it keeps what it has fetched, and the next one goes on from there."""

    spec: IntakeSpec
    output: Path

    def judge(self, ending: Ending) -> IntakeReport:
        """The report that the intake left, or a failure for what happened to it."""
        if ending.verdict is not None:
            return IntakeReport(source=self.spec.source, failure=ending.verdict)
        try:
            with open_output(self.output, REPORT_NAME, limit=MAX_REPORT) as file:
                report = IntakeReport.model_validate_json(file.read())
        except (BadResult, ValidationError, ValueError):
            return IntakeReport(source=self.spec.source, failure=crashed(ending.code))
        if report.source.name != self.spec.source.name:
            return IntakeReport(source=self.spec.source, failure=crashed(ending.code))
        return report


def start_fetch(
    spec: IntakeSpec,
    *,
    out_dir: Path,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Callable[[Progress], None] | None = None,
) -> Fetch:
    """Starts ``python -m evaluation.intake`` and returns at once. ``out_dir`` takes its spec and its report.

    On success the report's source has a digest and a directory: the source to put into a RunSpec. Raises OSError.
    """
    out_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    output = out_dir.resolve()
    (output / REPORT_NAME).unlink(missing_ok=True)
    (output / SPEC_NAME).write_bytes(spec.model_dump_json(indent=1).encode())
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    variables |= {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(output),
        "TMPDIR": str(output),
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    words = guarded(
        {
            "mode": "stay",
            # No filter of system calls: intake puts walls around what it tries.
            "no_new_privileges": True,
            "limits": {"AS": ADDRESS_SPACE, "CORE": 0, "NOFILE": 1024},
            "folder": str(output),
            "command": [sys.executable, "-m", "evaluation.intake", str(output / SPEC_NAME), str(output)],
        }
    )
    fetch = Fetch(spec, output)
    fetch.begin(Command(words, variables, output, guarded=True), limits, on_progress)
    return fetch
