"""Evidence sums: a person's unlabelled rows flow in; what each channel always says too much, and prevalence, flow out.

A channel that says more than in other people for minutes may do so for two reasons: the person talks, looks or moves
like that (a bias of the channel), or is in A/H more often. The two are told apart as well as they can be: by all
channels together, and by how far each is known to be biased in people. With channel c, block of rows k, and pi the
prevalence that the prompt has in people,

    mean nats = PLAIN[c] + bias[c] + CONTRAST[c] (pi + pi (1 - pi) eta) + noise

eta is the person's own log-odds beside the prompt's. Bias and eta are normal over people, the noise is taken for
normal, so what is known of them is: a Kalman filter (Kalman 1960) of six numbers, an empirical Bayes estimate (Robbins
1956) that is shrunk as far as what was seen allows. Nothing else moves: location and scale of single cues stay what the
calibration found. The constants are those of simulated people that no test uses (`tools/learn_sums.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.rows import IN_CHANNEL, LEVEL, RowFilter, latest
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS
from ahdetect.models.evidence import EvidenceSettings, logit, sigmoid
from ahdetect.models.personal import OFFSET_BOUNDS, PREVALENCE_BOUNDS, Personal
from ahdetect.models.reference import Reference
from ahdetect.models.simulate import ODDS_SPREAD

Gaussian = tuple[Array, Array]

LEAST_S: Final = 20.0
"""Seconds with any cue before the first step; assumed, an answer."""

DRIFT_S: Final = 7200.0
"""Seconds in which a bias may drift by as much as it varies between people; assumed, slow against a session."""

STILL_OPEN: Final = (0.75, 0.15)
"""Share of the variance of eta, and of the biases, that is left after an earlier session: simulated, ten minutes."""


@dataclass(frozen=True, slots=True)
class Tendencies:
    """How people differ in what channels say, in the order of `Channel`; nats per moment.

    Attributes:
        plain: mean outside of A/H.
        contrast: mean in A/H less that.
        noise: variance of a mean over one second, if every second were independent.
        bias: variance over people of what a channel always says more.
    """

    plain: Array
    contrast: Array
    noise: Array
    bias: Array


CALIBRATED: Final = Tendencies(
    np.array([-0.0795, -0.0105, -0.0743, -0.0772, 0.0255]),
    np.array([0.1609, 0.0160, 0.3623, 0.3923, 0.0007]),
    np.array([0.2715, 0.0497, 2.5777, 3.6637, 0.0052]),
    np.array([0.0137, 0.0017, 0.0348, 0.1066, 0.0001]),
)
POPULATION: Final = Tendencies(
    np.array([-0.0469, -0.0080, -0.0451, -0.0772, 0.0255]),
    np.array([0.1377, 0.0150, 0.3286, 0.3923, 0.0007]),
    np.array([0.2008, 0.0443, 2.1144, 3.6637, 0.0052]),
    np.array([0.0780, 0.0045, 0.0993, 0.1066, 0.0001]),
)
"""Channels whose level cues a calibration of 75 s has placed, and others: 200 simulated people, seed 9001."""


@dataclass(frozen=True, slots=True)
class _State:
    personal: Personal
    seconds: float
    mean: Array
    cov: Array
    recent: tuple[Array, ...]


class EvidenceSums:
    """Adapts offsets and prevalence of the evidence filter; obeys `Adapter`.

    Args:
        settings: of the filter that is adapted.
        personal: where to begin, for instance what a calibration found.
        references: location and scale of level cues in the population; default is the shipped table.
    """

    name = "evidence sums"

    def __init__(
        self,
        settings: EvidenceSettings | None = None,
        personal: Personal | None = None,
        references: Mapping[str, Reference] | None = None,
    ) -> None:
        self._model = RowFilter(settings, references)
        given = personal or Personal()
        calibrated = np.array([e.cue in given.usual for e in EFFECTS])
        known = ((calibrated | ~LEVEL) @ IN_CHANNEL) == IN_CHANNEL.sum(axis=0)
        self._people = _of_channels(known)
        self._start = self._model.complete(given)
        self._centre = logit(self._model.settings.prevalence)
        own = logit(given.prevalence) - self._centre if given.prevalence is not None else 0.0
        offset = np.array([given.offset.get(c, 0.0) for c in Channel])
        mean = np.concatenate([[own], -offset])
        odds = ODDS_SPREAD**2 * (STILL_OPEN[0] if given.prevalence is not None else 1.0)
        cov = np.diag([odds, *(self._people.bias * (STILL_OPEN[1] if given.offset else 1.0))])
        self._s = _State(self._start, 0.0, mean, cov, ())

    @property
    def personal(self) -> Personal:
        """What was learned so far."""
        return self._s.personal

    def observe(self, x: Array) -> Change | None:
        """Learn from rows of `row_of`, (n, WIDTH); nothing changes until `LEAST_S` of any cue was seen."""
        before = self._s.personal
        if not self.learn(x):
            return None
        s = self._s
        return self._model.change(self.name, s.seconds, before, s.personal, np.concatenate(s.recent))

    def learn(self, x: Array) -> bool:
        """`observe` without a word for the log; whether anything changed."""
        s = self._s
        drift = self._people.bias * (float(x[:, 0].sum()) / DRIFT_S)
        nats, seconds = self._block(x)
        pi = float(self._model.prevalences(x, np.array([self._centre])).mean())
        mean, cov = _told(s.mean, s.cov + np.diag([0.0, *drift]), nats, seconds, pi, self._people)
        seen = s.seconds + float(x[np.isfinite(x[:, 2:]).any(axis=1), 0].sum())
        personal = s.personal if seen < LEAST_S else self._personal(mean)
        self._s = _State(personal, seen, mean, cov, latest((*s.recent, x)))
        return personal is not s.personal

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H, from rest, past only."""
        p = self._model.filtered(x, (self._s.personal,))[:, 0]
        return np.stack([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        """All free parameters by name, the population's where the person's are not known."""
        return self._model.figures(self._s.personal)

    def forget(self, channels: frozenset[str]) -> None:
        """Back to the beginning for these channels; a bias may then be anything that people have uncalibrated."""
        s, fresh = self._s, _of_channels(np.zeros(len(Channel), dtype=np.bool_))
        mean, cov = s.mean.copy(), s.cov.copy()
        for k, c in enumerate(Channel):
            if c.value in channels:
                mean[1 + k] = -self._start.offset.get(c, 0.0)
                cov[1 + k, :] = cov[:, 1 + k] = 0.0
                cov[1 + k, 1 + k] = fresh.bias[k]
        gone = {c: self._start.offset.get(c, 0.0) for c in s.personal.offset if c.value in channels}
        personal = replace(s.personal, offset={**s.personal.offset, **gone})
        self._s = replace(s, personal=personal, mean=mean, cov=cov)

    def state(self) -> object:
        """Everything that `observe` changes; values that are never changed in place, so the copy is free."""
        return self._s

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, _State)
        self._s = state

    def _block(self, x: Array) -> Gaussian:
        """Mean nats of each channel without the person's offset, and the seconds behind them, (channels,) each."""
        nats, there, _ = self._model.llr(x, replace(self._start, offset={}))
        seconds = there * x[:, :1]
        weight = seconds.sum(axis=0)
        return (nats * seconds).sum(axis=0) / np.maximum(weight, 1e-9), weight

    def _personal(self, mean: Array) -> Personal:
        offset = np.clip(-mean[1:], *OFFSET_BOUNDS)
        prevalence = float(np.clip(sigmoid(self._centre + float(mean[0])), *PREVALENCE_BOUNDS))
        return replace(
            self._start, offset={c: float(o) for c, o in zip(Channel, offset, strict=True)}, prevalence=prevalence
        )


def _told(mean: Array, cov: Array, nats: Array, seconds: Array, pi: float, people: Tendencies) -> Gaussian:
    """What is known after a block, one channel after the other: their noise is independent."""
    for k in np.flatnonzero(seconds > 0):
        h = np.zeros(len(mean))
        h[0], h[1 + k] = people.contrast[k] * pi * (1.0 - pi), 1.0
        along = cov @ h
        gain = along / (h @ along + people.noise[k] / seconds[k])
        mean = mean + gain * (nats[k] - people.plain[k] - people.contrast[k] * pi - h @ mean)
        cov = cov - np.outer(gain, along)
    return mean, cov


def _of_channels(calibrated: NDArray[np.bool_]) -> Tendencies:
    """The table of each channel by whether all of its level cues are calibrated."""
    a, b = CALIBRATED, POPULATION
    return Tendencies(
        np.where(calibrated, a.plain, b.plain),
        np.where(calibrated, a.contrast, b.contrast),
        np.where(calibrated, a.noise, b.noise),
        np.where(calibrated, a.bias, b.bias),
    )
