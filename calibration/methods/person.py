"""The default method: a person's unlabelled rows flow in; where their classes lie, and probabilities, flow out.

A row of person p in class c, after the person's scale is taken out, is: mean of the class + what p adds to every row +
what p adds to class c + noise, each part Gaussian with its own covariance. The three covariances are estimated on the
training people (variance components, by moments; cf. the two-covariance model of Brümmer & de Villiers 2010, Odyssey,
and Ioffe 2006, ECCV, "Probabilistic linear discriminant analysis"). For the new person the two additions have a
posterior in closed form given soft classes, and the soft classes follow from them and from a linear classifier on
normalised rows: variational expectation-maximisation (Beal 2003), which starts at that classifier. With few rows the
posterior stays at the population. How far the result is believed after n rows is learned on training people (`trust`),
and a person who does not differ from them (`differs`) is left to the classifier of everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array
from scipy.special import softmax

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Blend, Prepared
from ahdetect.calibration.methods.differs import Differs
from ahdetect.calibration.methods.source import Labels, class_means, shrunk_covariance, variances
from ahdetect.calibration.methods.trust import Trust, learned

DIRECTIONS: Final = 40
"""Directions kept, those in which classes and people's classes differ most (assumed; 20 to all were alike)."""

STEPS: Final = 5
"""Rounds of expectation and maximisation at each call; each starts anew at the classifier."""

MEMORY: Final = 400
"""Rows of the person kept; the oldest go first. Bounds the cost of a row."""

WEIGHT: Final = 0.25
"""Weight of the Gaussian evidence beside the classifier for the oracle, which has no training people to choose it on.
The Gaussian evidence has seen the same row, and takes correlated, heavy-tailed columns for Gaussian ones."""

LEAST: Final = 0.01
"""Weight of the adapted predictions below which they are not used."""

COLLAPSE_ROWS, COLLAPSE_SHARE = 3, 0.5
"""From 3 rows a class on, adapted predictions that amount to less than half the classes of the classifier's are a
collapse, and only the normalisation is used (assumed)."""

TINY: Final = 1e-3
"""Smallest variance of a person's additions, in variances of the noise."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Variance components in directions where the noise is white and the others are taken as diagonal.

    Attributes:
        axes: from scaled features to directions, (features, directions).
        means: of the classes, (classes, directions).
        person: variance of what a person adds to every row, (directions,).
        own: variance of what a person adds to one class, (directions,).
    """

    axes: Array
    means: Array
    person: Array
    own: Array

    @classmethod
    def of(cls, x: Array, y: Labels, subject: Labels, classes: int) -> Effects:
        """Estimate from rows of people, (n, features), in units of the person's scale."""
        people, index = np.unique(subject, return_inverse=True)
        offset = np.zeros((len(people), x.shape[1]))
        rows = np.bincount(index).astype(float)
        for _ in range(4):  # two-way additive model by turns; classes need not be balanced
            means = class_means(x - offset[index], y, classes)
            offset = group_means(x - means[y], index, len(people))
            offset -= np.average(offset, axis=0, weights=rows)
        rest = x - offset[index] - means[y]
        cell, number = np.unique(index * classes + y, return_inverse=True)
        many = np.bincount(number).astype(float)
        centre = group_means(rest, number, len(cell))
        loose = (rest - centre[number]) * np.sqrt(many / np.maximum(many - 1, 1))[number][:, None]
        noise = shrunk_covariance(loose[many[number] > 1] if (many > 1).any() else rest)
        own = (centre * many[:, None]).T @ centre / many.sum() - noise * len(cell) / many.sum()
        person = np.cov(offset.T).reshape(noise.shape) - noise * np.mean(1 / rows)
        values, vectors = np.linalg.eigh(noise)
        white = vectors / np.sqrt(values)
        seen = means @ white
        own = white.T @ own @ white
        turned = np.linalg.eigh(own + np.cov(seen.T, bias=True).reshape(own.shape))[1][:, ::-1][:, :DIRECTIONS]
        axes = white @ turned
        return cls(
            axes,
            means @ axes,
            np.maximum(np.einsum("ij,ik,kj->j", axes, person, axes), TINY),
            np.maximum(np.einsum("ij,ik,kj->j", turned, own, turned), TINY),
        )

    def posterior(self, x: Array, q: Array) -> tuple[Array, Array]:
        """Where the person's classes lie, given rows, (n, directions), and their soft classes, (n, classes).

        Returns:
            Mean and variance, each (classes, directions).
        """
        many = q.sum(axis=0)[:, None] + 1e-9
        centre = q.T @ x / many
        weight = many / (1 + many * self.own)
        precision = 1 / self.person + weight.sum(axis=0)
        shift = (weight * (centre - self.means)).sum(axis=0) / precision
        own_precision = 1 / self.own + many
        means = self.means + shift + many * (centre - self.means - shift) / own_precision
        return means, 1 / own_precision + (1 / (self.own * own_precision)) ** 2 / precision

    @staticmethod
    def log(x: Array, means: Array, variance: Array) -> Array:
        """Log density of rows under each class, up to a constant, (n, classes)."""
        inverse = 1 / (1 + variance)
        spread = (means**2 * inverse - np.log(inverse)).sum(axis=1)
        return np.asarray(-0.5 * ((x**2) @ inverse.T - 2 * x @ (means * inverse).T + spread))


