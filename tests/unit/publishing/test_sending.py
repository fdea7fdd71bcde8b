"""A webhook's message goes to public addresses alone, is signed, and every trouble is an answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from zoo.publishing import sending

NOW = 1_700_000_000
SECRET = sending.secret_of("a key", "a salt")


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "https://", "https://user:pw@example.org/"),
        *(
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://db.internal/",
            "https://a:99999/",
        ),
    ],
)
def test_addresses_that_can_be_refused_without_asking_a_name_server_are(url: str) -> None:
    assert sending.check_address(url, allow_private=False)


def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(2, 1, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **more: found)
    answer = sending.post(
        "https://hooks.example.org/", identifier="1", body="{}", secret=SECRET, now=NOW, allow_private=False
    )
    assert answer.status is None
    assert "not on the public internet" in answer.trouble


def test_a_signature_holds_for_its_message_and_time_alone() -> None:
    signature = sending.sign(SECRET, identifier="m1", timestamp=NOW, body="{}")
    given: dict[str, Any] = {"identifier": "m1", "timestamp": NOW, "body": "{}", "signature": signature}
    assert sending.verify(SECRET, **given, now=NOW + 60)
    assert not sending.verify(SECRET, **given, now=NOW + 3600), "too old"
    assert not sending.verify(SECRET, **(given | {"body": "{ }"}), now=NOW)
    assert not sending.verify(sending.secret_of("another key", "a salt"), **given, now=NOW)


def test_the_signature_is_the_one_of_the_specification_s_example() -> None:
    """The example that the Standard Webhooks specification and its libraries carry."""
    signature = sending.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        identifier="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body='{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class Receiver(BaseHTTPRequestHandler):
    """Answers 204, or sends elsewhere, and remembers what came."""

    came: list[tuple[dict[str, str], str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.came.append((dict(self.headers), body))
        self.send_response(302 if self.path == "/elsewhere" else 204)
        self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.came.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_arrives_with_headers_that_its_receiver_can_check(receiver: str) -> None:
    answer = sending.post(
        f"{receiver}/hook", identifier="m1", body='{"a": 1}', secret=SECRET, now=NOW, allow_private=True
    )
    assert (answer.status, answer.trouble) == (204, "")
    headers, body = Receiver.came[0]
    assert sending.verify(
        SECRET,
        identifier=headers["webhook-id"],
        timestamp=int(headers["webhook-timestamp"]),
        body=body,
        signature=headers["webhook-signature"],
        now=NOW,
    )


def test_redirects_are_not_followed(receiver: str) -> None:
    answer = sending.post(
        f"{receiver}/elsewhere", identifier="m1", body="{}", secret=SECRET, now=NOW, allow_private=True
    )
    assert answer.status == 302
    assert len(Receiver.came) == 1


def test_nobody_there_is_an_answer_too() -> None:
    answer = sending.post(
        "http://127.0.0.1:9/", identifier="m1", body="{}", secret=SECRET, now=NOW, allow_private=True
    )
    assert answer.status is None
    assert answer.trouble
