"""Themes: a name and a text scale flow in; colours, a palette and a style sheet flow out.

One calm look in light and in dark. Channel colours started from the palette of Okabe & Ito (2008, "Color Universal
Design") and were moved by a random search, at most 18 degrees in hue, until each can be read as text on its background
and all keep apart under simulated colour blindness. `tests/test_gui_accessibility.py` holds both: contrast as in WCAG
2.2 (4.5 for text, 3 for lines), distances after Machado et al. (2009). Nothing is told by colour alone.

Labels take a look by their property `role`: `label.setProperty("role", "title")`, one of `title`, `heading`, `faint`,
`warning`, `error`, `number`; a `QPushButton` with role `primary` is the one to press next. Sizes are in points times
the scale, or in `em`, so that everything grows with the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final, Literal

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QApplication

from ahdetect.models.cues import Channel

BASE_PT: Final = 10.5
"""Size of plain text at 100 %, points; the smallest text of the app is `SMALLEST` of it."""
SMALLEST: Final = 0.9
SCALES: Final = (1.0, 1.25, 1.5, 1.75, 2.0)
"""Text sizes on offer; WCAG 2.2, 1.4.4 asks for 200 %."""

IMAGES: Final = Path(__file__).parent / "images"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one look, each "#rrggbb".

    Attributes:
        name: "light" or "dark".
        background: behind everything.
        surface: of fields, lists and plots.
        text: plain text.
        faint: text that steps back; still readable.
        accent: what is chosen, and the control to press next.
        on_accent: text on `accent`.
        line: edges of controls.
        focus: the ring around what has the keyboard.
        warning: text and mark of a warning.
        error: text and mark of an error.
        channel: line of each channel.
        estimate: line of the A/H probability.
        band_fill: its 80 % band, opaque, on `surface`.
        human: segments set by a person.
        absent_hatch: strokes of the hatching where data is absent.
    """

    name: Literal["light", "dark"]
    background: str
    surface: str
    text: str
    faint: str
    accent: str
    on_accent: str
    line: str
    focus: str
    warning: str
    error: str
    channel: dict[Channel, str]
    estimate: str
    band_fill: str
    human: str
    absent_hatch: str


LIGHT: Final = Theme(
    name="light",
    background="#f4f4f7",
    surface="#ffffff",
    text="#22222c",
    faint="#5b5b68",
    accent="#3b3b8f",
    on_accent="#ffffff",
    line="#85858f",
    focus="#0072b2",
    warning="#7a4a00",
    error="#a11b1b",
    channel={
        Channel.FACE: "#255dbd",
        Channel.BODY: "#03764d",
        Channel.VOICE: "#70450e",
        Channel.LANGUAGE: "#9b226c",
        Channel.DISCORD: "#8b6c02",
    },
    estimate="#3b3b8f",
    band_fill="#c9c9e4",
    human="#5c3a1e",
    absent_hatch="#8a8a94",
)
DARK: Final = Theme(
    name="dark",
    background="#1b1b22",
    surface="#24242d",
    text="#ececf2",
    faint="#b4b4c2",
    accent="#a9b1ff",
    on_accent="#1b1b22",
    line="#7f7f8e",
    focus="#56b4e9",
    warning="#f0c36a",
    error="#ff9c93",
    channel={
        Channel.FACE: "#88aef6",
        Channel.BODY: "#46d07d",
        Channel.VOICE: "#cc7f07",
        Channel.LANGUAGE: "#f5c3d7",
        Channel.DISCORD: "#d7eb0a",
    },
    estimate="#b9bfff",
    band_fill="#44476e",
    human="#e8c9a8",
    absent_hatch="#85858f",
)
THEMES: Final = {"light": LIGHT, "dark": DARK}


def contrast(a: str, b: str) -> float:
    """Contrast of two colours as in WCAG 2.2, from 1 (the same) to 21 (black on white)."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def system_theme() -> Theme:
    """The look that the desktop asks for."""
    hints = QApplication.styleHints()
    return DARK if hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT


def palette(theme: Theme) -> QPalette:
    """The theme as Qt's own widgets take it."""
    role, made = QPalette.ColorRole, QPalette()
    colours = {
        role.Window: theme.background,
        role.WindowText: theme.text,
        role.Base: theme.surface,
        role.AlternateBase: theme.background,
        role.Text: theme.text,
        role.PlaceholderText: theme.faint,
        role.Button: theme.background,
        role.ButtonText: theme.text,
        role.ToolTipBase: theme.surface,
        role.ToolTipText: theme.text,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Link: theme.focus,
        role.BrightText: theme.text,
    }
    for name, colour in colours.items():
        made.setColor(name, QColor(colour))
    for name in (role.Text, role.WindowText, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.faint))
    return made


def apply(app: QApplication, theme: Theme, scale: float) -> None:
    """Give the whole app this look and this size of text."""
    font = app.font()
    font.setPointSizeF(BASE_PT * scale)
    app.setFont(font)
    app.setPalette(palette(theme))
    app.setStyleSheet(stylesheet(theme, scale))


