"""Rules: a TOML file of rules and outlets flows in, validated models flow out; a typo is one clear sentence.

[[rule]]
name = "hesitates"
on = 0.6
off = 0.4
moments = ["sustained"]
sustained_s = 2.0
refractory_s = 60

[[outlet]]
kind = "jsonl"
path = "events.jsonl"
"""

from __future__ import annotations

import tomllib
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ahdetect.config import PromptKind
from ahdetect.errors import ConfigError
from ahdetect.events import OFFSET_P, ONSET_P
from ahdetect.models.cues import Channel

COVERAGE: Final = 0.25
"""Share of channels and time that must be there before a rule speaks: one of the four channels all the time, or two of
them half of it. Assumed."""

COVERAGE_S: Final = 1.0
"""Time over which coverage is counted. Assumed: the shortest segment that counts (`events.MIN_SEGMENT_S`)."""


class Moment(Enum):
    """When in a stretch a rule speaks."""

    ONSET = "onset"
    SUSTAINED = "sustained"
    OFFSET = "offset"


class Signal(Enum):
    """What a rule without a channel watches."""

    P = "p"
    LOW = "low"
    BAND = "band"


class RowKind(Enum):
    """Which rows a rule, or an outlet, looks at."""

    SETTLED = "settled"
    PROVISIONAL = "provisional"


class Rule(BaseModel):
    """One rule.

    Attributes:
        name: as it stands in its events.
        moments: when it speaks: onset, sustained, offset.
        signal: "p", the estimate; "low", the lower end of its 80 % band; "band", the words: a stretch begins at
            "elevated" and ends at "low" ("unclear" changes nothing).
        channel: watch what this channel contributes, in log-odds, instead; then `on` and `off` have to be given.
        on: a stretch begins where the signal reaches this.
        off: it ends where the signal falls below this.
        sustained_s: how long a stretch has to last before "sustained".
        prompts: speak only in answers to these kinds of prompt; empty: always.
        refractory_s: a stretch that begins sooner than this after the rule's last onset or sustained is passed over.
        coverage: share of channels (of those the session has; of `channel` alone where given) and time that has to be
            present before an onset or a sustained.
        coverage_s: seconds over which that share is counted.
        rows: "settled", after the words are in; or "provisional", at once, and never taken back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    moments: tuple[Moment, ...] = Field(default=(Moment.ONSET, Moment.OFFSET), min_length=1)
    signal: Signal = Signal.P
    channel: Channel | None = None
    on: float | None = None
    off: float | None = None
    sustained_s: float | None = Field(default=None, gt=0, le=3600)
    prompts: tuple[PromptKind, ...] = ()
    refractory_s: float = Field(default=0.0, ge=0, le=86_400)
    coverage: float = Field(default=COVERAGE, ge=0, le=1)
    coverage_s: float = Field(default=COVERAGE_S, gt=0, le=60)
    rows: RowKind = RowKind.SETTLED

    @model_validator(mode="after")
    def _fits_together(self) -> Rule:
        given = [n for n in ("on", "off") if getattr(self, n) is not None]
        if self.channel is not None:
            if self.signal is not Signal.P:
                raise ValueError("watch a channel or a signal, not both")
            if len(given) < 2:
                raise ValueError("a channel's thresholds are log-odds: give both `on` and `off`")
        elif self.signal is Signal.BAND:
            if given:
                raise ValueError("the worded band has its own thresholds: leave `on` and `off` out")
        elif not (0 < self.ends_below <= self.begins_at < 1):
            raise ValueError("`off` and `on` are probabilities: 0 < off <= on < 1")
        if self.ends_below > self.begins_at:
            raise ValueError("`off` has to be at most `on`")
        if (Moment.SUSTAINED in self.moments) != (self.sustained_s is not None):
            raise ValueError('`sustained_s` and "sustained" in `moments` belong together')
        return self

    @property
    def begins_at(self) -> float:
        """The threshold in force at the beginning of a stretch."""
        if self.channel is None and self.signal is Signal.BAND:
            return 1.0
        return ONSET_P if self.on is None else self.on

    @property
    def ends_below(self) -> float:
        """The threshold in force at its end; where only `on` is given below it, as far below as the usual two."""
        if self.channel is None and self.signal is Signal.BAND:
            return 0.5
        if self.off is not None:
            return self.off
        return OFFSET_P if self.on is None else self.on * OFFSET_P / ONSET_P


class RulesFile(BaseModel):
    """What a rules file holds.

    Attributes:
        rule: the rules, in order.
        outlet: tables for `ahdetect.outlets.specs`: a "kind", and what that kind takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rule: tuple[Rule, ...] = ()
    outlet: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _names_are_names(self) -> RulesFile:
        twice = [name for name, n in Counter(r.name for r in self.rule).items() if n > 1]
        if twice:
            raise ValueError(f"two rules are called {twice[0]}")
        return self


def load_rules(path: str | Path) -> RulesFile:
    """Rules and outlets from a TOML file.

    Raises:
        ConfigError: the file is missing, is no TOML, or holds a key or value that is not allowed.
    """
    path = Path(path)
    try:
        return RulesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(
            f"Cannot read the rules file {path}: {error.strerror}; check its name.", value=path
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", value=path) from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_of(error)} (docs/triggers.md).", value=path) from error


def first_of(error: ValidationError) -> str:
    """The first complaint of a validation, in one clause; rules are counted from 1."""
    first = error.errors()[0]
    key = " ".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key} is not a key"
    what = first["msg"].removeprefix("Value error, ")
    return f"{key}: {what}" if key else what
