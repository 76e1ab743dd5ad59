"""Labelled rows of training people flow in; clean columns and a linear discriminant that any method starts from flow out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ahdetect.calibration.adapt import Array

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
    """

    keep: NDArray[np.bool_]
    fill: Array
    location: Array
    scale: Array

    @classmethod
    def of(cls, x: Array) -> Columns:
        """Learn from rows, (n, features)."""
        x = np.where(np.isfinite(x), x, np.nan)
        known = np.isfinite(x).any(axis=0)
        fill = np.zeros(x.shape[1])
        fill[known] = np.nanmedian(x[:, known], axis=0)
        filled = np.where(np.isnan(x), fill, x)
        spread = filled.std(axis=0)
        keep = known & (spread > 1e-9 * (1 + np.abs(filled).max(axis=0)))
        return cls(keep, fill[keep], filled[:, keep].mean(axis=0), spread[keep])

    def __call__(self, x: Array) -> Array:
        """Rows, (n, features), in standard deviations of the population, (n, kept)."""
        x = x[:, self.keep]
        z = (np.where(np.isfinite(x), x, self.fill) - self.location) / self.scale
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


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Linear discriminant analysis with a shrunk covariance.

    Attributes:
        weight: (features, classes).
        bias: (classes,).
    """

    weight: Array
    bias: Array

    @classmethod
    def fit(cls, x: Array, y: Labels, prior: Array) -> Discriminant:
        """Learn from rows, (n, features), their classes, (n,), and the share of each class, (classes,)."""
        means = class_means(x, y, prior.size)
        weight = np.linalg.solve(shrunk_covariance(x - means[y]), means.T)
        return cls(weight, np.log(prior) - 0.5 * (means.T * weight).sum(axis=0))

    def __call__(self, x: Array) -> Array:
        """Probabilities, (n, classes)."""
        return np.asarray(softmax(x @ self.weight + self.bias, axis=1))


def class_means(x: Array, y: Labels, classes: int) -> Array:
    """Mean row of each class, (classes, features); the overall mean where a class has none."""
    return np.stack([x[y == c].mean(axis=0) if (y == c).any() else x.mean(axis=0) for c in range(classes)])
