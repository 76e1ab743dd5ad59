"""Lock line: the keys of this account and a typed passphrase flow in; what opens new sessions flows out, in a line."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QInputDialog, QLabel, QLineEdit, QPushButton, QWidget

from ahdetect.errors import AhdetectError
from ahdetect.gui.background import Background
from ahdetect.gui.context import Context
from ahdetect.store.keys import SHORTEST, Keys, default_keys
from ahdetect.store_key import keychain

translate = QCoreApplication.translate

LOCKS: Final = {
    "account": QT_TRANSLATE_NOOP("LockLine", "Encrypted; opens with the key of this account."),
    "passphrase": QT_TRANSLATE_NOOP("LockLine", "Encrypted; opens with the passphrase."),
    "both": QT_TRANSLATE_NOOP("LockLine", "Encrypted; opens with the key of this account, or with the passphrase."),
    "none": QT_TRANSLATE_NOOP(
        "LockLine", "There is no keychain that could keep a key: type a passphrase, or nothing can be stored."
    ),
}


def lock_of(keys: Keys | None) -> str:
    """What a new session would be locked with: a key of `LOCKS`.

    Args:
        keys: those of a typed passphrase; None without one.
    """
    found = keys or default_keys()
    account = bool(found.store) or (keys is None and keychain() is not None)
    if found.passphrase is not None:
        return "both" if account else "passphrase"
    return "account" if account else "none"


class LockLine(QWidget):
    """What sessions are locked with, and the way to a passphrase.

    Attributes:
        changed: a passphrase was typed.
    """

    changed = pyqtSignal()

    def __init__(self, context: Context, background: Background) -> None:
        super().__init__()
        self._context, self._background = context, background
        self.said, self.button = QLabel(), QPushButton(translate("LockLine", "Type a passphrase…"))
        self.said.setWordWrap(True)
        self.button.clicked.connect(lambda _=False: self.ask())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.said, 1)
        row.addWidget(self.button)

    def refresh(self) -> None:
        """Look at the keys as they are now."""
        keys = self._context.keys
        self._background.do(lambda: lock_of(keys), self._show, self._failed)

    def ask(self) -> None:
        """Ask for a passphrase, which locks and opens sessions until the app ends."""
        text, given = QInputDialog.getText(
            self,
            translate("LockLine", "Passphrase"),
            translate(
                "LockLine", "At least {count} characters. Whoever loses it loses the sessions; ahdetect forgets it."
            ).format(count=SHORTEST),
            QLineEdit.EchoMode.Password,
        )
        if not given or not text:
            return
        if len(text) < SHORTEST:
            self._say(
                translate("LockLine", "That was shorter than {count} characters.").format(count=SHORTEST), "error"
            )
            return
        self._context.unlock(text)
        self.refresh()
        self.changed.emit()

    def _show(self, lock: str) -> None:
        self._say(translate("LockLine", LOCKS[lock]), "warning" if lock == "none" else "")

    def _failed(self, error: AhdetectError) -> None:
        self._say(str(error), "error")

    def _say(self, text: str, role: str) -> None:
        self.said.setText(text)
        self.said.setProperty("role", role)
        style = self.said.style()
        if style is not None:
            style.polish(self.said)
