"""Particles: one person's unlabelled rows flow in; where in the population this person stands flows out.

What is usual in somebody, how strongly each channel shows A/H in them, how often they are in A/H: each can be told only
where the others are known, and the state itself, too. So all are inferred together, from the past only, by Bayes' rule.
What is assumed is `models.population`: how people differ, and how cues and A/H go on from one moment to the next.

A Rao-Blackwellised particle filter (Doucet, de Freitas, Murphy and Russell 2000): each of `PARTICLES` is one story of
when the person was in A/H, and given a story the rest is known in closed form:

* location of level cues: normal, by a Kalman filter on what is new in each row (`calibration.sensors`). A cue that
  moves slowly tells little per second, and counts for so much.
* gain of a channel: weights on `GAINS` points. Location depends on it, so each point has its own.
* rate of events of count cues: gamma, its exposure longer in A/H.
* log-odds of A/H of the person: weights on `ODDS` points, by the onsets of the story and how long it was at rest.

Stories that the rows make unlikely are dropped for the ways in which others may go on (resampling as in Fearnhead and
Clifford 2003; Carvalho, Johannes, Lopes and Polson 2010 for learning what does not change in this way). The same rows
give the same answer, and a state can be put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, log
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from ahdetect.calibration.adapt import Array
from ahdetect.calibration.rows import CHANNEL_OF, KINDS, RowFilter
from ahdetect.calibration.sensors import (
    CHANNELS,
    GAIN_POINTS,
    GAINS,
    STILL_OPEN,
    Integers,
    Learn,
    Level,
    level_of,
    news_of,
    points_of,
    scale_of,
    sensors_of,
)
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import REFERENCE_WEIGHT_S, logit
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal
from ahdetect.models.population import (
    ANSWER_MEDIAN_S,
    ANSWER_SPREAD,
    GAIN_SPREAD,
    HABIT_SPREAD,
    ODDS_SPREAD,
    PHASES,
    TALK_SPREAD,
    UNCUT_S,
    centre_of,
    onset_rate,
    plain_rate,
)

PARTICLES: Final = 400
"""Stories. Of 150, 300 and 600 the more were the better on 24 simulated people (average precision .581, .584, .586)."""

ODDS: Final = 15
"""Points at which the log-odds of a person are weighed."""

NOTHING: Final = 1e-12
"""A story of less weight is left out."""

MOST_EVENTS: Final = 3.0
"""A marker said more often than this within a row counts as this often; assumed."""

ANSWER_S: Final = ANSWER_MEDIAN_S * exp(ANSWER_SPREAD**2 / 2)
"""Mean length of an answer, s."""

_COUNTS: Final = np.flatnonzero([e.kind is Kind.COUNT for e in EFFECTS])
_COUNT_CHANNEL: Final = CHANNEL_OF[_COUNTS]
_COUNT_WEIGHT: Final = np.array([EFFECTS[i].weight for i in _COUNTS])
_STATES: Final = np.minimum(np.arange(PHASES + 1), 1)
"""Whether a phase is in A/H."""


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
    levels: tuple[Level, ...]
    shape: Array
    exposure: Array
    faded: Array
    kind: Integers
    known: bool
    rows: int


_Step = tuple[Integers, Integers, Array, Array]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person, means over everything that is still possible.

    Attributes:
        location: per level cue (place in `EFFECTS`), in its unit.
        scale: likewise.
        seconds: likewise: the population counts as `REFERENCE_WEIGHT_S`, this person's data as so many, not more than
            there were.
        gain: per channel, (channels,).
        rate: per count cue its events per second outside of A/H.
        tilt: nats that the answer cue always has too much.
        prevalence: share of time in A/H.
        tau_s: per channel the time constant of its windows, as they go on in this person.
    """

    location: Mapping[int, float]
    scale: Mapping[int, float]
    seconds: Mapping[int, float]
    gain: Array
    rate: Mapping[str, float]
    tilt: float
    prevalence: float
    tau_s: Mapping[Channel, float]


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
        self._sensors = sensors_of(model)
        self._points = centre_of(self._setting) + ODDS_SPREAD * points_of(ODDS)
        self._shares = np.clip(1.0 / (1.0 + np.exp(-self._points)), *PREVALENCE_BOUNDS)
        self._onsets = np.array([[onset_rate(k, float(x), self._setting) for x in self._shares] for k in KINDS])
        self._log_boost = _COUNT_WEIGHT[:, None] * GAIN_POINTS
        self._boost = np.exp(self._log_boost)
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
        at, phase, weight, odds = self._begun(like) if begins else self._moved(like, dt)
        state = _STATES[phase]
        gain = s.gain[at] + told[at, state]
        self._s = _Cloud(
            weight,
            phase,
            odds,
            gain - gain.max(axis=2, keepdims=True),
            tuple(f(state, at) for f in learn),
            s.shape + events,
            s.exposure[at] + dt * there[None, :, None] * np.where(state[:, None, None], self._boost, 1.0),
            faded,
            s.kind[at],
            s.known,
            s.rows + 1,
        )
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
            own, var = scale_of(sensor, level), np.diag(level.cov)
            for j, i in enumerate(sensor.cues.tolist()):
                location[i] = float(sensor.centre[j] + sensor.unit[j] * mean[j])
                scale[i] = float(sensor.unit[j] * own[j])
                worth = REFERENCE_WEIGHT_S * (sensor.between / float(var[j]) - 1.0)
                seconds[i] = float(min(worth, level.seen_s[j]))
        rate = share @ (s.shape[:, None] / s.exposure * gains[:, _COUNT_CHANNEL]).sum(axis=2)
        return Known(
            location,
            scale,
            seconds,
            share @ (gains @ GAIN_POINTS),
            {EFFECTS[i].cue: float(r) for i, r in zip(_COUNTS, rate, strict=True)},
            tilt,
            float(share @ (_shares(s.odds) @ self._shares)),
            {CHANNELS[x.k]: level.tau_s for x, level in zip(self._sensors, s.levels, strict=True)},
        )

    def forget(self, channels: frozenset[str]) -> None:
        """What is usual in these channels is not known any more; it may be anything that people have."""
        s, fresh = self._s, self._fresh(Personal(), len(self._s.phase))
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

    def _levels_told(self, row: Array, dt: float) -> tuple[Array, list[Learn]]:
        """Log-likelihood (particles, states, channels, GAINS), and what each sensor learns given the states."""
        told = np.zeros((len(self._s.phase), 2, len(CHANNELS), GAINS))
        learn = []
        for sensor, level in zip(self._sensors, self._s.levels, strict=True):
            news = news_of(sensor, level, (row[2 + sensor.cues] - sensor.centre) / sensor.unit, dt)
            if news.cues.size:
                r = news.x - news.along * level.mean[..., news.cues]
                towards = r @ news.precision
                push = news.precision @ news.pull
                base = -0.5 * np.einsum("ngk,ngk->ng", towards, r)
                more = (r @ push) * GAIN_POINTS - 0.5 * float(news.pull @ push) * GAIN_POINTS**2
                told[:, 0, sensor.k] += base
                told[:, 1, sensor.k] += base + more
            learn.append(Learn(news))
        return told, learn

    def _counts_told(self, events: Array, there: Array, dt: float) -> Array:
        """Log-likelihood of the events of count cues, as `_levels_told`."""
        s = self._s
        rate = s.shape[:, None] / s.exposure
        base = rate * (-dt * there[:, None])
        more = base * (self._boost - 1.0) + events[:, None] * self._log_boost
        for j in np.flatnonzero(events):
            base[:, j] += events[j] * np.log(rate[:, j])
        told = np.zeros((len(self._s.phase), 2, len(CHANNELS), GAINS))
        for k in np.unique(_COUNT_CHANNEL):
            of = k == _COUNT_CHANNEL
            told[:, 0, k] = base[:, of].sum(axis=1)
            told[:, 1, k] = told[:, 0, k] + more[:, of].sum(axis=1)
        return told

    def _begun(self, like: Array) -> _Step:
        """Every story goes on at rest: an answer begins without A/H."""
        s = self._s
        self._p = 0.0
        weight = s.weight + like[:, 0]
        return np.arange(len(weight)), np.zeros_like(s.phase), weight - weight.max(), s.odds

    def _moved(self, like: Array, dt: float) -> _Step:
        """Every story goes on in both ways, in its phase and in the next; the stories that are kept of all these.

        Returns:
            Which story each goes on from, its phase, its weight (log), and the weights of its odds.
        """
        s, n = self._s, len(self._s.phase)
        onset = np.minimum(0.5, dt * self._onsets)[s.kind]
        leave = np.where(s.phase == 0, (_shares(s.odds) * onset).sum(axis=1), min(0.9, PHASES * dt / UNCUT_S))
        phase = np.concatenate([s.phase, (s.phase + 1) % (PHASES + 1)])
        state, who = _STATES[phase], np.tile(np.arange(n), 2)
        weight = s.weight[who] + np.log(np.concatenate([1.0 - leave, leave])) + like[who, state]
        share = _shares(weight)
        self._p = float(share @ state)
        kept, weight = _kept(share, self._n, np.random.default_rng((self._seed, s.rows)).random())
        at = who[kept]
        told = np.where((kept >= n)[:, None], np.log(onset[at]), np.log1p(-onset[at]))
        return at, phase[kept], weight, s.odds[at] + np.where((s.phase[at] == 0)[:, None], told, 0.0)

    def _asked(self, kind: int | None, dt: float) -> bool:
        """Take in the kind of prompt in force; whether an answer is known to begin.

        Where no kind is known, people are asked all the same: each story takes an answer to end at times, the next
        to be of any kind, and to begin without A/H.
        """
        s = self._s
        if kind is not None:
            begins = not s.known or bool((s.kind != kind).any())
            self._s = replace(s, kind=np.full_like(s.kind, kind), known=True)
            return begins
        rng = np.random.default_rng((self._seed, s.rows, 2))
        new = rng.random(len(s.kind)) < dt / ANSWER_S
        any_kind = rng.integers(len(KINDS), size=len(s.kind))
        self._s = replace(s, kind=np.where(new, any_kind, s.kind), phase=np.where(new, 0, s.phase), known=False)
        return False

    # -- the beginning

    def _fresh(self, personal: Personal, n: int = len(KINDS)) -> _Cloud:
        gain = np.zeros((n, len(CHANNELS), GAINS))
        for k, c in enumerate(CHANNELS):
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
            tuple(level_of(sensor, personal, n) for sensor in self._sensors),
            np.full(len(plain), shape),
            np.array(exposure),
            np.zeros(len(plain)),
            np.arange(n, dtype=np.intp) % len(KINDS),
            False,
            0,
        )


