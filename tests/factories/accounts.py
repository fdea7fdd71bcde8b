"""People for tests."""

from __future__ import annotations

from zoo.accounts.models import Scope, User

PASSWORD = "a long enough sentence"


def make_user(username: str = "ada", role: Scope = Scope.SUBMIT) -> User:
    """A person with a role; the password is PASSWORD."""
    return User.objects.create_user(username=username, password=PASSWORD, role=role)
