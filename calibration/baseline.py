"""Baseline: settled evidence of a minute of neutral talk flows in; what is usual in the person flows out.

Streaming, past only, no Qt and no thread. `calibration.usual` has the statistics; here is what to gather, what is still
missing, in words, and how good the result is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

import numpy as np

from ahdetect.calibration.adapt import Change
from ahdetect.calibration.usual import Array, usual_of
from ahdetect.capture.clock import NS_PER_S
from ahdetect.models.cues import INDEX, Channel, CueFrame
from ahdetect.models.effects import EFFECTS, Kind
from ahdetect.models.evidence import MAX_GAP_S
from ahdetect.models.face import LIGHT_RAMP, YAW_RAMP
from ahdetect.models.personal import Personal, Usual
from ahdetect.models.posterior import EvidenceFrame, Presence
from ahdetect.models.reference import Reference, reference
from ahdetect.models.words import Word

WANTED: Final[dict[Channel, float]] = {Channel.FACE: 0.8, Channel.BODY: 0.5, Channel.VOICE: 0.4}
"""Share of `aim_s` in which a channel should be there; of the voice, seconds of speech. Assumed."""

NEEDED: Final = (Channel.FACE, Channel.VOICE)
"""Channels that a good baseline needs, where the session has them; the body's effects are small, and assumed."""

GOOD_SHARE: Final = 2 / 3
"""Share of what is wanted that is good enough; assumed."""

SPEECH: Final = 0.5
"""Probability of speech from which a moment counts as speech, as in the desktop's level check."""

FACE_QUALITY: Final = 0.3
"""Faces under it are left out, as in the reference (tools/measure_reference.py)."""

NOT_HERE: Final = ("no video", "no sound", "switched off", "not in this session")
"""Why a channel is absent for the whole session: nobody can mend it while talking."""

KEPT_FRAMES: Final = 36_000
"""Newest moments that are kept: 20 min at 30 fps, 4 MB."""

