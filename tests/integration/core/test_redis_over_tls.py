"""REDIS_URL alone moves broker and cache to a server with a password and TLS; another's certificate is refused.

The Valkey that the tests have speaks no TLS, so a small front ends it, as stunnel would.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError

from evaluation.exchange import broker_url
from evaluation.supervision import settings as worker_settings
from evaluation.worker import make_app
from tests.factories.stack import ROOT, wait_until
from zoo.cli.broker import find_program, free_port
from zoo.core.cache import ForgivingRedisCache


class Server(NamedTuple):
    url: str
    """With the password, without a word about certificates."""
    certificate: Path
    other_certificate: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    password, plain, secure = secrets.token_urlsafe(16), free_port(), free_port()
    valkey = subprocess.Popen(
        [find_program(), "--bind", "127.0.0.1", "--port", str(plain), "--requirepass", password, "--save", ""],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    certificate = self_signed(folder, "server")
    words = [str(secure), str(plain), str(certificate)]
    front = subprocess.Popen(
        [sys.executable, "-m", "tests.factories.tls_front", *words],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for port in (plain, secure):
            wait_until(lambda port=port: _listens(port), seconds=60)
        yield Server(f"rediss://:{password}@127.0.0.1:{secure}/0", certificate, self_signed(folder, "other"))
    finally:
        for process in (front, valkey):
            process.terminate()
            process.wait(timeout=10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def self_signed(folder: Path, name: str) -> Path:
    """A certificate for 127.0.0.1, its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def trusting(server: Server, certificate: Path) -> str:
    return broker_url(f"{server.url}?ssl_ca_certs={certificate}")


def test_a_plain_address_stays_and_a_secure_one_checks_certificates() -> None:
    assert broker_url("redis://:p@host/0") == "redis://:p@host/0"
    assert broker_url("rediss://host/0") == "rediss://host/0?ssl_cert_reqs=required"
    assert broker_url("rediss://host/0?ssl_cert_reqs=none") == "rediss://host/0?ssl_cert_reqs=none"
    given = {"ZOO_URL": "http://z", "ZOO_WORKER_TOKEN": "t", "REDIS_URL": "rediss://host/0"}
    assert worker_settings.read(given).redis_url.endswith("ssl_cert_reqs=required")


def test_a_bell_rings_over_tls(server: Server) -> None:
    url = trusting(server, server.certificate)
    worker = worker_settings.read({"ZOO_URL": "http://z", "ZOO_WORKER_TOKEN": "t", "REDIS_URL": url})
    app = make_app(worker, ["evaluate.any"])
    wait_until(lambda: pings(url), seconds=60)
    app.send_task("evaluation.evaluate", kwargs={"run": "r"}, queue="evaluate.any", retry=False)
    with Connection(url) as connection, connection.SimpleQueue("evaluate.any") as queue:
        message = queue.get(timeout=10)
        assert message.headers["task"] == "evaluation.evaluate"
        message.ack()
    app.pool.force_close_all()
    app.close()


def pings(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1)
    except OperationalError:
        return False
    return True


def test_the_cache_works_over_tls(server: Server) -> None:
    options = {"OPTIONS": settings.CACHES["default"].get("OPTIONS", {})}
    cache = ForgivingRedisCache(trusting(server, server.certificate), options)
    cache.set("seen", 7)
    assert cache.get("seen") == 7
    cache.close()


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(server: Server) -> None:
    assert not pings(trusting(server, server.other_certificate))
    assert not pings(broker_url(server.url))
