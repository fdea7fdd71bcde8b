"""What the stack hands to its evaluation worker, and how it keeps to one installation."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from zoo.cli import broker, stack
from zoo.cli.stack import StackFailed


def test_the_worker_gets_no_key_to_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "secret")
    for name in ("HF_TOKEN", "ZOO_WORKER_TOKEN", "ZOO_MODELS_DIR", "CUDA_VISIBLE_DEVICES", "REDIS_URL"):
        monkeypatch.setenv(name, "needed")
    given = stack.worker_environment("http://127.0.0.1:1")
    assert "secret" not in given.values()
    assert given["HF_TOKEN"] == given["ZOO_WORKER_TOKEN"] == given["CUDA_VISIBLE_DEVICES"] == "needed"
    assert given["ZOO_URL"] == "http://127.0.0.1:1"


def test_two_stacks_do_not_share_a_home(tmp_path: Path) -> None:
    with (
        stack.only_one(tmp_path),
        pytest.raises(StackFailed, match="another 'zoo up' uses"),
        stack.only_one(tmp_path),
    ):
        pass


def test_a_taken_port_is_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not stack.port_is_free(taken.getsockname()[1])
    assert stack.port_is_free(broker.free_port())


def test_the_broker_has_a_password_and_can_be_emptied_by_nobody(tmp_path: Path) -> None:
    made = broker.configure(tmp_path)
    lines = (tmp_path / "valkey" / "valkey.conf").read_text().splitlines()
    assert "bind 127.0.0.1" in lines
    assert 'rename-command FLUSHALL ""' in lines
    password = next(line for line in lines if line.startswith("requirepass ")).split()[1]
    assert f":{password}@127.0.0.1" in made.url
    assert (tmp_path / "valkey" / "valkey.conf").stat().st_mode & 0o077 == 0
