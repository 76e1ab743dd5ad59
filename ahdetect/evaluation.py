"""Labels and probabilities of A/H in; scores with intervals over people out.

`y` are labels, (rows,), 1 where A/H was marked; `p` are probabilities of A/H, (rows,), 0 to 1. A row is a clip, an
answer or a frame: the scores do not care. `groups` names its person (or clip), `prompts` its kind of prompt.

Every score is a function of how many rows of each class stand at each distinct probability. A resample of people only
changes these numbers, so a score takes a matrix (levels, resamples) and gives all its resamples at once; the value on
the rows themselves is the same function on one column. A score that does not exist (rows of one class only) is None,
with the reason beside it, never a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.sparse import csr_array

from ahdetect.errors import ConfigError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

THRESHOLD: Final = 0.5
"""Rows at or above it count as A/H. Fixed: in the challenges on BAH, thresholds tuned on validation data overfit."""

BINS: Final = 10
"""Bins of the calibration error: some 70 answers each for 700 rows. Guo et al. 2017 took 15 for thousands of rows."""

RESAMPLES: Final = 2000
"""Enough that the ends of a 95 % interval move by about .001 from seed to seed."""

CONFIDENCE: Final = 0.95

BAH_THRESHOLDS: Final = np.arange(0, 1, 0.001)
"""The 1,000 thresholds of `average_precision` in the authors' `bah_metrics.py` (repository sbelharbi/bah-dataset)."""

LEVELS: Final = 4096
"""Distinct probabilities kept apart while resampling. Frames have more: see `_levels`. Values themselves keep all."""

DEFINED_SHARE: Final = 0.5
"""An interval needs this share of resamples where the score exists; below, it would describe the lucky ones."""

CELLS: Final = 1_000_000
"""Cells of a matrix (levels, resamples) worked on at once: 8 MB, near the caches."""

EDGES: Final = np.arange(BINS + 1) / BINS

Estimator = Callable[[Any, Any], float | None]
"""A score of one's own for `bootstrap` and `difference`: (y, p) to a number, None or NaN where it does not exist."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Estimate(_Frozen):
    """A score with its interval over people.

    Attributes:
        value: on the rows themselves; None where the score does not exist.
        low: lower end of the 95 % percentile interval; None where there is none.
        high: its upper end.
        dropped: resamples left out because the score does not exist on them.
        reason: why `value` or the interval is None; None where both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    dropped: int
    reason: str | None


class Difference(_Frozen):
    """The score of model a minus that of model b on the same rows, resampled together.

    Attributes:
        a: score of model a on the rows themselves.
        b: score of model b.
        value: a minus b.
        low: lower end of the 95 % percentile interval of the difference.
        high: its upper end.
        dropped: resamples left out because a score does not exist on them.
        measurable: True where the interval lies on one side of zero.
        reason: why `value` or the interval is None.
    """

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    dropped: int
    measurable: bool
    reason: str | None


class WithinPrompt(_Frozen):
    """ROC AUC inside each kind of prompt.

    Attributes:
        value: mean over the kinds in `by_prompt`, each counted once; None where there is none.
        by_prompt: ROC AUC of each kind that has rows of both classes.
        left_out: the other kinds, each with the reason.
        rows_without_prompt: rows that name no kind; they are left out.
    """

    value: float | None
    by_prompt: dict[str, float]
    left_out: dict[str, str]
    rows_without_prompt: int


class ReliabilityPoint(_Frozen):
    """A bin of probabilities and what came true in it.

    Attributes:
        low: lower edge of the bin, inside it.
        high: upper edge, outside it (inside for 1).
        n: rows in the bin.
        mean_p: their mean probability.
        observed: share of them with A/H.
        observed_low: lower end of its 95 % interval over people; None where there is none.
        observed_high: its upper end.
    """

    low: float
    high: float
    n: int
    mean_p: float
    observed: float
    observed_low: float | None
    observed_high: float | None


class Report(_Frozen):
    """Every score of one model on one set of rows.

    Attributes:
        n: rows.
        people: groups that were resampled; None where none were named and rows were resampled instead.
        positives: rows with A/H.
        prevalence: their share, which is also the average precision of chance.
        threshold: at or above it a row counts as A/H.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        metrics: by the names of `METRICS`, in that order.
        within_prompt: ROC AUC of each kind of prompt and the kinds left out; None where no kinds were given.
        reliability: points of the reliability picture, bins without rows left out.
        notes: what a reader must know about these figures, one sentence each.
    """

    n: int
    people: int | None
    positives: int
    prevalence: float
    threshold: float
    resamples: int
    seed: int
    metrics: dict[str, Estimate]
    within_prompt: WithinPrompt | None
    reliability: list[ReliabilityPoint]
    notes: list[str]


