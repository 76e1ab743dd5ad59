"""Calibration words: steps, amounts, verdicts and versions of a calibration flow in; sentences for a screen flow out.

The engine's sentences are English; each that can occur stands here once more, for Qt Linguist to find, "#" for a
number. `tests/test_gui_calibration.py` holds that none is missing; one that is not here is shown as it comes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from ahdetect.calibration.adapt import Change
from ahdetect.calibration.profile import Version
from ahdetect.gui.calibration_model import ChannelGathered, State
from ahdetect.gui.terms import presence_name, reason_text
from ahdetect.models.posterior import Presence

translate = QCoreApplication.translate

STATES: Final = {
    State.IDLE: QT_TRANSLATE_NOOP("CalibrationScreen", "Not started"),
    State.STARTING: QT_TRANSLATE_NOOP("CalibrationScreen", "Starting"),
    State.GATHERING: QT_TRANSLATE_NOOP("CalibrationScreen", "Gathering"),
    State.STOPPING: QT_TRANSLATE_NOOP("CalibrationScreen", "Working out what is usual…"),
    State.JUDGED: QT_TRANSLATE_NOOP("CalibrationScreen", "To be accepted or done again"),
    State.SAVING: QT_TRANSLATE_NOOP("CalibrationScreen", "Storing…"),
    State.ACCEPTED: QT_TRANSLATE_NOOP("CalibrationScreen", "Accepted and stored"),
    State.FAILED: QT_TRANSLATE_NOOP("CalibrationScreen", "Could not start"),
}
PROGRESS: Final = {
    "models": QT_TRANSLATE_NOOP("CalibrationScreen", "Loading the models…"),
    "devices": QT_TRANSLATE_NOOP("CalibrationScreen", "Opening camera and microphone…"),
}
SENTENCES: Final = (
    QT_TRANSLATE_NOOP("Calibration", "# s more of speech"),
    QT_TRANSLATE_NOOP("Calibration", "# s more with the face in the picture"),
    QT_TRANSLATE_NOOP("Calibration", "# s more with the shoulders in the picture"),
    QT_TRANSLATE_NOOP("Calibration", "face seen in # % of the time"),
    QT_TRANSLATE_NOOP("Calibration", "shoulders seen in # % of the time"),
    QT_TRANSLATE_NOOP("Calibration", "come into the picture"),
    QT_TRANSLATE_NOOP("Calibration", "sit so that both shoulders are in the picture"),
    QT_TRANSLATE_NOOP("Calibration", "more light on the face"),
    QT_TRANSLATE_NOOP("Calibration", "less light on the face"),
    QT_TRANSLATE_NOOP("Calibration", "face the camera"),
    QT_TRANSLATE_NOOP("Calibration", "sit nearer"),
    QT_TRANSLATE_NOOP("Calibration", "come nearer and face the camera"),
    QT_TRANSLATE_NOOP("Calibration", "Enough speech: # s."),
    QT_TRANSLATE_NOOP("Calibration", "Too little speech: # s of # s."),
    QT_TRANSLATE_NOOP("Calibration", "Face seen in # % of the time."),
    QT_TRANSLATE_NOOP("Calibration", "Shoulders seen in # % of the time."),
    QT_TRANSLATE_NOOP("Calibration", "Face seen in # % of the time, too little"),
    QT_TRANSLATE_NOOP("Calibration", "Shoulders seen in # % of the time, too little"),
    QT_TRANSLATE_NOOP("Calibration", "No speech in this session"),
    QT_TRANSLATE_NOOP("Calibration", "No face in this session"),
    QT_TRANSLATE_NOOP("Calibration", "No shoulders in this session"),
    QT_TRANSLATE_NOOP("Calibration", "face cues keep the population's values."),
    QT_TRANSLATE_NOOP("Calibration", "body cues keep the population's values."),
    QT_TRANSLATE_NOOP("Calibration", "voice cues keep the population's values."),
    QT_TRANSLATE_NOOP("Calibration", "face cues stay near the population's values."),
    QT_TRANSLATE_NOOP("Calibration", "body cues stay near the population's values."),
    QT_TRANSLATE_NOOP("Calibration", "Light is low: face cues count less."),
    QT_TRANSLATE_NOOP("Calibration", "Light is too bright: face cues count less."),
    QT_TRANSLATE_NOOP("Calibration", "Light is good."),
    QT_TRANSLATE_NOOP("Calibration", "Nothing was seen or heard for long enough to know what is usual."),
)
"""What `calibration.baseline` says of a progress and a verdict; a sentence of two halves may stand here in halves."""

GUIDE: Final = (
    QT_TRANSLATE_NOOP(
        "Guide",
        "The railway station stands at the end of a wide street. It is built of red brick and has a tall tower "
        "with a clock. Under the long glass roof there are six platforms. The first train leaves at five in the "
        "morning and carries letters and newspapers to the coast. At eight the hall is full, and a voice reads out"
        " the names of the towns along the line. A board on the wall shows each platform and each hour. On the "
        "left there is a small shop with maps, pens and postcards. Behind the station the rails follow the river, "
        "cross a stone bridge, and run on between green fields down to the sea. In the evening the lamps are lit "
        "one after the other, and the last train comes in at midnight.",
    ),
    QT_TRANSLATE_NOOP(
        "Guide",
        "Think of a room in which you spend much of the day. Describe it: what stands where, and which colours and"
        " sounds it has.",
    ),
    QT_TRANSLATE_NOOP("Guide", "Read aloud"),
    QT_TRANSLATE_NOOP("Guide", "Read this text aloud at your own pace. At its end, begin again."),
    QT_TRANSLATE_NOOP("Guide", "Answer a question"),
    QT_TRANSLATE_NOOP("Guide", "Answer in your own words, as you would tell a friend. Every answer is fine."),
    QT_TRANSLATE_NOOP("Guide", "Sit quietly"),
    QT_TRANSLATE_NOOP("Guide", "Sit quietly for a moment and look at the screen."),
    QT_TRANSLATE_NOOP("Guide", "A little more"),
    QT_TRANSLATE_NOOP("Guide", "Something is still missing. Go on with your answer, or read the text once more."),
)
"""Everything that a step of `calibration.guide` may say."""

WHYS: Final = (
    QT_TRANSLATE_NOOP("Calibration", "population"),
    QT_TRANSLATE_NOOP("Calibration", "calibration"),
    QT_TRANSLATE_NOOP("Calibration", "rollback to #"),
)
"""Why a version was made, as `calibration.profile` writes it; "session NAME" stands as it is."""

METHODS: Final = {
    "baseline": QT_TRANSLATE_NOOP("Calibration", "calibration"),
    "em": QT_TRANSLATE_NOOP("Calibration", "learned in the session"),
}
"""How a step of the log came about; another name stands as it is."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def said(sentence: str) -> str:
    """A sentence of the engine in the user's language; numbers in it stay."""
    whole = _looked_up(sentence)
    if whole is not None:
        return whole
    head, colon, tail = sentence.partition(": ")
    first, second = _looked_up(head), _looked_up(tail)
    return f"{first}{colon}{second}" if first is not None and second is not None else sentence


