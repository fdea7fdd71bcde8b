"""Fidelity of a student's distributions to its teacher's, from numbers per document and position.

Whoever runs the models computes the divergences in blocks of rows; here they are summed up, with a bootstrap
over documents, since positions of one text are not independent. 1 - TV is the expected acceptance of the
student as a speculative draft (Leviathan et al. 2023). Only for equal tokenizers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.scoring.bootstrap import generator, resample_sums
from evaluation.scoring.retention import MINIMUM_CLUSTERS, Options, estimate, resampled_bounds
from evaluation.scoring.values import BadInput, FloatArray, Quantity, Undefined, finite_array

_QUANTILES = (0.5, 0.9, 0.99)
_TOLERANCE = 1e-4
"""Sums of rounded float32 probabilities may lie this far outside their range; they are clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class DocumentDivergences:
    """One document, a number per position, in nats. Build it with `of`.

    `kl` is KL(teacher || student), `kl_reverse` KL(student || teacher); `js` Jensen-Shannon, `tv` total
    variation, `top1` whether both have the same likeliest token.
    """

    kl: FloatArray
    kl_reverse: FloatArray
    js: FloatArray
    tv: FloatArray
    top1: FloatArray

    @classmethod
    def of(
        cls,
        *,
        kl: npt.ArrayLike,
        kl_reverse: npt.ArrayLike,
        js: npt.ArrayLike,
        tv: npt.ArrayLike,
        top1: npt.ArrayLike,
    ) -> DocumentDivergences:
        """Check ranges (rounding apart) and lengths; a document has at least one position."""
        limits = (np.inf, np.inf, float(np.log(2.0)), 1.0, 1.0)
        names = ("kl", "kl_reverse", "js", "tv", "top1")
        columns = []
        for name, given, limit in zip(names, (kl, kl_reverse, js, tv, top1), limits, strict=True):
            column = finite_array(given, name)
            if len(column) == 0 or column.min() < -_TOLERANCE or column.max() > limit + _TOLERANCE:
                raise BadInput(f"{name} is empty or out of its range")
            columns.append(np.clip(column, 0.0, limit))
        if len({len(column) for column in columns}) != 1:
            raise BadInput("the columns of a document differ in length")
        return cls(*columns)


