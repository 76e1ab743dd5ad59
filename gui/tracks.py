"""Tracks view: columns flow in; estimate, channels, sound, words, segments and events on one time axis flow out.

What has been painted once is kept: a view that scrolls or grows moves its picture and paints only the strip that is
new, so that following a live session costs little. There is no timer here: the screen's one calls `refresh`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Any, Final

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import (
    QAbstractSlider,
    QFrame,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui.columns import CHANNELS, Columns, Moment
from ahdetect.gui.lanes import (
    AXIS,
    ESTIMATE,
    EVENTS,
    HUMAN,
    SEGMENTS,
    SOUND,
    WORDS,
    LanePainter,
    clock_text,
    event_text,
)
from ahdetect.gui.theme import LIGHT, Theme
from ahdetect.gui.track_table import TrackTable
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.timeline import NS_PER_S

LEAST_SPAN_S: Final = 0.5
ZOOM: Final = 1.25
"""One notch of the wheel, one press of + or -."""
PAINT_EVERY: Final = 2
"""Of the screen's 30 refreshes a second at most every second one paints: 1.5 pixels a step in a view of a minute."""
SAY_EVERY: Final = 15
"""Paintings between two descriptions of the newest row for a screen reader, while there is no cursor: 1 s."""
BAR_TICK_S: Final = 0.05
"""One unit of the scroll bar."""
SLACK_PX: Final = 3
"""Left of the first change, so that strokes of two pixels are painted whole."""


