"""Triggers: rows and prompts flow in; events of a user's rules flow out, once per stretch, and nothing looks ahead.

A rule watches one number of the rows: the estimate, the lower end of its band, the worded band, or what one channel
contributes. A *stretch* begins where it reaches `on` and ends where it falls below `off` (hysteresis). What comes of a
stretch is one onset, one sustained where it lasts, one offset. `ahdetect.rules` reads rules from a file.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ahdetect.capture.clock import NS_PER_S
from ahdetect.events import TRIGGER, Event
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, Presence, TopCue
from ahdetect.rules import Moment, RowKind, Rule, Signal
from ahdetect.timeline import Row

SENSED: Final = (Channel.FACE, Channel.BODY, Channel.VOICE, Channel.LANGUAGE)
"""Channels that coverage counts; discord is made of them and senses nothing by itself."""

_BANDS: Final = {Band.LOW: 0.0, Band.UNCLEAR: 0.5, Band.ELEVATED: 1.0}
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """What a rule has to say at a row.

    Attributes:
        t_ns: time of that row, session clock.
        rule: name of the rule.
        moment: onset, offset or sustained.
        onset_ns: where the stretch began.
        p: probability of signs consistent with ambivalence/hesitancy at the row, a model estimate.
        low: lower end of its 80 % band.
        high: upper end of it.
        band: the estimate in words.
        value: what the rule watches, at the row.
        coverage: share of channels and time that was present, 0-1.
        cues: what pushes the estimate up most.
        prompt: kind of prompt being answered, None where it is not known.
        row: id of the row.
        settled: False where later words may still change the row.
        reason: why an offset came: "below", "prompt" (another one began) or "end" (of the session); else "".
    """

    t_ns: int
    rule: str
    moment: Moment
    onset_ns: int
    p: float
    low: float
    high: float
    band: Band
    value: float
    coverage: float
    cues: tuple[TopCue, ...]
    prompt: str | None
    row: int
    settled: bool
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; no words of the person."""
        return {
            "rule": self.rule,
            "moment": self.moment.value,
            "length_s": round((self.t_ns - self.onset_ns) / NS_PER_S, 3),
            "p": round(self.p, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "band": self.band.value,
            "value": round(self.value, 4),
            "coverage": round(self.coverage, 3),
            "cues": [{"name": c.name, "log_odds": round(c.log_odds, 3), "phrase": c.phrase} for c in self.cues],
            "prompt": self.prompt,
            "row": self.row,
            "settled": self.settled,
            **({"reason": self.reason} if self.reason else {}),
        }

    def to_event(self) -> Event:
        """The same as an event of the session."""
        detail = self.to_json()
        return Event(self.t_ns, TRIGGER, {**detail, "kind_of_prompt": detail.pop("prompt")})


class _Coverage:
    """How much of the last `window_ns` the channels were present, as a share of all channels that the session has."""

    def __init__(self, rule: Rule) -> None:
        self._channels = SENSED if rule.channel is None else (rule.channel,)
        self._window_ns = round(rule.coverage_s * NS_PER_S)
        self._spans: deque[tuple[int, int, float]] = deque()  # from, to, share
        self._last_ns: int | None = None

    def step(self, row: Row) -> float:
        """Coverage at `row`; the state of a channel at a row holds for the time since the row before."""
        begin = row.t_ns - self._window_ns
        if self._last_ns is not None:
            self._spans.append((max(self._last_ns, begin), row.t_ns, self._share(row)))
        self._last_ns = row.t_ns
        while self._spans and self._spans[0][1] <= begin:
            self._spans.popleft()
        return sum((to - max(since, begin)) * share for since, to, share in self._spans) / self._window_ns

    def _share(self, row: Row) -> float:
        states = [row.states[c] for c in self._channels if c in row.states]
        there = [s for s in states if s.in_session]
        return sum(s.presence is Presence.PRESENT for s in there) / len(there) if there else 0.0


class _State(Enum):
    IDLE = "below `on`"
    ACTIVE = "in a stretch"
    MUTED = "in a stretch that began too soon after the last one"


class _Machine:
    """One rule on its way through the rows."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._coverage = _Coverage(rule)
        self._state = _State.IDLE
        self._onset_ns = 0
        self._sustained = False
        self._spoke_ns: int | None = None
        self._last: tuple[Row, str | None, float] | None = None
        self._next_id = 0

    def step(self, row: Row, prompt: str | None) -> list[TriggerEvent]:
        if not self._wants(row):
            return []
        self._last = row, prompt, (covered := self._coverage.step(row))
        value = self._value(row)
        asked = not self.rule.prompts or prompt in self.rule.prompts
        if not asked or value < self.rule.ends_below:
            return self._end("below" if asked else "prompt")
        if self._state is _State.IDLE and value >= self.rule.begins_at:
            return self._begin(row, covered)
        if self._state is _State.ACTIVE:
            return self._go_on(row, covered)
        return []

    def close(self) -> list[TriggerEvent]:
        return self._end("end")

    def _wants(self, row: Row) -> bool:
        """Settled rows; or of each row what is known first, which is settled where words were that fast."""
        if self.rule.rows is RowKind.SETTLED:
            return row.settled
        if row.id < self._next_id:
            return False
        self._next_id = row.id + 1
        return True

    def _value(self, row: Row) -> float:
        if self.rule.channel is not None:
            return row.contributions.get(self.rule.channel, 0.0)
        return {Signal.P: row.p, Signal.LOW: row.low, Signal.BAND: _BANDS[row.band]}[self.rule.signal]

    def _begin(self, row: Row, covered: float) -> list[TriggerEvent]:
        if covered < self.rule.coverage - _ROUNDING:
            return []  # it may still come
        if self._spoke_ns is not None and row.t_ns - self._spoke_ns < self.rule.refractory_s * NS_PER_S:
            self._state = _State.MUTED
            return []
        self._state, self._onset_ns, self._sustained = _State.ACTIVE, row.t_ns, False
        return self._say(Moment.ONSET)

    def _go_on(self, row: Row, covered: float) -> list[TriggerEvent]:
        wanted = self.rule.sustained_s
        lasted_ns = row.t_ns - self._onset_ns
        if wanted is None or self._sustained or lasted_ns < wanted * NS_PER_S:
            return []
        if covered < self.rule.coverage - _ROUNDING:
            return []
        self._sustained = True
        return self._say(Moment.SUSTAINED)

    def _end(self, reason: str) -> list[TriggerEvent]:
        was, self._state = self._state, _State.IDLE
        return self._say(Moment.OFFSET, reason) if was is _State.ACTIVE else []

    def _say(self, moment: Moment, reason: str = "") -> list[TriggerEvent]:
        assert self._last is not None
        row, prompt, covered = self._last
        if moment not in self.rule.moments:
            return []
        if moment is not Moment.OFFSET:
            self._spoke_ns = row.t_ns
        return [
            TriggerEvent(
                row.t_ns, self.rule.name, moment, self._onset_ns, row.p, row.low, row.high, row.band, self._value(row),
                covered, row.top, prompt, row.id, row.settled, reason,
            )
        ]  # fmt: skip


class Triggers:
    """Rules at work in one session.

    Args:
        rules: what to say, and when.
        prompt: kind of prompt answered from the start, None where it is not known.

    Example:
        >>> from ahdetect.rules import Moment, Rule
        >>> rule = Rule(name="calls-for-help", on=0.6, moments=(Moment.SUSTAINED,), sustained_s=2.0, refractory_s=60)
        >>> triggers = Triggers([rule])
        >>> for row in session.rows():
        ...     for event in triggers.step(row):
        ...         print(event.t_ns, event.rule, event.moment.value, event.p, event.coverage)
    """

    def __init__(self, rules: Sequence[Rule], prompt: str | None = None) -> None:
        self._machines = [_Machine(rule) for rule in rules]
        self._prompts: list[tuple[int, int, str | None]] = [(-1, 0, prompt)]

    def mark_prompt(self, t_ns: int, kind: str | None) -> None:
        """A prompt ended at `t_ns`; the rows from there on answer it."""
        insort(self._prompts, (t_ns, len(self._prompts), kind))

    def step(self, row: Row) -> list[TriggerEvent]:
        """What the rules have to say at `row`, in the order of the rules; rows come as a session hands them out."""
        prompt = self._prompts[bisect_right(self._prompts, row.t_ns, key=lambda p: p[0]) - 1][2]
        return [event for machine in self._machines for event in machine.step(row, prompt)]

    def close(self) -> list[TriggerEvent]:
        """No more rows will come: the offsets of stretches that are still open, at the last row."""
        return [event for machine in self._machines for event in machine.close()]
