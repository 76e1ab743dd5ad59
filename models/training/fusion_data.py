"""Data of the fusion network: labelled sequences or simulated people flow in; batches of windows flow out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import DataError
from ahdetect.models.cues import CUES, Channel
from ahdetect.models.evidence import PREVALENCE, REFERENCE_WEIGHT_S, logit, sigmoid
from ahdetect.models.fusion_config import FusionConfig, NetworkConfig, SimulatedData, TrainingConfig
from ahdetect.models.fusion_inputs import (
    KINDS,
    PRIOR,
    Array,
    Floats,
    Inputs,
    Mask,
    Scaling,
    answer_clock,
    chosen,
    fit_scaling,
)
from ahdetect.models.personal import PREVALENCE_BOUNDS, Personal, Usual
from ahdetect.models.population import ODDS_SPREAD
from ahdetect.models.reference import reference
from ahdetect.models.simulate import (
    COLUMNS,
    SimulatedPerson,
    SimulatedSession,
    optimal,
    simulate,
    simulate_session,
)
from ahdetect.models.training.sequences import Sequence as CueSequence
from ahdetect.models.training.sequences import of_simulated

INDEX_CHANNEL: Final = {c.name: c.channel for c in CUES}

TEST_SEED: Final = 1_000_003
"""Added to the seed of training for simulated test people, so that nobody is in both; validation takes half of it."""

CALIBRATION_S: Final = 75.0
"""Length of a calibration of a simulated person, s: as `ahdetect calibrate`."""

CALIBRATION_FPS: Final = 5.0

STILL: Final = 0.25
"""Share of the strangers that are measured against the population all the time, not their running mean; assumed."""

ESTIMATE_CORRELATION: Final = (0.2, 0.8)
"""How well an estimate of how often somebody is in A/H follows the truth, first minute to tenth; assumed."""

FROM_START: Final = 0.3
"""Share of windows that begin where their clip does; assumed."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A sequence at the network's own rate, before scaling.

    Attributes:
        name: of the clip.
        person: who it is.
        values: (T, cues), NaN where absent.
        present: (T, channels).
        truth: (T,), 1, 0 or NaN.
        video_label: 1, 0 or NaN.
        since_s: seconds since the answer began, (T,).
        kinds: kind of prompt in force.
        personal: what the network is told of the person.
        split: train, val, test or "".
        running: whether the person's running mean goes on from there.
        estimate: share of time in A/H that an adaptation would have arrived at; None without one.
    """

    name: str
    person: str
    values: Array
    present: Mask
    truth: Floats
    video_label: float
    since_s: Array
    kinds: tuple[str | None, ...]
    personal: Personal | None
    split: str
    running: bool = True
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """A clip as the network takes it: features (T, F), mask (T, channels), context (T, CONTEXT), truth (T,).

    Attributes:
        blind: prior log-odds where the kind of prompt is not known.
    """

    features: Floats
    mask: Floats
    context: Floats
    truth: Floats
    video_label: float
    person: str
    blind: float

    def blinded(self, *, clock: bool) -> Features:
        """The same where the kind of prompt is not known; without `clock` not when an answer began either."""
        context = self.context.copy()
        context[:, : len(KINDS)] = 0.0
        context[:, PRIOR] = self.blind
        if not clock:
            context[:, len(KINDS) : PRIOR] = 0.0
        return replace(self, context=context)

    def without(self, channel: Channel, scaling: Scaling) -> Features:
        """The same with one channel absent all the time."""
        features, mask = self.features.copy(), self.mask.copy()
        features[:, scaling.place[channel]] = 0.0
        mask[:, list(Channel).index(channel)] = 0.0
        return replace(self, features=features, mask=mask)


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows side by side, padded at the end: (B, T, ...); `valid` is 1 where there is a step.

    Attributes:
        video: (B,), the clip's label where the window is the whole clip, else NaN.
    """

    features: Floats
    mask: Floats
    context: Floats
    truth: Floats
    valid: Floats
    video: Floats


@dataclass(frozen=True, slots=True)
class Data:
    """What a network is trained on.

    Attributes:
        scaling: fitted on the training clips.
        train: clips to learn from.
        validation: clips to stop early by; of other people.
        prevalence: share of A/H among the labelled steps of training.
        source: what the data are, for the checkpoint.
        best: per validation clip the log-odds of the Bayes-optimal filter, (T,), where the data are simulated.
    """

    scaling: Scaling
    train: list[Features]
    validation: list[Features]
    prevalence: float
    source: str
    best: tuple[Array, ...] = ()


def resampled(t_ns: NDArray[np.int64], rate_hz: float) -> NDArray[np.intp]:
    """Frames that a network at `rate_hz` sees: at each tick from the first frame on, the newest one; (ticks,)."""
    step = round(1e9 / rate_hz)
    ticks = np.arange(t_ns[0], t_ns[-1] + 1, step)
    return np.asarray(np.searchsorted(t_ns, ticks, side="right") - 1, dtype=np.intp)


