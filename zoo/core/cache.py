"""A Redis cache that the service can do without: when Redis is away, it remembers nothing and fails nothing.

What is kept here (counts of requests, digests of files) may be lost at any time. After a failure Redis is left
alone for a few seconds, so that a frozen one slows a single request and not every one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

PAUSE_SECONDS = 5.0
logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, with misses in place of errors."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._away_until = 0.0

    def _try(self, call: Callable[[], Answer], otherwise: Answer) -> Answer:
        if time.monotonic() < self._away_until:
            return otherwise
        try:
            return call()
        except (RedisError, OSError) as error:
            logger.warning("the cache is away for now: %s", error)
            self._away_until = time.monotonic() + PAUSE_SECONDS
            return otherwise

    def add(self, key: Any, value: Any, timeout: Any = ..., version: int | None = None) -> bool:
        """Like the parent's; True when Redis is away: the value counts as new."""
        kept = _timeout(timeout)
        return self._try(
            lambda: super(ForgivingRedisCache, self).add(key, value, version=version, **kept), True
        )

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Like the parent's; the default when Redis is away."""
        return self._try(lambda: super(ForgivingRedisCache, self).get(key, default, version), default)

    def set(self, key: Any, value: Any, timeout: Any = ..., version: int | None = None) -> None:
        """Like the parent's; nothing when Redis is away."""
        kept = _timeout(timeout)
        self._try(lambda: super(ForgivingRedisCache, self).set(key, value, version=version, **kept), None)

    def touch(self, key: Any, timeout: Any = ..., version: int | None = None) -> bool:
        """Like the parent's; False when Redis is away."""
        kept = _timeout(timeout)
        return self._try(lambda: super(ForgivingRedisCache, self).touch(key, version=version, **kept), False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Like the parent's; False when Redis is away."""
        return self._try(lambda: super(ForgivingRedisCache, self).delete(key, version), False)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Like the parent's; nothing when Redis is away."""
        wanted = list(keys)
        return self._try(lambda: super(ForgivingRedisCache, self).get_many(wanted, version), {})

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Like the parent's; False when Redis is away."""
        return self._try(lambda: super(ForgivingRedisCache, self).has_key(key, version), False)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Like the parent's; the step alone when Redis is away."""
        return self._try(lambda: super(ForgivingRedisCache, self).incr(key, delta, version), delta)


def _timeout(given: Any) -> dict[str, Any]:
    """The argument as the parent takes it: left out for its default."""
    return {} if given is ... else {"timeout": given}
