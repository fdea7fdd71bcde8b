"""Chaos: real processes, real faults, and a count afterwards. ``python -m tests.faults.chaos --help``.

Submissions come in over REST while the saboteur works; then everything is left in peace and must come to rest.
Exit code 0 when every invariant holds. The seed decides faults and load; timing is the machine's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.faults.chaos import disk
from tests.faults.chaos.database import database
from tests.faults.chaos.fleet import Fleet, fleet, token
from tests.faults.chaos.saboteur import FAULTS, Fault, Saboteur, fill_disk

ROOT = Path(__file__).resolve().parents[3]
OUTCOMES = {
    "scripted_choice.n-20.ms-200": ("succeeded", None),
    "scripted_choice.n-40.ms-800": ("succeeded", None),
    "scripted_generate.n-20.ms-400": ("succeeded", None),
    "scripted_flaky.n-20.ms-200": ("succeeded", None),
    "scripted_refuse.n-10": ("failed", "scripted_refusal"),
    "scripted_oom.n-10": ("failed", "out_of_memory"),
}
WEIGHTS = (40, 20, 20, 8, 6, 6)
SETTLE_SECONDS = 1800.0


def main() -> int:
    options = _options()
    chance = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="zoo-chaos-"))
    print(f"seed {options.seed}, {options.submissions} submissions, {options.database}, {folder}", flush=True)
    try:
        # The disk that may be full holds everything but a Postgres, which would not survive it.
        small = folder / "small"
        small.mkdir()
        with (
            disk.small_disk(small) as can_be_full,
            database(options.database, small if options.database == "sqlite" else folder) as under,
            fleet(small / "home", database=under) as made,
        ):
            outcome = rampage(made, chance, options, _chosen(options.only, can_be_full))
        if not options.keep and not outcome["broken"]:
            shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        print(f"what is left is in {folder}", flush=True)
        raise
    text = json.dumps(outcome, indent=1)
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n")
    return 1 if outcome["broken"] else 0


def _chosen(only: list[str], can_be_full: bool) -> list[Fault]:
    """The faults by name; without names all that this machine lets happen."""
    known = {fault.__name__: fault for fault in (*FAULTS, fill_disk)}
    if not only:
        return [*FAULTS, fill_disk] if can_be_full else list(FAULTS)
    return [known[name] for name in only]


def rampage(
    made: Fleet, chance: random.Random, options: argparse.Namespace, faults: list[Fault]
) -> dict[str, Any]:
    """Load and faults together, then peace; gives figures and what is broken."""
    pause = (options.pause, options.pause * 2.5)
    saboteur = Saboteur(made, random.Random(chance.random()), pause=pause, faults=faults)
    client = httpx.Client(
        base_url=f"{made.url}/api/v1/", headers={"Authorization": f"Token {token(made)}"}, timeout=10
    )
    began = time.monotonic()
    ends = began + options.minutes * 60
    asked: dict[str, str] = {}
    saboteur.start()
    with client:
        for number in range(options.submissions):
            task = chance.choices(list(OUTCOMES), WEIGHTS)[0]
            teacher = (
                "scripted/teacher-p90"
                if task.startswith("scripted_choice") and chance.random() < 0.3
                else None
            )
            asked[_submit(made, client, f"scripted/s{number}-p{chance.randrange(20, 95)}", teacher, task)] = (
                task
            )
            wait = (ends - time.monotonic()) / max(1, options.submissions - number)
            time.sleep(max(0.0, min(wait, 30.0)))
            made.look()
        while time.monotonic() < ends or saboteur.total < options.faults:
            made.look()
            time.sleep(0.2)
        saboteur.stop()
        load_seconds = time.monotonic() - began
        settled = _settle(made, client, asked)
    found = _look(made)
    found["broken"] += settled["wrong"]
    return {
        "seed": options.seed,
        "database": options.database,
        "faults": saboteur.total,
        "by_fault": dict(sorted(saboteur.done.items())),
        "load_seconds": round(load_seconds),
        "settled_after_seconds": settled["seconds"],
        **found["figures"],
        "broken": found["broken"],
    }


def _submit(made: Fleet, client: httpx.Client, student: str, teacher: str | None, task: str) -> str:
    """Asks until the answer arrives; the key makes repeating harmless."""
    body = {"student": student, "tasks": [task]} | ({"teacher": teacher} if teacher else {})
    key = secrets.token_hex(12)
    while True:
        made.look()
        with contextlib.suppress(httpx.HTTPError):
            answer = client.post("submissions/", json=body, headers={"Idempotency-Key": key})
            if answer.status_code == 202:
                return str(answer.json()["id"])
            if answer.status_code < 500:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
        time.sleep(0.3)


def _settle(made: Fleet, client: httpx.Client, asked: dict[str, str]) -> dict[str, Any]:
    """Waits until every submission has ended, and says which ended otherwise than it must."""
    began = time.monotonic()
    open_, ended = set(asked), {}
    while open_ and time.monotonic() - began < SETTLE_SECONDS:
        made.look()
        for identifier in list(open_):
            with contextlib.suppress(httpx.HTTPError, ValueError):
                found = client.get(f"submissions/{identifier}/").json()
                if found.get("state") in ("succeeded", "failed", "cancelled"):
                    ended[identifier] = found
                    open_.discard(identifier)
        time.sleep(1)
    wrong = [f"submission {identifier} ({asked[identifier]}) never ended" for identifier in sorted(open_)]
    for identifier, found in ended.items():
        state, code = OUTCOMES[asked[identifier]]
        reason = (found["reason"] or {}).get("code")
        if (found["state"], reason) != (state, code):
            wrong.append(
                f"submission {identifier} ({asked[identifier]}): {found['state']}, {found['reason']}"
            )
    return {"seconds": round(time.monotonic() - began), "wrong": wrong}


def _look(made: Fleet) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.faults.chaos.invariants"]
    done = subprocess.run(command, cwd=ROOT, env=made.environment, capture_output=True, text=True)
    if done.returncode != 0:
        return {"broken": [f"the invariants could not be read: {done.stderr[-2000:]}"], "figures": {}}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--minutes", type=float, default=2.0, help="of load and faults")
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--faults", type=int, default=10, help="at least; the time is stretched for them")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between faults, at least")
    parser.add_argument("--only", nargs="*", default=[], help="these faults, by name; default: all")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--output", type=Path, help="a file for the figures, as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and database")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
