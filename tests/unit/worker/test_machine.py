"""Which device a worker says it has. Where no GPU is at hand, ``nvidia-smi`` is a script that answers as it does."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.supervision import machine
from evaluation.supervision.settings import Misconfigured

ANSWERS = """#!/bin/sh
case "$*" in
  *--id=1*) echo "NVIDIA L4, 23034" ;;
  *) printf 'NVIDIA H100 80GB HBM3, 81559\\nNVIDIA L4, 23034\\n' ;;
esac
"""
Place = Callable[..., None]


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Puts an ``nvidia-smi`` first on the path, beside a torch that is built for CUDA or for CPUs."""

    def place(script: str = ANSWERS, *, torch: str = "2.13.0", visible: str | None = None) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(script)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.setattr(importlib.metadata, "version", lambda name: torch)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return place


def test_the_first_gpu_is_taken_with_its_memory(gpus: Place) -> None:
    gpus()
    assert machine.find_device("auto") == ("cuda", "NVIDIA H100 80GB HBM3", 81559 << 20)
    assert machine.find_device("cuda").kind == "cuda"


def test_of_several_gpus_the_visible_one_is_taken(gpus: Place) -> None:
    gpus(visible="1")
    assert machine.find_device("auto") == ("cuda", "NVIDIA L4", 23034 << 20)


def test_a_gpu_that_is_hidden_or_that_torch_cannot_use_is_not_there(gpus: Place) -> None:
    gpus(visible="")
    assert machine.find_device("auto").kind == "cpu"
    gpus(torch="2.13.0+cpu")
    assert machine.find_device("auto").kind == "cpu"
    with pytest.raises(Misconfigured, match="ZOO_DEVICE is cuda"):
        machine.find_device("cuda")


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 9\n", "#!/bin/sh\necho 'No devices were found'\n"])
def test_a_driver_that_fails_is_no_gpu(gpus: Place, script: str) -> None:
    gpus(script)
    assert machine.find_device("auto").kind == "cpu"


def test_the_cpu_can_be_asked_for_and_has_memory(gpus: Place) -> None:
    gpus()
    found = machine.find_device("cpu")
    assert found.kind == "cpu"
    assert found.memory_bytes > 0


@pytest.mark.parametrize(
    ("system", "processor", "kind"), [("darwin", "arm64", "mps"), ("linux", "arm64", "cpu")]
)
def test_apple_silicon_is_used_where_it_is(
    gpus: Place, monkeypatch: pytest.MonkeyPatch, system: str, processor: str, kind: str
) -> None:
    gpus("#!/bin/sh\nexit 9\n")
    monkeypatch.setattr(machine.sys, "platform", system)
    monkeypatch.setattr(machine.platform, "machine", lambda: processor)
    assert machine.find_device("auto").kind == kind
