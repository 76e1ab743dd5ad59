"""Particles: one person's unlabelled rows flow in; where in the population this person stands flows out.

What is usual in somebody, how strongly each channel shows A/H in them, how often they are in A/H: each can be told only
where the others are known, and the state itself, too. So all are inferred together, from the past only, by Bayes' rule.
What is assumed is `models.population`: how people differ, and how cues and A/H go on from one moment to the next.

A Rao-Blackwellised particle filter (Doucet, de Freitas, Murphy and Russell 2000): each of `PARTICLES` is one story of
when the person was in A/H, and given a story the rest is known in closed form:

* location of level cues: normal, by a Kalman filter on what is new in each row. A window is an autoregression, x' = k x
  + noise, pulled to one side in A/H; a cue that moves slowly therefore tells little per second, and counts for so much.
* gain of a channel: weights on `GAINS` points. Location depends on it, so each point has its own.
* rate of events of count cues: gamma, its exposure longer in A/H.
* log-odds of A/H of the person: weights on `ODDS` points, by the onsets of the story and how long it was at rest.

Stories that the rows make unlikely are dropped for copies of others (systematic resampling; Carvalho, Johannes, Lopes
and Polson 2010 for learning what does not change in this way). The scale of a cue is taken from the spread of what is
new, for all stories alike. A row a second or five: the same rows give the same answer, and a state can be put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import norm

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.rows import CHANNEL_OF, KINDS, RowFilter
from ahdetect.models.cues import Channel
from ahdetect.models.effects import CORRELATION, EFFECTS, Kind
from ahdetect.models.evidence import MAX_GAP_S, REFERENCE_WEIGHT_S, logit
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal
from ahdetect.models.population import (
    ANSWER_MEDIAN_S,
    ANSWER_SHIFT,
    ANSWER_SPREAD,
    BETWEEN,
    GAIN_SPREAD,
    HABIT_SPREAD,
    ODDS_SPREAD,
    PHASES,
    SCALE_SPREAD,
    TALK_SPREAD,
    TAU_S,
    TILT_SPREAD,
    UNCUT_S,
    centre_of,
    onset_rate,
    plain_rate,
    seen_of,
)

Integers = NDArray[np.intp]

PARTICLES: Final = 200
GAINS: Final = 5
ODDS: Final = 15
"""Stories, and points of the two weighted tables: more made no difference to simulated people (docs/adaptation.md)."""

FAR: Final = 5.0
"""What is new in a row counts as this many standard deviations at most: tracking errors have heavy tails; assumed."""

MOST_EVENTS: Final = 3.0
"""A marker said more often than this within a row counts as this often; assumed."""

CERTAIN: Final = 1e9
"""Looks behind a scale that is no person's own: the answer cue is in nats."""

ANSWER_S: Final = ANSWER_MEDIAN_S * exp(ANSWER_SPREAD**2 / 2)
"""Mean length of an answer, s."""

STILL_OPEN: Final[dict[str, float]] = {"odds": 0.4, "gain": 0.7, "tilt": 0.2}
"""Share of the variance over people that is left after an earlier session: simulated people, ten minutes each."""

_CHANNELS: Final = tuple(Channel)
_SENSED: Final = (Channel.FACE, Channel.BODY, Channel.VOICE, Channel.LANGUAGE)
_COUNTS: Final = np.flatnonzero([e.kind is Kind.COUNT for e in EFFECTS])
_COUNT_CHANNEL: Final = CHANNEL_OF[_COUNTS]
_COUNT_WEIGHT: Final = np.array([EFFECTS[i].weight for i in _COUNTS])
_STATES: Final = np.minimum(np.arange(PHASES + 1), 1)
"""Whether a phase is in A/H."""


def _points(n: int) -> Array:
    """Middles of `n` equally likely parts of the standard normal, stretched to unit variance."""
    x = norm.ppf((np.arange(n) + 0.5) / n)
    return np.asarray(x / np.sqrt((x**2).mean()))


GAIN_POINTS: Final = np.exp(GAIN_SPREAD * _points(GAINS))


@dataclass(frozen=True)
class _Sensor:
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
class _Level:
    """What is known of a sensor: locations (particles, gains, n), their covariance (n, n), and what scale rests on."""

    mean: Array
    cov: Array
    last: Array
    looks: Array
    total: Array
    square: Array
    within: Array
    prior_looks: Array


