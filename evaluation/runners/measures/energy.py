"""Energy that the machine itself counts: NVIDIA's counter of a GPU, or RAPL's of the processor packages on Linux.

Where neither can be read the answer is None; nothing is ever estimated from time. RAPL counts the whole package, so
other work on the machine is in it: the pair is measured in turn, and only the share of the two is worth much.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

import torch

POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """Counts energy from somewhere on."""

    def joules(self) -> float:
        """Joules counted so far, from an arbitrary zero; never fewer than before."""


class PackageMeter:
    """RAPL: a counter of microjoules per processor package, which starts anew at its range."""

    def __init__(self, folders: list[Path]) -> None:
        self._counters = [folder / "energy_uj" for folder in folders]
        self._ranges = [_number(folder / "max_energy_range_uj") for folder in folders]
        self._last = [_number(counter) for counter in self._counters]
        self._sum = 0

    def joules(self) -> float:
        """Joules of all packages together."""
        for index, counter in enumerate(self._counters):
            now = _number(counter)
            step = now - self._last[index]
            self._sum += step if step >= 0 else step + self._ranges[index]
            self._last[index] = now
        return self._sum / 1e6


class DeviceMeter:
    """NVML's counter of millijoules of one GPU."""

    def __init__(self, library: Any, index: int) -> None:
        self._library = library
        self._handle = library.nvmlDeviceGetHandleByIndex(index)

    def joules(self) -> float:
        """Joules of the device."""
        return float(self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3


def meter(device: torch.device, powercap: Path = POWERCAP) -> Meter | None:
    """The meter of a device, or None where the machine tells nothing (or does not let us read it)."""
    return _device_meter(device.index or 0) if device.type == "cuda" else _package_meter(powercap)


def _device_meter(index: int) -> Meter | None:
    try:
        library = importlib.import_module("pynvml")
        library.nvmlInit()
        found = DeviceMeter(library, index)
        found.joules()
    except Exception:  # NVML has a class of errors per code, and old GPUs have no counter.
        return None
    return found


def _package_meter(powercap: Path) -> Meter | None:
    try:
        packages = sorted(path for path in powercap.glob("intel-rapl:*") if path.name.count(":") == 1)
        return PackageMeter(packages) if packages else None
    except (OSError, ValueError):  # Since 2020 kernels let root alone read the counter.
        return None


def _number(path: Path) -> int:
    return int(path.read_text())
