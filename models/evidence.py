"""Evidence filter: joined cues of one moment flow in, a posterior over the A/H state flows out; the embedded default.

A two-state hidden Markov model. Its dwell time and prevalence are BAH's; its observations are the log-likelihood ratios
of `models.effects`, one per cue. Neighbouring frames tell nearly the same, so a row adds llr * dt / `FADE_S`: evidence
that stays for one mean A/H segment counts once. Live it runs forward (`step`); a closed recording is also smoothed
(`smooth`, forward-backward).

The explanation is exact. Between rows the filter forgets toward the prior by some ratio; every cue's share of the
log-odds is multiplied by that same ratio, so prior + contributions == logit(p) at every row. A personal offset of a
channel (`models.personal`) is a share of its own, counted with that channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, log, log1p, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.cues import CUES, INDEX, Channel, CueFrame
from ahdetect.models.effects import ABSENT_SPREAD, CLIP_Z, EFFECTS, Effect, Kind, Ratios
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal
from ahdetect.models.posterior import Band, EvidenceFrame, Posterior, Presence, TopCue
from ahdetect.models.reference import Reference, reference

SEGMENT_S: Final = 4.25
"""Mean length of an A/H segment in BAH, s; the exit rate is its inverse."""

PREVALENCE: Final = 0.18
"""Share of frames with A/H in BAH v1 (.184; v2 .170)."""

PREVALENCE_OF_PROMPT: Final[dict[str, float]] = {
    "neutral": 0.05,
    "positive": 0.16,
    "negative": 0.16,
    "ambivalent": 0.34,
    "willing": 0.13,
    "resistant": 0.14,
    "hesitant": 0.32,
}
"""Share of frames with A/H by kind of prompt, BAH v1 train."""

BAND_Z: Final = 1.2816
"""Half width of an 80 % interval in standard errors."""

ELEVATED: Final = 0.5
"""The fixed threshold of AVGF1 in the BAH papers; thresholds tuned on validation data overfit (EVIDENCE)."""

REFERENCE_WEIGHT_S: Final = 30.0
"""Seconds of the person's own data that weigh as much as the population reference in location and scale."""

MAX_GAP_S: Final = 1.0
"""A row longer than this (a pause in the stream) counts as this long."""


def logit(p: float) -> float:
    """Log-odds of a probability strictly between 0 and 1."""
    return log(p) - log1p(-p)


def sigmoid(x: float) -> float:
    """Probability of log-odds `x`."""
    return 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """What may be configured of the filter; the configuration stands in the session file.

    Attributes:
        segment_s: mean dwell time of the A/H state, s.
        prevalence: share of time in the A/H state where the kind of prompt is not known.
        personal: whether level cues are measured against the person's own running mean (True) or the population's.
    """

    segment_s: float = SEGMENT_S
    prevalence: float = PREVALENCE
    personal: bool = True


@dataclass(slots=True)
class _State:
    log_odds: float
    shares: NDArray[np.float64]
    own: NDArray[np.float64]
    seen_s: NDArray[np.float64]
    mean: NDArray[np.float64]
    var: NDArray[np.float64]

    def copy(self) -> _State:
        return _State(
            self.log_odds, self.shares.copy(), self.own.copy(), self.seen_s.copy(), self.mean.copy(), self.var.copy()
        )


