"""Tests of a group run on one worker; pytest 9.2.0 hides groups from xdist 3.8.0, which multiplies the work."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.xdist_group("groups")


def test_a_group_is_part_of_the_name_that_xdist_schedules_by(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("no workers: run with -n")
    assert request.node.nodeid.endswith("@groups")