def group_means(x: Array, group: Labels, groups: int) -> Array:
    """Mean of the rows of each group, (groups, features); every group has a row."""
    sums = csr_array((np.ones(len(x)), (group, np.arange(len(x)))), shape=(groups, len(x))) @ x
    return np.asarray(sums / np.bincount(group, minlength=groups)[:, None])


def adapted(effects: Effects, x: Array, start: Array, weight: float, known: Array | None = None) -> tuple[Array, Array]:
    """Expectation-maximisation from the classifier's log probabilities.

    Args:
        effects: of the training people.
        x: the person's rows, (n, directions).
        start: log probabilities of the classifier, (n, classes); also evidence in each round.
        weight: of the Gaussian evidence against the classifier's.
        known: classes that are given, (n, classes), rows of NaN where not; for the oracle.

    Returns:
        Mean and variance of the person's classes.
    """
    q = softmax(start, axis=1)
    for step in range(STEPS):
        if known is not None:
            q = np.where(np.isfinite(known), known, q)
        where = effects.posterior(x, q)
        if step + 1 < STEPS:
            q = softmax(start + weight * effects.log(x, *where), axis=1)
    return where


def effective(p: Array) -> float:
    """How many classes the mean prediction amounts to: the exponential of its entropy, 1 for one class only."""
    mean = p.mean(axis=0)
    return float(np.exp(-(mean * np.log(mean + 1e-12)).sum()))


