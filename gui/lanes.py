"""Lanes: columns and a zoom flow in; painted strips of the tracks flow out, for any stretch of pixels.

Pixels are counted from time 0 (`absolute`), so that a strip painted now fits beside one painted before: a view that
scrolls moves its picture and paints only what came into sight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter

from ahdetect.events import TRIGGER, Event, trigger_text
from ahdetect.gui.columns import CURVE, Columns, GapRuns, Window
from ahdetect.gui.theme import Theme
from ahdetect.models.cues import Channel
from ahdetect.timeline import NS_PER_S

translate = QCoreApplication.translate

ESTIMATE, SOUND, WORDS, SEGMENTS, HUMAN, EVENTS, AXIS = (
    "estimate", "sound", "words", "segments", "human", "events", "axis",
)  # fmt: skip
WORD_LEVELS: Final = 6
"""Lines of words: at 2.2 words/s (EVIDENCE) and 60 s in view a word of average length finds room."""
READABLE_EM: Final = 2.0
"""A word needs this much room, in average widths of its font's M; below it words are marks without letters."""
WORD_S: Final = 0.33
"""Distance of words in fluent speech, s, for choosing between letters and marks."""
SOFT_PX_PER_S: Final = 10.0
"""Lines have soft edges from this zoom on: 3 rows to a pixel at 30 fps."""
DASH: Final = 4
"""Pixels of a dash and of the blank after it, in the provisional part of a line."""
LONG_DASH: Final = 5
"""Half the pixels of a dash of the estimate that is shown for comparison, and all of the blank after it."""
REPEAT_EM: Final = 40.0
"""A reason that does not fit once is written again at this distance, so that scrolling never loses it."""
TICKS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
SCALES: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
"""Ends of the axis of contributions, in log-odds; one for all channels."""
HATCH: Final = 8
"""Period of Qt's hatching patterns, pixels."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One track.

    Attributes:
        key: `ESTIMATE` and so on, or the name of a channel.
        title: what stands in front of it.
        lines: its smallest height, in lines of text.
        stretch: its share of the height that is left over.
    """

    key: str
    title: str
    lines: float
    stretch: int


def lanes(quiet: bool) -> list[Lane]:
    """All tracks from top to bottom; in quiet mode those without a score."""
    names = {
        Channel.FACE: translate("Tracks", "face"),
        Channel.BODY: translate("Tracks", "body"),
        Channel.VOICE: translate("Tracks", "voice"),
        Channel.LANGUAGE: translate("Tracks", "language"),
        Channel.DISCORD: translate("Tracks", "discord"),
    }
    estimate = Lane(ESTIMATE, translate("Tracks", "A/H probability"), 1.5 if quiet else 5.5, 0 if quiet else 8)
    channels = [Lane(c.value, names[c], 1.2 if quiet else 2.0, 3) for c in Channel]
    model = [Lane(SEGMENTS, translate("Tracks", "model's segments"), 1.3, 0)]
    return [
        estimate,
        *channels,
        Lane(SOUND, translate("Tracks", "sound"), 1.6, 2),
        Lane(WORDS, translate("Tracks", "words"), WORD_LEVELS * 0.95, 0),
        *([] if quiet else model),
        Lane(HUMAN, translate("Tracks", "human segments"), 1.3, 0),
        Lane(EVENTS, translate("Tracks", "events"), 1.3, 0),
        Lane(AXIS, translate("Tracks", "minutes:seconds"), 1.3, 0),
    ]


@lru_cache(256)
def mix(a: str, b: str, share: float) -> QColor:
    """Colour `a` with a `share` of `b` in it, opaque."""
    one, two = QColor(a), QColor(b)
    return QColor(
        *(round(x * (1 - share) + y * share) for x, y in zip(one.getRgb()[:3], two.getRgb()[:3], strict=True))
    )


def clock_text(seconds: float, tenths: bool = False) -> str:
    """A time as minutes and seconds: `3:05`, or `3:05.2`."""
    units = round(seconds * 10) if tenths else round(seconds) * 10
    minutes, rest = divmod(abs(units), 600)
    sign = "-" if units < 0 else ""
    return f"{sign}{minutes}:{rest // 10:02d}" + (f".{rest % 10}" if tenths else "")


