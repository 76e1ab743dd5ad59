"""Simulated people flow out: cues per frame, the true A/H state, and the score of who knows how they were made.

Everything here is made up from published figures; nothing is measured on a person, and no figure that comes of it is a
claim about people. What it is good for: the truth is known, so that a method can be compared with the best possible.

How a person is made (Rabiner 1989 for the model class, hidden Markov with known parameters):

* state: not A/H, then three phases of A/H in a row, left at equal rates, so that the spread of a segment's length is
  sqrt(1/3) of its mean (BAH: 2.47 of 4.25 s). An answer begins without A/H; its onsets come at the rate that gives the
  prevalence of its kind of prompt, moved by the person's own log-odds.
* level cue: location + scale * z, with z a window over the state: dz = (m s - z) dt / tau + noise of unit variance,
  correlated within a channel as in `models.effects`. m is such that A/H frames and the others differ by d on average,
  the table's shift times the person's gain of the channel: a window that reaches back sees both.
* count cue: fading count of events that come at the person's own rate, e^(w gain) times as often in A/H.
* answer cue: nats of a slow z, D z - D^2 / 2, plus what this person's answers always say too much or too little.
* channels go missing for a while, or for the whole session; words come late.

Cues of different channels are independent given the state, as every filter here assumes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, expm1, sqrt
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.effects import CORRELATION, EFFECTS, Kind
from ahdetect.models.evidence import PREVALENCE, PREVALENCE_OF_PROMPT, SEGMENT_S, sigmoid
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import GAIN_BOUNDS, PREVALENCE_BOUNDS, Personal, Usual
from ahdetect.models.population import (
    ANSWER_BOUNDS_S,
    ANSWER_MEDIAN_S,
    ANSWER_SHIFT,
    ANSWER_SPREAD,
    BETWEEN,
    EFFECTS_OF,
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
    offset_of,
    onset_chance,
    plain_rate,
    seen_of,
)
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence
from ahdetect.models.reference import reference

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MISSING: Final[dict[Channel, tuple[float, float, float]]] = {
    Channel.FACE: (0.03, 0.5, 2.5),
    Channel.BODY: (0.2, 0.3, 3.0),
    Channel.VOICE: (0.03, 0.5, 3.0),
    Channel.LANGUAGE: (0.05, 0.3, 5.0),
}
"""Chance that a channel lacks for the whole session, gaps per minute, mean length of a gap in s; assumed."""

LATE_S: Final = (0.5, 2.5)
"""How late words come, s, one value per session (DESIGN: settled p50 under 1.5 s, p95 under 3 s)."""

SENSED: Final = tuple(TAU_S)
COLUMNS: Final[dict[Channel, tuple[str, ...]]] = {
    c: tuple(e.cue for e in EFFECTS if e.channel is c) for c in Channel
}  # fmt: skip
"""Names of the columns of `SimulatedSession.cues`, per channel: the cues of `models.effects`."""

States = Literal["mixed", "plain", "ah"]


@dataclass(frozen=True, slots=True)
class SimulatedPerson:
    """A made-up person.

    Attributes:
        usual: per level cue the true location and scale outside of A/H.
        gain: per channel what the table's effects are multiplied by.
        rate: per count cue its events per second outside of A/H.
        tilt: nats that the answer cue always has too much.
        prevalence: share of time in A/H over all kinds of prompt.
    """

    usual: Mapping[str, Usual]
    gain: Mapping[Channel, float]
    rate: Mapping[str, float]
    tilt: float
    prevalence: float

    def personal(self) -> Personal:
        """The filter's free parameters if all of this were known, within their bounds: the oracle of adaptation."""
        offsets = {c: offset_of(c, self.gain[c], self.rate, self.tilt) for c in Channel}
        gains = {c: float(np.clip(g, *GAIN_BOUNDS)) for c, g in self.gain.items()}
        return Personal(dict(self.usual), gains, offsets, self.prevalence)


