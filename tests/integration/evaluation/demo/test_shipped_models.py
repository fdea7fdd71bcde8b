"""The shipped weights give the outcomes that are recorded with them, on the first rows of the suite."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from evaluation.demo import measure, shipped
from evaluation.demo.backwards_ship import measure_backwards
from evaluation.demo.ship import recorded_backwards, recorded_measurements
from evaluation.demo.suite_data import SUITE_DIR

pytestmark = pytest.mark.engine

_PAIRS, _ITEMS, _TEXTS = 40, 40, 2


@pytest.fixture(scope="module")
def short_suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    for name, rows in (("blimp", _PAIRS), ("cloze", _ITEMS), ("text", _TEXTS)):
        lines = (SUITE_DIR / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[:rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("model", shipped.OF_TEXT)
def test_outcomes_are_the_recorded_ones(model: str, short_suite: Path) -> None:
    recorded = recorded_measurements()[model]
    reached = measure.measure_directory(shipped.model_directory(model), short_suite)
    # Another machine may add up in another order and so turn a near tie.
    differing = sum(a != b for a, b in zip(reached.blimp_right, recorded.blimp_right, strict=False))
    assert differing <= 1
    differing = sum(a != b for a, b in zip(reached.cloze_right, recorded.cloze_right, strict=False))
    assert differing <= 1


@pytest.mark.parametrize("model", shipped.OF_SEQUENCES)
def test_words_are_said_backwards_as_recorded(model: str) -> None:
    reached = measure_backwards(shipped.model_directory(model), limit=60)
    recorded = recorded_backwards()[model]
    assert sum(a != b for a, b in zip(reached.right, recorded.right, strict=False)) <= 1


def test_the_teacher_of_sequences_knows_more_than_its_student_and_both_more_than_chance() -> None:
    reached = recorded_backwards()
    teacher, student = (reached[model].backwards for model in shipped.OF_SEQUENCES)
    assert 0.25 + 4 * 0.018 < student < teacher


def test_the_teacher_is_clearly_above_chance_and_the_student_between() -> None:
    reached = recorded_measurements()
    teacher, student = reached[shipped.CAUSAL_TEACHER], reached[shipped.CAUSAL_STUDENT]
    assert teacher.blimp > 0.5 + 4 * 0.0112
    assert teacher.cloze > 0.25 + 4 * 0.0158
    assert 0.5 < student.blimp < teacher.blimp
    assert 0.25 < student.cloze < teacher.cloze


def test_the_student_gained_from_its_teacher() -> None:
    reached = recorded_measurements()
    student, alone = reached[shipped.CAUSAL_STUDENT], reached[shipped.CAUSAL_ALONE]
    assert student.cloze > alone.cloze
    assert student.bits_per_byte is not None
    assert alone.bits_per_byte is not None
    assert student.bits_per_byte < alone.bits_per_byte
