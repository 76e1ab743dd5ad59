"""Fusion inputs: cues flow in, whole or one step at a time; standardised features, mask and context flow out.

Per cue three numbers: its value in standard deviations (of the person so far where the cue is a level, of the
population where it counts events), how much that changed since the step before, and whether it is there. Absent is 0.
The first two are multiplied by the person's own gain of the channel, which is 1 where no calibration found another.
Per channel four: the log-likelihood ratio of the effects table at this moment, how well the person's usual is known,
and the person's own gain (log) and offset where a calibration found them. All of it is causal: a value at t uses t and
before. The whole and the step-by-step computation agree to rounding; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.cues import CUES, INDEX, Channel
from ahdetect.models.effects import EFFECTS, Kind, Ratios
from ahdetect.models.evidence import PREVALENCE, PREVALENCE_OF_PROMPT, REFERENCE_WEIGHT_S, logit, prevalence_for
from ahdetect.models.personal import Personal

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

CLIP: Final = 4.0
"""A value further than this many population standard deviations out counts as this far; assumed (tracking errors)."""

PER_CUE: Final = 3
PER_CHANNEL: Final = 4

ANSWER_S: Final = (2.0, 5.0, 15.0)
"""Time constants of the clocks that run since an answer began, s: around the segment's 4.25 s; assumed."""

KINDS: Final = tuple(PREVALENCE_OF_PROMPT)
CONTEXT: Final = len(KINDS) + len(ANSWER_S) + 3
"""Context: kind of prompt, clocks, whether an answer just began, prior log-odds, whether the person's are known."""

PRIOR: Final = CONTEXT - 2
"""Place of the prior log-odds in the context."""

ESTIMATED: Final = 0.5
"""What the context says of a prevalence that was estimated on the way: between not known, 0, and known, 1."""

_EFFECT: Final = {e.cue: e for e in EFFECTS}


def chosen(cues: str) -> tuple[str, ...]:
    """Names of the cues that a network sees, by channel: those with an effect, or all."""
    return tuple(c.name for ch in Channel for c in CUES if c.channel is ch and (cues == "all" or c.name in _EFFECT))


@dataclass(frozen=True)
class Scaling:
    """Population figures of the cues that a network sees; part of the checkpoint.

    Attributes:
        cues: names, channel by channel.
        location: per cue, in its unit.
        scale: likewise, > 0.
        change: standard deviation of the change per step, in scales.
    """

    cues: tuple[str, ...]
    location: Array
    scale: Array
    change: Array

    @cached_property
    def channel(self) -> NDArray[np.intp]:
        """Number of each cue's channel, in the order of `Channel`."""
        of = {c.name: list(Channel).index(c.channel) for c in CUES}
        return np.array([of[name] for name in self.cues], dtype=np.intp)

    @cached_property
    def column(self) -> NDArray[np.intp]:
        """Place of each cue in its channel's vector."""
        return np.array([INDEX[name] for name in self.cues], dtype=np.intp)

    @cached_property
    def level(self) -> Mask:
        """Which cues are measured against the person: all but counts and likelihood ratios."""
        unit = {c.name: c.unit for c in CUES}
        fixed = {e.cue for e in EFFECTS if e.kind is not Kind.LEVEL}
        return np.array([n not in fixed and unit[n] not in ("count", "nats") for n in self.cues])

    @cached_property
    def place(self) -> dict[Channel, NDArray[np.intp]]:
        """Places of each channel's features in a row of features."""
        n = len(self.cues)
        found = {}
        for k, channel in enumerate(Channel):
            own = np.flatnonzero(self.channel == k)
            found[channel] = np.concatenate(
                [(own[:, None] * PER_CUE + np.arange(PER_CUE)).ravel(), n * PER_CUE + k * PER_CHANNEL + np.arange(4)]
            )
        return found

    @property
    def width(self) -> int:
        """Features in a row."""
        return len(self.cues) * PER_CUE + len(Channel) * PER_CHANNEL

    def gather(self, cues: Mapping[Channel, NDArray[np.float32]]) -> Array:
        """The chosen cues of whole sequences, (T, cues), from per-channel tables (T, cues of the channel)."""
        names = tuple(Channel)
        return np.stack(
            [cues[names[c]][:, k] for c, k in zip(self.channel, self.column, strict=True)], axis=1
        ).astype(np.float64)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        rows = zip(self.location.tolist(), self.scale.tolist(), self.change.tolist(), strict=True)
        return dict(zip(self.cues, map(list, rows), strict=True))

    @classmethod
    def from_json(cls, raw: Mapping[str, Sequence[float]]) -> Scaling:
        """What `to_json` wrote. Raises ValueError or KeyError where it is not that."""
        if unknown := raw.keys() - INDEX.keys():
            raise ValueError(f"there is no cue {min(unknown)!r}")
        table = np.array(list(raw.values()), dtype=np.float64)
        return cls(tuple(raw), table[:, 0], table[:, 1], table[:, 2])


