"""Training people flow in; how far a person's adapted predictions are to be believed after n rows flows out.

Half of the training people stand for new ones: a method trained on the other half is shown their first n rows, and
its predictions of row n and the later ones are mixed with those of the classifier of everybody. The weight after n
rows is the one under which the people's true classes are likeliest, and it never falls as n grows. Before adapted
predictions hit more often by more than chance explains, the weight is 0. Cf. stacking: Wolpert 1992, Neural Networks
5:241.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Adapter, Array
from ahdetect.calibration.methods.classifier import FOLDS, Prepared, folds_of
from ahdetect.calibration.methods.source import Source

ROWS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
"""Numbers of rows after which the weight is learned; between them it is interpolated over their logarithm."""

WEIGHTS: Final = np.linspace(0, 1, 11)
"""Weights to choose from."""

PEOPLE: Final = 60
"""Training people who stand for new ones, at most: a wide table would take long."""

FEWEST: Final = 5
"""People a number of rows needs to be judged."""

ERRORS: Final = 2.0
"""Standard errors over people by which adapted predictions must hit more often: about 95 % sure."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Weight of the adapted predictions by the number of rows seen.

    Attributes:
        rows: numbers of rows, rising, (points,); empty where nothing could be learned.
        weight: 0 to 1, never falling, (points,).
    """

    rows: Array
    weight: Array

    def __call__(self, n: int) -> float:
        """The weight after n rows."""
        return float(np.interp(np.log(n), np.log(self.rows), self.weight)) if n and len(self.rows) else 0.0


def learned(prepared: Prepared, make: Callable[[Prepared], Adapter]) -> Trust:
    """Learn from training people.

    Args:
        prepared: the training people.
        make: a method whose predictions are wholly adapted ones.
    """
    source, shown = prepared.source, 0
    alike = 1 / np.maximum(np.bincount(source.y, minlength=source.classes), 1)
    fold = folds_of(source, FOLDS)
    rng = np.random.default_rng(0)
    likely: dict[int, list[Array]] = {n: [] for n in ROWS}
    gain: dict[int, list[float]] = {n: [] for n in ROWS}
    for number in range(fold.max() + 1):
        known = fold != number
        if len(np.unique(source.y[known])) < 2 or len(np.unique(source.subject[known])) < 2:
            continue
        half = Prepared(
            Source(source.x[known], source.y[known], source.subject[known], source.classes), prepared.choices
        )
        adapter = make(half)
        fresh = adapter.state()
        for person in np.unique(source.subject[~known])[: PEOPLE // FOLDS]:
            rows = rng.permutation(np.flatnonzero(source.subject == person))
            x, y = source.x[rows], source.y[rows]
            base, shown = half.population(half.columns(x)), 0
            for n in [n for n in ROWS if n <= len(rows)]:
                adapter.observe(x[shown:n])
                shown = n
                here, there = base[n - 1 :], adapter.predict(x[n - 1 :])
                right = y[n - 1 :]
                at = np.arange(len(right)), right
                worth = alike[right] / alike[right].sum()
                share = np.outer(1 - WEIGHTS, here[at]) + np.outer(WEIGHTS, there[at])
                likely[n].append(np.log(share + 1e-9) @ worth)
                gain[n].append(float(worth @ (1.0 * (there.argmax(1) == right) - (here.argmax(1) == right))))
            adapter.restore(fresh)
    judged = [n for n in ROWS if len(gain[n]) >= FEWEST]
    return Trust(np.array(judged, float), rising([likely[n] for n in judged], [gain[n] for n in judged]))


def rising(likely: list[list[Array]], gain: list[list[float]]) -> Array:
    """The weights, never falling, that make the true classes likeliest; 0 before the gain is more than chance.

    Args:
        likely: for each number of rows and person the mean log-likelihood under each of `WEIGHTS`, classes counted
            alike.
        gain: for each number of rows and person the change of the share of hits, likewise.
    """
    if not likely:
        return np.zeros(0)
    best, came = np.zeros(len(WEIGHTS)), []
    for people in likely:
        came.append(np.array([int(np.argmax(best[: k + 1])) for k in range(len(WEIGHTS))]))
        best = np.maximum.accumulate(best) + np.sum(people, axis=0)
    place = int(np.argmax(best))
    weight = np.zeros(len(likely))
    for i in range(len(likely) - 1, -1, -1):
        weight[i] = WEIGHTS[place]
        place = int(came[i][place])
    sure = [bool(np.mean(hits) > ERRORS * np.std(hits, ddof=1) / np.sqrt(len(hits))) for hits in gain]
    weight[: sure.index(True) if any(sure) else len(sure)] = 0.0
    return weight
