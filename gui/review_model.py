"""Review model: a session or an analysis flows in; what windows show at the cursor flows out. It knows no Qt.

Windows watch it (`on_change`) and ask it; they hold no state of their own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ahdetect.gui.before_after import BeforeAfter
from ahdetect.gui.opening import Loaded
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, Presence
from ahdetect.store.annotations import Annotations
from ahdetect.store.reader import Session
from ahdetect.timeline import NS_PER_S, Row, Segment, Timeline

LOOKED_AT: Final = 240
"""Rows of a segment that its evidence is read from, evenly spread: eight a second in a segment of half a minute."""

NAMED: Final = 3
"""Cues that are named per channel."""


@dataclass(frozen=True, slots=True)
class Uncalibrated:
    """What would have been said at one row without the person's calibration; as in `Row`."""

    p: float
    low: float
    high: float
    band: Band


@dataclass(frozen=True, slots=True)
class ChannelEvidence:
    """What one channel says about a stretch of time.

    Attributes:
        channel: which.
        log_odds: what it adds on average, NaN where it was never present.
        cues: named cues and what each adds on average over the stretch, strongest first.
        unseen: reasons why it was stale or absent, each with its share of the stretch, largest first.
    """

    channel: Channel
    log_odds: float
    cues: tuple[tuple[str, float], ...]
    unseen: tuple[tuple[str, float], ...]