def fit_scaling(tables: Sequence[Array], cues: tuple[str, ...]) -> Scaling:
    """Median, spread and spread of changes of each cue over all rows of training sequences, each (T, cues).

    The spread is 1.4826 times the median absolute deviation, or the standard deviation where a cue rests at one value
    most of the time; a cue that nobody has gets 0 and 1.
    """
    rows = np.concatenate(tables)
    steps = np.concatenate([np.diff(t, axis=0) for t in tables])
    location, scale, change = np.zeros(len(cues)), np.ones(len(cues)), np.ones(len(cues))
    for k in range(len(cues)):
        x, d = rows[np.isfinite(rows[:, k]), k], steps[np.isfinite(steps[:, k]), k]
        if not len(x):
            continue
        location[k] = float(np.median(x))
        spread, sd = 1.4826 * float(np.median(np.abs(x - location[k]))), float(x.std())
        scale[k] = spread if spread > 0.2 * sd else sd or 1.0
        if len(d) and d.std() > 0:
            change[k] = float(d.std()) / scale[k]
    return Scaling(cues, location, scale, change)


@dataclass(frozen=True)
class _Known:
    """What is known of a person, as arrays over cues (weight, mean, square) and channels (gain, offset)."""

    weight: Array
    mean: Array
    square: Array
    log_gain: Array
    offset: Array

    @classmethod
    def of(cls, scaling: Scaling, personal: Personal) -> _Known:
        mean, sd = scaling.location.copy(), scaling.scale.copy()
        weight = np.full(len(mean), REFERENCE_WEIGHT_S)
        for k, name in enumerate(scaling.cues):
            usual = personal.usual.get(name)
            if usual is not None and usual.seconds > 0 and scaling.level[k]:  # else it is the population's
                mean[k], sd[k], weight[k] = usual.location, usual.scale, REFERENCE_WEIGHT_S + usual.seconds
        z = (mean - scaling.location) / scaling.scale
        gain = [log(personal.gain.get(c, 1.0)) for c in Channel]
        offset = [personal.offset.get(c, 0.0) for c in Channel]
        return cls(weight, z, z**2 + (sd / scaling.scale) ** 2, np.array(gain), np.array(offset))