def event_text(event: Event) -> str:
    """An event in a few words."""
    detail = event.detail

    def of(*names: str) -> str:
        return next((str(detail[n]) for n in names if detail.get(n)), "")

    head = {
        "prompt": translate("Tracks", "Prompt"),
        "marker": translate("Tracks", "Marker"),
        "device_lost": translate("Tracks", "Lost"),
        "device_back": translate("Tracks", "Back"),
        "stage_crashed": translate("Tracks", "Stopped"),
        TRIGGER: translate("Tracks", "Trigger"),
    }.get(event.kind, event.kind.replace("_", " "))
    rest = trigger_text(detail) if event.kind == TRIGGER else of("kind_of_prompt", "note", "device", "stage")
    return f"{head}: {rest}" if rest else head


class Bars:
    """Upright bars, drawn in one call; equal neighbours become one wide bar."""

    def __init__(self) -> None:
        # By length, a power of two: sip never frees a slice of such an array.
        self._rects: dict[int, Any] = {}

    def draw(
        self, painter: QPainter, x: NDArray[Any], top: NDArray[Any], bottom: NDArray[Any], brush: QBrush | QColor,
        width: NDArray[Any] | float = 1.0,
    ) -> None:  # fmt: skip
        """Fill from `top` to `bottom` (y, pixels) at every `x`, `width` pixels wide."""
        n = len(x)
        if not n:
            return
        room = 1 << (n - 1).bit_length()
        rects = self._rects.get(room)
        if rects is None:
            rects = self._rects[room] = sip.array(QRectF, room)  # type: ignore[call-arg]  # the stub has no size
        place: Any = sip.voidptr(rects, room * 32)  # four doubles each
        held = np.frombuffer(place, dtype=np.float64).reshape(room, 4)
        held[:n, 0], held[:n, 1], held[:n, 2], held[:n, 3] = x, top, width, bottom - top
        held[n:] = 0.0  # of no size: nothing is drawn
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush)
        painter.drawRects(rects)

    def line(
        self, painter: QPainter, x: NDArray[Any], top: NDArray[Any], bottom: NDArray[Any], brush: QBrush | QColor
    ) -> None:
        """The same for bars of one pixel, on quarters of a pixel."""
        if not len(x):
            return
        top, bottom = np.round(top * 4) / 4, np.round(bottom * 4) / 4
        alike = (x[1:] - x[:-1] == 1) & (top[1:] == top[:-1]) & (bottom[1:] == bottom[:-1])
        heads = np.append(0, (~alike).nonzero()[0] + 1)
        ends = x[np.append(heads[1:], len(x)) - 1] + 1
        self.draw(painter, x[heads], top[heads], bottom[heads], brush, ends - x[heads])


