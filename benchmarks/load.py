"""The whole service under load on loopback: pages, search, REST, event streams and runs together; then a plain server.

    python -m benchmarks.load [--models 100000] [--folder DIR] [--minutes 20] [--peer-minutes 3] [--visitors 40]

Postgres with the made-up catalog (kept in --folder), Valkey, the web as deploy/gunicorn.conf.py starts it, housekeeping
and one worker with scripted models; locust asks. The plain server is DRF's tutorial on the same rows, through the same
gunicorn, processes and middleware. Beside the times stands the CPU time of each part: on a machine that does other
things too, it is the figure that stays. Results go to benchmarks/results/load.json.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.catalog import _database

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "load.json"
OURS = ("Reader", "Program", "Watcher", "Submitter")
PEER = ("PeerProgram",)
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 10.0


def main() -> int:
    """Measures, writes, prints; 1 when a request failed."""
    given = _arguments()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="zoo-load-"))
    folder.mkdir(parents=True, exist_ok=True)
    with _database("postgres", given.models, folder) as (url, is_new), ExitStack() as undo:
        environment = _environment(url, folder)
        if is_new:
            words = ["--step", "build", "--models", str(given.models), "--answer", str(folder / "build.json")]
            _run("-m", "benchmarks.catalog", *words, environment=environment)
            (folder / f"postgres-{given.models}.done").touch()
        _run("manage.py", "migrate", "--verbosity", "0", environment=environment)
        plan = folder / "plan.json"
        _run(
            "-m",
            "benchmarks.load",
            "--step",
            "plan",
            str(plan),
            "--models",
            str(given.models),
            environment=environment,
        )
        parts = undo.enter_context(_service(environment, folder, given.processes))
        token = _run("-c", MAKE_TOKEN, environment=environment).strip()
        environment |= {
            "ZOO_LOAD_PLAN": str(plan),
            "ZOO_LOAD_TOKEN": token,
            "ZOO_LOAD_THINK": str(given.think),
        }
        found: dict[str, Any] = {"about": (__doc__ or "").split("\n")[0], **_machine(given)}
        rounds = [(OURS, given.minutes / given.rounds, given.visitors)] * given.rounds
        rounds += [(PEER, given.peer_minutes, given.visitors // 3)] if given.peer_minutes else []
        found["rounds"] = []
        for classes, minutes, visitors in rounds:
            with _alone(given.lock):
                found["rounds"].append(_phase(classes, minutes, visitors, parts, environment, folder))
            given.out.write_text(json.dumps(found, indent=1) + "\n")
    _print(found)
    return 1 if any(phase["failures"] for phase in found["rounds"]) else 0


@contextmanager
def _alone(lock: Path | None) -> Iterator[None]:
    """Holds the lock that measurements on this machine take turns by, if there is one."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


MAKE_TOKEN = """
import sys
sys.argv = ["zoo", "token", "create", "--scope", "operate"]
from zoo.cli.main import main
main()
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--peer-minutes", type=float, default=3)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--think", type=float, default=2.0, help="seconds between two requests of a visitor")
    parser.add_argument("--processes", type=int, default=2, help="web processes")
    parser.add_argument("--rounds", type=int, default=1, help="the minutes in so many parts, same processes")
    parser.add_argument("--lock", type=Path, help="a file to lock during each part")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        _write_plan(Path(given.step[1]), given.models)
        sys.exit(0)
    return given


def _write_plan(path: Path, models: int) -> None:
    """Addresses by kind, the same ones that the catalog's own benchmark asks for."""
    import django

    django.setup()
    from benchmarks.catalog import _plan
    from zoo.catalog.models import Model

    kinds = {name: sorted({address(i) for i in range(120)}) for name, address in _plan(models).items()}
    slugs = [page.removeprefix("/models/").strip("/") for page in kinds["model page"]]
    keys = [slug.lower() for slug in slugs]
    rows = dict(Model.objects.filter(key__in=keys).values_list("key", "pk"))
    kinds |= {
        "home": ["/"],
        "leaderboard": ["/leaderboard/"],
        "REST model": [f"/api/v1/models/{slug}/" for slug in slugs],
        "peer model": [f"/peer/models/{pk}/" for pk in rows.values()],
    }
    path.write_text(json.dumps(kinds))


def _environment(database: str, folder: Path) -> dict[str, str]:
    from zoo.cli.broker import free_port

    web, broker = free_port(), free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "benchmarks.peer_settings",
        "DATABASE_URL": database,
        "REDIS_URL": f"redis://:{secrets.token_urlsafe(16)}@127.0.0.1:{broker}/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "ZOO_HOME": str(folder / "home"),
        "ZOO_BIND": f"127.0.0.1:{web}",
        "ZOO_URL": f"http://127.0.0.1:{web}",
        "ZOO_PUBLIC_URL": f"http://127.0.0.1:{web}",
        "ZOO_WORKER_TOKEN": f"zoow_{secrets.token_urlsafe(16)}",
        "ZOO_TRUSTED_PROXIES": "1",
        "ZOO_SCRIPTED": "1",
        "ZOO_PAIR_JOBS": "0",
        "ZOO_SUBMISSIONS_PER_DAY": "1000000",
        "ZOO_SUBMISSIONS_OPEN": "1000000",
        "OMP_NUM_THREADS": "1",
    }


