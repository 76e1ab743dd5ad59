"""Timeline view: a live model flows in; estimate, channels and words on one time axis flow out, under a cursor."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QMouseEvent
from PyQt6.QtWidgets import QWidget

from ahdetect.export.picture import COLOUR, ESTIMATE, FAINT, INK, SEGMENT, arrange, runs
from ahdetect.gui.review_model import ReviewModel as LiveModel
from ahdetect.models.cues import Channel
from ahdetect.models.lexicon import PHRASES, token
from ahdetect.models.posterior import Presence
from ahdetect.timeline import NS_PER_S

WORD_LEVELS: Final = 3
MOST_WORDS: Final = 400
"""Words that are laid out at once; where more are in view, no single one could be read anyway."""
PATTERNS: Final = {Presence.ABSENT: Qt.BrushStyle.BDiagPattern, Presence.STALE: Qt.BrushStyle.Dense6Pattern}


def _shade(colour: str, alpha: int) -> QColor:
    shade = QColor(colour)
    shade.setAlpha(alpha)
    return shade


class TimelineView(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Lanes under each other; a click or a drag puts the cursor, the wheel zooms."""

    def __init__(self, model: LiveModel, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setBackground("w")
        self._model = model
        self._shown: Any = None
        self._font = QFont(self.font().family(), 9)
        self.lanes: dict[str, Any] = {}
        self._cursors: list[Any] = []
        for row, (name, height) in enumerate([("A/H", 190), *((c.value, 60) for c in Channel), ("words", 110)]):
            self._add_lane(name, row, height)
        self.lanes["words"].getAxis("bottom").setStyle(showValues=True)
        self.lanes["words"].getAxis("bottom").setHeight(24)
        self.lanes["words"].sigXRangeChanged.connect(self._lay_out_words)
        self._words: list[Any] = []
        model.on_change(self.refresh)

    def refresh(self) -> None:
        """Draw what is new: everything for another session, else only the cursor."""
        if self._shown is not self._model.timeline:
            self._shown = self._model.timeline
            self._draw()
        for line in self._cursors:
            line.setValue(self._model.cursor_s)

    # -- lanes

    def _add_lane(self, name: str, row: int, height: int) -> None:
        colours = {c.value: COLOUR[c] for c in Channel}
        self.addLabel(name, row=row, col=0, color=colours.get(name, INK), bold=True, size="10pt")
        lane = self.addPlot(row=row, col=1)
        lane.setMouseEnabled(x=True, y=False)
        lane.setMenuEnabled(False)
        lane.hideButtons()
        lane.showGrid(x=True, alpha=0.15)
        axis = lane.getAxis("left")
        axis.setWidth(34)
        axis.setTextPen(FAINT)
        lane.getAxis("bottom").setStyle(showValues=False)
        lane.getAxis("bottom").setHeight(2)
        lane.getAxis("bottom").setTextPen(FAINT)
        if self.lanes:
            lane.setXLink(self.lanes["A/H"])
        self.ci.layout.setRowPreferredHeight(row, height)
        self.lanes[name] = lane

    def _draw(self) -> None:
        timeline, self._cursors, self._words = self._model.timeline, [], []
        for lane in self.lanes.values():
            lane.clear()
        self._draw_estimate()
        for channel in Channel:
            self._draw_channel(channel)
        self.lanes["words"].setYRange(0, WORD_LEVELS, padding=0)
        self.lanes["words"].getAxis("left").setTicks([])
        end = max(timeline.duration_s, 0.1)
        for lane in self.lanes.values():
            for segment in timeline.segments:
                bounds = segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S
                region = pg.LinearRegionItem(bounds, movable=False, brush=_shade(SEGMENT, 70), pen=pg.mkPen(None))
                region.setZValue(-20)
                lane.addItem(region)
            cursor = pg.InfiniteLine(self._model.cursor_s, pen=pg.mkPen(INK, width=1.5))
            lane.addItem(cursor)
            self._cursors.append(cursor)
            lane.setLimits(xMin=0, xMax=end, minXRange=0.5)
        self.lanes["A/H"].setXRange(0, end, padding=0)
        self._lay_out_words()

    def _draw_estimate(self) -> None:
        lane, rows, t = self.lanes["A/H"], self._model.timeline.rows, self._model.timeline.t_s
        lane.setYRange(0, 1, padding=0.02)
        lane.getAxis("left").setTicks([[(v, f"{v:g}") for v in (0, 0.5, 1)]])
        if not rows:
            return
        edges = [pg.PlotCurveItem(t, np.array([getattr(r, name) for r in rows])) for name in ("low", "high")]
        for edge in edges:
            edge.setPen(None)
            lane.addItem(edge)
        lane.addItem(pg.FillBetweenItem(*edges, brush=_shade(ESTIMATE, 45)))
        lane.plot(t, np.array([r.p for r in rows]), pen=pg.mkPen(ESTIMATE, width=2))
        smoothed = np.array([r.p_smoothed for r in rows])
        if not np.isnan(smoothed).all():
            lane.plot(t, smoothed, pen=pg.mkPen(INK, width=1, style=Qt.PenStyle.DashLine))

    def _draw_channel(self, channel: Channel) -> None:
        lane, timeline = self.lanes[channel.value], self._model.timeline
        top = max([1.0, *(float(np.abs(timeline.contribution(c)).max(initial=0)) for c in Channel)])
        lane.setYRange(-top, top, padding=0)
        lane.getAxis("left").setTicks([[(0, "0")]])
        if not timeline.rows:
            return
        presence = [r.states[channel].presence for r in timeline.rows]
        adds = timeline.contribution(channel)
        adds[[p is Presence.ABSENT for p in presence]] = np.nan
        lane.plot(timeline.t_s, adds, pen=pg.mkPen(COLOUR[channel], width=1.5), connect="finite")
        lane.addItem(pg.InfiniteLine(0, angle=0, pen=pg.mkPen(FAINT, width=0.5)))
        gaps = [(p, r) for p, r in runs(presence, timeline.t_s, timeline.duration_s) if p is not Presence.PRESENT]
        for kind, pattern in PATTERNS.items():
            starts = [r.start for p, r in gaps if p is kind]
            if starts:
                ends = [r.end for p, r in gaps if p is kind]
                brush = QBrush(QColor("#a9a9b4"), pattern)
                lane.addItem(pg.BarGraphItem(x0=starts, x1=ends, y0=-top, y1=top, brush=brush, pen=pg.mkPen(None)))
        longest = max(gaps, key=lambda gap: gap[1].end - gap[1].start, default=None)
        if longest is not None:
            run = longest[1]
            why = timeline.rows[run.first].states[channel].reason
            reason = pg.TextItem(
                why, color=INK, fill="w", anchor=(0, 1) if run.start < timeline.duration_s / 2 else (1, 1)
            )
            reason.setFont(self._font)
            reason.setPos(run.start if run.start < timeline.duration_s / 2 else run.end, -top)
            lane.addItem(reason)

    def _lay_out_words(self) -> None:
        lane = self.lanes["words"]
        for item in self._words:
            lane.removeItem(item)
        self._words = []
        (start, end), width = lane.viewRange()[0], lane.vb.width()
        words = [w for w in self._model.timeline.words if start <= w.start_ns / NS_PER_S <= end]
        if not words or len(words) > MOST_WORDS or width <= 0:
            return
        metrics, per_px = QFontMetricsF(self._font), (end - start) / width
        widths = [(metrics.horizontalAdvance(w.text) + 10) * per_px for w in words]
        for i, level in arrange([w.start_ns / NS_PER_S for w in words], widths, WORD_LEVELS):
            filler = token(words[i].text) in PHRASES["filler"]
            colour = COLOUR[Channel.LANGUAGE]
            item = pg.TextItem(words[i].text, color=colour if filler else INK, border=colour if filler else None)
            item.setFont(self._font)
            item.setPos(words[i].start_ns / NS_PER_S, WORD_LEVELS - level)
            lane.addItem(item)
            self._words.append(item)

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  Qt's name
        """Put the cursor where the left button goes down."""
        self._scrub(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag it along."""
        self._scrub(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Nothing more happens when the button comes up."""
        event.accept()

    def _scrub(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            scene: QPointF = self.mapToScene(event.position().toPoint())
            self._model.move_to(self.lanes["A/H"].vb.mapSceneToView(scene).x())
            event.accept()
