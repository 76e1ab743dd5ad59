"""Labelled rows flow in; a classifier, its strength of regularisation chosen on held-out people, flows out.

Linear discriminant analysis, logistic regression and a kernel's classifier (`kernel`) err differently: their log
probabilities are averaged, with the weights that held-out training people prefer. Everything is chosen on training
people, whole people held out.
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
from ahdetect.calibration.methods.kernel import Kernel, bumps, kernels
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

PENALTY: Final = (0.1, 0.3, 1.0, 3.0)
"""Penalties of the kernel's least squares, to choose from."""

BEND: Final = (2.0, 4.0, 6.0, 9.0, 13.0)
"""Factors on its scores, which lie between 0 and 1 like shares of votes, to choose from."""

CURVED: Final = (0.0, 0.25, 0.5, 0.75)
"""Weights of the kernel against the linear part, to choose from."""

SHAPE: Final = (0.0, 0.5)
"""Weights of normal scores against the values themselves, to choose from (`shape`). 1 would fold people who lie far
apart into one another: on simulated ones it lost what the values themselves gain."""

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
    penalty: float
    bend: float
    kernel: float


@dataclass(frozen=True, slots=True)
class Blend:
    """A linear classifier and one that is not, their log probabilities averaged.

    Attributes:
        linear: discriminant and logistic regression.
        curved: the kernel's; None where it has no weight.
        share: its weight.
    """

    linear: Linear
    curved: Kernel | None
    share: float

    def log(self, x: Array) -> Array:
        """Log probabilities of rows, (n, classes)."""
        log = self.linear.log(x)
        if self.curved is None:
            return log
        return np.asarray(log_softmax((1 - self.share) * log + self.share * self.curved.log(x), axis=1))

    def __call__(self, x: Array) -> Array:
        """Probabilities of rows, (n, classes)."""
        return np.asarray(np.exp(self.log(x)))


def folds_of(source: Source, folds: int) -> Labels:
    """The fold of each row, whole people in one, (rows,)."""
    people = np.unique(source.subject)
    fold_of = np.random.default_rng(0).permutation(len(people)) % min(folds, len(people))
    return np.asarray(fold_of[np.searchsorted(people, source.subject)])


def in_own_units(z: Array, source: Source, spread: Spread) -> Array:
    """Rows of the training people, (n, features), each in units of their person, by all of that person's rows."""
    own = np.empty_like(z)
    for rows in source.people():
        own[rows] = spread.normalise(z[rows], rows.sum(), z[rows].mean(axis=0), variances(z[rows]))
    return own


def shape_share(source: Source) -> float:
    """How much normal scores are to count: what a discriminant in units of the person prefers, people held out."""
    fold = folds_of(source, FOLDS)
    worth = 1 / np.bincount(source.y, minlength=source.classes)[source.y]

    def likelihood(share: float) -> float:
        z = Columns.of(source.x, share)(source.x)
        own, found = in_own_units(z, source, Spread.of(z, source)), np.zeros(len(SHRINKAGE) * len(SHARPNESS))
        for number in range(fold.max() + 1):
            test = fold == number
            if test.all() or len(np.unique(source.y[~test])) < 2:
                continue
            make = discriminants(own[~test], source.y[~test], source.prior())
            logs = [make(s).sharpened(b).log(own[test]) for s in SHRINKAGE for b in SHARPNESS]
            found += [float(log[np.arange(len(log)), source.y[test]] @ worth[test]) for log in logs]
        return float(found.max())

    return max(SHAPE, key=likelihood)


Scores = dict[tuple[float, ...], list[Array]]
"""Log probabilities of the held-out rows of each fold, by settings."""


