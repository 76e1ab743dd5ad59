"""Screens: one file each, listed here in the order of a session; a context flows in, a widget flows out.

A new screen is a file `gui/screens/NAME.py` with one class, and one line in `SCREENS`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PyQt6.QtWidgets import QWidget

from ahdetect.gui.context import Context


class Screen(QWidget):
    """One step of the walk. All methods may be left as they are.

    Args:
        context: shared by all screens.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def enter(self) -> None:
        """The screen has come into view: start its timer."""

    def leave(self) -> None:
        """The screen goes out of view: stop its timer."""

    def may_leave(self) -> bool:
        """Whether the user may go to another screen or close the window now; may ask."""
        return True

    def finish(self) -> str:
        """The window is about to close: begin what has to be finished, without waiting.

        Called again every tenth of a second until nothing is left.

        Returns:
            What is still being done ("finishing the files"), or "" when nothing is.
        """
        return ""

    def shutdown(self) -> None:
        """The window closes: end threads and timers, let go of files and devices."""


@dataclass(frozen=True, slots=True)
class ScreenEntry:
    """One row of the table of screens.

    Attributes:
        name: as `--screen` and `Context.go` take it.
        title: English title; `label` translates it.
        load: "module:Class", imported when the screen is first shown.
    """

    name: str
    title: str
    load: str

    @property
    def label(self) -> str:
        """Title in the user's language."""
        return QCoreApplication.translate("Screens", self.title)

    def warm(self) -> None:
        """Import the screen; may be called from any thread."""
        importlib.import_module(self.load.partition(":")[0])

    def make(self, context: Context) -> Screen:
        """Import the screen and build it."""
        module, _, name = self.load.partition(":")
        screen = getattr(importlib.import_module(module), name)(context)
        assert isinstance(screen, Screen)
        return screen


SCREENS: Final[tuple[ScreenEntry, ...]] = (
    ScreenEntry("devices", QT_TRANSLATE_NOOP("Screens", "Devices"), "ahdetect.gui.screens.devices:DevicesScreen"),
    ScreenEntry("setup", QT_TRANSLATE_NOOP("Screens", "Set-up"), "ahdetect.gui.screens.setup:SetupScreen"),
    ScreenEntry(
        "calibration",
        QT_TRANSLATE_NOOP("Screens", "Calibration"),
        "ahdetect.gui.screens.calibration:CalibrationScreen",
    ),
    ScreenEntry("live", QT_TRANSLATE_NOOP("Screens", "Live"), "ahdetect.gui.screens.live:LiveScreen"),
    ScreenEntry("review", QT_TRANSLATE_NOOP("Screens", "Review"), "ahdetect.gui.screens.review:ReviewScreen"),
    ScreenEntry("sessions", QT_TRANSLATE_NOOP("Screens", "Sessions"), "ahdetect.gui.screens.sessions:SessionsScreen"),
)
