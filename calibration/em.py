"""Expectation-maximisation: a person's unlabelled cue rows flow in; the evidence filter's free parameters flow out.

A row is (2 + cues,): the seconds it stands for, the kind of prompt (place in `KINDS`, or NaN), the values of
`models.effects.EFFECTS` in order, NaN where absent; `row_of` makes one.

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
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.adapt import Array, Change
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.effects import EFFECTS, Kind, Ratios, shrinkage
from ahdetect.models.evidence import (
    MAX_GAP_S,
    PREVALENCE_OF_PROMPT,
    REFERENCE_WEIGHT_S,
    EvidenceSettings,
    logit,
    prevalence_for,
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
from ahdetect.models.posterior import EvidenceFrame
from ahdetect.models.reference import Reference, reference

KINDS: Final = tuple(PREVALENCE_OF_PROMPT)
"""Kinds of prompt, by their place in a row."""

WIDTH: Final = 2 + len(EFFECTS)
"""Numbers in a row."""

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

RECENT_S: Final = 60.0
"""Seconds of the latest rows on which the effect of a step is predicted."""

FAR: Final = 6.0
"""A value further than this from the population's location, in its scale, counts as this far."""

ANSWER_MEAN: Final = (-0.125, 0.25)
"""Mean nats of the answer cue outside of A/H, and how much more inside: a calibrated ratio with a shift of .5."""


def row_of(frame: EvidenceFrame, seconds: float, kind: str | None) -> Array:
    """The row of one moment, (WIDTH,)."""
    row = np.full(WIDTH, np.nan)
    row[0] = min(seconds, MAX_GAP_S)
    if kind is not None:
        row[1] = KINDS.index(kind)
    for channel, (places, columns) in _PICKS.items():
        cues = frame.cues.get(channel)
        if cues is not None and not cues.absent:
            row[places] = cues.values[columns]
    return row


CHANNEL_OF: Final = np.array([list(Channel).index(e.channel) for e in EFFECTS])
"""Place of each effect's channel in `Channel`."""

