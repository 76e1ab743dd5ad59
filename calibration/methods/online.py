"""Normalisation per person: unlabelled rows flow in; a location and scale shrunk toward the population flow out.

Past only: the estimates after row n rest on rows 1 to n. How far they may leave the population is learned from the
training people (`source.Spread`), who are normalised likewise before the classifier is trained.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Prepared

FORGET: Final = 1.0
"""Weight of a row after each later one. 1 forgets nothing: clips of one person in one sitting (assumed)."""


class Online:
    """Normalisation by what was seen so far, before a linear discriminant trained on people normalised likewise."""

    name = "normalise"

    def __init__(self, prepared: Prepared, forget: float = FORGET) -> None:
        """Start with nobody.

        Args:
            prepared: the training people.
            forget: factor on the weight of older rows at each new one, 0 to 1.
        """
        self.columns, self.spread, self.classify = prepared.columns, prepared.spread, prepared.personal
        self.forget = forget
        d = prepared.z.shape[1]
        self.n, self.total, self.squares = 0.0, np.zeros(d), np.zeros(d)

    def observe(self, x: Array) -> Change | None:
        """Count rows in."""
        before = self.figures()
        for row in self.columns(x):
            self.n = self.forget * self.n + 1
            self.total = self.forget * self.total + row
            self.squares = self.forget * self.squares + row**2
        return Change(self.name, float(len(x)), "samples", before, self.figures()) if len(x) else None

    def moments(self) -> tuple[Array, Array]:
        """Mean and variance of what was counted, each (features,)."""
        mean = self.total / max(self.n, 1)
        variance = np.maximum(self.squares - self.n * mean**2, 0) / max(self.n - 1, 1)
        return mean, variance

    def predict(self, x: Array) -> Array:
        """Probabilities of rows in the person's own units."""
        return self.classify(self.spread.normalise(self.columns(x), self.n, *self.moments()))

    def figures(self) -> dict[str, float]:
        """Rows counted, and how far the person lies from the population (mean over columns, population SD)."""
        mean, variance = self.moments()
        return {"rows": self.n, "offset": float(np.abs(mean).mean()), "scale": float(np.sqrt(variance).mean())}

    def state(self) -> object:
        """The sums."""
        return self.n, self.total.copy(), self.squares.copy()

    def restore(self, state: object) -> None:
        """Put the sums back."""
        self.n, self.total, self.squares = cast(tuple[float, Array, Array], state)
