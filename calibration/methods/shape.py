"""Columns of any shape among the training people flow in; columns nearer to Gaussian ones flow out.

Intensities pile up at zero and shares at both ends, so a person's location and scale say little about them, and
classifiers that measure distances take them amiss. Each value is replaced by a mean of itself and of its normal score
among the training people's values (van der Waerden 1952, Indagationes Mathematicae 14:453). How much the normal score
counts is chosen on held-out training people (`classifier.shape_share`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri

from ahdetect.calibration.adapt import Array

EDGE: Final = 10.0
"""Values must lie between -10 and 10; each column gets an interval of its own of twice that width."""

KNOTS: Final = 200
"""Knots of a column's curve at most, so that a row of hundreds of columns is bent in a millisecond."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A rising, piecewise linear curve for each column, all in one list: column j starts at 2 j times `EDGE`.

    Attributes:
        knots: values, rising, (knots,).
        scores: what they become, (knots,).
    """

    knots: Array
    scores: Array

    @classmethod
    def of(cls, z: Array, share: float) -> Shape:
        """Learn from values of the training people.

        Args:
            z: rows, (n, columns), in standard deviations.
            share: weight of the normal score against the value itself, 0 to 1.
        """
        knots, scores = [], []
        for j, column in enumerate(z.T):
            value, many = np.unique(column, return_counts=True)
            normal = ndtri((many.cumsum() - 0.5 * many + 0.5) / (len(column) + 1))  # ties share their middle rank
            kept = np.unique(np.linspace(0, len(value) - 1, KNOTS).astype(int))
            value, normal = value[kept], normal[kept]
            score = share * normal + (1 - share) * value
            # Beyond what the training people showed, a standard deviation counts as one.
            knots.append(2 * EDGE * j + np.array([-EDGE, *value, EDGE]))
            scores.append(np.array([score[0] - EDGE - value[0], *score, score[-1] + EDGE - value[-1]]))
        return cls(np.concatenate(knots), np.concatenate(scores))

    def __call__(self, z: Array) -> Array:
        """Rows, (n, columns), with each column bent."""
        at = z + 2 * EDGE * np.arange(z.shape[1])
        return np.asarray(np.interp(at.ravel(), self.knots, self.scores).reshape(z.shape))