class TracksView(QWidget):
    """Tracks under each other; a click puts the cursor, the wheel zooms, a drag scrolls, with Shift it selects.

    Args:
        theme: colours.
        parent: Qt parent.

    Attributes:
        moved: (seconds) the user put the cursor.
        segment_chosen: number of one of the model's segments, from 0.
        human_chosen: number of one of the human segments, from 0.
        word_chosen: number of a settled word, from 0.
        span_selected: (start, end) in seconds, after a drag with Shift.
    """

    moved = pyqtSignal(float)
    segment_chosen = pyqtSignal(int)
    human_chosen = pyqtSignal(int)
    word_chosen = pyqtSignal(int)
    span_selected = pyqtSignal(float, float)

    def __init__(self, theme: Theme = LIGHT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = Columns()
        self._theme = theme
        self._window = (0.0, 60.0)
        self._cursor_s: float | None = None
        self._table: TrackTable | None = None
        self._live = False  # whether `follow` is used
        self._following = True
        self._refreshed = PAINT_EVERY  # calls of `refresh` since the last painting
        self._painted = 0
        self._moved_on = False
        self._span_s: float | None = None  # of a live view, where the user has chosen one
        self.canvas = _Canvas(self)
        self._area = QScrollArea()
        self._area.setWidget(self.canvas)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bar = QScrollBar(Qt.Orientation.Horizontal)
        self._bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bar.setAccessibleName(self.tr("Time in view"))
        self._bar.valueChanged.connect(self._bar_moved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._area, 1)
        column.addWidget(self._bar)
        self.setFocusProxy(self.canvas)
        self.setAccessibleName(self.tr("Tracks"))

    # -- what is shown

    @property
    def columns(self) -> Columns:
        """What is drawn."""
        return self._columns

    @property
    def theme(self) -> Theme:
        """Colours in force."""
        return self._theme

    def set_columns(self, columns: Columns) -> None:
        """Draw other columns; the zoom stays."""
        self._columns = columns
        self._cursor_s, self._live, self._following, self._span_s = None, False, True, None
        self._refreshed = PAINT_EVERY
        self.canvas.start_over()
        if self._table is not None:
            self._table.set_columns(columns)
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Take over other colours."""
        self._theme = theme
        self.canvas.start_over()

    @property
    def hidden_scores(self) -> bool:
        """Quiet mode: no probability, contributions or model segments, neither drawn nor in words."""
        return self.canvas.painter.quiet

    @hidden_scores.setter
    def hidden_scores(self, hidden: bool) -> None:
        self.canvas.painter.quiet = hidden
        self.canvas.fit()
        if self._table is not None:
            self._table.set_hidden(hidden)

    @property
    def window_s(self) -> tuple[float, float]:
        """What is in view, seconds."""
        return self._window

    def set_window(self, t0: float, t1: float) -> None:
        """Show `t0` to `t1` seconds."""
        self._put_window(t0, t1)
        self._show_bar()
        self.canvas.update()

    def follow(self, now_s: float, span_s: float = 60.0) -> None:
        """Keep `now_s` at the right edge once the view is full; not while the user looks back (End comes back).

        Nothing is painted before the next `refresh`.
        """
        self._live = self._moved_on = True
        if self._following:
            span = self._span_s or span_s
            end = max(now_s, span)
            self._put_window(end - span, end)

    def _put_window(self, t0: float, t1: float) -> None:
        start = max(0.0, float(t0))
        self._window = (start, start + max(float(t1 - t0), LEAST_SPAN_S))
        self.canvas.zoom_to_window()

    @property
    def following(self) -> bool:
        """Whether `follow` moves the view."""
        return self._live and self._following

    @property
    def cursor_s(self) -> float | None:
        """Where the cursor is, seconds."""
        return self._cursor_s

    def set_cursor(self, t_s: float | None) -> None:
        """Put the cursor, without `moved`; the view goes along where it would leave it."""
        if t_s == self._cursor_s:
            return
        before, self._cursor_s = self._cursor_s, t_s
        if t_s is not None:
            t0, t1 = self._window
            beyond = t_s > t1
            if not t0 <= t_s <= t1 and not (self.following and beyond):
                self._look_back()
                span = t1 - t0
                self.set_window(t_s - span * (0.1 if beyond else 0.9), t_s + span * (0.9 if beyond else 0.1))
            self._tell()
        self.canvas.update_around(before, t_s)

    def refresh(self) -> None:
        """Paint what is new; call it from the screen's timer."""
        self._refreshed += 1
        if self._refreshed < PAINT_EVERY or not (self._moved_on or self.canvas.behind()):
            return
        self._refreshed, self._moved_on = 0, False
        self._painted += 1
        self._show_bar()
        self.canvas.update()
        if self._cursor_s is None and self._painted % SAY_EVERY == 1:
            self._tell()
        if self._table is not None and self._table.isVisible():
            self._table.refresh()

    def _tell(self) -> None:
        self.canvas.tell(self._here(), self._columns.end_s, self.describe())

    def describe(self, t_s: float | None = None) -> str:
        """What is known at the cursor (or at `t_s`, or at the newest row), in words."""
        columns = self._columns
        at = t_s if t_s is not None else self._cursor_s if self._cursor_s is not None else columns.end_s
        moment = columns.at(at)
        if moment is None:
            return self.tr("At %1: nothing is known.").replace("%1", clock_text(at, tenths=True))
        parts = [self.tr("At %1").replace("%1", clock_text(at, tenths=True))]
        if self.hidden_scores:
            parts.append(self.tr("estimates are hidden while recording"))
        else:
            parts += self._scores(moment)
        for channel, (presence, reason) in moment.states.items():
            if presence is not Presence.PRESENT:
                parts.append(f"{self._channel(channel)} {self._presence(presence)}" + (f": {reason}" if reason else ""))
        number = columns.word_at(at)
        if number >= 0 and (word := columns.word(number)).end_ns / NS_PER_S >= at - 1.0:
            parts.append(self.tr("last word: %1").replace("%1", word.text))
        return "; ".join(parts) + "."

    def data_table(self) -> QWidget:
        """The rows as a table, to be read by keyboard and screen reader; one per view, opened by T as well."""
        if self._table is None:
            self._table = TrackTable(self._columns, self.hidden_scores, self)
            self._table.setWindowFlag(Qt.WindowType.Window)
            self._table.chosen.connect(self._go)
        return self._table

    # -- keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Move the cursor, zoom, walk by segments and words, open the table."""
        assert event is not None
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        other = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
        act = None if event.modifiers() & other else _KEYS.get(Qt.Key(event.key()))
        if act is None:
            event.ignore()
            return
        act(self, shift)
        event.accept()

    def step(self, by: int, seconds: bool = False) -> None:
        """Move the cursor by rows, or by seconds."""
        here = self._here()
        if seconds:
            self._go(here + by)
            return
        t = self._columns.t
        if len(t):
            self._go(float(t[min(max(self._columns.index_at(here) + by, 0), len(t) - 1)]))

    def step_segment(self, by: int) -> None:
        """Go to the start of the next (1) or previous (-1) segment, the model's or a human one."""
        tiers = [(self._columns.human, self.human_chosen)]
        if not self.hidden_scores:
            tiers.insert(0, (self._columns.segments, self.segment_chosen))
        starts = sorted(
            ((s.start_ns / NS_PER_S, i, chosen) for tier, chosen in tiers for i, s in enumerate(tier)),
            key=lambda found: found[0],
        )
        self._step_among(starts, by)

    def step_word(self, by: int) -> None:
        """Go to the next (1) or previous (-1) word."""
        starts = [(w.start_ns / NS_PER_S, i, self.word_chosen) for i, w in enumerate(self._columns.words)]
        self._step_among(starts, by)

    def _step_among(self, starts: list[tuple[float, int, Any]], by: int) -> None:
        times, here = [s[0] for s in starts], self._here()
        at = bisect_right(times, here + 1e-6) if by > 0 else bisect_left(times, here - 1e-6) - 1
        if 0 <= at < len(starts):
            t_s, number, chosen = starts[at]
            self._go(t_s)
            chosen.emit(number)

    def zoom(self, factor: float, around_s: float | None = None) -> None:
        """Show `factor` times less time, around a moment (the cursor, or the middle)."""
        t0, t1 = self._window
        span = min(max((t1 - t0) / factor, LEAST_SPAN_S), max(self._columns.end_s, 60.0) * 1.05)
        if around_s is None:
            around_s = self._cursor_s if self._cursor_s is not None and t0 <= self._cursor_s <= t1 else (t0 + t1) / 2
        if self.following:
            self._span_s = span
            around_s = t1
        share = (around_s - t0) / (t1 - t0)
        start = around_s - share * span
        self.set_window(start, start + span)

    def show_all(self) -> None:
        """Show everything that there is."""
        self._following = False
        self.set_window(0.0, max(self._columns.end_s, LEAST_SPAN_S))

    def _to_end(self) -> None:
        self._following = True
        self._go(self._columns.end_s)

    def _toggle_table(self) -> None:
        table = self.data_table()
        table.show()
        table.raise_()
        table.activateWindow()

    def _here(self) -> float:
        return self._cursor_s if self._cursor_s is not None else self._columns.end_s

    def _go(self, t_s: float) -> None:
        t_s = min(max(t_s, 0.0), self._columns.end_s)
        self.set_cursor(t_s)
        self.moved.emit(t_s)

    # -- the mouse, told by the canvas

    def clicked(self, key: str, t_s: float, x: float, y: float) -> None:
        """A click into lane `key`: on a word or segment it chooses that as well."""
        chosen = self.canvas.hit(key, x, y)
        if chosen is not None:
            kind, number = chosen
            {WORDS: self.word_chosen, SEGMENTS: self.segment_chosen, HUMAN: self.human_chosen}[kind].emit(number)
        self._go(t_s)

    def scrolled(self, by_s: float) -> None:
        """The user pulled the tracks by a stretch of time."""
        t0, t1 = self._window
        self._look_back()
        most = max(self._columns.end_s - (t1 - t0) * 0.1, 0.0)
        start = min(max(t0 + by_s, 0.0), most)
        self.set_window(start, start + t1 - t0)

    def _look_back(self) -> None:
        self._following = False

    def _bar_moved(self, value: int) -> None:
        t0, t1 = self._window
        if value != round(t0 / BAR_TICK_S):
            self._look_back()
            self.set_window(value * BAR_TICK_S, value * BAR_TICK_S + t1 - t0)

    def _show_bar(self) -> None:
        t0, t1 = self._window
        most = max(0, math.ceil((max(self._columns.end_s, t1) - (t1 - t0)) / BAR_TICK_S))
        page = max(1, round((t1 - t0) / BAR_TICK_S))
        self._bar.blockSignals(True)
        if (self._bar.maximum(), self._bar.pageStep()) != (most, page):
            self._bar.setRange(0, most)
            self._bar.setPageStep(page)
            self._bar.setSingleStep(max(1, page // 20))
        self._bar.setValue(round(t0 / BAR_TICK_S))
        self._bar.blockSignals(False)

    # -- words for what is seen

    def _scores(self, moment: Moment) -> list[str]:
        band = {
            "low": self.tr("low"),
            "unclear": self.tr("unclear"),
            "elevated": self.tr("elevated"),
        }[moment.band.value]
        said = [
            self.tr("signs consistent with ambivalence/hesitancy, model estimate: %1").replace("%1", band),
            self.tr("probability %1, 80 % band %2 to %3")
            .replace("%1", f"{moment.p:.2f}")
            .replace("%2", f"{moment.low:.2f}")
            .replace("%3", f"{moment.high:.2f}"),
        ]
        if not math.isnan(moment.smoothed):
            said.append(self.tr("in hindsight %1").replace("%1", f"{moment.smoothed:.2f}"))
        if not moment.settled:
            said.append(self.tr("provisional"))
        adds = [f"{self._channel(c)} {v:+.1f}" for c, v in moment.contributions.items() if not math.isnan(v)]
        if adds:
            said.append(self.tr("contributions in log-odds: %1").replace("%1", ", ".join(adds)))
        return said

    def _channel(self, channel: Channel) -> str:
        return next((lane.title for lane in self.canvas.painter.lanes if lane.key == channel.value), channel.value)

    def _presence(self, presence: Presence) -> str:
        return {
            Presence.PRESENT: self.tr("present"),
            Presence.STALE: self.tr("stale"),
            Presence.ABSENT: self.tr("absent"),
        }[presence]


_KEYS: Final[dict[Qt.Key, Any]] = {
    Qt.Key.Key_Left: lambda view, shift: view.step(-1, shift),
    Qt.Key.Key_Right: lambda view, shift: view.step(1, shift),
    Qt.Key.Key_PageUp: lambda view, _: view.step_segment(-1),
    Qt.Key.Key_PageDown: lambda view, _: view.step_segment(1),
    Qt.Key.Key_Home: lambda view, _: view._go(0.0),
    Qt.Key.Key_End: lambda view, _: view._to_end(),
    Qt.Key.Key_Plus: lambda view, _: view.zoom(ZOOM),
    Qt.Key.Key_Equal: lambda view, _: view.zoom(ZOOM),
    Qt.Key.Key_Minus: lambda view, _: view.zoom(1 / ZOOM),
    Qt.Key.Key_Underscore: lambda view, _: view.zoom(1 / ZOOM),
    Qt.Key.Key_0: lambda view, _: view.show_all(),
    Qt.Key.Key_W: lambda view, shift: view.step_word(-1 if shift else 1),
    Qt.Key.Key_T: lambda view, _: view._toggle_table(),
}


class _Canvas(QAbstractSlider):
    """The painted part: a gutter with names and scales, and the tracks.

    To a screen reader it is a slider over the seconds of the session, whose description says what is at the cursor:
    PyQt lets a widget choose its accessible role by its base class only.
    """

    def __init__(self, view: TracksView) -> None:
        super().__init__()
        self._view = view
        self.painter = LanePainter(view.columns, view.theme, self.font())
        self._sheet: QPixmap | None = None
        self._gutter: QPixmap | None = None
        self._sheet_x = 0
        self._sheet_key: tuple[Any, ...] = ()
        self._sheet_version = -1
        self._gutter_width = 0
        self._press: QPointF | None = None
        self._last_x = 0.0
        self._dragging = False
        self._selection: tuple[float, float] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(
            self.tr(
                "Tracks over time. Arrow keys move the cursor by a row, with Shift by a second; Page Up and Down go to "
                "segments, W and Shift+W to words; plus and minus zoom, 0 shows all; T opens the data table."
            )
        )
        self.fit()

    def tell(self, at_s: float, end_s: float, said: str) -> None:
        """Hand the place of the cursor and what is known there to a screen reader."""
        self.blockSignals(True)
        self.setRange(0, math.ceil(end_s))
        self.setValue(round(at_s))
        self.blockSignals(False)
        self.setAccessibleDescription(said)

    def sliderChange(self, change: QAbstractSlider.SliderChange) -> None:  # noqa: N802  Qt's name
        """Another value changes nothing of the picture."""

    # -- sizes

    def fit(self) -> None:
        """Take over the size of text, and paint anew."""
        painter = self.painter
        painter.set_font(self.font())
        self.setMinimumHeight(math.ceil(painter.least_height()))
        painter.lay_out(max(self.height(), painter.least_height()))
        metrics = QFontMetricsF(painter.small)
        widest = max(metrics.horizontalAdvance(lane.title) for lane in painter.lanes)
        self._gutter_width = math.ceil(widest + 5.5 * painter.em)
        self.setMinimumWidth(self._gutter_width + round(10 * painter.em))
        self.zoom_to_window()
        self._sheet_key = ()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Room for all lanes and a bit."""
        return QSize(round(90 * self.painter.em), round(self.painter.least_height() * 1.2))

    def start_over(self) -> None:
        """Other columns or colours."""
        quiet = self.painter.quiet
        self.painter = LanePainter(self._view.columns, self._view.theme, self.font())
        self.painter.quiet = quiet
        self._sheet_version = -1
        self.fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Share the new height."""
        super().resizeEvent(event)
        self.painter.lay_out(self.height())
        self.zoom_to_window()
        self._sheet_key = ()

    def update_around(self, *moments: float | None) -> None:
        """Paint again what a cursor at these moments covers: its line, its time, the word at it."""
        reach = math.ceil(18 * self.painter.em)
        for t_s in moments:
            if t_s is not None:
                self.update(QRect(round(self.x_at(t_s)) - reach, 0, 2 * reach, self.height()))

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Follow the size of text."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.fit()

    def behind(self) -> bool:
        """Whether the columns have changed since the last painting."""
        return self._sheet_version != self._view.columns.version

    # -- time and place

    @property
    def plot_width(self) -> int:
        """Pixels of the time axis."""
        return max(1, self.width() - self._gutter_width)

    @property
    def left_x(self) -> int:
        """Absolute pixel at the left edge of the time axis; a multiple of `grain`."""
        return round(self._view.window_s[0] * self.painter.px_per_s / self.grain) * self.grain

    @property
    def grain(self) -> int:
        """Pixels of the widget that are a whole number of pixels on the screen; strips begin and scroll by these."""
        ratio = self.devicePixelRatioF()
        return next((n for n in (1, 2, 4, 8) if (n * ratio).is_integer()), 1)

    def zoom_to_window(self) -> None:
        """Take over the stretch of time in view."""
        t0, t1 = self._view.window_s
        self.painter.px_per_s = self.plot_width / (t1 - t0)

    def time_at(self, x: float) -> float:
        """Seconds at a pixel of the widget."""
        return (x - self._gutter_width + self.left_x) / self.painter.px_per_s

    def x_at(self, t_s: float) -> float:
        """Pixel of the widget at a time."""
        return self._gutter_width + t_s * self.painter.px_per_s - self.left_x

    def lane_at(self, y: float) -> str:
        """The lane at a pixel of the widget."""
        return next((key for key, (top, h) in self.painter.places.items() if top <= y < top + h), AXIS)

    def hit(self, key: str, x: float, y: float) -> tuple[str, int] | None:
        """The word or segment at a pixel of the widget: its lane and number."""
        at, t_ns = x - self._gutter_width + self.left_x, self.time_at(x) * NS_PER_S
        columns = self._view.columns
        if key == WORDS and self.painter.words_readable:
            settled = len(columns.words)
            for number, _, box in self.painter.word_boxes(int(at), int(at) + 1):
                if box.contains(QPointF(at, y)) and number < settled:
                    return key, number
        if key in (SEGMENTS, HUMAN):
            slack = 2 / self.painter.px_per_s * NS_PER_S
            for number, s in enumerate(columns.segments if key == SEGMENTS else columns.human):
                if s.start_ns - slack <= t_ns <= s.end_ns + slack:
                    return key, number
        return None

    # -- painting

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802, ARG002
        """Bring the sheet up to date and lay cursor, selection and focus over it."""
        self._bring_up()
        assert self._sheet is not None
        assert self._gutter is not None
        painter = QPainter(self)
        painter.drawPixmap(self._gutter_width, 0, self._sheet)
        painter.drawPixmap(0, 0, self._gutter)
        self._paint_over(painter)
        painter.end()

    def _bring_up(self) -> None:
        lanes, view = self.painter, self._view
        lanes.rescale()
        ratio = self.devicePixelRatioF()
        x, width, columns = self.left_x, self.plot_width, view.columns
        size = (width, self.height(), ratio)
        key = (
            round(lanes.px_per_s, 9),
            *size,
            lanes.top,
            lanes.gain,
            lanes.quiet,
            columns.in_hindsight,
            columns.is_compared,
        )
        version = columns.version
        if key != self._sheet_key or self._sheet is None:
            self._sheet = QPixmap(math.ceil(width * ratio), math.ceil(self.height() * ratio))
            self._sheet.setDevicePixelRatio(ratio)
            if self._gutter is None or key[1:] != self._sheet_key[1:]:
                self._gutter = self._painted_gutter(ratio)
            strips = [(x, x + width)]
        else:
            strips = self._scroll(x - self._sheet_x, x, width, ratio)
            since = columns.changed_since(self._sheet_version)
            if since * lanes.px_per_s < x + width:
                first = max(x, (lanes.x_of(since) - SLACK_PX) // self.grain * self.grain) if since > 0 else x
                strips = [(a, min(b, first)) for a, b in strips if a < first] + [(first, x + width)]
        self._sheet_key, self._sheet_x, self._sheet_version = key, x, version
        if strips:
            painter = QPainter(self._sheet)
            painter.translate(-x, 0)
            for a, b in strips:
                lanes.strip(painter, a, b)
            painter.end()

    def _scroll(self, by: int, x: int, width: int, ratio: float) -> list[tuple[int, int]]:
        """Move the painted sheet; the strips that are then missing."""
        if by == 0:
            return []
        if abs(by) >= width or not (by * ratio).is_integer():
            return [(x, x + width)]
        assert self._sheet is not None
        self._sheet.scroll(round(-by * ratio), 0, self._sheet.rect())
        if by < 0:
            return [(x, x - by)]
        return [((x + width - by) // self.grain * self.grain, x + width)]

    def _painted_gutter(self, ratio: float) -> QPixmap:
        sheet = QPixmap(math.ceil(self._gutter_width * ratio), math.ceil(self.height() * ratio))
        sheet.setDevicePixelRatio(ratio)
        painter = QPainter(sheet)
        self._paint_gutter(painter)
        painter.end()
        return sheet

    def _paint_gutter(self, painter: QPainter) -> None:
        lanes, theme = self.painter, self._view.theme
        width = self._gutter_width
        painter.fillRect(0, 0, width, self.height(), QColor(theme.background))
        painter.setFont(lanes.small)
        names = {c.value: theme.channel[c] for c in Channel} | {ESTIMATE: theme.estimate}
        for lane in lanes.lanes:
            y, h = lanes.places[lane.key]
            painter.setPen(QColor(theme.text))
            room = QRectF(lanes.em * 0.9, y, width - lanes.em, h)
            if lane.key in names:
                painter.fillRect(QRectF(lanes.em * 0.3, y + 3, 3, h - 6), QColor(names[lane.key]))
            below = [] if lanes.quiet else self._legend(lane.key)
            line = QFontMetricsF(lanes.small).height()
            below = below[: max(0, int((h - 6) / line) - 1)]
            top = y + 3 if lane.key == ESTIMATE and below else y + (h - line * (1 + len(below))) / 2
            for i, text in enumerate((lane.title, *below)):
                painter.setPen(QColor(theme.faint if i else theme.text))
                box = QRectF(room.x(), top + i * line, width - lanes.em * 3.5, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        if not lanes.quiet:
            self._paint_scales(painter)

    def _legend(self, key: str) -> list[str]:
        """What the lines of a lane mean, for below its name."""
        if key == ESTIMATE:
            end = self.tr("thin: in hindsight") if self._view.columns.in_hindsight else self.tr("dashed: provisional")
            known = [self.tr("model estimate"), self.tr("shaded: 80 % band"), self.tr("dotted: prior"), end]
            return [self.tr("long dashes: before"), *known] if self._view.columns.is_compared else known
        return [self.tr("log-odds")] if key in {c.value for c in CHANNELS} else []

    def _paint_scales(self, painter: QPainter) -> None:
        lanes, theme = self.painter, self._view.theme
        painter.setPen(QColor(theme.faint))
        line = QFontMetricsF(lanes.small).height()

        def mark(key: str, value: float, text: str) -> None:
            y = lanes.y_of(key, value)
            top, h = lanes.places[key]
            at = min(max(y - line / 2, top), top + h - line)
            box = QRectF(0, at, self._gutter_width - 4, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

        for value, text in ((0.0, "0"), (0.5, ".5"), (1.0, "1")):
            mark(ESTIMATE, value, text)
        for channel in CHANNELS:
            top = f"{lanes.top:g}"
            if lanes.places[channel.value][1] >= 2 * line:
                mark(channel.value, lanes.top, f"+{top}")
                mark(channel.value, -lanes.top, f"−{top}")
            else:
                mark(channel.value, 0.0, f"±{top}")

    def _paint_over(self, painter: QPainter) -> None:
        view, theme = self._view, self._view.theme
        left = self._gutter_width
        painter.setClipRect(QRect(left, 0, self.plot_width, self.height()))
        if self._selection is not None:
            a, b = sorted(self.x_at(t) for t in self._selection)
            shade = QColor(theme.accent)
            shade.setAlpha(50)
            painter.fillRect(QRectF(a, 0, b - a, self.height()), shade)
        if view.cursor_s is not None:
            x = round(self.x_at(view.cursor_s))
            self._paint_chosen(painter)
            painter.fillRect(QRectF(x - 0.5, 0, 2, self.height()), QColor(theme.text))
            self._paint_cursor_time(painter, x)
        painter.setClipping(False)
        if self.hasFocus():
            pen = QPen(QColor(theme.focus), 2)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(1, 1, self.width() - 2, self.height() - 2))

    def _paint_chosen(self, painter: QPainter) -> None:
        """A frame around the word at the cursor."""
        view, lanes = self._view, self.painter
        assert view.cursor_s is not None
        if not lanes.words_readable:
            return
        painter.setPen(QPen(QColor(view.theme.accent), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        number, x = view.columns.word_at(view.cursor_s), lanes.x_of(view.cursor_s)
        for n, _, box in lanes.word_boxes(x - round(14 * lanes.em), x + 1):
            if n == number:
                painter.drawRect(box.translated(self._gutter_width - self.left_x, 0).adjusted(0, 1, 1, -1))

    def _paint_cursor_time(self, painter: QPainter, x: int) -> None:
        lanes, theme = self.painter, self._view.theme
        assert self._view.cursor_s is not None
        y, h = lanes.places[AXIS]
        text = clock_text(self._view.cursor_s, tenths=True)
        painter.setFont(lanes.small)
        width = lanes.width_of(text) + lanes.em
        at = min(max(x - width / 2, self._gutter_width), self.width() - width)
        box = QRectF(at, y, width, h)
        painter.fillRect(box, QColor(theme.text))
        painter.setPen(QColor(theme.surface))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Remember where a click or a drag begins."""
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton and event.position().x() >= self._gutter_width:
            self._press, self._last_x, self._dragging = event.position(), event.position().x(), False
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                t_s = self.time_at(event.position().x())
                self._selection = (t_s, t_s)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Scroll, or with Shift select."""
        assert event is not None
        if self._press is None:
            return
        x = event.position().x()
        self._dragging |= abs(x - self._press.x()) > 4
        if self._selection is not None:
            self._selection = (self._selection[0], max(0.0, self.time_at(x)))
            self.update()
        elif self._dragging:
            self._view.scrolled((self._last_x - x) / self.painter.px_per_s)
            self._last_x = x

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """End a drag; without one it was a click."""
        assert event is not None
        if self._press is None:
            return
        x, y = event.position().x(), event.position().y()
        selection, self._selection, self._press = self._selection, None, None
        if selection is not None and self._dragging:
            self._view.span_selected.emit(*sorted(selection))
        elif not self._dragging:
            self._view.clicked(self.lane_at(y), self.time_at(x), x, y)
        self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802
        """Zoom around the pointer; sideways, or with Shift, scroll."""
        assert event is not None
        up, side = event.angleDelta().y(), event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            side, up = side or up, 0
        t0, t1 = self._view.window_s
        if up:
            self._view.zoom(ZOOM ** (up / 120), self.time_at(max(event.position().x(), self._gutter_width)))
        elif side:
            self._view.scrolled(-side / 120 * (t1 - t0) / 10)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Keys belong to the view."""
        self._view.keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Tell what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip(event.pos()), self)
            return True
        return super().event(event)

    def tip(self, place: QPoint) -> str:
        """What is under a point of the widget, in words."""
        key, t_s = self.lane_at(place.y()), self.time_at(place.x())
        columns = self._view.columns
        if place.x() < self._gutter_width or key in (AXIS, SOUND):
            return ""
        chosen = self.hit(key, place.x(), place.y())
        if key == WORDS and chosen is not None:
            word = columns.word(chosen[1])
            heard = self.tr("heard with confidence %1").replace("%1", f"{word.confidence:.2f}")
            return f"{word.text}  {clock_text(word.start_ns / NS_PER_S, tenths=True)}\n{heard}"
        if key in (SEGMENTS, HUMAN) and chosen is not None:
            s = (columns.segments if key == SEGMENTS else columns.human)[chosen[1]]
            span = (
                f"{chosen[1] + 1}:  {clock_text(s.start_ns / NS_PER_S, True)} – {clock_text(s.end_ns / NS_PER_S, True)}"
            )
            said = ", ".join(s.phrases) if key == SEGMENTS else str(getattr(s, "label", ""))
            return f"{span}\n{said}" if said else span
        if key in (WORDS, SEGMENTS, HUMAN):
            return ""
        if key == EVENTS:
            slack = 6 / self.painter.px_per_s
            near = [e for e in columns.events if abs(e.t_ns / NS_PER_S - t_s) <= slack]
            return "\n".join(f"{clock_text(e.t_ns / NS_PER_S, True)}  {event_text(e)}" for e in near)
        return self._view.describe(t_s).replace("; ", "\n")
