"""Review window: a live model flows in; a picture and a timeline flow out (until `screens/review.py` stands)."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QImage, QKeySequence, QPixmap, QResizeEvent, QShortcut
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMainWindow,
    QSizePolicy,
    QSplitter,
    QStatusBar,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from ahdetect.errors import AhdetectError
from ahdetect.export.picture import TITLE
from ahdetect.gui.review_model import ReviewModel as LiveModel
from ahdetect.gui.timeline_view import TimelineView
from ahdetect.timeline import NS_PER_S

KEYS = {
    "Left": lambda model: model.step(-1),
    "Right": lambda model: model.step(1),
    "Shift+Left": lambda model: model.move_to(model.cursor_s - 1),
    "Shift+Right": lambda model: model.move_to(model.cursor_s + 1),
    "Home": lambda model: model.move_to(0),
    "End": lambda model: model.move_to(model.timeline.duration_s),
    "PgUp": lambda model: model.step_segment(-1),
    "PgDown": lambda model: model.step_segment(1),
}
HINT = "Drag on the timeline, arrow keys: a frame, with Shift a second; Page Up and Down: segments; wheel: zoom."


class Picture(QLabel):
    """A video frame that fills its place and keeps its shape."""

    def __init__(self) -> None:
        super().__init__("no picture")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setAccessibleName("video at the cursor")
        self._pixmap: QPixmap | None = None

    def show_frame(self, model: LiveModel) -> None:
        """Show the frame at the cursor, or say that there is none."""
        frame = model.picture()
        if frame is None:
            self._pixmap = None
            self.setText("no picture")
            return
        height, width, _ = frame.shape
        image = QImage(frame.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  Qt's name
        """Fit the frame to its new place."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._pixmap is not None:
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            self.setPixmap(self._pixmap.scaled(self.size(), keep, smooth))


class ReviewWindow(QMainWindow):
    """Looks at one recorded session or analysis.

    Args:
        model: what is shown; the window opens folders into it.
    """

    def __init__(self, model: LiveModel) -> None:
        super().__init__()
        self.model = model
        self.setWindowTitle("ahdetect")
        self.resize(1280, 900)
        self.picture, self.timeline = Picture(), TimelineView(model)
        self.says, self.words, self.segments = QLabel(), QLabel(), QListWidget()
        self.status = QStatusBar()
        self.setStatusBar(self.status)
        self._build()
        for key, act in KEYS.items():
            QShortcut(QKeySequence(key), self, lambda act=act: act(self.model))
        self.segments.currentRowChanged.connect(self._go_to_segment)
        model.on_change(self.refresh)
        self.refresh()

    def open(self, folder: Path, clip: Path | None = None) -> None:
        """Open `folder`; an error is shown as its one sentence, and what was open stays."""
        try:
            self.model.open(folder, clip)
        except AhdetectError as error:
            self.status.showMessage(str(error))
            return
        self.setWindowTitle(f"{folder.name} - ahdetect")
        damage = self.model.session.damage if self.model.session is not None else []
        self.status.showMessage("; ".join(damage) or HINT)
        self.segments.blockSignals(True)
        self.segments.clear()
        for number, s in enumerate(self.model.timeline.segments, 1):
            span = f"{s.start_ns / NS_PER_S:.1f} – {s.end_ns / NS_PER_S:.1f} s"
            self.segments.addItem(f"{number}   {span}   mean {s.mean_p:.2f}   {', '.join(s.phrases)}")
        self.segments.blockSignals(False)
        self.refresh()
        self.timeline.setFocus()

    def refresh(self) -> None:
        """Show what is at the cursor."""
        model = self.model
        self.picture.show_frame(model)
        self.says.setText("\n".join([f"{model.cursor_s:.2f} s", *model.says()]) if model.row else "Open a folder.")
        words, now = model.words()
        spoken = [_plain(w.text) for w in words]
        self.words.setText(" ".join(f"<b>{text}</b>" if i == now else text for i, text in enumerate(spoken)))
        inside = model.segment
        self.segments.blockSignals(True)
        self.segments.setCurrentRow(model.timeline.segments.index(inside) if inside is not None else -1)
        self.segments.blockSignals(False)

    def _build(self) -> None:
        heading = QLabel(TITLE)
        heading.setStyleSheet("font-weight: bold; font-size: 15px")
        for label in (self.says, self.words):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setStyleSheet("font-size: 14px")
            label.setTextFormat(Qt.TextFormat.PlainText if label is self.says else Qt.TextFormat.RichText)
        self.segments.setAccessibleName("segments")
        self.segments.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        side = QVBoxLayout()
        below = QLabel("Segments")
        for widget, stretch in ((heading, 0), (self.says, 2), (self.words, 1), (below, 0), (self.segments, 3)):
            side.addWidget(widget, stretch)
        top, upper = QWidget(), QHBoxLayout()
        upper.addWidget(self.picture, 3)
        upper.addLayout(side, 4)
        top.setLayout(upper)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(top)
        split.addWidget(self.timeline)
        split.setSizes([360, 540])
        self.setCentralWidget(split)
        action = QAction("Open folder…", self)
        action.setShortcut(QKeySequence.StandardKey.Open)
        action.triggered.connect(self._ask)
        bar = QToolBar("File")
        bar.addAction(action)
        self.addToolBar(bar)

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a session or an analysis")
        if folder:
            self.open(Path(folder))

    def _go_to_segment(self, number: int) -> None:
        if number >= 0:
            self.model.move_to(self.model.timeline.segments[number].start_ns / NS_PER_S)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
