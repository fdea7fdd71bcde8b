"""Speculative decoding as it was run: sums over prompts, intervals over prompts, and what cannot be told."""

from __future__ import annotations

import pytest

from evaluation.scoring.drafting import DraftedPrompt, drafting
from evaluation.scoring.retention import Options
from evaluation.scoring.values import BadInput, Estimate, Undefined

OPTIONS = Options(resamples=500, seed=3)


def prompt(accepted: int, *, runs: int = 8, drafted: int = 32, saved: float = 2.0) -> DraftedPrompt:
    return DraftedPrompt(accepted + runs, runs, drafted, 1.0, saved, same_text=accepted > 10)


def test_acceptance_is_accepted_over_drafted_tokens_of_all_prompts() -> None:
    found = drafting([prompt(accepted) for accepted in range(8, 20)], 4, OPTIONS)
    assert isinstance(found.acceptance, Estimate)
    assert found.acceptance.value == pytest.approx(sum(range(8, 20)) / (12 * 32))
    assert found.acceptance.ci_low < found.acceptance.value < found.acceptance.ci_high
    assert found.acceptance_quantiles[1] == pytest.approx(13.5 / 32)
    assert isinstance(found.speed_up, Estimate)
    assert found.speed_up.value == found.speed_up.ci_low == 2.0
    assert found.same_text == 9
    assert found == drafting([prompt(accepted) for accepted in range(8, 20)], 4, OPTIONS)


def test_few_prompts_give_no_interval_and_no_prompts_nothing() -> None:
    found = drafting([prompt(9)] * 4, 4, OPTIONS)
    assert isinstance(found.acceptance, Undefined)
    assert "0.2812" in found.acceptance.message
    with pytest.raises(BadInput):
        drafting([], 4, OPTIONS)
    with pytest.raises(BadInput):
        drafting([prompt(3, drafted=0)], 4, OPTIONS)
