"""One attempt at one run, from the claim to the delivery.

The order of what is looked at matters: a lost lease first (kill at once and say nothing), then a wish to cancel,
then this worker's own shutdown (stop the runner, hand the run back with what is finished).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evaluation import isolation, logs
from evaluation.contract import Failure, Fault, ModelSource, Progress, RunReport, RunSpec
from evaluation.exchange import (
    MAX_SAMPLES_BYTES,
    MAX_TAIL_CHARACTERS,
    ArtifactKind,
    Claim,
    Delivery,
    FetchedModel,
)
from evaluation.isolation import BadResult, Child, IsolationRefused, Limits, Outcome
from evaluation.runners import earlier
from evaluation.runners.base import RunFailed, failed_report
from evaluation.supervision import fetching, health, journals, uploaded
from evaluation.supervision.keeper import Keeper
from evaluation.supervision.settings import WorkerSettings
from evaluation.zoo_client import LeaseGone, NotAdmitted, Refused, Unreachable, ZooClient

TICK_SECONDS = 0.1
DONE = "succeeded"
CRASHED = "crashed"

PASSED_ON_LINES = 50
"""Of a runner's last words, so many lines go into the worker's log."""

logger = logging.getLogger(__name__)
runner_logger = logging.getLogger("evaluation.runner")

NEVER_STARTED = Failure(
    code="worker_sick",
    fault=Fault.PLATFORM,
    message="The worker could not start the runner and gave the run back.",
    remedy="An operator should look at the worker's log; 'zoo doctor --isolation' tries the machine.",
)
DRAINED = Failure(
    code="worker_stopped",
    fault=Fault.PLATFORM,
    message="The worker was shut down and gave the run back.",
    remedy="It goes on by itself from its last finished task.",
)


@dataclass(slots=True)
class Attempt:
    """One attempt. ``draining`` says whether this worker is being shut down."""

    claim: Claim
    settings: WorkerSettings
    client: ZooClient
    keeper: Keeper
    device: str
    draining: Callable[[], bool]
    started: bool = False
    """Whether the runner has said anything: if not, its death is this machine's fault and not the run's."""

    @property
    def folder(self) -> Path:
        """The folder of this run on this machine; a later attempt finds the journal there."""
        return self.settings.runs / self.claim.spec.identity()

    def run(self) -> None:
        """Does the attempt. Never raises for what can happen to a run; the zoo is told, or will find out."""
        self.keeper.start()
        try:
            state = self._deliver(self._work())
            if state == DONE:
                shutil.rmtree(self.folder, ignore_errors=True)
        except (LeaseGone, NotAdmitted) as error:
            logger.warning("run %s is not ours any more: %s", self.claim.run, error)
        except (Refused, Unreachable) as error:
            logger.warning("run %s could not be delivered: %s", self.claim.run, error)
        finally:
            self.keeper.close()

    def _work(self) -> Delivery:
        try:
            return self._measured()
        except RunFailed as error:
            return self._failed(error.failure)
        except (IsolationRefused, BadResult) as error:
            return self._failed(error.failure)
        except OSError as error:
            logger.exception("run %s failed on this machine", self.claim.run)
            return self._failed(_machine_failure(error))

    def _measured(self) -> Delivery:
        output = self.folder / "out"
        self._bring_journal(output)
        fetched = fetching.fetch(
            self.claim.spec, self.settings, self.keeper.tell, self._must_stop, self._bring_upload
        )
        if isinstance(fetched.spec, RunSpec):
            earlier.lend(fetched.spec, self.settings.answers, output)
        child = isolation.start(
            fetched.spec,
            out_dir=output,
            model_dirs=fetched.folders,
            datasets_dir=self.settings.datasets_dir,
            limits=Limits(
                time_seconds=fetched.spec.requirements.time_limit_seconds,
                stall_seconds=self.settings.stall_seconds,
            ),
            on_progress=self._hear,
            gpu=self.device == "cuda",
            trusted=fetched.trusted,
            environment_extra=logs.for_child(),
        )
        self.keeper.tell_isolation(child.isolation.label)
        logger.info("the runner started as process %s", child.pid)
        outcome = self._watch(child)
        _pass_on(outcome)
        if not self.started and outcome.failure is not None and outcome.failure.code == CRASHED:
            logger.error("the runner could not be started: %s", outcome.log[-2000:])
            health.stumbled(self.settings, now=time.time())
            return Delivery(release=NEVER_STARTED)
        if self._was_drained(outcome):
            self._send_journal(output)
            return Delivery(release=DRAINED)
        if isinstance(fetched.spec, RunSpec) and outcome.failure is None:
            earlier.collect(fetched.spec, self.settings.answers, output)
        return self._with_files(outcome, output, fetched.models)

    def _bring_upload(self, source: ModelSource) -> Path | None:
        return uploaded.bring(
            source,
            self.settings,
            self.client,
            self.claim,
            tell=self.keeper.tell,
            must_stop=self._must_stop,
        )

    def _hear(self, progress: Progress) -> None:
        if not self.started:
            self.started = True
            health.recovered(self.settings)
        self.keeper.tell(progress)

    def _watch(self, child: Child) -> Outcome:
        """Waits for the runner, and ends it when the lease is lost, the run cancelled or the worker stopped."""
        asked = False
        while (outcome := child.poll()) is None:
            self.keeper.tell_log(child.last_words(MAX_TAIL_CHARACTERS))
            if self.keeper.lost:
                child.kill()
                raise LeaseGone("the lease ended, or the zoo was silent for too long")
            if not asked and self._must_stop():
                asked = True
                child.stop()
            time.sleep(TICK_SECONDS)
        return outcome

    def _must_stop(self) -> bool:
        return self.keeper.lost or self.keeper.cancel_requested or self.draining()

    def _was_drained(self, outcome: Outcome) -> bool:
        stopped = outcome.failure is not None and outcome.failure.code == isolation.CANCELLED.code
        return stopped and self.draining() and not self.keeper.cancel_requested

    def _with_files(self, outcome: Outcome, output: Path, models: tuple[FetchedModel, ...]) -> Delivery:
        report = outcome.report
        if isinstance(report, RunReport):
            if report.samples is not None and report.failure is None:
                with isolation.open_samples(output, report.samples, limit=MAX_SAMPLES_BYTES) as samples:
                    self._send("samples", samples, report.samples.sha256)
            if report.peak_memory_bytes is None:
                report = report.model_copy(update={"peak_memory_bytes": outcome.peak_memory_bytes})
        if report.failure is not None and outcome.log:
            log = self.folder / "log.txt"
            log.write_text(outcome.log[-100_000:], encoding="utf-8")
            self._upload("log", log)
        return Delivery(report=report, models=models)

    def _failed(self, failure: Failure) -> Delivery:
        if failure.code == isolation.CANCELLED.code and self.draining() and not self.keeper.cancel_requested:
            return Delivery(release=DRAINED)
        return Delivery(report=failed_report(self.claim.spec, failure))

    def _deliver(self, delivery: Delivery) -> str:
        if self.keeper.lost:
            raise LeaseGone("the lease ended before the report")
        answer = self.client.deliver(self.claim, delivery, until=lambda: self.keeper.deadline)
        logger.info("run %s is now %s", self.claim.run, answer.state)
        return answer.state

    def _upload(self, kind: ArtifactKind, path: Path) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._send(kind, file, digest)

    def _send(self, kind: ArtifactKind, file: BinaryIO, sha256: str) -> None:
        self.client.upload(self.claim, kind, file, sha256, until=lambda: self.keeper.deadline)

    def _send_journal(self, output: Path) -> None:
        """Best effort: without it the next attempt starts anew, unless it comes to this machine."""
        archive = self.folder / "journal.tar.gz"
        with contextlib.suppress(OSError, Unreachable, Refused):
            if journals.pack(output, archive):
                self._upload("journal", archive)

    def _bring_journal(self, output: Path) -> None:
        if self.claim.journal is None or output.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        archive = self.folder / "journal.tar.gz"
        try:
            self.client.download_journal(self.claim, self.claim.journal, archive)
            journals.unpack(archive, output)
        except (ValueError, OSError, Unreachable, Refused) as error:
            logger.warning("run %s starts anew, its journal did not arrive: %s", self.claim.run, error)
            shutil.rmtree(output, ignore_errors=True)


def _pass_on(outcome: Outcome) -> None:
    """What the runner said, line by line, into this worker's log; and how it ended."""
    for line in outcome.log.splitlines()[-PASSED_ON_LINES:]:
        runner_logger.info("%s", line[:2000])
    logger.info("the runner ended with %d after %.1f s", outcome.exit_code, outcome.seconds)


def _machine_failure(error: OSError) -> Failure:
    if error.errno == errno.ENOSPC:
        return Failure(
            code="disk_full",
            fault=Fault.PLATFORM,
            message="The worker's disk is full.",
            remedy="It is tried again; an operator should make room on the worker.",
        )
    return Failure(
        code="watch_failed",
        fault=Fault.PLATFORM,
        message=f"The worker could not run it: {error.strerror or type(error).__name__}.",
        remedy="It is tried again; if this repeats, an operator should look at the worker's log.",
    )


def sweep(settings: WorkerSettings, *, now: float) -> None:
    """Removes the folders of runs that nobody has touched for the time that they are kept."""
    with contextlib.suppress(FileNotFoundError):
        for folder in settings.runs.iterdir():
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < now - settings.kept_days * 86400:
                    shutil.rmtree(folder, ignore_errors=True)
