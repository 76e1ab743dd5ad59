"""Calibration widgets: what was gathered and a profile's versions flow in; bars with words and a table flow out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PyQt6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ahdetect.calibration.profile import Version
from ahdetect.gui.calibration_model import ChannelGathered
from ahdetect.gui.calibration_words import changed_text, gathered_text, when_text, why_text
from ahdetect.gui.live_widgets import put
from ahdetect.gui.terms import channel_name
from ahdetect.gui.theme import Theme
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence

translate = QCoreApplication.translate

NUMBER, WHEN, WHY, CHANGED = range(4)
ROWS: Final = 4
"""Versions that are seen without scrolling."""
WHY_LETTERS: Final = 16
"""Width of the reason of a version."""


class GatheredBar(QWidget):
    """How much of one channel was gathered; hatched where the channel is absent now. The words stand beside it."""

    def __init__(self, channel: Channel, theme: Theme) -> None:
        super().__init__()
        self._channel, self._theme = channel, theme
        self._shown: ChannelGathered | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_gathered(self, gathered: ChannelGathered) -> None:
        """Show another state."""
        if gathered != self._shown:
            self._shown = gathered
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """As high as a line of text."""
        metrics = self.fontMetrics()
        return QSize(20 * metrics.averageCharWidth(), metrics.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Half as wide."""
        return QSize(self.sizeHint().width() // 2, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002, N802
        """Ground, what was gathered, hatching over the rest where nothing comes, a frame; a thick one when enough."""
        painter, theme, shown = QPainter(self), self._theme, self._shown
        box = QRectF(1, 1, self.width() - 2, self.height() - 2)
        painter.fillRect(box, QColor(theme.surface))
        if shown is not None:
            share = min(1.0, shown.share)
            full = QRectF(box.x(), box.y(), box.width() * share, box.height())
            painter.fillRect(full, QColor(theme.channel[self._channel]))
            rest = QRectF(full.right(), box.y(), box.right() - full.right(), box.height())
            if shown.presence is Presence.ABSENT and rest.width() > 1:
                painter.fillRect(rest, QBrush(QColor(theme.absent_hatch), Qt.BrushStyle.BDiagPattern))
        enough = shown is not None and shown.enough
        painter.setPen(QPen(QColor(theme.text if enough else theme.line), 2 if enough else 1))
        painter.drawRect(box)
        painter.end()


class GatheredView(QWidget):
    """All channels: name, bar, words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName(translate("CalibrationScreen", "What is gathered, by channel"))
        self.bars: dict[Channel, GatheredBar] = {}
        self.words: dict[Channel, QLabel] = {}
        self._names: dict[Channel, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 3)
        self._grid.setColumnStretch(2, 2)
        self._theme = theme

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        for bar in self.bars.values():
            bar.set_theme(theme)

    def show_gathered(self, gathered: Sequence[ChannelGathered]) -> None:
        """Show what was gathered; a channel gets its line when it first comes."""
        for one in gathered:
            if one.channel not in self.bars:
                self._add(one.channel)
            bar, words = self.bars[one.channel], self.words[one.channel]
            bar.show_gathered(one)
            text = gathered_text(one)
            if words.text() != text:
                put(words, text)
                bar.setAccessibleName(f"{channel_name(one.channel)}: {text}")
        here = {one.channel for one in gathered}
        for channel, bar in self.bars.items():
            for widget in (self._names[channel], bar, self.words[channel]):
                if widget.isVisibleTo(self) != (channel in here):
                    widget.setVisible(channel in here)

    def _add(self, channel: Channel) -> None:
        name, words, row = QLabel(channel_name(channel)), QLabel(), len(self.bars)
        name.setProperty("role", "heading")
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        self.bars[channel], self.words[channel] = GatheredBar(channel, self._theme), words
        self._names[channel] = name
        for column, widget in enumerate((name, self.bars[channel], words)):
            self._grid.addWidget(widget, row, column)


class VersionTable(QTableWidget):
    """Versions of a profile, newest first; the one in use says so in words."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels(
            [
                translate("CalibrationScreen", "Version"),
                translate("CalibrationScreen", "When"),
                translate("CalibrationScreen", "Why"),
                translate("CalibrationScreen", "What changed"),
            ]
        )
        self.setAccessibleName(translate("CalibrationScreen", "Versions of this person's calibration, newest first"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self._versions: tuple[Version, ...] = ()
        header, side = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert side is not None
        for column in (NUMBER, WHEN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Interactive)  # a session's name is long: it wraps
        header.setSectionResizeMode(CHANGED, QHeaderView.ResizeMode.Stretch)
        side.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        side.hide()

    def fit(self) -> None:
        """Room for a few versions of two lines at this size of text."""
        metrics = self.fontMetrics()
        self.setMinimumHeight(metrics.height() * (2 * ROWS + 2))
        self.setColumnWidth(WHY, WHY_LETTERS * metrics.averageCharWidth())

    @property
    def chosen(self) -> Version | None:
        """The version that is chosen; None where none is."""
        row = self.currentRow()
        return self._versions[row] if 0 <= row < len(self._versions) else None

    def show_versions(self, versions: Sequence[Version], in_use: int) -> None:
        """Show other versions; the choice stays with its version, else it goes to none.

        Args:
            versions: oldest first, the population's values as number 0.
            in_use: number of the one in use.
        """
        newest_first = tuple(reversed(versions))
        if newest_first == self._versions:
            return
        number = self.chosen.number if self.chosen is not None else None
        self._versions = newest_first
        self.setRowCount(len(newest_first))
        for row, version in enumerate(newest_first):
            name = str(version.number)
            if version.number == in_use:
                name = translate("CalibrationScreen", "{number}, in use").format(number=version.number)
            when = when_text(version.created_at) if version.number else "–"
            cells = name, when, why_text(version.why), changed_text(version)
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
                self.setItem(row, column, item)
        at = next((i for i, v in enumerate(newest_first) if v.number == number), -1)
        self.setCurrentCell(at, NUMBER if at >= 0 else -1)