_LEVELS: Final = tuple(e for e in EFFECTS if e.kind is Kind.LEVEL)
_NAMES: Final = {Channel.FACE: "face", Channel.BODY: "shoulders", Channel.VOICE: "speech"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is of one channel.

    Attributes:
        seconds: gathered; of the voice, seconds of speech.
        wanted: seconds wanted.
        missing: what is still missing, in words; "" where nothing is.
    """

    seconds: float
    wanted: float
    missing: str = ""

    @property
    def share(self) -> float:
        """How much of what is wanted there is, 0-1."""
        return min(1.0, self.seconds / self.wanted) if self.wanted > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a baseline is.

    Attributes:
        elapsed_s: seconds taken in.
        channels: per channel of the session what there is; channels that the session does not have are not named.
    """

    elapsed_s: float
    channels: Mapping[Channel, Gathered]

    @property
    def share(self) -> float:
        """The least of the needed channels' shares, 0-1; of all, where the session has none that is needed."""
        needed = [g.share for c, g in self.channels.items() if c in NEEDED] or [g.share for g in self.channels.values()]
        return min(needed, default=0.0)

    @property
    def done(self) -> bool:
        """Whether nothing that is needed is missing."""
        return self.share >= 1.0

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, a phrase per channel."""
        return tuple(g.missing for g in self.channels.values() if g.missing)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good a baseline is.

    Attributes:
        good: whether it should be used.
        sentences: why, for people; the first is about what weighs most.
    """

    good: bool
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual in a person, in the set-up that it was measured in.

    Attributes:
        usual: per level cue location and scale, shrunk toward the population; cues that were not there have none.
        verdict: how good it is.
        seconds: gathered per channel of the session.
        setup: devices and room it was measured with (`calibration.profile.SETUP`).
        elapsed_s: seconds taken in.
        population: what each cue of `usual` is in people, for comparison.
    """

    usual: Mapping[str, Usual]
    verdict: Verdict
    seconds: Mapping[Channel, float]
    setup: Mapping[str, str] = field(default_factory=dict)
    elapsed_s: float = 0.0
    population: Mapping[str, Reference] = field(default_factory=dict)

    def personal(self, before: Personal | None = None) -> Personal:
        """The person's parameters with this baseline; what it does not know (gains, other cues) stays as `before`."""
        old = before or Personal()
        return Personal({**old.usual, **self.usual}, old.gain, old.offset, old.prevalence)

    def change(self, before: Personal | None = None) -> Change:
        """This baseline as a step for the log.

        The predicted effect: by how many of the population's standard deviations the locations move, and the ratio of
        the person's scale to the population's, each the mean over cues.
        """
        old, new = (before or Personal()).figures(), Personal(self.usual).figures()
        moved = [
            abs(u.location - self.population[c].location) / self.population[c].scale for c, u in self.usual.items()
        ]
        ratio = [u.scale / self.population[c].scale for c, u in self.usual.items()]
        effect = {"mean_shift_sd": float(np.mean(moved)), "mean_scale_ratio": float(np.mean(ratio))} if moved else {}
        return Change(
            "baseline", self.elapsed_s, "s", {k: v for k, v in old.items() if k in new}, new, effect,
            accepted=self.verdict.good, reason="" if self.verdict.good else " ".join(self.verdict.sentences),
        )  # fmt: skip


class BaselineBuilder:
    """One calibration: evidence of neutral talk in, a `Baseline` out.

    Args:
        references: what cues are in the population, by name; default is the shipped table.
        aim_s: seconds of talk to gather.
        setup: devices and room, kept with the result.

    Raises:
        ValueError: `aim_s` is not above 0.
    """

    def __init__(
        self,
        references: Mapping[str, Reference] | None = None,
        aim_s: float = 75.0,
        setup: Mapping[str, str] | None = None,
    ) -> None:
        if not aim_s > 0:
            raise ValueError(f"a baseline cannot aim at {aim_s} s")
        self._population = {e.cue: references[e.cue] if references else reference(e.cue) for e in _LEVELS}
        self._columns = {c: [i for i, e in enumerate(_LEVELS) if e.channel is c] for c in WANTED}
        self._picks = {c: [INDEX[_LEVELS[i].cue] for i in columns] for c, columns in self._columns.items()}
        self._aim_s = aim_s
        self._setup = dict(setup or {})
        self._rows: deque[Array] = deque(maxlen=KEPT_FRAMES)  # time s, lasted s, then the level cues
        self._light: deque[float] = deque(maxlen=KEPT_FRAMES)
        self._elapsed_s = 0.0
        self._last_ns: int | None = None
        self._got_s = dict.fromkeys(WANTED, 0.0)
        self._absent: dict[Channel, Counter[str]] = {c: Counter() for c in WANTED}
        self._words: tuple[Word, ...] = ()

    def take(self, frame: EvidenceFrame) -> None:
        """Take in the next moment; one that is not settled, or not later than the last, is passed over."""
        if not frame.settled or (self._last_ns is not None and frame.t_ns <= self._last_ns):
            return
        self._last_ns = frame.t_ns
        lasted = min(max(frame.dur_ns / NS_PER_S, 0.0), MAX_GAP_S)
        self._elapsed_s += lasted
        row = np.full(2 + len(_LEVELS), np.nan)
        row[:2] = frame.t_ns / NS_PER_S, lasted
        for channel in WANTED:
            cues, why = self._usable(frame, channel)
            if why:
                self._absent[channel][why] += 1
            if cues is not None:
                row[[2 + i for i in self._columns[channel]]] = cues.values[self._picks[channel]]
                self._got_s[channel] += lasted if not why else 0.0
        if lasted > 0:
            self._rows.append(row)

    def words(self, words: Sequence[Word]) -> None:
        """All settled words so far; they say how much was spoken where the voice itself is not analysed."""
        self._words = tuple(words)

    def progress(self) -> Progress:
        """What there is so far and what is missing."""
        found = {}
        for channel, share in WANTED.items():
            if not self._has(channel):
                continue
            got, wanted = self._seconds(channel), share * self._aim_s
            found[channel] = Gathered(got, wanted, self._missing(channel, got, wanted))
        return Progress(self._elapsed_s, found)

    def result(self) -> Baseline:
        """The baseline of what was taken in so far."""
        progress, usual = self.progress(), {}
        if self._rows:
            table = np.array(self._rows)
            for i, effect in enumerate(_LEVELS):
                seen = np.isfinite(table[:, 2 + i])
                found = usual_of(
                    table[seen, 0], table[seen, 2 + i], table[seen, 1], self._population[effect.cue]
                ) if seen.any() else None  # fmt: skip
                if found is not None:
                    usual[effect.cue] = found
        seconds = {c: g.seconds for c, g in progress.channels.items()}
        population = {cue: self._population[cue] for cue in usual}
        return Baseline(usual, self._verdict(progress, bool(usual)), seconds, self._setup, self._elapsed_s, population)

    # -- one moment

    def _usable(self, frame: EvidenceFrame, channel: Channel) -> tuple[CueFrame | None, str]:
        """The cues to learn from, or None; and why this moment does not count as gathered, "" where it does."""
        state, cues = frame.states.get(channel), frame.cues.get(channel)
        if state is None or cues is None or state.presence is Presence.ABSENT or cues.absent:
            return None, "not in this session" if state is None else state.reason or "absent"
        if channel is Channel.VOICE:
            return cues, "" if cues["voice_speech"] >= SPEECH else "no speech"
        if channel is Channel.FACE:
            self._light.append(cues["face_light"])
            if cues["face_quality"] < FACE_QUALITY:
                return None, _face_fault(cues)
        return cues, ""

    # -- in words

    def _has(self, channel: Channel) -> bool:
        """Whether the session has the channel, or may yet have it."""
        why = self._absent[channel]
        if channel is Channel.VOICE and self._words:
            return True
        return self._got_s[channel] > 0 or not why or any(reason not in NOT_HERE for reason in why)

    def _seconds(self, channel: Channel) -> float:
        got = self._got_s[channel]
        if channel is Channel.VOICE and got == 0.0:
            return sum((w.end_ns - w.start_ns) / NS_PER_S for w in self._words)
        return got

    def _missing(self, channel: Channel, got: float, wanted: float) -> str:
        if got >= wanted:
            return ""
        more = f"{ceil(wanted - got - 1e-6)} s more"
        if channel is Channel.VOICE:
            return f"{more} of speech"
        name = _NAMES[channel]
        share = got / self._elapsed_s if self._elapsed_s > 0 else 1.0
        if share >= WANTED[channel]:
            return f"{more} with the {name} in the picture"
        common = self._absent[channel].most_common(1)
        advice = _ADVICE.get(common[0][0] if common else "", "come nearer and face the camera")
        return f"{name} seen in {100 * share:.0f} % of the time: {advice}"

    def _verdict(self, progress: Progress, any_usual: bool) -> Verdict:
        if not any_usual:
            return Verdict(False, ("Nothing was seen or heard for long enough to know what is usual.",))
        good, sentences = True, []
        for channel in (Channel.VOICE, Channel.FACE, Channel.BODY):
            found = progress.channels.get(channel)
            if found is None:
                sentences.append(f"No {_NAMES[channel]} in this session: {_KEEPS[channel]}")
                continue
            enough = found.share >= GOOD_SHARE
            good = good and (enough or channel not in NEEDED)
            sentences.append(self._said(channel, found, enough))
        return Verdict(good, (*sentences, *self._light_said()))

    def _said(self, channel: Channel, found: Gathered, enough: bool) -> str:
        if channel is Channel.VOICE:
            if enough:
                return f"Enough speech: {found.seconds:.0f} s."
            return f"Too little speech: {found.seconds:.0f} s of {found.wanted:.0f} s."
        share = 100 * found.seconds / self._elapsed_s if self._elapsed_s > 0 else 0.0
        name = _NAMES[channel].capitalize()
        said = f"{name} seen in {share:.0f} % of the time"
        return (
            f"{said}." if enough else f"{said}, too little: {_KEEPS[channel] if not found.seconds else _FEW[channel]}"
        )

    def _light_said(self) -> tuple[str, ...]:
        if not self._light:
            return ()
        light = float(np.median(self._light))
        if light < LIGHT_RAMP[1]:
            return ("Light is low: face cues count less.",)
        return ("Light is too bright: face cues count less.",) if light > LIGHT_RAMP[2] else ("Light is good.",)


_KEEPS: Final = {
    Channel.FACE: "face cues keep the population's values.",
    Channel.BODY: "body cues keep the population's values.",
    Channel.VOICE: "voice cues keep the population's values.",
}
_FEW: Final = {
    Channel.FACE: "face cues stay near the population's values.",
    Channel.BODY: "body cues stay near the population's values.",
}
_ADVICE: Final = {
    "no face": "come into the picture",
    "no body": "sit so that both shoulders are in the picture",
    "too dark": "more light on the face",
    "too bright": "less light on the face",
    "turned away": "face the camera",
    "too small or blurred": "sit nearer",
}


def _face_fault(cues: CueFrame) -> str:
    """Why the quality of a face is low; the ramps are those of models/face.py."""
    if cues["face_light"] < LIGHT_RAMP[1]:
        return "too dark"
    if cues["face_light"] > LIGHT_RAMP[2]:
        return "too bright"
    return "turned away" if abs(cues["face_yaw"]) > YAW_RAMP[0] else "too small or blurred"
