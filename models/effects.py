"""Effects: published effect sizes flow in (this table), log-likelihood ratios per cue flow out.

Every number has a source. What nobody has measured is marked `assumed` and kept so small that it can tip a close
estimate but never make one. Three kinds of effect:

* count: x = fading count of a marker; llr = w x - offset. This is the likelihood ratio of a Poisson process whose rate
  is e^w times higher in A/H: each word adds w once in all (the fading count integrates to one), its absence takes away
  offset = (rate in A/H - rate without) * `FADE_S`.
* level: z = (value - person's own location) / scale; llr = d z - d^2 / 2, the Gaussian likelihood ratio for a shift of
  d standard deviations. Rank-biserial r becomes d = sqrt(2) * inverse normal((1 + r) / 2).
* length: an answer that has come this far; llr = ln(OR) E[z | z >= z so far], so a short beginning says nothing.

Within a channel, k cues with mean correlation rho tell less than k independent ones: each is multiplied by
1 / (1 + (k - 1) rho) (Gaussian discriminant with equal effects and equal correlation).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import exp, log, sqrt
from typing import Final

from scipy.stats import norm

from ahdetect.models.cues import Channel
from ahdetect.models.language import FADE_S


class Kind(Enum):
    """How a cue's value becomes evidence; see the module docstring."""

    COUNT = "count"
    LEVEL = "level"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Effect:
    """One published effect.

    Attributes:
        cue: name in the cue table.
        channel: its channel.
        kind: how value becomes evidence.
        weight: log-odds per unit of x or z, before the correlation shrinkage.
        error: standard error of `weight`.
        offset: count: log-odds that its absence takes away; length: mean of log(1 + words); level: unused.
        scale: length: standard deviation of log(1 + words); else 1.
        source: where the weight comes from.
        assumed: no measurement of the size exists; only its sign is known.
    """

    cue: str
    channel: Channel
    kind: Kind
    weight: float
    error: float
    offset: float = 0.0
    scale: float = 1.0
    source: str = ""
    assumed: bool = False


_BAH_OR = "BAH v1, 726 videos, odds ratio adjusted for prompt and length, subject-clustered 95 % CI"
_BAH_R = "BAH, 1,132 videos, rank-biserial |r| of the cue over whole clips"
_TIMING = "BAH, voice timing alone reaches AP .718 at prevalence .552; the equal-variance shift that does is d = .69"

SPEECH_RATE: Final = 2.2
"""Words per second in BAH answers (EVIDENCE: about 2.2)."""

COVERAGE: Final = 0.316
"""Share of an A/H video that its A/H segments cover (BAH)."""

ODDS_SPREAD: Final = 0.65
"""Standard deviation of the 14 log odds ratios in the published table: the prior that a noisy one is shrunk by."""

WORDS_OF_PLAIN_ANSWER: Final = 46.5
"""Mean words of the 276 training answers of BAH v1 (its authors' BSD-3 split files) that are labelled 0."""


def local_log_ratio(log_odds_ratio: float, error: float, share: float) -> float:
    """What a marker says about the seconds around it, from an odds ratio over whole answers.

    The odds ratio is first shrunk toward 0 by its own error. It compares answers, of which A/H covers only `COVERAGE`:
    the rest of an A/H answer is taken to be like a plain one, so the whole difference lies in the segments. Where that
    would need a rate below zero (a marker of plain speech), the shrunk odds ratio stands as it is.

    Args:
        log_odds_ratio: ln(OR) of the marker's presence in an answer.
        error: its standard error.
        share: share of plain answers that have the marker.
    """
    shrunk = log_odds_ratio * ODDS_SPREAD**2 / (ODDS_SPREAD**2 + error**2)
    odds = share / (1 - share) * exp(shrunk)
    plain, mixed = -log(1 - share), log(1 + odds)  # expected counts of a Poisson process
    inside = (mixed - (1 - COVERAGE) * plain) / COVERAGE
    return log(inside / plain) if inside > 0 else shrunk


def _odds(cue: str, ratio: float, low: float, high: float, share: float) -> Effect:
    """Count effect from an odds ratio with its 95 % interval and the share of plain answers that have the marker.

    The shares are aggregates of the same 276 answers, counted with `models.lexicon`.
    """
    error = (log(high) - log(low)) / (2 * 1.96)
    weight = local_log_ratio(log(ratio), error, share)
    per_s = -log(1 - share) / (WORDS_OF_PLAIN_ANSWER / SPEECH_RATE)
    offset = per_s * (exp(weight) - 1) * FADE_S
    return Effect(cue, Channel.LANGUAGE, Kind.COUNT, weight, error * abs(weight / log(ratio)), offset, source=_BAH_OR)