class Fold(NamedTuple):
    """Row numbers to train on and to test on."""

    train: Indices
    test: Indices


class PromptFold(NamedTuple):
    """Row numbers to train on and to test on; all tests are of `prompt`, none of the training rows is."""

    prompt: str
    train: Indices
    test: Indices


# Counts per level: what every score is computed from.


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows of each class at each level of p, one column a resample.

    Attributes:
        score: smallest p of each level, ascending, (levels,).
        mean: mean p of each level, (levels,).
        positive: rows with A/H, (levels, resamples).
        negative: the others, (levels, resamples).
    """

    score: Floats
    mean: Floats
    positive: Floats
    negative: Floats

    @property
    def both(self) -> NDArray[np.bool_]:
        """Whether a resample has rows of both classes, (resamples,)."""
        both: NDArray[np.bool_] = (self.positive.sum(axis=0) > 0) & (self.negative.sum(axis=0) > 0)
        return both

    def above(self) -> tuple[Floats, Floats]:
        """Rows of each class at or above each level, each (levels + 1, resamples); the last is 0."""
        return _tail(self.positive), _tail(self.negative)


def _tail(counts: Floats) -> Floats:
    sums = np.zeros((counts.shape[0] + 1, counts.shape[1]))
    np.cumsum(counts[::-1], axis=0, out=sums[1:])
    return sums[::-1]


@dataclass(frozen=True, slots=True)
class _Levels:
    """Rows of each class at each level of p and of each person; both tables (levels, people), sparse."""

    score: Floats
    mean: Floats
    positive: Any
    negative: Any

    def resampled(self, times: Floats) -> _Counts:
        """Counts of resamples; `times` says how often each person is in each, (people, resamples)."""
        return _Counts(self.score, self.mean, self.positive @ times, self.negative @ times)


def _levels(y: NDArray[np.bool_], p: Floats, person: Indices, people: int) -> _Levels:
    """Sort rows into levels of p.

    Up to `LEVELS` distinct p, each is a level and every resample is exact. With more of them (frames), neighbours share
    a level: cut at quantiles, at the thresholds and at the edges of the bins. F1 and the trapezoid stay exact; the
    others treat some neighbours as equal, which moves the interval by less than 1e-3 (`tests/test_evaluation.py`).
    """
    score, level = np.unique(p, return_inverse=True)
    if score.size > LEVELS:
        quantiles = np.quantile(p, np.arange(LEVELS) / LEVELS)
        cuts = np.unique(np.concatenate([quantiles, BAH_THRESHOLDS, EDGES, [THRESHOLD]]))
        _, level = np.unique(np.searchsorted(cuts, p, side="right"), return_inverse=True)
        score = np.full(int(level.max()) + 1, np.inf)
        np.minimum.at(score, level, p)
    mean = np.bincount(level, weights=p) / np.bincount(level)
    shape = (score.size, people)

    def counted(rows: NDArray[np.bool_]) -> Any:
        return csr_array((np.ones(int(rows.sum())), (level[rows], person[rows])), shape=shape)

    return _Levels(score, mean, counted(y), counted(~y))


def _counts(y: NDArray[np.bool_], p: Floats) -> _Counts:
    """The rows themselves, as one column; every distinct p is a level."""
    score, level = np.unique(p, return_inverse=True)
    positive = np.bincount(level[y], minlength=score.size).astype(np.float64)
    negative = np.bincount(level[~y], minlength=score.size).astype(np.float64)
    return _Counts(score, score, positive[:, None], negative[:, None])


# Scores: counts in, one value a column out, NaN where the score does not exist.


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """`top / bottom`; 0 where `bottom` is 0."""
    return np.divide(top, bottom, out=np.zeros(np.broadcast_shapes(top.shape, bottom.shape)), where=bottom > 0)


def _where(defined: NDArray[np.bool_], values: Floats) -> Floats:
    return np.where(defined, values, np.nan)


def _f1s(c: _Counts) -> tuple[Floats, Floats]:
    """F1 of A/H and of its absence."""
    cut = int(np.searchsorted(c.score, THRESHOLD, side="left"))
    hits, alarms = c.positive[cut:].sum(axis=0), c.negative[cut:].sum(axis=0)
    misses, rejections = c.positive[:cut].sum(axis=0), c.negative[:cut].sum(axis=0)
    wrong = alarms + misses
    return _ratio(2 * hits, 2 * hits + wrong), _ratio(2 * rejections, 2 * rejections + wrong)


def _avgf1(c: _Counts) -> Floats:
    present, absent = _f1s(c)
    return _where(c.both, (present + absent) / 2)


def _f1_positive(c: _Counts) -> Floats:
    return _where(c.both, _f1s(c)[0])


def _average_precision(c: _Counts) -> Floats:
    hits, alarms = c.above()
    precision = _ratio(hits[:-1], hits[:-1] + alarms[:-1])
    return _where(c.both, _ratio((precision * c.positive).sum(axis=0), hits[0]))


def _average_precision_trapezoid(c: _Counts) -> Floats:
    # Thresholds between the same two levels make the same point, and no area between them.
    cuts = np.unique(np.searchsorted(c.score, BAH_THRESHOLDS, side="left"))
    hits, alarms = c.above()
    recall = _ratio(hits[cuts], hits[0])
    precision = _ratio(hits[cuts], hits[cuts] + alarms[cuts])
    area = ((recall[:-1] - recall[1:]) * (precision[:-1] + precision[1:]) / 2).sum(axis=0)
    return _where(c.both, area)


def _roc_auc(c: _Counts) -> Floats:
    hits, alarms = c.above()
    below = alarms[0] - alarms[:-1]  # negatives ranked under the level; those in it count half
    pairs = (c.positive * (below + c.negative / 2)).sum(axis=0)
    return _where(c.both, _ratio(pairs, hits[0] * alarms[0]))


def _gap(bins: Indices, many: int, c: _Counts) -> Floats:
    """Mean over rows of |observed - predicted| of their bin; `bins` is (levels, resamples), below `many`."""
    columns = c.positive.shape[1]
    place = (bins * columns + np.arange(columns)).ravel()
    total = c.positive + c.negative
    surplus = (c.positive - total * c.mean[:, None]).ravel()
    gaps = np.bincount(place, weights=surplus, minlength=many * columns).reshape(many, columns)
    rows = total.sum(axis=0)
    return _where(rows > 0, _ratio(np.abs(gaps).sum(axis=0), rows))


def _bin_of(score: Floats, bins: int) -> Indices:
    """Number of the equal-width bin of each score: k/bins belongs to bin k, 1 to the last."""
    return np.minimum(np.searchsorted(np.arange(bins + 1) / bins, score, side="right") - 1, bins - 1)


def _ece(c: _Counts, bins: int = BINS) -> Floats:
    return _gap(np.broadcast_to(_bin_of(c.score, bins)[:, None], c.positive.shape), bins, c)


def _ece_equal_mass(c: _Counts, bins: int = BINS) -> Floats:
    total = c.positive + c.negative
    rank = np.cumsum(total, axis=0) - total / 2
    share = _ratio(rank, np.broadcast_to(total.sum(axis=0), rank.shape))
    return _gap(np.minimum((share * bins).astype(np.intp), bins - 1), bins, c)


def _mean_auc(counts: Sequence[_Counts]) -> Floats:
    aucs = np.stack([_roc_auc(c) for c in counts])
    known = np.isfinite(aucs)
    many = known.sum(axis=0)
    return _where(many > 0, _ratio(np.where(known, aucs, 0.0).sum(axis=0), many.astype(np.float64)))


# Rows as people hand them in.


def _rows(y: ArrayLike, p: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Labels and probabilities, checked.

    Raises:
        ConfigError: not one-dimensional, of different length, empty, a label other than 0 and 1, a p outside 0 to 1.
    """
    try:
        labels, scores = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"Labels and probabilities must be numbers ({error}).") from error
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ConfigError(
            f"Labels and probabilities must be two lists of one length, not of shape {labels.shape} and {scores.shape}."
        )
    if not labels.size:
        raise ConfigError("There are no rows to evaluate.")
    odd = np.flatnonzero((labels != 0) & (labels != 1))
    if odd.size:
        raise ConfigError(
            f"Labels must be 0 or 1; row {odd[0] + 1} has {labels[odd[0]]:g}.", value=float(labels[odd[0]])
        )
    odd = np.flatnonzero(~((scores >= 0) & (scores <= 1)))
    if odd.size:
        raise ConfigError(
            f"Probabilities must lie in 0 to 1; row {odd[0] + 1} has {scores[odd[0]]:g}.", value=float(scores[odd[0]])
        )
    return labels == 1, scores


