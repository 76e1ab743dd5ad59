"""Labelled rows flow in; a linear classifier, its strength of regularisation chosen on held-out people, flows out.

Linear discriminant analysis and logistic regression err differently: their log probabilities are averaged, with the
weights that held-out training people prefer. Everything is chosen on training people, whole people held out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.special import log_softmax, softmax

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.methods.source import Columns, Labels, Source, Spread, class_means, variances
from ahdetect.errors import ConfigError

SHRINKAGE: Final = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
"""Weights of the identity in the covariance of the discriminant, to choose from."""

INVERSE_PENALTY: Final = (0.003, 0.03, 0.3)
"""C of the logistic regression, to choose from; columns are in standard deviations."""

SHARPNESS: Final = (0.2, 0.35, 0.5, 0.7, 1.0)
"""Factors on the scores of the discriminant, to choose from: Gaussian columns that are none make it too sure."""

SHARE: Final = (0.0, 0.5, 1.0)
"""Weights of the logistic regression against the discriminant, to choose from."""

FOLDS: Final = 2
"""Folds of people to choose on."""

WIDTH: Final = 64
"""Principal components that the logistic regression gets at most: wide tables would take minutes."""

ROWS: Final = 4000
"""Rows it is trained on at most, drawn at random."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Class scores linear in the features.

    Attributes:
        weight: (features, classes).
        bias: (classes,).
    """

    weight: Array
    bias: Array

    def log(self, x: Array) -> Array:
        """Log probabilities of rows, (n, classes)."""
        return np.asarray(log_softmax(x @ self.weight + self.bias, axis=1))

    def __call__(self, x: Array) -> Array:
        """Probabilities of rows, (n, classes)."""
        return np.asarray(softmax(x @ self.weight + self.bias, axis=1))

    def sharpened(self, factor: float) -> Linear:
        """All scores times a factor."""
        return Linear(factor * self.weight, factor * self.bias)

    def mixed(self, other: Linear, share: float) -> Linear:
        """The geometric mean of this one and `share` of the other."""
        return Linear((1 - share) * self.weight + share * other.weight, (1 - share) * self.bias + share * other.bias)


def discriminants(x: Array, y: Labels, prior: Array) -> Callable[[float], Linear]:
    """Linear discriminant analysis of rows; the shrinkage is given afterwards."""
    means = class_means(x, y, prior.size)
    rows = x - means[y]
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    means = means @ vectors

    def shrunk(shrinkage: float) -> Linear:
        inverse = 1 / ((1 - shrinkage) * values + shrinkage * values.mean() + 1e-9)
        scaled = (means * inverse).T
        return Linear(vectors @ scaled, np.log(prior) - 0.5 * (means.T * scaled).sum(axis=0))

    return shrunk


def logistic(x: Array, y: Labels, prior: Array) -> Callable[[float], Linear]:
    """Logistic regression on the leading principal components of rows; C is given afterwards.

    Raises:
        ConfigError: scikit-learn is not installed.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Adaptation of classifiers needs scikit-learn; run `pip install 'ahdetect[train]'`.", value="sklearn"
        ) from error
    if len(x) > ROWS:
        taken = np.random.default_rng(0).choice(len(x), ROWS, replace=False)
        x, y = x[taken], y[taken]
    vectors = np.eye(x.shape[1])
    if x.shape[1] > WIDTH:
        vectors = np.linalg.eigh(np.cov(x.T))[1][:, -WIDTH:]

    def penalised(c: float) -> Linear:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a hundred steps are near enough
            found: Any = LogisticRegression(C=c, max_iter=100, tol=1e-3).fit(x @ vectors, y)
        weight, bias = np.zeros((x.shape[1], prior.size)), np.log(prior) - 20.0  # a class nobody here has
        if len(found.classes_) == 2:
            weight[:, found.classes_[1]] = vectors @ found.coef_[0]
            bias[found.classes_] = [0.0, found.intercept_[0]]
        else:
            weight[:, found.classes_], bias[found.classes_] = vectors @ found.coef_.T, found.intercept_
        return Linear(weight, bias)

    return penalised


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings of a classifier that held-out people preferred."""

    shrinkage: float
    sharpness: float
    c: float
    share: float


def choose(x: Array, source: Source, *, hits: bool) -> Choice:
    """Settings that are best on held-out training people, each class counted alike.

    Args:
        x: the rows as the classifier gets them, (n, features).
        source: whose rows they are.
        hits: best by balanced accuracy; otherwise by log-likelihood, for what adapts on top needs to know how sure the
            classifier may be.
    """

    def score(log: Array, y: Labels, worth: Array) -> float:
        right = log.argmax(axis=1) == y if hits else log[np.arange(len(y)), y]
        return float(right @ worth)

    people = np.unique(source.subject)
    fold_of = np.random.default_rng(0).permutation(len(people)) % min(FOLDS, len(people))
    fold = fold_of[np.searchsorted(people, source.subject)]
    worth = 1 / np.bincount(source.y, minlength=source.classes)[source.y]
    kinds = [(s, b) for s in SHRINKAGE for b in SHARPNESS]
    first, second = np.zeros(len(kinds)), np.zeros(len(INVERSE_PENALTY))
    held = []
    for k in range(fold_of.max() + 1):
        train, test = fold != k, fold == k
        if not test.any() or len(np.unique(source.y[train])) < 2:
            continue
        make = discriminants(x[train], source.y[train], source.prior())
        linear = [make(s) for s in SHRINKAGE]
        d = [linear[SHRINKAGE.index(s)].sharpened(b).log(x[test]) for s, b in kinds]
        fit = logistic(x[train], source.y[train], source.prior())
        r = [fit(c).log(x[test]) for c in INVERSE_PENALTY]
        y = source.y[test]
        first += [score(one, y, worth[test]) for one in d]
        second += [score(one, y, worth[test]) for one in r]
        held.append((y, worth[test], d, r))
    best, c = int(first.argmax()), int(second.argmax())
    mixed = [sum(score(log_softmax((1 - w) * d[best] + w * r[c], axis=1), y, v) for y, v, d, r in held) for w in SHARE]
    return Choice(*kinds[best], INVERSE_PENALTY[c], SHARE[int(np.argmax(mixed))])


def classifier(x: Array, source: Source, *, hits: bool) -> tuple[Linear, Choice]:
    """Train on rows, (n, features), of `source`; see `choose`."""
    best = choose(x, source, hits=hits)
    d = discriminants(x, source.y, source.prior())(best.shrinkage).sharpened(best.sharpness)
    if best.share == 0:
        return d, best
    return d.mixed(logistic(x, source.y, source.prior())(best.c), best.share), best


class Prepared:
    """What methods start from, learned from the training people when it is first asked for.

    Attributes:
        source: their rows.
        prior: share of each class, (classes,).
        columns: makes raw rows finite and comparable.
        z: the rows in standard deviations of the population, (n, kept).
        spread: how people differ in them.
        own: the rows in units of their person, (n, kept).
        network: what `network.trained` keeps here, so that it is trained once; None before.
        effects: likewise of `person.Person`.
    """

    def __init__(self, source: Source) -> None:
        """Clean the rows and normalise each training person by all of their rows."""
        self.source, self.prior = source, source.prior()
        self.network: Any = None
        self.effects: Any = None
        self.columns = Columns.of(source.x)
        self.z = self.columns(source.x)
        self.spread = Spread.of(self.z, source)
        self.own = np.empty_like(self.z)
        for rows in source.people():
            part = self.z[rows]
            self.own[rows] = self.spread.normalise(part, len(part), part.mean(axis=0), variances(part))

    @cached_property
    def population(self) -> tuple[Linear, Choice]:
        """The classifier of rows in units of the population; nothing adapts on top, so by its hits."""
        return classifier(self.z, self.source, hits=True)

    @cached_property
    def personal(self) -> tuple[Linear, Choice]:
        """The classifier of rows in units of their person."""
        return classifier(self.own, self.source, hits=False)
