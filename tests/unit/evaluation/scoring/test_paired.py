"""Samples are joined by their hashes, and what does not match is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring.paired import ModelSamples, PairedSamples, pair
from evaluation.scoring.values import BadInput, Undefined
from tests.unit.evaluation.scoring.samples import clustered, fractions, model, quick, right_wrong


def joined(student: ModelSamples, teacher: ModelSamples) -> PairedSamples:
    found = pair(student, teacher)
    assert isinstance(found, PairedSamples)
    return found


@quick
@given(st.permutations(range(6)))
def test_the_order_of_samples_does_not_matter(order: list[int]) -> None:
    docs, values = [f"d{i}" for i in range(6)], [float(i) for i in range(6)]
    shuffled = ModelSamples.of([docs[i] for i in order], ["p"] * 6, [values[i] for i in order])
    found = joined(shuffled, ModelSamples.of(docs, ["p"] * 6, values))
    assert found.student.tolist() == found.teacher.tolist()


def test_a_document_that_stands_twice_in_the_data_is_paired_copy_by_copy() -> None:
    left = ModelSamples.of(["a", "a", "b"], ["p"] * 3, [1, 0, 1])
    right = ModelSamples.of(["b", "a", "a"], ["p"] * 3, [0, 1, 1])
    assert joined(left, right).counts() == (1, 1, 1, 0)


def test_another_prompt_makes_the_task_undefined_and_is_counted() -> None:
    found = pair(
        ModelSamples.of(["a", "b", "c"], ["p", "p", "p"], [1, 1, 1]),
        ModelSamples.of(["a", "b", "d"], ["p", "q", "p"], [1, 1, 1]),
    )
    assert found == Undefined(
        "prompts_differ",
        "1 samples were asked with another prompt, 1 are in the student's run alone, 1 in the teacher's alone",
    )


def test_other_clusters_make_the_task_undefined() -> None:
    found = pair(model([1, 0], clusters=["x", "y"]), model([1, 0], clusters=["x", "x"]))
    assert isinstance(found, Undefined)
    assert found.code == "prompts_differ"
    assert "clusters" in found.message


def test_draws_of_one_prompt_are_averaged() -> None:
    samples = ModelSamples.of(
        ["a", "b", "a", "b"],
        ["p"] * 4,
        [1, 0, 0, 0],
        draws=[0, 0, 1, 1],
        ties=[False, False, True, False],
        tie_split=[1.0, 0.0, 0.5, 0.0],
        sizes=[2, 2, 4, 2],
        predictions=[0, 1, 2, 3],
        gold=[0, 0, 0, 0],
        clusters=["x", "y", "x", "y"],
    )
    assert samples.values.tolist() == [0.5, 0.0]
    assert samples.ties is not None
    assert samples.ties.tolist() == [True, False]
    assert samples.tie_split is not None
    assert samples.tie_split.tolist() == [0.75, 0.0]
    assert samples.sizes is not None
    assert samples.sizes.tolist() == [3.0, 2.0]
    assert samples.clusters == ("x", "y")
    assert samples.predictions is None
    assert samples.gold is None


def test_predictions_follow_their_samples() -> None:
    samples = ModelSamples.of(["b", "a"], ["p", "p"], [1, 0], predictions=[7, 8], gold=[7, 9])
    assert samples.predictions is not None
    assert samples.predictions.tolist() == [8, 7]
    assert samples.gold is not None
    assert samples.gold.tolist() == [9, 7]


def test_a_tie_in_either_model_counts() -> None:
    found = joined(model([1, 1, 0], ties=[True, False, False]), model([1, 1, 0], ties=[False, True, False]))
    assert found.ties is not None
    assert found.ties.tolist() == [True, True, False]
    one_sided = joined(model([1, 1, 0], ties=[True, False, False]), model([1, 1, 0]))
    assert one_sided.ties is not None
    assert one_sided.ties.tolist() == [True, False, False]


def test_sizes_of_one_model_alone_are_refused() -> None:
    with pytest.raises(BadInput, match="one of the two"):
        pair(model([1.0], sizes=[2]), model([1.0]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"values": [1.0, float("nan")]}, "not finite"),
        ({"values": [1.0]}, "differ in length"),
        ({"sizes": [1.0, 0.0]}, "positive"),
        ({"clusters": ["x"]}, "differ in length"),
        ({"draws": [0]}, "differ in length"),
    ],
)
def test_bad_columns_are_refused(columns: dict[str, object], message: str) -> None:
    given_columns: dict[str, object] = {"values": [1.0, 0.0], **columns}
    with pytest.raises(BadInput, match=message):
        ModelSamples.of(["a", "b"], ["p", "p"], **given_columns)  # type: ignore[arg-type]


def test_arrays_of_unequal_length_are_refused() -> None:
    with pytest.raises(BadInput, match="differ in length"):
        PairedSamples.of_arrays([1, 0], [1])
    with pytest.raises(BadInput, match="differ in length"):
        PairedSamples.of_arrays([1, 0], [1, 0], ["x"])


def test_outcomes_are_counted_for_right_and_wrong_only() -> None:
    samples = right_wrong(5, 4, 3, 2)
    assert samples.counts() == (5, 4, 3, 2)
    assert samples.counts().total == samples.n == samples.units == 14
    with pytest.raises(BadInput, match="0 or 1"):
        fractions(5).counts()


def test_units_are_clusters_where_there_are_any() -> None:
    assert clustered(7, 3).units == 7
    assert PairedSamples.of_arrays([], [], []).units == 0


def test_a_tie_free_pair_has_no_tie_column() -> None:
    assert joined(model([1, 0]), model([0, 1])).ties is None
    assert len(model([1, 0])) == 2
    assert np.array_equal(joined(model([1, 0]), model([0, 1])).student, [1, 0])
