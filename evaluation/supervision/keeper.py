"""Keeps the lease of one attempt: a thread that beats, carries progress and log, and learns of cancel and loss.

It also fences this machine by its own clock: when no beat got through, the lease is taken as lost two beats
before it ends, so that this machine has stopped before another one starts.
"""

from __future__ import annotations

import logging
import threading
import time

from evaluation.contract import Progress
from evaluation.exchange import Claim, Heartbeat
from evaluation.zoo_client import LeaseGone, NotAdmitted, Refused, Unreachable, ZooClient

BEATS_PER_LEASE = 6
PROGRESS_SECONDS = 1.5
"""New progress is told at most this often."""
PROGRESS_SHARE = 0.01
"""And not before so much more of the time has passed: a run of hours is not followed by the second."""

logger = logging.getLogger(__name__)


def pace(elapsed: float) -> float:
    """Seconds between two tellings of progress, in an attempt that has gone on for so many seconds.

    So an attempt leaves hundreds of events and not tens of thousands, however long it takes.
    """
    return max(PROGRESS_SECONDS, PROGRESS_SHARE * elapsed)


class Keeper:
    """Holds a lease from its start to ``close``. Its client is its own; it may wait while others upload."""

    def __init__(self, claim: Claim, client: ZooClient, *, claimed_at: float) -> None:
        self._claim = claim
        self._client = client
        self._length = claim.lease_seconds
        self._deadline = self._until(claimed_at)
        self._news = threading.Event()
        self._closed = threading.Event()
        self._progress: Progress | None = None
        self._told: Progress | None = None
        self._log: str | None = None
        self._told_log: str | None = None
        self._isolation: str | None = None
        self._told_isolation: str | None = None
        self._cancel = False
        self._gone = False
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def start(self) -> None:
        """Starts to beat."""
        self._thread.start()

    def close(self) -> None:
        """Stops beating, and waits for a beat on its way."""
        self._closed.set()
        self._news.set()
        self._thread.join(timeout=60)
        self._client.close()

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody wants the run to stop."""
        return self._cancel

    @property
    def lost(self) -> bool:
        """Whether this machine must stop at once: the lease is gone, or may be gone by now."""
        return self._gone or time.monotonic() >= self._deadline

    @property
    def deadline(self) -> float:
        """Monotonic time until which the lease holds for certain; moves on with each beat."""
        return time.monotonic() if self._gone else self._deadline

    def tell(self, progress: Progress) -> None:
        """Takes progress, to be told with the next beat. Quick: called from the thread that reads the runner."""
        self._progress = progress
        self._news.set()

    def tell_log(self, tail: str) -> None:
        """Takes the end of the log, to be told with the next beat if it is another than before."""
        if tail != (self._log or ""):
            self._log = tail
            self._news.set()

    def tell_isolation(self, label: str) -> None:
        """Takes what is around the runner, to be told with the next beat."""
        self._isolation = label
        self._news.set()

    def _run(self) -> None:
        beat = self._length / BEATS_PER_LEASE
        began = last = time.monotonic()
        while not self._closed.is_set():
            self._news.wait(timeout=max(0.0, last + beat - time.monotonic()))
            soonest = last + min(pace(last - began), beat)
            if self._closed.wait(timeout=max(0.0, soonest - time.monotonic())):
                return
            self._news.clear()
            last = time.monotonic()
            self._beat()
            if self._gone:
                return

    def _beat(self) -> None:
        progress, log, isolation, sent_at = self._progress, self._log, self._isolation, time.monotonic()
        beat = Heartbeat(
            progress=progress if progress != self._told else None,
            log=log if log != self._told_log else None,
            isolation=isolation if isolation != self._told_isolation else None,
        )
        try:
            answer = self._client.heartbeat(self._claim, beat)
        except Unreachable as error:
            logger.warning("the zoo could not be reached for a heartbeat: %s", error)
            return
        except (LeaseGone, NotAdmitted, Refused) as error:
            logger.warning("the lease of run %s is gone: %s", self._claim.run, error)
            self._gone = True
            return
        self._told, self._told_log, self._told_isolation = progress, log, isolation
        self._cancel = answer.cancel
        self._length = answer.lease_seconds
        # Counted from before the question was sent: the zoo's lease began after that.
        self._deadline = self._until(sent_at)

    def _until(self, start: float) -> float:
        return start + self._length * (1 - 2 / BEATS_PER_LEASE)