_PICKS: Final = {
    c: (2 + np.flatnonzero(k == CHANNEL_OF), np.array([INDEX[e.cue] for e in EFFECTS if e.channel is c], dtype=np.intp))
    for k, c in enumerate(Channel)
}  # fmt: skip
_LEVEL: Final = np.array([e.kind is Kind.LEVEL for e in EFFECTS])
_SHIFT: Final = np.array([e.weight for e in EFFECTS])
_IN_CHANNEL: Final = (CHANNEL_OF[:, None] == np.arange(len(Channel))).astype(float)
_NO_LEVEL: Final = np.where(_LEVEL[:, None], 0.0, _IN_CHANNEL)


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
    _MORE + np.array([e.weight**2 * shrinkage(e.channel) for e in EFFECTS]) * _LEVEL @ _IN_CHANNEL, 1e-3
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
        self.settings = settings or EvidenceSettings()
        self._half_life_s = half_life_s
        self._ratios = Ratios(EFFECTS)
        refs = [
            (references[e.cue] if references else reference(e.cue)) if e.kind is Kind.LEVEL else None for e in EFFECTS
        ]
        self._location = np.array([r.location if r else 0.0 for r in refs])
        self._scale = np.array([r.scale if r else 1.0 for r in refs])
        self._grid = np.linspace(logit(PREVALENCE_BOUNDS[0]), logit(PREVALENCE_BOUNDS[1]), GRID)
        start = self._complete(personal or Personal())
        self._prior_u = np.array(
            [(start.usual[e.cue].location - m) / s if e.cue in start.usual else 0.0
             for e, m, s in zip(EFFECTS, self._location, self._scale, strict=True)]
        )  # fmt: skip
        self._prior_v = np.array(
            [(start.usual[e.cue].scale / s) ** 2 if e.cue in start.usual else 1.0
             for e, s in zip(EFFECTS, self._scale, strict=True)]
        )  # fmt: skip
        known_s = [start.usual[e.cue].seconds if e.cue in start.usual else 0.0 for e in EFFECTS]
        self._weight_s = REFERENCE_WEIGHT_S + np.minimum(np.array(known_s), half_life_s)
        self._centre = logit(start.prevalence or self.settings.prevalence)
        prior = np.full(GRID, self._centre)
        self._s = _State(start, _nothing(), prior, np.full(len(Channel), self._centre), ())

    def _complete(self, p: Personal) -> Personal:
        """With the population's location and scale for every level cue that `p` does not name."""
        population = {
            e.cue: Usual(float(m), float(s), 0.0)
            for e, m, s in zip(EFFECTS, self._location, self._scale, strict=True)
            if e.kind is Kind.LEVEL
        }
        return replace(p, usual={**population, **p.usual})

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
        recent = _latest((*s.recent, x))
        personal = s.personal if sums.seconds < LEAST_S else self._maximise(sums, s.personal)
        self._s = _State(personal, sums, log_odds, others, recent)
        return None if personal is s.personal else self._change(s.personal, personal)

    def fit(self, x: Array, rounds: int = 5) -> Change | None:
        """Batch: expectation and maximisation over all rows, so many times; nothing fades, nothing before counts."""
        before = self._s
        for _ in range(rounds):
            fresh = replace(before, personal=self._s.personal)
            sums, log_odds, others = self._expect(x, fresh)
            if sums.seconds < LEAST_S:
                return None
            self._s = _State(self._maximise(sums, fresh.personal), sums, log_odds, others, _latest((x,)))
        return self._change(before.personal, self._s.personal)

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H, from rest, past only."""
        p = self._filtered(x, (self._s.personal,))[:, 0]
        return np.stack([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        """All free parameters by name, the population's where the person's are not known."""
        return self._figures(self._s.personal)

    def state(self) -> object:
        """Everything that `observe` changes; values that are never changed in place, so the copy is free."""
        return self._s

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, _State)
        self._s = state

    # -- expectation

    def _parameters(self, p: Personal) -> tuple[Array, Array, Array, Array]:
        """Location and scale of the cues; gain and offset of the channels."""
        mean, spread = self._location.copy(), self._scale.copy()
        for i, e in enumerate(EFFECTS):
            if (u := p.usual.get(e.cue)) is not None:
                mean[i], spread[i] = u.location, u.scale
        gain = np.array([p.gain.get(c, 1.0) for c in Channel])
        return mean, spread, gain, np.array([p.offset.get(c, 0.0) for c in Channel])

    def _llr(self, x: Array, p: Personal) -> tuple[Array, NDArray[np.bool_], Array]:
        """Nats per channel (n, channels), which are there, and raw nats of the counts before gain and offset."""
        mean, spread, gain, offset = self._parameters(p)
        raw = self._ratios(x[:, 2:], mean, spread)
        there = (~np.isnan(x[:, 2:])).astype(float) @ _IN_CHANNEL > 0
        return (raw @ _IN_CHANNEL) * gain + np.where(there, offset, 0.0), there, raw @ _NO_LEVEL

    def _prevalences(self, x: Array, log_odds: Array) -> Array:
        """Prevalence in force at each row (n, k) for each of k personal log-odds."""
        table = {
            kind: [prevalence_for(kind, self.settings.prevalence, float(v)) for v in 1.0 / (1.0 + np.exp(-log_odds))]
            for kind in (None, *KINDS)
        }
        return np.array([table[None if np.isnan(k) else KINDS[int(k)]] for k in x[:, 1]])

    def _walk(self, log_odds: Array, prevalence: Array, add: Array, seconds: Array) -> tuple[Array, Array, Array]:
        """Forward algorithm of k filters at once: log-odds (n, k), log evidence (k,), and the last log-odds.

        Args:
            log_odds: before the first row, (k,).
            prevalence: (n, k).
            add: nats of each row, (n, k).
            seconds: of each row, (n,).
        """
        found, evidence = np.empty_like(prevalence), np.zeros(prevalence.shape[1])
        rate = 1.0 / self.settings.segment_s / (1.0 - prevalence)
        stay = np.exp(-rate * seconds[:, None])
        for i in range(len(seconds)):
            p = prevalence[i] + (1.0 / (1.0 + np.exp(-log_odds)) - prevalence[i]) * stay[i]
            p = np.clip(p, 1e-12, 1.0 - 1e-12)
            evidence += np.log1p(p * np.expm1(add[i]))
            log_odds = np.log(p) - np.log1p(-p) + add[i]
            found[i] = log_odds
        return found, evidence, log_odds

    def _expect(self, x: Array, s: _State) -> tuple[_Sums, Array, Array]:
        seconds = x[:, 0]
        llr, there, counts = self._llr(x, s.personal)
        per_row = llr * (seconds / FADE_S)[:, None]
        total = per_row.sum(axis=1)
        walked, evidence, last = self._walk(
            s.log_odds, self._prevalences(x, self._grid), np.repeat(total[:, None], GRID, axis=1), seconds
        )
        evidence = evidence * TRUST
        weight = self._posterior(s.sums.grid + evidence)
        ah = (1.0 / (1.0 + np.exp(-walked))) @ weight
        own = self._prevalences(x, np.array([self._log_odds(s.personal)]))
        others, _, last_others = self._walk(
            s.others, np.repeat(own, len(Channel), axis=1), total[:, None] - per_row, seconds
        )
        said = 1.0 / (1.0 + np.exp(-others)) - own
        u = np.clip((x[:, 2:] - self._location) / self._scale, -FAR, FAR)
        w = np.where(np.isnan(u), 0.0, seconds[:, None])
        u = np.nan_to_num(u)
        v = there * seconds[:, None]
        any_s = float(seconds[there.any(axis=1)].sum())
        gain, offset = self._parameters(s.personal)[2:]
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

    def _log_odds(self, p: Personal) -> float:
        return logit(p.prevalence if p.prevalence is not None else self.settings.prevalence)

    # -- maximisation

    def _maximise(self, t: _Sums, before: Personal) -> Personal:
        was, spread, gain, _ = self._parameters(before)
        n = np.maximum(t.cue_s, 1e-9)
        share, mean = t.cue_ah / n, t.cue_x / n
        shift = spread / self._scale * np.where(_LEVEL, _SHIFT, 0.0) * gain[CHANNEL_OF]
        location = (self._weight_s * self._prior_u + n * (mean - shift * share)) / (self._weight_s + n)
        var = np.maximum(t.cue_xx / n - mean**2 - shift**2 * share * (1.0 - share), SCALE_BOUNDS[0] ** 2)
        var = (self._weight_s * self._prior_v + n * var) / (self._weight_s + n)
        scale = np.clip(np.sqrt(var), *SCALE_BOUNDS)
        usual = dict(before.usual)
        for i in np.flatnonzero(_LEVEL & (t.cue_s > 1.0)):
            at = self._location[i] + self._scale[i] * location[i]
            at = np.clip(at, was[i] - STEP * spread[i], was[i] + STEP * spread[i])
            wide = np.clip(self._scale[i] * scale[i], spread[i] * np.exp(-STEP), spread[i] * np.exp(STEP))
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

    # -- the log

    def _filtered(self, x: Array, people: tuple[Personal, ...]) -> Array:
        """Probabilities of A/H (n, people) from rest."""
        start = np.array([self._log_odds(p) for p in people])
        add = np.stack([self._llr(x, p)[0].sum(axis=1) * x[:, 0] / FADE_S for p in people], axis=1)
        walked, _, _ = self._walk(start, self._prevalences(x, start), add, x[:, 0])
        return np.asarray(1.0 / (1.0 + np.exp(-walked)))

    def _figures(self, p: Personal) -> dict[str, float]:
        ones, zeros = dict.fromkeys(Channel, 1.0), dict.fromkeys(Channel, 0.0)
        prevalence = p.prevalence if p.prevalence is not None else self.settings.prevalence
        return Personal(p.usual, {**ones, **p.gain}, {**zeros, **p.offset}, prevalence).figures()

    def _change(self, before: Personal, after: Personal) -> Change:
        old, new = self._figures(before), self._figures(after)
        touched = [name for name in new if new[name] != old[name]]
        x = np.concatenate(self._s.recent)
        p = self._filtered(x, (before, after))
        effect = {
            "mean_p_before": float(p[:, 0].mean()),
            "mean_p_after": float(p[:, 1].mean()),
            "changed": float(((p[:, 0] >= 0.5) != (p[:, 1] >= 0.5)).mean()),
        }
        return Change(
            self.name, self._s.sums.seconds, "s",
            {n: old[n] for n in touched}, {n: new[n] for n in touched}, effect,
        )  # fmt: skip


def _latest(chunks: tuple[Array, ...]) -> tuple[Array, ...]:
    """The chunks of the last `RECENT_S`."""
    seconds, kept = 0.0, 0
    for x in reversed(chunks):
        if seconds >= RECENT_S:
            break
        seconds, kept = seconds + float(x[:, 0].sum()), kept + 1
    return chunks[len(chunks) - kept :]
