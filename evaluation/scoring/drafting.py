"""Speculative decoding as it was run: how many drafted tokens were accepted, and what that saved.

Prompts are the units: they are resampled whole, since tokens of one text hang together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluation.scoring.bootstrap import generator, resample_sums
from evaluation.scoring.retention import MINIMUM_CLUSTERS, Options, estimate, expanded_level
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import BadInput, FloatArray, Quantity, Undefined


class DraftedPrompt(NamedTuple):
    """One prompt: tokens that came out, forward passes of both models, and seconds with and without the draft."""

    generated: int
    teacher_runs: int
    student_runs: int
    assisted_seconds: float
    plain_seconds: float
    same_text: bool


@dataclass(frozen=True, slots=True)
class Drafting:
    """The student as draft of its teacher. `acceptance` is accepted over drafted tokens: each run of the teacher
    gives one token of its own beside those it accepts. `acceptance_quantiles` are the 10th, 50th and 90th percentile
    over prompts. `same_text` counts prompts on which both ways gave the same text (rounding may part them).
    """

    prompts: int
    draft_tokens: int
    generated_tokens: int
    teacher_runs: int
    student_runs: int
    acceptance: Quantity
    acceptance_quantiles: tuple[float, float, float]
    tokens_per_step: Quantity
    speed_up: Quantity
    same_text: int


def drafting(prompts: Sequence[DraftedPrompt], draft_tokens: int, options: Options) -> Drafting:
    """Ratios of sums over prompts, with bootstrap intervals. Raises `BadInput` for no prompts."""
    if not prompts or any(one.student_runs < 1 or one.teacher_runs < 1 for one in prompts):
        raise BadInput("drafting needs a prompt, and both models run on each")
    units = np.array([[*_accepted(one), one.generated, one.teacher_runs, one.plain_seconds, one.assisted_seconds]
                      for one in prompts], dtype=np.float64)  # fmt: skip
    drawn = resample_sums(units, options.resamples, generator(options.seed, "drafting", options.name))
    shares = units[:, 0] / units[:, 1]
    low, middle, high = np.quantile(shares, [0.1, 0.5, 0.9]).tolist()
    return Drafting(
        prompts=len(prompts),
        draft_tokens=draft_tokens,
        generated_tokens=sum(one.generated for one in prompts),
        teacher_runs=sum(one.teacher_runs for one in prompts),
        student_runs=sum(one.student_runs for one in prompts),
        acceptance=_ratio(units, drawn, 0, 1, options),
        acceptance_quantiles=(low, middle, high),
        tokens_per_step=_ratio(units, drawn, 2, 3, options),
        speed_up=_ratio(units, drawn, 4, 5, options),
        same_text=sum(one.same_text for one in prompts),
    )


def _accepted(one: DraftedPrompt) -> tuple[int, int]:
    """Accepted and drafted tokens; the last draft may reach past the end, so it is kept within what was drafted."""
    return min(max(0, one.generated - one.teacher_runs), one.student_runs), one.student_runs


def _ratio(units: FloatArray, drawn: FloatArray, above: int, below: int, options: Options) -> Quantity:
    value = float(units[:, above].sum() / units[:, below].sum())
    if len(units) < MINIMUM_CLUSTERS:
        text = (
            f"{len(units)} prompts, {MINIMUM_CLUSTERS} are needed for an interval; the ratio is {value:.4g}"
        )
        return Undefined("too_few_samples", text)
    level = expanded_level(options.level, len(units) - 1.0)
    low, high = np.quantile(drawn[above] / drawn[below], [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return estimate(value, Bounds(float(low), float(high)), options, "percentile", options.resamples)