@dataclass(frozen=True, slots=True)
class _Cloud:
    """The state; no array of it is ever changed in place.

    Attributes:
        weight: log, (particles,).
        phase: 0 at rest, 1 to `PHASES` in A/H, (particles,).
        odds: log weights, (particles, ODDS).
        gain: log weights, (particles, channels, GAINS).
        levels: per sensor.
        shape: of the gamma rates, (counts,).
        exposure: likewise, s, (particles, counts, GAINS).
        faded: fading counts of the row before, (counts,).
        kind: of the prompt that each story takes to be in force, place in `KINDS`, (particles,).
        known: whether that was told.
        rows: taken so far.
    """

    weight: Array
    phase: Integers
    odds: Array
    gain: Array
    levels: tuple[_Level, ...]
    shape: Array
    exposure: Array
    faded: Array
    kind: Integers
    known: bool
    rows: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person, means over everything that is still possible.

    Attributes:
        location: per level cue (place in `EFFECTS`), in its unit.
        scale: likewise.
        seconds: likewise: the population counts as `REFERENCE_WEIGHT_S`, this person's data as so many.
        gain: per channel, (channels,).
        rate: per count cue its events per second outside of A/H.
        tilt: nats that the answer cue always has too much.
        prevalence: share of time in A/H.
        p: probability of A/H at the newest row.
    """

    location: Mapping[int, float]
    scale: Mapping[int, float]
    seconds: Mapping[int, float]
    gain: Array
    rate: Mapping[str, float]
    tilt: float
    prevalence: float
    p: float


class Particles:
    """What is known of one person, row by row.

    Args:
        model: the filter whose population is meant.
        personal: what is known beforehand, from a calibration or an earlier session.
        n: stories.
        seed: of the draws.
    """

    def __init__(self, model: RowFilter, personal: Personal | None = None, n: int = PARTICLES, seed: int = 0) -> None:
        self._setting = model.settings.prevalence
        self._sensors = _sensors(model)
        self._points = centre_of(self._setting) + ODDS_SPREAD * _points(ODDS)
        self._shares = np.clip(1.0 / (1.0 + np.exp(-self._points)), *PREVALENCE_BOUNDS)
        self._onsets = np.array([[onset_rate(k, float(x), self._setting) for x in self._shares] for k in KINDS])
        self._boost = np.exp(_COUNT_WEIGHT[:, None] * GAIN_POINTS)
        self._n, self._seed = n, seed
        self._s = self._fresh(personal or Personal())
        self._p = self._setting

    def take(self, row: Array) -> float:
        """Take in the next row of `rows.row_of`, (WIDTH,); the probability of A/H at it, from it and the past."""
        dt = max(float(row[0]), 1e-3)
        begins = self._asked(None if np.isnan(row[1]) else int(row[1]), dt)
        s = self._s
        told, learn = self._levels_told(row, dt)
        events, there, faded = _events(row, dt, s.faded)
        told = told + self._counts_told(events, there, dt)
        whole = _log_sum(s.gain[:, None] + told) - _log_sum(s.gain)[:, None]
        like = whole.sum(axis=2)  # (particles, states)
        moved, phase, odds, gained = self._moved(like, dt, begins)
        weight = s.weight + gained
        weight = weight - weight.max()
        share = np.exp(weight)
        share /= share.sum()
        self._p = float(share @ moved)
        state = _STATES[phase]
        gain = s.gain + np.take_along_axis(told, state[:, None, None, None], axis=1)[:, 0]
        gain = gain - gain.max(axis=2, keepdims=True)
        after = _Cloud(
            weight,
            phase,
            odds,
            gain,
            tuple(f(state) for f in learn),
            s.shape + events,
            s.exposure + dt * there[None, :, None] * np.where(state[:, None, None], self._boost, 1.0),
            faded,
            s.kind,
            s.known,
            s.rows + 1,
        )
        self._s = after if 1.0 / (share @ share) >= self._n / 2 else self._resampled(after, share)
        return self._p

    def known(self) -> Known:
        """What is known now."""
        s = self._s
        share, gains = _shares(s.weight), _shares(s.gain)
        location, scale, seconds, tilt = {}, {}, {}, 0.0
        for sensor, level in zip(self._sensors, s.levels, strict=True):
            mean = share @ (gains[:, sensor.k, :, None] * level.mean).sum(axis=1)
            if EFFECTS[sensor.cues[0]].kind is Kind.EVIDENCE:
                tilt = float(mean[0] * sensor.unit[0])
                continue
            own, var = _scale(level), np.diag(level.cov)
            for j, i in enumerate(sensor.cues.tolist()):
                location[i] = float(sensor.centre[j] + sensor.unit[j] * mean[j])
                scale[i] = float(sensor.unit[j] * own[j])
                seconds[i] = REFERENCE_WEIGHT_S * max(0.0, sensor.between / float(var[j]) - 1.0 - 1e-9)
        rate = share @ (s.shape[:, None] / s.exposure * gains[:, _COUNT_CHANNEL]).sum(axis=2)
        return Known(
            location,
            scale,
            seconds,
            share @ (gains @ GAIN_POINTS),
            {EFFECTS[i].cue: float(r) for i, r in zip(_COUNTS, rate, strict=True)},
            tilt,
            float(share @ (_shares(s.odds) @ self._shares)),
            self._p,
        )

    def forget(self, channels: frozenset[str]) -> None:
        """What is usual in these channels is not known any more; it may be anything that people have."""
        s, fresh = self._s, self._fresh(Personal())
        gone = np.array([c.value in channels for c in Channel])
        levels = tuple(f if gone[x.k] else old for x, old, f in zip(self._sensors, s.levels, fresh.levels, strict=True))
        of = gone[_COUNT_CHANNEL]
        self._s = replace(
            s,
            levels=levels,
            gain=np.where(gone[:, None], fresh.gain, s.gain),
            shape=np.where(of, fresh.shape, s.shape),
            exposure=np.where(of[:, None], fresh.exposure, s.exposure),
        )

    def state(self) -> object:
        """Everything that `take` and `forget` change; no part is ever changed in place."""
        return self._s, self._p

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`, bit by bit."""
        assert isinstance(state, tuple)
        self._s, self._p = state

    # -- one row

    def _levels_told(self, row: Array, dt: float) -> tuple[Array, list[_Learn]]:
        """Log-likelihood (particles, states, channels, GAINS), and what each sensor learns given the states."""
        told = np.zeros((self._n, 2, len(_CHANNELS), GAINS))
        learn = []
        for sensor, level in zip(self._sensors, self._s.levels, strict=True):
            news = _news(sensor, level, (row[2 + sensor.cues] - sensor.centre) / sensor.unit, dt)
            if news.cues.size:
                r = news.x - news.along * level.mean[..., news.cues]
                towards = r @ news.precision
                push = news.precision @ news.pull
                base = -0.5 * np.einsum("ngk,ngk->ng", towards, r)
                more = (r @ push) * GAIN_POINTS - 0.5 * float(news.pull @ push) * GAIN_POINTS**2
                told[:, 0, sensor.k] += base
                told[:, 1, sensor.k] += base + more
            learn.append(_Learn(news))
        return told, learn

    def _counts_told(self, events: Array, there: Array, dt: float) -> Array:
        """Log-likelihood of the events of count cues, as `_levels_told`."""
        s = self._s
        rate = s.shape[:, None] / s.exposure
        seen = there[None, :, None] * dt
        base = np.where(events[:, None] > 0, events[:, None] * np.log(rate), 0.0) - rate * seen
        more = events[:, None] * np.log(self._boost) - rate * seen * (self._boost - 1.0)
        told = np.zeros((self._n, 2, len(_CHANNELS), GAINS))
        for k in np.unique(_COUNT_CHANNEL):
            of = k == _COUNT_CHANNEL
            told[:, 0, k] = base[:, of].sum(axis=1)
            told[:, 1, k] = told[:, 0, k] + more[:, of].sum(axis=1)
        return told

    def _moved(self, like: Array, dt: float, begins: bool) -> tuple[Array, Integers, Array, Array]:
        """Chance that each story is in A/H now, the phase drawn for it, weights of its odds, and what it gains."""
        s = self._s
        if begins:  # an answer begins without A/H
            return np.zeros(self._n), np.zeros(self._n, dtype=np.intp), s.odds, like[:, 0]
        onset = np.minimum(0.5, dt * self._onsets)[s.kind]
        leave = np.where(s.phase == 0, (_shares(s.odds) * onset).sum(axis=1), min(0.9, PHASES * dt / UNCUT_S))
        after = (s.phase + 1) % (PHASES + 1)
        here, there = _STATES[s.phase], _STATES[after]
        who, top = np.arange(self._n), like.max(axis=1)
        stays = (1.0 - leave) * np.exp(like[who, here] - top)
        goes = leave * np.exp(like[who, there] - top)
        both = stays + goes
        draws = np.random.default_rng((self._seed, s.rows)).random(self._n)
        go = draws < goes / both
        rest = (s.phase == 0)[:, None]
        told = np.where(go[:, None], np.log(onset), np.log1p(-onset))
        in_ah = (here * stays + there * goes) / both
        return in_ah, np.where(go, after, s.phase), np.where(rest, s.odds + told, s.odds), np.log(both) + top

    def _asked(self, kind: int | None, dt: float) -> bool:
        """Take in the kind of prompt in force; whether an answer is known to begin.

        Where no kind is known, people are asked all the same: each story takes an answer to end at times, the next
        to be of any kind, and to begin without A/H.
        """
        s = self._s
        if kind is not None:
            begins = not s.known or bool((s.kind != kind).any())
            self._s = replace(s, kind=np.full(self._n, kind), known=True)
            return begins
        rng = np.random.default_rng((self._seed, s.rows, 2))
        new = rng.random(self._n) < dt / ANSWER_S
        any_kind = rng.integers(len(KINDS), size=self._n)
        self._s = replace(s, kind=np.where(new, any_kind, s.kind), phase=np.where(new, 0, s.phase), known=False)
        return False

    def _resampled(self, s: _Cloud, share: Array) -> _Cloud:
        start = np.random.default_rng((self._seed, s.rows, 1)).random()
        at = np.minimum(np.searchsorted(np.cumsum(share), (start + np.arange(self._n)) / self._n), self._n - 1)
        return replace(
            s,
            weight=np.zeros(self._n),
            phase=s.phase[at],
            odds=s.odds[at],
            gain=s.gain[at],
            levels=tuple(replace(level, mean=level.mean[at]) for level in s.levels),
            exposure=s.exposure[at],
            kind=s.kind[at],
        )

    # -- the beginning

    def _fresh(self, personal: Personal) -> _Cloud:
        n = self._n
        gain = np.zeros((n, len(_CHANNELS), GAINS))
        for k, c in enumerate(_CHANNELS):
            if (own := personal.gain.get(c)) is not None:
                gain[:, k] = _toward(np.log(GAIN_POINTS), log(own), GAIN_SPREAD, STILL_OPEN["gain"])
        odds = np.zeros((n, ODDS))
        if personal.prevalence is not None:
            odds[:] = _toward(self._points, logit(personal.prevalence), ODDS_SPREAD, STILL_OPEN["odds"])
        shape = _rate_shape()
        plain = np.array([plain_rate(EFFECTS[i]) for i in _COUNTS])
        exposure = np.broadcast_to((exp(digamma(shape)) / plain)[None, :, None], (n, len(plain), GAINS))
        return _Cloud(
            np.zeros(n),
            np.zeros(n, dtype=np.intp),
            odds,
            gain,
            tuple(_level(sensor, personal, n) for sensor in self._sensors),
            np.full(len(plain), shape),
            np.array(exposure),
            np.zeros(len(plain)),
            np.arange(n) % len(KINDS),
            False,
            0,
        )