def _run(*words: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


@contextmanager
def _service(environment: dict[str, str], folder: Path, processes: int) -> Iterator[dict[str, int]]:
    """The running service; gives the process ids of its parts."""
    from zoo.cli.broker import find_program
    from zoo.cli.processes import Child, stop_all

    password, _, place = environment["REDIS_URL"].removeprefix("redis://:").partition("@")
    port = place.partition(":")[2].partition("/")[0]
    bin_folder = Path(sys.executable).parent
    environment |= {"ZOO_WEB_PROCESSES": str(processes)}
    celery = [
        str(bin_folder / "celery"),
        "-A",
        "zoo",
        "worker",
        "--beat",
        "--scheduler",
        "celery.beat:Scheduler",
    ]
    commands = {
        "valkey": [
            find_program(),
            "--bind",
            "127.0.0.1",
            "--port",
            port,
            "--requirepass",
            password,
            "--save",
            "",
        ],
        "web": [str(bin_folder / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "zoo.asgi"],
        "jobs": [*celery, "--pool", "threads", "--concurrency", "4", "--queues", "zoo", "--without-gossip"],
        "worker": [sys.executable, "-m", "evaluation.worker"],
    }
    children = [
        Child(name, command, environment, folder / "logs" / f"{name}.log")
        for name, command in commands.items()
    ]
    os.chdir(ROOT)
    try:
        for child in children:
            child.start()
        _wait(f"{environment['ZOO_URL']}/readyz")
        yield {child.name: child.process.pid for child in children if child.process} | {
            "postgres": _postmaster(folder)
        }
    finally:
        stop_all(children)


def _wait(address: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"{address} does not answer")


def _postmaster(folder: Path) -> int:
    (found,) = folder.glob("postgres-*/postmaster.pid")
    return int(found.read_text().split()[0])


@dataclass
class Watch:
    """Samples memory (RSS, MiB) and CPU time (seconds) of the parts in a thread."""

    parts: dict[str, int]
    memory: dict[str, list[float]] = field(default_factory=dict)
    load: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.load.append(round(os.getloadavg()[0], 1))
            for name, pid in self.parts.items():
                used = sum(_resident(one) for one in _tree(pid)) * PAGE / 2**20
                self.memory.setdefault(name, []).append(round(used, 1))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def _cpu(pid: int) -> float:
    """CPU seconds of the process, of what lives below it, and of what it has waited for."""
    used = 0
    for one in _tree(pid):
        try:
            words = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            used += sum(map(int, words[11:15]))
        except OSError:
            continue
    return used / TICKS


def _phase(
    classes: tuple[str, ...],
    minutes: float,
    visitors: int,
    parts: dict[str, int],
    environment: dict[str, str],
    folder: Path,
) -> dict[str, Any]:
    """One measurement by locust, with what it cost."""
    prefix = folder / f"locust-{classes[0].lower()}"
    words = [
        "-m",
        "locust",
        "-f",
        "benchmarks/load_users.py",
        "--headless",
        "--only-summary",
        "--exit-code-on-error",
        "0",
    ]
    words += ["-u", str(visitors), "-r", "4", "-t", f"{round(minutes * 60)}s", "--csv", str(prefix)]
    before, began = {name: _cpu(pid) for name, pid in parts.items()}, time.monotonic()
    with Watch(parts) as watch:
        _run(*words, "--host", environment["ZOO_URL"], *classes, environment=environment)
    seconds = time.monotonic() - began
    rows = list(csv.DictReader(prefix.with_name(f"{prefix.name}_stats.csv").open()))
    (total,) = [row for row in rows if row["Name"] == "Aggregated"]
    cpu = {name: round(_cpu(pid) - before[name], 1) for name, pid in parts.items()}
    answered = int(total["Request Count"])
    return {
        "who": list(classes),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "visitors": visitors,
        "requests": answered,
        "failures": int(total["Failure Count"]),
        "per_second": round(float(total["Requests/s"]), 1),
        "p50_ms": float(total["50%"]),
        "p95_ms": float(total["95%"]),
        "cpu_seconds": cpu,
        "cpu_ms_per_request": round(1000 * (cpu["web"] + cpu["postgres"]) / max(1, answered), 1),
        "load_average": watch.load,
        "memory_mib": watch.memory,
        "kinds": {
            row["Name"]: {
                "requests": int(row["Request Count"]),
                "failures": int(row["Failure Count"]),
                "p50_ms": float(row["50%"]),
                "p95_ms": float(row["95%"]),
                "bytes": round(float(row["Average Content Size"])),
            }
            for row in rows
            if row["Name"] != "Aggregated"
        },
    }


def _machine(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": given.models,
        "processes": given.processes,
        "think_seconds": given.think,
        "machine": {
            "cpus": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
    }


def _print(found: dict[str, Any]) -> None:
    for phase in found["rounds"]:
        print(
            f"\n{', '.join(phase['who'])}: {phase['requests']} requests in {phase['seconds']} s, "
            f"{phase['per_second']}/s, {phase['failures']} failed, p95 {phase['p95_ms']:.0f} ms, "
            f"{phase['cpu_ms_per_request']} ms CPU each"
        )
        for kind, row in phase["kinds"].items():
            print(f"{kind:32}{row['requests']:8}{row['p50_ms']:9.0f}{row['p95_ms']:9.0f}{row['failures']:5}")


if __name__ == "__main__":
    sys.exit(main())