def _names(values: Iterable[Hashable], rows: int, what: str) -> list[Hashable]:
    """One name a row, None where it is missing (None or NaN)."""
    names = [None if v is None or v != v else v for v in values]
    if len(names) != rows:
        raise ConfigError(f"There must be one {what} a row, not {len(names)} for {rows} rows.")
    return names


def _people(groups: Iterable[Hashable] | None, rows: int) -> tuple[Indices, int]:
    """The number of each row's person and how many there are; without `groups` each row is one."""
    if groups is None:
        return np.arange(rows), rows
    names = _names(groups, rows, "group")
    if None in names:
        raise ConfigError(f"Row {names.index(None) + 1} names no group; leave it out, or give it a group of its own.")
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.intp), len(number)


def _by_prompt(prompts: Iterable[Hashable], rows: int) -> dict[str, NDArray[np.bool_]]:
    """The rows of each kind of prompt, kinds in the order of the alphabet; rows without a kind are in none."""
    names = ["" if name is None else str(name) for name in _names(prompts, rows, "kind of prompt")]
    kinds, number = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return {str(kind): number == i for i, kind in enumerate(kinds) if kind}


def _lacks(y: NDArray[np.bool_]) -> str | None:
    """Why scores of two classes do not exist; None where they do."""
    if y.any() and not y.all():
        return None
    return f"rows of one class only: {'all' if y.all() else 'none'} of {y.size} with A/H"