def divergences(teacher: FloatArray, student: FloatArray) -> DocumentDivergences:
    """Divergences from log-probabilities of shape (positions, vocabulary): the reference for runners.

    Both must be normalized logarithms over one vocabulary; 0 * log 0 counts as 0.
    """
    if teacher.shape != student.shape or teacher.ndim != 2:
        raise BadInput("log-probabilities of teacher and student differ in shape")
    p, q = np.exp(teacher), np.exp(student)
    middle = np.logaddexp(teacher, student) - np.log(2.0)

    def against(weights: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
        gap = np.subtract(left, right, out=np.zeros_like(left), where=weights > 0)
        return np.asarray((weights * gap).sum(axis=1), dtype=np.float64)

    return DocumentDivergences.of(
        kl=against(p, teacher, student),
        kl_reverse=against(q, student, teacher),
        js=(against(p, teacher, middle) + against(q, student, middle)) / 2.0,
        tv=np.abs(p - q).sum(axis=1) / 2.0,
        top1=teacher.argmax(axis=1) == student.argmax(axis=1),
    )


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles over positions; the mean hides tails."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class Speculation:
    """What speculative decoding should give with the student as draft (Leviathan et al. 2023, eq. 1, thm. 3.8).

    `tokens_per_step` are expected tokens per run of the teacher with `draft_tokens` drafted, acceptances taken
    as independent. `speed_up` needs the cost of a student step over a teacher step; None without it.
    """

    acceptance: float
    draft_tokens: int
    tokens_per_step: float
    cost_ratio: float | None
    speed_up: float | None


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Fidelity over a text at one temperature. Acceptance is expected on this text's contexts."""

    documents: int
    positions: int
    temperature: float
    kl: Quantity
    kl_reverse: Quantity
    js: Quantity
    top1: Quantity
    acceptance: Quantity
    kl_quantiles: Quantiles
    kl_reverse_quantiles: Quantiles
    speculation: Speculation


def fidelity(
    documents: Sequence[DocumentDivergences],
    options: Options,
    *,
    temperature: float = 1.0,
    cost_ratio: float | None = None,
    draft_tokens: int | None = None,
) -> Fidelity:
    """Sum up: means over positions, intervals from documents resampled whole.

    `cost_ratio` is the measured time of a student step over a teacher step. Without `draft_tokens` the number
    with the best predicted speed-up up to 16 is taken (4 when there is no cost ratio). Raises `BadInput` for no
    documents; with too few of them the intervals are undefined, each mean still being in its message.
    """
    if not documents:
        raise BadInput("fidelity needs at least one document")
    columns = [
        [doc.kl.sum(), doc.kl_reverse.sum(), doc.js.sum(), doc.top1.sum(), doc.tv.sum(), len(doc.kl)]
        for doc in documents
    ]
    units = np.array(columns, dtype=np.float64)
    drawn = resample_sums(units, options.resamples, generator(options.seed, "fidelity", options.name))
    values = [_mean(units, drawn, column, options) for column in range(4)]
    acceptance = 1.0 - float(units[:, 4].sum() / units[:, 5].sum())
    return Fidelity(
        documents=len(documents),
        positions=int(units[:, 5].sum()),
        temperature=temperature,
        kl=values[0],
        kl_reverse=values[1],
        js=values[2],
        top1=values[3],
        acceptance=_mean(units, drawn, 4, options, turned=True),
        kl_quantiles=_quantiles(np.concatenate([doc.kl for doc in documents])),
        kl_reverse_quantiles=_quantiles(np.concatenate([doc.kl_reverse for doc in documents])),
        speculation=speculation(acceptance, cost_ratio, draft_tokens),
    )


def _mean(
    units: FloatArray, drawn: FloatArray, column: int, options: Options, *, turned: bool = False
) -> Quantity:
    """Mean over positions of one column (one minus it when `turned`), documents being the units."""
    total = float(units[:, 5].sum())
    mean = float(units[:, column].sum()) / total
    value, values = mean, drawn[column] / drawn[5]
    if turned:
        value, values = 1.0 - mean, 1.0 - values
    if len(units) < MINIMUM_CLUSTERS:
        text = (
            f"{len(units)} documents, {MINIMUM_CLUSTERS} are needed for an interval; the mean is {value:.6g}"
        )
        return Undefined("too_few_samples", text)
    effects = (units[:, column] - mean * units[:, 5]) / total
    bounds = resampled_bounds(value, values, effects, len(units) - 1.0, options, "percentile")
    return estimate(value, bounds, options, "percentile", options.resamples)


def _quantiles(values: FloatArray) -> Quantiles:
    """Median, 90th and 99th percentile."""
    return Quantiles(*(float(value) for value in np.quantile(values, _QUANTILES)))


def expected_tokens(acceptance: float, draft_tokens: int) -> float:
    """Expected tokens per verification, (1 - a^(g+1)) / (1 - a)."""
    if not 0.0 <= acceptance <= 1.0 or draft_tokens < 0:
        raise BadInput("acceptance lies between 0 and 1, and no negative number of tokens can be drafted")
    if acceptance == 1.0:
        return float(draft_tokens + 1)
    return (1.0 - acceptance ** (draft_tokens + 1)) / (1.0 - acceptance)


def speculation(acceptance: float, cost_ratio: float | None, draft_tokens: int | None = None) -> Speculation:
    """Expected tokens per step and wall-clock speed-up with the student as draft."""
    if cost_ratio is not None and not cost_ratio >= 0.0:
        raise BadInput("a cost ratio is not negative")
    if cost_ratio is None:
        drafted = 4 if draft_tokens is None else draft_tokens
        return Speculation(acceptance, drafted, expected_tokens(acceptance, drafted), None, None)

    def speed_up(drafted: int) -> float:
        return expected_tokens(acceptance, drafted) / (drafted * cost_ratio + 1.0)

    drafted = max(range(17), key=speed_up) if draft_tokens is None else draft_tokens
    tokens = expected_tokens(acceptance, drafted)
    return Speculation(acceptance, drafted, tokens, cost_ratio, speed_up(drafted))
