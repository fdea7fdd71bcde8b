"""The client against a real server that is busy, breaks off, or is no zoo at all: tried again, then said in words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zoo.cli.broker import free_port
from zoo.client import ApiProblem, Connection, NotAZoo, Unreachable, Zoo

HTML = b"<html><body><h1>Welcome to the coffee bar</h1></body></html>"
Step = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """Does one step for each request; the last one for ever. ``asked`` are the methods and keys that arrived."""

    url: str
    steps: list[Step] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def connection(self, timeout: float = 30.0) -> Connection:
        return Connection(self.url, "zoo_x", sleep=self.slept.append, timeout=timeout)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.asked.append((self.command, self.headers.get("Idempotency-Key")))
            step = made.steps.pop(0) if len(made.steps) > 1 else made.steps[0]
            step(self)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    made = Server(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def answers(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> Step:
    def step(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return step


def drops(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True


def drops_in_the_middle(handler: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"results": [')
    handler.close_connection = True


def test_a_busy_server_is_waited_for_as_long_as_it_says(server: Server) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    busy = [answers(503, HTML, "text/html", Retry_After="2"), answers(503, Retry_After=soon)]
    server.steps = [*busy, answers(200, b'{"results": [], "next": null}')]
    with server.connection() as connection:
        assert list(connection.listed("runs/")) == []
    assert server.slept[0] == 2.0
    assert 20 < server.slept[1] <= 30


@pytest.mark.parametrize("text", ["soon", "-5", "99999999", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_pause_that_makes_no_sense_is_bounded(server: Server, text: str) -> None:
    server.steps = [answers(503, Retry_After=text), answers(200)]
    with server.connection() as connection:
        connection.get("status/")
    assert 0 < server.slept[0] <= 60


def test_a_server_that_stays_busy_is_told_as_busy(server: Server) -> None:
    server.steps = [answers(503, HTML, "text/html", Retry_After="1")]
    with server.connection() as connection, pytest.raises(ApiProblem, match="the server answered 503"):
        connection.get("status/")
    assert len(server.asked) == 4


@pytest.mark.parametrize("drop", [drops, drops_in_the_middle])
def test_a_read_that_is_cut_off_is_read_again(server: Server, drop: Step) -> None:
    server.steps = [drop, drop, answers(200, b'{"a": 1}')]
    with server.connection() as connection:
        assert connection.get("status/") == {"a": 1}
    assert len(server.asked) == 3


def test_a_write_that_is_cut_off_is_repeated_with_its_key_alone(server: Server) -> None:
    server.steps = [drops]
    with server.connection() as connection:
        with pytest.raises(Unreachable, match="broke off before it had answered"):
            connection.post("runs/1/cancel/")
        assert server.asked == [("POST", None)], "it may have been done"
        server.steps = [drops, answers(202, b'{"id": "1"}')]
        assert connection.post("submissions/", {}, key="k")["id"] == "1"
    assert server.asked[1:] == [("POST", "k")] * 2


def test_a_server_that_never_answers_is_not_told_as_one_that_is_not_there(server: Server) -> None:
    waiting = threading.Event()
    server.steps = [lambda handler: waiting.wait(60) and None]
    try:
        with server.connection(timeout=0.2) as connection, pytest.raises(Unreachable, match="took too long"):
            connection.post("runs/1/cancel/")
    finally:
        waiting.set()


@pytest.mark.parametrize(
    ("body", "kind"), [(HTML, "text/html; charset=utf-8"), (b"[1, 2]", "application/json"), (b"\xff", "x/y")]
)
def test_a_page_where_json_belongs_is_no_zoo(server: Server, body: bytes, kind: str) -> None:
    server.steps = [answers(200, body, kind)]
    with server.connection() as connection, pytest.raises(NotAZoo) as caught:
        connection.get("status/")
    assert kind.partition(";")[0] in str(caught.value)
    assert f"{server.url}/api/v1/status/" in str(caught.value)
    assert "ZOO_URL" in str(caught.value)


def test_another_service_s_json_is_told_by_the_field_that_is_missing(server: Server) -> None:
    server.steps = [answers(200, b'{"hello": "world"}')]
    with Zoo(server.url) as zoo:
        with pytest.raises(NotAZoo, match=r"no Run as this client knows it \(id: "):
            zoo.run("1")
        with pytest.raises(NotAZoo, match="its list has no results"):
            list(zoo.runs())


def test_nobody_there_and_no_address_are_told_apart() -> None:
    slept: list[float] = []
    nobody = Connection(f"http://127.0.0.1:{free_port()}", sleep=slept.append)
    with nobody, pytest.raises(Unreachable, match="start one with 'zoo up'"):
        nobody.get("status/")
    assert len(slept) == 3
    wrong = Connection("zoo.example:8000", sleep=slept.append)
    with wrong, pytest.raises(Unreachable, match="must begin with http:// or https://"):
        wrong.get("status/")
    assert len(slept) == 3, "a second try would not mend that"
