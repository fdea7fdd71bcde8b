"""Clients that are slow on purpose hold no worker of the web: one process, as shipped, answers others meanwhile."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.factories.stack import ROOT, clean_environment, wait_until
from zoo.cli.broker import free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
EACH = 40
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One web process under the shipped configuration of gunicorn."""
    home, chosen = tmp_path_factory.mktemp("home"), free_port()
    environment = clean_environment() | {
        "ZOO_HOME": str(home),
        "ZOO_BIND": f"127.0.0.1:{chosen}",
        "ZOO_WEB_PROCESSES": "1",
        "DJANGO_SETTINGS_MODULE": "zoo.settings.local",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "PYTHONPATH": str(ROOT),
    }
    program = Path(sys.executable).with_name("gunicorn")
    command = [str(program), "-c", "deploy/gunicorn.conf.py", "zoo.asgi"]
    with (home / "web.log").open("wb") as log:
        web = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until(lambda: answers(chosen), seconds=180)
            yield chosen
        finally:
            os.killpg(web.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                web.wait(30)
            if web.poll() is None:
                os.killpg(web.pid, signal.SIGKILL)
                web.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60).is_success
    return False


@contextlib.contextmanager
def slow(port: int, start: bytes) -> Iterator[list[socket.socket]]:
    """Many connections that have sent this and read nothing."""
    with contextlib.ExitStack() as open_:
        made = []
        for _ in range(EACH):
            client = open_.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(start)
            made.append(client)
        yield made


HEADERS = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (
    b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100000\r\n\r\nusername="
)
READ = f"GET {LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


@pytest.mark.parametrize(("kind", "start"), [("headers", HEADERS), ("body", BODY), ("reading", READ)])
def test_others_are_answered_while_many_are_slow(port: int, kind: str, start: bytes) -> None:
    with slow(port, start) as clients:
        for _ in range(3):
            if kind != "reading":
                for client in clients:
                    client.sendall(b"x")
            assert answers(port)
            time.sleep(0.2)
        if kind == "reading":
            # What they asked for has begun to come, and waits for them.
            assert clients[0].recv(12) == b"HTTP/1.1 200"
    assert answers(port)
