"""Bayes: a person's unlabelled rows flow in; the free parameters of a fuser for this person flow out, step by step.

`particles.Particles` infers the person; this makes an adapter of it, for the evidence filter and for a fusion network
alike, for both take a `Personal`. A step moves each parameter toward what is known now, never further than people
differ, and leaves alone what would move by less than could be seen: so the log stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log
from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Array, Change
from ahdetect.calibration.guards import STEP
from ahdetect.calibration.particles import PARTICLES, Known, Particles
from ahdetect.calibration.rows import RowFilter, latest
from ahdetect.models.cues import Channel
from ahdetect.models.effects import EFFECTS
from ahdetect.models.evidence import EvidenceSettings
from ahdetect.models.personal import GAIN_BOUNDS, PREVALENCE_BOUNDS, SCALE_BOUNDS, Personal, Usual
from ahdetect.models.population import offset_of
from ahdetect.models.reference import Reference

LEAST_S: Final = 5.0
"""Seconds with any cue before the first step; what is known then is nearly all the population's."""

MOST: Final = 0.9
"""Share of the guards' limits that a step goes: what is further off is reached in several."""

LEAST: Final[dict[str, float]] = {"location": 0.03, "scale": 0.03, "gain": 0.02, "offset": 0.02, "prevalence": 0.004}
"""What is not worth a step: in own scales, in log, in its own units. Hundredths of the spread over people; assumed."""


@dataclass(frozen=True, slots=True)
class _State:
    personal: Personal
    seconds: float
    particles: object
    recent: tuple[Array, ...]


class EvidenceBayes:
    """Adapts usual values, gains, offsets and prevalence; obeys `Adapter`.

    Args:
        settings: of the filter that is adapted.
        personal: where to begin, for instance what a calibration found.
        references: location and scale of level cues in the population; default is the shipped table.
        particles: see `particles.PARTICLES`.
    """

    name = "bayes"

    def __init__(
        self,
        settings: EvidenceSettings | None = None,
        personal: Personal | None = None,
        references: Mapping[str, Reference] | None = None,
        particles: int = PARTICLES,
    ) -> None:
        self._model = RowFilter(settings, references)
        given = personal or Personal()
        self._start = self._model.complete(given)
        self._particles = Particles(self._model, given, particles)
        self._s = _State(self._start, 0.0, self._particles.state(), ())

    @property
    def personal(self) -> Personal:
        """What is in force."""
        return self._s.personal

    def observe(self, x: Array) -> Change | None:
        """Learn from rows of `row_of`, (n, WIDTH); None where nothing moved by enough to be seen."""
        before = self._s.personal
        if not self.learn(x):
            return None
        s = self._s
        return self._model.change(self.name, s.seconds, before, s.personal, np.concatenate(s.recent))

    def learn(self, x: Array) -> bool:
        """`observe` without a word for the log; whether anything moved."""
        s = self._s
        for row in x:
            self._particles.take(row)
        seen = s.seconds + float(x[np.isfinite(x[:, 2:]).any(axis=1), 0].sum())
        personal = s.personal
        if seen >= LEAST_S:
            personal = self._toward(s.personal, self._particles.known())
        self._s = _State(personal, seen, self._particles.state(), latest((*s.recent, x)))
        return personal is not s.personal

    def predict(self, x: Array) -> Array:
        """Probabilities (n, 2) of not A/H and A/H by the evidence filter, from rest, past only."""
        p = self._model.filtered(x, (self._s.personal,))[:, 0]
        return np.stack([1.0 - p, p], axis=1)

    def figures(self) -> dict[str, float]:
        """All free parameters by name, the population's where the person's are not known."""
        return self._model.figures(self._s.personal)

    def forget(self, channels: frozenset[str]) -> None:
        """Back to the beginning for these channels; what is usual in them may then be anything that people have."""
        self._particles.forget(channels)
        s, start = self._s, self._start
        of = {e.cue: e.channel.value in channels for e in EFFECTS}
        gone = {c for c in Channel if c.value in channels}
        personal = replace(
            s.personal,
            usual={n: start.usual[n] if of[n] else u for n, u in s.personal.usual.items()},
            gain=_back(s.personal.gain, start.gain, gone),
            offset=_back(s.personal.offset, start.offset, gone),
        )
        self._s = replace(s, personal=personal, particles=self._particles.state())

    def state(self) -> object:
        """Everything that `observe` changes; values that are never changed in place, so the copy is free."""
        return self._s

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        assert isinstance(state, _State)
        self._s = state
        self._particles.restore(state.particles)

    def _toward(self, old: Personal, known: Known) -> Personal:
        """The parameters in force, moved toward what is known; the same object where none moves."""
        usual, moved = dict(old.usual), False
        for i, location in known.location.items():
            if not known.seconds[i]:
                continue  # nobody saw it yet
            e, scale = EFFECTS[i], known.scale[i]
            was, population = usual[e.cue], float(self._model.scale[i])
            low, high = (bound * population for bound in SCALE_BOUNDS)
            middle = was.location + was.scale * _step("location", (location - was.location) / was.scale)
            width = was.scale * exp(_step("scale", log(min(max(scale, low), high) / was.scale)))
            if (middle, width) != (was.location, was.scale):
                usual[e.cue], moved = Usual(middle, width, known.seconds[i]), True
        gain, offset = dict(old.gain), dict(old.offset)
        for k, c in enumerate(Channel):
            was_gain, was_offset = gain.get(c, 1.0), offset.get(c, 0.0)
            now = float(np.clip(known.gain[k], *GAIN_BOUNDS))
            gain[c] = was_gain + _step("gain", now - was_gain)
            offset[c] = was_offset + _step("offset", offset_of(c, now, known.rate, known.tilt) - was_offset)
            moved |= (gain[c], offset[c]) != (was_gain, was_offset)
        before = old.prevalence if old.prevalence is not None else self._model.settings.prevalence
        share = float(np.clip(known.prevalence, *PREVALENCE_BOUNDS))
        prevalence = before + _step("prevalence", share - before)
        moved |= prevalence != before
        return Personal(usual, gain, offset, prevalence) if moved else old


def _step(kind: str, by: float) -> float:
    """How far a parameter of this kind goes when it should go `by`."""
    most = MOST * STEP[kind]
    return 0.0 if abs(by) < LEAST[kind] else min(max(by, -most), most)


def _back(now: Mapping[Channel, float], start: Mapping[Channel, float], gone: set[Channel]) -> dict[Channel, float]:
    kept = {c: x for c, x in now.items() if c not in gone}
    return {**kept, **{c: start[c] for c in gone if c in start}}
