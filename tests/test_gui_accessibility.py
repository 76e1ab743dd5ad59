"""Colours can be told apart by everybody; every control has a name, a place in the tab order and a key of its own."""

from __future__ import annotations

import itertools
import re
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import QObject, QSettings, Qt
from PyQt6.QtGui import QAction, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QGroupBox,
    QHeaderView,
    QLabel,
    QMenuBar,
    QPushButton,
    QScrollBar,
    QStackedLayout,
    QTabBar,
    QWidget,
)
from timelines import make_timeline

from ahdetect.export.tables import write_tables
from ahdetect.gui import i18n
from ahdetect.gui.context import Context, PlannedPrompt
from ahdetect.gui.screens import SCREENS
from ahdetect.gui.theme import BASE_PT, DARK, LIGHT, SMALLEST, Theme, contrast
from ahdetect.gui.window import MainWindow

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
EVERY = pytest.mark.parametrize("name", [entry.name for entry in SCREENS])

# Machado, Oliveira & Fernandes 2009, severity 1, in linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APART = 14.0  # CIE76 distance; lines differ at a glance from about 10, and each lane carries its name as well


def lab(colour: str, sight: Any) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as seen with `sight`."""
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    t = np.array(to_xyz) @ np.clip(np.array(sight) @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# -- colours


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1.0


@THEMES
def test_every_text_can_be_read(theme: Theme) -> None:
    inks = {n: getattr(theme, n) for n in ("text", "faint", "warning", "error")}
    inks |= {channel.value: colour for channel, colour in theme.channel.items()}
    pairs = {(n, g): contrast(c, getattr(theme, g)) for n, c in inks.items() for g in ("background", "surface")}
    pairs["text", "band_fill"] = contrast(theme.text, theme.band_fill)
    pairs["on_accent", "accent"] = contrast(theme.on_accent, theme.accent)
    assert {pair: ratio for pair, ratio in pairs.items() if ratio < 4.5} == {}


@THEMES
def test_every_line_stands_out(theme: Theme) -> None:
    lines = {n: getattr(theme, n) for n in ("line", "focus", "accent", "estimate", "human", "absent_hatch")}
    pairs = {(n, g): contrast(c, getattr(theme, g)) for n, c in lines.items() for g in ("background", "surface")}
    pairs["estimate", "band_fill"] = contrast(theme.estimate, theme.band_fill)
    assert {pair: ratio for pair, ratio in pairs.items() if ratio < 3} == {}


@THEMES
@pytest.mark.parametrize("sight", SIGHT)
def test_channels_differ_for_every_kind_of_colour_vision(theme: Theme, sight: str) -> None:
    seen = {channel.value: lab(colour, SIGHT[sight]) for channel, colour in theme.channel.items()}
    near = {
        (a, b): round(float(np.linalg.norm(seen[a] - seen[b])), 1)
        for a, b in itertools.combinations(seen, 2)
        if np.linalg.norm(seen[a] - seen[b]) < APART
    }
    assert near == {}


# -- every screen


@pytest.fixture
def window(qtbot: Any, tmp_path: Path) -> Any:
    context = Context(QSettings(str(tmp_path / "gui.ini"), QSettings.Format.IniFormat))
    context.choice.video, context.choice.audio = "none", "none"  # no device of this machine is touched
    context.plan.out = tmp_path / "sessions"
    context.plan.prompts = [PlannedPrompt("How was your week?", "neutral"), PlannedPrompt("And now?")]
    write_tables(make_timeline(6.0), tmp_path / "analysis")
    context.folder = tmp_path / "analysis"  # what the review screen shows
    context.set_theme("light")
    window = MainWindow(context)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    yield window
    window.shutdown()


def _shown(window: MainWindow, name: str) -> QWidget:
    assert window.go(name)
    screen = window.screens[name]
    until = time.monotonic() + 10
    while getattr(screen, "loaded", screen) is None and time.monotonic() < until:
        QApplication.processEvents()
    assert getattr(screen, "loaded", screen) is not None, "review did not open"
    QApplication.processEvents()
    return screen


def _controls(root: QWidget) -> list[QWidget]:
    """Widgets that the keyboard can reach, without the parts that Qt puts into its own widgets."""
    return [
        w
        for w in root.findChildren(QWidget)
        if w.focusPolicy() & Qt.FocusPolicy.TabFocus
        and w.focusProxy() is None
        and not isinstance(w, QHeaderView | QScrollBar | QMenuBar)
        and not w.objectName().startswith("qt_")
        and not any(isinstance(above, QAbstractItemView | QComboBox) for above in _above(w))
    ]


def _above(widget: QObject) -> list[QObject]:
    """Its parents, the nearest first."""
    found, here = [], widget.parent()
    while here is not None:
        found.append(here)
        here = here.parent()
    return found


def _name(widget: QWidget) -> str:
    """What a screen reader says: the accessible name, else what Qt derives from text or label."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        return widget.text()
    if isinstance(widget, QGroupBox):
        return widget.title()
    if isinstance(widget, QTabBar):
        return widget.tabText(0)
    window = widget.window()
    labels = window.findChildren(QLabel) if window is not None else []
    return next((label.text() for label in labels if label.buddy() is widget), "")


@EVERY
def test_every_control_has_a_name(window: MainWindow, name: str) -> None:
    screen = _shown(window, name)
    nameless = [(type(w).__name__, w.objectName()) for w in _controls(screen) if not _name(w).strip(" .&…")]
    assert _controls(screen), "a screen without a control cannot be used"
    assert nameless == []


