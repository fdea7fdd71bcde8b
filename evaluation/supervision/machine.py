"""What this machine has, found without loading torch: device, memory, engines, isolation, versions."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal, NamedTuple

from evaluation import isolation
from evaluation.exchange import WorkerFacts
from evaluation.supervision import health
from evaluation.supervision.settings import Misconfigured, WorkerSettings

DeviceKind = Literal["cpu", "cuda", "mps"]
VERSIONS_OF = ("torch", "transformers", "lm-eval", "datasets", "vllm", "distill-zoo")
SPARE_DISK_BYTES = 1 << 30
"""A worker with less room than this takes no work."""


class Device(NamedTuple):
    """What a run computes on."""

    kind: DeviceKind
    name: str
    memory_bytes: int


def look(settings: WorkerSettings) -> WorkerFacts:
    """What this start of the worker says of itself. Raises Misconfigured for a device that is not here."""
    device = find_device(settings.device)
    return WorkerFacts(
        id=f"{settings.name}-{os.getpid()}-{secrets.token_hex(6)}",
        device=device.kind,
        device_name=device.name[:120],
        memory_bytes=device.memory_bytes,
        disk_bytes=free_disk(settings.home),
        engines=engines(),
        isolation=isolation.detect().label[:40],
        versions=versions(),
    )


def refreshed(facts: WorkerFacts, settings: WorkerSettings) -> WorkerFacts:
    """The same worker now: its free disk, and its trouble if it has some."""
    free = free_disk(settings.home)
    trouble = health.trouble(settings, now=time.time())
    if free < SPARE_DISK_BYTES:
        trouble = f"only {free >> 20} MiB of disk are free"
    return facts.model_copy(update={"disk_bytes": free, "trouble": trouble})


def find_device(wanted: str) -> Device:
    """The wanted device, or for ``auto`` the best there is. Raises Misconfigured."""
    if wanted == "cpu":
        return _cpu()
    gpu = _cuda() if wanted in ("auto", "cuda") else None
    if gpu is not None:
        return gpu
    if wanted in ("auto", "mps") and sys.platform == "darwin" and platform.machine() == "arm64":
        return Device("mps", "Apple GPU", _memory())
    if wanted == "auto":
        return _cpu()
    raise Misconfigured(f"ZOO_DEVICE is {wanted}, and this machine has none (or torch is built without it)")


def engines() -> tuple[str, ...]:
    """The engines whose packages are installed, by the names a spec uses."""
    found = ["scripted"]
    if _installed("lm_eval") and _installed("torch"):
        found += ["auto", "harness", "causal", "masked", "pair"]
    found += [name for name in ("vllm", "sglang") if _installed(name) and _installed("lm_eval")]
    return tuple(found)


def versions() -> dict[str, str]:
    """Versions of the packages that can move a score."""
    found = {"python": platform.python_version()}
    for name in VERSIONS_OF:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def free_disk(home: Path) -> int:
    """Bytes free where runs are written."""
    home.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(home).free


def _cpu() -> Device:
    return Device("cpu", platform.processor() or platform.machine(), _memory())


def _memory() -> int:
    with contextlib.suppress(ValueError, OSError):
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))
    return 0


def _cuda() -> Device | None:
    """The first GPU that is visible, unless torch cannot use one. CUDA_VISIBLE_DEVICES is respected."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "" or not _torch_has_cuda():
        return None
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    if visible:
        query.append(f"--id={visible.split(',')[0]}")
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        name, _, mebibytes = answer.stdout.splitlines()[0].rpartition(",")
        return Device("cuda", name.strip(), int(mebibytes) << 20)
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None


def _torch_has_cuda() -> bool:
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return False
    return "+cpu" not in version


def _installed(name: str) -> bool:
    with contextlib.suppress(ValueError, ImportError):
        return importlib.util.find_spec(name) is not None
    return False
