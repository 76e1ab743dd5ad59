"""Terms: what the engine calls channels, bands, reasons and cues flows in; the same in the user's language flows out.

The engine speaks English and knows no Qt, so every term that it may hand to a screen stands here once more, for Qt
Linguist to find. `tests/test_gui_live.py` holds that none is missing; one that is not here is shown as it comes.
"""

from __future__ import annotations

import re
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, Presence

CHANNEL_NAMES: Final = {
    Channel.FACE: QT_TRANSLATE_NOOP("Channels", "Face"),
    Channel.BODY: QT_TRANSLATE_NOOP("Channels", "Body"),
    Channel.VOICE: QT_TRANSLATE_NOOP("Channels", "Voice"),
    Channel.LANGUAGE: QT_TRANSLATE_NOOP("Channels", "Words"),
    Channel.DISCORD: QT_TRANSLATE_NOOP("Channels", "Discord"),
}
BAND_NAMES: Final = {
    Band.LOW: QT_TRANSLATE_NOOP("Bands", "low"),
    Band.UNCLEAR: QT_TRANSLATE_NOOP("Bands", "unclear"),
    Band.ELEVATED: QT_TRANSLATE_NOOP("Bands", "elevated"),
}
PRESENCE_NAMES: Final = {
    Presence.PRESENT: QT_TRANSLATE_NOOP("Presence", "present"),
    Presence.STALE: QT_TRANSLATE_NOOP("Presence", "late"),
    Presence.ABSENT: QT_TRANSLATE_NOOP("Presence", "absent"),
}
REASONS: Final = (
    QT_TRANSLATE_NOOP("Reasons", "no face"),
    QT_TRANSLATE_NOOP("Reasons", "no body"),
    QT_TRANSLATE_NOOP("Reasons", "microphone gap"),
    QT_TRANSLATE_NOOP("Reasons", "face stopped by an error"),
    QT_TRANSLATE_NOOP("Reasons", "body stopped by an error"),
    QT_TRANSLATE_NOOP("Reasons", "voice stopped by an error"),
    QT_TRANSLATE_NOOP("Reasons", "not in this session"),
    QT_TRANSLATE_NOOP("Reasons", "no video"),
    QT_TRANSLATE_NOOP("Reasons", "no sound"),
    QT_TRANSLATE_NOOP("Reasons", "switched off"),
    QT_TRANSLATE_NOOP("Reasons", "paused"),
    QT_TRANSLATE_NOOP("Reasons", "nothing yet"),
    QT_TRANSLATE_NOOP("Reasons", "no words yet"),
    QT_TRANSLATE_NOOP("Reasons", "no words to compare with"),
    QT_TRANSLATE_NOOP("Reasons", "neither face nor voice to compare with"),
    QT_TRANSLATE_NOOP("Reasons", "no frame came"),
    QT_TRANSLATE_NOOP("Reasons", "it was disconnected"),
    QT_TRANSLATE_NOOP("Reasons", "it sends nothing"),
    QT_TRANSLATE_NOOP("Reasons", "the camera is gone"),
    QT_TRANSLATE_NOOP("Reasons", "the microphone is gone"),
    QT_TRANSLATE_NOOP("Reasons", "words # s behind"),
    QT_TRANSLATE_NOOP("Reasons", "# ms old"),
    QT_TRANSLATE_NOOP("Reasons", "nothing new for over # ms"),
)
"""Reasons that the engine gives, "#" for a number; one that is not here is shown as it comes."""