@EVERY
def test_tab_walks_through_every_control(window: MainWindow, name: str, qtbot: Any) -> None:
    screen = _shown(window, name)
    wanted = {w for w in _controls(screen) if w.isVisible() and w.isEnabled()}
    wanted = {w for w in wanted if not (isinstance(w, QAbstractButton) and _one_of_many(w))}
    window.activateWindow()
    window.buttons["devices"].setFocus(Qt.FocusReason.TabFocusReason)
    walked: list[QWidget] = []
    for _ in range(3 * len(wanted) + 30):
        here = QApplication.focusWidget()
        assert here is not None
        walked.append(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
    assert [(type(w).__name__, _name(w)) for w in wanted - set(walked)] == []


def _one_of_many(button: QAbstractButton) -> bool:
    """Whether it is an unchecked button of an exclusive group, which arrow keys reach."""
    return button.autoExclusive() and not button.isChecked()


def _keys(window: MainWindow, screen: QWidget) -> list[tuple[str, str, QObject]]:
    """(key, what it does, where it hangs) of everything that answers in the window while `screen` is in view."""
    found: list[tuple[QKeySequence, str, QObject]] = []
    for shortcut in screen.findChildren(QShortcut):
        if shortcut.isEnabled() and shortcut.context() != Qt.ShortcutContext.WidgetShortcut:
            found += [(key, "shortcut", shortcut) for key in shortcut.keys()]  # noqa: SIM118  Qt's
    near = window.findChildren(QAction, options=Qt.FindChildOption.FindDirectChildrenOnly)
    for action in [*near, *screen.findChildren(QAction)]:
        if action.shortcutContext() != Qt.ShortcutContext.WidgetShortcut:
            found += [(key, action.text(), action) for key in action.shortcuts()]
    for widget in screen.findChildren(QWidget):
        if isinstance(widget, QAbstractButton):
            found.append((widget.shortcut(), widget.text(), widget))
        elif isinstance(widget, QLabel) and widget.buddy() is not None:
            found.append((QKeySequence.mnemonic(widget.text()), widget.text(), widget))
    bar = window.menuBar()
    assert bar is not None
    found += [(QKeySequence.mnemonic(action.text()), action.text(), action) for action in bar.actions()]
    return [(key.toString(), what, where) for key, what, where in found if not key.isEmpty()]


def _never_together(a: QObject, b: QObject) -> bool:
    """Whether they hang in two pages of which one is shown."""
    above = _above(a)
    common = next((w for w in _above(b) if w in above), None)
    return isinstance(common, QWidget) and isinstance(common.layout(), QStackedLayout)  # a QStackedWidget has one, too


@EVERY
def test_no_key_does_two_things(window: MainWindow, name: str) -> None:
    assert _twice(window, name) == []


@pytest.fixture
def french(qapp: QApplication) -> Any:
    translators = i18n.install(qapp, "fr")
    yield
    for translator in translators:
        qapp.removeTranslator(translator)


@EVERY
def test_no_key_does_two_things_in_french(french: None, window: MainWindow, name: str) -> None:
    assert window.buttons["setup"].text().endswith("Préparation")
    assert _twice(window, name) == []


def _twice(window: MainWindow, name: str) -> list[Any]:
    keys = _keys(window, _shown(window, name))
    assert len(keys) > 10
    return [
        (a[:2], b[1]) for a, b in itertools.combinations(keys, 2) if a[0] == b[0] and not _never_together(a[2], b[2])
    ]


@EVERY
def test_no_text_is_small_and_all_text_grows_with_the_scale(window: MainWindow, name: str) -> None:
    screen = _shown(window, name)
    for scale in (1.0, 2.0):
        window.context.set_text_scale(scale)
        QApplication.processEvents()
        least = BASE_PT * SMALLEST * scale - 0.1
        small = [
            (type(w).__name__, _name(w), w.fontInfo().pointSizeF())
            for w in screen.findChildren(QWidget)
            if w.isVisible() and w.fontInfo().pointSizeF() < least
        ]
        assert small == [], f"at {scale:.0%}"


@EVERY
def test_a_screen_fits_a_laptop_at_200_percent(window: MainWindow, name: str) -> None:
    _shown(window, name)
    window.context.set_text_scale(2.0)
    QApplication.processEvents()
    needs = window.minimumSizeHint()
    assert needs.width() <= 1366
    assert needs.height() <= 768


@EVERY
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_no_button_cuts_its_text(window: MainWindow, name: str, scale: float) -> None:
    screen = _shown(window, name)
    window.resize(1280, 800)
    window.context.set_text_scale(scale)
    for _ in range(3):
        QApplication.processEvents()
    buttons = [b for b in screen.findChildren(QPushButton) if b.isVisible()]
    assert [b.text() for b in buttons if b.width() < b.minimumSizeHint().width()] == []


def test_focus_can_be_seen(window: MainWindow) -> None:
    button = window.buttons["setup"]
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    held = button.grab().toImage()
    window.buttons["live"].setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    assert held != button.grab().toImage()
    wanted = {held.pixelColor(x, held.height() // 2).name() for x in range(3)}
    assert LIGHT.focus in wanted


# -- languages


def test_every_string_stands_in_the_french_file() -> None:
    import subprocess
    import sys

    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(root / "tools" / "gui_translations.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_translation_keeps_the_places_that_are_filled_in() -> None:
    from string import Formatter

    def places(text: str) -> Counter[str]:
        fields = [f"{field}:{form}" for _, field, form, _ in Formatter().parse(text) if field is not None]
        return Counter(fields + re.findall(r"%\d|#", text))

    def rich(text: str) -> Counter[str]:
        try:
            return Counter(e.tag for e in ET.fromstring(f"<x>{text}</x>").iter())
        except ET.ParseError:
            return Counter()

    for path in i18n.FOLDER.glob("*.ts"):
        for (_, source, _), forms in i18n.read_ts(path).items():
            for form in forms:
                assert places(form) == places(source), form
                assert rich(form) == rich(source), form
