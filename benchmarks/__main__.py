"""``make bench``: every side-by-side measurement, one after the other, into ``benchmarks/results/``.

The catalog is measured at 10,000 models here; ``python -m benchmarks.catalog --models 1000000`` takes minutes more.
"""

from __future__ import annotations

import subprocess
import sys

COMMANDS = (
    ("benchmarks.engine", "--fresh"),
    ("benchmarks.licensing",),
    ("benchmarks.samples",),
    ("benchmarks.catalog", "--models", "10000"),
)


def main() -> int:
    """Runs all, and fails if one of them did."""
    worst = 0
    for command in COMMANDS:
        print(f"== {' '.join(command)}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", *command], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
