"""Signing in, tokens shown once, and the link that makes the first operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from typer.testing import CliRunner

from tests.factories.accounts import PASSWORD, make_user
from zoo.accounts import attempts, services
from zoo.accounts.models import AccessToken, Scope, User
from zoo.accounts.selectors import live_token
from zoo.cli.token import token

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


def signed_in(client: Client, role: Scope = Scope.SUBMIT) -> User:
    user = make_user(role=role)
    client.force_login(user)
    return user


def test_the_account_page_sends_strangers_to_sign_in_and_back(client: Client) -> None:
    page = client.get("/account/")
    assert page.status_code == 302
    assert page["Location"] == "/login/?next=/account/"


def test_a_person_signs_in_with_name_and_password(client: Client) -> None:
    make_user()
    answer = client.post("/login/", {"username": "ada", "password": PASSWORD, "next": "/account/"})
    assert answer["Location"] == "/account/"
    assert "ada" in client.get("/account/").content.decode()


def test_a_wrong_password_is_told_without_saying_which_part_was_wrong(client: Client) -> None:
    make_user()
    page = client.post("/login/", {"username": "ada", "password": "wrong"}).content.decode()
    assert "Please enter a correct username and password" in page


def test_a_token_is_shown_in_the_answer_and_never_again(client: Client) -> None:
    signed_in(client)
    page = client.post(
        "/account/tokens/", {"name": "laptop", "scope": "submit", "days": "30"}
    ).content.decode()
    token = re.search(r"zoo_[\w-]{40,}", page)
    assert token is not None
    assert live_token(token[0], now=now()) is not None
    assert token[0] not in client.get("/account/").content.decode()


def test_a_scope_above_ones_role_is_refused_by_the_form(client: Client) -> None:
    signed_in(client)
    page = client.post("/account/tokens/", {"name": "laptop", "scope": "operate", "days": "30"})
    assert page.status_code == 400
    assert not AccessToken.objects.exists()


def test_a_revoked_token_stays_listed_as_ended(client: Client) -> None:
    user = signed_in(client)
    made = services.create_token(acting_user=user, name="old", scope=Scope.READ, now=now())
    client.post(f"/account/tokens/{made.row.pk}/revoke/")
    assert live_token(made.token, now=now()) is None
    assert "ended" in client.get("/account/").content.decode()


def test_nobody_revokes_the_token_of_another(client: Client) -> None:
    other = make_user("bob")
    made = services.create_token(acting_user=other, name="his", scope=Scope.READ, now=now())
    signed_in(client)
    assert client.post(f"/account/tokens/{made.row.pk}/revoke/").status_code == 404
    assert live_token(made.token, now=now()) is not None


def test_the_one_time_link_makes_an_operator_once(client: Client) -> None:
    ticket = services.first_operator_ticket(now=now())
    assert ticket is not None
    form = {"username": "root", "password": PASSWORD}
    assert client.post(f"/welcome/{ticket}/", form)["Location"] == "/account/"
    assert User.objects.get(username="root").may(Scope.OPERATE)
    assert Client().post(f"/welcome/{ticket}/", form | {"username": "evil"}).status_code == 403
    assert services.first_operator_ticket(now=now()) is None


def test_the_link_works_although_the_command_line_has_made_tokens(client: Client) -> None:
    """As docs/operations.md has it: the link is asked for, a worker's token is made, then the link is opened."""
    before = services.first_operator_ticket(now=now())
    assert CliRunner().invoke(token, ["create-worker", "--name", "first"]).exit_code == 0
    assert User.objects.get().may(Scope.OPERATE), "the account of the command line"
    after = services.first_operator_ticket(now=now())
    assert before is not None
    assert after is not None
    form = {"username": "root", "password": PASSWORD}
    assert client.post(f"/welcome/{before}/", form)["Location"] == "/account/"
    assert Client().get(f"/welcome/{after}/").status_code == 403


def test_a_ticket_ends_and_cannot_be_forged(client: Client) -> None:
    old = services.first_operator_ticket(now=now() - timedelta(days=2))
    assert client.get(f"/welcome/{old}/").status_code == 403
    assert client.get("/welcome/anything/").status_code == 403


def test_a_weak_password_is_refused_with_the_reason(client: Client) -> None:
    ticket = services.first_operator_ticket(now=now())
    page = client.post(f"/welcome/{ticket}/", {"username": "root", "password": "short"})
    assert page.status_code == 400
    assert "too short" in page.content.decode()
    assert not User.objects.exists()