class EvidenceFilter:
    """One session of the filter; obeys `models.posterior.Fuser`.

    Args:
        settings: dwell time, prevalence.
        prompt_kind: one of `PREVALENCE_OF_PROMPT`, or None (prompt-blind).
        references: location and scale of level cues in the population, by cue name; default is the shipped table.
        personal: what is known of the person beforehand; the default changes nothing.
    """

    def __init__(
        self,
        settings: EvidenceSettings | None = None,
        prompt_kind: str | None = None,
        references: Mapping[str, Reference] | None = None,
        personal: Personal | None = None,
    ) -> None:
        self.settings = settings or EvidenceSettings()
        self._effects: tuple[Effect, ...] = EFFECTS
        self._level = np.array([e.kind is Kind.LEVEL for e in EFFECTS])
        self._ratios = Ratios(EFFECTS)
        self._relative_error = np.array([e.error / abs(e.weight) for e in EFFECTS])
        found = references if references is not None else {e.cue: reference(e.cue) for e in self._levels()}
        self._location = np.array([found[e.cue].location if e.kind is Kind.LEVEL else 0.0 for e in EFFECTS])
        self._spread = np.array([found[e.cue].scale if e.kind is Kind.LEVEL else 1.0 for e in EFFECTS])
        self._channels = tuple(Channel)
        self._of_channel = {c: np.array([e.channel is c for e in EFFECTS]) for c in self._channels}
        self._picks = {
            c: (np.flatnonzero(mask), np.array([INDEX[e.cue] for e in EFFECTS if e.channel is c], dtype=np.intp))
            for c, mask in self._of_channel.items()
        }
        self._phrases = tuple(next(cue.phrase for cue in CUES if cue.name == e.cue) for e in EFFECTS)
        # What speaks against A/H when it is there speaks for it when it is not, and is no cue to name then.
        self._namable = np.array([bool(p) and e.weight > 0 for p, e in zip(self._phrases, EFFECTS, strict=True)])
        self._place = {e.cue: i for i, e in enumerate(EFFECTS) if e.kind is Kind.LEVEL}
        self._exit = 1.0 / self.settings.segment_s
        self._personal = Personal()
        self.set_prompt(prompt_kind)
        n = len(EFFECTS)
        self._s = _State(
            self._prior, np.zeros(n), np.zeros(len(self._channels)), np.zeros(n), self._location.copy(), self._spread**2
        )
        self.set_personal(personal or self._personal)

    def set_prompt(self, kind: str | None) -> None:
        """The kind of prompt now being answered, which sets the prevalence; None for not known."""
        if kind is not None and kind not in PREVALENCE_OF_PROMPT:
            raise ValueError(f"kind of prompt {kind!r} is none of {', '.join(PREVALENCE_OF_PROMPT)}")
        self._kind = kind
        self._prevalence = prevalence_for(kind, self.settings.prevalence, self._personal.prevalence)
        self._prior = logit(self._prevalence)

    @property
    def personal(self) -> Personal:
        """The personal parameters in force, as they were set (not the running means)."""
        return self._personal

    def set_personal(self, personal: Personal) -> None:
        """Put new personal parameters in force, also in the middle of a session.

        The cues that `personal.usual` names go to that location and scale, and what is seen from now on moves them as
        if `seconds` had been seen. Cues that are not named, and the evidence gathered so far, stay as they are.
        """
        self._personal = personal
        self._gain = np.array([personal.gain.get(e.channel, 1.0) for e in self._effects])
        self._offset = np.array([personal.offset.get(c, 0.0) for c in self._channels])
        for cue, usual in personal.usual.items():
            if (i := self._place.get(cue)) is not None:
                self._s.mean[i], self._s.var[i], self._s.seen_s[i] = usual.location, usual.scale**2, usual.seconds
        self.set_prompt(self._kind)
        self._s.log_odds = self._prior + float(self._s.shares.sum()) + float(self._s.own.sum())

    def step(self, frame: EvidenceFrame) -> Posterior:
        """Take in the next moment and say what is known at it."""
        dt = min(frame.dur_ns / 1e9, MAX_GAP_S)
        values = self._values(frame)
        seen = ~np.isnan(values)
        llr = self._ratios(values, self._s.mean, np.sqrt(self._s.var)) * self._gain
        self._forget(dt)
        self._s.shares += llr * (dt / FADE_S)
        if self._offset.any():
            self._s.own += np.where(self._present(frame), self._offset * (dt / FADE_S), 0.0)
        self._s.log_odds = self._prior + float(self._s.shares.sum()) + float(self._s.own.sum())
        if self.settings.personal:
            self._learn(values, seen & self._level, dt)
        return self._posterior(frame, values)

    def state(self) -> object:
        """A copy of everything that `step`, `set_prompt` and `set_personal` change."""
        return self._s.copy(), self._kind, self._prevalence, self._prior, self._personal, self._gain, self._offset

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, tuple)
        s, self._kind, self._prevalence, self._prior, self._personal, self._gain, self._offset = state
        self._s = s.copy()

    def _levels(self) -> list[Effect]:
        return [e for e in self._effects if e.kind is Kind.LEVEL]

    def _values(self, frame: EvidenceFrame) -> NDArray[np.float64]:
        values = np.full(len(self._effects), np.nan)
        for channel, (places, columns) in self._picks.items():
            cues: CueFrame | None = frame.cues.get(channel)
            if cues is not None and not cues.absent and len(places):
                values[places] = cues.values[columns]
        return values

    def _present(self, frame: EvidenceFrame) -> NDArray[np.bool_]:
        found = [frame.cues.get(channel) for channel in self._channels]
        return np.array([cues is not None and not cues.absent for cues in found])

    def _forget(self, dt: float) -> None:
        entry = self._exit * self._prevalence / (1.0 - self._prevalence)
        p = self._prevalence + (sigmoid(self._s.log_odds) - self._prevalence) * exp(-(self._exit + entry) * dt)
        before = self._s.log_odds - self._prior
        if abs(before) < 1e-12:
            return
        after = logit(min(max(p, 1e-12), 1 - 1e-12)) - self._prior
        self._s.shares *= after / before
        self._s.own *= after / before

    def _learn(self, values: NDArray[np.float64], which: NDArray[np.bool_], dt: float) -> None:
        """Move each level cue's own location and scale by what was just seen (past only, shrunk to the population)."""
        s = self._s
        spread = np.sqrt(s.var)
        x = np.clip(values, s.mean - CLIP_Z * spread, s.mean + CLIP_Z * spread)
        gain = np.where(which, dt / (REFERENCE_WEIGHT_S + s.seen_s + dt), 0.0)
        delta = np.where(which, x - s.mean, 0.0)
        s.mean += gain * delta
        s.var = np.where(which, (1 - gain) * (s.var + gain * delta**2), s.var)
        s.seen_s += np.where(which, dt, 0.0)

    def _posterior(self, frame: EvidenceFrame, values: NDArray[np.float64]) -> Posterior:
        s = self._s
        variance = float(((self._relative_error * s.shares) ** 2).sum())
        for channel in self._channels:
            state = frame.states.get(channel)
            if state is None or state.presence is Presence.ABSENT:
                variance += ABSENT_SPREAD[channel] ** 2
        half = BAND_Z * sqrt(variance)
        p, low, high = sigmoid(s.log_odds), sigmoid(s.log_odds - half), sigmoid(s.log_odds + half)
        contributions = {
            c: float(s.shares[mask].sum()) + float(own)
            for (c, mask), own in zip(self._of_channel.items(), s.own, strict=True)
        }
        order = np.argsort(np.where(self._namable, s.shares, -np.inf))[::-1][:3]
        top = tuple(
            TopCue(self._effects[i].cue, float(values[i]), float(s.shares[i]), self._phrases[i])
            for i in order
            if s.shares[i] > 0.05
        )
        return Posterior(p, low, high, worded(p, low, high, self._prevalence), self._prior, contributions, top)


