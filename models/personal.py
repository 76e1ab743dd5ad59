"""Personal: what is known of one person's usual cues flows from calibration into the evidence filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Final

from ahdetect.models.cues import INDEX, Channel

SCALE_BOUNDS: Final = (0.2, 5.0)
"""A person's own scale of a cue against the population's: a fifth or five times is a fault, no person."""

GAIN_BOUNDS: Final = (0.25, 2.0)
"""How far adaptation may weaken or strengthen a channel's log-likelihood ratio."""

OFFSET_BOUNDS: Final = (-1.0, 1.0)
"""Nats that adaptation may add to a channel's log-likelihood ratio at every moment."""

PREVALENCE_BOUNDS: Final = (0.03, 0.5)
"""Share of time in A/H that adaptation may arrive at: BAH's kinds of prompt have .05 to .34."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What one cue usually is in one person.

    Attributes:
        location: in the cue's unit.
        scale: likewise, > 0.
        seconds: of this person's data behind the two, shrinkage to the population already done.
    """

    location: float
    scale: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Personal:
    """The free parameters of the evidence filter for one person; the default changes nothing.

    Attributes:
        usual: per level cue its location and scale; cues that are not named keep the population's.
        gain: per channel the factor on its log-likelihood ratio; 1 where not named.
        offset: per channel the nats added to it while the channel is present; 0 where not named.
        prevalence: share of time in A/H where no kind of prompt is known; None keeps the setting.
    """

    usual: Mapping[str, Usual] = field(default_factory=dict)
    gain: Mapping[Channel, float] = field(default_factory=dict)
    offset: Mapping[Channel, float] = field(default_factory=dict)
    prevalence: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no calibration of ours can have written.

        Raises:
            ValueError: an unknown cue, or a value out of its bounds.
        """
        for cue, u in self.usual.items():
            if cue not in INDEX:
                raise ValueError(f"there is no cue {cue!r}")
            if not (isfinite(u.location) and isfinite(u.scale) and u.scale > 0 and u.seconds >= 0):
                raise ValueError(f"the usual value of {cue} is not one: {u}")
        for what, values, (low, high) in (("gain", self.gain, GAIN_BOUNDS), ("offset", self.offset, OFFSET_BOUNDS)):
            for channel, value in values.items():
                if not low <= value <= high:
                    raise ValueError(f"the {what} of {channel.value} is {value}, not within {low} and {high}")
        low, high = PREVALENCE_BOUNDS
        if self.prevalence is not None and not low <= self.prevalence <= high:
            raise ValueError(f"the prevalence is {self.prevalence}, not within {low} and {high}")

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return {
            "usual": {cue: asdict(u) for cue, u in self.usual.items()},
            "gain": {c.value: v for c, v in self.gain.items()},
            "offset": {c.value: v for c, v in self.offset.items()},
            "prevalence": self.prevalence,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Personal:
        """What `to_json` wrote.

        Raises:
            ValueError: it is not that; KeyError, TypeError likewise.
        """
        return cls(
            {cue: Usual(**u) for cue, u in raw["usual"].items()},
            {Channel(c): float(v) for c, v in raw["gain"].items()},
            {Channel(c): float(v) for c, v in raw["offset"].items()},
            raw["prevalence"],
        )

    def figures(self) -> dict[str, float]:
        """Every free parameter by a flat name, for logs and limits."""
        found = {} if self.prevalence is None else {"prevalence": self.prevalence}
        for cue, u in self.usual.items():
            found |= {f"{cue}.location": u.location, f"{cue}.scale": u.scale}
        for what, values in (("gain", self.gain), ("offset", self.offset)):
            found |= {f"{channel.value}.{what}": value for channel, value in values.items()}
        return found