def clip_of(sequence: CueSequence, network: NetworkConfig, personal: Personal | None = None) -> Clip:
    """A sequence at the network's own rate.

    Raises:
        DataError: it has no frame.
    """
    if not len(sequence.t_ns):
        raise DataError(f"{sequence.name} has no frame; extract it again.", value=sequence.name)
    gather = _unscaled(chosen(network.cues)).gather
    at = resampled(sequence.t_ns, network.rate_hz)
    since, kinds = answer_clock(sequence.t_ns[at], sequence.prompts)
    return Clip(
        sequence.name,
        sequence.person,
        gather({c: sequence.cues[c][at] for c in Channel}),
        sequence.present[at],
        sequence.truth[at],
        sequence.video_label,
        since,
        tuple(kinds),
        personal,
        sequence.split,
    )


def features_of(clip: Clip, scaling: Scaling, rate_hz: float) -> Features:
    """A clip as the network takes it."""
    inputs = Inputs(scaling, rate_hz, clip.personal, running=clip.running)
    return Features(
        inputs.whole(clip.values, clip.present),
        clip.present.astype(np.float32),
        inputs.context(clip.since_s, clip.kinds, clip.estimate),
        clip.truth,
        clip.video_label,
        clip.person,
        inputs.prior_log_odds(None, clip.estimate),
    )


def simulated_clips(
    sessions: Iterable[SimulatedSession], network: NetworkConfig, how: SimulatedData, seed: int
) -> list[Clip]:
    """Simulated sessions as clips, each person as well known as one may be at run time.

    A share is known; a share had a calibration, whose usual values then stay; the rest are strangers, a part of whom is
    measured against the population all the time. A part of those who are not known has an estimate of how often they
    are in A/H, as good as one from some minutes.
    """
    found = []
    for i, s in enumerate(sessions):
        rng = np.random.default_rng([seed, i, 77])
        clip, u = clip_of(of_simulated(s, f"simulated {i}"), network), rng.random()
        if u < how.known:
            found.append(replace(clip, personal=s.person.personal()))
            continue
        estimate = _estimated(s.person.prevalence, rng) if rng.random() < how.estimated else None
        if u < how.known + how.calibrated:
            found.append(replace(clip, personal=calibrated(s.person, rng), running=False, estimate=estimate))
        else:
            found.append(replace(clip, running=rng.random() >= STILL, estimate=estimate))
    return found


def calibrated(person: SimulatedPerson, rng: np.random.Generator, seconds: float = CALIBRATION_S) -> Personal:
    """What neutral talk tells of a simulated person: usual values, the population as `REFERENCE_WEIGHT_S` of data."""
    talk = simulate_session(person, rng, minutes=seconds / 60.0, fps=CALIBRATION_FPS, kinds=("neutral",))
    usual = {}
    for name in person.usual:
        channel, ref = INDEX_CHANNEL[name], reference(name)
        x = talk.cues[channel][:, COLUMNS[channel].index(name)].astype(np.float64)
        x = (x[np.isfinite(x)] - ref.location) / ref.scale
        own, weight = len(x) / CALIBRATION_FPS, REFERENCE_WEIGHT_S + len(x) / CALIBRATION_FPS
        if own < 1.0:
            continue
        mean = own * float(x.mean()) / weight
        sd = sqrt((REFERENCE_WEIGHT_S + own * float(x.var())) / weight)
        usual[name] = Usual(ref.location + ref.scale * mean, ref.scale * sd, own)
    return Personal(usual)


def _estimated(prevalence: float, rng: np.random.Generator) -> float:
    """An estimate that correlates with the truth over people by `ESTIMATE_CORRELATION`, shrunk as an estimate is."""
    rho, centre = rng.uniform(*ESTIMATE_CORRELATION), logit(PREVALENCE)
    noise = sqrt(1.0 - rho**2) * ODDS_SPREAD * rng.normal()
    return float(np.clip(sigmoid(centre + rho * (rho * (logit(prevalence) - centre) + noise)), *PREVALENCE_BOUNDS))


