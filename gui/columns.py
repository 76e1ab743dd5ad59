"""Columns: rows, words, events and sound of a session flow in from any thread; arrays for a view flow out. No Qt.

Writers only put what they have into an inbox, which needs no lock; whoever reads works the inbox off first. So an
engine thread never waits for the painter.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.packets import SAMPLE_RATE
from ahdetect.events import Event
from ahdetect.gui.pyramid import FloatArray, Grown, Pyramid
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, Presence
from ahdetect.models.words import Word, WordUpdate
from ahdetect.timeline import NS_PER_S, Row, Segment, Timeline

CHANNELS: Final = tuple(Channel)
CURVES: Final = ("p", "low", "high", "prior", "smoothed", *(c.value for c in CHANNELS))
"""What is drawn as a line, in the order of the columns of `Window.low` and `Window.high`."""
CURVE: Final = {name: i for i, name in enumerate(CURVES)}
PRESENCES: Final = tuple(Presence)
BANDS: Final = tuple(Band)

USUAL_FPS: Final = 30.0
"""Rows a second that room is taken for."""
PEAK_S: Final = 0.01
"""The waveform keeps a minimum and a maximum per 10 ms."""
PEAK_SAMPLES: Final = round(SAMPLE_RATE * PEAK_S)
SOUND_SLACK_S: Final = 0.05
"""Sound whose time is within this of where the last chunk ended goes on without a gap."""
ROW_GAP_S: Final = 0.5
"""Rows further apart than this are not joined by a line: nothing is known in between."""
MOST_WAITING: Final = 2000
"""Things in the inbox before a writer works it off itself, so that a view that is never painted costs no memory."""
MOST_CHANGES: Final = 1024

_NUMBERS = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class HumanSegment:
    """A stretch that a person set, or their answer to one of the model's.

    Attributes:
        start_ns: onset.
        end_ns: offset.
        label: what it says, in words.
    """

    start_ns: int
    end_ns: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a channel was stale or absent.

    Attributes:
        start_s: its start, seconds.
        end_s: its end.
        presence: stale or absent.
        reason: why, in words.
    """

    start_s: float
    end_s: float
    presence: Presence
    reason: str


