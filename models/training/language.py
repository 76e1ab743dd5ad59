"""Training of the language expert: answers with labels flow in, `Weights` and out-of-fold probabilities flow out.

Two things keep the markers to the state and away from the topic. Every fit has a dummy for each kind of prompt beside
the markers, penalised little, so that what a prompt explains is not put on words; the dummies are thrown away. And a
marker stays only where its weight keeps its sign in all seven fits that leave one kind of prompt out.

Everything is fitted again inside every fold: standardisation, selection, the strength of the penalty, the calibration.
Folds never divide a person. scikit-learn is needed here, and nowhere at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.clauses import Valence, WordLog
from ahdetect.models.datasets.ah_text import PROMPTS, Answers
from ahdetect.models.expert import Standardised, Weights
from ahdetect.models.lexicon import MARKERS

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Predict = Callable[[Rows], Array]
"""Row numbers in, probabilities of A/H out."""
Fit = Callable[[Rows], Predict]
"""Row numbers to train on in, a predictor out."""

PENALTIES: Final = (20.0, 50.0, 150.0)
"""Ridge penalties on standardised features that the inner folds choose from."""

PROMPT_SCALE: Final = 0.3
"""Size of the prompt dummies beside features of unit variance. 0 would leave the topic to the words; large would take
out of them what separates prompts as well as what separates people. .1 to 3 were compared on the training answers."""

FOLDS: Final = 5
INNER_FOLDS: Final = 4
FLOOR: Final = ("filler", "hedge", "contrast", "modal", "negation")
"""Markers of EVIDENCE's floor, there per 100 words, beside log(1 + words)."""

UNTRAINED: Final = ("repair",)
"""Markers that the transcripts of the training answers cannot teach: their recogniser dropped repetitions and cut-off
words, so what is left of them is emphasis."""

_LENGTH, _MIXED = 0, 1
_FIRST = 2


@dataclass(frozen=True, slots=True)
class Design:
    """Answers as numbers.

    Attributes:
        x: log(1 + words), mixed valence, then log(1 + count) of each marker; shape (n, 2 + len(MARKERS)).
        counts: marker counts, (n, len(MARKERS)).
        words: number of words, (n,).
        y: labels, (n,).
        subjects: people, (n,).
        prompts: kinds of prompt, (n,).
    """

    x: Array
    counts: Array
    words: Array
    y: NDArray[np.int64]
    subjects: NDArray[np.int64]
    prompts: NDArray[np.str_]


def design(answers: Answers) -> Design:
    """Count the markers of every answer, as the run-time expert does."""
    valence, counts, words, mixed = Valence(), [], [], []
    for text in answers.texts:
        log_ = WordLog(valence)
        log_.extend(text.split())
        counts.append(log_.counts[-1])
        words.append(len(log_))
        mixed.append(log_.mixed(0, len(log_)))
    c, n = np.array(counts, dtype=np.float64), np.array(words, dtype=np.float64)
    x = np.column_stack([np.log1p(n), mixed, np.log1p(c)])
    return Design(x, c, n, answers.labels, answers.subjects, answers.prompts)


def folds(d: Design, seed: int, n: int = FOLDS, rows: Rows | None = None) -> Iterator[tuple[Rows, Rows]]:
    """Grouped by person, stratified by label; indices into the design."""
    from sklearn.model_selection import StratifiedGroupKFold

    rows = np.arange(len(d.y)) if rows is None else rows
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    for train, test in splitter.split(rows, d.y[rows], d.subjects[rows]):
        yield rows[train], rows[test]


@dataclass(frozen=True, slots=True)
class Markers:
    """A fit of the additive model.

    Attributes:
        mean: of each column of the design.
        sd: likewise.
        weight: per standard deviation, 0 where a marker was not kept.
        slope: of the calibration, log-odds per unit of the sum.
        intercept: of the calibration.
    """

    mean: Array
    sd: Array
    weight: Array
    slope: float = 1.0
    intercept: float = 0.0

    def margin(self, x: Array) -> Array:
        """The sum, not yet calibrated, (n,)."""
        return np.asarray((x - self.mean) / self.sd @ self.weight)

    def log_odds(self, x: Array) -> Array:
        """Calibrated log-odds, (n,)."""
        return self.intercept + self.slope * self.margin(x)