@dataclass(frozen=True, slots=True)
class SimulatedPrompt:
    """A simulated prompt: an answer begins.

    Attributes:
        t_ns: when.
        kind: one of `PREVALENCE_OF_PROMPT`.
    """

    t_ns: int
    kind: str


@dataclass(frozen=True, slots=True)
class SimulatedSession:
    """Simulated cues of one simulated person, with the truth.

    Attributes:
        person: who it is.
        t_ns: int64, (T,), session clock.
        cues: per channel float32, (T, k), columns as in `COLUMNS`; NaN where absent.
        present: (T, channels), in the order of `Channel`.
        truth: (T,), whether the person is in A/H.
        prompts: in order; the first is at the first frame.
        late_s: how late words come before they are settled.
        llr: the true log-likelihood ratio of what each frame adds, nats, (T, channels); for `optimal` only.
    """

    person: SimulatedPerson
    t_ns: NDArray[np.int64]
    cues: Mapping[Channel, NDArray[np.float32]]
    present: Mask
    truth: Mask
    prompts: tuple[SimulatedPrompt, ...]
    late_s: float
    llr: Array = field(repr=False)

    def frames(self, *, live: bool = False) -> Iterator[EvidenceFrame]:
        """The session as a fuser gets it.

        Args:
            live: provisional frames instead of settled ones: the words are those of `late_s` ago.
        """
        place = {c: np.array([INDEX[n] for n in COLUMNS[c]]) for c in Channel}
        step_ns = int(self.t_ns[1] - self.t_ns[0]) if len(self.t_ns) > 1 else 0
        late = round(self.late_s * 1e9 / step_ns) if live and step_ns else 0
        counts = np.array([e.kind is Kind.COUNT for e in EFFECTS_OF[Channel.LANGUAGE]])
        faded = np.where(counts, exp(-self.late_s / FADE_S), 1.0) if late else 1.0
        for i, t in enumerate(self.t_ns.tolist()):
            cues: dict[Channel, CueFrame | None] = {}
            states: dict[Channel, ChannelState] = {}
            for k, channel in enumerate(Channel):
                behind = late if channel is Channel.LANGUAGE else 0
                j = i - behind
                if j < 0 or not self.present[j, k]:
                    cues[channel] = absent_frame(channel, t, _REASON)
                    states[channel] = ChannelState(Presence.ABSENT, reason=_REASON)
                    continue
                values = empty_values(channel)
                values[place[channel]] = self.cues[channel][j] * (faded if behind else 1.0)
                cues[channel] = CueFrame(channel, t, values)
                states[channel] = (
                    ChannelState(Presence.STALE, behind * step_ns, f"words {self.late_s:.1f} s behind")
                    if behind
                    else _PRESENT
                )
            yield EvidenceFrame(t, step_ns if i else 0, cues, states, not live)

    def kinds(self) -> list[str]:
        """The kind of prompt in force at every frame, (T,)."""
        starts = np.array([p.t_ns for p in self.prompts])
        return [self.prompts[i].kind for i in np.searchsorted(starts, self.t_ns, side="right") - 1]


_REASON: Final = "simulated gap"
_PRESENT: Final = ChannelState(Presence.PRESENT)


def simulate(
    n_people: int, seed: int, *, minutes: float = 10.0, fps: float = 10.0, states: States = "mixed"
) -> list[SimulatedSession]:
    """Simulated sessions of simulated people, one each.

    Args:
        n_people: how many. Person i is the same whatever `n_people` is.
        seed: of everything.
        minutes: length of a session.
        fps: frames per second, at least 2.
        states: "mixed" as in BAH; "plain" or "ah" keeps everybody in one state all the time.
    """
    found = []
    for i in range(n_people):
        rng = np.random.default_rng([seed, i])
        found.append(simulate_session(simulate_person(rng), rng, minutes=minutes, fps=fps, states=states))
    return found