@dataclass(frozen=True, slots=True)
class _News:
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
    level: _Level


@dataclass(frozen=True, slots=True)
class _Learn:
    """How a sensor moves on, given the state of each story."""

    news: _News

    def __call__(self, state: Integers) -> _Level:
        """The sensor after the row; state (particles,)."""
        news = self.news
        if not news.cues.size:
            return news.level
        mean = news.level.mean
        pulled = (state[:, None] * GAIN_POINTS)[..., None] * news.pull
        r = news.x - news.along * mean[..., news.cues] - pulled
        return replace(news.level, mean=mean + r @ news.by.T)


def _news(sensor: _Sensor, level: _Level, x: Array, dt: float) -> _News:
    """What a row says of a sensor's cues; `x` (n,) in units, NaN where absent.

    Where the value before is known it is an autoregression's next; else, after a gap, a look at the location alone.
    """
    last = np.full_like(level.last, np.nan) if dt >= MAX_GAP_S else level.last
    seen, follows = np.isfinite(x), np.isfinite(x) & np.isfinite(last)
    keep = exp(-dt / sensor.tau_s)
    spread = sqrt(1.0 - keep**2)
    which = np.flatnonzero(follows if follows.any() else seen)
    moved = replace(level, last=np.where(seen, x, last) if dt < MAX_GAP_S else x)
    if not which.size:
        none = np.zeros(0)
        return _News(which, none, none, none, np.zeros((0, 0)), np.zeros((len(x), 0)), replace(moved, last=x))
    moved = replace(moved, last=x)
    pull = np.zeros(len(which))
    if follows.any():
        own, new = _scale(level), (x - keep * last) / spread
        middle = level.total / np.maximum(level.looks, 1.0)
        new = np.where(level.looks > 10, np.clip(new, middle - FAR * own, middle + FAR * own), new)
        add = np.where(follows, new, 0.0)
        moved = replace(
            moved, looks=level.looks + follows, total=level.total + add, square=level.square + add**2
        )  # fmt: skip
        along = np.full(len(which), (1.0 - keep) / spread)
        own = _scale(moved)[which]
        pull = (1.0 - keep) / spread * sensor.shift[which] / seen_of(sensor.tau_s) * own
        new = new[which]
    else:
        along, own, new = np.ones(len(which)), _scale(level)[which], x[which]
    noise = own[:, None] * own * sensor.alike[np.ix_(which, which)]
    reach = level.cov[:, which] * along
    precision = np.linalg.inv(noise + along[:, None] * level.cov[np.ix_(which, which)] * along)
    by = reach @ precision
    return _News(which, new, along, pull, precision, by, replace(moved, cov=level.cov - by @ reach.T))