PHRASES: Final = (
    QT_TRANSLATE_NOOP("Cues", "'I think'"),
    QT_TRANSLATE_NOOP("Cues", "'feel'"),
    QT_TRANSLATE_NOOP("Cues", "a contrast"),
    QT_TRANSLATE_NOOP("Cues", "a drawn-out sound"),
    QT_TRANSLATE_NOOP("Cues", "a filler sound"),
    QT_TRANSLATE_NOOP("Cues", "a hand at the face"),
    QT_TRANSLATE_NOOP("Cues", "a hedge"),
    QT_TRANSLATE_NOOP("Cues", "a higher voice"),
    QT_TRANSLATE_NOOP("Cues", "a late answer"),
    QT_TRANSLATE_NOOP("Cues", "a long answer"),
    QT_TRANSLATE_NOOP("Cues", "a modal verb"),
    QT_TRANSLATE_NOOP("Cues", "a mouth that starts and stops"),
    QT_TRANSLATE_NOOP("Cues", "a negation"),
    QT_TRANSLATE_NOOP("Cues", "a pause"),
    QT_TRANSLATE_NOOP("Cues", "a repeated or corrected word"),
    QT_TRANSLATE_NOOP("Cues", "a shrug"),
    QT_TRANSLATE_NOOP("Cues", "a smile that comes and goes"),
    QT_TRANSLATE_NOOP("Cues", "a tilted posture"),
    QT_TRANSLATE_NOOP("Cues", "a wish"),
    QT_TRANSLATE_NOOP("Cues", "an aside"),
    QT_TRANSLATE_NOOP("Cues", "an unsteady pitch"),
    QT_TRANSLATE_NOOP("Cues", "an unsteady volume"),
    QT_TRANSLATE_NOOP("Cues", "blinking more often"),
    QT_TRANSLATE_NOOP("Cues", "changing cheeks and eyes"),
    QT_TRANSLATE_NOOP("Cues", "conditions"),
    QT_TRANSLATE_NOOP("Cues", "contrast words"),
    QT_TRANSLATE_NOOP("Cues", "emphatic words"),
    QT_TRANSLATE_NOOP("Cues", "eyes held closed"),
    QT_TRANSLATE_NOOP("Cues", "eyes moving from side to side"),
    QT_TRANSLATE_NOOP("Cues", "eyes moving up and down"),
    QT_TRANSLATE_NOOP("Cues", "face and words that disagree"),
    QT_TRANSLATE_NOOP("Cues", "fillers"),
    QT_TRANSLATE_NOOP("Cues", "hedges"),
    QT_TRANSLATE_NOOP("Cues", "liking and disliking in one answer"),
    QT_TRANSLATE_NOOP("Cues", "long silences"),
    QT_TRANSLATE_NOOP("Cues", "looking away"),
    QT_TRANSLATE_NOOP("Cues", "lowered brows"),
    QT_TRANSLATE_NOOP("Cues", "many pauses"),
    QT_TRANSLATE_NOOP("Cues", "modal verbs"),
    QT_TRANSLATE_NOOP("Cues", "negations"),
    QT_TRANSLATE_NOOP("Cues", "nodding"),
    QT_TRANSLATE_NOOP("Cues", "nose wrinkling on and off"),
    QT_TRANSLATE_NOOP("Cues", "pressed lips"),
    QT_TRANSLATE_NOOP("Cues", "raised brows"),
    QT_TRANSLATE_NOOP("Cues", "raised cheeks"),
    QT_TRANSLATE_NOOP("Cues", "reasons"),
    QT_TRANSLATE_NOOP("Cues", "restless brows"),
    QT_TRANSLATE_NOOP("Cues", "restless movement"),
    QT_TRANSLATE_NOOP("Cues", "shaking the head"),
    QT_TRANSLATE_NOOP("Cues", "shifting posture"),
    QT_TRANSLATE_NOOP("Cues", "slow speech"),
    QT_TRANSLATE_NOOP("Cues", "smiling"),
    QT_TRANSLATE_NOOP("Cues", "talk of doing it"),
    QT_TRANSLATE_NOOP("Cues", "talk of others"),
    QT_TRANSLATE_NOOP("Cues", "talk of the past"),
    QT_TRANSLATE_NOOP("Cues", "the answer so far"),
    QT_TRANSLATE_NOOP("Cues", "turning away"),
    QT_TRANSLATE_NOOP("Cues", "vague words"),
    QT_TRANSLATE_NOOP("Cues", "weighing words"),
    QT_TRANSLATE_NOOP("Cues", "words and head that disagree"),
    QT_TRANSLATE_NOOP("Cues", "words and voice that disagree"),
    QT_TRANSLATE_NOOP("Cues", "words of regret or delay"),
)
"""Phrases of `models.cues.CUES`."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def channel_name(channel: Channel) -> str:
    """A channel in the user's language."""
    return QCoreApplication.translate("Channels", CHANNEL_NAMES[channel])


def reason_text(reason: str) -> str:
    """A reason of the engine in the user's language; numbers in it stay."""
    kind = _NUMBER.sub("#", reason)
    if kind not in REASONS:
        return reason
    text = QCoreApplication.translate("Reasons", kind)
    for number in _NUMBER.findall(reason):
        text = text.replace("#", number, 1)
    return text


def phrase_text(phrase: str) -> str:
    """A cue's phrase in the user's language."""
    return QCoreApplication.translate("Cues", phrase)


def band_name(band: Band) -> str:
    """A band in the user's language."""
    return QCoreApplication.translate("Bands", BAND_NAMES[band])


def presence_name(presence: Presence) -> str:
    """A presence in the user's language."""
    return QCoreApplication.translate("Presence", PRESENCE_NAMES[presence])