class ReviewModel:
    """One opened session and a cursor on its time axis.

    Attributes:
        session: what was opened, None before the first.
        timeline: its words and segments (and rows, after `open`); empty before the first.
        rows: its rows.
        human: the human tier, None before the first.
        cursor_s: the moment that is looked at, seconds.
        chosen: number of the segment that is looked at, -1 where none is.
        compared: before and after calibration; None where it is not shown.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.timeline = Timeline([], [], [], 0.0)
        self.rows: Sequence[Row] = []
        self.human: Annotations | None = None
        self.cursor_s = 0.0
        self.chosen = -1
        self.compared: BeforeAfter | None = None
        self._times_ns: list[int] = []
        self._word_starts_ns: list[int] = []
        self._watchers: list[Callable[[], None]] = []

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever the session or the cursor has changed."""
        self._watchers.append(watcher)

    def take(self, loaded: Loaded) -> None:
        """Show what was opened on a thread."""
        self.session, self.timeline, self.rows, self.human = (
            loaded.session, loaded.timeline, loaded.rows, loaded.human
        )  # fmt: skip
        timeline = loaded.timeline
        self._times_ns = np.round(loaded.rows.t_s * NS_PER_S).astype(np.int64).tolist()
        self._word_starts_ns = [w.start_ns for w in timeline.words]
        self.compared = None
        self.chosen = 0 if timeline.segments else -1
        self.move_to(timeline.segments[0].start_ns / NS_PER_S if timeline.segments else 0.0)

    # -- the cursor

    def move_to(self, t_s: float) -> None:
        """Put the cursor to `t_s` seconds, within the recording."""
        self.cursor_s = min(max(t_s, 0.0), self.timeline.duration_s)
        for watcher in self._watchers:
            watcher()

    def step(self, rows: int) -> None:
        """Move the cursor by a number of rows (video frames)."""
        if self._times_ns:
            at = min(max(self._at() + rows, 0), len(self._times_ns) - 1)
            self.move_to(self._times_ns[at] / NS_PER_S)

    def step_segment(self, by: int) -> None:
        """Move the cursor to the start of the next (1) or previous (-1) segment."""
        at = self.segment_beside(by)
        if at is not None:
            self.chosen = at
            self.move_to(self.timeline.segments[at].start_ns / NS_PER_S)

    def segment_beside(self, by: int) -> int | None:
        """Number of the segment that starts next (1) or started last (-1) before the cursor, None where there is none.

        At a segment's start, that segment is passed over.
        """
        starts = [s.start_ns / NS_PER_S for s in self.timeline.segments]
        if by > 0:
            return next((i for i, t in enumerate(starts) if t > self.cursor_s + 1e-6), None)
        return next((i for i, t in reversed(list(enumerate(starts))) if t < self.cursor_s - 1e-6), None)

    # -- what is there to be seen

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        return self.rows[self._at()] if self._times_ns else None

    @property
    def uncalibrated(self) -> Uncalibrated | None:
        """What would have been said at the cursor without calibration; None where that is not shown."""
        if self.compared is None or not self._times_ns:
            return None
        said, at = self.compared.before, self._at()
        return Uncalibrated(float(said.p[at]), float(said.low[at]), float(said.high[at]), said.band_at(at))

    @property
    def segment(self) -> Segment | None:
        """The segment that the cursor is in."""
        at = self.segment_at(self.cursor_s)
        return self.timeline.segments[at] if at >= 0 else None

    def segment_at(self, t_s: float) -> int:
        """Number of the segment that `t_s` is in; -1 where it is in none."""
        t_ns = round(t_s * NS_PER_S)
        return next((i for i, s in enumerate(self.timeline.segments) if s.start_ns <= t_ns <= s.end_ns), -1)

    @property
    def chosen_segment(self) -> Segment | None:
        """The segment that is looked at."""
        return self.timeline.segments[self.chosen] if 0 <= self.chosen < len(self.timeline.segments) else None

    @property
    def word_now(self) -> int:
        """Number of the word that is being spoken at the cursor or was last; -1: none yet."""
        return bisect_right(self._word_starts_ns, round(self.cursor_s * NS_PER_S) + 1) - 1

    def says(self) -> list[str]:
        """The estimate at the cursor in words, one line for each thing to say."""
        row = self.row
        if row is None:
            return []
        lines = [f"{row.band.value}: p {row.p:.2f}, 80 % band {row.low:.2f} to {row.high:.2f}"]
        if row.top:
            lines.append("raised by " + ", ".join(cue.phrase for cue in row.top))
        lines += [f"{c.value} {kind.value}" + (f": {reason}" if reason else "") for c, kind, reason in unseen(row)]
        if not row.settled:
            lines.append("provisional: later words may still change it")
        return lines

    def evidence(self, start_ns: int, end_ns: int) -> list[ChannelEvidence]:
        """What each channel says about a stretch of time, and when it said nothing."""
        first, last = self._at(start_ns), self._at(end_ns) + 1
        every = max(1, (last - first) // LOOKED_AT)
        rows = self.rows[first:last:every] if self._times_ns else []
        return [_evidence(channel, rows) for channel in Channel]

    def _at(self, t_ns: int | None = None) -> int:
        return max(0, bisect_right(self._times_ns, round(self.cursor_s * NS_PER_S) if t_ns is None else t_ns) - 1)


def unseen(row: Row) -> list[tuple[Channel, Presence, str]]:
    """Channels that a row had to do without, or with an old value, and why."""
    return [(c, s.presence, s.reason) for c, s in row.states.items() if s.presence is not Presence.PRESENT]


def _evidence(channel: Channel, rows: Sequence[Row]) -> ChannelEvidence:
    adds = [r.contributions.get(channel, 0.0) for r in rows if r.states[channel].presence is not Presence.ABSENT]
    named: Counter[str] = Counter()
    phrases: dict[str, str] = {}
    for row in rows:
        for cue in row.top:
            if cue.name.startswith(channel.value + "_"):
                named[cue.name] += cue.log_odds  # type: ignore[assignment]  # Counter adds floats as well
                phrases[cue.name] = cue.phrase
    gone = Counter(
        s.reason or s.presence.value for s in (r.states[channel] for r in rows) if s.presence is not Presence.PRESENT
    )
    return ChannelEvidence(
        channel,
        float(np.mean(adds)) if adds else float("nan"),
        tuple((phrases[name], total / len(rows)) for name, total in named.most_common(NAMED)),
        tuple((reason, n / len(rows)) for reason, n in gone.most_common(NAMED)),
    )
