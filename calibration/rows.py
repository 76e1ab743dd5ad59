"""Rows: evidence frames flow in as rows for adapters; what the filter's own model makes of rows, whoever's, flows out.

A row is (2 + cues,): the seconds it stands for, the kind of prompt (place in `KINDS`, or NaN), the values of
`models.effects.EFFECTS` in order, NaN where absent; `row_of` makes one. `RowFilter` is the evidence filter on many rows
at once, without its explanation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.calibration.adapt import Array, Change
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.effects import EFFECTS, Kind, Ratios
from ahdetect.models.evidence import MAX_GAP_S, PREVALENCE_OF_PROMPT, EvidenceSettings, logit, prevalence_for
from ahdetect.models.expert import FADE_S
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.posterior import EvidenceFrame
from ahdetect.models.reference import Reference, reference

KINDS: Final = tuple(PREVALENCE_OF_PROMPT)
"""Kinds of prompt, by their place in a row."""

WIDTH: Final = 2 + len(EFFECTS)
"""Numbers in a row."""


CHANNEL_OF: Final = np.array([list(Channel).index(e.channel) for e in EFFECTS])
"""Place of each effect's channel in `Channel`."""

_PICKS: Final = {
    c: (2 + np.flatnonzero(k == CHANNEL_OF), np.array([INDEX[e.cue] for e in EFFECTS if e.channel is c], dtype=np.intp))
    for k, c in enumerate(Channel)
}  # fmt: skip
LEVEL: Final = np.array([e.kind is Kind.LEVEL for e in EFFECTS])
"""Which effects are of level cues."""

IN_CHANNEL: Final = (CHANNEL_OF[:, None] == np.arange(len(Channel))).astype(float)
"""Which effect is of which channel, (cues, channels)."""

_NO_LEVEL: Final = np.where(LEVEL[:, None], 0.0, IN_CHANNEL)


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


class RowFilter:
    """The evidence filter's model, on rows.

    Args:
        settings: of the filter.
        references: location and scale of level cues in the population; default is the shipped table.

    Attributes:
        location: of each effect in the population, 0 where it is no level cue, (cues,).
        scale: likewise, 1 where it is none.
    """

    def __init__(
        self, settings: EvidenceSettings | None = None, references: Mapping[str, Reference] | None = None
    ) -> None:
        self.settings = settings or EvidenceSettings()
        self._ratios = Ratios(EFFECTS)
        refs = [
            (references[e.cue] if references else reference(e.cue)) if e.kind is Kind.LEVEL else None for e in EFFECTS
        ]
        self.location = np.array([r.location if r else 0.0 for r in refs])
        self.scale = np.array([r.scale if r else 1.0 for r in refs])

    def complete(self, p: Personal) -> Personal:
        """With the population's location and scale for every level cue that `p` does not name."""
        population = {
            e.cue: Usual(float(m), float(s), 0.0)
            for e, m, s in zip(EFFECTS, self.location, self.scale, strict=True)
            if e.kind is Kind.LEVEL
        }
        return replace(p, usual={**population, **p.usual})

    def parameters(self, p: Personal) -> tuple[Array, Array, Array, Array]:
        """Location and scale of the cues; gain and offset of the channels."""
        mean, spread = self.location.copy(), self.scale.copy()
        for i, e in enumerate(EFFECTS):
            if (u := p.usual.get(e.cue)) is not None:
                mean[i], spread[i] = u.location, u.scale
        gain = np.array([p.gain.get(c, 1.0) for c in Channel])
        return mean, spread, gain, np.array([p.offset.get(c, 0.0) for c in Channel])

    def llr(self, x: Array, p: Personal) -> tuple[Array, NDArray[np.bool_], Array]:
        """Nats per channel (n, channels), which are there, and raw nats of the counts before gain and offset."""
        mean, spread, gain, offset = self.parameters(p)
        raw = self._ratios(x[:, 2:], mean, spread)
        there = (~np.isnan(x[:, 2:])).astype(float) @ IN_CHANNEL > 0
        return (raw @ IN_CHANNEL) * gain + np.where(there, offset, 0.0), there, raw @ _NO_LEVEL

    def prevalences(self, x: Array, log_odds: Array) -> Array:
        """Prevalence in force at each row (n, k) for each of k personal log-odds."""
        table = {
            kind: [prevalence_for(kind, self.settings.prevalence, float(v)) for v in 1.0 / (1.0 + np.exp(-log_odds))]
            for kind in (None, *KINDS)
        }
        return np.array([table[None if np.isnan(k) else KINDS[int(k)]] for k in x[:, 1]])

    def walk(self, log_odds: Array, prevalence: Array, add: Array, seconds: Array) -> tuple[Array, Array, Array]:
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

    def filtered(self, x: Array, people: tuple[Personal, ...]) -> Array:
        """Probabilities of A/H (n, people) from rest."""
        start = np.array([self.log_odds(p) for p in people])
        add = np.stack([self.llr(x, p)[0].sum(axis=1) * x[:, 0] / FADE_S for p in people], axis=1)
        walked, _, _ = self.walk(start, self.prevalences(x, start), add, x[:, 0])
        return np.asarray(1.0 / (1.0 + np.exp(-walked)))

    def log_odds(self, p: Personal) -> float:
        """Of the prevalence where no kind of prompt is known."""
        return logit(p.prevalence if p.prevalence is not None else self.settings.prevalence)

    def figures(self, p: Personal) -> dict[str, float]:
        """All free parameters by name; those that are not known as they are in the filter then."""
        ones, zeros = dict.fromkeys(Channel, 1.0), dict.fromkeys(Channel, 0.0)
        prevalence = p.prevalence if p.prevalence is not None else self.settings.prevalence
        return Personal(p.usual, {**ones, **p.gain}, {**zeros, **p.offset}, prevalence).figures()

    def change(self, method: str, seconds: float, before: Personal, after: Personal, x: Array) -> Change:
        """The step from `before` to `after` for the log, its effect predicted on rows `x`."""
        old, new = self.figures(before), self.figures(after)
        touched = [name for name in new if new[name] != old[name]]
        p = self.filtered(x, (before, after))
        effect = {
            "mean_p_before": float(p[:, 0].mean()),
            "mean_p_after": float(p[:, 1].mean()),
            "changed": float(((p[:, 0] >= 0.5) != (p[:, 1] >= 0.5)).mean()),
        }
        return Change(method, seconds, "s", {n: old[n] for n in touched}, {n: new[n] for n in touched}, effect)


RECENT_S: Final = 60.0
"""Seconds of the latest rows on which the effect of a step is predicted."""


def latest(chunks: tuple[Array, ...]) -> tuple[Array, ...]:
    """The chunks of the last `RECENT_S`."""
    seconds, kept = 0.0, 0
    for x in reversed(chunks):
        if seconds >= RECENT_S:
            break
        seconds, kept = seconds + float(x[:, 0].sum()), kept + 1
    return chunks[len(chunks) - kept :]
