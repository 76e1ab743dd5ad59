"""Sensors: values of level cues flow in; where they usually are in a person, whatever the state, flows out.

The part of `calibration.particles` that has a closed form for each story of when the person was in A/H. A level cue
looks back on a window, which is an autoregression that A/H pulls to one side: x' = k x + (1 - k) (location + pull) +
noise. A sensor is the level cues of a channel, or its answer cue. Locations are normal, with a Kalman filter for each
story and each possible gain of the channel; their covariance is the same for all. Scale is the spread of what is new,
and pace, how long windows hang together, follows from how like each value is the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.rows import RowFilter
from ahdetect.models.cues import Channel
from ahdetect.models.effects import CORRELATION, EFFECTS, Kind
from ahdetect.models.evidence import MAX_GAP_S, REFERENCE_WEIGHT_S
from ahdetect.models.personal import Personal
from ahdetect.models.population import (
    ANSWER_SHIFT,
    BETWEEN,
    GAIN_SPREAD,
    SCALE_SPREAD,
    TAU_S,
    TILT_SPREAD,
    seen_of,
)

Integers = NDArray[np.intp]

GAINS: Final = 5
"""Points at which the gain of a channel is weighed."""

FAR: Final = 5.0
"""What is new in a row counts as this many standard deviations at most: tracking errors have heavy tails; assumed."""

PACE_ROWS: Final = 10
"""Pairs of values from one look at a person's pace to the next, and those before the first."""

PACE_LOOKS: Final = 40.0
"""Independent looks that the population's pace counts for; assumed."""

PACE_OCTAVES: Final = 2.0
"""A person's windows are at most four times as slow or fast as the population's; assumed."""

CERTAIN: Final = 1e9
"""Looks behind a scale that is no person's own: the answer cue is in nats."""

STILL_OPEN: Final[dict[str, float]] = {"odds": 0.4, "gain": 0.7, "tilt": 0.2}
"""Share of the variance over people that is left after an earlier session: simulated people, ten minutes each."""

CHANNELS: Final = tuple(Channel)


def points_of(n: int) -> Array:
    """Middles of `n` equally likely parts of the standard normal, stretched to unit variance."""
    x = norm.ppf((np.arange(n) + 0.5) / n)
    return np.asarray(x / np.sqrt((x**2).mean()))


GAIN_POINTS: Final = np.exp(GAIN_SPREAD * points_of(GAINS))