def choose(x: Array, source: Source) -> Choice:
    """Settings under which the classes of held-out training people are likeliest, each class counted alike.

    Args:
        x: the rows as the classifier gets them, (n, features).
        source: whose rows they are.
    """
    fold = folds_of(source, FOLDS)
    worth = 1 / np.bincount(source.y, minlength=source.classes)[source.y]
    held: list[tuple[Labels, Array]] = []
    d: Scores = {(s, b): [] for s in SHRINKAGE for b in SHARPNESS}
    r: Scores = {(c,): [] for c in INVERSE_PENALTY}
    k: Scores = {(p, b): [] for p in PENALTY for b in BEND}
    for number in range(fold.max() + 1):
        train, test = fold != number, fold == number
        if not test.any() or len(np.unique(source.y[train])) < 2:
            continue
        held.append((source.y[test], worth[test]))
        one, y = x[train], source.y[train]
        make, fit = discriminants(one, y, source.prior()), logistic(one, y, source.prior())
        for s in SHRINKAGE:
            linear = make(s)
            for b in SHARPNESS:
                d[s, b].append(linear.sharpened(b).log(x[test]))
        for c in INVERSE_PENALTY:
            r[(c,)].append(fit(c).log(x[test]))
        bent = kernels(one, y, source.classes)
        seen = bumps(x[test], bent(1.0).landmarks, bent(1.0).width)
        for p in PENALTY:
            votes = seen @ bent(p).weight
            for b in BEND:
                k[p, b].append(np.asarray(log_softmax(b * votes, axis=1)))

    def score(logs: list[Array]) -> float:
        return sum(float(log[np.arange(len(y)), y] @ v) for log, (y, v) in zip(logs, held, strict=True))

    def best(scores: Scores) -> tuple[float, ...]:
        return max(scores, key=lambda setting: score(scores[setting]))

    def mix(one: list[Array], other: list[Array], shares: tuple[float, ...]) -> Scores:
        return {
            (w,): [np.asarray(log_softmax((1 - w) * a + w * b, axis=1)) for a, b in zip(one, other, strict=True)]
            for w in shares
        }

    first, second, third = best(d), best(r), best(k)
    linear_mix = mix(d[first], r[second], SHARE)
    share = best(linear_mix)
    kernel = best(mix(linear_mix[share], k[third], CURVED))
    return Choice(*first, *second, *share, *third, *kernel)


def classifier(x: Array, source: Source, choice: Choice) -> Blend:
    """Train on rows, (n, features), of `source`, with settings from `choose`."""
    linear = discriminants(x, source.y, source.prior())(choice.shrinkage).sharpened(choice.sharpness)
    if choice.share:
        linear = linear.mixed(logistic(x, source.y, source.prior())(choice.c), choice.share)
    if not choice.kernel:
        return Blend(linear, None, 0.0)
    curved = kernels(x, source.y, source.classes)(choice.penalty)
    return Blend(linear, curved.sharpened(choice.bend), choice.kernel)


class Prepared:
    """What methods start from, learned from the training people when it is first asked for.

    Attributes:
        source: their rows.
        share: how much normal scores count in `columns`.
        prior: share of each class, (classes,).
        columns: makes raw rows finite and comparable.
        z: the rows in standard deviations of the population, (n, kept).
        spread: how people differ in them.
        own: the rows in units of their person, (n, kept).
        network: what `network.trained` keeps here, so that it is trained once; None before.
        effects: likewise of `person.Person`.
        differs, trust: likewise.
    """

    def __init__(self, source: Source, like: Prepared | None = None) -> None:
        """Clean the rows and normalise each training person by all of their rows.

        Args:
            source: the training people.
            like: whose settings are taken, where they are not to be chosen on these people.
        """
        self.source, self.prior, self.like = source, source.prior(), like
        self.network: Any = None
        self.effects: Any = None
        self.differs: Any = None
        self.trust: Any = None
        self.share: float = like.share if like else shape_share(source)
        self.columns = Columns.of(source.x, self.share)
        self.z = self.columns(source.x)
        self.spread = Spread.of(self.z, source)
        self.own = in_own_units(self.z, source, self.spread)

    @cached_property
    def choices(self) -> tuple[Choice, Choice]:
        """Settings of the two classifiers below."""
        return self.like.choices if self.like else (choose(self.z, self.source), choose(self.own, self.source))

    @cached_property
    def population(self) -> Blend:
        """The classifier of rows in units of the population."""
        return classifier(self.z, self.source, self.choices[0])

    @cached_property
    def personal(self) -> Blend:
        """The classifier of rows in units of their person."""
        return classifier(self.own, self.source, self.choices[1])
