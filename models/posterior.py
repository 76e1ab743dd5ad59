"""Posterior: what a fuser is given for one moment, and what it says about it; the protocol that every fuser obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from ahdetect.models.cues import Channel, CueFrame

FIXED_REASONS: Final = ("no video", "no sound", "switched off")
"""Why a channel is absent for the whole session."""


class Presence(Enum):
    """Whether a channel says anything at a moment."""

    PRESENT = "present"
    STALE = "stale"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class ChannelState:
    """State of one channel at one row.

    Attributes:
        presence: present; stale (its newest value is older than it should be); absent.
        age_ns: age of the value that was used, ns; 0 where absent.
        reason: why it is stale or absent, in words ("no face", "silence", "words 1.2 s behind"); "" where present.
    """

    presence: Presence
    age_ns: int = 0
    reason: str = ""

    @property
    def in_session(self) -> bool:
        """Whether the session has this channel at all."""
        return self.presence is not Presence.ABSENT or self.reason not in FIXED_REASONS


@dataclass(frozen=True, slots=True)
class EvidenceFrame:
    """All channels at one moment, joined.

    Attributes:
        t_ns: the moment (the video frame's own time), session clock.
        dur_ns: time since the row before, ns.
        cues: per channel the cues to use, or None where absent.
        states: per channel its presence.
        settled: whether nothing about this moment can change any more.
    """

    t_ns: int
    dur_ns: int
    cues: Mapping[Channel, CueFrame | None]
    states: Mapping[Channel, ChannelState]
    settled: bool


class Band(Enum):
    """The estimate in words; "unclear" is a real answer."""

    LOW = "low"
    UNCLEAR = "unclear"
    ELEVATED = "elevated"


@dataclass(frozen=True, slots=True)
class TopCue:
    """A cue that pushes the estimate up, for the explanation.

    Attributes:
        name: as in the cue table.
        value: as measured, in the cue's unit.
        log_odds: what it adds.
        phrase: in words.
    """

    name: str
    value: float
    log_odds: float
    phrase: str


@dataclass(frozen=True, slots=True)
class Posterior:
    """What a fuser says about one moment: signs consistent with ambivalence/hesitancy, a model estimate.

    Attributes:
        p: probability of the A/H state, 0-1.
        low: lower end of the 80 % uncertainty band of `p`.
        high: upper end of it.
        band: the estimate in words.
        prior_log_odds: log-odds of the prevalence in force (or of the kind of prompt).
        contributions: log-odds that each channel adds; with `prior_log_odds` they sum to logit(p).
        top: at most three cues that push up most, strongest first.
    """

    p: float
    low: float
    high: float
    band: Band
    prior_log_odds: float
    contributions: Mapping[Channel, float]
    top: tuple[TopCue, ...] = ()


class Fuser(Protocol):
    """One session of a fusion model: evidence in, posterior out, in order of time."""

    def step(self, frame: EvidenceFrame) -> Posterior:
        """Take in the next moment and say what is known at it (causal: later moments change nothing)."""
        ...

    def set_prompt(self, kind: str | None) -> None:
        """The kind of prompt now being answered, a prior; None for not known."""
        ...

    def state(self) -> object:
        """A copy of everything that `step` changes, to come back to with `restore`."""
        ...

    def restore(self, state: object) -> None:
        """Go back to a state got from `state`."""
        ...
