"""Review model: a session or an analysis flows in; what windows show at the cursor flows out. It knows no Qt.

Windows watch it (`on_change`) and ask it; they hold no state of their own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from ahdetect.capture.packets import Frame
from ahdetect.errors import MediaError
from ahdetect.export.stills import Stills
from ahdetect.models.posterior import Presence
from ahdetect.models.words import Word
from ahdetect.store.reader import Session, open_session
from ahdetect.timeline import NS_PER_S, Row, Segment, Timeline


class ReviewModel:
    """One opened session and a cursor on its time axis.

    Attributes:
        session: what was opened, None before the first.
        timeline: its rows, words and segments; empty before the first.
        cursor_s: the moment that is looked at, seconds.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.timeline = Timeline([], [], [], 0.0)
        self.cursor_s = 0.0
        self._stills: Stills | None = None
        self._times_ns: list[int] = []
        self._watchers: list[Callable[[], None]] = []

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever the session or the cursor has changed."""
        self._watchers.append(watcher)

    def open(self, folder: Path, clip: Path | None = None) -> None:
        """Open a session folder, or a folder that `analyze` wrote together with its clip.

        Args:
            folder: the folder.
            clip: where the pictures are, for an analysis whose clip is not where it was.

        Raises:
            StoreError: the folder cannot be opened; what was open before stays open.
            MediaError: `clip` is given and cannot be opened.
        """
        session = open_session(folder)
        timeline = session.timeline()
        stills = _stills(session, clip)
        self.close()
        self.session, self.timeline, self._stills = session, timeline, stills
        self._times_ns = [row.t_ns for row in timeline.rows]
        self.move_to(timeline.segments[0].start_ns / NS_PER_S if timeline.segments else 0.0)

    def close(self) -> None:
        """Let go of the video file."""
        if self._stills is not None:
            self._stills.close()
            self._stills = None

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
        starts = [s.start_ns / NS_PER_S for s in self.timeline.segments]
        ahead = [t for t in starts if (t > self.cursor_s + 1e-6 if by > 0 else t < self.cursor_s - 1e-6)]
        if ahead:
            self.move_to(min(ahead) if by > 0 else max(ahead))

    # -- what is there to be seen

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        return self.timeline.rows[self._at()] if self._times_ns else None

    @property
    def segment(self) -> Segment | None:
        """The segment that the cursor is in."""
        t_ns = self.cursor_s * NS_PER_S
        return next((s for s in self.timeline.segments if s.start_ns <= t_ns <= s.end_ns), None)

    def picture(self) -> Frame | None:
        """The video frame at the cursor, RGB; None where there is none."""
        return self._stills.at(self.cursor_s) if self._stills is not None else None

    def words(self, around_s: float = 4.0) -> tuple[list[Word], int]:
        """Words within `around_s` of the cursor, and which of them is being spoken or was last (-1: none yet)."""
        t_ns, reach = round(self.cursor_s * NS_PER_S), round(around_s * NS_PER_S)
        near = [w for w in self.timeline.words if abs(w.start_ns - t_ns) <= reach]
        return near, sum(w.start_ns <= t_ns for w in near) - 1

    def says(self) -> list[str]:
        """The estimate at the cursor in words, one line for each thing to say."""
        row = self.row
        if row is None:
            return []
        lines = [f"{row.band.value}: p {row.p:.2f}, 80 % band {row.low:.2f} to {row.high:.2f}"]
        if row.top:
            lines.append("raised by " + ", ".join(cue.phrase for cue in row.top))
        missing = [(c, s) for c, s in row.states.items() if s.presence is not Presence.PRESENT]
        lines += [f"{c.value} {s.presence.value}" + (f": {s.reason}" if s.reason else "") for c, s in missing]
        if not row.settled:
            lines.append("provisional: later words may still change it")
        return lines

    def _at(self) -> int:
        return max(0, bisect_right(self._times_ns, round(self.cursor_s * NS_PER_S)) - 1)


def _stills(session: Session, clip: Path | None) -> Stills | None:
    if clip is not None:
        return Stills(clip)
    path, origin_s = (session.video, 0.0) if session.video is not None else (session.clip, None)
    try:
        return Stills(path, origin_s) if path is not None else None
    except MediaError as error:  # the timeline can be read without its pictures; `damage` is shown
        session.damage.append(str(error))
        return None
