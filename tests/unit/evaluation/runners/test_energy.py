"""Energy is read off the machine's own counters, or there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from evaluation.runners.measures import energy

pytestmark = pytest.mark.engine
CPU = torch.device("cpu")


def package(root: Path, number: int, microjoules: int, limit: int = 1_000_000) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir()
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{limit}\n")
    return folder / "energy_uj"


def test_packages_are_added_up_and_a_counter_that_starts_anew_loses_nothing(tmp_path: Path) -> None:
    first, second = package(tmp_path, 0, 900_000), package(tmp_path, 1, 0)
    (tmp_path / "intel-rapl:0:0").mkdir()  # A part of the first package, counted there already.
    meter = energy.meter(CPU, tmp_path)
    assert meter is not None
    before = meter.joules()
    first.write_text("100000")
    second.write_text("300000")
    assert meter.joules() - before == pytest.approx(0.5)


def test_a_machine_that_tells_nothing_has_no_meter(tmp_path: Path) -> None:
    assert energy.meter(CPU, tmp_path) is None
    assert energy.meter(CPU, tmp_path / "missing") is None
    package(tmp_path, 0, 5).write_text("not a number")
    assert energy.meter(CPU, tmp_path) is None


def test_a_gpu_without_its_library_has_no_meter() -> None:
    assert energy.meter(torch.device("cuda")) is None
