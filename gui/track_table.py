"""Track table: columns flow in; their rows as a table for keyboard and screen reader flow out.

The model is lazy: a cell is made when it is looked at, so an hour of rows opens at once.
"""

from __future__ import annotations

import math
from typing import Any, Final

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from ahdetect.gui.columns import CHANNELS, Columns, Moment
from ahdetect.gui.lanes import clock_text
from ahdetect.models.posterior import Presence

_ROOT: Final = QModelIndex()


class RowModel(QAbstractTableModel):
    """Rows of columns, as many as there were at the last `refresh`."""

    def __init__(self, columns: Columns, hidden: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = columns
        self._hidden = hidden
        self._rows = len(columns)
        self._last: tuple[int, int, Moment] | None = None

    def set_columns(self, columns: Columns) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._columns, self._rows, self._last = columns, len(columns), None
        self.endResetModel()

    def set_hidden(self, hidden: bool) -> None:
        """Leave out everything that is a score, or show it again."""
        self.beginResetModel()
        self._hidden = hidden
        self.endResetModel()

    def refresh(self) -> None:
        """Take in rows that have come since."""
        rows = len(self._columns)
        if rows > self._rows:
            self.beginInsertRows(QModelIndex(), self._rows, rows - 1)
            self._rows = rows
            self.endInsertRows()

    def time_of(self, row: int) -> float:
        """Seconds of a row."""
        return self._moment(row).t_s

    def row_at(self, t_s: float) -> int:
        """The row that holds at a time."""
        return min(self._columns.index_at(t_s), self._rows - 1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802  Qt's name
        """Rows."""
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802
        """Time, estimate, then what each channel adds or why it does not."""
        return 0 if parent.isValid() else len(self._titles())

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles of the columns, numbers of the rows from 1."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._titles()[section] if orientation == Qt.Orientation.Horizontal else str(section + 1)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text of a cell."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        return self._cells(self._moment(index.row()))[index.column()]

    def _moment(self, row: int) -> Moment:
        version = self._columns.version
        if self._last is None or self._last[:2] != (version, row):
            self._last = (version, row, self._columns.row(row))
        return self._last[2]

    def _titles(self) -> list[str]:
        scores = [
            self.tr("probability"), self.tr("80 % from"), self.tr("80 % to"), self.tr("in words"), self.tr("state"),
        ]  # fmt: skip
        return [self.tr("time"), *([] if self._hidden else scores), *(c.value for c in CHANNELS)]

    def _cells(self, moment: Moment) -> list[str]:
        cells = [clock_text(moment.t_s, tenths=True)]
        if not self._hidden:
            cells += [f"{v:.2f}" for v in (moment.p, moment.low, moment.high)]
            cells += [moment.band.value, self.tr("settled") if moment.settled else self.tr("provisional")]
        for channel in CHANNELS:
            presence, reason = moment.states[channel]
            adds = moment.contributions[channel]
            shown = "" if self._hidden or math.isnan(adds) else f"{adds:+.2f}"
            if presence is Presence.PRESENT:
                cells.append(shown or self.tr("present"))
            else:
                why = f"{presence.value}: {reason}" if reason else presence.value
                cells.append(f"{shown} ({why})" if shown else why)
        return cells


class TrackTable(QWidget):
    """A table of all rows; Enter or a double click puts the cursor there, Escape closes.

    Attributes:
        chosen: (seconds) a row was chosen.
    """

    chosen = pyqtSignal(float)

    def __init__(self, columns: Columns, hidden: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Data table"))
        self.model = RowModel(columns, hidden, self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(self.tr("Rows of the session; Enter goes to the moment of a row"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            assert header is not None
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.activated.connect(lambda index: self.chosen.emit(self.model.time_of(index.row())))
        self.note = QLabel(self.tr("Signs consistent with ambivalence/hesitancy, model estimate."))
        layout = QVBoxLayout(self)
        layout.addWidget(self.note)
        layout.addWidget(self.table)
        self._fit()
        self.set_hidden(hidden)

    def set_columns(self, columns: Columns) -> None:
        """Show other rows."""
        self.model.set_columns(columns)

    def set_hidden(self, hidden: bool) -> None:
        """Leave out everything that is a score, or show it again."""
        self.model.set_hidden(hidden)
        self.note.setText(
            self.tr("Quiet mode: estimates are hidden while recording.")
            if hidden
            else self.tr("Signs consistent with ambivalence/hesitancy, model estimate. Channels: log-odds added.")
        )
        self._fit()

    def refresh(self) -> None:
        """Take in rows that have come since, and what has settled of those in view."""
        self.model.refresh()
        viewport = self.table.viewport()
        assert viewport is not None
        viewport.update()

    def go_to(self, t_s: float) -> None:
        """Select the row of a moment."""
        row = self.model.row_at(t_s)
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  Qt's name
        """Escape closes."""
        if event is not None and event.key() == Qt.Key.Key_Escape and self.isWindow():
            self.close()
            return
        super().keyPressEvent(event)

    def _fit(self) -> None:
        letter = self.fontMetrics().averageCharWidth()
        for i in range(self.model.columnCount()):
            self.table.setColumnWidth(i, 14 * letter)
        vertical = self.table.verticalHeader()
        assert vertical is not None
        vertical.setDefaultSectionSize(round(self.fontMetrics().height() * 1.4))
        self.resize(round(150 * letter), round(self.fontMetrics().height() * 30))
