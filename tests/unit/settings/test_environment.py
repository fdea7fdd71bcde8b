"""The environment is read once: what is empty is not said, what cannot be read names its variable."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from environs import EnvError

from zoo.settings import env

NAMES = sorted(set(re.findall(r'"([A-Z][A-Z_]+)"', inspect.getsource(env))))


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_an_empty_variable_is_one_that_was_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = dataclasses.asdict(env.read())
    assert {"DEBUG", "ZOO_HOME", "ZOO_BACKOFF_SECONDS"} <= set(NAMES)
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert dataclasses.asdict(env.read()) == unset


@pytest.mark.parametrize("name", ["DEBUG", "ZOO_LEASE_SECONDS", "ZOO_BACKOFF_SECONDS"])
def test_what_cannot_be_read_names_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises(EnvError, match=name):
        env.read()
