"""Schemathesis against a living server, for as long as asked: ``python -m tests.contract --minutes 10``.

The server is a process of its own with seeded data. Exit code 0 when every answer is what the document says.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.server import CHECKOUT, Zoo, running_zoo

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "use_after_free",
)
ENDLESS = "/events/$"
"""The stream of a run that waits does not end."""


def main() -> int:
    """Starts the server, lets schemathesis loose on it, and passes on what it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with running_zoo() as zoo, tempfile.TemporaryDirectory() as folder:
        words = [
            str(Path(sys.executable).with_name("st")),
            "run",
            f"{zoo.address}/api/v1/schema/",
            f"--header=Authorization: Token {_token(zoo)}",
            f"--checks={','.join(CHECKS)}",
            "--phases=coverage,fuzzing",
            f"--exclude-path-regex={ENDLESS}",
            f"--max-time={max(1, round(options.minutes * 60))}",
            f"--seed={options.seed}",
            "--continue-on-failure",
            "--warnings=off",
        ]
        # It leaves files where it stands.
        return subprocess.run(words, cwd=folder).returncode


def _token(zoo: Zoo) -> str:
    command = [sys.executable, "-c", "from zoo.cli.main import main; main()"]
    command += ["token", "create", "--scope", "operate"]
    done = subprocess.run(
        command, env=zoo.environment, cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
