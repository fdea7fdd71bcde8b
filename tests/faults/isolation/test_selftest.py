"""The self-test finds what holds, and finds what does not."""

from __future__ import annotations

import sys

import pytest

from evaluation import isolation
from evaluation.isolation import Isolation, Level
from evaluation.isolation.selftest import self_test

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="isolation is Linux's")


def test_the_isolation_of_this_machine_holds() -> None:
    if isolation.detect().level is Level.LIMITS:
        pytest.skip("nothing stronger than limits works here")
    result = self_test()
    assert [check.attempt for check in result.checks if not check.holds] == []
    assert result.isolation == isolation.detect().label


def test_limits_alone_keep_the_network_out_and_files_in_reach() -> None:
    result = self_test(Isolation(Level.LIMITS))
    held = {check.name: check.holds for check in result.checks}
    assert held["connect_loopback"]
    assert held["own_environment"]
    assert held["memory"]
    assert held["dies_with_parent"]
    assert not held["read_private_file"]
    assert not result.holds