def _looked_up(sentence: str) -> str | None:
    kind = _NUMBER.sub("#", sentence)
    if kind not in SENTENCES and kind not in WHYS:
        return None
    text = translate("Calibration", kind)
    for number in _NUMBER.findall(sentence):
        text = text.replace("#", number, 1)
    return text


def gathered_text(one: ChannelGathered) -> str:
    """How much of a channel there is, whether that is enough, and why nothing comes at the moment."""
    text = translate("CalibrationScreen", "{got:.0f} of {wanted:.0f} s").format(got=one.seconds, wanted=one.wanted_s)
    if one.enough:
        text += ", " + translate("CalibrationScreen", "enough")
    if one.presence is Presence.ABSENT:
        why = f" ({reason_text(one.reason)})" if one.reason else ""
        text += f"; {presence_name(one.presence)}{why}"
    return text


def missing_text(missing: tuple[str, ...]) -> str:
    """What is still missing, one line each; that nothing is."""
    if not missing:
        return translate("CalibrationScreen", "Nothing is missing.")
    return "\n".join(f"• {said(m)}" for m in missing)


def guide_text(text: str) -> str:
    """A title, task or text of the guide in the user's language."""
    return translate("Guide", text) if text in GUIDE else text


def when_text(at: datetime) -> str:
    """When a version was made, in the clock of this place."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def why_text(why: str) -> str:
    """Why a version was made."""
    return _looked_up(why) or why


def changed_text(version: Version) -> str:
    """What a version changed, from how much data, and what was refused; for the population that nothing is personal."""
    if version.number == 0:
        return translate("CalibrationScreen", "nothing is personal")
    if version.restores is not None:
        return translate("CalibrationScreen", "the values of version {number} again").format(number=version.restores)
    return "; ".join(_step_text(change) for change in version.changes)


def _method(name: str) -> str:
    return translate("Calibration", METHODS[name]) if name in METHODS else name


def _step_text(change: Change) -> str:
    moved = [name for name, value in change.after.items() if change.before.get(name) != value]
    text = translate("CalibrationScreen", "{n} values from {amount:.0f} {unit} ({method})").format(
        n=len(moved), amount=change.amount, unit=change.unit, method=_method(change.method)
    )
    shift = change.effect.get("mean_shift_sd")
    if shift is not None:
        far = translate("CalibrationScreen", "on average {shift:.1f} standard deviations from people in general")
        text += ", " + far.format(shift=shift)
    before, after = change.effect.get("mean_p_before"), change.effect.get("mean_p_after")
    if before is not None and after is not None:
        mean = translate("CalibrationScreen", "mean probability {after:.2f} instead of {before:.2f}")
        text += ", " + mean.format(before=before, after=after)
    if not change.accepted:
        refused = translate("CalibrationScreen", "refused: {reason}").format(reason=said(change.reason))
        text += f"; {refused}"
    return text
