"""What this machine runs a model on, and what it is called. Imports torch."""

from __future__ import annotations

import os
import platform
import resource
import sys
from typing import NamedTuple

import torch

from evaluation.contract import Environment
from evaluation.runners.base import platform_failure

MOST_THREADS = 8


class Device(NamedTuple):
    """A device by torch's name, and its name for people."""

    name: str
    label: str


def choose(wanted: str) -> Device:
    """The device for a run: what the spec asks for, or the best that is there ("any").

    CUDA counts only the devices that CUDA_VISIBLE_DEVICES shows. Raises RunFailed (``device_missing``).
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    kind = next(name for name in available if available[name]) if wanted == "any" else wanted
    if not available.get(kind, False):
        raise platform_failure(
            "device_missing", f"This worker has no {kind} device.", "Send the run to a worker that has one."
        )
    if kind == "cuda":
        return Device("cuda:0", torch.cuda.get_device_name(0))
    return Device(kind, _processor() if kind == "cpu" else "Apple GPU")


def set_threads() -> int:
    """Fixes torch's threads: OMP_NUM_THREADS where it is set, else half of the cores, at most eight.

    Two threads on two cores beside one other busy process run several times slower than one.
    """
    named = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = int(named) if named.isdigit() and int(named) > 0 else max(1, min(MOST_THREADS, cores // 2))
    torch.set_num_threads(count)
    return count


def environment(device: Device, isolation: str) -> Environment:
    """Where a run took place, without names of hosts or paths."""
    return Environment(
        device=device.name.split(":")[0],
        device_name=device.label,
        threads=torch.get_num_threads(),
        isolation=isolation,
        python_version=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
    )


def peak_memory(device: Device) -> int:
    """The most memory that was in use, in bytes: of the device on CUDA, else of this process."""
    if device.name.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
