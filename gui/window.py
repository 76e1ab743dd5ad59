"""Main window: a context flows in; the walk of screens, banners, menus and remembered looks flow out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from PyQt6.QtCore import QByteArray, QCoreApplication, Qt, QTimer
from PyQt6.QtGui import QAction, QActionGroup, QCloseEvent, QKeySequence
from PyQt6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ahdetect.gui import i18n
from ahdetect.gui.background import Background
from ahdetect.gui.banners import Banners
from ahdetect.gui.context import SYSTEM, Context
from ahdetect.gui.screens import SCREENS, Screen, ScreenEntry
from ahdetect.gui.sleep import SleepWatch
from ahdetect.gui.theme import SCALES, apply

BEAT_MS: Final = 2000
"""How often the window looks whether the machine has slept."""
FINISH_MS: Final = 100
CLIPS: Final = "*.mkv *.mp4 *.mov *.avi *.webm *.m4v *.mpg *.wav *.flac *.mp3 *.m4a *.ogg"


translate = QCoreApplication.translate


class MainWindow(QMainWindow):
    """The app's one window.

    Args:
        context: shared by all screens.
        screens: the walk, in order.
        watch: tells of the machine's sleep.
    """

    def __init__(
        self, context: Context, screens: Sequence[ScreenEntry] = SCREENS, watch: SleepWatch | None = None
    ) -> None:
        super().__init__()
        self.context, self._entries, self._watch = context, {e.name: e for e in screens}, watch or SleepWatch()
        self.screens: dict[str, Screen] = {}
        self._areas: dict[str, QScrollArea] = {}
        self.current = ""
        self.buttons: dict[str, QPushButton] = {}
        self.banners, self.stack = Banners(), QStackedWidget()
        self._closed, self._asks, self._background = False, False, Background(self)
        self._look()
        self._build()
        self._fill_menus()
        self._beat, self._finishing = QTimer(self), QTimer(self)
        self._beat.timeout.connect(self._look_for_sleep)
        self._beat.start(BEAT_MS)
        self._finishing.timeout.connect(self._finish)
        context.banner.connect(self.banners.put)
        context.go.connect(self.go)
        context.opened.connect(self._named)
        context.theme_changed.connect(self._look)
        context.text_scale_changed.connect(self._look)
        hints = QApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(context.refresh_theme)
        self.setWindowTitle("ahdetect")
        self.resize(1280, 860)
        geometry = context.settings.value("geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)

    # -- the walk

    def go(self, name: str) -> bool:
        """Show the screen `name`; the one in view may refuse to be left.

        Returns:
            Whether it is in view now.
        """
        if name not in self._entries or name == self.current:
            self._mark()
            return name == self.current
        if self._asks or not self._may_leave():
            self._mark()
            return False
        screen = self._screen(name)
        if self.current:
            self.screens[self.current].leave()
        self.current = name
        self.stack.setCurrentWidget(self._areas[name])
        self._mark()
        screen.enter()
        return True

    def _screen(self, name: str) -> Screen:
        if name not in self.screens:
            self.screens[name] = screen = self._entries[name].make(self.context)
            area = QScrollArea()  # large text on a small display: scroll rather than squeeze
            area.setWidgetResizable(True)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            area.setWidget(screen)
            self._areas[name] = area
            self.stack.addWidget(area)
        return self.screens[name]

    def warm(self) -> None:
        """Import the screens that were not shown yet behind the window: the engine takes seconds to load."""
        for entry in self._entries.values():
            self._background.do(entry.warm, lambda _: None, lambda _: None)  # what fails is told when it is shown

    def _mark(self) -> None:
        for name, button in self.buttons.items():
            here = name == self.current
            button.setChecked(here)
            label, number = self._entries[name].label, list(self._entries).index(name) + 1
            button.setText(f"▸ {number}  {label}" if here else f"{number}  {label}")
            text = (
                translate("MainWindow", "Step {step}, {name}, you are here")
                if here
                else translate("MainWindow", "Step {step}, {name}")
            )
            button.setAccessibleName(text.format(step=number, name=label))

    # -- building

    def _build(self) -> None:
        walk, row, group = QWidget(), QHBoxLayout(), QButtonGroup(self)
        walk.setAccessibleName(translate("MainWindow", "Steps of a session"))
        for number, entry in enumerate(self._entries.values(), 1):
            if number > 1:
                chevron = QLabel("›")
                chevron.setProperty("role", "faint")
                row.addWidget(chevron)
            button = QPushButton(f"{number}  {entry.label}")
            button.setCheckable(True)
            button.setToolTip(f"Ctrl+{number}")
            button.clicked.connect(lambda _=False, name=entry.name: self.go(name))
            group.addButton(button)
            self.buttons[entry.name] = button
            row.addWidget(button)
        row.addStretch(1)
        row.setContentsMargins(8, 6, 8, 2)
        walk.setLayout(row)
        page, column = QWidget(), QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(walk)
        column.addWidget(self.banners)
        column.addWidget(self.stack, 1)
        page.setLayout(column)
        self.setCentralWidget(page)
        status = self.statusBar()
        if status is not None:
            status.setSizeGripEnabled(False)
            self.banners.announced.connect(lambda text: status.showMessage(text, 10_000))

    def _fill_menus(self) -> None:
        file, walk, view, about = (
            self._menu(t)
            for t in (
                translate("MainWindow", "&File"),
                translate("MainWindow", "&Go"),
                translate("MainWindow", "&View"),
                translate("MainWindow", "&Help"),
            )
        )
        self._action(file, translate("MainWindow", "Open &session folder…"), self.ask_folder, "Ctrl+O")
        self._action(file, translate("MainWindow", "Open &clip…"), self.ask_clip, "Ctrl+Shift+O")
        file.addSeparator()
        self._action(file, translate("MainWindow", "&Quit"), self.close, "Ctrl+Q")
        for number, entry in enumerate(self._entries.values(), 1):
            self._action(walk, entry.label, partial(self.go, entry.name), f"Ctrl+{number}")
        walk.addSeparator()
        self._action(walk, translate("MainWindow", "&Messages"), self.focus_banners, "F6")
        themes = [
            (SYSTEM, translate("MainWindow", "As the &system")),
            ("light", translate("MainWindow", "&Light")),
            ("dark", translate("MainWindow", "&Dark")),
        ]
        self._choice(view, translate("MainWindow", "&Theme"), themes, self.context.theme_name, self.context.set_theme)
        sizes = [(s, f"{s:.0%}") for s in SCALES]
        self.sizes = self._choice(
            view, translate("MainWindow", "Te&xt size"), sizes, self.context.text_scale, self.context.set_text_scale
        )
        self._action(view, translate("MainWindow", "La&rger text"), lambda: self.step_text(1), "Ctrl++")
        self._action(view, translate("MainWindow", "S&maller text"), lambda: self.step_text(-1), "Ctrl+-")
        languages = [("", translate("MainWindow", "As the &system")), *i18n.LANGUAGES.items()]
        chosen = str(self.context.settings.value("language", ""))
        self._choice(view, translate("MainWindow", "L&anguage"), languages, chosen, self._language)
        self._action(about, translate("MainWindow", "&About ahdetect"), self.about, "F1")

    def _menu(self, title: str) -> QMenu:
        bar = self.menuBar()
        assert bar is not None
        menu = bar.addMenu(title)
        assert menu is not None
        return menu

    def _action(self, menu: QMenu, text: str, do: Callable[[], Any], key: str = "") -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda _=False: do())
        if key:
            action.setShortcut(QKeySequence(key))
        menu.addAction(action)
        return action

    def _choice(
        self, menu: QMenu, title: str, options: Sequence[tuple[Any, str]], chosen: Any, do: Callable[[Any], None]
    ) -> QActionGroup:
        below, group = menu.addMenu(title), QActionGroup(self)
        assert below is not None
        for value, text in options:
            action = self._action(below, text, partial(do, value))
            action.setCheckable(True)
            action.setData(value)
            action.setChecked(value == chosen)
            group.addAction(action)
        return group

    # -- what the menus do

    def ask_folder(self) -> None:
        """Ask for a session folder and open it for review."""
        folder = QFileDialog.getExistingDirectory(
            self, translate("MainWindow", "Open a session or an analysis"), self._last_place()
        )
        if folder:
            self.open(Path(folder))

    def ask_clip(self) -> None:
        """Ask for a clip and open it for review."""
        clip, _ = QFileDialog.getOpenFileName(
            self,
            translate("MainWindow", "Open a clip"),
            self._last_place(),
            f"{translate('MainWindow', 'Clips')} ({CLIPS});;{translate('MainWindow', 'All files')} (*)",
        )
        if clip:
            self.open(None, Path(clip))

    def open(self, folder: Path | None, clip: Path | None = None) -> None:
        """Open a session, an analysis or a clip alone for review."""
        self.context.settings.setValue("last_place", str((folder or clip or Path()).parent))
        self.context.open_folder(folder, clip)

    def step_text(self, by: int) -> None:
        """Take the next larger (1) or smaller (-1) text size."""
        scale = self.context.text_scale
        beyond = [s for s in SCALES if (s > scale + 0.01 if by > 0 else s < scale - 0.01)]
        if beyond:
            self.context.set_text_scale(min(beyond) if by > 0 else max(beyond))

    def focus_banners(self) -> None:
        """Put the keyboard to the newest message."""
        for banner in list(self.banners.shown.values())[-1:]:
            banner.button.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def about(self) -> None:
        """Say what the estimate is and what it is not."""
        box = QMessageBox(self)
        box.setWindowTitle(translate("MainWindow", "About ahdetect"))
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(about_text())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _last_place(self) -> str:
        return str(self.context.settings.value("last_place", str(self.context.plan.out)))

    def _language(self, code: str) -> None:
        self.context.settings.setValue("language", code)
        self.context.say(
            "info", translate("MainWindow", "The language changes when ahdetect is started again."), "language"
        )

    def _named(self, folder: object) -> None:
        shown = folder if isinstance(folder, Path) else self.context.clip
        self.setWindowTitle(f"{shown.name} - ahdetect" if shown is not None else "ahdetect")

    def _look(self, _: object = None) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply(app, self.context.theme, self.context.text_scale)
        for action in self.sizes.actions() if hasattr(self, "sizes") else ():
            action.setChecked(action.data() == self.context.text_scale)

    def _look_for_sleep(self) -> None:
        slept = self._watch.slept_s()
        if slept:
            text = translate(
                "MainWindow", "The machine slept for {seconds:.0f} s. Nothing was seen or heard in that time."
            )
            self.context.say("warning", text.format(seconds=slept), "sleep")

    # -- the end

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  Qt's name
        """Ask where a recording runs, finish its files without blocking, then close."""
        assert event is not None
        event.setAccepted(self._closed or self._ends())

    def _ends(self) -> bool:
        """Begin the end; whether it is over already."""
        if self._finishing.isActive() or self._asks or not self._may_leave():
            return False
        return self._finish()

    def _may_leave(self) -> bool:
        """Ask the screen in view, once at a time: its question may run an event loop of its own."""
        if not self.current:
            return True
        self._asks = True
        try:
            return self.screens[self.current].may_leave()
        finally:
            self._asks = False

    def end(self) -> None:
        """Finish the files and close without a question: the session of the desktop, or Ctrl-C, ends the app."""
        if not self._finishing.isActive() and self._finish():
            self.close()

    def _finish(self) -> bool:
        left = [text for text in (s.finish() for s in self.screens.values()) if text]
        page = self.centralWidget()
        if left and page is not None:
            self.banners.put("info", translate("MainWindow", "Closing: {work}").format(work="; ".join(left)), "closing")
            page.setEnabled(False)
            self._finishing.start(FINISH_MS)
            return False
        again = self._finishing.isActive()
        self.shutdown()
        if again:
            self.close()
        return True

    def shutdown(self) -> None:
        """Let go of all screens and remember the window's place; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._background.close()
        self._beat.stop()
        self._finishing.stop()
        leave = [self.screens[self.current].leave] if self.current else []
        for end in (*leave, *(screen.shutdown for screen in self.screens.values())):
            try:
                end()
            except Exception as error:  # the other screens still hold devices and files
                sys.excepthook(type(error), error, error.__traceback__)
        self.context.settings.setValue("geometry", self.saveGeometry())
        self.context.settings.setValue("screen", self.current)
        self.context.save()
        self.context.settings.sync()


def about_text() -> str:
    """What the estimate is and what it is not, as rich text."""
    parts = [
        translate(
            "MainWindow",
            "<b>ahdetect</b> draws how far face, voice, words and body show signs consistent with ambivalence or "
            "hesitancy, with the cues that say so. It is a model estimate.",
        ),
        translate(
            "MainWindow",
            "It is not a diagnosis, no lie detector, and does not say what a person feels or will do. It ranks nobody. "
            "“Unclear” is a real answer, and what was not seen or heard is shown as a grey gap with its reason.",
        ),
        translate(
            "MainWindow",
            "Face and voice channels rest on published effect sizes, not on training with this task's recordings; how "
            "well it works for a given person, language or setting is not known. Every segment can be contested.",
        ),
        translate(
            "MainWindow", "Everything is computed on this machine; nothing leaves it. Licence: GPL-3.0-or-later."
        ),
    ]
    return "".join(f"<p>{part}</p>" for part in parts)