class Inputs:
    """Features of one person's stream; `whole` for training, `step` at run time.

    Args:
        scaling: of the network.
        rate_hz: steps per second.
        personal: what is known of the person beforehand.
        prevalence: share of time in A/H where neither prompt nor person is known.
        running: whether level cues are measured against the person's running mean; else against what `personal`, or the
            population, has, all the time.
    """

    def __init__(
        self,
        scaling: Scaling,
        rate_hz: float,
        personal: Personal | None = None,
        prevalence: float = PREVALENCE,
        *,
        running: bool = True,
    ) -> None:
        self.scaling, self.dt = scaling, 1.0 / rate_hz
        self._setting = prevalence
        named = [k for k, name in enumerate(scaling.cues) if name in _EFFECT]
        self._named = np.array(named, dtype=np.intp)
        self._ratios = Ratios([_EFFECT[scaling.cues[k]] for k in named])
        self._sums = np.zeros((len(named), len(Channel)))
        self._sums[np.arange(len(named)), scaling.channel[self._named]] = 1.0
        self._s = _Stream.fresh(scaling, personal or Personal(), running)

    def whole(self, values: Array, present: Mask) -> Floats:
        """Features of a whole sequence, (T, width).

        Args:
            values: of the cues, (T, cues), NaN where absent.
            present: (T, channels).
        """
        z, seen = self._clipped(values, present)
        w = np.where(seen & self.scaling.level & self._s.running, self.dt, 0.0)
        x = np.where(seen, z, 0.0)
        k = self._s.known

        def before(added: Array, start: Array) -> Array:
            """Running sum up to the step before."""
            return np.concatenate([start[None], start + np.cumsum(added, axis=0)[:-1]])

        weight = before(w, k.weight)
        mean, square = before(w * x, k.weight * k.mean) / weight, before(w * x * x, k.weight * k.square) / weight
        last = np.concatenate([np.full((1, x.shape[1]), np.nan), np.where(seen, z, np.nan)[:-1]])
        return self._features(values, z, seen, last, weight, mean, square)

    def step(self, values: Array, present: Mask) -> Floats:
        """Features of the next step, (width,), from values (cues,) and presence (channels,)."""
        s = self._s
        z, seen = self._clipped(values[None], present[None])
        past = (s.last[None], s.weight[None], s.mean[None], s.square[None])
        row: Floats = self._features(values[None], z, seen, *past)[0]
        w = np.where(seen[0] & self.scaling.level & s.running, self.dt, 0.0)
        x, weight = np.where(seen[0], z[0], 0.0), s.weight + w
        self._s = replace(
            s,
            weight=weight,
            mean=(s.weight * s.mean + w * x) / weight,
            square=(s.weight * s.square + w * x * x) / weight,
            last=np.where(seen[0], z[0], np.nan),
        )
        return row

    def context(self, since_s: Array, kinds: Sequence[str | None], estimate: float | None = None) -> Floats:
        """Context rows, (T, CONTEXT).

        Args:
            since_s: seconds since the answer began; infinite where none is known to have begun.
            kinds: kind of prompt in force, or None.
            estimate: the person's share of time in A/H as estimated on the way; takes the place of a known one.
        """
        rows = np.zeros((len(since_s), CONTEXT), dtype=np.float32)
        for k, tau in enumerate(ANSWER_S):
            rows[:, len(KINDS) + k] = np.exp(-since_s / tau)
        rows[:, PRIOR - 1] = since_s < self.dt - 1e-6
        rows[:, PRIOR + 1] = ESTIMATED if estimate is not None else self._s.personal.prevalence is not None
        for kind in set(kinds):
            which = np.array([k == kind for k in kinds])
            rows[which, PRIOR] = self.prior_log_odds(kind, estimate)
            if kind is not None:
                rows[which, KINDS.index(kind)] = 1.0
        return rows

    def prior_log_odds(self, kind: str | None, estimate: float | None = None) -> float:
        """Log-odds of the prevalence in force."""
        own = self._s.personal.prevalence if estimate is None else estimate
        return logit(prevalence_for(kind, self._setting, own))

    def evidence(self, values: Array) -> dict[str, float]:
        """Nats that each cue with an effect says at this step, against the person's usual so far; before `step`."""
        return dict(
            zip(
                (self.scaling.cues[k] for k in self._named),
                self._llr(values[None], self._s.mean[None], self._s.square[None])[0].tolist(),
                strict=True,
            )
        )

    def set_personal(self, personal: Personal) -> None:
        """From now on this is known of the person; the value before stays what a change is measured against."""
        fresh = _Stream.fresh(self.scaling, personal, self._s.running)
        self._s = replace(fresh, last=self._s.last)

    def state(self) -> _Stream:
        """What `step` and `set_personal` change; it is never written to, so no copy is needed."""
        return self._s

    def restore(self, state: _Stream) -> None:
        """Go back to a state got from `state`."""
        self._s = state

    def _clipped(self, values: Array, present: Mask) -> tuple[Array, Mask]:
        seen = np.isfinite(values) & present[:, self.scaling.channel]
        z = (np.where(seen, values, 0.0) - self.scaling.location) / self.scaling.scale
        return np.clip(z, -CLIP, CLIP), seen

    def _llr(self, values: Array, mean: Array, square: Array) -> Array:
        s, n = self.scaling, self._named
        sd = np.sqrt(np.maximum(square - mean**2, 1e-4))[:, n] * s.scale[n]
        llr: Array = self._ratios(values[:, n], s.location[n] + mean[:, n] * s.scale[n], sd)
        return llr

    def _features(
        self, values: Array, z: Array, seen: Mask, last: Array, weight: Array, mean: Array, square: Array
    ) -> Floats:
        s, n = self.scaling, len(self.scaling.cues)
        sd = np.sqrt(np.maximum(square - mean**2, 0.04))  # no person moves less than a fifth of what people do
        own = np.where(s.level, np.clip((z - mean) / sd, -CLIP, CLIP), z)
        change = np.where(np.isfinite(last), (z - last) / s.change, 0.0) / np.where(s.level, sd, 1.0)
        known = self._s.known
        gain = np.exp(known.log_gain)
        strength = np.where(seen, gain[s.channel], 0.0)
        rows = np.zeros((len(values), s.width), dtype=np.float32)
        rows[:, 0 : n * PER_CUE : PER_CUE] = own * strength
        rows[:, 1 : n * PER_CUE : PER_CUE] = np.clip(change, -2 * CLIP, 2 * CLIP) * strength
        rows[:, 2 : n * PER_CUE : PER_CUE] = seen
        shown = np.where(seen, values, np.nan)
        rows[:, n * PER_CUE :: PER_CHANNEL] = (self._llr(shown, mean, square) @ self._sums) * gain
        familiar = np.where(s.level, 1.0 - REFERENCE_WEIGHT_S / weight, 0.0)
        for k in range(len(Channel)):
            which = s.level & (s.channel == k)
            if which.any():
                rows[:, n * PER_CUE + k * PER_CHANNEL + 1] = familiar[:, which].mean(axis=1)
        rows[:, n * PER_CUE + 2 :: PER_CHANNEL] = known.log_gain
        rows[:, n * PER_CUE + 3 :: PER_CHANNEL] = known.offset
        return rows


@dataclass(frozen=True)
class _Stream:
    weight: Array
    mean: Array
    square: Array
    last: Array = field(repr=False)
    running: bool
    personal: Personal
    known: _Known

    @classmethod
    def fresh(cls, scaling: Scaling, personal: Personal, running: bool) -> _Stream:
        known = _Known.of(scaling, personal)
        last = np.full(len(known.mean), np.nan)
        return cls(known.weight, known.mean, known.square, last, running, personal, known)


def answer_clock(t_ns: NDArray[np.int64], prompts: Sequence[tuple[int, str | None]]) -> tuple[Array, list[str | None]]:
    """Seconds since the newest answer began, (T,), infinite before the first, and the kind of prompt in force."""
    starts = np.array([t for t, _ in prompts], dtype=np.int64)
    at = np.searchsorted(starts, t_ns, side="right") - 1
    since = np.array([(t - starts[i]) / 1e9 if i >= 0 else np.inf for t, i in zip(t_ns.tolist(), at, strict=True)])
    return since, [prompts[i][1] if i >= 0 else None for i in at]