def ridge(d: Design, rows: Rows, penalty: float, keep: NDArray[np.bool_] | None = None) -> Markers:
    """Logistic regression on standardised features beside prompt dummies, which are thrown away."""
    from sklearn.linear_model import LogisticRegression

    x = d.x[rows]
    mean, sd = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    keep = np.ones(x.shape[1], dtype=bool) if keep is None else keep
    scale = np.full(int(keep.sum()), penalty**-0.5)
    scale[0] = 1.0  # how long an answer is, is well measured
    z = ((x - mean) / sd)[:, keep] * scale
    kinds = sorted(set(d.prompts[rows].tolist()))
    dummies = PROMPT_SCALE * (d.prompts[rows][:, None] == np.array(kinds))
    model = LogisticRegression(C=1.0, max_iter=5000).fit(np.hstack([z, dummies]), d.y[rows])
    weight = np.zeros(x.shape[1])
    weight[keep] = model.coef_[0, : int(keep.sum())] * scale
    return Markers(mean, sd, weight)


def consistent(d: Design, rows: Rows, penalty: float) -> NDArray[np.bool_]:
    """Columns whose weight keeps its sign whichever kind of prompt is left out; the length always stays."""
    kinds = sorted(set(d.prompts[rows].tolist()))
    signs = np.array([np.sign(ridge(d, rows[d.prompts[rows] != kind], penalty).weight) for kind in kinds])
    keep = np.abs(signs.sum(axis=0)) == len(kinds)
    keep[_LENGTH] = True
    keep[[_FIRST + MARKERS.index(m) for m in UNTRAINED]] = False
    return np.asarray(keep)


def fit(d: Design, rows: Rows, seed: int) -> Markers:
    """The whole recipe on some rows: penalty, selection, weights, calibration on people left out."""
    penalty = _best_penalty(d, rows, seed)
    margins, labels = _left_out(d, rows, penalty, seed)
    slope, intercept = platt(margins, labels)
    whole = ridge(d, rows, penalty, consistent(d, rows, penalty))
    # The margins above come from fits that differ by a shift; the whole fit is brought to their mean.
    intercept += slope * (float(margins.mean()) - float(whole.margin(d.x[rows]).mean()))
    return replace(whole, slope=slope, intercept=intercept)


def _best_penalty(d: Design, rows: Rows, seed: int) -> float:
    def loss(penalty: float) -> float:
        margins, labels = _left_out(d, rows, penalty, seed, select=False)
        slope, intercept = platt(margins, labels)
        z = intercept + slope * margins
        return float(np.mean(np.logaddexp(0.0, np.where(labels == 1, -z, z))))

    return min(PENALTIES, key=loss)


def _left_out(
    d: Design, rows: Rows, penalty: float, seed: int, *, select: bool = True
) -> tuple[Array, NDArray[np.int64]]:
    margins, labels = [], []
    for train, test in folds(d, seed, INNER_FOLDS, rows):
        model = ridge(d, train, penalty, consistent(d, train, penalty) if select else None)
        margins.append(model.margin(d.x[test]))
        labels.append(d.y[test])
    return np.concatenate(margins), np.concatenate(labels)