@pytest.fixture
def _counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.mark.usefixtures("_counted")
def test_guessing_a_password_ends_with_a_429_page_that_says_when_to_come_back(client: Client) -> None:
    make_user()
    wrong = {"username": "ada", "password": "wrong"}
    for _ in range(attempts.LIMITS["both"]):
        assert client.post("/login/", wrong).status_code == 200
    page = client.post("/login/", {"username": "Ada ", "password": PASSWORD})
    assert page.status_code == 429
    assert int(page["Retry-After"]) == attempts.WINDOW_SECONDS
    assert "too many wrong passwords" in page.content.decode().lower()
    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("_counted")
def test_who_is_attacked_from_elsewhere_still_signs_in(client: Client) -> None:
    make_user()
    for _ in range(attempts.LIMITS["both"]):
        Client(REMOTE_ADDR="203.0.113.9").post("/login/", {"username": "ada", "password": "wrong"})
    assert client.post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302


@pytest.mark.usefixtures("_counted")
def test_one_address_tries_many_accounts_only_so_often(client: Client) -> None:
    for number in range(attempts.LIMITS["address"]):
        attempts.note_failure(attempts.Attempt(f"user{number}", "203.0.113.9"))
    far = Client(REMOTE_ADDR="203.0.113.9")
    assert far.post("/login/", {"username": "somebody", "password": "x"}).status_code == 429
    assert client.post("/login/", {"username": "somebody", "password": "x"}).status_code == 200


@pytest.mark.usefixtures("_counted")
def test_a_forged_forwarded_address_does_not_loosen_the_brake(client: Client) -> None:
    make_user()
    for number in range(attempts.LIMITS["both"]):
        client.post(
            "/login/", {"username": "ada", "password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{number}"}
        )
    assert client.post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 429


@pytest.mark.usefixtures("_counted")
def test_the_right_password_forgets_what_was_mistyped(client: Client) -> None:
    make_user()
    for _ in range(3):
        for _ in range(attempts.LIMITS["both"] - 1):
            Client().post("/login/", {"username": "ada", "password": "wrong"})
        assert Client().post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302


def test_administration_asks_for_no_password_of_its_own(client: Client) -> None:
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/login/?next=/admin/"
    signed_in(client)
    assert client.get("/admin/login/").status_code == 403


def test_an_operator_makes_an_account_and_its_owner_enters_by_the_link_once(client: Client) -> None:
    signed_in(client, Scope.OPERATE)
    page = client.post("/account/people/", {"username": "bob", "role": "curate"}).content.decode()
    link = re.search(r"http://testserver(/account/enter/[\w=-]+/[\w-]+/)", page)
    assert link is not None
    bob = Client()
    form = bob.get(link[1])["Location"]
    assert bob.get(form)["Cache-Control"].startswith("max-age=0")
    assert bob.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD})["Location"] == "/account/"
    assert "curate" in bob.get("/account/").content.decode()
    assert "This link has ended" in Client().get(link[1]).content.decode()


def test_people_are_a_page_for_operators_alone(client: Client) -> None:
    signed_in(client, Scope.CURATE)
    assert client.get("/account/people/").status_code == 404
    assert client.post("/account/people/", {"username": "bob", "role": "operate"}).status_code == 404
    assert not User.objects.filter(username="bob").exists()


def test_a_role_that_is_taken_back_ends_what_its_tokens_may_do(client: Client) -> None:
    signed_in(client, Scope.OPERATE)
    bob = make_user("bob", Scope.SUBMIT)
    made = services.create_token(acting_user=bob, name="ci", scope=Scope.SUBMIT, now=now())
    client.post(f"/account/people/{bob.pk}/change/", {"role": "read", "active": "on"})
    bob.refresh_from_db()
    assert not bob.may(Scope.SUBMIT)
    client.post(f"/account/people/{bob.pk}/change/", {"role": "read"})
    assert live_token(made.token, now=now()) is None


def test_the_only_operator_cannot_be_shut_out(client: Client) -> None:
    user = signed_in(client, Scope.OPERATE)
    page = client.post(f"/account/people/{user.pk}/change/", {"role": "submit", "active": "on"}, follow=True)
    assert "only operator" in page.content.decode()
    user.refresh_from_db()
    assert user.may(Scope.OPERATE)
