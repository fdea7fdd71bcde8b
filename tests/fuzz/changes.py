"""Random damage to good inputs: the fuzzer that needs nothing installed, and the short one of the test suite."""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import MAX_LENGTH, MEMORY_BYTES, SLOW_SECONDS
from tests.fuzz.targets import try_one


def change_at_random(
    parser: Callable[[bytes], object],
    seeds: tuple[bytes, ...],
    *,
    seconds: float,
    keep: Path,
    seed: int | None = None,
) -> int:
    """Damages good inputs until the time is over and says how many it tried. Gives 1 for one that took too much.

    An input that breaks the parser is kept beside ``keep``, and its exception goes on.
    """
    seed = random.randrange(1 << 32) if seed is None else seed
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    tried = taken = 0
    slowest = 0.0
    while time.monotonic() < end and slowest <= SLOW_SECONDS:
        data = damaged(chance.choice(seeds), chance)
        began = time.perf_counter()
        try:
            taken += try_one(parser, data)
        except Exception:
            keep.with_name(f"{keep.name}-crash").write_bytes(data)
            raise
        slowest = max(slowest, time.perf_counter() - began)
        tried += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    sys.stdout.write(f"tried={tried} taken={taken} slowest={slowest:.4f}s peak={peak >> 20}MiB seed={seed}\n")
    return 0 if slowest <= SLOW_SECONDS and peak < MEMORY_BYTES else 1


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The input with a few bytes changed, moved, doubled or cut out."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(made) + 1)
        end = min(start + chance.randint(0, 16), len(made))
        what = chance.randrange(4)
        if what == 0:
            made[start:end] = chance.randbytes(end - start)
        elif what == 1:
            del made[start:end]
        elif what == 2:
            made[start:start] = made[start:end] * chance.choice((1, 2, 500))
        else:
            made[start:end] = chance.choice(
                (b"{", b"[" * 40, b"9" * 30, b'"', b"\\u", b"NaN", b"\xff", b",", b"-")
            )
    return bytes(made[:MAX_LENGTH])