_SHEET: Final = Template("""
QLabel[role="title"] { font-size: ${title}pt; font-weight: bold; }
QLabel[role="heading"] { font-size: ${heading}pt; font-weight: bold; }
QLabel[role="number"] { font-size: ${heading}pt; }
QLabel[role="faint"] { color: $faint; }
QLabel[role="warning"] { color: $warning; font-weight: bold; }
QLabel[role="error"] { color: $error; font-weight: bold; }
QPushButton, QToolButton { background: $surface; color: $text; border: 1px solid $line; border-radius: 0.3em;
    padding: 0.35em 0.8em; }
QToolButton::menu-indicator { image: none; }
QPushButton:hover, QToolButton:hover { border-color: $text; }
QPushButton:pressed, QToolButton:pressed, QPushButton:checked, QToolButton:checked { background: $accent;
    color: $on_accent; border-color: $accent; }
QPushButton:disabled, QToolButton:disabled { color: $faint; border-style: dotted; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: bold; }
QPushButton[role="primary"]:disabled { background: $surface; color: $faint; border-color: $line; }
QPushButton:focus, QToolButton:focus, QPushButton[role="primary"]:focus { border: 2px solid $focus;
    outline: none; }
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox, QAbstractItemView { background: $surface;
    color: $text; border: 1px solid $line; border-radius: 0.2em; padding: 0.2em; selection-background-color: $accent;
    selection-color: $on_accent; }
QLineEdit, QPlainTextEdit, QTextEdit { placeholder-text-color: $faint; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus,
QAbstractItemView:focus { border: 2px solid $focus; }
QComboBox::drop-down { border: none; width: 1.4em; }
QComboBox::down-arrow { image: url($down); width: 0.9em; height: 0.9em; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button { border: none;
    background: $surface; width: 1.3em; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url($up); width: 0.8em; height: 0.8em; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url($down); width: 0.8em; height: 0.8em; }
QAbstractItemView::item:selected { background: $accent; color: $on_accent; }
QHeaderView, QHeaderView:focus { background: $background; border: none; border-radius: 0; padding: 0; }
QHeaderView::section { background: $background; color: $text; border: none; border-bottom: 1px solid $line;
    border-right: 1px solid $line; padding: 0.2em 0.4em; }
QTableCornerButton::section { background: $background; border: none; border-bottom: 1px solid $line; }
QTableView { gridline-color: $line; }
QCheckBox, QRadioButton { padding: 0.2em; border: 2px solid transparent; spacing: 0.5em; }
QCheckBox::indicator { width: 1em; height: 1em; border: 1px solid $line; border-radius: 0.15em; background: $surface; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($tick); }
QCheckBox:focus, QRadioButton:focus, QSlider:focus { border: 2px solid $focus; border-radius: 0.2em; }
QTabBar::tab { padding: 0.35em 0.8em; background: $background; color: $text; border: 1px solid $line;
    border-top-left-radius: 0.3em; border-top-right-radius: 0.3em; }
QTabBar::tab:selected { background: $surface; border-bottom: 0.2em solid $accent; }
QTabBar::tab:focus { border: 2px solid $focus; }
QProgressBar { background: $surface; border: 1px solid $line; border-radius: 0.2em; text-align: center; color: $text; }
QProgressBar::chunk { background: $band; }
QFrame[role="banner"] { background: $surface; border: 1px solid $line; border-left: 0.4em solid $accent; }
QFrame[role="banner"][level="warning"] { border-left-color: $warning; }
QFrame[role="banner"][level="error"] { border-left-color: $error; }
QMenuBar, QStatusBar, QMenu { background: $background; color: $text; }
QMenuBar::item { padding: 0.3em 0.7em; }
QMenu { border: 1px solid $line; }
QMenu::item { padding: 0.3em 1.6em; }
QMenuBar::item:selected, QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $faint; }
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 0.2em; }
QSplitter::handle { background: $line; }
QScrollArea { border: none; }
""")


def stylesheet(theme: Theme, scale: float) -> str:
    """Style sheet of the whole app.

    Args:
        theme: the colours.
        scale: of text, 1 to 2.
    """
    return _SHEET.substitute(
        background=theme.background,
        surface=theme.surface,
        text=theme.text,
        faint=theme.faint,
        accent=theme.accent,
        on_accent=theme.on_accent,
        band=theme.band_fill,
        line=theme.line,
        focus=theme.focus,
        warning=theme.warning,
        error=theme.error,
        down=(IMAGES / f"down_{theme.name}.svg").as_posix(),
        up=(IMAGES / f"up_{theme.name}.svg").as_posix(),
        tick=(IMAGES / f"tick_{theme.name}.svg").as_posix(),
        title=f"{BASE_PT * 1.5 * scale:.1f}",
        heading=f"{BASE_PT * 1.2 * scale:.1f}",
    )
