"""Labelled rows flow in; a classifier that need not be linear, by least squares on Gaussian kernels, flows out.

Least-squares classification in the space of a kernel (Suykens & Vandewalle 1999, Neural Processing Letters 9:293), on
landmarks drawn from the rows (Nyström; Williams & Seeger 2001, NIPS). One decomposition serves every penalty. All
classes weigh alike, whatever their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_softmax

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.methods.source import Labels

LANDMARKS: Final = 400
"""Rows that kernels stand on at most: 400 keep a table of 80 people at some minutes (assumed)."""

WIDTH: Final = 2.0
"""Squared width of the kernel in medians of the squared distance between landmarks: twice the square of a standard
deviation that is the median distance, the usual choice (Gretton et al. 2012, JMLR 13:723)."""

JITTER: Final = 1e-6
"""Added to the kernel's diagonal, so that rows that are alike do no harm."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Class scores that are sums of Gaussian bumps.

    Attributes:
        landmarks: where the bumps stand, (landmarks, features).
        width: their squared width.
        weight: (landmarks, classes).
    """

    landmarks: Array
    width: float
    weight: Array

    def log(self, x: Array) -> Array:
        """Log probabilities of rows, (n, classes)."""
        return np.asarray(log_softmax(bumps(x, self.landmarks, self.width) @ self.weight, axis=1))

    def sharpened(self, factor: float) -> Kernel:
        """All scores times a factor."""
        return Kernel(self.landmarks, self.width, factor * self.weight)


def bumps(x: Array, landmarks: Array, width: float) -> Array:
    """Gaussian kernel between rows and landmarks, (n, landmarks)."""
    return np.asarray(np.exp(-squares(x, landmarks) / width))


def squares(a: Array, b: Array) -> Array:
    """Squared distances between rows, (rows of a, rows of b)."""
    return np.asarray(np.maximum((a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1), 0))


def kernels(x: Array, y: Labels, classes: int) -> Callable[[float], Kernel]:
    """Train on rows; the penalty is given afterwards.

    Args:
        x: rows, (n, features).
        y: their classes, (n,).
        classes: how many there are.
    """
    taken = np.random.default_rng(0).permutation(len(x))[:LANDMARKS]
    landmarks = x[taken]
    among = squares(landmarks, landmarks)
    size = WIDTH * float(np.median(among)) + 1e-9
    values, vectors = np.linalg.eigh(np.exp(-among / size) + JITTER * np.eye(len(taken)))
    basis = vectors / np.sqrt(np.maximum(values, JITTER))
    features = bumps(x, landmarks, size) @ basis
    many = np.bincount(y, minlength=classes)
    worth = (len(y) / max(1, int((many > 0).sum())) / np.maximum(many, 1))[y]
    heavy = features * worth[:, None]
    target = heavy.T @ (np.eye(classes)[y] - 1 / classes)
    values, vectors = np.linalg.eigh(heavy.T @ features)
    turned, basis = vectors.T @ target, basis @ vectors

    def penalised(penalty: float) -> Kernel:
        return Kernel(landmarks, size, basis @ (turned / (np.maximum(values, 0) + penalty)[:, None]))

    return penalised
