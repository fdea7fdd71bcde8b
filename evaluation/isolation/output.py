"""What a run prints: progress lines from one pipe, a log from the other. All of it is hostile until cleaned.

Escape sequences and control characters go, things that look like secrets are masked, and no more than a
stated number of bytes is kept. The pipes are always emptied, so that a run that prints too much does not hang.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator

from pydantic import ValidationError

from evaluation.contract import Progress

MAX_LINE = 64 << 10
TAIL_LINES = 200
ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_X][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|\x9b[0-?]*[@-~]"
)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SECRETS = re.compile(
    r"(hf_[A-Za-z0-9]{16,}|zoow?_[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|sk-[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)"
)


def clean(line: bytes) -> str:
    """A line as plain text: no escapes, no control or direction characters, secrets masked."""
    text = ESCAPES.sub(b"", line).decode("utf-8", "replace")
    return SECRETS.sub("[masked]", CONTROLS.sub("", text))


class Lines:
    """Cuts a stream of bytes into lines of bounded length."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now. Of one longer than MAX_LINE only the beginning is given."""
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            if not self._skipping:
                yield line[:MAX_LINE]
            self._skipping = False
        if len(rest) > MAX_LINE:
            if not self._skipping:
                yield rest[:MAX_LINE]
            self._skipping = True
            rest = b""
        self._rest = b"" if self._skipping else rest

    def end(self) -> Iterator[bytes]:
        """What is left when the stream ends."""
        if self._rest and not self._skipping:
            yield self._rest
        self._rest = b""


class Log:
    """The cleaned log of a run: the first ``limit`` bytes of it count, the last lines are kept.

    One thread feeds it; any may read.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._cut = False
        self._lines = Lines()
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Takes bytes as they come. Past the limit they are dropped, and the log says so once."""
        if self._left <= 0:
            if not self._cut:
                self._keep(["[the run printed more than is kept]"])
                self._cut = True
            return
        self._left -= len(data)
        self.add(self._lines.feed(data))

    def end(self) -> None:
        """Takes in the last line that has no end."""
        self.add(self._lines.end())

    def add(self, lines: Iterator[bytes]) -> None:
        """Takes whole lines."""
        self._keep([clean(line) for line in lines])

    @property
    def tail(self) -> str:
        """The last lines."""
        with self._lock:
            return "\n".join(self._tail)

    def last_words(self, characters: int) -> str:
        """As many of the last lines as fit, whole; of a single longer one its end."""
        tail = self.tail
        if len(tail) <= characters:
            return tail
        cut = tail[-characters:]
        return cut.partition("\n")[2] or cut

    def _keep(self, lines: list[str]) -> None:
        with self._lock:
            self._tail.extend(lines)


def read_progress(line: bytes) -> Progress | None:
    """The progress in a line, or None when the line is anything else."""
    if not line.startswith(b"{"):
        return None
    try:
        progress = Progress.model_validate_json(line)
    except (ValidationError, ValueError):
        return None
    message = clean(progress.message.encode("utf-8", "replace"))
    return progress if message == progress.message else progress.model_copy(update={"message": message})