class LanePainter:
    """Paints strips of all lanes.

    Args:
        columns: what is drawn.
        theme: its colours.
        font: of plain text; sizes follow it.

    Attributes:
        px_per_s: zoom.
        quiet: hide everything that is a score.
        places: y and height of each lane, pixels, by key; set by `lay_out`.
        top: end of the axis of contributions, log-odds.
        gain: by how much the waveform is enlarged.
    """

    def __init__(self, columns: Columns, theme: Theme, font: QFont) -> None:
        self.columns = columns
        self.theme = theme
        self.px_per_s = 20.0
        self.quiet = False
        self.places: dict[str, tuple[float, float]] = {}
        self.lanes: list[Lane] = []
        self.top, self.gain = SCALES[0], 1.0
        self._bars = Bars()
        self.set_font(font)

    def set_font(self, font: QFont) -> None:
        """Take over another size of text."""
        self.font = QFont(font)
        self.small = QFont(font)
        self.small.setPointSizeF(max(1.0, font.pointSizeF() * 0.9))
        self.italic = QFont(self.small)
        self.italic.setItalic(True)
        self.line = QFontMetricsF(self.font).height()
        self.em = QFontMetricsF(self.small).averageCharWidth() * 1.6
        self._metrics, self._slanted = QFontMetricsF(self.small), QFontMetricsF(self.italic)
        self.width_of = lru_cache(4096)(self._metrics.horizontalAdvance)
        self._elided = lru_cache(4096)(self._elide)

    def _elide(self, text: str, room: int, slanted: bool) -> str:
        metrics = self._slanted if slanted else self._metrics
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)

    # -- where things are

    def lay_out(self, height: float) -> None:
        """Share `height` pixels among the lanes."""
        self.lanes = lanes(self.quiet)
        least = [lane.lines * self.line for lane in self.lanes]
        spare = max(0.0, height - sum(least))
        parts = sum(lane.stretch for lane in self.lanes) or 1
        y, self.places = 0.0, {}
        for lane, h in zip(self.lanes, least, strict=True):
            h = h + spare * lane.stretch / parts
            self.places[lane.key] = (float(round(y)), float(round(y + h) - round(y)))
            y += h

    def least_height(self) -> float:
        """Pixels that all lanes need at this size of text."""
        return sum(lane.lines for lane in lanes(self.quiet)) * self.line

    def rescale(self) -> None:
        """Choose the axes of contributions and sound from what the columns hold."""
        self.top = next((s for s in SCALES if s >= self.columns.steepest), SCALES[-1])
        loudest = max(self.columns.loudest, 1 / 16)
        self.gain = 2.0 ** math.floor(math.log2(1 / loudest)) if loudest < 1 else 1.0

    def y_of(self, key: str, value: float) -> float:
        """Where a value stands in the lane of the estimate or of a channel."""
        y, h = self.places[key]
        low, high = (0.0, 1.0) if key == ESTIMATE else (-self.top, self.top)
        margin = 3.0
        return y + margin + (high - value) / (high - low) * (h - 2 * margin)

    def x_of(self, t_s: float) -> int:
        """Absolute pixel of a time."""
        return math.floor(t_s * self.px_per_s + 1e-6)

    # -- painting

    def strip(self, painter: QPainter, x_from: int, x_to: int) -> None:
        """Paint absolute pixels `x_from` up to but not `x_to`; the painter's x axis is absolute pixels.

        Whatever reaches beyond is cut off.
        """
        height = sum(self.places[self.lanes[-1].key])
        area = QRectF(x_from, 0, x_to - x_from, height)
        painter.save()
        painter.setClipRect(area)
        painter.fillRect(area, QColor(self.theme.surface))
        t0, t1 = x_from / self.px_per_s, x_to / self.px_per_s
        x = np.arange(x_from, x_to, dtype=np.float64)
        self._grid(painter, x_from, x_to)
        window = self.columns.window(t0, t1, x_to - x_from)
        if self.quiet:
            self._veil(painter, x_from, x_to)
        else:
            self._band(painter, x, window)
        gaps = self.columns.gap_runs(t0, t1)
        for channel in Channel:
            self._hatch(painter, channel.value, gaps[channel], x_from, x_to)
        if not self.quiet:
            self._lines(painter, x, window)
            self._other(painter, x, t0, t1)
        self._sound(painter, x, t0, t1)
        self._words(painter, x_from, x_to)
        if not self.quiet:
            self._segments(painter, SEGMENTS, self.columns.segments, t0, t1)
        self._segments(painter, HUMAN, self.columns.human, t0, t1)
        self._events(painter, x_from, x_to)
        painter.restore()

    def _grid(self, painter: QPainter, x_from: int, x_to: int) -> None:
        """Moments in minutes and seconds, lines between the lanes, and the lines of 0, .5 and 1."""
        theme = self.theme
        y_axis, h_axis = self.places[AXIS]
        step = next((s for s in TICKS_S if s * self.px_per_s >= 6 * self.em), TICKS_S[-1])
        around = 4 * self.em
        first = max(0, math.floor((x_from - around) / self.px_per_s / step))
        last = math.ceil((x_to + around) / self.px_per_s / step)
        ticks = range(first, last + 1)
        x = np.array([self.x_of(n * step) for n in ticks], dtype=np.float64)
        top, axis = np.zeros(len(x)), np.full(len(x), y_axis)
        self._bars.draw(painter, x, top, axis, mix(theme.surface, theme.faint, 0.22))
        self._bars.draw(painter, x, axis, axis + 3, QColor(theme.faint))
        painter.setFont(self.small)
        painter.setPen(QColor(theme.faint))
        for n, at in zip(ticks, x.tolist(), strict=True):
            text = QRectF(at - around if n else at, y_axis + 3, 2 * around, h_axis - 3)
            across = Qt.AlignmentFlag.AlignHCenter if n else Qt.AlignmentFlag.AlignLeft
            painter.drawText(text, across | Qt.AlignmentFlag.AlignTop, clock_text(n * step, step < 1))
        between = [y for y, _ in self.places.values()][1:]
        self._across(painter, between, x_from, x_to, QColor(theme.background))
        if not self.quiet:
            values = [self.y_of(ESTIMATE, v) for v in (0.0, 0.5, 1.0)] + [self.y_of(c.value, 0.0) for c in Channel]
            self._across(painter, values, x_from, x_to, mix(theme.surface, theme.faint, 0.45))

    def _across(self, painter: QPainter, ys: list[float], x_from: int, x_to: int, colour: QColor) -> None:
        y = np.round(np.array(ys))
        self._bars.draw(painter, np.full(len(y), x_from), y, y + 1, colour, float(x_to - x_from))

    def _veil(self, painter: QPainter, x_from: int, x_to: int) -> None:
        text = translate("Tracks", "Quiet mode: estimates are hidden while recording")
        self._repeat(painter, self.places[ESTIMATE], text, (0, math.inf), (x_from, x_to))

    def _band(self, painter: QPainter, x: NDArray[np.float64], window: Window) -> None:
        """The 80 % band, the prior, and the estimate in hindsight."""
        theme, low, high = self.theme, window.low, window.high
        self._fill(painter, ESTIMATE, x, low[:, CURVE["low"]], high[:, CURVE["high"]], QColor(theme.band_fill), 0)
        dotted, prior = x % 6 < 2, CURVE["prior"]
        self._fill(painter, ESTIMATE, x[dotted], low[dotted, prior], high[dotted, prior], QColor(theme.faint), 1)
        if self.columns.in_hindsight:
            smoothed = CURVE["smoothed"]
            self._fill(painter, ESTIMATE, x, low[:, smoothed], high[:, smoothed], QColor(theme.faint), 1)

    def _lines(self, painter: QPainter, x: NDArray[np.float64], window: Window) -> None:
        """The estimate and what each channel adds; dashed and lighter where they may still change."""
        keys = [ESTIMATE, *(c.value for c in Channel)]
        colours = [self.theme.estimate, *(self.theme.channel[c] for c in Channel)]
        columns = [CURVE["p"], *(CURVE[c.value] for c in Channel)]
        half = np.array([1.0] + [0.8] * len(Channel))
        zero = np.array([self.y_of(key, 0.0) for key in keys])
        slope = np.array([self.y_of(key, 1.0) for key in keys]) - zero
        top = np.round((zero + slope * window.high[:, columns] - half) * 4) / 4
        bottom = np.round((zero + slope * window.low[:, columns] + half) * 4) / 4
        shown = window.settled | (x // DASH % 2 == 0)
        shape = np.column_stack([window.settled, shown])
        cut = (shape[1:] != shape[:-1]).any(axis=1)[:, None]
        heads = np.ones(top.shape, dtype=np.bool_)
        heads[1:] = cut | (top[1:] != top[:-1]) | (bottom[1:] != bottom[:-1])
        # Where a pixel holds many rows its bar is tall, and soft ends cost time that nobody sees.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.px_per_s > SOFT_PX_PER_S)
        for i, colour in enumerate(colours):
            first = heads[:, i].nonzero()[0]
            wide = np.append(first[1:], len(x)) - first
            known = shown[first] & (top[first, i] <= bottom[first, i])  # False for NaN
            for solid, shade in ((True, QColor(colour)), (False, mix(colour, self.theme.surface, 0.35))):
                mine = known & (window.settled[first] == solid)
                if mine.any():
                    at = first[mine]
                    self._bars.draw(painter, x[at], top[at, i], bottom[at, i], shade, wide[mine])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _other(self, painter: QPainter, x: NDArray[np.float64], t0: float, t1: float) -> None:
        """The estimate without calibration, in long dashes."""
        other = self.columns.compared(t0, t1, len(x))
        if other is None:
            return
        dash = x // LONG_DASH % 3 != 2
        self._fill(painter, ESTIMATE, x[dash], other[0][dash], other[1][dash], QColor(self.theme.text), 1.5)

    def _fill(
        self, painter: QPainter, key: str, x: NDArray[np.float64], low: NDArray[Any], high: NDArray[Any],
        colour: QColor, thick: float,
    ) -> None:  # fmt: skip
        known = low <= high  # False for NaN
        if not known.any():
            return
        x, low, high = x[known], low[known], high[known]
        top, zero = self.y_of(key, 1.0), self.y_of(key, 0.0)
        slope = top - zero
        self._bars.line(painter, x, zero + slope * high - thick / 2, zero + slope * low + thick / 2, colour)

    def _hatch(self, painter: QPainter, key: str, runs: GapRuns, x_from: int, x_to: int) -> None:
        if not len(runs.start_s):
            return
        y, h = self.places[key]
        painter.setBrushOrigin(QPointF(-(x_from % HATCH) + x_from, 0))
        starts = np.floor(runs.start_s * self.px_per_s + 1e-6)
        ends = np.maximum(np.floor(runs.end_s * self.px_per_s + 1e-6), starts + 1)
        hatch = QColor(self.theme.absent_hatch)
        for absent, pattern in ((False, Qt.BrushStyle.Dense7Pattern), (True, Qt.BrushStyle.BDiagPattern)):
            mine = np.flatnonzero(runs.absent == absent)
            if not len(mine):
                continue
            # Stretches that touch on the screen are one rectangle.
            a, b = starts[mine], np.maximum.accumulate(ends[mine])
            head = np.concatenate([[True], a[1:] > b[:-1]])
            heads = np.flatnonzero(head)
            a, b = a[heads], b[np.concatenate([heads[1:], [len(b)]]) - 1]
            top = np.full(len(a), y + 1)
            if absent:
                ground = mix(self.theme.surface, self.theme.absent_hatch, 0.18)
                self._bars.draw(painter, a, top, top + h - 1, ground, b - a)
            self._bars.draw(painter, a, top, top + h - 1, QBrush(hatch, pattern), b - a)
            for i in np.flatnonzero(b - a > 4 * self.em):
                reason = runs.reasons[runs.reason[mine[heads[i]]]]
                self._repeat(painter, (y, h), reason, (float(a[i]), float(b[i])), (x_from, x_to))

    def _repeat(
        self, painter: QPainter, place: tuple[float, float], text: str, stretch: tuple[float, float],
        strip: tuple[int, int],
    ) -> None:  # fmt: skip
        """Write `text` into a stretch, again and again along a long one, on a patch that keeps it readable."""
        (y, h), (start, end), (x_from, x_to) = place, stretch, strip
        line, width = self._metrics.height(), self.width_of(text) + self.em
        if end - start < width or h < line * 0.9:
            return
        period = max(REPEAT_EM * self.em, 2 * width)
        n = max(0, math.floor((x_from - start - width) / period))
        painter.setFont(self.small)
        painter.setPen(QColor(self.theme.faint))
        while (x := start + n * period) < x_to and x + width <= end:
            box = QRectF(x + self.em / 4, y + (h - line) / 2, width - self.em / 2, line)
            painter.fillRect(box, QColor(self.theme.surface))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
            n += 1

    def _sound(self, painter: QPainter, x: NDArray[np.float64], t0: float, t1: float) -> None:
        y, h = self.places[SOUND]
        low, high = self.columns.sound(t0, t1, len(x))
        known = low <= high
        middle, reach = y + h / 2, (h - 4) / 2 * self.gain
        colour = mix(self.theme.surface, self.theme.text, 0.6)
        top, bottom = middle - high[known] * reach - 0.5, middle - low[known] * reach + 0.5
        self._bars.line(painter, x[known], top, bottom, colour)

    # -- words

    @property
    def words_readable(self) -> bool:
        """Whether words are written out at this zoom."""
        return WORD_S * WORD_LEVELS * self.px_per_s >= READABLE_EM * self.em

    def word_boxes(self, x_from: int, x_to: int) -> list[tuple[int, Any, QRectF]]:
        """Number, word and place (absolute pixels) of every word that shows between two absolute pixels.

        Word n stands on line n modulo `WORD_LEVELS` and has room up to the next word of its line, so that a word's
        place never depends on what is in view.
        """
        y, h = self.places[WORDS]
        reach = 14 * self.em / self.px_per_s
        ahead = reach + 3 * WORD_LEVELS * WORD_S
        first, words = self.columns.words_between(x_from / self.px_per_s - reach, x_to / self.px_per_s + ahead)
        line = h / WORD_LEVELS
        boxes = []
        for i, word in enumerate(words):
            x = self.x_of(word.start_ns / NS_PER_S)
            if x >= x_to:
                break
            room = 14 * self.em
            if i + WORD_LEVELS < len(words):
                room = min(room, self.x_of(words[i + WORD_LEVELS].start_ns / NS_PER_S) - x)
            width = min(room, self.width_of(word.text) + self.em * 0.4)
            boxes.append((first + i, word, QRectF(x, y + (first + i) % WORD_LEVELS * line, width, line)))
        return boxes

    def _words(self, painter: QPainter, x_from: int, x_to: int) -> None:
        y, h = self.places[WORDS]
        if not self.words_readable:
            spans = self.columns.word_spans(x_from / self.px_per_s - 2, x_to / self.px_per_s) * self.px_per_s
            if len(spans):
                x = np.floor(spans[:, 0])
                wide = np.maximum(1.0, np.floor(spans[:, 1]) - x)
                heads = np.flatnonzero(np.diff(x, prepend=-1.0))  # one mark a pixel
                x, wide = x[heads], wide[heads]
                flat = np.full(len(x), y + h * 0.65)
                self._bars.draw(painter, x, flat, flat + h * 0.2, mix(self.theme.surface, self.theme.text, 0.5), wide)
                text = translate("Tracks", "zoom in to read the words")
                self._repeat(painter, (y, h * 0.6), text, (0, math.inf), (x_from, x_to))
            return
        boxes = self.word_boxes(x_from, x_to)
        if not boxes:
            return
        corners = np.array([(box.x(), box.y()) for _, _, box in boxes])
        tick, line = mix(self.theme.surface, self.theme.faint, 0.5), h / WORD_LEVELS
        self._bars.draw(painter, corners[:, 0], corners[:, 1] + 2, corners[:, 1] + line - 2, tick)
        for slanted in (False, True):
            metrics = self._slanted if slanted else self._metrics
            down = (line + metrics.ascent() - metrics.descent()) / 2
            painter.setFont(self.italic if slanted else self.small)
            painter.setPen(QColor(self.theme.faint if slanted else self.theme.text))
            for _, word, box in boxes:
                if word.settled is not slanted:
                    text = self._elided(word.text, int(box.width() - 2), slanted)
                    painter.drawText(QPointF(box.x() + 3, box.y() + down), text)

    # -- tiers

    def _segments(self, painter: QPainter, key: str, segments: Sequence[Any], t0: float, t1: float) -> None:
        y, h = self.places[key]
        model = key == SEGMENTS
        edge = QColor(self.theme.estimate if model else self.theme.human)
        fill = QColor(self.theme.band_fill) if model else mix(self.theme.surface, self.theme.human, 0.18)
        if not segments:
            return
        spans = np.array([(s.start_ns, s.end_ns) for s in segments], dtype=np.float64) / NS_PER_S
        shown = np.flatnonzero((spans[:, 1] >= t0) & (spans[:, 0] <= t1))
        a = np.floor(spans[shown, 0] * self.px_per_s + 1e-6)
        wide = np.maximum(2.0, np.floor(spans[shown, 1] * self.px_per_s + 1e-6) - a)
        top = np.full(len(a), y + 2)
        self._bars.draw(painter, a, top, top + h - 4, fill, wide)
        self._bars.draw(painter, a, top, top + h - 4, edge, 2.0)
        self._bars.draw(painter, a + wide - 1, top, top + h - 4, edge)
        self._bars.draw(painter, a, top + h - 6, top + h - 4, edge, wide)
        painter.setFont(self.small)
        painter.setPen(QColor(self.theme.text))
        for i in np.flatnonzero(wide > self._metrics.averageCharWidth() + 8).tolist():
            segment, number = segments[shown[i]], str(shown[i] + 1)
            room = float(wide[i]) - 8
            if room < self.width_of(number):
                continue
            said = ", ".join(segment.phrases) if model else str(getattr(segment, "label", ""))
            if said and room >= self.width_of(number) + 3 * self.em:
                number = self._elided(f"{number}  {said}", int(room), False)
            box = QRectF(float(a[i]) + 6, y + 2, room, h - 5)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, number)

    def _events(self, painter: QPainter, x_from: int, x_to: int) -> None:
        y, h = self.places[EVENTS]
        events = self.columns.events
        if not events:
            return
        x = np.floor(np.array([e.t_ns for e in events], dtype=np.float64) / NS_PER_S * self.px_per_s + 1e-6)
        most = 24 * self.em
        rooms = np.minimum(np.diff(x, append=x[-1] + most), most)
        painter.setFont(self.small)
        for i in np.flatnonzero((x >= x_from - most) & (x <= x_to)).tolist():
            bad = events[i].kind in ("device_lost", "stage_crashed")
            colour = QColor(self.theme.error if bad else self.theme.text)
            painter.fillRect(QRectF(x[i], y, 2, h), colour)
            room = float(rooms[i])
            if room < 8 * self.em:
                continue
            painter.setPen(colour)
            text = self._elided(event_text(events[i]), int(room - 6), False)
            painter.drawText(QRectF(x[i] + 5, y, room, h), Qt.AlignmentFlag.AlignVCenter, text)
