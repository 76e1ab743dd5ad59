"""ahdetect: signs of ambivalence and hesitancy (A/H) in face, voice, words and body, on one timeline.

    >>> import ahdetect
    >>> timeline = ahdetect.analyze("interview.mp4")
    >>> with ahdetect.Session(video="0", audio="default") as session:
    ...     for row in session.rows():
    ...         print(row.t_s, row.p, row.band.value)

What is in `__all__` is the SDK: it changes as `docs/stability.md` says. Names are loaded when they are first used:
`import ahdetect` alone loads neither torch nor Qt nor mediapipe.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# onnxruntime 1.31 sends usage data to its maker from the moment it is imported, and keeps an id of the machine in
# ~/.cache/Microsoft; it asks for this variable then and never again (test_privacy.py would die of its socket).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from ahdetect.analysis import analyze as analyze
    from ahdetect.calibrating import Calibration as Calibration
    from ahdetect.calibration.profile import Profile as Profile
    from ahdetect.config import Settings as Settings
    from ahdetect.config import load_settings as load_settings
    from ahdetect.engine import Models as Models
    from ahdetect.errors import AhdetectError as AhdetectError
    from ahdetect.errors import AssetError as AssetError
    from ahdetect.errors import CalibrationError as CalibrationError
    from ahdetect.errors import ConfigError as ConfigError
    from ahdetect.errors import ConsentError as ConsentError
    from ahdetect.errors import DataError as DataError
    from ahdetect.errors import DeviceError as DeviceError
    from ahdetect.errors import MediaError as MediaError
    from ahdetect.errors import StoreError as StoreError
    from ahdetect.events import Event as Event
    from ahdetect.models.cues import CUES as CUES
    from ahdetect.models.cues import Channel as Channel
    from ahdetect.models.cues import Cue as Cue
    from ahdetect.models.posterior import Band as Band
    from ahdetect.models.posterior import Presence as Presence
    from ahdetect.models.words import Word as Word
    from ahdetect.reading import Rows as Rows
    from ahdetect.session import Session as Session
    from ahdetect.store.consent import Consent as Consent
    from ahdetect.store.consent import ConsentText as ConsentText
    from ahdetect.store.consent import consent_text as consent_text
    from ahdetect.timeline import Row as Row
    from ahdetect.timeline import Segment as Segment
    from ahdetect.timeline import Timeline as Timeline

_WHERE = {
    "analyze": "analysis",
    "Session": "session",
    "Rows": "reading",
    "Models": "engine",
    "Calibration": "calibrating",
    "Profile": "calibration.profile",
    "Settings": "config",
    "load_settings": "config",
    "Timeline": "timeline",
    "Row": "timeline",
    "Segment": "timeline",
    "Event": "events",
    "Word": "models.words",
    "Cue": "models.cues",
    "CUES": "models.cues",
    "Channel": "models.cues",
    "Band": "models.posterior",
    "Presence": "models.posterior",
    "Consent": "store.consent",
    "ConsentText": "store.consent",
    "consent_text": "store.consent",
    "AhdetectError": "errors",
    "AssetError": "errors",
    "CalibrationError": "errors",
    "ConfigError": "errors",
    "ConsentError": "errors",
    "DataError": "errors",
    "DeviceError": "errors",
    "MediaError": "errors",
    "StoreError": "errors",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(f"ahdetect.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ahdetect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]
