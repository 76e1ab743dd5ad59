"""Dialogs about stored sessions: what is at stake flows in; a typed yes, or what is taken back, flows out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PyQt6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ahdetect.store.consent import Purpose

translate = QCoreApplication.translate

PURPOSES: Final = {
    Purpose.RECORDING: QT_TRANSLATE_NOOP("SessionsScreen", "recording"),
    Purpose.ANALYSIS: QT_TRANSLATE_NOOP("SessionsScreen", "analysis"),
    Purpose.ADAPTATION: QT_TRANSLATE_NOOP("SessionsScreen", "adaptation"),
    Purpose.RESEARCH: QT_TRANSLATE_NOOP("SessionsScreen", "research"),
}
EFFECTS: Final = {
    Purpose.RECORDING: QT_TRANSLATE_NOOP("SessionsScreen", "Recording: the whole session is erased"),
    Purpose.ANALYSIS: QT_TRANSLATE_NOOP(
        "SessionsScreen", "Analysis: estimates, words and cues are erased; picture and sound stay"
    ),
    Purpose.ADAPTATION: QT_TRANSLATE_NOOP("SessionsScreen", "Adaptation: the profile of the person is erased"),
    Purpose.RESEARCH: QT_TRANSLATE_NOOP("SessionsScreen", "Research: it is noted that it may not be used again"),
}


def purposes_text(purposes: Iterable[Purpose]) -> str:
    """Purposes in the user's language, with commas between."""
    return ", ".join(translate("SessionsScreen", PURPOSES[p]) for p in purposes)


class Confirm(QDialog):
    """Something that cannot be undone: it is done once a word was typed.

    Args:
        parent: above which it opens.
        title: what is asked.
        text: what will be gone.
        word: to be typed.
        action: what the button says.
        option: a box to tick; "" for none.

    Attributes:
        field: where the word is typed.
        option: the box.
        yes: the button that does it.
    """

    def __init__(self, parent: QWidget, title: str, text: str, word: str, action: str, option: str = "") -> None:
        super().__init__(parent)
        self._word = word
        self.setWindowTitle(title)
        self.field, self.option = QLineEdit(), QCheckBox(option)
        self.field.setAccessibleName(translate("SessionsScreen", "Type {word} to confirm").format(word=word))
        self.option.setVisible(bool(option))
        head, said = QLabel(title), QLabel(text)
        head.setProperty("role", "heading")
        ask = QLabel(translate("SessionsScreen", "Type {word} to confirm").format(word=f"“{word}”"))
        for label in (head, said, ask):
            label.setWordWrap(True)
        ask.setBuddy(self.field)
        buttons = QDialogButtonBox()
        self.yes = QPushButton(action)
        self.yes.setEnabled(False)
        self.yes.setAutoDefault(False)
        buttons.addButton(self.yes, QDialogButtonBox.ButtonRole.DestructiveRole)
        keep = buttons.addButton(
            translate("SessionsScreen", "&Keep everything"), QDialogButtonBox.ButtonRole.RejectRole
        )
        if keep is not None:
            keep.setDefault(True)
        self.yes.clicked.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.field.textChanged.connect(lambda typed: self.yes.setEnabled(typed.strip() == word))
        column = QVBoxLayout(self)
        for widget in (head, said, self.option, ask, self.field, buttons):
            column.addWidget(widget)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 60)


class Withdraw(QDialog):
    """What a person takes back of what they agreed to.

    Args:
        parent: above which it opens.
        held: purposes that they agreed to.

    Attributes:
        ticks: the box of each.
        yes: the button that does it.
    """

    def __init__(self, parent: QWidget, held: Iterable[Purpose]) -> None:
        super().__init__(parent)
        title = translate("SessionsScreen", "Take back consent")
        self.setWindowTitle(title)
        self.ticks = {purpose: QCheckBox(translate("SessionsScreen", EFFECTS[purpose])) for purpose in held}
        head = QLabel(title)
        head.setProperty("role", "heading")
        said = QLabel(
            translate(
                "SessionsScreen",
                "Tick what the person takes back. It cannot be undone, and copies that were exported are not reached.",
            )
        )
        said.setWordWrap(True)
        buttons = QDialogButtonBox()
        self.yes = QPushButton(translate("SessionsScreen", "&Take back and erase"))
        self.yes.setEnabled(False)
        self.yes.setAutoDefault(False)
        buttons.addButton(self.yes, QDialogButtonBox.ButtonRole.DestructiveRole)
        buttons.addButton(translate("SessionsScreen", "&Keep everything"), QDialogButtonBox.ButtonRole.RejectRole)
        self.yes.clicked.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (head, said, *self.ticks.values(), buttons):
            column.addWidget(widget)
        for tick in self.ticks.values():
            tick.toggled.connect(lambda _: self.yes.setEnabled(bool(self.chosen)))
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 60)

    @property
    def chosen(self) -> list[Purpose]:
        """What is ticked."""
        return [purpose for purpose, tick in self.ticks.items() if tick.isChecked()]
