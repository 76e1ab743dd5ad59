"""Usual: what one cue was in one person, value by value, flows in; its location and scale for them flow out.

The evidence filter learns a person's running mean and variance as it goes, with the population as `REFERENCE_WEIGHT_S`
of data. A baseline has all values at once, so it can do better where the filter cannot: outliers are known from the
person's own median, and a cue that moves slowly (a pause rate over 20 s) is known to have told less than its seconds.
On values that neither matters for, the two arrive at the same location.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.effects import CLIP_Z
from ahdetect.models.evidence import REFERENCE_WEIGHT_S
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import SCALE_BOUNDS, Usual
from ahdetect.models.reference import MAD_TO_SD, Reference

Array = NDArray[np.float64]

GRID_S: Final = 0.5
"""Step of the grid on which the autocorrelation is measured, s: face and voice cues are statistics of 2 to 20 s."""

LEAST_S: Final = 2.0
"""Seconds of a cue under which nothing is said about it: one window of the face cues (models/face.py)."""

MOMENT_S: Final = FADE_S
"""Seconds in which evidence counts once (models/evidence.py). The reference's 30 s are 7 such moments, so that data
whose values hang together for longer than one weigh less than their seconds."""


def usual_of(t_s: Array, x: Array, lasted_s: Array, population: Reference) -> Usual | None:
    """Location and scale of a cue in one person, shrunk toward the population.

    The values are clipped `CLIP_Z` standard deviations from their median, the standard deviation being that of the
    median absolute deviation, itself shrunk (a cue that rests at one value has none of its own). Their mean and
    variance are an M-estimate with Huber's weights; the population counts as `REFERENCE_WEIGHT_S` of data with its
    own location and scale.

    Args:
        t_s: times of the values, s, rising, (n,).
        x: values in the cue's unit, finite, (n,).
        lasted_s: what each value stands for, s, (n,).
        population: what the cue is in people.

    Returns:
        None where there are less than `LEAST_S` of values. `seconds` are those that count: not more than there were.
    """
    seconds = float(lasted_s.sum())
    if seconds < LEAST_S:
        return None
    middle = _median(x, lasted_s)
    mad = MAD_TO_SD * _median(np.abs(x - middle), lasted_s)
    reach = CLIP_Z * _shrunk(population.scale, mad, seconds)
    x = np.clip(x, middle - reach, middle + reach)
    apart = apart_s(t_s, x, lasted_s)
    own = seconds * min(1.0, MOMENT_S / apart)
    mean = float(np.average(x, weights=lasted_s))
    # Values that hang together stray less about their own mean than about the true one: n - 1 of n independent moments.
    moments = max(2.0, seconds / apart)
    sd = float(np.sqrt(np.average((x - mean) ** 2, weights=lasted_s) * moments / (moments - 1.0)))
    location = (REFERENCE_WEIGHT_S * population.location + own * mean) / (REFERENCE_WEIGHT_S + own)
    low, high = (bound * population.scale for bound in SCALE_BOUNDS)
    return Usual(location, min(max(_shrunk(population.scale, sd, own), low), high), own)


def apart_s(t_s: Array, x: Array, lasted_s: Array) -> float:
    """How far apart two values must be to tell two things: the integral of the autocorrelation, s.

    The sum over lags stops where a pair of neighbouring ones is no longer positive (Geyer 1992, initial positive
    sequence), and at a quarter of the data. At least `GRID_S`.
    """
    place = ((t_s - t_s[0]) / GRID_S).astype(np.intp)
    n = int(place[-1]) + 1
    weight = np.bincount(place, lasted_s, n)
    there = weight > 0
    z = np.zeros(n)
    z[there] = np.bincount(place, lasted_s * x, n)[there] / weight[there]
    z[there] -= z[there].mean()
    variance = float((z**2).sum() / there.sum())
    if variance <= 0.0:
        return GRID_S
    ones, rho = there.astype(np.float64), [1.0]
    for lag in range(1, n // 4):
        pairs = float(ones[lag:] @ ones[:-lag])
        rho.append(float(z[lag:] @ z[:-lag]) / pairs / variance if pairs else 0.0)
    total = -1.0
    for pair in (a + b for a, b in zip(rho[::2], [*rho[1::2], 0.0], strict=False)):
        if pair <= 0.0:
            break
        total += 2.0 * pair
    return GRID_S * max(1.0, total)


def _shrunk(population: float, own: float, seconds: float) -> float:
    """Standard deviation of the population's `REFERENCE_WEIGHT_S` and the person's `seconds` together."""
    weight = REFERENCE_WEIGHT_S + seconds
    return float(np.sqrt((REFERENCE_WEIGHT_S * population**2 + seconds * own**2) / weight))


def _median(x: Array, weight: Array) -> float:
    order = np.argsort(x, kind="stable")
    at = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2.0)
    return float(x[order][min(int(at), len(x) - 1)])
