"""Desktop app: a folder and a screen named on the command line, or chosen later, flow in; a window flows out.

Nothing here imports Qt before `main()`, so that a missing extra is a sentence and not a traceback.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ahdetect.errors import AhdetectError, ConfigError, known

if TYPE_CHECKING:
    from ahdetect.gui.context import Context

_FOREIGN = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
"""Set by OpenCV's wheels to their own Qt, which PyQt6 cannot load."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the app.

    Args:
        args: without the program's name; None for the process's own.

    Returns:
        Exit code: 0, or 2 where PyQt6 is missing or an argument is wrong.
    """
    parser = argparse.ArgumentParser(prog="ahdetect-gui", description="Record a session live, or look at one again.")
    parser.add_argument(
        "folder", type=Path, nargs="?", help="a session folder, one that `ahdetect analyze` wrote, or a clip"
    )
    parser.add_argument("clip", type=Path, nargs="?", help="the analysed clip, where it is not found by itself")
    names = "devices, setup, calibration, live, review, sessions"
    parser.add_argument("--screen", metavar="NAME", help=f"the screen to begin with: {names}")
    parser.add_argument("--language", metavar="CODE", default="", help="en or fr; by default the desktop's")
    chosen = parser.parse_args(args)
    try:
        return run(chosen.folder, chosen.clip, chosen.screen, chosen.language)
    except AhdetectError as error:
        print(f"ahdetect-gui: {error}", file=sys.stderr)
        return error.exit_code


def run(folder: Path | None = None, clip: Path | None = None, screen: str | None = None, language: str = "") -> int:
    """Open the window and stay until it is closed.

    Args:
        folder: opened for review, or a clip alone; None for none.
        clip: its clip, where it is not found by itself.
        screen: the one to begin with, None for the first.
        language: "en", "fr" or "" for what was chosen before, else the desktop's.

    Returns:
        Exit code.

    Raises:
        ConfigError: PyQt6 is missing, or there is no such screen.
    """
    try:
        from PyQt6.QtCore import QTimer
        from PyQt6.QtGui import QIcon
        from PyQt6.QtWidgets import QApplication

        from ahdetect.gui import i18n
        from ahdetect.gui.context import Context
        from ahdetect.gui.screens import SCREENS
        from ahdetect.gui.theme import IMAGES
        from ahdetect.gui.window import MainWindow
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The window needs the package {error.name}, which is not installed; run `pip install 'ahdetect[gui]'`.",
            value=error.name,
        ) from error
    names = [entry.name for entry in SCREENS]
    if screen is not None and screen not in names:
        raise ConfigError(f"There is no screen {screen!r}; choose one of {', '.join(names)}.", value=screen)
    for name in _FOREIGN:
        os.environ.pop(name, None)
    sys.setswitchinterval(0.0005)  # as the command line does (`ahdetect.cli`): threads take turns more often
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app = QApplication.instance() or QApplication(["ahdetect-gui"])
    assert isinstance(app, QApplication)
    app.setApplicationName("ahdetect")
    app.setApplicationDisplayName("ahdetect")
    app.setDesktopFileName("ahdetect")
    app.setStyle("Fusion")
    app.setWindowIcon(QIcon(str(IMAGES / "ahdetect.png")))
    context = Context()
    translators = i18n.install(app, language or str(context.settings.value("language", "")))
    window = MainWindow(context)
    sys.excepthook = partial(_tell, context)  # without one of its own, PyQt ends the process at the first exception
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.end())
    window.show()
    if folder is not None:
        window.open(None, folder) if folder.is_file() else window.open(folder, clip)
    else:
        window.go(screen or names[0])
    QTimer.singleShot(200, window.warm)  # first the window, then the rest
    try:
        return int(app.exec())
    finally:
        window.shutdown()
        sys.excepthook = sys.__excepthook__
        for translator in translators:
            app.removeTranslator(translator)


def _tell(context: Context, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error that nobody expected: the trace on standard error, a sentence in the window; the app goes on."""
    traceback.print_exception(kind, error, trace)
    context.say("error", str(known(error)), f"unknown-{kind.__name__}")
