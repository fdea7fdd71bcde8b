"""From the harness's document to a typed result: choices, ties, hashes, standard errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.runners.results import is_ratio, judge, prompt_hash, task_hash


def nobody(prompt: str) -> None:
    return None


def test_the_first_of_the_best_is_taken_and_a_tie_is_seen() -> None:
    choice = judge([-2.0, -1.0, -1.0], ["a", "b", "c"], [2], "acc")
    assert (choice.prediction, choice.tied, choice.tie_split) == (1, True, 0.5)


def test_a_tie_between_wrong_choices_earns_nothing() -> None:
    assert judge([-2.0, -1.0, -1.0], ["a", "b", "c"], [0], "acc").tie_split == 0.0


def test_several_right_choices_share_a_tie() -> None:
    assert judge([-1.0, -1.0, -1.0], ["a", "b", "c"], [0, 2], "acc").tie_split == pytest.approx(2 / 3)


@pytest.mark.parametrize(("metric", "prediction"), [("acc", 0), ("acc_norm", 1), ("acc_bytes", 2)])
def test_each_metric_normalizes_in_its_own_way(metric: str, prediction: int) -> None:
    # Characters 1, 4, 3 and bytes 1, 4, 9.
    assert judge([-3.0, -4.0, -6.0], ["a", "abcd", "語語語"], [0], metric).prediction == prediction


@given(st.lists(st.floats(-100, 0, allow_nan=False), min_size=2, max_size=6), st.data())
def test_without_ties_the_split_score_is_the_harness_score(values: list[float], data: st.DataObject) -> None:
    gold = data.draw(st.integers(0, len(values) - 1))
    choice = judge(values, ["x"] * len(values), [gold], "acc")
    if not choice.tied:
        assert choice.tie_split == float(choice.prediction == gold)
    assert 0 <= choice.tie_split <= 1
    assert values[choice.prediction] == max(values)


def test_prompt_hashes_tell_documents_with_empty_contexts_apart() -> None:
    one = prompt_hash([("", " A b."), ("", " A c.")], nobody)
    other = prompt_hash([("", " A b."), ("", " A d.")], nobody)
    assert one != other


def test_a_templated_prompt_counts_as_its_conversation() -> None:
    conversations = {"<|user|>hi": "digest", "[INST]hi": "digest"}
    hashes = {prompt_hash([(prompt, " yes")], conversations.get) for prompt in conversations}
    assert len(hashes) == 1


def test_prompt_hashes_cover_the_settings_of_a_generation() -> None:
    one = prompt_hash([("Q", {"until": ["\n"], "max_gen_toks": 10})], nobody)
    other = prompt_hash([("Q", {"until": ["\n"], "max_gen_toks": 11})], nobody)
    assert one != other


def test_the_task_hash_depends_on_order_and_every_part() -> None:
    rows = [
        {"doc_hash": "a", "prompt_hash": "b", "target_hash": "c"},
        {"doc_hash": "d", "prompt_hash": "e", "target_hash": "f"},
    ]
    assert task_hash(rows) != task_hash(rows[::-1])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("acc", True), ("acc_norm", True), ("exact_match", True), ("pass@1", True), ("mcc", False),
     ("bits_per_byte", False), ("perplexity", False), ("pct_stereotype", False), ("likelihood_diff", False)],
)  # fmt: skip
def test_only_metrics_with_a_true_zero_make_ratios(metric: str, expected: bool) -> None:
    assert is_ratio(metric) is expected
