"""``python -m tests.fuzz --minutes 10``: fuzzes every parser for its share of the time, each in a process of its own.

With atheris (guided by coverage) where it is installed, else with random changes of good inputs. A crash, an input that
takes longer than two seconds, or more than 2 GiB of memory ends it with exit code 1; the input lies in ``var/fuzz``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz import MAX_LENGTH, MEMORY_BYTES, SLOW_SECONDS

FOLDER = Path("var/fuzz")
RUNS = re.compile(r"Done (\d+) runs|tried=(\d+)")


def main() -> int:
    """Fuzzes all targets, or the named one (in this process)."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--target", help="one parser alone, in this process")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if options.target:
        return fuzz(options.target, options.minutes * 60)
    from tests.fuzz.targets import TARGETS

    runs = {name: _in_own_process(name, options.minutes / len(TARGETS)) for name in TARGETS}
    failed = [name for name, count in runs.items() if count is None]
    summary = {"minutes": options.minutes, "guided": _is_guided(), "runs": runs, "failed": failed}
    sys.stdout.write(json.dumps(summary, indent=1) + "\n")
    return 1 if failed else 0


def _is_guided() -> bool:
    return importlib.util.find_spec("atheris") is not None


def _in_own_process(name: str, minutes: float) -> int | None:
    """How many inputs a target took; None when one of them broke it."""
    words = [sys.executable, "-m", "tests.fuzz", "--target", name, "--minutes", str(minutes)]
    log = FOLDER / f"{name}.log"
    with log.open("wb") as file:
        done = subprocess.run(words, stderr=subprocess.STDOUT, stdout=file, timeout=minutes * 60 + 300)
    found = RUNS.findall(log.read_text(errors="replace"))
    count = int("".join(found[-1])) if found else 0
    sys.stderr.write(f"{name}: {'clean' if done.returncode == 0 else 'FAILED'} after {count} inputs\n")
    return count if done.returncode == 0 else None


def fuzz(name: str, seconds: float) -> int:
    """Fuzzes one target for so long. Atheris ends the process itself."""
    if not _is_guided():
        from tests.fuzz.changes import change_at_random
        from tests.fuzz.targets import TARGETS

        return change_at_random(*TARGETS[name], seconds=seconds, keep=FOLDER / name)
    import atheris

    # Only what is imported in here is followed.
    with atheris.instrument_imports(include=["evaluation.formats"]):
        from tests.fuzz.targets import TARGETS, try_one
    parser, seeds = TARGETS[name]
    corpus = FOLDER / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = [
        sys.argv[0], f"-max_total_time={max(int(seconds), 1)}", f"-max_len={MAX_LENGTH}", "-print_final_stats=1",
        f"-timeout={int(SLOW_SECONDS)}", f"-rss_limit_mb={MEMORY_BYTES >> 20}", f"-artifact_prefix={FOLDER}/{name}-",
        str(corpus),
    ]  # fmt: skip

    def one(data: bytes) -> None:
        try_one(parser, data)

    atheris.Setup(words, one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