@dataclass(frozen=True, slots=True)
class GapRuns:
    """Stretches in which one channel was stale or absent, as arrays of shape (stretches,).

    Attributes:
        start_s: starts, seconds, in order.
        end_s: ends.
        absent: True where absent, False where stale.
        reason: numbers in `reasons`.
        reasons: every reason so far.
    """

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    absent: NDArray[np.bool_]
    reason: NDArray[np.int64]
    reasons: list[str]

    def gaps(self) -> list[Gap]:
        """The stretches one by one."""
        kind = {True: Presence.ABSENT, False: Presence.STALE}
        columns = self.start_s.tolist(), self.end_s.tolist(), self.absent.tolist(), self.reason.tolist()
        return [Gap(a, b, kind[absent], self.reasons[r]) for a, b, absent, r in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything known about one row, to be said in words.

    Attributes:
        index: number of the row in the columns.
        t_s: its time.
        settled: whether it is settled.
        p: probability, 0-1.
        low: lower end of its 80 % band.
        high: upper end of it.
        band: the estimate in words.
        smoothed: probability given the whole recording, NaN until the session is closed.
        contributions: log-odds per channel, NaN where absent.
        states: presence and reason per channel.
    """

    index: int
    t_s: float
    settled: bool
    p: float
    low: float
    high: float
    band: Band
    smoothed: float
    contributions: dict[Channel, float]
    states: dict[Channel, tuple[Presence, str]]


@dataclass(frozen=True, slots=True)
class Window:
    """The curves of a stretch of time, one minimum and maximum per pixel.

    Attributes:
        edges_s: times of the pixels' edges, shape (pixels + 1,).
        low: minima, shape (pixels, curves), order of `CURVES`; NaN where nothing is known or a channel is absent.
        high: maxima, same shape.
        settled: False where a pixel holds a row that may still change, shape (pixels,).
    """

    edges_s: NDArray[np.float64]
    low: FloatArray
    high: FloatArray
    settled: NDArray[np.bool_]


class Columns:
    """Append-only columns of one session.

    Args:
        room_s: length of a live session, at `USUAL_FPS`, that has its memory from the start: 23 MB an hour.

    Attributes:
        human: segments set by a person, in order; put there by `set_human`.
    """

    def __init__(self, room_s: float = 0.0) -> None:
        room = round(room_s * USUAL_FPS)
        self._inbox: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._reading = threading.RLock()
        self._ids = Grown(0, np.int64, room)
        self._t = Grown(0, np.float64, room)
        self._settled = Grown(0, np.bool_, room)
        self._band = Grown(0, np.uint8, room)
        self._presence = Grown(len(CHANNELS), np.uint8, room)
        self._reason = Grown(len(CHANNELS), np.int32, room)
        self._curves = Pyramid(len(CURVES), room=room)
        self._breaks = [Grown(0, np.int64) for _ in CHANNELS]
        self._breaks_fresh = 0
        self._open = 0  # rows before this one are all settled
        self._reasons: list[str] = [""]
        self._reason_number: dict[str, int] = {"": 0}
        self._reason_kind: list[int] = [0]
        self._kind_number: dict[str, int] = {"": 0}
        self._compared = Pyramid(1)
        self._peaks = Pyramid(1, spans=True, room=round(room_s / PEAK_S))
        self._sound_end_s: float | None = None
        self._sound_rest: NDArray[np.int16] = np.empty(0, np.int16)
        self._loudest = 0.0
        self._words: list[Word] = []
        self._word_spans = Grown(2, np.float64)
        self._provisional: list[Word] = []
        self._segments: list[Segment] = []
        self._running = False  # the last segment has no offset yet
        self._human: list[Any] = []
        self._events: list[Event] = []
        self._smoothed = False
        self._steepest = 0.0
        self._version = 0
        self._changes: deque[tuple[int, float]] = deque(maxlen=MOST_CHANGES)

    @staticmethod
    def of_timeline(
        timeline: Timeline,
        peaks: NDArray[np.float32] | None = None,
        events: Iterable[Event | Mapping[str, Any]] = (),
    ) -> Columns:
        """Columns of a recording.

        Args:
            timeline: its rows, words and segments.
            peaks: minimum and maximum per 10 ms of its sound from session time 0, shape (n, 2), -1 to 1 (`peaks_of`).
            events: as the store's `Session.events` gives them; segments among them are left out.
        """
        columns = Columns()
        columns._take_rows(timeline.rows)
        columns._take_words(WordUpdate(tuple(timeline.words), (), 0, 0))
        columns._segments = list(timeline.segments)
        if peaks is not None and len(peaks):
            columns._take_peaks(0, np.asarray(peaks, dtype=np.float32))
        for event in events:
            known = event if isinstance(event, Event) else _event_of(event)
            if not known.kind.startswith("segment"):
                columns._events.append(known)
        columns._events.sort(key=lambda e: e.t_ns)
        return columns

    def set_table(self, table: Any) -> None:
        """Take the rows of a stored session, all at once, into columns that have none yet.

        Args:
            table: `pyarrow.Table` of `store.schema.FRAMES_SCHEMA`, in order of time; cues are not looked at.

        Raises:
            KeyError: a column is missing.
            ValueError: a column holds what no session writes.
        """
        n = table.num_rows
        values = np.empty((n, len(CURVES)), dtype=np.float32)
        for i, name in enumerate(("p", "low", "high", "prior_log_odds", "p_smoothed")):
            values[:, i] = table.column(name).to_numpy()
        values[:, CURVE["prior"]] = 1 / (1 + np.exp(-values[:, CURVE["prior"]]))
        presence = np.empty((n, len(CHANNELS)), dtype=np.uint8)
        reason = np.empty((n, len(CHANNELS)), dtype=np.int32)
        for i, c in enumerate(CHANNELS):
            presence[:, i] = _numbered(table, f"state_{c.value}", lambda text: _PRESENCE_NUMBER[Presence(text)])
            reason[:, i] = _numbered(table, f"reason_{c.value}", self._number)
            values[:, CURVE[c.value]] = np.nan_to_num(table.column(f"log_odds_{c.value}").to_numpy())
        columns = (
            table.column("id").to_numpy(),
            table.column("t_ns").to_numpy() / NS_PER_S,
            table.column("settled").to_numpy().astype(np.bool_),
            _numbered(table, "band", lambda text: _BAND_NUMBER[Band(text)]).astype(np.uint8),
        )
        with self._read():
            self._put(0, *columns, presence, reason, values)
            self._open = int(np.argmin(columns[2])) if not columns[2].all() else n
            self._touched(0.0)

    # -- writing, from any thread

    def add(self, row: Row) -> None:
        """Put a row; a settled one replaces the provisional one of the same id."""
        self._post(self._take_rows, [row])

    def add_words(self, update: WordUpdate) -> None:
        """Put newly settled words, and the provisional ones in place of all earlier provisional ones."""
        self._post(self._take_words, update)

    def add_event(self, event: Event) -> None:
        """Put an event; onsets and offsets of segments go to the tier of the model's segments."""
        self._post(self._take_event, event)

    def add_sound(self, t_s: float, pcm: NDArray[np.int16]) -> None:
        """Put sound that began at `t_s` seconds: 16 kHz mono int16, shape (n,); a hole before it stays empty."""
        self._post(self._take_sound, (t_s, pcm))

    def set_segments(self, segments: Sequence[Segment]) -> None:
        """Replace the model's segments."""
        self._post(self._take_segments, list(segments))

    def set_compared(self, p: NDArray[np.float64] | None) -> None:
        """Show another estimate beside this one: a probability per row, or None for no other."""
        with self._read():
            self._compared = Pyramid(1)
            if p is not None:
                self._compared.write(0, p.astype(np.float32)[:, None])
            self._touched(0.0)

    def set_human(self, segments: Sequence[Any]) -> None:
        """Replace the segments set by a person: `HumanSegment`, or anything with `start_ns` and `end_ns`."""
        self._post(self._take_human, list(segments))

    # -- reading

    def __len__(self) -> int:
        with self._read():
            return len(self._t)

    @property
    def version(self) -> int:
        """Rises with every change."""
        with self._read():
            return self._version

    def changed_since(self, version: int) -> float:
        """The earliest time (s) that anything after `version` has touched; infinity where nothing has."""
        with self._read():
            if version >= self._version:
                return float("inf")
            if not self._changes or self._changes[0][0] > version + 1:
                return float("-inf")
            return min(t for v, t in self._changes if v > version)

    @property
    def end_s(self) -> float:
        """Where the data ends, seconds: the last row, word or sound."""
        with self._read():
            ends = [len(self._peaks) * PEAK_S]
            if len(self._t):
                ends.append(float(self._t.array[-1]))
            ends += [w.end_ns / NS_PER_S for w in (*self._words[-1:], *self._provisional[-1:])]
            ends += [s.end_ns / NS_PER_S for s in (*self._segments[-1:], *self._human[-1:])]
            return max(ends)

    @property
    def in_hindsight(self) -> bool:
        """Whether there are smoothed probabilities: those of a closed session."""
        with self._read():
            return self._smoothed

    @property
    def steepest(self) -> float:
        """The largest contribution of any channel so far, up or down, in log-odds."""
        with self._read():
            return self._steepest

    @property
    def loudest(self) -> float:
        """The largest peak of the sound so far, 0-1."""
        with self._read():
            return self._loudest

    @property
    def t(self) -> NDArray[np.float64]:
        """Times of the rows, s, shape (rows,): a copy, as of all arrays here."""
        with self._read():
            return self._t.array.astype(np.float64)

    @property
    def p(self) -> FloatArray:
        """Probability per row."""
        return self.curve("p")

    @property
    def low(self) -> FloatArray:
        """Lower end of the 80 % band per row."""
        return self.curve("low")

    @property
    def high(self) -> FloatArray:
        """Upper end of it."""
        return self.curve("high")

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Whether each row is settled."""
        with self._read():
            return self._settled.array.astype(np.bool_)

    def curve(self, name: str) -> FloatArray:
        """One of `CURVES`, shape (rows,)."""
        with self._read():
            return self._curves.low[:, CURVE[name]].copy()

    def contribution(self, channel: Channel) -> FloatArray:
        """Log-odds that `channel` adds, shape (rows,); NaN where it is absent."""
        return self.curve(channel.value)

    @property
    def peaks(self) -> FloatArray:
        """Minimum and maximum per 10 ms of sound, -1 to 1, shape (n, 2); NaN where there was none."""
        with self._read():
            return np.hstack([self._peaks.low, self._peaks.high])

    @property
    def words(self) -> list[Word]:
        """Settled words, in order."""
        with self._read():
            return list(self._words)

    @property
    def provisional(self) -> list[Word]:
        """Words that may still change, after the settled ones."""
        with self._read():
            return list(self._provisional)

    @property
    def segments(self) -> list[Segment]:
        """The model's segments; the last one grows while it has no offset."""
        with self._read():
            return list(self._segments)

    @property
    def human(self) -> list[Any]:
        """Segments set by a person."""
        with self._read():
            return list(self._human)

    @property
    def events(self) -> list[Event]:
        """Prompts, markers, devices lost and back, crashes."""
        with self._read():
            return list(self._events)

    def index_at(self, t_s: float) -> int:
        """Number of the row that holds at `t_s`: the last one up to then; -1 where there is none."""
        with self._read():
            return int(np.searchsorted(self._t.array, t_s + 1e-9, side="right")) - 1

    def at(self, t_s: float) -> Moment | None:
        """What is known at `t_s`, or None before the first row and without rows."""
        with self._read():
            index = self.index_at(t_s)
            return self.row(index) if index >= 0 else None

    def row(self, index: int) -> Moment:
        """What is known at row `index` of the columns."""
        with self._read():
            values = self._curves.low[index]
            presence, reason = self._presence.array[index], self._reason.array[index]
            p, low, high = (float(v) for v in values[:3])
            return Moment(
                index,
                float(self._t.array[index]),
                bool(self._settled.array[index]),
                p,
                low,
                high,
                BANDS[self._band.array[index]],
                float(values[CURVE["smoothed"]]),
                {c: float(values[CURVE[c.value]]) for c in CHANNELS},
                {c: (PRESENCES[presence[i]], self._reasons[reason[i]]) for i, c in enumerate(CHANNELS)},
            )

    def words_between(self, start_s: float, end_s: float) -> tuple[int, list[Word]]:
        """Words that start within a stretch, provisional ones after the settled, and the number of the first."""
        with self._read():
            first, last = np.searchsorted(self._word_spans.array[:, 0], (start_s, end_s)).tolist()
            tail = [w for w in self._provisional if start_s <= w.start_ns / NS_PER_S < end_s]
            return first, self._words[first:last] + tail

    def word(self, number: int) -> Word:
        """Settled word `number`, from 0."""
        with self._read():
            return self._words[number]

    def word_at(self, t_s: float) -> int:
        """Number of the last settled word that has begun at `t_s`; -1 where there is none."""
        with self._read():
            return int(np.searchsorted(self._word_spans.array[:, 0], t_s + 1e-9, side="right")) - 1

    def word_spans(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """Start and end (s) of words that start within a stretch, provisional ones last, shape (words, 2)."""
        with self._read():
            first, last = np.searchsorted(self._word_spans.array[:, 0], (start_s, end_s)).tolist()
            tail = [_span(w) for w in self._provisional if start_s <= w.start_ns / NS_PER_S < end_s]
            return np.concatenate([self._word_spans.array[first:last], np.array(tail).reshape(-1, 2)])

    def window(self, t0: float, t1: float, pixels: int) -> Window:
        """Curves from `t0` to `t1` seconds as minimum and maximum for each of `pixels` equal stretches.

        Between two rows at most `ROW_GAP_S` apart a curve runs straight, so that pixels between rows have values too.
        """
        edges = t0 + (t1 - t0) / pixels * np.arange(pixels + 1, dtype=np.float64)
        with self._read():
            t = self._t.array
            cuts = np.searchsorted(t, edges)
            low, high = self._curves.reduce(cuts[:-1], cuts[1:])
            at_edges = _between(t, self._curves.low, edges, cuts)
            settled = np.ones(pixels, dtype=np.bool_)
            if self._open < len(t):
                open_until = np.concatenate([[0], np.cumsum(~self._settled.array[self._open :])])
                tail = np.clip(cuts - self._open, 0, len(t) - self._open)
                # A pixel between two rows is as open as the later one.
                after = np.minimum(tail[1:] + (cuts[1:] == cuts[:-1]), len(t) - self._open)
                settled = open_until[after] == open_until[tail[:-1]]
        low = np.fmin(low, np.fmin(at_edges[:-1], at_edges[1:]))
        high = np.fmax(high, np.fmax(at_edges[:-1], at_edges[1:]))
        return Window(edges, low, high, settled)

    def compared(self, t0: float, t1: float, pixels: int) -> tuple[FloatArray, FloatArray] | None:
        """Minimum and maximum of the other estimate for each of `pixels` equal stretches; None where there is none."""
        edges = t0 + (t1 - t0) / pixels * np.arange(pixels + 1, dtype=np.float64)
        with self._read():
            if not len(self._compared):
                return None
            cuts = np.minimum(np.searchsorted(self._t.array, edges), len(self._compared))
            low, high = self._compared.reduce(cuts[:-1], cuts[1:])
            at_edges = _between(self._t.array[: len(self._compared)], self._compared.low, edges, cuts)
        both = np.fmin(at_edges[:-1], at_edges[1:]), np.fmax(at_edges[:-1], at_edges[1:])
        return np.fmin(low, both[0])[:, 0], np.fmax(high, both[1])[:, 0]

    @property
    def is_compared(self) -> bool:
        """Whether another estimate is shown beside this one."""
        return len(self._compared) > 0

    def sound(self, t0: float, t1: float, pixels: int) -> tuple[FloatArray, FloatArray]:
        """Minimum and maximum of the sound, -1 to 1, for each of `pixels` equal stretches; NaN where there is none."""
        edges = t0 + (t1 - t0) / pixels * np.arange(pixels + 1)
        with self._read():
            n = len(self._peaks)
            starts = np.clip(np.floor(edges[:-1] / PEAK_S + 1e-6), 0, n).astype(np.int64)
            stops = np.clip(np.ceil(edges[1:] / PEAK_S - 1e-6), 0, n).astype(np.int64)
            low, high = self._peaks.reduce(starts, stops)
        return low[:, 0], high[:, 0]

    def gaps(self, t0: float, t1: float) -> dict[Channel, list[Gap]]:
        """Stretches between `t0` and `t1` in which a channel was stale or absent, in order, per channel.

        Stretches whose reasons differ in a number only ("words 1.2 s behind") are one, with the first reason.
        """
        return {channel: runs.gaps() for channel, runs in self.gap_runs(t0, t1).items()}

    def gap_runs(self, t0: float, t1: float) -> dict[Channel, GapRuns]:
        """The same as arrays, for a painter."""
        with self._read():
            t = self._t.array
            self._find_breaks()
            first = max(0, int(np.searchsorted(t, t0, side="right")) - 1)
            last = min(len(t), int(np.searchsorted(t, t1)) + 1)
            return {c: self._gap_runs(i, first, last) for i, c in enumerate(CHANNELS)}

    # -- within

    def _find_breaks(self) -> None:
        """Bring the rows at which a channel's presence or kind of reason changes up to date, from the first change."""
        n, first = len(self._t), self._breaks_fresh
        if first >= n:
            return
        start = max(0, first - 1)
        kinds = np.asarray(self._reason_kind, dtype=np.int32)
        key = kinds[self._reason.array[start:]] * len(PRESENCES) + self._presence.array[start:]
        changes = (key[1:] != key[:-1]) | (np.diff(self._t.array[start:]) > ROW_GAP_S)[:, None]
        for i in range(len(CHANNELS)):
            found = np.flatnonzero(changes[:, i]) + start + 1
            if start == 0:
                found = np.concatenate([[0], found])
            kept = int(np.searchsorted(self._breaks[i].array, start + (start > 0)))
            self._breaks[i].cut(kept)
            self._breaks[i].write(kept, found)
        self._breaks_fresh = n

    def _gap_runs(self, channel: int, first: int, last: int) -> GapRuns:
        """Runs of rows `first` up to `last` that are not present."""
        t, breaks = self._t.array, self._breaks[channel].array
        if first >= last:
            none = np.empty(0)
            return GapRuns(none, none, none.astype(np.bool_), none.astype(np.int64), self._reasons)
        a = max(0, int(np.searchsorted(breaks, first, side="right")) - 1)
        b = int(np.searchsorted(breaks, last))
        firsts, nexts = breaks[a:b], np.append(breaks[a + 1 : b + 1], [len(t)] if b == len(breaks) else [])
        presence = self._presence.array[firsts, channel]
        kept = presence != _PRESENCE_NUMBER[Presence.PRESENT]
        firsts, nexts, presence = firsts[kept], nexts[kept].astype(np.int64), presence[kept]
        # Up to the next row; where that is far or missing nothing is known, and the gap ends with its last row.
        after = np.where(nexts < len(t), t[np.minimum(nexts, len(t) - 1)], t[-1] + self._row_s())
        ends = np.where(after - t[nexts - 1] > ROW_GAP_S, t[nexts - 1], after)
        reason = self._reason.array[firsts, channel].astype(np.int64)
        return GapRuns(t[firsts], ends, presence == _PRESENCE_NUMBER[Presence.ABSENT], reason, self._reasons)

    def _row_s(self) -> float:
        t = self._t.array
        return float(min(t[-1] - t[-2], ROW_GAP_S)) if len(t) > 1 else 0.0

    def _post(self, take: Callable[[Any], None], what: Any) -> None:
        self._inbox.append((take, what))
        if len(self._inbox) > MOST_WAITING:
            with self._read():
                pass

    def _read(self) -> threading.RLock:
        """The lock of the readers, after the inbox has been worked off; use it in a `with`."""
        with self._reading:
            while True:
                try:
                    take, what = self._inbox.popleft()
                except IndexError:
                    return self._reading
                # Bound methods are made anew at each access: they are equal, never identical.
                while take == self._take_rows and self._inbox and self._inbox[0][0] == take:
                    what = what + self._inbox.popleft()[1]
                take(what)

    def _touched(self, t_s: float) -> None:
        self._version += 1
        self._changes.append((self._version, t_s))

    def _take_rows(self, rows: Sequence[Row]) -> None:
        newest: dict[int, Row] = {}
        for row in rows:
            if row.settled or row.id not in newest or not newest[row.id].settled:
                newest[row.id] = row
        ids = np.array(sorted(newest), dtype=np.int64)
        if not len(ids):
            return
        places = np.searchsorted(self._ids.array, ids)
        known = places < len(self._ids)
        known[known] = self._ids.array[places[known]] == ids[known]
        done = np.zeros(len(ids), dtype=np.bool_)  # settled before, and come again as provisional: too late
        done[known] = self._settled.array[places[known]]
        done &= np.array([not newest[i].settled for i in ids.tolist()])
        keep = ~done
        ids, places, known = ids[keep], places[keep], known[keep]
        if not len(ids):
            return
        ordered = [newest[i] for i in ids.tolist()]
        if not (known | (places == len(self._ids))).all():
            self._insert(ids[~known & (places < len(self._ids))])
            places = np.searchsorted(self._ids.array, ids)
            known = places < len(self._ids)
        places = np.where(known, places, len(self._ids) + np.cumsum(~known) - 1)
        # Runs of rows in a row: one write each.
        for part in np.split(np.arange(len(ids)), np.flatnonzero(np.diff(places) != 1) + 1):
            self._write(int(places[part[0]]), [ordered[i] for i in part.tolist()])
        while self._open < len(self._settled) and self._settled.array[self._open]:
            ahead = self._settled.array[self._open :]
            self._open += int(np.argmin(ahead)) if not ahead.all() else len(ahead)
        self._touched(self._before(int(places[0])))
        if self._running:
            open_one = self._segments[-1]
            end = max(open_one.end_ns, round(float(self._t.array[max(0, self._open - 1)]) * NS_PER_S))
            self._segments[-1] = replace(open_one, end_ns=end)

    def _before(self, place: int) -> float:
        """From where on a change of row `place` shows: the line runs there from the row before."""
        return float(self._t.array[max(0, place - 1)])

    def _insert(self, ids: NDArray[np.int64]) -> None:
        """Make room for rows that come later than rows after them; rare (a row whose provisional was never shown)."""
        places = np.searchsorted(self._ids.array, ids)
        first = int(places.min())
        for store in (self._ids, self._t, self._settled, self._band, self._presence, self._reason):
            store.write(first, np.insert(store.array, places, 0, axis=0)[first:])
        held = np.insert(self._curves.low, places, np.nan, axis=0)
        self._curves.write(first, held[first:])
        at = places + np.arange(len(places))
        self._ids.array[at] = ids
        self._t.array[at] = self._t.array[np.minimum(at + 1, len(self._t) - 1)]
        self._open, self._breaks_fresh = min(self._open, first), min(self._breaks_fresh, first)

    def _write(self, start: int, rows: Sequence[Row]) -> None:
        values = np.empty((len(rows), len(CURVES)), dtype=np.float32)
        for i, name in enumerate(("p", "low", "high", "prior_log_odds", "p_smoothed")):
            values[:, i] = [getattr(r, name) for r in rows]
        values[:, CURVE["prior"]] = 1 / (1 + np.exp(-values[:, CURVE["prior"]]))
        presence = np.empty((len(rows), len(CHANNELS)), dtype=np.uint8)
        reason = np.empty((len(rows), len(CHANNELS)), dtype=np.int32)
        for i, c in enumerate(CHANNELS):
            states = [r.states[c] for r in rows]
            presence[:, i] = [_PRESENCE_NUMBER[s.presence] for s in states]
            reason[:, i] = [self._number(s.reason) for s in states]
            values[:, CURVE[c.value]] = [r.contributions.get(c, 0.0) for r in rows]
        self._put(
            start,
            np.array([r.id for r in rows], dtype=np.int64),
            np.array([r.t_ns for r in rows], dtype=np.float64) / NS_PER_S,
            np.array([r.settled for r in rows], dtype=np.bool_),
            np.array([_BAND_NUMBER[r.band] for r in rows], dtype=np.uint8),
            presence,
            reason,
            values,
        )

    def _put(
        self,
        start: int,
        ids: NDArray[np.int64],
        t_s: NDArray[np.float64],
        settled: NDArray[np.bool_],
        band: NDArray[np.uint8],
        presence: NDArray[np.uint8],
        reason: NDArray[np.int32],
        values: FloatArray,
    ) -> None:
        adds = values[:, CURVE[CHANNELS[0].value] :]
        adds[presence == _PRESENCE_NUMBER[Presence.ABSENT]] = np.nan
        self._smoothed |= bool(np.isfinite(values[:, CURVE["smoothed"]]).any())
        self._steepest = max(self._steepest, float(np.nanmax(np.abs(adds), initial=0.0)))
        self._ids.write(start, ids)
        self._t.write(start, t_s)
        self._settled.write(start, settled)
        self._band.write(start, band)
        self._presence.write(start, presence)
        self._reason.write(start, reason)
        self._curves.write(start, values)
        self._breaks_fresh = min(self._breaks_fresh, start)

    def _number(self, reason: str) -> int:
        number = self._reason_number.get(reason)
        if number is None:
            number = self._reason_number[reason] = len(self._reasons)
            self._reasons.append(reason)
            kind = _NUMBERS.sub("#", reason)
            self._reason_kind.append(self._kind_number.setdefault(kind, len(self._kind_number)))
        return number

    def _take_words(self, update: WordUpdate) -> None:
        changed = [*self._provisional, *update.settled, *update.provisional]
        if update.settled:
            spans = np.array([_span(w) for w in update.settled])
            at = len(self._words)
            self._words += update.settled
            if at and spans[:, 0].min() < self._word_spans.array[-1, 0]:  # out of order: never from a recogniser
                self._words.sort(key=lambda w: w.start_ns)
                at, spans = 0, np.array([_span(w) for w in self._words])
            self._word_spans.write(at, spans)
        self._provisional = list(update.provisional)
        if changed:
            self._touched(min(w.start_ns for w in changed) / NS_PER_S)

    def _take_event(self, event: Event) -> None:
        if event.kind == "segment_onset":
            p, cues = float(str(event.detail.get("p", "nan"))), event.detail.get("cues", ())
            phrases = tuple(str(c) for c in cues) if isinstance(cues, (list, tuple)) else ()
            self._segments.append(Segment(event.t_ns, event.t_ns, p, p, phrases))
            self._running = True
        elif event.kind == "segment_offset":
            if self._running:
                self._segments[-1] = replace(self._segments[-1], end_ns=event.t_ns)
            self._running = False
        else:
            at = bisect_right([e.t_ns for e in self._events[-64:]], event.t_ns) + max(0, len(self._events) - 64)
            self._events.insert(at, event)
        self._touched(event.t_ns / NS_PER_S)

    def _take_segments(self, segments: list[Segment]) -> None:
        self._segments, self._running = segments, False
        self._touched(float("-inf"))

    def _take_human(self, segments: list[Any]) -> None:
        self._human = segments
        self._touched(float("-inf"))

    def _take_sound(self, what: tuple[float, NDArray[np.int16]]) -> None:
        t_s, pcm = what
        end = self._sound_end_s
        if end is None or abs(t_s - end) > SOUND_SLACK_S:  # the first, or after a hole
            start = max(len(self._peaks), round(t_s / PEAK_S))
            self._take_peaks(len(self._peaks), np.full((start - len(self._peaks), 2), np.nan, dtype=np.float32))
            self._sound_rest, end = np.empty(0, np.int16), t_s
        sound = np.concatenate([self._sound_rest, pcm])
        whole = len(sound) // PEAK_SAMPLES * PEAK_SAMPLES
        self._take_peaks(len(self._peaks), peaks_of(sound[:whole]))
        self._sound_rest = sound[whole:]
        self._sound_end_s = end + len(pcm) / SAMPLE_RATE

    def _take_peaks(self, start: int, peaks: FloatArray) -> None:
        if len(peaks):
            self._peaks.write(start, peaks[:, :1], peaks[:, 1:])
            self._loudest = max(self._loudest, float(np.nanmax(np.abs(peaks), initial=0.0)))
            self._touched(start * PEAK_S)


def peaks_of(pcm: NDArray[np.int16]) -> FloatArray:
    """Minimum and maximum per 10 ms of 16 kHz int16 sound, -1 to 1, shape (n, 2); a rest of under 10 ms is left out."""
    blocks = pcm[: len(pcm) // PEAK_SAMPLES * PEAK_SAMPLES].reshape(-1, PEAK_SAMPLES)
    return np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1).astype(np.float32) / np.float32(32768)


_PRESENCE_NUMBER = {p: i for i, p in enumerate(PRESENCES)}
_BAND_NUMBER = {b: i for i, b in enumerate(BANDS)}


def _numbered(table: Any, name: str, number_of: Callable[[str], int]) -> NDArray[np.int64]:
    """A column of texts as numbers, each text looked up once, shape (rows,)."""
    column = table.column(name).combine_chunks().dictionary_encode()
    if column.null_count:
        raise ValueError(f"{name} has holes")
    numbers = np.array([number_of(text) for text in column.dictionary.to_pylist()], dtype=np.int64)
    return numbers[column.indices.to_numpy()] if len(numbers) else np.empty(0, dtype=np.int64)


def _between(t: NDArray[Any], values: FloatArray, at: NDArray[np.float64], after: NDArray[np.int64]) -> FloatArray:
    """Curves at times `at`, straight between rows; NaN outside, across holes and beside rows that know nothing."""
    found = np.full((len(at), values.shape[1]), np.nan, dtype=np.float32)
    inside = np.flatnonzero((after > 0) & (after < len(t)))
    if len(inside):
        b = after[inside]
        t_a, t_b = t[b - 1], t[b]
        joined = t_b - t_a <= ROW_GAP_S
        inside, b, t_a, t_b = inside[joined], b[joined], t_a[joined], t_b[joined]
        share = ((at[inside] - t_a) / np.maximum(t_b - t_a, 1e-9)).astype(np.float32)[:, None]
        found[inside] = values[b - 1] * (1 - share) + values[b] * share
    return found


def _span(word: Word) -> tuple[float, float]:
    return word.start_ns / NS_PER_S, word.end_ns / NS_PER_S


def _event_of(entry: Mapping[str, Any]) -> Event:
    detail = {k: v for k, v in entry.items() if k not in ("t_ns", "kind")}
    return Event(int(entry["t_ns"]), str(entry["kind"]), detail)