def _events(row: Array, dt: float, before: Array) -> tuple[Array, Array, Array]:
    """Events of the count cues since the row before, which cues are there, and their fading counts; (counts,) each."""
    x, decayed = row[2 + _COUNTS], before * exp(-dt / FADE_S)
    there = np.isfinite(x)
    new = np.clip(np.round(np.where(there, x, decayed) - decayed), 0.0, MOST_EVENTS)
    return np.where(there, new, 0.0), there.astype(np.float64), np.where(there, x, decayed)


def _scale(level: _Level) -> Array:
    """A person's own scale of each cue, in units, (n,): the spread of what was new, and the usual one."""
    n = level.looks
    spread = np.maximum(level.square - level.total**2 / np.maximum(n, 1.0), 0.0)
    return np.sqrt((level.prior_looks * level.within**2 + spread) / (level.prior_looks + np.maximum(n - 1.0, 0.0)))


def _level(sensor: _Sensor, personal: Personal, n: int) -> _Level:
    """A sensor at the beginning: as in people, or as what is known beforehand says."""
    k = len(sensor.cues)
    mean, left = np.zeros(k), np.ones(k)
    within, looks = np.full(k, sensor.within), np.full(k, sensor.looks)
    for j, i in enumerate(sensor.cues.tolist()):
        if (usual := personal.usual.get(EFFECTS[i].cue)) is not None:
            mean[j] = (usual.location - sensor.centre[j]) / sensor.unit[j]
            left[j] = REFERENCE_WEIGHT_S / (REFERENCE_WEIGHT_S + usual.seconds)
            within[j] = usual.scale / sensor.unit[j]
        elif EFFECTS[i].kind is Kind.EVIDENCE and (own := personal.offset.get(_CHANNELS[sensor.k])):
            mean[j], left[j] = -own / sensor.unit[j], STILL_OPEN["tilt"]
    cov = sensor.between * sensor.alike * np.sqrt(left[:, None] * left)
    none = np.full(k, np.nan)
    zeros = np.zeros(k)
    return _Level(np.broadcast_to(mean, (n, GAINS, k)), cov, none, zeros, zeros, zeros, within, looks)