def shift_of(r: float) -> float:
    """Rank-biserial correlation as a shift in standard deviations, d = sqrt(2) * inverse normal((1 + r) / 2)."""
    return sqrt(2) * float(norm.ppf((1 + r) / 2))


def _face(cue: str, r: float) -> Effect:
    d = shift_of(r)
    return Effect(cue, Channel.FACE, Kind.LEVEL, d, d / 2, source=_BAH_R)


def _timing(cue: str) -> Effect:
    """One of three timing cues, equal effects and correlation .5, that together have d = .69."""
    k, d = 3, 0.69
    each = d * sqrt((1 + (k - 1) * CORRELATION[Channel.VOICE]) / k)
    return Effect(cue, Channel.VOICE, Kind.LEVEL, each, each / 2, source=_TIMING)


def _assumed(cue: str, channel: Channel, kind: Kind = Kind.LEVEL) -> Effect:
    source = "sign from the experts' cue table of BAH; size assumed (half of Cohen's small effect)"
    return Effect(cue, channel, kind, 0.1, 0.1, source=source, assumed=True)


CORRELATION: Final[dict[Channel, float]] = {
    Channel.FACE: 0.5,
    Channel.BODY: 0.5,
    Channel.VOICE: 0.5,
    Channel.LANGUAGE: 0.1,
    Channel.DISCORD: 0.5,
}
"""Mean correlation between the cues of a channel. Language: .10 between the presences of eight markers in the 616
training answers; the others are assumed at .5, on the safe side: eight face cues of d = .3 then give AUC .61, and face
alone is published at about .60 to .63."""

EFFECTS: Final[tuple[Effect, ...]] = (
    _odds("language_hedge", 2.10, 1.39, 3.16, 0.272),
    _odds("language_contrast", 2.02, 1.33, 3.07, 0.185),
    _odds("language_knowing", 3.50, 1.14, 10.8, 0.011),
    _odds("language_wanting", 1.87, 0.94, 3.74, 0.043),
    _odds("language_filler", 1.53, 0.74, 3.16, 0.029),
    _odds("language_negation", 1.30, 0.80, 2.11, 0.431),
    _odds("language_feel", 0.43, 0.23, 0.81, 0.101),
    _odds("language_love", 0.30, 0.16, 0.57, 0.091),
    Effect(
        "language_log_words", Channel.LANGUAGE, Kind.LENGTH, log(1.53), (log(1.89) - log(1.24)) / (2 * 1.96),
        offset=3.82, scale=0.69, source=_BAH_OR + "; mean and sd of log(1 + words) from the 616 training answers",
    ),
    _face("face_brow_lower_sd", 0.19),
    _face("face_cheek_raise_sd", 0.19),
    _face("face_nose_wrinkle_sd", 0.19),
    _face("face_cheek_raise", 0.17),
    _face("face_smile_sd", 0.17),
    _face("face_jaw_crossings", 0.17),
    _face("face_gaze_x_sd", 0.16),
    _face("face_gaze_y_sd", 0.15),
    _timing("voice_pause_share"),
    _timing("voice_pause_rate"),
    _timing("voice_slow"),
    _assumed("voice_filled_pause", Channel.VOICE, Kind.COUNT),
    _assumed("body_look_away", Channel.BODY),
    _assumed("body_shrug", Channel.BODY),
    _assumed("body_posture_sd", Channel.BODY),
    _assumed("discord_face_language", Channel.DISCORD, Kind.COUNT),
    _assumed("discord_language_body", Channel.DISCORD, Kind.COUNT),
    _assumed("discord_language_voice", Channel.DISCORD, Kind.COUNT),
)  # fmt: skip
"""All evidence that the embedded default uses, in one place."""

ABSENT_SPREAD: Final[dict[Channel, float]] = {
    Channel.FACE: 0.43,
    Channel.BODY: 0.1,
    Channel.VOICE: 0.69,
    Channel.LANGUAGE: 0.89,
    Channel.DISCORD: 0.1,
}
"""Standard deviation of the log-odds that a channel would have added had it been there: its d, from the published
accuracy of the channel alone (face AUC about .62, voice timing AP .718, six word markers within-prompt AUC .734)."""


def shrinkage(channel: Channel) -> float:
    """What each effect of `channel` is multiplied by for the correlation among them."""
    k = sum(1 for e in EFFECTS if e.channel is channel and e.kind is not Kind.LENGTH)
    return 1.0 / (1.0 + max(0, k - 1) * CORRELATION[channel])
