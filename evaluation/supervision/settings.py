"""What an evaluation worker is told by its environment. Nothing else reaches it: no database, no other secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.exchange import broker_url


class Misconfigured(Exception):
    """The environment lacks something or holds something wrong; the message says what to set."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Typed. ``home`` holds the caches; two workers on one machine have two names, and folders of runs apart."""

    zoo_url: str
    worker_token: str
    redis_url: str
    home: Path
    name: str = "worker"
    device: str = "auto"
    models_dir: Path | None = None
    datasets_dir: Path | None = None
    offline: bool = False
    """Whether the hub must not be asked."""
    poll_seconds: float = 15.0
    """How often to look for work without being told. Redis makes it quicker, never possible."""
    stall_seconds: float = 900.0
    kept_days: float = 7.0
    """How long the folder of a run that did not succeed is kept, so that a retry goes on where it stopped."""

    @property
    def runs(self) -> Path:
        """Where the folders of runs lie, by identity.

        Of this worker alone: another one on this machine may still be busy dying with the same run.
        """
        return self.home / "worker" / self.name / "runs"

    @property
    def answers(self) -> Path:
        """Where answers are kept for later runs of the same weights; workers of one machine share them."""
        return self.home / "answers"


def read(environment: Mapping[str, str] | None = None) -> WorkerSettings:
    """The settings. Raises Misconfigured naming the variable that is missing or wrong."""
    given = os.environ if environment is None else environment
    missing = [name for name in ("ZOO_URL", "ZOO_WORKER_TOKEN") if not given.get(name)]
    if missing:
        raise Misconfigured(f"set {' and '.join(missing)} in the environment of the worker")
    return WorkerSettings(
        zoo_url=given["ZOO_URL"],
        worker_token=given["ZOO_WORKER_TOKEN"],
        redis_url=broker_url(given.get("REDIS_URL", "")),
        home=Path(given.get("ZOO_HOME", "") or "var").expanduser().resolve(),
        name=given.get("ZOO_WORKER_NAME", "") or "worker",
        device=given.get("ZOO_DEVICE", "") or "auto",
        models_dir=_folder(given, "ZOO_MODELS_DIR"),
        datasets_dir=_folder(given, "ZOO_DATASETS_DIR"),
        offline=given.get("HF_HUB_OFFLINE", "") in {"1", "true", "yes"},
        poll_seconds=_seconds(given, "ZOO_POLL_SECONDS", 15.0),
        stall_seconds=_seconds(given, "ZOO_STALL_SECONDS", 900.0),
    )


def _folder(given: Mapping[str, str], name: str) -> Path | None:
    value = given.get(name, "")
    return Path(value).expanduser().resolve() if value else None


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    value = given.get(name, "")
    try:
        seconds = float(value) if value else default
    except ValueError:
        seconds = -1.0
    if seconds <= 0:
        raise Misconfigured(f"{name} must be a number of seconds above 0, not '{value}'")
    return seconds
