"""Training people flow in; how far a person's adapted predictions are to be believed after n rows flows out.

Half of the training people stand for new ones: a method trained on the other half is shown their first n rows, and
its predictions of row n and the later ones are mixed with those of the classifier of everybody. The weight after n
rows is the one under which the people's true classes are likeliest, and it never falls as n grows. Before adapted
predictions hit more often by more than chance explains, the weight is 0. A person who probably does not differ from the
population (`differs`) counts only as far as they may, here as in use. How much the person's own classes weigh against
normalisation alone is chosen by what it adds to the hits: likelihood would choose it as if it had to tell how sure it
is, which is what the weights are for. Cf. stacking: Wolpert 1992, Neural Networks 5:241.
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

EVIDENCE: Final = (0.0, 0.1, 0.25, 0.5)
"""Weights of the Gaussian evidence of where the person's classes lie, to choose from; 0 leaves the normalisation."""

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
        evidence: one of `EVIDENCE`.
    """

    rows: Array
    weight: Array
    evidence: float

    def __call__(self, n: int) -> float:
        """The weight after n rows."""
        return float(np.interp(np.log(n), np.log(self.rows), self.weight)) if n and len(self.rows) else 0.0


Likely = dict[int, list[Array]]
"""By number of rows, for each person the mean log-likelihood under each of `WEIGHTS`, classes counted alike."""

Gain = dict[int, list[float]]
"""By number of rows, for each person the change of the share of hits, likewise."""


def learned(prepared: Prepared, make: Callable[[Prepared, float], Adapter]) -> Trust:
    """Learn from training people.

    Args:
        prepared: the training people.
        make: a method whose predictions are wholly adapted ones, under one of `EVIDENCE`; its figures hold "differs".
    """
    source = prepared.source
    fold = folds_of(source, FOLDS)
    likely: list[Likely] = [{n: [] for n in ROWS} for _ in EVIDENCE]
    gain: list[Gain] = [{n: [] for n in ROWS} for _ in EVIDENCE]
    for number in range(fold.max() + 1):
        known = fold != number
        if len(np.unique(source.y[known])) < 2 or len(np.unique(source.subject[known])) < 2:
            continue
        half = Prepared(Source(source.x[known], source.y[known], source.subject[known], source.classes), prepared)
        people = np.unique(source.subject[~known])[: PEOPLE // FOLDS]
        for evidence, found, gained in zip(EVIDENCE, likely, gain, strict=True):
            adapter = make(half, evidence)
            fresh = adapter.state()
            for person in people:
                _follow(adapter, half, source, person, found, gained)
                adapter.restore(fresh)
    judged = [n for n in ROWS if len(gain[0][n]) >= FEWEST]
    tried = [
        ([found[n] for n in judged], [gained[n] for n in judged]) for found, gained in zip(likely, gain, strict=True)
    ]
    best = int(np.argmax([sum(float(np.mean(hits)) for hits in gained) for _, gained in tried]))
    return Trust(np.array(judged, float), rising(*tried[best]), EVIDENCE[best])


def _follow(adapter: Adapter, half: Prepared, source: Source, person: int, likely: Likely, gain: Gain) -> None:
    """Show one person's rows, in an order of their own, and judge the predictions after each of `ROWS`."""
    alike = 1 / np.maximum(np.bincount(source.y, minlength=source.classes), 1)
    rows = np.random.default_rng(int(person)).permutation(np.flatnonzero(source.subject == person))
    x, y = source.x[rows], source.y[rows]
    base, shown = half.population(half.columns(x)), 0
    for n in [n for n in ROWS if n <= len(rows)]:
        adapter.observe(x[shown:n])
        shown = n
        here, there, right = base[n - 1 :], adapter.predict(x[n - 1 :]), y[n - 1 :]
        differs = adapter.figures()["differs"]
        at = np.arange(len(right)), right
        worth = alike[right] / alike[right].sum()
        share = np.outer(1 - differs * WEIGHTS, here[at]) + np.outer(differs * WEIGHTS, there[at])
        likely[n].append(np.log(share + 1e-9) @ worth)
        taken = ((1 - differs) * here + differs * there).argmax(axis=1)
        gain[n].append(float(worth @ (1.0 * (taken == right) - (here.argmax(axis=1) == right))))


def climb(likely: list[list[Array]]) -> list[int]:
    """The likeliest weights that never fall, as places in `WEIGHTS`.

    Args:
        likely: for each number of rows and person the mean log-likelihood under each of `WEIGHTS`.
    """
    best, came = np.zeros(len(WEIGHTS)), []
    for people in likely:
        came.append([int(np.argmax(best[: k + 1])) for k in range(len(WEIGHTS))])
        best = np.maximum.accumulate(best) + np.sum(people, axis=0)
    places = [int(np.argmax(best))]
    for back in reversed(came):
        places.insert(0, back[places[0]])
    return places[1:]


def rising(likely: list[list[Array]], gain: list[list[float]]) -> Array:
    """The weights, never falling, that make the true classes likeliest; 0 before the gain is more than chance.

    Args:
        likely: as for `climb`.
        gain: for each number of rows and person the change of the share of hits.
    """
    weight = WEIGHTS[climb(likely)]
    sure = [bool(np.mean(hits) > ERRORS * np.std(hits, ddof=1) / np.sqrt(len(hits))) for hits in gain]
    weight[: sure.index(True) if any(sure) else len(sure)] = 0.0
    return np.asarray(weight)
