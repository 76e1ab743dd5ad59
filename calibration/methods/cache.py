"""Prototype cache: a person's unlabelled rows flow in; class prototypes moved toward their surest rows flow out.

Gradient-free. Iwasawa & Matsuo 2021, NeurIPS, "Test-time classifier adjustment module" (T3A): the weights of the last
layer are the first prototypes, and the surest rows of each predicted class join them. Karmanov et al. 2024, CVPR
(TDA), keep such rows as a cache of keys and values; its negative cache is left out here.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from scipy.special import softmax

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Prepared
from ahdetect.calibration.methods.source import Labels

SUREST: Final = 20
"""Rows kept for each class; one of T3A's settings."""


class Cache:
    """Prototypes in the space where the discriminant's noise is white."""

    name = "cache"

    def __init__(self, prepared: Prepared) -> None:
        """Means of the training people's classes as first prototypes."""
        self.columns, self.classify = prepared.columns, prepared.population.linear
        z, y = prepared.z, prepared.source.y
        # In the span of the class weights, which is all that the classifier sees of a row.
        self.axes = np.linalg.qr(self.classify.weight)[0]
        self.first = _unit(self.classify.weight.T @ self.axes)
        self.centre = z.mean(axis=0) @ self.axes
        sure = np.abs(_unit(z @ self.axes - self.centre) @ self.first.T)
        self.sharp = max(1.0, float(np.log(len(np.unique(y)) * 9) / max(1e-3, np.ptp(sure, axis=1).mean())))
        self.rows = np.zeros((0, self.axes.shape[1]))
        self.klass, self.doubt = np.zeros(0, np.intp), np.zeros(0)

    def observe(self, x: Array) -> Change | None:
        """Cache the rows under their predicted class; the least sure of a full class go."""
        before = self.figures()
        z = self.columns(x)
        p = self.classify(z)
        self.rows = np.concatenate([self.rows, _unit(z @ self.axes - self.centre)])
        self.klass = np.concatenate([self.klass, p.argmax(axis=1)])
        self.doubt = np.concatenate([self.doubt, -(p * np.log(p + 1e-12)).sum(axis=1)])
        order = np.argsort(self.doubt, kind="stable")
        kept = np.sort(np.concatenate([order[self.klass[order] == c][:SUREST] for c in range(p.shape[1])]))
        self.rows, self.klass, self.doubt = self.rows[kept], self.klass[kept], self.doubt[kept]
        return Change(self.name, float(len(x)), "samples", before, self.figures())

    def predict(self, x: Array) -> Array:
        """Cosine to each class's prototype, as probabilities."""
        near = np.stack(
            [np.vstack([first, self.rows[self.klass == c]]).mean(axis=0) for c, first in enumerate(self.first)]
        )
        z = _unit(self.columns(x) @ self.axes - self.centre)
        return np.asarray(softmax(self.sharp * z @ _unit(near).T, axis=1))

    def figures(self) -> dict[str, float]:
        """Rows cached."""
        return {"rows": float(len(self.rows))}

    def state(self) -> object:
        """The cache."""
        return self.rows, self.klass, self.doubt

    def restore(self, state: object) -> None:
        """Put it back."""
        self.rows, self.klass, self.doubt = cast(tuple[Array, Labels, Array], state)


def _unit(x: Array) -> Array:
    return np.asarray(x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-9))
