"""The failures that a death becomes: codes, faults and remedies in one place."""

from __future__ import annotations

import signal

from evaluation.contract import Failure, Fault

CANCELLED = Failure(
    code="cancelled",
    fault=Fault.PLATFORM,
    message="The run was stopped before it was finished.",
    remedy="Start it again: it goes on where it stopped.",
)


def submitter_failure(code: str, message: str, remedy: str) -> Failure:
    """A failure that the submitter can mend."""
    return Failure(code=code, fault=Fault.SUBMITTER, message=message, remedy=remedy)


def platform_failure(code: str, message: str) -> Failure:
    """A failure that only the ones who run the service can mend, and that may pass."""
    remedy = "It is tried again on its own; if this repeats, an operator should look at the worker's log."
    return Failure(code=code, fault=Fault.PLATFORM, message=message, remedy=remedy)


def out_of_memory(why: str) -> Failure:
    """Memory ran out. Nobody's fault: the supervisor tries half the batch first."""
    return Failure(
        code="out_of_memory",
        fault=Fault.PLATFORM,
        message=f"The run was ended because it ran out of memory: {why}.",
        remedy="Use a smaller batch size or a worker with more memory.",
    )


def crashed(code: int) -> Failure:
    """The process ended on its own without saying why."""
    if code <= 128:
        return platform_failure("crashed", f"The process ended with code {code}.")
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        name = f"signal {code - 128}"
    return platform_failure("crashed", f"The process was killed by {name}.")


def size_text(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / (1 << 30):.2f} GiB"
