"""Banners: messages flow in; strips that stay until they are mended or dismissed flow out."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

LEVELS: Final = {
    "info": QT_TRANSLATE_NOOP("Banners", "Note"),
    "warning": QT_TRANSLATE_NOOP("Banners", "Warning"),
    "error": QT_TRANSLATE_NOOP("Banners", "Error"),
}
"""The level stands in words before the text, so that it is not told by colour alone."""


class Banner(QFrame):
    """One message with its level in words and a button that dismisses it."""

    dismissed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._level, self._text = QLabel(), QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton(QCoreApplication.translate("Banners", "Dismiss"))
        self.button.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(self._level)
        row.addWidget(self._text, 1)
        row.addWidget(self.button)

    def say(self, level: str, text: str) -> str:
        """Show `text`; returns the whole sentence as it is announced."""
        word = QCoreApplication.translate("Banners", LEVELS[level])
        self.setProperty("level", level)
        self._level.setProperty("role", "heading" if level == "info" else level)
        for widget in (self, self._level):
            style = widget.style()
            if style is not None:
                style.polish(widget)
        self._level.setText(word)
        self._text.setText(text)
        self.setAccessibleName(f"{word}: {text}")
        self.button.setAccessibleName(QCoreApplication.translate("Banners", "Dismiss: {text}").format(text=text))
        return f"{word}: {text}"

    @property
    def text(self) -> str:
        """What it says, without its level."""
        return self._text.text()


class Banners(QWidget):
    """All messages in force, newest below."""

    announced = pyqtSignal(str)
    """The sentence of a new or changed message, for the status bar, whose changes screen readers read out."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Banner] = {}
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def put(self, level: str, text: str, key: str) -> None:
        """Show `text` under `key`; an empty text removes it.

        Args:
            level: "info", "warning" or "error"; anything else counts as "error".
            text: one or two sentences.
            key: what it is about; a later message with the same key replaces it.
        """
        if not text:
            self.remove(key)
            return
        banner = self.shown.get(key)
        if banner is None:
            banner = self.shown[key] = Banner()
            banner.dismissed.connect(lambda: self.remove(key))
            self._rows.addWidget(banner)
        elif banner.text == text:
            return
        sentence = banner.say(level if level in LEVELS else "error", text)
        self.show()
        self.announced.emit(sentence)

    def remove(self, key: str) -> None:
        """Take the message `key` away, if there is one."""
        banner = self.shown.pop(key, None)
        if banner is not None:
            self._rows.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
        self.setVisible(bool(self.shown))
