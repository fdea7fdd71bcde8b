"""Signing in, tokens shown once, and the link that makes the first operator."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.factories.accounts import PASSWORD, make_user
from zoo.accounts import services
from zoo.accounts.models import AccessToken, Scope, User
from zoo.accounts.selectors import live_token

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