class Person:
    """Normalisation by what was seen, where this person's classes lie, and how far both are believed."""

    name = "ahdetect"

    def __init__(self, prepared: Prepared, *, wholly: float | None = None) -> None:
        """Learn from the training people.

        Args:
            prepared: the training people.
            wholly: weight of the Gaussian evidence, where the adapted predictions are to be believed wholly from the
                first row on, as learning how far to do so needs.
        """
        self.columns, self.spread = prepared.columns, prepared.spread
        self.classify: Blend = prepared.personal
        self.base: Blend = prepared.population
        source = prepared.source
        if prepared.effects is None:
            scaled = np.empty_like(prepared.z)
            for rows in source.people():
                scaled[rows] = prepared.z[rows] / self.spread.scale(rows.sum(), variances(prepared.z[rows]))
            prepared.effects = Effects.of(scaled, source.y, source.subject, source.classes)
        self.effects: Effects = prepared.effects
        if prepared.differs is None:
            prepared.differs = Differs.of(prepared.z, source)
        self.probably: Differs = prepared.differs
        if prepared.trust is None and wholly is None:
            prepared.trust = learned(prepared, lambda half, evidence: Person(half, wholly=evidence))
        self.trust: Trust | None = None if wholly is not None else prepared.trust
        self.evidence: float = prepared.trust.evidence if wholly is None else wholly
        self.seen = np.zeros((0, prepared.z.shape[1]))
        self._learn()

    def _learn(self, known: Array | None = None) -> None:
        z, self.collapsed = self.seen, False
        self.moments = (z.mean(axis=0), variances(z)) if len(z) else (np.zeros(z.shape[1]), np.zeros(z.shape[1]))
        self.differs = self.probably(len(z), self.moments[0])
        self.weight = float(len(z) > 0) if self.trust is None else self.trust(len(z)) * self.differs
        if self.weight < LEAST:
            self.weight = 0.0
        if not self.weight:
            return
        start, directions = self._start(z), self._directions(z)
        self.where = adapted(self.effects, directions, start, self.evidence, known)
        if known is None and len(z) >= COLLAPSE_ROWS * start.shape[1]:
            after = softmax(start + self.evidence * self.effects.log(directions, *self.where), axis=1)
            self.collapsed = effective(after) < COLLAPSE_SHARE * effective(softmax(start, axis=1))

    def inform(self, x: Array, known: Array) -> None:
        """Forget what was seen and learn from rows, some of which have a known class; only the oracle may."""
        self.seen = self.columns(x)
        self._learn(known)

    def _start(self, z: Array) -> Array:
        return self.classify.log(self.spread.normalise(z, len(self.seen), *self.moments))

    def _directions(self, z: Array) -> Array:
        return np.asarray(z / self.spread.scale(len(self.seen), self.moments[1]) @ self.effects.axes)

    def observe(self, x: Array) -> Change | None:
        """Add rows and learn anew from all that are kept."""
        if not len(x):
            return None
        before = self.figures()
        self.seen = np.concatenate([self.seen, self.columns(x)])[-MEMORY:]
        self._learn()
        reason = self._refusal()
        return Change(self.name, float(len(x)), "samples", before, self.figures(), accepted=not reason, reason=reason)

    def _refusal(self) -> str:
        if not self.weight and self.trust is not None and self.trust(len(self.seen)):
            return (
                f"Rows seen: {len(self.seen)}. They stray no further than those of somebody who does not differ: "
                "the classifier of everybody is used."
            )
        if not self.weight:
            return (
                f"Rows seen: {len(self.seen)}. With these, adapting did not surely help people held out of training: "
                "the classifier of everybody is used."
            )
        if self.collapsed:
            return "Adapted predictions amount to fewer classes than the classifier's; only the normalisation is used."
        return ""

    def predict(self, x: Array) -> Array:
        """Probabilities; those of the population's classifier as far as the adapted ones are not believed."""
        z = self.columns(x)
        if not self.weight:
            return self.base(z)
        log = self._start(z)
        if not self.collapsed:
            log = log + self.evidence * self.effects.log(self._directions(z), *self.where)
        p = np.asarray(softmax(log, axis=1))
        return p if self.weight == 1 else self.weight * p + (1 - self.weight) * self.base(z)

    def figures(self) -> dict[str, float]:
        """Rows kept, how likely it is that the person differs, how far that is believed, and how far they lie off.

        The last is a mean over columns, in standard deviations of the population.
        """
        mean, variance = self.moments
        return {
            "rows": float(len(self.seen)),
            "differs": self.differs,
            "weight": self.weight,
            "offset": float(np.abs(mean).mean()),
            "scale": float(np.sqrt(variance).mean()),
        }

    def state(self) -> object:
        """The rows kept; all else follows from them."""
        return self.seen

    def restore(self, state: object) -> None:
        """Learn anew from those rows."""
        self.seen = np.asarray(state)
        self._learn()
