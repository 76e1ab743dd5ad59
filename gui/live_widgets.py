"""Live widgets: rows, lamps and prompts flow in; small panels beside the picture flow out."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui.context import PlannedPrompt
from ahdetect.gui.live_model import Asked, Lamp
from ahdetect.gui.live_words import (
    cue_text,
    lamp_text,
    latency_text,
    missing_text,
    numbers_text,
)
from ahdetect.gui.terms import band_name
from ahdetect.gui.theme import Theme
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.timeline import Row

translate = QCoreApplication.translate

MOST_CUES: Final = 3
NARROW: Final = 38
"""Letters that a panel is wide at least; narrower ones stand under each other."""
TICKS: Final = (0.0, 0.5, 1.0)


def put(label: QLabel, text: str) -> None:
    """Set a label's text where it is another one: a label that is set lays its window out anew."""
    if label.text() != text:
        label.setText(text)


def heading(text: str) -> QLabel:
    """A heading over a panel."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def plain(role: str = "", name: str = "") -> QLabel:
    """An empty label that wraps."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        label.setProperty("role", role)
    if name:
        label.setAccessibleName(name)
    return label


class Side(QWidget):
    """Panels beside each other, or under each other where they would be too narrow to read.

    Args:
        panels: from left to right, or from top to bottom.
    """

    def __init__(self, *panels: QWidget) -> None:
        super().__init__()
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(8, 0, 8, 0)
        self._box.setSpacing(12)
        for panel in panels:
            self._box.addWidget(panel, 1)

    def fit(self, width: int) -> None:
        """Choose for a width in pixels."""
        wide = width >= NARROW * self.fontMetrics().averageCharWidth() * self._box.count()
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._box.direction() != direction:
            self._box.setDirection(direction)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Narrow enough to be stacked."""
        return QSize(1, super().minimumSizeHint().height())


class SideArea(QScrollArea):
    """Scrolls `Side` up and down, and tells it how wide it is."""

    def __init__(self, side: Side) -> None:
        super().__init__()
        self._side = side
        self.setWidget(side)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        """Beside or under each other."""
        super().resizeEvent(event)
        viewport = self.viewport()
        self._side.fit(viewport.width() if viewport is not None else self.width())


class LampView(QWidget):
    """One channel: a full disc (present), a half one (late), a hatched square (absent), with the same in words."""

    def __init__(self, channel: Channel, theme: Theme) -> None:
        super().__init__()
        self._channel, self._theme = channel, theme
        self._presence: Presence | None = None
        self._lines = ("", "")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_lamp(Lamp())

    @property
    def text(self) -> str:
        """What it says."""
        first, second = self._lines
        return f"{first}: {second}"

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_lamp(self, lamp: Lamp) -> None:
        """Show a state of the channel."""
        lines = lamp_text(self._channel, lamp)
        if (lamp.presence, lines) != (self._presence, self._lines):
            self._presence, self._lines = lamp.presence, lines
            self.setAccessibleName(self.text)
            self.setToolTip(self.text)
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """Two lines of text."""
        metrics = self.fontMetrics()
        return QSize(16 * metrics.averageCharWidth(), round(2.2 * metrics.height()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """A few letters wide; the rest is in the tool tip and in the panel beside the picture."""
        return QSize(8 * self.fontMetrics().averageCharWidth(), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002, N802
        """Shape, then two lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        high = metrics.height()
        self._paint_shape(painter, QRectF(0.15 * high, 0.25 * high, 0.7 * high, 0.7 * high))
        left, room = 1.15 * high, max(0, round(self.width() - 1.3 * high))
        for line, text in enumerate(self._lines):
            painter.setPen(QColor(self._theme.text if line == 0 else self._theme.faint))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QPointF(left, line * 1.05 * high + high), shown)
        painter.end()

    def _paint_shape(self, painter: QPainter, box: QRectF) -> None:
        fill, edge = QColor(self._theme.channel[self._channel]), QColor(self._theme.text)
        painter.setPen(QPen(edge, max(1.0, box.height() / 10)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._presence is Presence.PRESENT:
            painter.setBrush(fill)
            painter.drawEllipse(box)
        elif self._presence is Presence.STALE:
            painter.drawEllipse(box)
            painter.setBrush(fill)
            painter.drawPie(box, 90 * 16, 180 * 16)
        elif self._presence is Presence.ABSENT:
            painter.setBrush(QBrush(QColor(self._theme.absent_hatch), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(box)
        else:
            painter.setPen(QPen(edge, 1.0, Qt.PenStyle.DotLine))
            painter.drawEllipse(box)


class ProbabilityBar(QWidget):
    """Probability as a mark and its 80 % band as a bar, on a line from 0 to 1."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._row: Row | None = None
        self.setAccessibleName(translate("LiveScreen", "Probability and its 80 % band"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_row(self, row: Row | None) -> None:
        """Show a row; None shows the empty line."""
        self._row = row
        self.setAccessibleDescription("" if row is None else numbers_text(row))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """A bar over its scale."""
        metrics = self.fontMetrics()
        return QSize(24 * metrics.averageCharWidth(), round(2.2 * metrics.height()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As `sizeHint`, half as wide."""
        return QSize(self.sizeHint().width() // 2, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002, N802
        """Line, band, mark, scale."""
        painter, theme = QPainter(self), self._theme
        high = painter.fontMetrics().height()
        bar = QRectF(high / 2, 1, self.width() - high, high - 2)
        painter.fillRect(bar, QColor(theme.surface))
        if self._row is not None:
            low, p, wide = self._row.low, self._row.p, self._row.high - self._row.low
            painter.fillRect(
                QRectF(bar.x() + low * bar.width(), bar.y(), wide * bar.width(), bar.height()), QColor(theme.band_fill)
            )
            painter.fillRect(
                QRectF(bar.x() + p * bar.width() - high / 8, bar.y() - 1, high / 4, bar.height() + 2),
                QColor(theme.estimate),
            )
        painter.setPen(QColor(theme.line))
        painter.drawRect(bar)
        painter.setPen(QColor(theme.text))
        for tick in TICKS:
            x = bar.x() + tick * bar.width()
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + high / 5))
            place = QRectF(x - 2 * high, bar.bottom() + high / 5, 4 * high, high)
            place.moveLeft(min(max(place.left(), -1.5 * high), self.width() - 2.5 * high))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{tick:g}")
        painter.end()


class WhyPanel(QWidget):
    """Why now: the estimate in words, numbers and a bar, the cues that raise it, what is missing, what may change."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = heading(translate("LiveScreen", "Why now"))
        self.band = plain("title", translate("LiveScreen", "Estimate in words"))
        self.meaning = plain("faint")
        self.meaning.setText(translate("LiveScreen", "signs consistent with ambivalence/hesitancy, model estimate"))
        self.numbers, self.bar = plain("", translate("LiveScreen", "Estimate in numbers")), ProbabilityBar(theme)
        self.cues, self.missing, self.status = plain(), plain(), plain("faint")
        column, top, middle = QVBoxLayout(self), QHBoxLayout(), QHBoxLayout()
        column.setContentsMargins(0, 4, 0, 0)
        for row, left, right in ((top, self.title, self.status), (middle, self.band, self.numbers)):
            row.setSpacing(12)
            left.setWordWrap(False)
            row.addWidget(left)
            row.addWidget(right, 1)
            column.addLayout(row)
        for widget in (self.meaning, self.bar, self.cues, self.missing):
            column.addWidget(widget)
        column.addStretch(1)
        self.show_row(None, {}, hidden=False)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self.bar.set_theme(theme)

    def show_row(self, row: Row | None, lamps: dict[Channel, Lamp], *, hidden: bool) -> None:
        """Show a row, or in quiet mode only what is missing."""
        scores = row if not hidden else None
        for widget in (self.numbers, self.bar, self.cues, self.status):
            if widget.isVisibleTo(self) == hidden:
                widget.setVisible(not hidden)
        self.bar.show_row(scores)
        put(self.missing, missing_text(row, lamps) if row is not None else "")
        if hidden:
            put(self.band, translate("LiveScreen", "hidden while recording"))
            return
        if scores is None:
            put(self.band, translate("LiveScreen", "no estimate yet"))
            for label in (self.numbers, self.cues, self.status):
                put(label, "")
            return
        put(self.band, band_name(scores.band))
        put(self.numbers, numbers_text(scores))
        raised = [cue_text(c.phrase, c.log_odds) for c in scores.top[:MOST_CUES] if c.phrase]
        put(self.cues, "\n".join(f"• {t}" for t in raised) or translate("LiveScreen", "No single cue raises it now."))
        put(self.status, self._status(scores))

    def _status(self, row: Row) -> str:
        if row.settled:
            return translate("LiveScreen", "settled: will not change any more")
        return translate("LiveScreen", "provisional: later words may change it")


class PromptPanel(QFrame):
    """The prompt in hand, large, to step through; keys N, B and Space or Enter while it has the keyboard."""

    next_wanted = pyqtSignal()
    back_wanted = pyqtSignal()
    ended = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(translate("LiveScreen", "Prompt"))
        self.title = heading(translate("LiveScreen", "Prompts"))
        self.text = plain("title", translate("LiveScreen", "Text of the prompt"))
        self.latency = plain("", translate("LiveScreen", "Response latency"))
        self.back = QPushButton(translate("LiveScreen", "&Back"))
        self.next = QPushButton(translate("LiveScreen", "&Next prompt"))
        self.end = QPushButton(translate("LiveScreen", "It has &ended"))
        self.back.setToolTip(translate("LiveScreen", "Key B"))
        self.next.setToolTip(translate("LiveScreen", "Key N"))
        self.end.setToolTip(translate("LiveScreen", "Space or Enter: the prompt has ended, the answer begins"))
        self.back.clicked.connect(self.back_wanted)
        self.next.clicked.connect(self.next_wanted)
        self.end.clicked.connect(self.ended)
        row = QHBoxLayout()
        for button in (self.back, self.next, self.end):
            button.setAutoDefault(True)  # Enter presses it, as Space does
            row.addWidget(button)
        row.addStretch(1)
        keys = plain("faint")
        keys.setText(
            translate(
                "LiveScreen", "Keys: N next prompt, Space it has ended, 1–9 marker, M marker with a note, Q quiet"
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        for widget in (self.title, self.text, self.latency):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(keys)
        column.addStretch(1)

    def show_prompt(self, prompts: list[PlannedPrompt], asked: Asked, *, recording: bool) -> None:
        """Show where the session stands among its prompts."""
        count, at = len(prompts), asked.number
        if not count:
            put(self.title, translate("LiveScreen", "Prompts"))
            put(self.text, "")
            put(
                self.latency,
                latency_text(asked)
                or translate("LiveScreen", "No prompts are planned. Space marks that one has ended."),
            )
        else:
            here = translate("LiveScreen", "Prompt {number} of {count}").format(number=at + 1, count=count)
            put(self.title, here if at >= 0 else translate("LiveScreen", "{count} prompts").format(count=count))
            put(self.text, prompts[at].text if at >= 0 else "")
            put(self.latency, latency_text(asked) or self._hint(at))
        self.back.setEnabled(recording and at > 0)
        self.next.setEnabled(recording and at + 1 < count)
        self.end.setEnabled(recording and (not count or (at >= 0 and asked.ended_s is None)))
        self.setAccessibleDescription(self.text.text())

    def _hint(self, at: int) -> str:
        if at < 0:
            return translate("LiveScreen", "N shows the first prompt.")
        return translate("LiveScreen", "Press Space the moment it ends: the answer is timed from there.")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Left to the screen, which knows all keys."""
        assert event is not None
        event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """A ring while it has the keyboard."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
            painter.end()


def lamp_row(theme: Theme) -> tuple[QWidget, dict[Channel, LampView]]:
    """All lamps beside each other."""
    box, row = QWidget(), QHBoxLayout()
    box.setAccessibleName(translate("LiveScreen", "Channels"))
    lamps = {channel: LampView(channel, theme) for channel in Channel}
    row.setContentsMargins(0, 0, 0, 0)
    for lamp in lamps.values():
        row.addWidget(lamp, 1)
    box.setLayout(row)
    return box, lamps
