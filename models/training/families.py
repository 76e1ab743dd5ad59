"""Families of language experts: a design and training rows flow in, predictors flow out.

All get the same folds, the same counts and the same calibration. `ahdetect train language` writes their figures into
the model card; the simplest that is not measurably worse ships.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ahdetect.models.clauses import Valence, WordLog
from ahdetect.models.datasets.ah_text import Answers
from ahdetect.models.lexicon import MARKERS
from ahdetect.models.training.language import (
    FLOOR,
    INNER_FOLDS,
    PROMPT_SCALE,
    Array,
    Design,
    Fit,
    Predict,
    Rows,
    fit,
    folds,
    platt,
    prompt_rates,
)


def _probability(log_odds: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def markers(d: Design, seed: int) -> Fit:
    """Regularised logistic regression on all markers: what ships."""

    def train(rows: Rows) -> Predict:
        model = fit(d, rows, seed)
        return lambda test: _probability(model.log_odds(d.x[test]))

    return train


def floor(d: Design, seed: int) -> Fit:  # noqa: ARG001
    """EVIDENCE's floor: logistic regression on log(1 + words) and five markers per 100 words."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rates = 100.0 * d.counts[:, [MARKERS.index(m) for m in FLOOR]] / np.maximum(d.words, 1.0)[:, None]
    x = np.column_stack([d.x[:, 0], rates])

    def train(rows: Rows) -> Predict:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x[rows], d.y[rows])
        return lambda test: np.asarray(model.predict_proba(x[test])[:, 1])

    return train


def length(d: Design, seed: int) -> Fit:  # noqa: ARG001
    """The number of words alone."""
    from sklearn.linear_model import LogisticRegression

    def train(rows: Rows) -> Predict:
        model = LogisticRegression().fit(d.x[rows, :1], d.y[rows])
        return lambda test: np.asarray(model.predict_proba(d.x[test, :1])[:, 1])

    return train


def prompt_only(d: Design, seed: int) -> Fit:  # noqa: ARG001
    """The kind of prompt alone, without a word of the answer."""

    def train(rows: Rows) -> Predict:
        rates = prompt_rates(d, rows)
        return lambda test: np.array([rates[k] for k in d.prompts[test].tolist()])

    return train


def boosted_trees(d: Design, seed: int) -> Fit:
    """Gradient-boosted trees on the same columns (LightGBM), shallow and slow, calibrated on people left out."""
    from lightgbm import LGBMClassifier

    def grow(rows: Rows) -> Predict:
        model = LGBMClassifier(
            n_estimators=120, learning_rate=0.03, num_leaves=6, min_child_samples=20, subsample=0.7, subsample_freq=1,
            colsample_bytree=0.4, reg_lambda=10.0, random_state=seed, n_jobs=1, verbose=-1,
        ).fit(d.x[rows], d.y[rows])  # fmt: skip
        return lambda test: np.asarray(model.predict(d.x[test], raw_score=True))

    return partial(_calibrated, d, seed, grow)


def _calibrated(d: Design, seed: int, grow: Fit, rows: Rows) -> Predict:
    margins, labels = [], []
    for inner, left in folds(d, seed, INNER_FOLDS, rows):
        margins.append(grow(inner)(left))
        labels.append(d.y[left])
    slope, intercept = platt(np.concatenate(margins), np.concatenate(labels))
    whole = grow(rows)
    return lambda test: _probability(intercept + slope * whole(test))


@dataclass(frozen=True, slots=True)
class Bags:
    """Answers as bags of clauses.

    Attributes:
        x: log(1 + count) of each marker in the clause and mixed valence of the answer up to it, (clauses, features).
        share: what the clause adds to the columns of the answer's design but the length: the change of mixed valence
            and of log(1 + count), whose sum over the clauses is the answer's, (clauses, 1 + len(MARKERS)).
        bag: row of the answer in the design, (clauses,).
        words: words of the clause, (clauses,).
        position: words of the answer before the clause's middle, (clauses,).
    """

    x: Array
    share: Array
    bag: NDArray[np.intp]
    words: Array
    position: Array