def _number(values: Floats) -> float | None:
    value = float(values[0])
    return value if math.isfinite(value) else None


# The scores.


def avgf1(y: ArrayLike, p: ArrayLike) -> float | None:
    """AVGF1: mean of the F1 of A/H and of the F1 of its absence, at the fixed threshold .5 (p of .5 counts as A/H).

    The BAH code takes the argmax of two logits, which differs for p of exactly .5 only.

    Returns:
        0 to 1; None where rows are of one class only.
    """
    return _number(_avgf1(_counts(*_rows(y, p))))


def f1_positive(y: ArrayLike, p: ArrayLike) -> float | None:
    """F1+: F1 of A/H at the fixed threshold .5.

    Returns:
        0 to 1; None where rows are of one class only.
    """
    return _number(_f1_positive(_counts(*_rows(y, p))))


def average_precision(y: ArrayLike, p: ArrayLike) -> float | None:
    """AP as scikit-learn defines it: the sum over distinct p of precision times the step in recall.

    Rows of equal p enter together, so their order does not matter, and nothing is interpolated.

    Returns:
        0 to 1, chance is the prevalence; None where rows are of one class only.
    """
    return _number(_average_precision(_counts(*_rows(y, p))))


def average_precision_trapezoid(y: ArrayLike, p: ArrayLike) -> float | None:
    """AP as the BAH code computes it (`average_precision` in `bah_metrics.py`, sbelharbi/bah-dataset).

    A point (recall, precision) at each threshold 0, .001, ..., .999, with p at or above it taken for A/H and precision
    0 where nothing is; the area under the line through the points by the trapezoid rule. No point is added at either
    end. For fine scores spread over 0 to 1 both definitions agree to about .01. For coarse ones they do not, because:

    * no threshold lies above a p of .999 or more. The line then ends at the recall of those rows and the area left of
      it is lost: for answers of 0 and 1 that is everything the model got right. Perfect answers of 0 and 1 score 0 here
      and 1 in scikit-learn.
    * where thresholds do lie above every p, the line falls from the topmost level to the point (0, 0): a triangle where
      scikit-learn has a rectangle. A constant p of .3 scores half the prevalence here and the prevalence there.
    * between two levels it follows a straight line, which over a long step credits a precision that no threshold
      reaches (Davis & Goadrich 2006); scikit-learn takes the step at the lower level's precision.

    Returns:
        0 to 1; None where rows are of one class only.
    """
    return _number(_average_precision_trapezoid(_counts(*_rows(y, p))))


def roc_auc(y: ArrayLike, p: ArrayLike) -> float | None:
    """Area under the ROC curve: how often a row with A/H gets a higher p than a row without; equal p count half.

    Returns:
        0 to 1, chance is .5; None where rows are of one class only.
    """
    return _number(_roc_auc(_counts(*_rows(y, p))))


def within_prompt_auc(y: ArrayLike, p: ArrayLike, prompt: Iterable[Hashable]) -> WithinPrompt:
    """ROC AUC inside each kind of prompt, and its plain mean over the kinds that have rows of both classes.

    It tells the state from the topic: a model that only knows what was asked scores .5.

    Args:
        y: labels, (rows,).
        p: probabilities, (rows,).
        prompt: kind of prompt of each row; None or NaN where it is not known.

    Raises:
        ConfigError: the lists do not fit together.
    """
    labels, scores = _rows(y, p)
    aucs, left_out = {}, {}
    kinds = _by_prompt(prompt, labels.size)
    for kind, rows in kinds.items():
        reason = _lacks(labels[rows])
        if reason is None:
            aucs[kind] = float(_roc_auc(_counts(labels[rows], scores[rows]))[0])
        else:
            left_out[kind] = reason
    without = labels.size - sum(int(rows.sum()) for rows in kinds.values())
    mean = sum(aucs.values()) / len(aucs) if aucs else None
    return WithinPrompt(value=mean, by_prompt=aucs, left_out=left_out, rows_without_prompt=without)


