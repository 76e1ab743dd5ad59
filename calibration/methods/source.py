"""Labelled rows of training people flow in; clean columns and how people differ in them flow out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.methods.shape import Shape

Labels = NDArray[np.intp]

CLIP: Final = 8.0
"""Standard deviations at which a value is cut: a tracker's fault must not carry a mean away (assumed)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled rows of the training people.

    Attributes:
        x: features, (rows, features); NaN where absent.
        y: class of each row, 0 to `classes` - 1, (rows,).
        subject: person of each row, (rows,).
        classes: how many there are.
    """

    x: Array
    y: Labels
    subject: Labels
    classes: int

    def people(self) -> list[NDArray[np.bool_]]:
        """Rows of each person."""
        return [self.subject == p for p in np.unique(self.subject)]

    def prior(self) -> Array:
        """Share of each class, one row added to each, (classes,)."""
        many = np.bincount(self.y, minlength=self.classes) + 1.0
        return np.asarray(many / many.sum())


@dataclass(frozen=True, slots=True)
class Columns:
    """What makes raw rows finite and comparable: learned from the training people, applied to everybody.

    Attributes:
        keep: columns that vary among the training people, (features,).
        fill: their median, which stands in for NaN, (kept,).
        location: their mean, (kept,).
        scale: their standard deviation, (kept,).
        shape: brings them nearer to Gaussian ones.
        after: mean and standard deviation of what the shape gives, each (kept,).
    """

    keep: NDArray[np.bool_]
    fill: Array
    location: Array
    scale: Array
    shape: Shape
    after: tuple[Array, Array]

    @classmethod
    def of(cls, x: Array, share: float = 0.0) -> Columns:
        """Learn from rows, (n, features).

        Args:
            x: rows of the training people.
            share: how much normal scores count, 0 to 1; 0 leaves the columns' shape as it is.
        """
        x = np.where(np.isfinite(x), x, np.nan)
        known = np.isfinite(x).any(axis=0)
        fill = np.zeros(x.shape[1])
        fill[known] = np.nanmedian(x[:, known], axis=0)
        filled = np.where(np.isnan(x), fill, x)
        spread = filled.std(axis=0)
        keep = known & (spread > 1e-9 * (1 + np.abs(filled).max(axis=0)))
        location, scale = filled[:, keep].mean(axis=0), spread[keep]
        z = np.clip((filled[:, keep] - location) / scale, -CLIP, CLIP)
        shape = Shape.of(z, share)
        bent = shape(z)
        return cls(keep, fill[keep], location, scale, shape, (bent.mean(axis=0), bent.std(axis=0)))

    def __call__(self, x: Array) -> Array:
        """Rows, (n, features), in standard deviations of the population, (n, kept)."""
        x = x[:, self.keep]
        z = (np.where(np.isfinite(x), x, self.fill) - self.location) / self.scale
        z = (self.shape(np.clip(z, -CLIP, CLIP)) - self.after[0]) / self.after[1]
        return np.asarray(np.clip(z, -CLIP, CLIP))


def shrunk_covariance(rows: Array) -> Array:
    """Covariance of centred rows, shrunk to a multiple of the identity (OAS; Chen et al. 2010, IEEE TSP 58:5016)."""
    n, d = rows.shape
    s = rows.T @ rows / max(1, n)
    mean = np.trace(s) / d
    square = float((s * s).sum())
    top = (1 - 2 / d) * square + (mean * d) ** 2
    bottom = (n + 1 - 2 / d) * (square - mean**2 * d)
    rho = 1.0 if bottom <= 0 else min(1.0, top / bottom)
    return np.asarray((1 - rho) * s + (rho * mean + 1e-9) * np.eye(d))


def class_means(x: Array, y: Labels, classes: int) -> Array:
    """Mean row of each class, (classes, features); the overall mean where a class has none."""
    return np.stack([x[y == c].mean(axis=0) if (y == c).any() else x.mean(axis=0) for c in range(classes)])


FLOOR: Final = 0.05
"""Smallest scale in population standard deviations: a column that a person does not move is no ruler."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How people differ, from the training people's standardised rows (empirical Bayes; Morris 1983, JASA 78:47).

    Attributes:
        within: variance inside a person, mean over people, (features,).
        between: variance of people's locations, sampling noise taken off, (features,).
        rows: rows whose worth the population's scale has against a person's own, (features,).
    """

    within: Array
    between: Array
    rows: Array

    @classmethod
    def of(cls, z: Array, source: Source) -> Spread:
        """Learn from standardised rows of `source`, (n, features)."""
        groups = [z[m] for m in source.people() if m.sum() > 1]
        if len(groups) < 2:
            d = z.shape[1]
            return cls(np.ones(d), np.full(d, 1e-4), np.full(d, 200.0))
        many = np.array([len(g) for g in groups])
        variance = np.stack([g.var(axis=0, ddof=1) for g in groups])
        within = np.average(variance, axis=0, weights=many - 1) + FLOOR**2
        noise = within * np.mean(1 / many)
        between = np.maximum(np.stack([g.mean(axis=0) for g in groups]).var(axis=0, ddof=1) - noise, 1e-4)
        # The variance of the log of a variance is 2 / (rows - 1) for Gaussian rows; what is more than that is people's.
        logs = np.log(variance + FLOOR**2)
        own = np.maximum(logs.var(axis=0, ddof=1) - np.mean(2 / (many - 1)), 0.01)
        return cls(within, between, 2 / own)

    def location(self, n: float, mean: Array) -> Array:
        """Posterior mean of a person's location, given the mean of `n` of their rows."""
        return np.asarray(mean * (n * self.between / (n * self.between + self.within)))

    def scale(self, n: float, variance: Array) -> Array:
        """A person's scale, given the variance of `n` of their rows."""
        free = max(0.0, n - 1)
        pooled = (free * variance + self.rows * self.within) / (free + self.rows)
        return np.asarray(np.maximum(np.sqrt(pooled), FLOOR))

    def normalise(self, z: Array, n: float, mean: Array, variance: Array) -> Array:
        """Rows in the person's own units."""
        return np.asarray((z - self.location(n, mean)) / self.scale(n, variance))


def variances(z: Array) -> Array:
    """Variance of each column; 0 for a single row."""
    return np.asarray(z.var(axis=0, ddof=1)) if len(z) > 1 else np.zeros(z.shape[1])
