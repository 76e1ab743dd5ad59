"""Effects: published effect sizes flow in (this table), log-likelihood ratios per cue flow out.

Every number has a source. What nobody has measured is marked `assumed` and kept so small that it can tip a close
estimate but never make one. Three kinds of effect:

* count: x = fading count of a marker; llr = w x - offset. This is the likelihood ratio of a Poisson process whose rate
  is e^w times higher in A/H: each word adds w once in all (the fading count integrates to one), its absence takes away
  offset = (rate in A/H - rate without) * `FADE_S`.
* level: z = (value - person's own location) / scale; llr = d z - d^2 / 2, the Gaussian likelihood ratio for a shift of
  d standard deviations. Rank-biserial r becomes d = sqrt(2) * inverse normal((1 + r) / 2).
* evidence: the value is a log-likelihood ratio already.

The effects of language come from the trained expert (`assets/language.json`); its weights were fitted together. In the
other channels k cues with mean correlation rho tell less than k independent ones: each is multiplied by
1 / (1 + (k - 1) rho) (Gaussian discriminant with equal effects and equal correlation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ahdetect.models.cues import Channel
from ahdetect.models.expert import COVERAGE, FADE_S, Weights, shipped
from ahdetect.models.lexicon import MARKERS


class Kind(Enum):
    """How a cue's value becomes evidence; see the module docstring."""

    COUNT = "count"
    LEVEL = "level"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Effect:
    """One published effect.

    Attributes:
        cue: name in the cue table.
        channel: its channel.
        kind: how value becomes evidence.
        weight: log-odds per unit of x or z, before the correlation shrinkage.
        error: standard error of `weight`.
        offset: count: log-odds that its absence takes away; else unused.
        source: where the weight comes from.
        assumed: no measurement of the size exists; only its sign is known.
    """

    cue: str
    channel: Channel
    kind: Kind
    weight: float
    error: float
    offset: float = 0.0
    source: str = ""
    assumed: bool = False


_BAH_OR = "BAH v1, 726 videos, odds ratio adjusted for prompt and length, subject-clustered 95 % CI"
_TRAINED = "trained on BAH v1 answers, model card of the language expert"
_BAH_R = "BAH, 1,132 videos, rank-biserial |r| of the cue over whole clips"
_TIMING = "BAH, voice timing alone reaches AP .718 at prevalence .552; the equal-variance shift that does is d = .69"

SPEECH_RATE: Final = 2.2
"""Words per second in BAH answers (EVIDENCE: about 2.2)."""

ODDS_SPREAD: Final = 0.65
"""Standard deviation of the 14 log odds ratios in the published table: the prior that a noisy one is shrunk by."""

WORDS_OF_PLAIN_ANSWER: Final = 46.5
"""Mean words of the 276 training answers of BAH v1 (its authors' BSD-3 split files) that are labelled 0."""


def local_log_ratio(log_odds_ratio: float, error: float, share: float) -> float:
    """What a marker says about the seconds around it, from an odds ratio over whole answers.

    The odds ratio is first shrunk toward 0 by its own error. It compares answers, of which A/H covers only `COVERAGE`:
    the rest of an A/H answer is taken to be like a plain one, so the whole difference lies in the segments. A marker of
    plain speech keeps the shrunk odds ratio as it is: its rate inside would have to fall to nought or below.

    Args:
        log_odds_ratio: ln(OR) of the marker's presence in an answer.
        error: its standard error.
        share: share of plain answers that have the marker.
    """
    shrunk = log_odds_ratio * ODDS_SPREAD**2 / (ODDS_SPREAD**2 + error**2)
    odds = share / (1 - share) * exp(shrunk)
    plain, mixed = -log(1 - share), log(1 + odds)  # expected counts of a Poisson process
    inside = (mixed - (1 - COVERAGE) * plain) / COVERAGE
    return log(inside / plain) if shrunk > 0 else shrunk