@dataclass(frozen=True)
class Sensor:
    """What is constant of the level cues of a channel (or of its answer cue).

    Attributes:
        k: place of the channel.
        cues: places of the cues in `EFFECTS`, (n,).
        tau_s: time constant of their windows.
        shift: mean shift in A/H, in the person's scales, (n,).
        alike: correlation of noise and of locations, (n, n).
        centre: location in the population, in units of the cue, (n,).
        unit: what one is, in units of the cue, (n,).
        between: variance of locations over people, in units squared.
        within: usual scale of a person, in units.
        looks: rows that the usual scale counts for.
    """

    k: int
    cues: Integers
    tau_s: float
    shift: Array
    alike: Array
    centre: Array
    unit: Array
    between: float
    within: float
    looks: float


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of a sensor, and what scale and pace rest on.

    Attributes:
        mean: location, in units, (particles, gains, n).
        cov: its covariance, the same for all, (n, n).
        within: scale that is known beforehand, in units, (n,).
        seen_s: seconds that each cue was seen, (n,).
        last: value of the row before, (n,), NaN where absent.
        looks: pairs of a value and the one before, (n,).
        apart_s: sum of the seconds between the two, (n,).
        pairs: sums of before, now, before squared, now squared, and their product, (5, n).
        tau_s: time constant of the windows, as this person's pairs have it.
    """

    mean: Array
    cov: Array
    within: Array
    seen_s: Array
    last: Array
    looks: Array
    apart_s: Array
    pairs: Array
    tau_s: float


@dataclass(frozen=True, slots=True)
class News:
    """What is new of a sensor in a row.

    Attributes:
        cues: which cues of the sensor tell anything, (m,).
        x: what is new of them, in units, (m,).
        along: how much of it is location, (m,).
        pull: how much of it A/H adds at gain 1, (m,).
        precision: of the noise and of what is not known of the location, (m, m).
        by: what the location moves by, (n, m).
        level: the sensor with everything but the location moved on.
    """

    cues: Integers
    x: Array
    along: Array
    pull: Array
    precision: Array
    by: Array
    level: Level


@dataclass(frozen=True, slots=True)
class Learn:
    """How a sensor moves on, given the state of each story and which story it goes on from."""

    news: News

    def __call__(self, state: Integers, at: Integers) -> Level:
        """The sensor after the row; state and place of the story before, (particles,)."""
        news = self.news
        mean = news.level.mean[at]
        if not news.cues.size:
            return replace(news.level, mean=mean)
        pulled = (state[:, None] * GAIN_POINTS)[..., None] * news.pull
        r = news.x - news.along * mean[..., news.cues] - pulled
        return replace(news.level, mean=mean + r @ news.by.T)


def news_of(sensor: Sensor, level: Level, x: Array, dt: float) -> News:
    """What a row says of a sensor's cues; `x` (n,) in units, NaN where absent.

    Where the value before is known it is an autoregression's next; else, after a gap, a look at the location alone.
    """
    last = np.full_like(level.last, np.nan) if dt >= MAX_GAP_S else level.last
    seen, follows = np.isfinite(x), np.isfinite(x) & np.isfinite(last)
    which = np.flatnonzero(follows if follows.any() else seen)
    moved = replace(level, last=x, seen_s=level.seen_s + dt * seen)
    if not which.size:
        none = np.zeros(0)
        return News(which, none, none, none, np.zeros((0, 0)), np.zeros((len(x), 0)), moved)
    own, pull = scale_of(sensor, level), np.zeros(len(which))
    if follows.any():
        keep = exp(-dt / level.tau_s)
        spread = sqrt(1.0 - keep**2)
        x = np.where(level.looks > 10, _near(x, keep * last, spread * own, level, keep), x)
        moved = _paired(sensor, replace(moved, last=x), last, x, follows, dt)
        own = scale_of(sensor, moved)
        along, new = np.full(len(which), (1.0 - keep) / spread), ((x - keep * last) / spread)[which]
        pull = along * sensor.shift[which] / seen_of(level.tau_s) * own[which]
    else:
        along, new = np.ones(len(which)), x[which]
    noise = own[which][:, None] * own[which] * sensor.alike[np.ix_(which, which)]
    reach = level.cov[:, which] * along
    precision = np.linalg.inv(noise + along[:, None] * level.cov[np.ix_(which, which)] * along)
    by = reach @ precision
    return News(which, new, along, pull, precision, by, replace(moved, cov=level.cov - by @ reach.T))


def _near(x: Array, expected: Array, spread: Array, level: Level, keep: float) -> Array:
    """Values no further from what follows from the row before than `FAR` standard deviations."""
    middle = expected + (level.pairs[1] - keep * level.pairs[0]) / np.maximum(level.looks, 1.0)
    return np.clip(x, middle - FAR * spread, middle + FAR * spread)


def _paired(sensor: Sensor, level: Level, before: Array, now: Array, which: NDArray[np.bool_], dt: float) -> Level:
    """With one more pair of each of these cues; now and then the pace is looked at anew."""
    a, b = np.where(which, before, 0.0), np.where(which, now, 0.0)
    level = replace(
        level,
        looks=level.looks + which,
        apart_s=level.apart_s + dt * which,
        pairs=level.pairs + np.stack([a, b, a * a, b * b, a * b]),
    )
    return level if int(level.looks.max()) % PACE_ROWS else replace(level, tau_s=_tau_of(sensor, level))


def _tau_of(sensor: Sensor, level: Level) -> float:
    """Time constant by the autocorrelation of what was seen, shrunk toward the population's, a quarter octave fine.

    The estimate of an autocorrelation k from n pairs is too low by (1 + 3 k) / n (Kendall 1954).
    """
    enough = level.looks > PACE_ROWS
    before, now, before2, _, both = level.pairs[:, enough]
    n = level.looks[enough]
    keep = (both - before * now / n) / np.maximum(before2 - before**2 / n, 1e-12)
    keep = np.clip(keep + (1.0 + 3.0 * keep) / n, 0.05, 0.995)
    if not n.size:
        return level.tau_s
    dt = level.apart_s[enough] / n
    slower = float(np.log2(-dt / np.log(keep) / sensor.tau_s).mean())
    seen = float(level.apart_s.max()) / (2.0 * sensor.tau_s)
    slower = min(max(slower * seen / (seen + PACE_LOOKS), -PACE_OCTAVES), PACE_OCTAVES)
    return float(sensor.tau_s * 2.0 ** (round(4.0 * slower) / 4.0))


def scale_of(sensor: Sensor, level: Level) -> Array:
    """A person's own scale of each cue, in units, (n,): the spread of what is new in a row, and the usual one."""
    n = np.maximum(level.looks, 1.0)
    keep = np.exp(-level.apart_s / n / level.tau_s)
    before, now, before2, now2, both = level.pairs
    new2 = now2 - 2.0 * keep * both + keep**2 * before2 - (now - keep * before) ** 2 / n
    spread = np.maximum(new2, 0.0) / np.maximum(1.0 - keep**2, 1e-9)
    more = np.maximum(level.looks - 1.0, 0.0)
    return np.asarray(np.sqrt((sensor.looks * level.within**2 + spread) / (sensor.looks + more)))