def simulated(config: FusionConfig) -> Data:
    """Simulated people to train on, and others to stop early by."""
    how, seed, fps = config.simulated, config.training.seed, config.network.rate_hz

    def clips(sessions: Iterable[SimulatedSession], at: int) -> list[Clip]:
        return simulated_clips(sessions, config.network, how, at)

    # The sessions of training, which are the most of all, are not kept.
    train = clips(simulate(how.people, seed, minutes=how.minutes, fps=fps), seed)
    validation = simulate(how.validation, seed + TEST_SEED // 2, minutes=how.minutes, fps=fps)
    best = tuple(bounded_log_odds(optimal(s)) for s in validation)
    source = f"simulated cues of {how.people} simulated people"
    return replace(_data(train, clips(validation, seed + 1), config.network, source), best=best)


def bounded_log_odds(p: Array) -> Array:
    """Log-odds of probabilities, kept within what a thousandth and its opposite say."""
    p = np.clip(p, 1e-3, 1.0 - 1e-3)
    return np.asarray(np.log(p) - np.log1p(-p))


def of_corpus(sequences: Iterable[CueSequence], config: FusionConfig, source: str) -> Data:
    """A corpus by its own split; where it names none, people are divided at random.

    Raises:
        DataError: nothing is left to train on or to validate on, or no label is there.
    """
    clips = [clip_of(s, config.network) for s in sequences]
    if not any(c.split for c in clips):
        clips = divided(clips, config.training)
    train, validation = ([c for c in clips if c.split == name] for name in ("train", "val"))
    if not train or not validation:
        raise DataError(
            f"{source} has {len(train)} training and {len(validation)} validation clips; both are needed: name splits "
            "or bring more people.",
            value=source,
        )
    return _data(train, validation, config.network, source)


def divided(clips: Sequence[Clip], config: TrainingConfig) -> list[Clip]:
    """The clips with a split, people kept together."""
    people = sorted({c.person for c in clips})
    order = np.random.default_rng(config.seed).permutation(len(people))
    held = {people[i] for i in order[: max(1, round(len(people) * config.validation_share))]}
    return [replace(c, split="val" if c.person in held else "train") for c in clips]


def _data(train: list[Clip], validation: list[Clip], network: NetworkConfig, source: str) -> Data:
    scaling = fit_scaling([c.values for c in train], chosen(network.cues))
    known = np.concatenate([c.truth[np.isfinite(c.truth)] for c in train])
    labelled = len(known) or any(np.isfinite(c.video_label) for c in train)
    if not labelled or (len(known) and not 0.0 < known.mean() < 1.0):
        raise DataError(f"{source} has no labels of both kinds; frames or clips with and without A/H are needed.")
    made = [[features_of(c, scaling, network.rate_hz) for c in clips] for clips in (train, validation)]
    return Data(scaling, made[0], made[1], float(known.mean()) if len(known) else 0.5, source)


def window(
    clips: Sequence[Features], config: TrainingConfig, rate_hz: float, scaling: Scaling, rng: np.random.Generator
) -> Batch:
    """A batch of random windows of random clips, with channels dropped at random."""
    length, lead = round(config.window_s * rate_hz), round(config.lead_s * rate_hz)
    taken = []
    for i in rng.integers(len(clips), size=config.batch):
        clip, n = clips[i], len(clips[i].truth)
        # More windows begin where the person is not known yet than chance would give.
        start = 0 if n <= length or rng.random() < FROM_START else int(rng.integers(n - length + 1))
        cut = _cut(clip, start, length)
        if start:
            cut.truth[:lead] = np.nan
        elif n > length:
            cut = replace(cut, video_label=float("nan"))
        if rng.random() < config.prompt_dropout:
            cut = cut.blinded(clock=rng.random() < 0.5)
        taken.append(_dropped(cut, scaling, config.channel_dropout, rng))
    return collated(taken)


def _cut(clip: Features, start: int, length: int) -> Features:
    part = slice(start, start + length)
    label = float("nan") if start else clip.video_label
    return Features(
        clip.features[part].copy(),
        clip.mask[part].copy(),
        clip.context[part],
        clip.truth[part].copy(),
        label,
        clip.person,
        clip.blind,
    )


def _dropped(clip: Features, scaling: Scaling, chance: float, rng: np.random.Generator) -> Features:
    gone = rng.random(len(Channel)) < chance
    if gone.all():
        gone[int(rng.integers(len(gone)))] = False
    for k, channel in enumerate(Channel):
        if gone[k]:
            clip.features[:, scaling.place[channel]] = 0.0
    clip.mask[:, gone] = 0.0
    return clip


def collated(clips: Sequence[Features]) -> Batch:
    """Clips side by side, padded with nothing at the end."""
    n, longest = len(clips), max(len(c.truth) for c in clips)

    def padded(arrays: Sequence[Floats], fill: float = 0.0) -> Floats:
        out = np.full((n, longest, *arrays[0].shape[1:]), fill, dtype=np.float32)
        for row, x in zip(out, arrays, strict=True):
            row[: len(x)] = x
        return out

    return Batch(
        padded([c.features for c in clips]),
        padded([c.mask for c in clips]),
        padded([c.context for c in clips]),
        padded([c.truth for c in clips], np.nan),
        padded([np.ones(len(c.truth), np.float32) for c in clips]),
        np.array([c.video_label for c in clips], dtype=np.float32),
    )


def _unscaled(cues: tuple[str, ...]) -> Scaling:
    n = len(cues)
    return Scaling(cues, np.zeros(n), np.ones(n), np.ones(n))