def simulate_person(rng: np.random.Generator) -> SimulatedPerson:
    """A simulated person drawn from the population."""
    usual = {}
    for channel in SENSED:
        levels = [e for e in EFFECTS_OF[channel] if e.kind is Kind.LEVEL]
        if not levels:
            continue
        between = BETWEEN[channel]
        shifts = _correlated(rng, 1, len(levels), CORRELATION[channel])[0] * sqrt(between)
        scales = sqrt(1.0 - between) * np.exp(rng.normal(0.0, SCALE_SPREAD[channel], len(levels)))
        for e, shift, scale in zip(levels, shifts, scales, strict=True):
            ref = reference(e.cue)
            usual[e.cue] = Usual(ref.location + ref.scale * float(shift), ref.scale * float(scale), 1e6)
    talk = exp(rng.normal(0.0, TALK_SPREAD))
    counts = [e for e in EFFECTS if e.kind is Kind.COUNT]
    rate = {e.cue: plain_rate(e) * talk * exp(rng.normal(0.0, HABIT_SPREAD)) for e in counts}
    gain = {c: exp(rng.normal(0.0, GAIN_SPREAD)) for c in Channel}
    low, high = PREVALENCE_BOUNDS
    prevalence = float(np.clip(sigmoid(centre_of(PREVALENCE) + rng.normal(0.0, ODDS_SPREAD)), low, high))
    return SimulatedPerson(usual, gain, rate, float(rng.normal(0.0, TILT_SPREAD)), prevalence)


def simulate_session(
    person: SimulatedPerson,
    rng: np.random.Generator,
    *,
    minutes: float = 10.0,
    fps: float = 10.0,
    states: States = "mixed",
    kinds: Sequence[str] = tuple(PREVALENCE_OF_PROMPT),
) -> SimulatedSession:
    """A simulated session of `person`; see `simulate`. The prompts are of `kinds`; a calibration's are neutral."""
    if fps < 2.0:
        raise ValueError(f"{fps} frames per second are too few for segments of {SEGMENT_S} s: take 2 or more")
    n, dt = round(minutes * 60.0 * fps), 1.0 / fps
    starts, asked = _answers(rng, n, dt, kinds)
    truth = _states(rng, person, starts, asked, n, dt) if states == "mixed" else np.full(n, states == "ah")
    there = {c: _presence(rng, c, n, dt) for c in SENSED}
    there[Channel.DISCORD] = there[Channel.LANGUAGE] & (there[Channel.FACE] | there[Channel.VOICE])
    cues, llr = {}, np.zeros((n, len(Channel)))
    for k, channel in enumerate(Channel):
        cues[channel], llr[:, k] = _channel(rng, person, channel, truth, there[channel], dt)
    t_ns = (np.arange(n) * round(dt * 1e9)).astype(np.int64)
    prompts = tuple(SimulatedPrompt(int(t_ns[i]), kind) for i, kind in zip(starts, asked, strict=True))
    present = np.stack([there[c] for c in Channel], axis=1)
    return SimulatedSession(person, t_ns, cues, present, truth, prompts, float(rng.uniform(*LATE_S)), llr)


def optimal(session: SimulatedSession, *, prompts: bool = True) -> Array:
    """The Bayes-optimal causal probability of A/H at every frame, (T,), of who knows person and generating model.

    Args:
        session: simulated.
        prompts: whether the kind of each prompt is known. When an answer begins is known in both cases.
    """
    dt = float(session.t_ns[1] - session.t_ns[0]) / 1e9
    kinds = list(PREVALENCE_OF_PROMPT)
    onset = np.array([onset_chance(kind, session.person.prevalence, dt) for kind in kinds])
    on = PHASES * dt / UNCUT_S
    begins = {p.t_ns: kinds.index(p.kind) for p in session.prompts}
    ratio = np.exp(session.llr.sum(axis=1))
    p, w = np.zeros(len(ratio)), np.zeros((len(kinds), PHASES + 1))
    for i, (t, r) in enumerate(zip(session.t_ns.tolist(), ratio.tolist(), strict=True)):
        if (kind := begins.get(t)) is not None:
            w = np.zeros((len(kinds), PHASES + 1))
            w[kind if prompts else slice(None), 0] = 1.0
        else:
            flow = w * on
            flow[:, 0] = w[:, 0] * onset
            w = w - flow
            w[:, 1:] += flow[:, :-1]
            w[:, 0] += flow[:, -1]
        w[:, 1:] *= r
        w /= w.sum()
        p[i] = w[:, 1:].sum()
    return p