def level_of(sensor: Sensor, personal: Personal, n: int) -> Level:
    """A sensor at the beginning: as in people, or as what is known beforehand says."""
    k = len(sensor.cues)
    mean, left = np.zeros(k), np.ones(k)
    within, seen_s = np.full(k, sensor.within), np.zeros(k)
    for j, i in enumerate(sensor.cues.tolist()):
        if (usual := personal.usual.get(EFFECTS[i].cue)) is not None:
            mean[j] = (usual.location - sensor.centre[j]) / sensor.unit[j]
            left[j] = REFERENCE_WEIGHT_S / (REFERENCE_WEIGHT_S + usual.seconds)
            within[j], seen_s[j] = usual.scale / sensor.unit[j], usual.seconds
        elif EFFECTS[i].kind is Kind.EVIDENCE and (own := personal.offset.get(CHANNELS[sensor.k])):
            mean[j], left[j] = -own / sensor.unit[j], STILL_OPEN["tilt"]
    cov = sensor.between * sensor.alike * np.sqrt(left[:, None] * left)
    zeros = np.zeros(k)
    return Level(
        np.broadcast_to(mean, (n, GAINS, k)),
        cov,
        within,
        seen_s,
        np.full(k, np.nan),
        zeros,
        zeros,
        np.zeros((5, k)),
        sensor.tau_s,
    )


def sensors_of(model: RowFilter) -> tuple[Sensor, ...]:
    """The sensors of the channels that have any, as the population has them."""
    found = []
    for c in TAU_S:
        k, kind = CHANNELS.index(c), Kind.EVIDENCE if c is Channel.LANGUAGE else Kind.LEVEL
        cues = np.array([i for i, e in enumerate(EFFECTS) if e.channel is c and e.kind is kind], dtype=np.intp)
        n = len(cues)
        if kind is Kind.EVIDENCE:
            shift, d = np.array([ANSWER_SHIFT]), ANSWER_SHIFT
            alike, centre, unit = np.eye(1), np.array([-(d**2) / 2]), np.array([d])
            found.append(Sensor(k, cues, TAU_S[c], shift, alike, centre, unit, (TILT_SPREAD / d) ** 2, 1.0, CERTAIN))
            continue
        rho, between = CORRELATION[c], BETWEEN[c]
        found.append(
            Sensor(
                k,
                cues,
                TAU_S[c],
                np.array([EFFECTS[i].weight for i in cues]),
                (1.0 - rho) * np.eye(n) + rho,
                model.location[cues],
                model.scale[cues],
                between,
                sqrt(1.0 - between),
                0.5 / SCALE_SPREAD[c] ** 2,
            )
        )
    return tuple(found)
