"""A cache whose Redis is away answers at once, with nothing."""

from __future__ import annotations

import time

from zoo.cli.broker import free_port
from zoo.core.cache import ForgivingRedisCache


def test_without_redis_everything_is_a_miss_and_nothing_fails() -> None:
    options = {"OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}}
    cache = ForgivingRedisCache(f"redis://127.0.0.1:{free_port()}/0", options)
    began = time.monotonic()
    cache.set("a", 1, timeout=None)
    assert cache.get("a", 7) == 7
    assert cache.add("a", 1)
    assert not cache.touch("a")
    assert not cache.delete("a")
    assert cache.get_many(["a"]) == {}
    assert not cache.has_key("a")
    assert cache.incr("a") == 1
    assert time.monotonic() - began < 10
