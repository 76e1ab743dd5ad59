"""Weights: settings flow in, loaded models flow out; each is loaded once for all screens. No Qt.

Calibration needs no words and a live session does, so what one of them loaded serves the other and only the rest is
loaded. A second copy of the face, body and voice models would cost memory and the user's time.
"""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from typing import Any, Final

from ahdetect.config import Settings
from ahdetect.engine import Models

_LOCK: Final = threading.Lock()
_held: dict[str, Any] = {}
_CHANNEL: Final = {"face": "face", "body": "body", "voice": "voice", "speech": "words"}
"""Field of `Models` to the switch in the settings that asks for it."""


def shared(settings: Settings, *, video: bool = True, audio: bool = True) -> Models:
    """As `Models.load`, with what is loaded already taken from there.

    Raises:
        AssetError: a model file is missing or damaged.
    """
    with _LOCK:
        threads = settings.speech.threads
        if _held.get("threads") != threads:
            _held.pop("speech", None)
            _held["threads"] = threads
        missing = {_CHANNEL[name]: False for name in _CHANNEL if name in _held}
        channels = settings.channels.model_copy(update=missing)
        found = Models.load(settings.model_copy(update={"channels": channels}), video=video, audio=audio)
        for field in fields(found):
            made = getattr(found, field.name)
            if made is not None:
                _held[field.name] = made
        on = settings.channels
        wanted = {"face": video and on.face, "body": video and on.body, "voice": audio and on.voice}
        wanted["speech"] = audio and on.words
        picked: dict[str, Any] = {name: _held.get(name) if use else None for name, use in wanted.items()}
        return replace(found, **picked)
