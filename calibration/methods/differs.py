"""A person's unlabelled rows flow in; how likely it is that this person differs from the population flows out.

Two models of the mean of n rows are compared: rows of the population's location, whose mean strays by the covariance
within people over n, and rows of a person whose own location strays as training people's do. Both covariances come from
the training people, and so do the odds before the first row: how many of them differ by all of their rows. A person who
does not differ has nothing to gain from adaptation and hits to lose. Cf. the test of a random effect: Searle, Casella &
McCulloch 1992, "Variance components".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.methods.source import Source, shrunk_covariance


@dataclass(frozen=True, slots=True)
class Differs:
    """Directions in which a person's rows are uncorrelated, of variance 1, and people's locations are taken as such.

    Attributes:
        axes: from features to directions, (features, directions).
        between: variance of people's locations, (directions,); none where training people do not differ.
        odds: logarithm of the odds that somebody differs, before any row.
    """

    axes: Array
    between: Array
    odds: float

    @classmethod
    def of(cls, z: Array, source: Source) -> Differs:
        """Learn from the training people's rows, (n, features), in standard deviations of the population."""
        groups = [z[rows] for rows in source.people()]
        means = np.stack([g.mean(axis=0) for g in groups])
        values, vectors = np.linalg.eigh(shrunk_covariance(np.vstack([g - g.mean(axis=0) for g in groups])))
        white = vectors / np.sqrt(values)
        found = np.atleast_2d(np.cov((means @ white).T)) - np.eye(len(values)) * np.mean([1 / len(g) for g in groups])
        between = np.diag(found)
        even = cls(white[:, between > 0], between[between > 0], 0.0)
        share = sum(even(len(g), mean) for g, mean in zip(groups, means, strict=True))
        return cls(even.axes, even.between, float(np.log((share + 1) / (len(groups) - share + 1))))

    def __call__(self, n: int, mean: Array) -> float:
        """Probability that a person differs, given the mean, (features,), of `n` of their rows."""
        square = (mean @ self.axes) ** 2
        alike, apart = 1 / max(n, 1), self.between + 1 / max(n, 1)
        ratio = 0.5 * (square / alike - square / apart - np.log(apart / alike)).sum()
        return float(expit(self.odds + ratio)) if n else 0.0