def bags(answers: Answers) -> Bags:
    """Divide every answer into its clauses."""
    valence = Valence()
    x: list[list[float]] = []
    share: list[list[float]] = []
    bag, words, position = [], [], []
    for row, text in enumerate(answers.texts):
        log_ = WordLog(valence)
        log_.extend(text.split() or [""])
        for a, b in log_.clauses(0, len(log_)):
            x.append([*np.log1p(log_.counts[b] - log_.counts[a]), log_.mixed(0, b)])
            before = log_.mixed(0, a) if a else 0.0
            share.append([log_.mixed(0, b) - before, *(np.log1p(log_.counts[b]) - np.log1p(log_.counts[a]))])
            bag.append(row)
            words.append(b - a)
            position.append((a + b) / 2)
    return Bags(np.array(x), np.array(share), np.array(bag), np.array(words, dtype=np.float64), np.array(position))


class NoisyOr:
    """Multiple instances the classical way: an answer has A/H where at least one of its clauses has.

    Clause c has an intensity e^(a + g log(1 + position) + w x) per word; the answer's probability is
    1 - e^(-sum of intensities), a Poisson process of onsets. Fitted by maximum likelihood on the answers' labels with
    prompt dummies that are thrown away.
    """

    def __init__(self, b: Bags, d: Design, rows: Rows, penalty: float = 100.0) -> None:
        self._b = b
        mine = np.isin(b.bag, rows)
        place = np.full(int(b.bag.max()) + 1, -1)
        place[rows] = np.arange(len(rows))
        self._mean, self._sd = b.x[mine].mean(axis=0), np.maximum(b.x[mine].std(axis=0), 1e-9)
        z, bag, y = (b.x[mine] - self._mean) / self._sd, place[b.bag[mine]], d.y[rows]
        base, late = np.log(b.words[mine]), np.log1p(b.position[mine]) - 3.0
        kinds = sorted(set(d.prompts[rows].tolist()))
        dummies = PROMPT_SCALE * penalty**0.5 * (d.prompts[rows][:, None] == np.array(kinds))
        k = z.shape[1]

        def loss(theta: Array) -> tuple[float, Array]:
            a, g, w, u = theta[0], theta[1], theta[2 : 2 + k], theta[2 + k :]
            intensity = np.exp(np.minimum(a + base + g * late + z @ w, 8.0))
            total = np.bincount(bag, intensity, len(rows)) * np.exp(np.minimum(dummies @ u, 8.0))
            p = np.clip(-np.expm1(-total), 1e-9, 1.0 - 1e-9)
            likelihood = float((y * np.log(p) - (1 - y) * total).sum())
            slope = (y * (1.0 - p) / p - (1 - y)) * total
            share = slope[bag] * intensity / np.maximum(np.bincount(bag, intensity, len(rows)), 1e-12)[bag]
            gradient = np.concatenate([[share.sum(), share @ late], z.T @ share, dummies.T @ slope])
            ridge = np.concatenate([[0.0, g], penalty * w, penalty * u])
            value = -likelihood + 0.5 * (penalty * float(w @ w + u @ u) + g * g)
            return value, -gradient + ridge

        start = np.zeros(2 + k + len(kinds))
        start[:2] = -4.0, -0.5
        self._theta = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 120}).x[: 2 + k]

    def clause_scores(self) -> Array:
        """Log intensity per word of every clause of the bags, (clauses,)."""
        z = (self._b.x - self._mean) / self._sd
        late = np.log1p(self._b.position) - 3.0
        return np.asarray(self._theta[0] + self._theta[1] * late + z @ self._theta[2:])

    def margin(self, test: Rows) -> Array:
        """Log of the answers' summed intensities, (len(test),)."""
        summed = np.bincount(self._b.bag, np.exp(np.minimum(self.clause_scores(), 8.0)) * self._b.words)
        return np.asarray(np.log(summed[test] + 1e-12))


def noisy_or(b: Bags, d: Design, seed: int) -> Fit:
    """Multiple instances over clauses, calibrated on people left out."""
    return partial(_calibrated, d, seed, lambda rows: NoisyOr(b, d, rows).margin)
