"""``python -m evaluation.formats.unpack ARCHIVE FOLDER BYTES``: unpacks a stranger's archive, in a process of its own.

For whoever must not read archives itself, such as a web server. It limits itself first, so that an archive which finds
a fault in a library takes seconds and little memory. One line of JSON on stdout: ``{"names": [...]}`` or the refusal.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from evaluation.formats.archive import Bounds, unpack
from evaluation.formats.errors import FormatError

CPU_SECONDS = 600
MEMORY_BYTES = 1 << 30
OPEN_FILES = 32
EXIT_DONE, EXIT_REFUSED, EXIT_USAGE = 0, 1, 64


def main(arguments: list[str]) -> int:
    """Unpacks and gives the exit code: 0 done, 1 refused, 64 called wrongly."""
    if len(arguments) != 3 or not arguments[2].isdecimal():
        return EXIT_USAGE
    archive, folder, most = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    _limit(most)
    try:
        names = unpack(archive, folder, bounds=Bounds(total_bytes=most))
    except FormatError as error:
        failure = error.failure
        said = {"code": failure.code, "message": failure.message, "remedy": failure.remedy}
        sys.stdout.write(json.dumps(said) + "\n")
        return EXIT_REFUSED
    sys.stdout.write(json.dumps({"names": names}) + "\n")
    return EXIT_DONE


def _limit(most: int) -> None:
    for what, value in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, most),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