def joined(sessions: Sequence[SimulatedSession]) -> SimulatedSession:
    """Simulated sessions one after the other on one clock, as if a person left and another sat down."""
    step = int(sessions[0].t_ns[1] - sessions[0].t_ns[0])
    prompts, at = [], 0
    for s in sessions:
        prompts += [SimulatedPrompt(p.t_ns + at, p.kind) for p in s.prompts]
        at += len(s.t_ns) * step
    return replace(
        sessions[0],
        t_ns=np.arange(at // step, dtype=np.int64) * step,
        cues={c: np.concatenate([s.cues[c] for s in sessions]) for c in Channel},
        present=np.concatenate([s.present for s in sessions]),
        truth=np.concatenate([s.truth for s in sessions]),
        prompts=tuple(prompts),
        llr=np.concatenate([s.llr for s in sessions]),
    )


def shifted(session: SimulatedSession, channel: Channel, scales: float, from_s: float) -> SimulatedSession:
    """The session with every level cue of a channel moved by so many own scales from a moment on, as by a lamp."""
    x = session.cues[channel].copy()
    late = session.t_ns >= from_s * 1e9
    for k, e in enumerate(EFFECTS_OF[channel]):
        if e.kind is Kind.LEVEL:
            x[late, k] += np.float32(scales * session.person.usual[e.cue].scale)
    return replace(session, cues={**session.cues, channel: x})


def muted(session: SimulatedSession, from_s: float) -> SimulatedSession:
    """The session with a muted microphone from a moment on: a voice that is all silence, and no words."""
    late = session.t_ns >= from_s * 1e9
    cues, present = {c: x.copy() for c, x in session.cues.items()}, session.present.copy()
    cues[Channel.VOICE][late] = np.nan
    for name, value in (("voice_pause_share", 1.0), ("voice_pause_rate", 0.0)):
        cues[Channel.VOICE][late, COLUMNS[Channel.VOICE].index(name)] = value
    for k, channel in enumerate(Channel):
        if channel in (Channel.LANGUAGE, Channel.DISCORD):
            cues[channel][late] = np.nan
            present[late, k] = False
        elif channel is Channel.VOICE:
            present[late, k] = True
    return replace(session, cues=cues, present=present)


# -- the generating model


def _correlated(rng: np.random.Generator, n: int, k: int, rho: float) -> Array:
    """Normal numbers of unit variance, (n, k), with correlation `rho` between columns."""
    return sqrt(rho) * rng.normal(size=(n, 1)) + sqrt(1.0 - rho) * rng.normal(size=(n, k))


def _answers(rng: np.random.Generator, n: int, dt: float, of: Sequence[str]) -> tuple[list[int], list[str]]:
    """First frames of the answers, and their kinds: all of `of` in random order, again and again (BAH asks seven)."""
    starts: list[int] = []
    kinds: list[str] = []
    at = 0
    while at < n:
        if not len(kinds) % len(of):
            order = rng.permutation(list(of)).tolist()
        starts.append(at)
        kinds.append(order[len(kinds) % len(order)])
        at += max(1, round(float(np.clip(_answer_s(rng), *ANSWER_BOUNDS_S)) / dt))
    return starts, kinds


def _answer_s(rng: np.random.Generator) -> float:
    return ANSWER_MEDIAN_S * exp(rng.normal(0.0, ANSWER_SPREAD))


def _states(
    rng: np.random.Generator, person: SimulatedPerson, starts: list[int], kinds: list[str], n: int, dt: float
) -> Mask:
    truth = np.zeros(n, dtype=np.bool_)
    for start, end, kind in zip(starts, [*starts[1:], n], kinds, strict=True):
        chance, at = onset_chance(kind, person.prevalence, dt), start
        while (onset := at + int(rng.geometric(chance))) < end:
            at = onset + int(rng.geometric(PHASES * dt / UNCUT_S, PHASES).sum())
            truth[onset : min(at, end)] = True
    return truth


def _presence(rng: np.random.Generator, channel: Channel, n: int, dt: float) -> Mask:
    lacking, per_minute, mean_s = MISSING[channel]
    there = np.full(n, rng.random() >= lacking)
    for at in np.flatnonzero(rng.random(n) < per_minute * dt / 60.0):
        there[at : at + 1 + int(rng.exponential(mean_s) / dt)] = False
    return there


def _channel(
    rng: np.random.Generator, person: SimulatedPerson, channel: Channel, truth: Mask, there: Mask, dt: float
) -> tuple[NDArray[np.float32], Array]:
    """Cues (T, k) and true log-likelihood ratio (T,) of one channel."""
    n, effects, gain = len(truth), EFFECTS_OF[channel], person.gain[channel]
    x, llr = np.full((n, len(effects)), np.nan), np.zeros(n)
    levels = [k for k, e in enumerate(effects) if e.kind is Kind.LEVEL]
    if levels:
        d = np.array([effects[k].weight for k in levels]) * gain
        z, llr_z = _windows(rng, truth, there, d, CORRELATION[channel], TAU_S[channel], dt)
        usual = [person.usual[effects[k].cue] for k in levels]
        x[:, levels] = np.array([u.location for u in usual]) + z * np.array([u.scale for u in usual])
        llr += llr_z
    for k, e in enumerate(effects):
        if e.kind is Kind.COUNT:
            x[:, k], llr_k = _counts(rng, truth, there, person.rate[e.cue], e.weight * gain, dt)
            llr += llr_k
        elif e.kind is Kind.EVIDENCE:
            d_1 = np.array([ANSWER_SHIFT * gain])
            z, llr_z = _windows(rng, truth, there, d_1, 0.0, TAU_S[channel], dt)
            x[:, k] = ANSWER_SHIFT * z[:, 0] - ANSWER_SHIFT**2 / 2 + person.tilt
            llr += llr_z
    x[~there] = np.nan
    return x.astype(np.float32), llr


def _windows(
    rng: np.random.Generator, truth: Mask, there: Mask, d: Array, rho: float, tau_s: float, dt: float
) -> tuple[Array, Array]:
    """Windows (T, k) driven by the state, begun anew after each gap, and their log-likelihood ratio (T,)."""
    n, k = len(truth), len(d)
    keep = exp(-dt / tau_s)
    spread, pull = sqrt(1.0 - keep**2), (1.0 - keep) * d / seen_of(tau_s)
    noise = _correlated(rng, n, k, rho)
    towards = np.linalg.solve((1.0 - rho) * np.eye(k) + rho, pull) / spread**2
    z, llr = np.full((n, k), np.nan), np.zeros(n)
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        drive = pull * truth[start:end, None] + spread * noise[start:end]
        drive[0] = noise[start]  # nothing is known of the state in a window that has just begun
        z[start:end] = lfilter([1.0], [1.0, -keep], drive, axis=0)
        llr[start + 1 : end] = (drive[1:] - pull / 2) @ towards
    return z, llr


def _counts(
    rng: np.random.Generator, truth: Mask, there: Mask, rate: float, weight: float, dt: float
) -> tuple[Array, Array]:
    """Fading count (T,) of Poisson events, and the log-likelihood ratio (T,) of each frame's events."""
    events = np.where(there, rng.poisson(rate * dt * np.exp(weight * truth)), 0).astype(np.float64)
    llr = np.where(there, events * weight - rate * dt * expm1(weight), 0.0)
    return np.asarray(lfilter([1.0], [1.0, -exp(-dt / FADE_S)], events)), llr
