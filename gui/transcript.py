"""Transcript: words and the moment flow in; text with the current word marked flows out, and words that are clicked on.

One paragraph per utterance, with its time in front. A word that counts as a language marker is underlined with dashes
and in italics, so that it is told by more than its colour; pointing at it says which marker it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QCoreApplication, QEvent, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
)
from PyQt6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from ahdetect.gui.lanes import clock_text
from ahdetect.gui.theme import Theme
from ahdetect.models.cues import Channel
from ahdetect.models.words import Word
from ahdetect.timeline import NS_PER_S

translate = QCoreApplication.translate

_GO: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class _Markers(QSyntaxHighlighter):
    """Gives marker words their look, paragraph by paragraph."""

    def __init__(self, text: Transcript) -> None:
        super().__init__(text.document())
        self.spans: dict[int, list[tuple[int, int]]] = {}
        self.look = QTextCharFormat()

    def highlightBlock(self, text: str | None) -> None:  # noqa: ARG002, N802  Qt's name
        for start, length in self.spans.get(self.currentBlock().blockNumber(), ()):
            self.setFormat(start, length, self.look)


class Transcript(QPlainTextEdit):
    """The words of a session. A click or Enter on a word goes there.

    Args:
        theme: colours.
        parent: Qt parent.

    Attributes:
        word_chosen: number of a word, from 0.
    """

    word_chosen = pyqtSignal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(translate("Transcript", "Transcript"))
        self.setPlaceholderText(translate("Transcript", "No words were heard."))
        self._starts: list[int] = []  # of each word, characters from the start
        self._lengths: list[int] = []
        self._markers: Sequence[tuple[str, ...]] = ()
        self._now = -1
        self._pressed: QPoint | None = None
        self._looks = _Markers(self)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        """Take over other colours."""
        self._looks.look.setForeground(QColor(theme.channel[Channel.LANGUAGE]))
        self._looks.look.setFontItalic(True)
        self._looks.look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline)
        self._current = QTextCharFormat()
        self._current.setBackground(QColor(theme.accent))
        self._current.setForeground(QColor(theme.on_accent))
        self._current.setFontWeight(QFont.Weight.Bold)
        self._looks.rehighlight()
        self._mark()

    def set_words(self, words: Sequence[Word], markers: Sequence[tuple[str, ...]]) -> None:
        """Show words.

        Args:
            words: settled, in order.
            markers: of each word, the names of its language markers.
        """
        self._starts, self._lengths, self._markers, self._now = [], [], markers, -1
        self._looks.spans = {}
        lines: list[str] = []
        at = 0
        utterance: int | None = None
        for number, word in enumerate(words):
            if word.utterance != utterance or not lines:
                at += 1 if lines else 0  # the line break
                utterance = word.utterance
                lines.append(f"{clock_text(word.start_ns / NS_PER_S)}  ")
                at += len(lines[-1])
            else:
                lines[-1] += " "
                at += 1
            if markers[number]:
                self._looks.spans.setdefault(len(lines) - 1, []).append((len(lines[-1]), len(word.text)))
            self._starts.append(at)
            self._lengths.append(len(word.text))
            lines[-1] += word.text
            at += len(word.text)
        self.setPlainText("\n".join(lines))
        self._mark()

    @property
    def now(self) -> int:
        """Number of the word that is marked; -1 where none is."""
        return self._now

    def show_word(self, number: int) -> None:
        """Mark a word as the one being spoken, and bring it into view; -1 marks none."""
        if number == self._now:
            return
        self._now = number
        self._mark()
        if number >= 0:
            self._bring_into_view(self._cursor_of(number))

    def word_at(self, place: QPoint) -> int:
        """Number of the word at a pixel of the viewport; -1 where there is none."""
        cursor = self.cursorForPosition(place)
        line = self.cursorRect(cursor)
        inside = line.top() <= place.y() <= line.bottom()
        return self._word_of(cursor.position()) if inside else -1

    def describe(self, number: int) -> str:
        """What kind of word it is, "" where it is no marker."""
        names = self._markers[number] if 0 <= number < len(self._markers) else ()
        return translate("Transcript", "Marker: {names}").format(names=", ".join(names)) if names else ""

    # -- Qt

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  Qt's name
        """Remember where a click begins."""
        self._pressed = event.pos() if event is not None else None
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """A click goes to its word; a drag selects text."""
        super().mouseReleaseEvent(event)
        if event is None or event.button() != Qt.MouseButton.LeftButton or self.textCursor().hasSelection():
            return
        number = self.word_at(event.pos())
        if number >= 0:
            self.word_chosen.emit(number)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Enter goes to the word at the text cursor."""
        if event is not None and event.key() in _GO:
            number = self._word_of(self.textCursor().position())
            if number >= 0:
                self.word_chosen.emit(number)
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Say which marker a word is."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            viewport = self.viewport()
            assert viewport is not None
            text = self.describe(self.word_at(viewport.mapFromGlobal(event.globalPos())))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    # -- inside

    def _word_of(self, position: int) -> int:
        number = bisect_right(self._starts, position) - 1
        return number if number >= 0 and position <= self._starts[number] + self._lengths[number] else -1

    def _cursor_of(self, number: int) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._starts[number])
        cursor.setPosition(self._starts[number] + self._lengths[number], QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _mark(self) -> None:
        marked: list[QTextEdit.ExtraSelection] = []
        if 0 <= self._now < len(self._starts):
            selection = QTextEdit.ExtraSelection()
            selection.cursor = self._cursor_of(self._now)
            selection.format = self._current
            marked.append(selection)
        self.setExtraSelections(marked)

    def _bring_into_view(self, cursor: QTextCursor) -> None:
        """Scroll by lines, without moving the text cursor that the keyboard has."""
        viewport, bar = self.viewport(), self.verticalScrollBar()
        assert viewport is not None
        assert bar is not None
        rect, line = self.cursorRect(cursor), max(1, self.fontMetrics().lineSpacing())
        if rect.top() < 0 or rect.bottom() > viewport.height():
            lines = (rect.top() - viewport.height() // 3) // line
            bar.setValue(bar.value() + lines)
