"""A zoo of its own for browser tests and screenshots: a real ASGI process on a free port, with seeded data.

Its database and files lie in a folder that is removed afterwards; nothing outside the checkout is read.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import BrowserContext

CHECKOUT = Path(__file__).resolve().parents[2]
_STARTS_WITHIN = 120.0


class Zoo(NamedTuple):
    """A running zoo: its address, the ids that the seed made by name, and the environment to act on it."""

    address: str
    seeded: dict[str, str]
    environment: dict[str, str]

    def sign_in(self, context: BrowserContext, user: str) -> None:
        """Gives a browser the session of somebody who is signed in."""
        session = self.seeded[f"session_{user}"]
        context.add_cookies([{"name": "sessionid", "value": session, "url": self.address}])

    def path(self, pattern: str) -> str:
        """An address with the names of seeded ids in braces filled in."""
        return pattern.format(**self.seeded)

    def run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a module of ours beside the server, on the same data, with pipes to speak to it."""
        command = [sys.executable, "-m", module, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, env=self.environment, cwd=CHECKOUT, **pipes)


@contextmanager
def running_zoo() -> Iterator[Zoo]:
    """Starts a seeded zoo and yields it."""
    with TemporaryDirectory(prefix="zoo-browser-") as home:
        environment = _environment(Path(home))
        subprocess.run(
            [sys.executable, "-m", "tests.browser.seed"], env=environment, cwd=CHECKOUT, check=True
        )
        port = _free_port()
        command = [sys.executable, "-m", "uvicorn", "zoo.asgi:application", "--port", str(port)]
        with (Path(home) / "server.log").open("wb") as log:
            server = subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdout=log, stderr=log)
            try:
                address = f"http://127.0.0.1:{port}"
                _wait_for(f"{address}/readyz", server)
                seeded = json.loads((Path(home) / "seeded.json").read_text())
                yield Zoo(address, seeded, environment)
            finally:
                server.terminate()
                server.wait(10)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZOO_", "DJANGO_"))}
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS"):
        kept.pop(name, None)
    return kept | {
        "ZOO_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "PYTHONPATH": str(CHECKOUT),
        "OMP_NUM_THREADS": "1",
        "ZOO_SCRIPTED": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} before it answered")
        try:
            with urllib.request.urlopen(address, timeout=20):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not answer within {_STARTS_WITHIN} seconds")