def prevalence_for(kind: str | None, setting: float, personal: float | None) -> float:
    """Share of time in A/H to expect.

    Args:
        kind: of prompt, or None where it is not known.
        setting: the prevalence where no kind is known and the person neither.
        personal: the person's own, None where it is not known. Where the kind of prompt is known, its prevalence moves
            by the log-odds between `personal` and `setting`, but stays within `PREVALENCE_BOUNDS`: a person who is
            often hesitant is so under every prompt, and the prompts keep their order.
    """
    if personal is None:
        return PREVALENCE_OF_PROMPT[kind] if kind else setting
    if kind is None:
        return personal
    low, high = PREVALENCE_BOUNDS
    return min(max(sigmoid(logit(PREVALENCE_OF_PROMPT[kind]) + logit(personal) - logit(setting)), low), high)


def worded(p: float, low: float, high: float, prevalence: float) -> Band:
    """The estimate in words.

    Elevated: at least .5 (the papers' threshold) and the 80 % band clear of the prevalence. Low: the whole band under
    .5 and the estimate not above twice the prevalence. Everything else is unclear, which is a real answer.
    """
    if p >= ELEVATED and low > prevalence:
        return Band.ELEVATED
    if high < ELEVATED and p <= 2 * prevalence:
        return Band.LOW
    return Band.UNCLEAR


def smooth(
    p: Sequence[float],
    prior_log_odds: Sequence[float],
    dur_ns: Sequence[int],
    segment_s: float = SEGMENT_S,
) -> NDArray[np.float64]:
    """Forward-backward: the probability at each row given the whole recording.

    Args:
        p: causal probabilities of the rows, as the filter gave them.
        prior_log_odds: log-odds of the prevalence in force at each row.
        dur_ns: time since the row before, ns.
        segment_s: dwell time of the filter that made `p`.

    Returns:
        float64, shape (rows,). Each row's own evidence is recovered from `p` by undoing the forward step.
    """
    n = len(p)
    if n == 0:
        return np.zeros(0)
    exit_rate = 1.0 / segment_s
    smoothed = np.empty(n)
    smoothed[-1] = p[-1]
    future = 0.0
    for i in range(n - 1, 0, -1):
        prevalence = sigmoid(prior_log_odds[i])
        rate = exit_rate / (1.0 - prevalence)
        gone = -expm1(-rate * min(dur_ns[i] / 1e9, MAX_GAP_S))
        leave, enter = gone * (1.0 - prevalence), gone * prevalence
        predicted = p[i - 1] * (1.0 - leave) + (1.0 - p[i - 1]) * enter
        evidence = logit(_inside(p[i])) - logit(_inside(predicted))
        ratio = exp(min(max(evidence + future, -50.0), 50.0))
        future = log((1.0 - leave) * ratio + leave) - log(enter * ratio + 1.0 - enter)
        smoothed[i - 1] = sigmoid(logit(_inside(p[i - 1])) + future)
    return smoothed


def _inside(p: float) -> float:
    return min(max(p, 1e-12), 1.0 - 1e-12)
