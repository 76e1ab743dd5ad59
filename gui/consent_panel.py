"""Consent panel: a text and four questions are shown; what the person answered, as a record, flows out.

Nothing is ticked before. The answers belong to one session: they are asked anew for the next one, and are not among
what the app remembers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QEvent, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from ahdetect.store.consent import KEEP_DAYS, LANGUAGES, Answer, Consent, ConsentText, Purpose, consent_text
from ahdetect.store.storage import Storage

translate = QCoreApplication.translate

QUESTIONS: Final = {
    Purpose.RECORDING: QT_TRANSLATE_NOOP("ConsentPanel", "Recording: picture and sound are kept"),
    Purpose.ANALYSIS: QT_TRANSLATE_NOOP("ConsentPanel", "Analysis: estimates, words and cues are made and kept"),
    Purpose.ADAPTATION: QT_TRANSLATE_NOOP("ConsentPanel", "Adaptation: a profile learns what is usual for the person"),
    Purpose.RESEARCH: QT_TRANSLATE_NOOP("ConsentPanel", "Research: what was kept may be used again"),
}
OF_LANGUAGE: Final = {"en": "English", "fr": "Français"}
TERMS: Final[dict[int | None, str]] = {
    7: QT_TRANSLATE_NOOP("ConsentPanel", "7 days"),
    30: QT_TRANSLATE_NOOP("ConsentPanel", "30 days"),
    KEEP_DAYS: QT_TRANSLATE_NOOP("ConsentPanel", "90 days"),
    180: QT_TRANSLATE_NOOP("ConsentPanel", "180 days"),
    365: QT_TRANSLATE_NOOP("ConsentPanel", "1 year"),
    5 * 365: QT_TRANSLATE_NOOP("ConsentPanel", "5 years"),
    None: QT_TRANSLATE_NOOP("ConsentPanel", "no fixed time"),
}
"""How long a session may be kept, days; None: without a date."""
assert KEEP_DAYS == 90
MODES: Final = {
    Storage.EVERYTHING: QT_TRANSLATE_NOOP("ConsentPanel", "picture, sound and results"),
    Storage.AUDIO: QT_TRANSLATE_NOOP("ConsentPanel", "sound and results"),
    Storage.FEATURES: QT_TRANSLATE_NOOP("ConsentPanel", "results only (cues, words, estimates)"),
    Storage.NOTHING: QT_TRANSLATE_NOOP("ConsentPanel", "nothing"),
}


class ConsentPanel(QWidget):
    """The text, the four questions, what is stored and for how long.

    Args:
        storage: what of the session is stored, at first.

    Attributes:
        changed: something was answered or chosen.
        ticks: the box of each purpose.
    """

    changed = pyqtSignal()

    def __init__(self, storage: str = "everything") -> None:
        super().__init__()
        self._at: dict[Purpose, datetime] = {}
        self.language, self.stored, self.term = QComboBox(), QComboBox(), QComboBox()
        self.text = QTextBrowser()
        self.ticks = {purpose: QCheckBox() for purpose in Purpose}
        self.note = QLabel()
        self._build()
        with QSignalBlocker(self.stored):
            self.stored.setCurrentIndex(max(0, self.stored.findData(storage)))
        self._show_text()
        self._tell()

    @property
    def storage(self) -> str:
        """What is to be stored, as `Session(store=)` takes it."""
        return str(self.stored.currentData())

    # -- what was answered

    def consent(self, person: str) -> Consent | None:
        """The record; None where nothing was agreed to.

        Args:
            person: pseudonym of who answered.
        """
        if not self._at:
            return None
        now, text = datetime.now(UTC), self.shown
        answers = {p: Answer(given=p in self._at, at=self._at.get(p, now)) for p in Purpose}
        return Consent(
            person=person,
            language=text.language,
            text_version=text.version,
            text_sha256=text.sha256,
            answers=answers,
            keep_days=self.term.currentData(),
        )

    @property
    def shown(self) -> ConsentText:
        """The text in view."""
        return consent_text(self.language.currentData())

    def clear(self) -> None:
        """Take all answers out, for the next person or session."""
        self._at.clear()
        for tick in self.ticks.values():
            with QSignalBlocker(tick):
                tick.setChecked(False)
        self._tell()

    def _answered(self, purpose: Purpose, yes: bool) -> None:
        if yes:
            self._at[purpose] = datetime.now(UTC)
        else:
            self._at.pop(purpose, None)
        self._tell()
        self.changed.emit()

    def _language_changed(self) -> None:
        self._show_text()
        self._terms_changed()

    def _terms_changed(self) -> None:
        """Answers belong to the text, the storage and the time that were shown: others are answered anew."""
        self.clear()
        self.changed.emit()

    def _show_text(self) -> None:
        self.text.setMarkdown(self.shown.body)

    def _tell(self) -> None:
        text = self.shown
        head = translate("ConsentPanel", "Text version {version}, {hash}…").format(
            version=text.version, hash=text.sha256[:12]
        )
        if self._at:
            what = translate("ConsentPanel", "What is not ticked counts as a no.")
        else:
            what = translate("ConsentPanel", "Nothing was agreed to, so nothing is recorded.")
        self.note.setText(f"{what} {head}")

    # -- building

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  Qt's name
        """Sizes follow the text."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        self.text.setMinimumHeight(self.fontMetrics().height() * 12)

    def _build(self) -> None:
        self.text.setAccessibleName(translate("ConsentPanel", "What the person is told"))
        self.text.setTabChangesFocus(True)
        self.text.setOpenLinks(False)
        for code in LANGUAGES:
            self.language.addItem(OF_LANGUAGE[code], code)
        ours = translate("ConsentPanel", "en", "language in which the text of consent is shown at first: en or fr")
        self.language.setCurrentIndex(max(0, self.language.findData(ours)))
        self.language.setAccessibleName(translate("ConsentPanel", "Language of the text"))
        self.language.currentIndexChanged.connect(self._language_changed)
        for days, term in TERMS.items():
            self.term.addItem(translate("ConsentPanel", term), days)
        self.term.setCurrentIndex(self.term.findData(KEEP_DAYS))
        self.term.setAccessibleName(translate("ConsentPanel", "How long the session is kept"))
        self.term.currentIndexChanged.connect(lambda _: self._terms_changed())
        for mode, what in MODES.items():
            self.stored.addItem(translate("ConsentPanel", what), mode.value)
        self.stored.setAccessibleName(translate("ConsentPanel", "What of the session is stored"))
        self.stored.currentIndexChanged.connect(lambda _: self._terms_changed())
        self.note.setWordWrap(True)
        self.note.setProperty("role", "faint")
        column, top = QVBoxLayout(self), QGridLayout()
        column.setContentsMargins(0, 0, 0, 0)
        fields = (
            (translate("ConsentPanel", "Te&xt in"), self.language),
            (translate("ConsentPanel", "&Stored"), self.stored),
            (translate("ConsentPanel", "&Kept for"), self.term),
        )
        for number, (text, box) in enumerate(fields):
            label = QLabel(text)
            label.setBuddy(box)
            top.addWidget(label, 0, 2 * number)
            top.addWidget(box, 0, 2 * number + 1)
        top.setColumnStretch(6, 1)
        column.addLayout(top)
        column.addWidget(self.text)
        for purpose, tick in self.ticks.items():
            tick.setText(translate("ConsentPanel", QUESTIONS[purpose]))
            tick.setAccessibleName(tick.text())
            tick.toggled.connect(lambda yes, purpose=purpose: self._answered(purpose, yes))
            column.addWidget(tick, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)
        self._fit()
