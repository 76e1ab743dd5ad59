"""Export dialog: the table of exporters is shown; formats, and what may leave the session, flow out."""

from __future__ import annotations

from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PyQt6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from ahdetect.errors import ConfigError
from ahdetect.export.exporters import EXPORTERS
from ahdetect.export.material import Options

translate = QCoreApplication.translate

FORMATS: Final = {
    "parquet": QT_TRANSLATE_NOOP(
        "ExportDialog", "a row per frame, every column with meaning and unit, and a codebook (Parquet)"
    ),
    "csv": QT_TRANSLATE_NOOP("ExportDialog", "a row per frame, the segments, and a codebook (CSV)"),
    "eaf": QT_TRANSLATE_NOOP("ExportDialog", "tiers of segments, words, cues, events and human corrections (ELAN)"),
    "nova": QT_TRANSLATE_NOOP("ExportDialog", "discrete, continuous and free annotations with confidence (NOVA, SSI)"),
    "textgrid": QT_TRANSLATE_NOOP("ExportDialog", "the same tiers as ELAN's (Praat)"),
    "vtt": QT_TRANSLATE_NOOP("ExportDialog", "words as captions, each word with its time (WebVTT)"),
    "srt": QT_TRANSLATE_NOOP("ExportDialog", "words as captions (SubRip)"),
    "xdf": QT_TRANSLATE_NOOP("ExportDialog", "estimate, channels, cues, words and markers as streams (XDF, LSL)"),
    "report-html": QT_TRANSLATE_NOOP("ExportDialog", "report to read or print (HTML)"),
    "report-pdf": QT_TRANSLATE_NOOP("ExportDialog", "report to read or print (PDF, A4)"),
    "mp4": QT_TRANSLATE_NOOP("ExportDialog", "pictures and sound in session time (H.264, AAC)"),
    "mkv": QT_TRANSLATE_NOOP("ExportDialog", "pictures and sound in session time (H.264, FLAC)"),
}
"""What the table of exporters says of each, for translation; one that a plug-in added stands as it is."""


class ExportDialog(QDialog):
    """What to export, and how much of the person may be in it.

    Args:
        parent: above which it opens.
        session: what the session is called.
        research: whether the person agreed to reuse for research; None where nobody was asked.

    Attributes:
        formats: the box of each format.
        words: words, prompts' texts and notes may leave.
        media: pictures and sound may leave.
        names: names are masked.
        blur: the face is blurred.
        stills: the report shows moments of the video.
        yes: the button that goes on.
    """

    def __init__(self, parent: QWidget, session: str, research: bool | None) -> None:
        super().__init__(parent)
        title = translate("ExportDialog", "Export of “{name}”").format(name=session)
        self.setWindowTitle(title)
        self.formats = {
            name: QCheckBox(translate("ExportDialog", FORMATS.get(name, e.what))) for name, e in EXPORTERS.items()
        }
        self.words = QCheckBox(translate("ExportDialog", "Words, prompts and notes"))
        self.media = QCheckBox(translate("ExportDialog", "Pictures and sound"))
        self.names = QCheckBox(translate("ExportDialog", "Replace names in words and notes (a guess)"))
        self.blur = QCheckBox(translate("ExportDialog", "Blur the face in films"))
        self.stills = QCheckBox(translate("ExportDialog", "Show moments of the video in the report"))
        self.words.setChecked(True)
        self.media.setChecked(True)
        self._warning = _label("", "warning")
        self._build(title, research)
        for box in (*self.formats.values(), self.words, self.media, self.names, self.blur, self.stills):
            box.toggled.connect(lambda _: self._look())
        self._look()

    @property
    def chosen(self) -> list[str]:
        """Names of the formats that are ticked."""
        return [name for name, box in self.formats.items() if box.isChecked()]

    def options(self) -> Options:
        """What may leave.

        Raises:
            ConfigError: two choices contradict each other.
        """
        return Options(
            words=self.words.isChecked(),
            media=self.media.isChecked(),
            mask_names=self.names.isChecked(),
            blur_face=self.blur.isChecked(),
            stills=self.stills.isChecked(),
        )

    def _look(self) -> None:
        problem = ""
        try:
            self.options()
        except ConfigError:
            problem = translate("ExportDialog", "Two choices contradict each other: pictures shown and hidden.")
        self._warning.setText(problem)
        self._warning.setVisible(bool(problem))
        self.yes.setEnabled(bool(self.chosen) and not problem)

    def _build(self, title: str, research: bool | None) -> None:
        whole, page, area = QVBoxLayout(self), QWidget(), QScrollArea()
        column = QVBoxLayout(page)
        column.addWidget(_label(title, "heading"))
        said = translate("ExportDialog", "What is exported is not encrypted.")
        if research is False:
            said += " " + translate("ExportDialog", "The person did not agree to reuse for research.")
        column.addWidget(_label(said, "warning"))
        column.addWidget(_label(translate("ExportDialog", "Formats"), "heading"))
        for box in self.formats.values():
            column.addWidget(box)
        column.addWidget(_label(translate("ExportDialog", "What leaves the session"), "heading"))
        for box in (self.words, self.media, self.names, self.blur, self.stills):
            column.addWidget(box)
        column.addWidget(self._warning)
        area.setWidget(page)  # large text on a small display: it scrolls
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole.addWidget(area)
        buttons = QDialogButtonBox()
        self.yes = QPushButton(translate("ExportDialog", "&Choose a folder and export…"))
        self.yes.setProperty("role", "primary")
        buttons.addButton(self.yes, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(translate("ExportDialog", "&Do not export"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        whole.addWidget(buttons)
        self.resize(page.sizeHint().width() + 40, min(page.sizeHint().height() + 90, 700))


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
