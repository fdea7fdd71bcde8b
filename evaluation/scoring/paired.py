"""Bring the samples of two runs together, by hashes and never by position.

A pair is the same document asked with the same prompt. Draws of one sample are averaged first. What differs
between the runs is reported, not dropped: the task is then `Undefined("prompts_differ")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.scoring.values import BadInput, BoolArray, FloatArray, IntArray, Undefined, finite_array

FEWEST_CLUSTERS = 10
"""From this many clusters on, clusters are the independent units of a task."""


class SampleKey(NamedTuple):
    """What makes a sample the same in two runs; `copy` counts repetitions of one document in the data."""

    doc_hash: str
    prompt_hash: str
    copy: int


@dataclass(frozen=True, slots=True, eq=False)
class ModelSamples:
    """One model's scores on one task, a value per sample, in any order. Build it with `of`.

    `values` is the harness's own per-sample metric (0 or 1 for accuracies; for `per_size` and `perplexity`
    what is summed, as the bits of a document). `sizes` is what that sum is divided by (bytes, words).
    `ties` marks samples in which the best choices tied exactly; `tie_split` is the score with such ties
    shared out. `clusters` names the group of samples that were written together (a passage, a subject).
    `predictions` and `gold` are numbers of choices; they are dropped where draws are averaged.
    """

    keys: tuple[SampleKey, ...]
    values: FloatArray
    sizes: FloatArray | None = None
    ties: BoolArray | None = None
    tie_split: FloatArray | None = None
    clusters: tuple[str, ...] | None = None
    predictions: IntArray | None = None
    gold: IntArray | None = None

    @classmethod
    def of(
        cls,
        doc_hashes: Sequence[str],
        prompt_hashes: Sequence[str],
        values: npt.ArrayLike,
        *,
        sizes: npt.ArrayLike | None = None,
        ties: npt.ArrayLike | None = None,
        tie_split: npt.ArrayLike | None = None,
        clusters: Sequence[str] | None = None,
        draws: Sequence[int] | None = None,
        predictions: npt.ArrayLike | None = None,
        gold: npt.ArrayLike | None = None,
    ) -> ModelSamples:
        """Check, average the draws of each sample, and put into a canonical order.

        `draws` numbers the answers drawn for one prompt; without it repeated hashes are repeated documents.
        Raises `BadInput` on NaN, infinities, unequal lengths and sizes that are not positive.
        """
        length = len(doc_hashes)
        columns = _Columns(
            finite_array(values, "values"),
            None if sizes is None else finite_array(sizes, "sizes"),
            None if ties is None else np.asarray(ties, dtype=np.bool_),
            None if tie_split is None else finite_array(tie_split, "tie_split"),
            None if predictions is None else np.asarray(predictions, dtype=np.int64),
            None if gold is None else np.asarray(gold, dtype=np.int64),
        )
        given = [prompt_hashes, clusters, draws, *columns]
        if any(column is not None and len(column) != length for column in given):
            raise BadInput("the columns of a task's samples differ in length")
        if columns.sizes is not None and not (columns.sizes > 0).all():
            raise BadInput("sizes must be positive")
        keys = _keys(doc_hashes, prompt_hashes, draws)
        return _collapse(keys, columns, clusters)

    def __len__(self) -> int:
        return len(self.keys)


class _Columns(NamedTuple):
    """The numeric columns of samples before they are put in order."""

    values: FloatArray
    sizes: FloatArray | None
    ties: BoolArray | None
    tie_split: FloatArray | None
    predictions: IntArray | None
    gold: IntArray | None


def _keys(docs: Sequence[str], prompts: Sequence[str], draws: Sequence[int] | None) -> list[SampleKey]:
    """Key of each row; the copy number rises each time that document, prompt and draw come again."""
    seen: dict[tuple[str, str, int], int] = {}
    keys = []
    for doc, prompt, draw in zip(docs, prompts, draws or [0] * len(docs), strict=True):
        copy = seen.get((doc, prompt, draw), 0)
        seen[doc, prompt, draw] = copy + 1
        keys.append(SampleKey(doc, prompt, copy))
    return keys


def _collapse(keys: list[SampleKey], columns: _Columns, clusters: Sequence[str] | None) -> ModelSamples:
    """Sort by key and average rows of equal key (draws); a tie in any draw counts as a tie."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    starts = [i for i, row in enumerate(order) if i == 0 or keys[row] != keys[order[i - 1]]]
    rows = np.asarray(order, dtype=np.int64)
    firsts = [order[start] for start in starts]

    def mean(column: FloatArray) -> FloatArray:
        if len(firsts) == len(rows):
            return column[rows]
        counts = np.diff(np.append(starts, len(rows)))
        return np.asarray(np.add.reduceat(column[rows], starts) / counts, dtype=np.float64)

    def kept(column: IntArray | None) -> IntArray | None:
        return None if column is None or len(firsts) < len(rows) else column[rows]

    return ModelSamples(
        keys=tuple(keys[row] for row in firsts),
        values=mean(columns.values),
        sizes=None if columns.sizes is None else mean(columns.sizes),
        ties=None if columns.ties is None else mean(columns.ties.astype(np.float64)) > 0,
        tie_split=None if columns.tie_split is None else mean(columns.tie_split),
        clusters=None if clusters is None else tuple(clusters[row] for row in firsts),
        predictions=kept(columns.predictions),
        gold=kept(columns.gold),
    )