def ece(y: ArrayLike, p: ArrayLike, bins: int = BINS) -> float | None:
    """Expected calibration error over bins of equal width: mean over rows of |share of A/H - mean p| in their bin.

    The common definition (Guo et al. 2017, here for the probability of A/H rather than of the chosen class). Its bins
    may be nearly empty; `ece_equal_mass` has none of those. Both grow by chance in small sets, and once more in each
    resample: the interval lies high, up to above the value. Compare models on the same rows, with `difference`.

    Returns:
        0 to 1, less is better.
    """
    return _number(_ece(_counts(*_rows(y, p)), _bins(bins)))


def ece_equal_mass(y: ArrayLike, p: ArrayLike, bins: int = BINS) -> float | None:
    """Expected calibration error over bins of equal mass: as `ece`, each bin with about as many rows as the next.

    Rows of equal p stay together, in the bin of their middle rank, so the order of rows does not matter. It looks
    closer than equal width where most p lie close together (adaptive calibration error, Nixon et al. 2019).

    Returns:
        0 to 1, less is better.
    """
    return _number(_ece_equal_mass(_counts(*_rows(y, p)), _bins(bins)))


def _bins(bins: int) -> int:
    if bins < 1:
        raise ConfigError(f"There must be at least one bin, not {bins}.", value=bins)
    return bins


@dataclass(frozen=True, slots=True)
class Metric:
    """A score of the report.

    Attributes:
        name: key in `Report.metrics` and in JSON.
        title: heading in tables.
        kernel: counts of resamples to values, (resamples,); None for the mean over kinds of prompt.
        two_classes: whether it needs rows of both.
    """

    name: str
    title: str
    kernel: Callable[[_Counts], Floats] | None
    two_classes: bool = True


WITHIN: Final = "within_prompt_auc"

METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric("avgf1", "AVGF1", _avgf1),
        Metric("f1_positive", "F1+", _f1_positive),
        Metric("average_precision", "AP", _average_precision),
        Metric("average_precision_trapezoid", "AP (BAH)", _average_precision_trapezoid),
        Metric("roc_auc", "ROC AUC", _roc_auc),
        Metric(WITHIN, "within-prompt AUC", None),
        Metric("ece", "ECE", _ece, two_classes=False),
        Metric("ece_equal_mass", "ECE (equal mass)", _ece_equal_mass, two_classes=False),
    )
}
"""The scores of a report, by the name of their function."""

_OWN: Final[dict[object, str]] = {
    avgf1: "avgf1",
    f1_positive: "f1_positive",
    average_precision: "average_precision",
    average_precision_trapezoid: "average_precision_trapezoid",
    roc_auc: "roc_auc",
    within_prompt_auc: WITHIN,
    ece: "ece",
    ece_equal_mass: "ece_equal_mass",
}


# Resampling.


