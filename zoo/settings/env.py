"""Reads the environment, once. Every setting that an operator may change is named in this file and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from environs import Env

from evaluation.exchange import broker_url

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Environment:
    """What the operator said, typed. Empty strings mean "not said"."""

    home: Path
    database_url: str
    redis_url: str
    artifacts: str
    models_dir: Path | None
    datasets_dir: Path | None
    secret_key: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    public_url: str
    debug: bool
    trusted_proxies: int
    submissions_per_day: int
    submissions_open: int
    upload_bytes: int
    """What the uploads of a person may take in all."""
    upload_days: int
    """Days after which an upload goes that nobody submits any more."""
    lease_seconds: int
    log_json: bool
    worker_token: str
    backoff_seconds: list[int]
    """How long a run rests after it lost its worker once, twice, more often."""
    max_lost: int
    """Times that a run may lose its worker before it is given up."""
    max_attempts: int
    """Attempts of one run in all, retries by people included."""
    statement_seconds: int
    """After which Postgres gives a statement up; 0: never. Short for the web; ``manage.py`` and jobs take longer."""
    pair_jobs: bool
    """Whether a job with both models loaded follows each comparison: speed, fidelity, similarity."""
    sqlite_autocheckpoint: bool
    """Whether every process empties SQLite's log. False where housekeeping runs, which then does it alone."""
    dumps: Path
    """Where the nightly dumps lie; the site serves them at /dumps/."""
    nightly: str
    """When the nightly dump is made, in UTC: five fields as in a crontab."""
    nightly_site: bool
    """Whether a copy of the whole site belongs to the nightly dump."""
    webhooks_private: bool
    """Whether webhooks may go to private addresses, and over plain HTTP."""
    scripted: bool
    """Whether scripted models and tasks may be submitted: for trying a stack out, never for results."""


def read() -> Environment:
    """Reads and checks the environment. Raises environs.EnvError naming the variable that is wrong."""
    env = Env()
    home = Path(env.str("ZOO_HOME", "") or CHECKOUT / "var").expanduser().resolve()
    return Environment(
        home=home,
        database_url=env.str("DATABASE_URL", "") or f"sqlite:///{home / 'zoo.sqlite3'}",
        redis_url=broker_url(env.str("REDIS_URL", "")),
        artifacts=env.str("ZOO_ARTIFACTS", "") or str(home / "artifacts"),
        models_dir=_folder(env, "ZOO_MODELS_DIR"),
        datasets_dir=_folder(env, "ZOO_DATASETS_DIR"),
        secret_key=env.str("SECRET_KEY", ""),
        allowed_hosts=env.list("ALLOWED_HOSTS", []),
        csrf_trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", []),
        public_url=(env.str("ZOO_PUBLIC_URL", "") or "http://127.0.0.1:8000").rstrip("/"),
        debug=_bool(env, "DEBUG", default=False),
        trusted_proxies=_int(env, "ZOO_TRUSTED_PROXIES", 0),
        submissions_per_day=_int(env, "ZOO_SUBMISSIONS_PER_DAY", 50),
        submissions_open=_int(env, "ZOO_SUBMISSIONS_OPEN", 20),
        upload_bytes=_int(env, "ZOO_UPLOAD_BYTES", 20 << 30),
        upload_days=_int(env, "ZOO_UPLOAD_DAYS", 30),
        lease_seconds=_int(env, "ZOO_LEASE_SECONDS", 120),
        log_json=_bool(env, "ZOO_LOG_JSON", default=False),
        worker_token=env.str("ZOO_WORKER_TOKEN", ""),
        backoff_seconds=[
            max(0, seconds) for seconds in env.list("ZOO_BACKOFF_SECONDS", [], subcast=int) or [60, 300, 1800]
        ],
        max_lost=_int(env, "ZOO_MAX_LOST", 3),
        max_attempts=_int(env, "ZOO_MAX_ATTEMPTS", 12),
        statement_seconds=_int(env, "ZOO_STATEMENT_SECONDS", 5),
        pair_jobs=_bool(env, "ZOO_PAIR_JOBS", default=True),
        sqlite_autocheckpoint=_bool(env, "ZOO_SQLITE_AUTOCHECKPOINT", default=True),
        dumps=_folder(env, "ZOO_DUMPS") or home / "dumps",
        nightly=env.str("ZOO_NIGHTLY", "") or "17 3 * * *",
        nightly_site=_bool(env, "ZOO_NIGHTLY_SITE", default=True),
        webhooks_private=_bool(env, "ZOO_WEBHOOKS_PRIVATE", default=False),
        scripted=_bool(env, "ZOO_SCRIPTED", default=False),
    )


def _int(env: Env, name: str, default: int) -> int:
    """A whole number; a variable that is there and empty is one that was not set."""
    return env.int(name) if env.str(name, "") else default


def _bool(env: Env, name: str, *, default: bool) -> bool:
    """Yes or no; a variable that is there and empty is one that was not set."""
    return env.bool(name) if env.str(name, "") else default


def _folder(env: Env, name: str) -> Path | None:
    value = env.str(name, "")
    return Path(value).expanduser().resolve() if value else None
