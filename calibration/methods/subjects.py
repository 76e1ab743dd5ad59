"""Selection of training people: a person's unlabelled rows flow in; a classifier of those who are most alike flows out.

Zeeshan et al. 2024, "Subject-based domain adaptation for facial expression recognition" (IEEE FG): training people are
domains of their own, and the nearest by maximum mean discrepancy (Gretton et al. 2012, JMLR 13:723) are kept. Needs the
training people's rows at hand.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.methods.classifier import Linear, Prepared, discriminants
from ahdetect.calibration.methods.kernel import squares
from ahdetect.calibration.methods.source import Labels

SHARE: Final = 3
"""One person in so many is kept, never fewer than `FEWEST` (assumed)."""

FEWEST: Final = 5
ROWS: Final = 64
"""Rows of each person that the discrepancy looks at."""


class Subjects:
    """The linear discriminant of the nearest third of the training people."""

    name = "subjects"

    def __init__(self, prepared: Prepared) -> None:
        """Keep the training people's rows, and how far apart they are among themselves."""
        self.columns, self.prepared = prepared.columns, prepared
        self.classify: Linear = prepared.population.linear
        self.people = prepared.source.people()
        rng = np.random.default_rng(0)
        self.parts = [prepared.z[rng.permutation(np.flatnonzero(rows))[:ROWS]] for rows in self.people]
        some = np.concatenate(self.parts)[:: max(1, len(self.parts) * ROWS // 500)]
        self.width = float(np.median(squares(some, some))) + 1e-9
        self.inner = np.array([self._kernel(part, part).mean() for part in self.parts])
        self.seen = np.zeros((0, prepared.z.shape[1]))
        self.chosen: Labels = np.zeros(0, np.intp)

    def _kernel(self, a: Array, b: Array) -> Array:
        return np.asarray(np.exp(-squares(a, b) / self.width))

    def observe(self, x: Array) -> Change | None:
        """Add rows; choose anew whenever their number reaches a power of two, and at each call with many."""
        before = self.figures()
        self.seen = np.concatenate([self.seen, self.columns(x)])
        n = len(self.seen)
        if len(x) == 1 and n & (n - 1):
            return None
        far = self.inner - 2 * np.array([self._kernel(self.seen, part).mean() for part in self.parts])
        chosen = np.sort(np.argsort(far, kind="stable")[: max(FEWEST, len(self.parts) // SHARE)])
        if not np.array_equal(chosen, self.chosen):
            self._choose(chosen)
        return Change(self.name, float(len(x)), "samples", before, self.figures())

    def _choose(self, chosen: Labels) -> None:
        self.chosen = chosen
        if not len(chosen):
            self.classify = self.prepared.population.linear
            return
        rows = np.any([self.people[i] for i in chosen], axis=0)
        best = self.prepared.choices[0]
        made = discriminants(self.prepared.z[rows], self.prepared.source.y[rows], self.prepared.prior)
        self.classify = made(best.shrinkage).sharpened(best.sharpness)

    def predict(self, x: Array) -> Array:
        """Probabilities of the chosen people's classifier."""
        return self.classify(self.columns(x))

    def figures(self) -> dict[str, float]:
        """Rows seen and people chosen."""
        return {"rows": float(len(self.seen)), "people": float(len(self.chosen))}

    def state(self) -> object:
        """Rows and choice."""
        return self.seen, self.chosen

    def restore(self, state: object) -> None:
        """Put them back."""
        self.seen, chosen = cast(tuple[Array, Labels], state)
        self._choose(chosen)
