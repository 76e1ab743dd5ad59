"""Prevalence of people: a trained network and labelled clips flow in; how it tells who is in A/H often flows out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ahdetect.models.fusion_inputs import PRIOR, Array
from ahdetect.models.prevalence import FIGURES, Estimator, figures_of
from ahdetect.models.simulate import ODDS_SPREAD
from ahdetect.models.training.fusion import log_odds_of
from ahdetect.models.training.fusion_data import Features

EVERY_S: Final = 30.0
"""An estimate is taken of each person's past at so many seconds from its start, and so on; half of it first."""

PENALTY: Final = 300.0
"""Of the regression: of the size of its number of people, because the rows of one person say the same."""

INDEPENDENT_S: Final = 8.5
"""Seconds that say one thing about the prevalence: a segment of A/H and as long again; assumed."""

LEAST_PEOPLE: Final = 20
"""Fewer people tell nothing about how people differ."""


def own_log_odds(truth: Array, prior: Array, dt: float) -> float:
    """A person's log-odds of A/H beside those of the prompts, most likely given labels (T,) and that people differ."""
    eta, worth = 0.0, dt / INDEPENDENT_S
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(prior + eta)))
        slope = worth * float((truth - p).sum()) - eta / ODDS_SPREAD**2
        eta += slope / (worth * float((p * (1.0 - p)).sum()) + 1.0 / ODDS_SPREAD**2)
    return eta


def fit_estimator(network: Any, clips: Sequence[Features], rate_hz: float) -> Estimator | None:
    """Ridge regression over people, each with all their clips in order; None where there are too few people.

    Args:
        network: trained.
        clips: to learn from; those that tell the network the prevalence are left out.
        rate_hz: steps per second.
    """
    people: dict[str, list[Features]] = defaultdict(list)
    for clip in clips:
        if not clip.context[:, PRIOR + 1].any() and np.isfinite(clip.truth).all():
            people[clip.person].append(clip)
    if len(people) < LEAST_PEOPLE:
        return None
    means, seconds, truth = [], [], []
    for own in people.values():
        prior = np.concatenate([c.context[:, PRIOR] for c in own]).astype(np.float64)
        told = figures_of(np.concatenate(log_odds_of(network, own)), prior)
        at = np.arange(round(EVERY_S * rate_hz / 2), len(told) + 1, round(EVERY_S * rate_hz))
        means.append(np.cumsum(told, axis=0)[at - 1] / at[:, None])
        seconds.append(at / rate_hz)
        labels = np.concatenate([c.truth for c in own]).astype(np.float64)
        truth.append(np.full(len(at), own_log_odds(labels, prior, 1.0 / rate_hz)))
    x = np.concatenate(means)
    if len(x) < LEAST_PEOPLE:
        return None
    plain = Estimator(x.mean(axis=0), x.std(axis=0) + 1e-6, np.zeros(FIGURES), 0.0)
    design = plain.design(x, np.concatenate(seconds))
    penalty = np.diag([*[PENALTY] * FIGURES, 1.0])
    found = np.linalg.solve(design.T @ design + penalty, design.T @ np.concatenate(truth))
    return replace(plain, weight=found[:-1], base=float(found[-1]))