def _local(cue: str, log_odds_ratio: float, error: float, trusted: float, share: float, source: str) -> Effect:
    """Count effect from the log odds ratio of a marker's presence in an answer.

    Args:
        cue: its fading count.
        log_odds_ratio: of the marker's presence.
        error: its standard error.
        trusted: standard error to shrink it by; 0 where a penalty has shrunk it already.
        share: share of plain answers that have the marker.
        source: where it comes from.
    """
    weight = local_log_ratio(log_odds_ratio, trusted, share)
    per_s = -log(1 - share) / (WORDS_OF_PLAIN_ANSWER / SPEECH_RATE)
    offset = per_s * (exp(weight) - 1) * FADE_S
    return Effect(
        cue, Channel.LANGUAGE, Kind.COUNT, weight, error * abs(weight / log_odds_ratio), offset, source=source
    )


def _published(cue: str, ratio: float, low: float, high: float, share: float) -> Effect:
    """Count effect from a published odds ratio with its 95 % interval."""
    error = (log(high) - log(low)) / (2 * 1.96)
    return _local(cue, log(ratio), error, error, share, _BAH_OR)


def _trained(w: Weights) -> tuple[Effect, ...]:
    """The effects of the words: every marker that training kept, and the answer so far, its length with it.

    A weight is per log(1 + count), so a marker's presence is worth ln 2 of it. Fillers keep their published odds ratio:
    the transcripts of the training answers have lost nearly all of them, and ours have not.
    """
    found = [
        _local(f"language_{name}", weight * log(2.0), error * log(2.0), 0.0, share, _TRAINED)
        for name, weight, error, share in zip(MARKERS, w.markers, w.errors, w.shares, strict=True)
        if weight and name != "filler"
    ]
    unsure = sqrt(float((w.errors**2).sum() / (w.markers**2).sum()))
    return (
        *sorted(found, key=lambda e: -e.weight),
        _published("language_filler", 1.53, 0.74, 3.16, 0.029),
        Effect("language_answer", Channel.LANGUAGE, Kind.EVIDENCE, 1.0, unsure, source=_TRAINED),
    )  # fmt: skip


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
    Channel.LANGUAGE: 0.0,
    Channel.DISCORD: 0.5,
}
"""Mean correlation between the cues of a channel, as far as their weights do not know of it. The markers' weights were
fitted together. The others are assumed at .5, on the safe side: eight face cues of d = .3 then give AUC .61, and face
alone is published at about .60 to .63."""

EFFECTS: Final[tuple[Effect, ...]] = (
    *_trained(shipped()),
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
    k = sum(1 for e in EFFECTS if e.channel is channel)
    return 1.0 / (1.0 + max(0, k - 1) * CORRELATION[channel])


CLIP_Z: Final = 3.0
"""A cue further than this from its location counts as this far: tracking errors have heavy tails."""

CLIP_COUNT: Final = 2.0
"""A marker said more often than this within its fading time counts as this often: it may be the topic."""


class Ratios:
    """Cue values flow in, log-likelihood ratios flow out; the formulas of the module docstring.

    Args:
        effects: one per value.
    """

    def __init__(self, effects: Sequence[Effect]) -> None:
        shrink = np.array([shrinkage(e.channel) for e in effects])
        self._kind = {kind: np.array([e.kind is kind for e in effects]) for kind in Kind}
        self._d = np.array([e.weight for e in effects])
        self._weight = self._d * shrink
        self._absence = np.array([e.offset for e in effects]) * shrink

    def __call__(
        self, values: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Nats per effect, (n,); 0 where the value is NaN.

        Args:
            values: of the cues, (n,).
            mean: location of the level cues, (n,).
            spread: scale of the level cues, (n,).
        """
        z = np.clip((values - mean) / np.maximum(spread, 1e-9), -CLIP_Z, CLIP_Z)
        llr = np.select(
            [self._kind[Kind.LEVEL], self._kind[Kind.COUNT]],
            [
                self._weight * (z - self._d / 2),
                self._weight * np.minimum(values, CLIP_COUNT) - self._absence,
            ],
            self._weight * values,
        )
        return np.where(np.isnan(values), 0.0, llr)