class Counts(NamedTuple):
    """Right and wrong of a pair over samples: `lost` is right in the teacher alone."""

    both: float
    lost: float
    gained: float
    neither: float

    @property
    def total(self) -> float:
        """All samples."""
        return self.both + self.lost + self.gained + self.neither


@dataclass(frozen=True, slots=True, eq=False)
class PairedSamples:
    """Student and teacher on the same samples, in the order of the keys.

    `clusters` are numbers from 0 up, or None where each sample stands alone. `ties` marks samples in which
    either model had a tie. Sizes are None where scores are plain means.
    """

    student: FloatArray
    teacher: FloatArray
    keys: tuple[SampleKey, ...] = ()
    clusters: IntArray | None = None
    ties: BoolArray | None = None
    student_sizes: FloatArray | None = None
    teacher_sizes: FloatArray | None = None

    @classmethod
    def of_arrays(
        cls, student: npt.ArrayLike, teacher: npt.ArrayLike, clusters: Sequence[str | int] | None = None
    ) -> PairedSamples:
        """Pair arrays whose rows are known to match (simulations, tests, draws of one item)."""
        left, right = finite_array(student, "student"), finite_array(teacher, "teacher")
        if len(left) != len(right) or (clusters is not None and len(clusters) != len(left)):
            raise BadInput("student, teacher and clusters differ in length")
        return cls(left, right, clusters=None if clusters is None else cluster_numbers(clusters))

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.student)

    @property
    def units(self) -> int:
        """Number of independent units: clusters where there are any, else samples."""
        return self.n if self.clusters is None else int(self.clusters.max(initial=-1)) + 1

    @property
    def binary(self) -> bool:
        """Whether every score of both models is 0 or 1."""
        return all(bool(((side == 0.0) | (side == 1.0)).all()) for side in (self.student, self.teacher))

    def counts(self) -> Counts:
        """Outcome counts; only for right/wrong scores."""
        if not self.binary:
            raise BadInput("outcomes can be counted only where every score is 0 or 1")
        both = round(float(self.student @ self.teacher))
        lost, gained = round(float(self.teacher.sum())) - both, round(float(self.student.sum())) - both
        return Counts(both, lost, gained, self.n - both - lost - gained)


def pair(student: ModelSamples, teacher: ModelSamples) -> PairedSamples | Undefined:
    """Join two runs' samples of one task on document and prompt hash.

    Any sample that the other run lacks, or asked with another prompt, makes the task undefined; the message
    counts both kinds.
    """
    if student.keys != teacher.keys:
        return Undefined("prompts_differ", _mismatch(student.keys, teacher.keys))
    if student.clusters != teacher.clusters:
        return Undefined("prompts_differ", "the two runs put the samples into different clusters")
    if (student.sizes is None) != (teacher.sizes is None):
        raise BadInput("sizes are given for one of the two models only")
    ties = [side.ties for side in (student, teacher) if side.ties is not None]
    return PairedSamples(
        student.values,
        teacher.values,
        keys=student.keys,
        clusters=usable_clusters(student.clusters),
        ties=np.logical_or.reduce(ties) if ties else None,
        student_sizes=student.sizes,
        teacher_sizes=teacher.sizes,
    )


def _mismatch(student: tuple[SampleKey, ...], teacher: tuple[SampleKey, ...]) -> str:
    """Say how many samples have another prompt and how many the other run lacks."""
    left, right = set(student), set(teacher)
    left_docs = {(key.doc_hash, key.copy) for key in left}
    right_docs = {(key.doc_hash, key.copy) for key in right}
    alone_left, alone_right = len(left_docs - right_docs), len(right_docs - left_docs)
    other_prompt = len({(k.doc_hash, k.copy) for k in left - right} & right_docs)
    return (
        f"{other_prompt} samples were asked with another prompt, {alone_left} are in the student's run alone, "
        f"{alone_right} in the teacher's alone"
    )


def cluster_numbers(clusters: Sequence[str | int]) -> IntArray:
    """Cluster names as numbers from 0 up, in sorted order."""
    _, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    return numbers.astype(np.int64)


def usable_clusters(clusters: Sequence[str] | None) -> IntArray | None:
    """Clusters as independent units, or None where there are none or too few to see how they vary.

    With few clusters (the paradigms of one BLiMP field) the samples are the units, and what is said holds for
    these clusters and not for others of the kind. Results name the units.
    """
    if clusters is None or len(set(clusters)) < FEWEST_CLUSTERS:
        return None
    return cluster_numbers(clusters)