class _Set:
    """Rows of one model, ready to be resampled by people."""

    def __init__(
        self,
        y: NDArray[np.bool_],
        p: Floats,
        person: Indices,
        people: int,
        kinds: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        self.y, self.p, self.kinds = y, p, kinds
        self._person, self.people = person, people
        self._all = _levels(y, p, person, people)
        self._by_kind = [_levels(y[k], p[k], person[k], people) for k in kinds.values() if _lacks(y[k]) is None]
        self._rows_of: list[Indices] | None = None

    @property
    def width(self) -> int:
        """Resamples to compute at once."""
        return max(1, CELLS // max(self._all.score.size, self.people))

    def value(self, metric: str | Estimator) -> tuple[float | None, str | None]:
        """The score on the rows themselves, or why there is none."""
        if not isinstance(metric, str):
            return _own_value(metric, self.y, self.p)
        if METRICS[metric].two_classes and (reason := _lacks(self.y)):
            return None, reason
        kernel = METRICS[metric].kernel
        if kernel is not None:
            return _number(kernel(_counts(self.y, self.p))), None
        if not self.kinds:
            return None, "no kinds of prompt were given"
        if not self._by_kind:
            return None, "no kind of prompt has rows of both classes"
        both = [_counts(self.y[k], self.p[k]) for k in self.kinds.values() if _lacks(self.y[k]) is None]
        return _number(_mean_auc(both)), None

    def resampled(self, times: Floats, metrics: Sequence[str | Estimator]) -> Floats:
        """Values of `metrics` on resamples, (metrics, resamples); `times` is (people, resamples)."""
        counts = self._all.resampled(times)
        values = np.full((len(metrics), times.shape[1]), np.nan)
        for i, metric in enumerate(metrics):
            if not isinstance(metric, str):
                values[i] = self._looped(times, metric)
                continue
            kernel = METRICS[metric].kernel
            if kernel is not None:
                values[i] = kernel(counts)
            elif self._by_kind:
                values[i] = _mean_auc([levels.resampled(times) for levels in self._by_kind])
        return values

    def _looped(self, times: Floats, metric: Estimator) -> Floats:
        if self._rows_of is None:
            order = np.argsort(self._person, kind="stable")
            self._rows_of = np.split(order, np.cumsum(np.bincount(self._person, minlength=self.people))[:-1])
        values = np.full(times.shape[1], np.nan)
        for i, column in enumerate(times.T.astype(np.intp)):
            rows = np.concatenate([np.tile(self._rows_of[g], column[g]) for g in np.flatnonzero(column)])
            value, _ = _own_value(metric, self.y[rows], self.p[rows])
            values[i] = np.nan if value is None else value
        return values


def _own_value(metric: Estimator, y: NDArray[np.bool_], p: Floats) -> tuple[float | None, str | None]:
    value = metric(y.astype(np.int64), p)
    if value is None or not math.isfinite(value):
        return None, _lacks(y) or "the score does not exist on these rows"
    return float(value), None


def _named(metric: str | Estimator) -> str | Estimator:
    """The name of a score of ours, which is computed for all resamples at once; any other as it is."""
    if isinstance(metric, str):
        if metric not in METRICS:
            raise ConfigError(f"There is no score {metric!r}; there are {', '.join(METRICS)}.", value=metric)
        return metric
    return _OWN.get(metric, metric)


def _draws(people: int, resamples: int, seed: int, width: int) -> Iterator[Floats]:
    """How often each person is in each resample, (people, up to `width`), `resamples` columns in all."""
    if resamples < 1:
        raise ConfigError(f"There must be at least one resample, not {resamples}.", value=resamples)
    rng = np.random.default_rng(seed)
    even = np.full(people, 1 / people)
    for first in range(0, resamples, width):
        many = min(width, resamples - first)
        yield np.ascontiguousarray(rng.multinomial(people, even, size=many).T, dtype=np.float64)


def _interval(values: Floats, people: int) -> tuple[float | None, float | None, int, str | None]:
    """Low, high, resamples dropped, and the reason where there is no interval."""
    known = values[np.isfinite(values)]
    dropped = values.size - known.size
    if people < 2:
        return None, None, dropped, "no interval: one person only"
    if not known.size or known.size < DEFINED_SHARE * values.size:
        return None, None, dropped, f"no interval: the score exists on {known.size} of {values.size} resamples only"
    low, high = np.percentile(known, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return float(low), float(high), dropped, None


def _estimate(value: float | None, reason: str | None, values: Floats, people: int) -> Estimate:
    if value is None:
        return Estimate(value=None, low=None, high=None, dropped=values.size, reason=reason)
    low, high, dropped, why = _interval(values, people)
    return Estimate(value=value, low=low, high=high, dropped=dropped, reason=why)


def _set(y: ArrayLike, p: ArrayLike, groups: Iterable[Hashable] | None, prompts: Iterable[Hashable] | None) -> _Set:
    labels, scores = _rows(y, p)
    kinds = {} if prompts is None else _by_prompt(prompts, labels.size)
    return _Set(labels, scores, *_people(groups, labels.size), kinds)


def bootstrap(
    metric: str | Estimator,
    y: ArrayLike,
    p: ArrayLike,
    groups: Iterable[Hashable] | None = None,
    *,
    prompts: Iterable[Hashable] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """A score with its 95 % percentile interval over people.

    People are drawn with replacement, as many as there are, each with all their rows: answers of one person are alike,
    and an interval over rows would be too narrow. Resamples where the score does not exist are dropped and counted.
    Within-prompt AUC leaves out, in each resample, the kinds that lack a class there.

    Args:
        metric: a name of `METRICS`, one of the functions above, or a function of (y, p) of your own, which is called
            once a resample.
        y: labels, (rows,).
        p: probabilities, (rows,).
        groups: person, or clip, of each row; without them each row stands for itself.
        prompts: kind of prompt of each row, for within-prompt AUC.
        seed: of the draws; the same seed and rows give the same interval.
        resamples: how many.

    Raises:
        ConfigError: the lists do not fit together, or there is no such score.
    """
    rows, name = _set(y, p, groups, prompts), _named(metric)
    values = [rows.resampled(t, [name])[0] for t in _draws(rows.people, resamples, seed, rows.width)]
    return _estimate(*rows.value(name), np.concatenate(values), rows.people)


def difference(
    metric: str | Estimator,
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    groups: Iterable[Hashable] | None = None,
    *,
    prompts: Iterable[Hashable] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Whether model a scores measurably other than model b on the same rows: a paired bootstrap over people.

    Both models are scored on the same resamples, so what is hard for both cancels: the interval is narrower than two
    separate ones suggest. No correction for many comparisons is made.

    Args:
        metric: as in `bootstrap`.
        y: labels, (rows,).
        p_a: probabilities of model a, (rows,).
        p_b: probabilities of model b, (rows,).
        groups: person, or clip, of each row; without them each row stands for itself.
        prompts: kind of prompt of each row, for within-prompt AUC.
        seed: of the draws.
        resamples: how many.

    Raises:
        ConfigError: the lists do not fit together, or there is no such score.
    """
    groups = None if groups is None else list(groups)
    prompts = None if prompts is None else list(prompts)
    a, b, name = _set(y, p_a, groups, prompts), _set(y, p_b, groups, prompts), _named(metric)
    (value_a, reason_a), (value_b, reason_b) = a.value(name), b.value(name)
    chunks = [
        a.resampled(t, [name])[0] - b.resampled(t, [name])[0]
        for t in _draws(a.people, resamples, seed, min(a.width, b.width))
    ]
    value = None if value_a is None or value_b is None else value_a - value_b
    found = _estimate(value, reason_a or reason_b, np.concatenate(chunks), a.people)
    apart = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
    return Difference(a=value_a, b=value_b, measurable=apart, **found.model_dump())


def reliability(
    y: ArrayLike,
    p: ArrayLike,
    bins: int = BINS,
    *,
    groups: Iterable[Hashable] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[ReliabilityPoint]:
    """Points of a reliability picture: in each bin of p (equal width), the mean p and the share with A/H.

    Args:
        y: labels, (rows,).
        p: probabilities, (rows,).
        bins: how many; those without rows are left out.
        groups: person, or clip, of each row, for the intervals.
        seed: of the draws.
        resamples: how many.

    Raises:
        ConfigError: the lists do not fit together.
    """
    labels, scores = _rows(y, p)
    person, people = _people(groups, labels.size)
    place = _bin_of(scores, _bins(bins))
    rows = np.bincount(place, minlength=bins)
    table = csr_array((np.ones(labels.size), (place, person)), shape=(bins, people))
    hits = csr_array((labels.astype(np.float64), (place, person)), shape=(bins, people))
    draws = _draws(people, resamples, seed, max(1, CELLS // people))
    shares = np.concatenate([_share(hits @ t, table @ t) for t in draws], axis=1)
    points = []
    for i in np.flatnonzero(rows):
        low, high, _, _ = _interval(shares[i], people)
        points.append(
            ReliabilityPoint(
                low=i / bins,
                high=(i + 1) / bins,
                n=int(rows[i]),
                mean_p=float(scores[place == i].mean()),
                observed=float(labels[place == i].mean()),
                observed_low=low,
                observed_high=high,
            )
        )
    return points


def _share(hits: Floats, rows: Floats) -> Floats:
    return _where(rows > 0, _ratio(hits, rows))


# Reports.


def report(
    y: ArrayLike,
    p: ArrayLike,
    groups: Iterable[Hashable] | None = None,
    prompts: Iterable[Hashable] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Report:
    """Every score of `METRICS` with its 95 % interval over people, and the points of the reliability picture.

    All scores share the resamples, so each is what `bootstrap` gives for the same seed.

    Args:
        y: labels, (rows,).
        p: probabilities, (rows,).
        groups: person, or clip, of each row; without them each row stands for itself, which the notes say.
        prompts: kind of prompt of each row; None where it is not known.
        seed: of the draws.
        resamples: how many.

    Raises:
        ConfigError: the lists do not fit together, a label other than 0 and 1, a p outside 0 to 1.
    """
    groups = None if groups is None else list(groups)
    prompts = None if prompts is None else list(prompts)
    rows = _set(y, p, groups, prompts)
    names = list(METRICS)
    draws = _draws(rows.people, resamples, seed, rows.width)
    values = np.concatenate([rows.resampled(t, names) for t in draws], axis=1)
    metrics = {name: _estimate(*rows.value(name), v, rows.people) for name, v in zip(names, values, strict=True)}
    within = None if prompts is None else within_prompt_auc(rows.y, rows.p, prompts)
    return Report(
        n=rows.y.size,
        people=None if groups is None else rows.people,
        positives=int(rows.y.sum()),
        prevalence=float(rows.y.mean()),
        threshold=THRESHOLD,
        resamples=resamples,
        seed=seed,
        metrics=metrics,
        within_prompt=within,
        reliability=reliability(rows.y, rows.p, groups=groups, seed=seed, resamples=resamples),
        notes=_notes(metrics, within, named=groups is not None),
    )


def _notes(metrics: Mapping[str, Estimate], within: WithinPrompt | None, *, named: bool) -> list[str]:
    notes = []
    if not named:
        notes.append("No people were named: rows were resampled one by one, and the intervals may be too narrow.")
    for kind, reason in within.left_out.items() if within else ():
        notes.append(f"Within-prompt AUC leaves out the prompt {kind!r}: {reason}.")
    if within and within.rows_without_prompt:
        notes.append(f"Within-prompt AUC leaves out {within.rows_without_prompt} rows that name no kind of prompt.")
    for name, estimate in metrics.items():
        title = METRICS[name].title
        if estimate.reason is not None:
            notes.append(f"{title}: {estimate.reason}.")
        elif estimate.dropped:
            notes.append(f"{title}: {estimate.dropped} resamples were dropped, the score does not exist on them.")
    return notes


def shown(value: float | None) -> str:
    """A score with three digits as the field writes it: .684, 1.000, -.012; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def cell(estimate: Estimate) -> str:
    """A score with its interval: .684 [.641, .722]; without the brackets where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return shown(estimate.value)
    return f"{shown(estimate.value)} [{shown(estimate.low)}, {shown(estimate.high)}]"


def table(reports: Mapping[str, Report], metrics: Sequence[str] | None = None) -> str:
    """Several reports as one Markdown table, a line each, with their notes below.

    Args:
        reports: by the name of the model (or of the set of rows).
        metrics: columns, names of `METRICS`; all, where none is given.

    Returns:
        Markdown, with a newline at the end.

    Raises:
        ConfigError: there is no such score.
    """
    columns = [METRICS[str(_named(name))] for name in (METRICS if metrics is None else metrics)]
    lines = [
        _line(["", "rows", "people", "A/H", *(column.title for column in columns)]),
        _line(["---", *["---:"] * (3 + len(columns))]),
    ]
    for name, found in reports.items():
        people = "–" if found.people is None else str(found.people)
        scores = [cell(found.metrics[column.name]) for column in columns]
        lines.append(_line([name.replace("|", "\\|"), str(found.n), people, shown(found.prevalence), *scores]))
    notes = [f"* {name}: {note}" for name, found in reports.items() for note in found.notes]
    settings = dict.fromkeys((found.resamples, found.seed) for found in reports.values())
    drawn = "; ".join(f"{many:,} resamples, seed {seed}" for many, seed in settings)
    below = [f"In brackets: 95 % intervals over people (percentile bootstrap, {drawn})."] if reports else []
    return "\n\n".join(["\n".join(lines), *below, *(["\n".join(notes)] if notes else [])]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# Splits.


def grouped_folds(y: ArrayLike, groups: Iterable[Hashable], n: int = 5, seed: int = 0) -> list[Fold]:
    """Folds that keep a person's rows together and the share of A/H alike (scikit-learn's StratifiedGroupKFold).

    Args:
        y: labels, (rows,).
        groups: person of each row.
        n: folds, 2 up to the number of people.
        seed: of the shuffle.

    Returns:
        `n` folds; every row is tested once.

    Raises:
        ConfigError: fewer people than folds, or the lists do not fit together.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError as error:
        raise ConfigError("Folds need scikit-learn; run `pip install 'ahdetect[train]'`.", value="sklearn") from error
    labels, _ = _rows(y, np.zeros(np.shape(y)))
    person, people = _people(groups, labels.size)
    if not 2 <= n <= people:
        raise ConfigError(f"{people} people make 2 to {people} folds, not {n}.", value=n)
    smallest = min(int(labels.sum()), int((~labels).sum()))
    if smallest < n:
        raise ConfigError(f"{n} folds need {n} rows of each class; the rarer one has {smallest}.", value=n)
    splits = StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(labels, labels, person)
    return [Fold(np.asarray(train), np.asarray(test)) for train, test in splits]


def leave_one_prompt_out(prompts: Iterable[Hashable], folds: Sequence[Fold] | None = None) -> list[PromptFold]:
    """A fold for each kind of prompt: test on its rows, train on those of the other kinds.

    Args:
        prompts: kind of prompt of each row.
        folds: from `grouped_folds`; then each is split by the kinds, and a test row is new in both person and prompt.

    Returns:
        Folds in the order of the alphabet; every row is tested once. Folds without rows to test are left out.

    Raises:
        ConfigError: a row names no kind, or there is one kind only.
    """
    names = list(prompts)
    kinds = _by_prompt(names, len(names))
    if sum(int(rows.sum()) for rows in kinds.values()) < len(names):
        raise ConfigError("A row names no kind of prompt; leave it out, nobody can say which fold it belongs to.")
    if len(kinds) < 2:
        raise ConfigError(f"Leaving one prompt out needs rows of two kinds, not {len(kinds)}.")
    everything = np.arange(len(names))
    made = []
    for kind, rows in kinds.items():
        for train, test in [Fold(everything, everything)] if folds is None else folds:
            fold = PromptFold(kind, train[~rows[train]], test[rows[test]])
            if fold.test.size:
                made.append(fold)
    return made
