"""Context: what screens share flows in and out here: chosen devices, the plan of the session, theme, messages.

Screens know the context, never each other. Signals may be emitted from any thread.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from platformdirs import user_documents_path
from PyQt6.QtCore import QObject, QSettings, pyqtSignal

from ahdetect.gui.plan import PlannedPrompt
from ahdetect.gui.theme import LIGHT, SCALES, THEMES, Theme, system_theme

if TYPE_CHECKING:
    from ahdetect.store.consent import Consent
    from ahdetect.store.keys import Keys

__all__ = ["SYSTEM", "Context", "DeviceChoice", "PlannedPrompt", "SessionPlan"]

SYSTEM: Final = "system"


@dataclass
class DeviceChoice:
    """Camera and microphone, as `ahdetect.Session(video=, audio=)` takes them; "none" is off.

    Attributes:
        video: camera number, stream address, file or "none".
        audio: "default", part of a microphone's name, file or "none".
        audio_driver: "sounddevice" or "pyaudio".
    """

    video: str = "0"
    audio: str = "default"
    audio_driver: str = "sounddevice"


@dataclass
class SessionPlan:
    """What is going to be recorded.

    Attributes:
        out: folder in which session folders are made.
        name: name of the session; a pseudonym, not the person's name.
        prompts: what is asked, in order.
        quiet: hide all estimates while recording.
        profile: pseudonym of the person, under which their calibration is kept; "" for none.
        storage: what of the session is stored, as `ahdetect.Session(store=)` takes it.
    """

    out: Path = field(default_factory=lambda: user_documents_path() / "ahdetect")
    name: str = ""
    prompts: list[PlannedPrompt] = field(default_factory=list)
    quiet: bool = False
    profile: str = ""
    storage: str = "everything"


class Context(QObject):
    """Shared by all screens of a window.

    Args:
        settings: what is remembered from one start to the next; None for the user's own.
        parent: Qt parent.

    Attributes:
        banner: (level "info", "warning" or "error"; text; key): a message that stays until it is dismissed or mended;
            a new text under the same key replaces it, an empty one removes it.
        go: name of the screen to go to.
        opened: folder that was opened for review, None where it is a clip alone.
        text_scale_changed: the new scale, 1 to 2.
        theme_changed: the new `Theme`.
        choice: devices.
        plan: the session to record.
        consent: what the person of the next session agreed to; None before they were asked. Never remembered.
        keys: to open sessions with, once a passphrase was typed; None: those of this account. Never remembered.
        theme: colours in force.
        folder: session opened for review, None before the first.
        clip: its clip, where it is not found by itself.
    """

    banner = pyqtSignal(str, str, str)
    go = pyqtSignal(str)
    opened = pyqtSignal(object)
    text_scale_changed = pyqtSignal(float)
    theme_changed = pyqtSignal(object)

    def __init__(self, settings: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings if settings is not None else QSettings("ahdetect", "ahdetect")
        self.choice = DeviceChoice(**self._stored("choice", asdict(DeviceChoice())))
        self.plan = self._stored_plan()
        self.consent: Consent | None = None
        self.keys: Keys | None = None
        self.folder: Path | None = None
        self.clip: Path | None = None
        self.theme_name = str(self.settings.value("theme", SYSTEM))
        self.text_scale = _scale(self.settings.value("text_scale", 1.0))
        self.theme: Theme = self._theme()

    # -- what screens do

    def open_folder(self, folder: Path | None, clip: Path | None = None) -> None:
        """Open a session or an analysis for review and go there; without a folder, the clip alone."""
        self.folder, self.clip = folder, clip
        self.go.emit("review")
        self.opened.emit(folder)

    def unlock(self, passphrase: str) -> None:
        """Open sessions with a passphrase, too, until the app ends."""
        from ahdetect.store.keys import default_keys  # brings libsodium, which the window's start does not wait for

        self.keys = replace(default_keys(), passphrase=passphrase)

    def say(self, level: str, text: str, key: str) -> None:
        """Show, replace or (with an empty text) remove the banner `key`."""
        self.banner.emit(level, text, key)

    def save(self) -> None:
        """Remember devices and plan for the next start."""
        self.settings.setValue("choice", json.dumps(asdict(self.choice)))
        self.settings.setValue("plan", json.dumps({**asdict(self.plan), "out": str(self.plan.out)}))
        self.settings.sync()
        with suppress(OSError):  # a pseudonym stands in it; where settings are no file there is nothing to do
            Path(self.settings.fileName()).chmod(0o600)

    # -- look

    def set_theme(self, name: str) -> None:
        """Take the theme "light", "dark" or "system"."""
        self.theme_name = name
        self.settings.setValue("theme", name)
        self.refresh_theme()

    def refresh_theme(self) -> None:
        """Look again at what the desktop asks for."""
        self.theme = self._theme()
        self.theme_changed.emit(self.theme)

    def set_text_scale(self, scale: float) -> None:
        """Take a text size from 1 (100 %) to 2 (200 %)."""
        self.text_scale = _scale(scale)
        self.settings.setValue("text_scale", self.text_scale)
        self.text_scale_changed.emit(self.text_scale)

    def _theme(self) -> Theme:
        return THEMES.get(self.theme_name) or (system_theme() if self.theme_name == SYSTEM else LIGHT)

    # -- what was remembered; a file written by hand or by another version never stops the app

    def _stored(self, key: str, default: dict[str, Any]) -> dict[str, Any]:
        try:
            found = json.loads(str(self.settings.value(key, "{}")))
        except ValueError:
            return default
        known = found if isinstance(found, dict) else {}
        return {k: known[k] if isinstance(known.get(k), type(v)) else v for k, v in default.items()}

    def _stored_plan(self) -> SessionPlan:
        plain = SessionPlan()
        found = self._stored("plan", {**asdict(plain), "out": str(plain.out)})
        prompts = [
            PlannedPrompt(p["text"], p.get("kind"))
            for p in found["prompts"]
            if isinstance(p, dict) and isinstance(p.get("text"), str)
        ]
        rest = {key: found[key] for key in ("name", "quiet", "profile", "storage")}
        return SessionPlan(Path(found["out"]), prompts=prompts, **rest)


def _scale(value: Any) -> float:
    try:
        return min(max(float(value), SCALES[0]), SCALES[-1])
    except (TypeError, ValueError):
        return 1.0
