"""Expectation-maximisation: a person's unlabelled rows flow in; the evidence filter's free parameters flow out.

E step: the filter's own two-state model gives the share of A/H in what was seen (Baum et al. 1970; Rabiner 1989), past
only. M step: location and scale of each level cue are those of the person *outside* of A/H, so the share of A/H times
the cue's shift is taken off the mean; an offset takes off what a channel's counts say more than the population's would;
a gain is the slope of a channel on what the *other* channels say (a channel must not confirm itself, Blum and Mitchell
1998); prevalence is the posterior mean on a grid, each point with its own filter and likelihood, because maximising
it step by step hardly moves where evidence is weak. All are maximum a posteriori: the prior is the population, with
the weights below in seconds.

Online, the sufficient statistics are sums that fade (Cappé and Moulines 2009); in batch, the same steps run over all
rows again and again without fading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.rows import CHANNEL_OF, IN_CHANNEL, LEVEL, RowFilter, latest
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Kind, shrinkage
from ahdetect.models.evidence import (
    REFERENCE_WEIGHT_S,
    EvidenceSettings,
    logit,
)
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import (
    GAIN_BOUNDS,
    OFFSET_BOUNDS,
    PREVALENCE_BOUNDS,
    SCALE_BOUNDS,
    Personal,
    Usual,
)
from ahdetect.models.reference import Reference

HALF_LIFE_S: Final = 1200.0
"""Seconds in which what was seen fades to half of its weight: slow against an answer, fast against a day; assumed."""

OFFSET_WEIGHT_S: Final = 120.0
"""Seconds of speech that weigh as much as the prior of no offset; assumed, six answers of the median length."""

GAIN_WEIGHT: Final = 300.0
"""Squared probability of the other channels, times seconds, that weighs as much as the prior of a gain of 1: with less,
noise would move a gain by more than people differ (.3, assumed)."""

ODDS_SPREAD: Final = 0.79
"""Prior standard deviation of a person's log-odds of A/H; from BAH's answers, see `models.simulate.ODDS_SPREAD`."""

GRID: Final = 9
"""Values of the prevalence that are weighed against each other, evenly spaced in log-odds within the bounds."""

TRUST: Final = 0.2
"""What a nat of evidence about the prevalence counts: the filter takes its cues for independent from row to row, so its
likelihood is too sure of itself. Assumed."""

STEP: Final = 0.5
"""Furthest that a location moves in one step, in the cue's scale; a scale moves by at most e^.5 at once. What remains
comes with the next steps."""

LEAST_S: Final = 20.0
"""Seconds with any cue before the first step; assumed, an answer."""

FAR: Final = 6.0
"""A value further than this from the population's location, in its scale, counts as this far."""

ANSWER_MEAN: Final = (-0.125, 0.25)
"""Mean nats of the answer cue outside of A/H, and how much more inside: a calibrated ratio with a shift of .5."""


_SHIFT: Final = np.array([e.weight for e in EFFECTS])


def _expected() -> tuple[Array, Array]:
    """Nats that the counts of each channel give a person of the population outside of A/H, and how many more inside."""
    plain, more = np.zeros(len(Channel)), np.zeros(len(Channel))
    for e, k in zip(EFFECTS, CHANNEL_OF, strict=True):
        if e.kind is Kind.EVIDENCE:
            plain[k] += ANSWER_MEAN[0]
            more[k] += ANSWER_MEAN[1]
        elif e.kind is Kind.COUNT and e.offset:
            rate = e.offset / np.expm1(e.weight)
            plain[k] += shrinkage(e.channel) * (e.weight * rate - e.offset)
            more[k] += shrinkage(e.channel) * e.weight * e.offset
    return plain, more


_PLAIN, _MORE = _expected()
_CONTRAST: Final = np.maximum(
    _MORE + np.array([e.weight**2 * shrinkage(e.channel) for e in EFFECTS]) * LEVEL @ IN_CHANNEL, 1e-3
)
"""Nats per channel between the mean inside of A/H and outside, in the population."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Fading sums over what was seen; of level cues (cues,), of channels (channels,). Never changed in place."""

    seconds: float
    cue_s: Array
    cue_x: Array
    cue_xx: Array
    cue_ah: Array
    channel_s: Array
    channel_llr: Array
    channel_ah: Array
    slope: Array
    power: Array
    grid: Array

    def faded(self, keep: float) -> _Sums:
        return _Sums(*[getattr(self, name) * keep for name in self.__dataclass_fields__])

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*[getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__])


def _nothing() -> _Sums:
    n, c = len(EFFECTS), len(Channel)
    z, of = np.zeros(n), np.zeros(c)
    return _Sums(0.0, z, z, z, z, of, of, of, of, of, np.zeros(GRID))


