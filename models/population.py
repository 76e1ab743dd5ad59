"""Population: published figures flow in (this table); how people differ, and how cues and A/H go on in time, flow out.

What the effects table says of people on the whole, this one says of how far one person is from the next and one moment
from the next. `models.simulate` makes people up from it, `calibration.particles` finds out where in it a person stands.
Each constant has its source, or says "assumed".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import exp, expm1, sqrt
from typing import Final

import numpy as np
from scipy.optimize import brentq

from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS, Effect, Kind, shrinkage
from ahdetect.models.evidence import PREVALENCE, logit, prevalence_for
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import OFFSET_BOUNDS

EFFECTS_OF: Final[dict[Channel, tuple[Effect, ...]]] = {c: tuple(e for e in EFFECTS if e.channel is c) for c in Channel}
"""The effects table, by channel."""

PHASES: Final = 3
"""Phases of an A/H segment: the whole number that comes nearest to BAH's spread, (4.25 / 2.47)^2 = 2.96."""

UNCUT_S: Final = 4.7
"""Mean length of a segment before the end of its answer cuts it, s: those that are seen then have BAH's mean 4.25."""

BETWEEN: Final[dict[Channel, float]] = {Channel.FACE: 0.48, Channel.BODY: 0.29, Channel.VOICE: 0.29}
"""Share of a level cue's variance that lies between people: medians over RAVDESS's face action units and voice MFCC, 24
actors, emotions taken out (`tools/measure_baseline.py --table`). The body was not measured: the lower of the two.
Between people cues of a channel move together as they do within one."""

SCALE_SPREAD: Final[dict[Channel, float]] = {Channel.FACE: 0.28, Channel.BODY: 0.24, Channel.VOICE: 0.24}
"""Standard deviation over people of the log of a cue's own scale, what so few clips stray by chance taken off; from the
same measurement, the body likewise."""

GAIN_SPREAD: Final = 0.3
"""Standard deviation over people of the log of a channel's gain; assumed."""

ODDS_SPREAD: Final = 0.79
"""Standard deviation over people of their own log-odds of A/H. BAH v1, 726 answers of 168 people: an intercept per
person beside the kind of prompt has 1.14 in log-odds of A/H anywhere in an answer (maximum likelihood), and one of
those is 1 / 1.45 of one in log onset rate where 55 % of answers have A/H."""

TALK_SPREAD: Final = 0.3
"""Standard deviation over people of the log of how much they talk; assumed."""

HABIT_SPREAD: Final = 0.5
"""Standard deviation over people of the log of how often they say a marker, talk aside; assumed."""

TAU_S: Final[dict[Channel, float]] = {
    Channel.FACE: 1.0,
    Channel.BODY: 2.0,
    Channel.VOICE: 5.0,
    Channel.LANGUAGE: 5.0,
}
"""Time constant of level cues, s: mean age of what is in the window that the cue looks back on (2, 4 and 10 s)."""

ANSWER_SHIFT: Final = 0.5
"""Shift D of the answer cue in standard deviations; assumed."""

TILT_SPREAD: Final = 0.3
"""Standard deviation over people of what their answers always say too much, nats; assumed."""

PULSE_RATE: Final[dict[str, float]] = {
    "voice_filled_pause": 0.05,
    "discord_face_language": 0.046,
    "discord_language_body": 0.029,
    "discord_language_voice": 0.018,
}
"""Events per second outside of A/H of count cues that have no marker. Discord: BAH saw one in 215 of 568 segments, so
.11 per second inside, split .426, .266, .165; the other is assumed."""

ANSWER_MEDIAN_S: Final = 21.0
ANSWER_SPREAD: Final = 0.7
ANSWER_BOUNDS_S: Final = (3.0, 96.0)
"""Length of an answer: median 47 words at 2.2 per second, 3 to 96 s (BAH); spread of the log number of words over its
726 answers, kind of prompt aside."""


def plain_rate(e: Effect) -> float:
    """Events per second outside of A/H of a count cue: what the table's offset was made from."""
    return PULSE_RATE[e.cue] if e.cue in PULSE_RATE else e.offset / (FADE_S * expm1(e.weight))


@lru_cache(maxsize=256)
def seen_of(tau_s: float) -> float:
    """What a window of `tau_s` sees of a shift: its mean in A/H less that outside, per unit of drive.

    For a stationary chain with generator Q and shares w, and f = 1 in A/H, the window's mean given the state now is
    (I - tau Q)^-1 f; the rest is the slope of one on the other.
    """
    n, exit_rate = PHASES + 1, PHASES / UNCUT_S
    rates = np.array([PREVALENCE / (1.0 - PREVALENCE) / UNCUT_S, *[exit_rate] * PHASES])
    q = np.roll(np.diag(rates), 1, axis=1) - np.diag(rates)
    w = (1.0 / rates) / (1.0 / rates).sum()
    f = np.arange(n) > 0
    window = np.linalg.solve(np.eye(n) - tau_s * q, f.astype(float))
    share = float(w @ f)
    return (float(w @ (f * window)) - share**2) / (share * (1.0 - share))


@lru_cache(maxsize=16384)
def onset_rate(kind: str | None, prevalence: float, setting: float = PREVALENCE) -> float:
    """Onsets of A/H per second at rest, such that an answer that begins without it has the prevalence on average.

    From rest, a two-state process with onset rate a and exit rate b has been in A/H for a share
    a / (a + b) * (1 - (1 - e^(-(a + b) L)) / ((a + b) L)) of an answer of L seconds.

    Args:
        kind: of prompt; None where it is not known.
        prevalence: the person's own.
        setting: that of people.
    """
    target = prevalence_for(kind, setting, prevalence)
    mean_s = ANSWER_MEDIAN_S * exp(ANSWER_SPREAD**2 / 2)

    def short_of(a: float) -> float:
        both = a + 1.0 / UNCUT_S
        return a / both * (1.0 + expm1(-both * mean_s) / (both * mean_s)) - target

    return float(brentq(short_of, 1e-6, 50.0))


def onset_chance(kind: str | None, prevalence: float, dt: float) -> float:
    """Chance that A/H begins within `dt` s of a person at rest; see `onset_rate`."""
    return min(0.5, dt * onset_rate(kind, prevalence))


def centre_of(setting: float) -> float:
    """Log-odds of the middle of people whose mean prevalence is `setting` (logistic-normal)."""
    return logit(setting) * sqrt(1.0 + 0.346 * ODDS_SPREAD**2)


def offset_of(channel: Channel, gain: float, rate: Mapping[str, float], tilt: float) -> float:
    """The offset that takes back what the filter's own zero gets wrong in a person, nats, within `OFFSET_BOUNDS`.

    Args:
        channel: whose.
        gain: of the person in this channel.
        rate: per count cue the person's events per second outside of A/H.
        tilt: nats that the person's answer cue always has too much.
    """
    offset = 0.0
    for e in EFFECTS_OF[channel]:
        if e.kind is Kind.COUNT:
            shrunk = shrinkage(channel)
            offset += gain * e.offset * shrunk - rate[e.cue] * expm1(e.weight * gain) * FADE_S * shrunk
        elif e.kind is Kind.EVIDENCE:
            offset -= tilt
    return float(np.clip(offset, *OFFSET_BOUNDS))
