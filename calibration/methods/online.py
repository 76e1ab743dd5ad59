"""Per-person normalisation: a person's unlabelled rows flow in; a location and scale shrunk toward the population flow out.

The oldest adaptation of all (speaker normalisation), here past only: the estimates after row n rest on rows 1 to n. How
far they may leave the population is learned from the training people: location and scale are posterior means under
the spread of locations and scales among people (empirical Bayes; Morris 1983, JASA 78:47).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.source import Columns, Discriminant, Source

FORGET: Final = 1.0
"""Weight of a row after each later one. 1 forgets nothing: clips of one person in one sitting (assumed)."""

FLOOR: Final = 0.05
"""Smallest scale in population standard deviations: a column that a person does not move is no ruler."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How people differ, from the training people's standardised rows.

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
            return cls(np.ones(d), np.ones(d), np.full(d, 10.0))
        many = np.array([len(g) for g in groups])
        variance = np.stack([g.var(axis=0, ddof=1) for g in groups])
        within = np.average(variance, axis=0, weights=many - 1) + FLOOR**2
        noise = within * np.mean(1 / many)
        between = np.maximum(np.stack([g.mean(axis=0) for g in groups]).var(axis=0, ddof=1) - noise, 1e-4)
        # The variance of the log of a variance is 2 / (rows - 1) for Gaussian rows; what is more than that is people's.
        logs = np.log(variance + FLOOR**2)
        own = np.maximum(logs.var(axis=0, ddof=1) - np.mean(2 / (many - 1)), 0.01)
        return cls(within, between, 2 / own)

    def normalise(self, z: Array, n: float, mean: Array, variance: Array) -> Array:
        """Rows in the person's own units, given `n` of their rows with that mean and variance."""
        location = mean * (n * self.between / (n * self.between + self.within)) if n > 0 else 0.0
        free = max(0.0, n - 1)
        scale = np.sqrt((free * variance + self.rows * self.within) / (free + self.rows))
        return np.asarray((z - location) / np.maximum(scale, FLOOR))


class Online:
    """Normalisation by what was seen so far, before a linear discriminant trained on people normalised likewise."""

    name = "normalise"

    def __init__(self, source: Source, forget: float = FORGET) -> None:
        """Train on `source`.

        Args:
            source: the training people.
            forget: factor on the weight of older rows at each new one, 0 to 1.
        """
        self.columns = Columns.of(source.x)
        z = self.columns(source.x)
        self.spread = Spread.of(z, source)
        own = np.empty_like(z)
        for rows in source.people():
            part = z[rows]
            variance = part.var(axis=0, ddof=1) if len(part) > 1 else np.zeros(z.shape[1])
            own[rows] = self.spread.normalise(part, len(part), part.mean(axis=0), variance)
        self.classify = Discriminant.fit(own, source.y, source.prior())
        self.forget = forget
        self.n, self.total, self.squares = 0.0, np.zeros(z.shape[1]), np.zeros(z.shape[1])

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
        self.n, self.total, self.squares = state  # type: ignore[misc]
