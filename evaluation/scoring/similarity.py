"""Similarity of features: linear CKA between layers of two models (Kornblith et al. 2019).

Rows are the same tokens in both; widths may differ. With few rows and wide layers plain CKA is high for
unrelated features, so the debiased form stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.scoring.values import BadInput, FloatArray


@dataclass(frozen=True, slots=True)
class LayerSimilarity:
    """CKA of every student layer (rows) with every teacher layer (columns), None where one is constant.

    `closest` names for each student layer the teacher layer with the highest debiased CKA.
    """

    rows: int
    cka: tuple[tuple[float | None, ...], ...]
    cka_debiased: tuple[tuple[float | None, ...], ...]
    closest: tuple[int | None, ...]


def linear_cka(left: npt.ArrayLike, right: npt.ArrayLike) -> float | None:
    """Linear CKA of two feature tables, shapes (rows, width); None when either does not vary."""
    x, y = _centered(left), _centered(right)
    _check_rows(x, y)
    scale = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return None if scale == 0.0 else min(float(np.linalg.norm(y.T @ x) ** 2) / scale, 1.0)


def debiased_cka(left: npt.ArrayLike, right: npt.ArrayLike) -> float | None:
    """CKA from the unbiased estimator of HSIC (Song et al. 2012); near 0 for unrelated features.

    May be slightly negative. Needs at least four rows; None when either does not vary.
    """
    x, y = _centered(left), _centered(right)
    _check_rows(x, y)
    if len(x) < 4:
        raise BadInput("debiased CKA needs at least four rows")
    scale = _unbiased(x, x) * _unbiased(y, y)
    return None if scale <= 0.0 else float(_unbiased(x, y) / np.sqrt(scale))


def layer_similarity(student: Sequence[npt.ArrayLike], teacher: Sequence[npt.ArrayLike]) -> LayerSimilarity:
    """Compare all layers of both models on the same tokens."""
    if not student or not teacher:
        raise BadInput("similarity needs a layer of each model")
    plain = tuple(tuple(linear_cka(one, other) for other in teacher) for one in student)
    fair = tuple(tuple(debiased_cka(one, other) for other in teacher) for one in student)
    return LayerSimilarity(len(np.asarray(student[0])), plain, fair, tuple(map(_best, fair)))


def _best(row: Sequence[float | None]) -> int | None:
    """Index of the highest known value."""
    known = [(value, -index) for index, value in enumerate(row) if value is not None]
    return -max(known)[1] if known else None


def _centered(values: npt.ArrayLike) -> FloatArray:
    """Columns moved to mean zero; refuses NaN and other shapes."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2 or not np.isfinite(table).all():
        raise BadInput("features must be a finite table of at least two rows")
    return np.asarray(table - table.mean(axis=0), dtype=np.float64)


def _check_rows(x: FloatArray, y: FloatArray) -> None:
    """Both tables must describe the same tokens."""
    if len(x) != len(y):
        raise BadInput("the two feature tables differ in rows")


def _unbiased(x: FloatArray, y: FloatArray) -> float:
    """Unbiased HSIC of linear kernels, computed from features without the rows-by-rows matrices.

    With K = x x' and L = y y', both with their diagonals removed: tr(KL), the sums over entries, and the product
    of row sums all follow from x'y, column sums (zero here) and the squared lengths of rows.
    """
    n = len(x)
    k, m = (x**2).sum(axis=1), (y**2).sum(axis=1)
    # Centered columns: each row of the full kernel sums to zero, so without the diagonal it sums to -k.
    trace = float((np.linalg.norm(x.T @ y) ** 2) - (k * m).sum())
    sums = float(k.sum() * m.sum()) / ((n - 1) * (n - 2))
    rows = 2.0 * float((k * m).sum()) / (n - 2)
    return (trace + sums - rows) / (n * (n - 3))
