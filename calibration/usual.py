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
from ahdetect.models.personal import SCALE_BOUNDS, Usual
from ahdetect.models.reference import MAD_TO_SD, Reference

Array = NDArray[np.float64]

GRID_S: Final = 0.5
"""Step of the grid on which the autocorrelation is measured, s: face and voice cues are statistics of 2 to 20 s."""

LEAST_S: Final = 2.0
"""Seconds of a cue under which nothing is said about it: one window of the face cues (models/face.py)."""

BETWEEN: Final = 0.3
"""Share of a cue's variance that lies between people. In RAVDESS the median over face action units is .48, over voice
MFCC .29 (24 people, emotions taken out; `tools/measure_baseline.py --table`); the lower is taken."""

MOMENT_S: Final = REFERENCE_WEIGHT_S * BETWEEN / (1.0 - BETWEEN)
"""How far apart, s, two independent values are at which 30 s is the right weight of the population: it should weigh as
much as (1 - share) / share of them. Where values hang together for longer, the person's data weigh less than their
seconds; where for less, still no more than them, as in the filter."""

STRANGE: Final = 4.0
"""Standard deviations from the person's median from which a value may be a tracking error. Of 2.5 to 5, clipped or
left out, this did best over the simulated cues of `tools/measure_baseline.py`, on which it was therefore chosen."""

STRANGE_SHARE: Final = 0.15
"""Share of time above which strange values are no errors but what the person does (smiling on and off): they are then
clipped, not left out. Assumed, after a clip in which smiling took a quarter of the time."""


def usual_of(t_s: Array, x: Array, lasted_s: Array, population: Reference) -> Usual | None:
    """Location and scale of a cue in one person, shrunk toward the population.

    Tracking errors are left out: values further than `STRANGE` standard deviations from their median, by the median
    absolute deviation, itself shrunk (a cue that rests at one value has none of its own), and further than the `CLIP_Z`
    of the population's at which the filter clips; where they last long, see `STRANGE_SHARE`. Mean and standard
    deviation of the rest are shrunk: the population counts as `REFERENCE_WEIGHT_S` of data.

    Args:
        t_s: times of the values, s, rising, (n,).
        x: values in the cue's unit, finite, (n,).
        lasted_s: what each value stands for, s, (n,).
        population: what the cue is in people.

    Returns:
        None where there are less than `LEAST_S` of values. `seconds` are those that count, not more than there were.
    """
    seconds = float(lasted_s.sum())
    if seconds < LEAST_S:
        return None
    middle = _median(x, lasted_s)
    mad = MAD_TO_SD * _median(np.abs(x - middle), lasted_s)
    reach = max(STRANGE * _shrunk(population.scale, mad, seconds), CLIP_Z * population.scale)
    near = np.abs(x - middle) <= reach
    if float(lasted_s[near].sum()) >= (1.0 - STRANGE_SHARE) * seconds:
        t_s, x, lasted_s = t_s[near], x[near], lasted_s[near]
        seconds = float(lasted_s.sum())
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
    sequence), and at a quarter of the data: what is slower than that looks faster than it is. At least `GRID_S`.
    """
    place = ((t_s - t_s[0]) / GRID_S).astype(np.intp)
    n = int(place[-1]) + 1
    weight = np.bincount(place, lasted_s, n)
    there = weight > 0
    z = np.zeros(n)
    z[there] = np.bincount(place, lasted_s * x, n)[there] / weight[there]
    z[there] -= z[there].mean()
    variance = float((z**2).sum() / there.sum())
    if variance <= (1e-9 * float(np.abs(x).max())) ** 2:  # at rest, but for rounding
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
