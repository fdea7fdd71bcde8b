"""Which isolation a run gets, and when it gets none."""

from __future__ import annotations

import pytest

from evaluation.contract import Fault
from evaluation.isolation.guard import CALLS, filter_program
from evaluation.isolation.levels import Isolation, IsolationRefused, Level, choose
from evaluation.isolation.sandbox import Limits, Places, bubblewrap, environment, resource_limits

WEAK = Isolation(Level.LIMITS)
STRONG = Isolation(Level.BUBBLEWRAP, "/usr/bin/bwrap", "0.8.0", other_user=True)


def test_a_strange_model_is_refused_where_nothing_keeps_it_apart() -> None:
    with pytest.raises(IsolationRefused) as caught:
        choose(trusted=False, allow_weak=False, found=WEAK)
    assert caught.value.failure.code == "isolation_unavailable"
    assert caught.value.failure.fault is Fault.PLATFORM
    assert "ZOO_ALLOW_WEAK_ISOLATION" in caught.value.failure.remedy


def test_limits_alone_serve_what_is_shipped_or_allowed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(trusted=True, allow_weak=False, found=WEAK) is WEAK
    assert choose(trusted=False, allow_weak=True, found=WEAK) is WEAK
    monkeypatch.setenv("ZOO_ALLOW_WEAK_ISOLATION", "1")
    assert choose(trusted=False, found=WEAK) is WEAK
    monkeypatch.setenv("ZOO_ALLOW_WEAK_ISOLATION", "0")
    with pytest.raises(IsolationRefused):
        choose(trusted=False, found=WEAK)


def test_a_strong_isolation_serves_every_model() -> None:
    assert choose(trusted=False, allow_weak=False, found=STRONG) is STRONG
    assert STRONG.label == "bubblewrap 0.8.0, own user"


def test_the_environment_holds_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = tmp_path_factory.mktemp("out")
    for name in (
        "SECRET_KEY",
        "DATABASE_URL",
        "HF_TOKEN",
        "ZOO_WORKER_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "LD_PRELOAD",
    ):
        monkeypatch.setenv(name, "s3cret")
    made = environment(Places(output), STRONG)
    assert "s3cret" not in made.values()
    assert made["HF_HUB_OFFLINE"] == made["TRANSFORMERS_OFFLINE"] == made["HF_DATASETS_OFFLINE"] == "1"
    assert made["ZOO_ISOLATION"] == STRONG.label


def test_bubblewrap_shows_what_is_named_and_nothing_else(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.mktemp("base")
    output, model = base / "out", base / "model"
    output.mkdir()
    model.mkdir()
    words = bubblewrap(STRONG, Places(output, (model,)), {"A": "b"}, 700_001)
    text = " ".join(words)
    assert f"--bind {output} {output}" in text
    assert f"--ro-bind {model} {model}" in text
    for flag in (
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--die-with-parent",
        "--clearenv",
        "--new-session",
    ):
        assert flag in words
    writable = [words[place + 1] for place, word in enumerate(words) if word == "--bind"]
    assert writable == [str(output)]


def test_limits_of_the_kernel_leave_room_for_a_gpu() -> None:
    assert "AS" not in resource_limits(Limits(), gpu=True)
    assert resource_limits(Limits(memory_bytes=1 << 30), gpu=False)["AS"] > 1 << 30
    assert resource_limits(Limits(), gpu=True)["CORE"] == 0


@pytest.mark.parametrize("machine", sorted(CALLS))
@pytest.mark.parametrize("sockets", [True, False])
def test_no_jump_of_the_filter_leaves_its_program(machine: str, sockets: bool) -> None:
    rows = filter_program(CALLS[machine], sockets=sockets)
    assert len(rows) < 256
    for place, (_, yes, no, _) in enumerate(rows):
        assert place + 1 + max(yes, no) <= len(rows)
    assert rows[-1][0] == 0x06
