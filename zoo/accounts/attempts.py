"""The brake on guessing passwords: failures are counted by account, by address, and by both, for a quarter of an hour.

The counts live in the cache that all web processes share; where Redis is away nothing is counted. A person who is
attacked from elsewhere can still sign in: the narrow limit is for an account from one address.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from django.core.cache import cache

from zoo.core.errors import TooMany

WINDOW_SECONDS = 15 * 60
LIMITS = {"both": 8, "address": 60, "account": 200}
"""Failures within the window after which the next attempt is not even looked at."""


class TooManyAttempts(TooMany):
    """Too many wrong passwords, for this account or from this address: wait before the next attempt."""

    code = "too_many_attempts"


class Attempt(NamedTuple):
    """Who somebody says to be, and from where."""

    username: str
    address: str

    def keys(self) -> dict[str, str]:
        """The counters that this attempt belongs to; names of people are not kept in the cache."""
        account = self.username.strip().casefold()[:300]
        parts = {"both": f"{account}\n{self.address}", "address": self.address, "account": account}
        return {
            kind: f"sign-in:{kind}:{hashlib.sha256(part.encode()).hexdigest()}"
            for kind, part in parts.items()
        }


def check(attempt: Attempt) -> None:
    """Raises TooManyAttempts when the attempt is not to be looked at, right or wrong."""
    keys = attempt.keys()
    counts = cache.get_many(keys.values())
    if any(int(counts.get(key, 0)) >= LIMITS[kind] for kind, key in keys.items()):
        raise TooManyAttempts(
            "there were too many wrong passwords for this account or from this address",
            remedy="Wait a quarter of an hour, then try again. An operator can give you a new link to sign in.",
            retry_after=WINDOW_SECONDS,
        )


def note_failure(attempt: Attempt) -> None:
    """Counts a wrong password. The window begins with the first failure and is not stretched by later ones."""
    for key in attempt.keys().values():
        cache.add(key, 0, timeout=WINDOW_SECONDS)
        try:
            cache.incr(key)
        except ValueError:  # The window ended between the two lines.
            cache.set(key, 1, timeout=WINDOW_SECONDS)


def note_success(attempt: Attempt) -> None:
    """The right password forgets what the same person mistyped before."""
    cache.delete(attempt.keys()["both"])