@dataclass(frozen=True, slots=True)
class _State:
    personal: Personal
    sums: _Sums
    log_odds: Array
    others: Array
    recent: tuple[Array, ...]


class EvidenceEM:
    """Adapts the evidence filter's free parameters; obeys `Adapter`.

    Args:
        settings: of the filter that is adapted.
        personal: where to begin, for instance what a calibration found; its seconds weigh beside the population.
        references: location and scale of level cues in the population; default is the shipped table.
        half_life_s: see `HALF_LIFE_S`.
    """

    name = "em"

    def __init__(
        self,
        settings: EvidenceSettings | None = None,
        personal: Personal | None = None,
        references: Mapping[str, Reference] | None = None,
        *,
        half_life_s: float = HALF_LIFE_S,
    ) -> None:
        self._model = RowFilter(settings, references)
        self._half_life_s = half_life_s
        self._grid = np.linspace(logit(PREVALENCE_BOUNDS[0]), logit(PREVALENCE_BOUNDS[1]), GRID)
        start = self._model.complete(personal or Personal())
        self._start = start
        self._prior_u = np.array(
            [(start.usual[e.cue].location - m) / s if e.cue in start.usual else 0.0
             for e, m, s in zip(EFFECTS, self._model.location, self._model.scale, strict=True)]
        )  # fmt: skip
        self._prior_v = np.array(
            [(start.usual[e.cue].scale / s) ** 2 if e.cue in start.usual else 1.0
             for e, s in zip(EFFECTS, self._model.scale, strict=True)]
        )  # fmt: skip
        known_s = [start.usual[e.cue].seconds if e.cue in start.usual else 0.0 for e in EFFECTS]
        self._weight_s = REFERENCE_WEIGHT_S + np.minimum(np.array(known_s), half_life_s)
        self._centre = logit(start.prevalence or self._model.settings.prevalence)
        prior = np.full(GRID, self._centre)
        self._s = _State(start, _nothing(), prior, np.full(len(Channel), self._centre), ())

    @property
    def personal(self) -> Personal:
        """What was learned so far."""
        return self._s.personal

    def observe(self, x: Array) -> Change | None:
        """Learn from rows of `row_of`, (n, WIDTH); nothing changes until `LEAST_S` of any cue was seen."""
        s = self._s
        keep = 0.5 ** (float(x[:, 0].sum()) / self._half_life_s)
        new, log_odds, others = self._expect(x, s)
        sums = s.sums.faded(keep).plus(new)
        recent = latest((*s.recent, x))
        personal = s.personal if sums.seconds < LEAST_S else self._maximise(sums, s.personal)
        self._s = _State(personal, sums, log_odds, others, recent)
        return None if personal is s.personal else self._step(s.personal, personal)

    def fit(self, x: Array, rounds: int = 5) -> Change | None:
        """Batch: expectation and maximisation over all rows, so many times; nothing fades, nothing before counts."""
        before = self._s
        for _ in range(rounds):
            fresh = replace(before, personal=self._s.personal)
            sums, log_odds, others = self._expect(x, fresh)
            if sums.seconds < LEAST_S:
                return None
            self._s = _State(self._maximise(sums, fresh.personal), sums, log_odds, others, latest((x,)))
        return self._step(before.personal, self._s.personal)

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H, from rest, past only."""
        p = self._model.filtered(x, (self._s.personal,))[:, 0]
        return np.stack([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        """All free parameters by name, the population's where the person's are not known."""
        return self._model.figures(self._s.personal)

    def state(self) -> object:
        """Everything that `observe` changes; values that are never changed in place, so the copy is free."""
        return self._s

    def forget(self, channels: frozenset[str]) -> None:
        """Back to the beginning for these channels; see `guards.Forgetting`."""
        s, of = self._s, np.array([c.value in channels for c in Channel])
        cue = of[CHANNEL_OF]
        kept: dict[str, Any] = {
            name: np.where(cue if name.startswith("cue") else of, 0.0, getattr(s.sums, name))
            for name in s.sums.__dataclass_fields__
            if name not in ("seconds", "grid")
        }
        gone = {e.cue for e, which in zip(EFFECTS, cue, strict=True) if which}
        old, start = s.personal, self._start
        personal = Personal(
            {n: (start.usual[n] if n in gone else u) for n, u in old.usual.items()},
            _back(old.gain, start.gain, channels),
            _back(old.offset, start.offset, channels),
            old.prevalence,
        )
        self._s = replace(s, personal=personal, sums=replace(s.sums, **kept))

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, _State)
        self._s = state

    # -- expectation

    def _expect(self, x: Array, s: _State) -> tuple[_Sums, Array, Array]:
        seconds = x[:, 0]
        llr, there, counts = self._model.llr(x, s.personal)
        per_row = llr * (seconds / FADE_S)[:, None]
        total = per_row.sum(axis=1)
        walked, evidence, last = self._model.walk(
            s.log_odds, self._model.prevalences(x, self._grid), np.repeat(total[:, None], GRID, axis=1), seconds
        )
        evidence = evidence * TRUST
        weight = self._posterior(s.sums.grid + evidence)
        ah = (1.0 / (1.0 + np.exp(-walked))) @ weight
        own = self._model.prevalences(x, np.array([self._model.log_odds(s.personal)]))
        others, _, last_others = self._model.walk(
            s.others, np.repeat(own, len(Channel), axis=1), total[:, None] - per_row, seconds
        )
        said = 1.0 / (1.0 + np.exp(-others)) - own
        u = np.clip((x[:, 2:] - self._model.location) / self._model.scale, -FAR, FAR)
        w = np.where(np.isnan(u), 0.0, seconds[:, None])
        u = np.nan_to_num(u)
        v = there * seconds[:, None]
        any_s = float(seconds[there.any(axis=1)].sum())
        gain, offset = self._model.parameters(s.personal)[2:]
        raw = np.where(there, (llr - offset) / gain, 0.0)
        excess = np.where(there, raw - raw.sum(axis=0) / np.maximum(there.sum(axis=0), 1), 0.0)
        sums = _Sums(
            any_s, w.sum(0), (w * u).sum(0), (w * u * u).sum(0), (w * ah[:, None]).sum(0),
            v.sum(0), (v * counts).sum(0), (v * ah[:, None]).sum(0),
            (v * said * excess).sum(0), (v * said * said).sum(0), evidence,
        )  # fmt: skip
        return sums, last, last_others

    def _posterior(self, evidence: Array) -> Array:
        """Weights of the grid of prevalences, (GRID,)."""
        score = evidence - 0.5 * ((self._grid - self._centre) / ODDS_SPREAD) ** 2
        weight = np.exp(score - score.max())
        return np.asarray(weight / weight.sum())

    # -- maximisation

    def _maximise(self, t: _Sums, before: Personal) -> Personal:
        was, spread, gain, _ = self._model.parameters(before)
        n = np.maximum(t.cue_s, 1e-9)
        share, mean = t.cue_ah / n, t.cue_x / n
        shift = spread / self._model.scale * np.where(LEVEL, _SHIFT, 0.0) * gain[CHANNEL_OF]
        location = (self._weight_s * self._prior_u + n * (mean - shift * share)) / (self._weight_s + n)
        var = np.maximum(t.cue_xx / n - mean**2 - shift**2 * share * (1.0 - share), SCALE_BOUNDS[0] ** 2)
        var = (self._weight_s * self._prior_v + n * var) / (self._weight_s + n)
        scale = np.clip(np.sqrt(var), *SCALE_BOUNDS)
        usual = dict(before.usual)
        for i in np.flatnonzero(LEVEL & (t.cue_s > 1.0)):
            at = self._model.location[i] + self._model.scale[i] * location[i]
            at = np.clip(at, was[i] - STEP * spread[i], was[i] + STEP * spread[i])
            wide = np.clip(self._model.scale[i] * scale[i], spread[i] * np.exp(-STEP), spread[i] * np.exp(STEP))
            usual[EFFECTS[i].cue] = Usual(float(at), float(wide), float(t.cue_s[i]))
        return Personal(usual, self._gains(t), self._offsets(t, gain), self._prevalence(t))

    def _offsets(self, t: _Sums, gain: Array) -> dict[Channel, float]:
        n = np.maximum(t.channel_s, 1e-9)
        excess = t.channel_llr / n - _PLAIN - _MORE * t.channel_ah / n
        offset = np.clip(-gain * excess * n / (n + OFFSET_WEIGHT_S), *OFFSET_BOUNDS)
        return {c: float(offset[k]) for k, c in enumerate(Channel) if _PLAIN[k] and t.channel_s[k] > 1.0}

    def _gains(self, t: _Sums) -> dict[Channel, float]:
        found = np.clip((GAIN_WEIGHT + t.slope / _CONTRAST) / (GAIN_WEIGHT + t.power), *GAIN_BOUNDS)
        return {c: float(found[k]) for k, c in enumerate(Channel) if t.power[k] > 0}

    def _prevalence(self, t: _Sums) -> float:
        values = 1.0 / (1.0 + np.exp(-self._grid))
        return float(np.clip(self._posterior(t.grid) @ values, *PREVALENCE_BOUNDS))

    def _step(self, before: Personal, after: Personal) -> Change:
        x = np.concatenate(self._s.recent)
        return self._model.change(self.name, self._s.sums.seconds, before, after, x)


def _back(
    now: Mapping[Channel, float], start: Mapping[Channel, float], channels: frozenset[str]
) -> dict[Channel, float]:
    return {
        **{c: v for c, v in now.items() if c.value not in channels},
        **{c: v for c, v in start.items() if c.value in channels},
    }
