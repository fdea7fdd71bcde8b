"""Do 100,000 samples stay fast? Pages and downloads of one comparison with that many, through the whole of Django.

    python -m benchmarks.samples [--samples 100000] [--requests 20] [--out benchmarks/results/samples.json]

Two scripted models answer every document, so the two files of samples and the comparison are the product's own; only
the answers are made up. What is remembered is worked out by a first request of each kind, which is reported apart.
Wall and CPU time of one process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import django
from django.http.response import HttpResponseBase, StreamingHttpResponse

PAGE = 20
"""Samples on a page of the explorer."""


def main() -> None:
    """Makes the comparison, asks for its samples, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/samples.json"))
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "zoo.settings.test"
    django.setup()
    figures = report(given.samples, given.requests)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


def report(count: int, requests: int) -> dict[str, Any]:
    """Milliseconds of each kind of request over a fresh comparison of ``count`` samples, and how it was made."""
    from django.core.management import call_command

    from tests.factories.compared import make_comparison

    call_command("migrate", verbosity=0)
    task = f"scripted_choice.n-{count}"
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        comparison = make_comparison(Path(folder), tasks=(task,))
        made = time.perf_counter() - started
        ways = addresses(str(comparison.pk), count)
        first = {name: measured(way, 1) for name, way in ways.items()}
        again = {name: measured(way, requests) for name, way in ways.items() if "download" not in name}
    return {
        "samples": count,
        "scored_and_compared_seconds": round(made, 1),
        "first_requests": first,
        "requests": again,
        "machine": {
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "load": os.getloadavg()[0],
        },
    }


def addresses(comparison: str, count: int) -> Mapping[str, Callable[[], int]]:
    """What is asked for, by name; each gives the bytes of the answer."""
    from django.test import Client

    from zoo.api.comparisons import _cursor

    client = Client()
    page, api = f"/comparisons/{comparison}/samples/", f"/api/v1/comparisons/{comparison}/samples/"
    deepest = _cursor(count - PAGE)

    def ask(address: str, **query: str | int) -> Callable[[], int]:
        def answer() -> int:
            return size_of(client.get(address, query))

        return answer

    return {
        "page, first": ask(page),
        "page, deepest": ask(page, after=count - PAGE),
        "page, lost only": ask(page, outcome="lost"),
        "page, by text": ask(page, q="99"),
        "page, by margin": ask(page, margin__gte="-0.1", margin__lte="0.1"),
        "REST, first": ask(api),
        "REST, deepest": ask(api, cursor=deepest),
        "REST, lost only": ask(api, outcome="lost"),
        "download, JSON lines": ask(f"{api}jsonl/"),
        "download, Parquet": ask(f"{api}parquet/"),
    }


def size_of(found: HttpResponseBase) -> int:
    """Bytes of an answer, which must have succeeded."""
    assert found.status_code == 200, found.status_code
    if isinstance(found, StreamingHttpResponse):
        return sum(len(block) for block in found)
    return len(found.content)  # type: ignore[attr-defined]


def measured(way: Callable[[], int], times: int) -> dict[str, float]:
    """Median and worst milliseconds of wall time, the median of CPU time, and the bytes of the last answer."""
    wall, cpu, size = [], [], 0
    for _ in range(times):
        started, used = time.perf_counter(), time.process_time()
        size = way()
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - used))
    figures = {"p50_ms": statistics.median(wall), "max_ms": max(wall), "cpu_p50_ms": statistics.median(cpu)}
    return {name: round(value, 1) for name, value in figures.items()} | {"n": times, "bytes": size}


if __name__ == "__main__":
    main()
