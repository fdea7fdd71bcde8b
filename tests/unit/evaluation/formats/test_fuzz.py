"""A second of random damage for each parser; ``make fuzz`` goes on for longer and is guided by coverage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.changes import change_at_random
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_damage_breaks_a_parser(name: str, tmp_path: Path) -> None:
    assert change_at_random(*TARGETS[name], seconds=0.5, keep=tmp_path / name, seed=20_26) == 0
