"""What a run and an intake have in common for who started them: ask for progress, wait for the end, end it early."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from evaluation.contract import Failure, Progress
from evaluation.isolation.failures import CANCELLED
from evaluation.isolation.process import Command, Ending, Process
from evaluation.isolation.sandbox import Limits

Result = TypeVar("Result")


class Started(ABC, Generic[Result]):
    """A child process, and the result that its end becomes. Safe to use from several threads."""

    _process: Process
    _result: Result | None = None

    @property
    def progress(self) -> Progress | None:
        """The last progress, if there was any."""
        return self._process.progress

    @property
    def pid(self) -> int | None:
        """Process id of the outermost process."""
        return self._process.pid

    def last_words(self, characters: int) -> str:
        """The end of what it has printed until now, cleaned, in no more than so many characters."""
        return self._process.last_words(characters)

    def poll(self) -> Result | None:
        """The result if the process has ended."""
        return self._result if self._process.ended.is_set() else None

    def wait(self, timeout: float | None = None) -> Result:
        """Waits for the end. Raises TimeoutError when ``timeout`` seconds pass before it."""
        if not self._process.ended.wait(timeout):
            raise TimeoutError("the process has not ended yet")
        assert self._result is not None
        return self._result

    def kill(self, failure: Failure = CANCELLED) -> None:
        """Kills it and everything it started, now. ``failure`` is what the result then says."""
        self._process.kill(failure)

    def stop(self, failure: Failure = CANCELLED) -> None:
        """Asks it to end (SIGTERM: it stores what is finished) and kills it after the grace time."""
        self._process.stop(failure)

    def begin(self, what: Command, limits: Limits, on_progress: Callable[[Progress], None] | None) -> None:
        """Starts the process. Raises OSError when it cannot be started."""
        self._process = Process(what, limits, on_progress, self._end)
        self._process.start()

    def _end(self, ending: Ending) -> None:
        self._result = self.judge(ending)

    @abstractmethod
    def judge(self, ending: Ending) -> Result:
        """What has come of it, from how the process ended and what it left behind."""