def platt(margins: Array, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and intercept of the logistic calibration (Platt 1999), nearly unpenalised."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100.0).fit(margins[:, None], labels)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def prompt_rates(d: Design, rows: Rows) -> dict[str, float]:
    """Share of A/H by kind of prompt, one answer of each kind added so that no rate is 0 or 1."""
    found = {}
    for kind in PROMPTS:
        y = d.y[rows][d.prompts[rows] == kind]
        found[kind] = float((y.sum() + 1) / (len(y) + 2))
    return found


def with_prompt(d: Design, rows: Rows, log_odds: Array) -> tuple[float, float]:
    """Scale and bias with which the log-likelihood ratio enters beside the prompt's own rate."""
    from sklearn.linear_model import LogisticRegression

    rates = prompt_rates(d, rows)
    prior = np.array([logit(rates[k]) for k in d.prompts[rows].tolist()])
    base = logit(float(d.y[rows].mean()))
    # An offset in scikit-learn: a column that is far too large to be penalised, with the weight it needs.
    x = np.column_stack([log_odds - base, 1e3 * prior])
    model = LogisticRegression(C=100.0, max_iter=5000).fit(x, d.y[rows])
    scale_of_prior = 1e3 * float(model.coef_[0, 1])
    return float(model.coef_[0, 0]) / max(scale_of_prior, 0.5), float(model.intercept_[0])


def train(answers: Answers, seed: int, resamples: int = 200, about: dict[str, Any] | None = None) -> Weights:
    """The weights that ship, from all `answers`.

    Args:
        answers: to train on.
        seed: of folds and resampling.
        resamples: bootstrap resamples of people, for the standard errors.
        about: stands in the file.
    """
    d = design(answers)
    rows = np.arange(len(d.y))
    model = fit(d, rows, seed)
    errors = _bootstrap(d, model, seed, resamples)
    weight = model.weight * model.slope / model.sd
    base = float(d.y.mean())
    base_log_odds = logit(base)
    at_zero = float(model.log_odds(np.zeros((1, d.x.shape[1])))[0])
    parts = []
    for k in (_LENGTH, _MIXED):
        mean, sd = float(model.mean[k]), float(model.sd[k])
        parts.append(Standardised(float(weight[k]) * sd, float(errors[k]) * sd, mean, sd))
    bias = at_zero - base_log_odds + sum(float(weight[k]) * float(model.mean[k]) for k in (_LENGTH, _MIXED))
    scale, prompt_bias = with_prompt(d, rows, out_of_fold(d, rows, seed))
    plain = d.counts[d.y == 0]
    return Weights(
        markers=weight[_FIRST:],
        errors=errors[_FIRST:],
        shares=((plain > 0).sum(axis=0) + 0.5) / (len(plain) + 1),  # never 0, which would be no odds
        rates=d.counts.sum(axis=0) / d.words.sum(),
        length=parts[0],
        length_alone=_length_alone(d, resamples, seed),
        mixed=parts[1],
        bias=bias,
        base_rate=base,
        prompt_rates=prompt_rates(d, rows),
        prompt_scale=scale,
        prompt_bias=prompt_bias,
        about=about or {},
    )


def out_of_fold(d: Design, rows: Rows, seed: int) -> Array:
    """Calibrated log-odds of `rows`, each from fits on other people among them."""
    z = np.empty(len(rows))
    place = {int(r): i for i, r in enumerate(rows)}
    for train_rows, test in folds(d, seed, INNER_FOLDS, rows):
        z[[place[int(r)] for r in test]] = fit(d, train_rows, seed).log_odds(d.x[test])
    return z


def _bootstrap(d: Design, model: Markers, seed: int, resamples: int) -> Array:
    """Standard error of each calibrated weight, per unit of its column; people are resampled, the selection is kept."""
    keep = model.weight != 0
    rng, people = np.random.default_rng(seed), np.unique(d.subjects)
    of = {int(p): np.flatnonzero(d.subjects == p) for p in people}
    drawn = [
        ridge(d, np.concatenate([of[int(p)] for p in rng.choice(people, len(people))]), PENALTIES[1], keep)
        for _ in range(resamples)
    ]
    return np.asarray(np.std([m.weight / m.sd for m in drawn], axis=0) * model.slope)


def _length_alone(d: Design, resamples: int, seed: int) -> Standardised:
    """What length says without the markers, within kinds of prompt."""
    only = np.zeros(d.x.shape[1], dtype=bool)
    only[_LENGTH] = True
    rng, people = np.random.default_rng(seed), np.unique(d.subjects)
    of = {int(p): np.flatnonzero(d.subjects == p) for p in people}
    whole = ridge(d, np.arange(len(d.y)), 1.0, only)
    drawn = [
        ridge(d, np.concatenate([of[int(p)] for p in rng.choice(people, len(people))]), 1.0, only).weight[_LENGTH]
        for _ in range(resamples)
    ]
    return Standardised(
        float(whole.weight[_LENGTH]), float(np.std(drawn)), float(whole.mean[_LENGTH]), float(whole.sd[_LENGTH])
    )


def logit(p: float) -> float:
    """Log-odds."""
    return log(p) - log(1.0 - p)