def _events(row: Array, dt: float, before: Array) -> tuple[Array, Array, Array]:
    """Events of the count cues since the row before, which cues are there, and their fading counts; (counts,) each."""
    x, decayed = row[2 + _COUNTS], before * exp(-dt / FADE_S)
    there = np.isfinite(x)
    new = np.clip(np.round(np.where(there, x, decayed) - decayed), 0.0, MOST_EVENTS)
    return np.where(there, new, 0.0), there.astype(np.float64), np.where(there, x, decayed)


def _kept(share: Array, n: int, draw: float) -> tuple[Integers, Array]:
    """At most `n` of the stories, and their log weights (Fearnhead and Clifford 2003).

    The likeliest are kept as they are. Of the rest some are drawn (systematically), and then weigh the same, so
    that the weights are right on average and stray as little as they can.
    """
    order = np.argsort(-share, kind="stable")
    w = share[order]
    if (whole := int((w > NOTHING).sum())) <= n:
        return order[:whole], np.log(w[:whole])
    rest = np.cumsum(w[::-1])[::-1][:n]  # weight from each place on
    equal = rest / (n - np.arange(n))
    sure = int((w[:n] < equal).argmax())
    run = np.cumsum(w[sure:])
    drawn = np.searchsorted(run, (draw + np.arange(n - sure)) * (run[-1] / (n - sure)))
    kept = np.concatenate([np.arange(sure), np.minimum(sure + drawn, len(w) - 1)])
    return order[kept], np.log(np.concatenate([w[:sure], np.full(n - sure, equal[sure])]))


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