def _sensors(model: RowFilter) -> tuple[_Sensor, ...]:
    found = []
    for c in _SENSED:
        k, kind = _CHANNELS.index(c), Kind.EVIDENCE if c is Channel.LANGUAGE else Kind.LEVEL
        cues = np.array([i for i, e in enumerate(EFFECTS) if e.channel is c and e.kind is kind], dtype=np.intp)
        n = len(cues)
        if kind is Kind.EVIDENCE:
            shift, d = np.array([ANSWER_SHIFT]), ANSWER_SHIFT
            alike, centre, unit = np.eye(1), np.array([-(d**2) / 2]), np.array([d])
            found.append(_Sensor(k, cues, TAU_S[c], shift, alike, centre, unit, (TILT_SPREAD / d) ** 2, 1.0, CERTAIN))
            continue
        rho, between = CORRELATION[c], BETWEEN[c]
        found.append(
            _Sensor(
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


@lru_cache(maxsize=1)
def _rate_shape() -> float:
    """Shape of the gamma distribution whose log varies over people as a rate does (talk and habit)."""
    variance = TALK_SPREAD**2 + HABIT_SPREAD**2
    return float(brentq(lambda k: float(polygamma(1, k)) - variance, 0.1, 100.0))


def _toward(points: Array, own: float, spread: float, left: float) -> Array:
    """Log weights of equally likely points of a normal of `spread`, once it is known to be about `own`."""
    middle = float(points.mean())
    return np.asarray(
        -0.5 * (points - own) ** 2 / (left * spread**2) + 0.5 * (points - middle) ** 2 / spread**2
    )  # fmt: skip


def _log_sum(x: Array) -> Array:
    """Log of the sum of exponentials over the last axis."""
    top = x.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(x - top).sum(axis=-1)) + top[..., 0])


def _shares(x: Array) -> Array:
    """Weights that sum to one over the last axis, of log weights."""
    w = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(w / w.sum(axis=-1, keepdims=True))
