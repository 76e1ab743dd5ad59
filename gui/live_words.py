"""Live words: books, lamps, notices and rows of a recording flow in; the sentences that a screen shows flow out."""

from __future__ import annotations

import math
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from ahdetect.gui.live_model import Asked, Disk, Lamp, Notice, State, Truth
from ahdetect.gui.terms import channel_name, phrase_text, presence_name, reason_text
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.timeline import Row

translate = QCoreApplication.translate

STOPPED: Final = {
    "face": QT_TRANSLATE_NOOP("Stages", "Face cues are absent from now on; everything else goes on."),
    "face cues": QT_TRANSLATE_NOOP("Stages", "Face cues are absent from now on; everything else goes on."),
    "body": QT_TRANSLATE_NOOP("Stages", "Body cues are absent from now on; everything else goes on."),
    "voice": QT_TRANSLATE_NOOP("Stages", "Voice cues are absent from now on; everything else goes on."),
    "transcription": QT_TRANSLATE_NOOP("Stages", "No new words come from now on; everything else goes on."),
    "fusion": QT_TRANSLATE_NOOP("Stages", "There are no new estimates; video, sound and words are still recorded."),
    "video file": QT_TRANSLATE_NOOP("Stages", "The video is not stored from now on; everything else goes on."),
    "audio file": QT_TRANSLATE_NOOP("Stages", "The sound is not stored from now on; everything else goes on."),
    "frames file": QT_TRANSLATE_NOOP("Stages", "Estimates are not stored from now on; everything else goes on."),
    "watcher": QT_TRANSLATE_NOOP("Stages", "The waveform stands still; everything else goes on."),
    "camera": QT_TRANSLATE_NOOP("Stages", "There are no pictures from now on; sound and words go on."),
    "microphone": QT_TRANSLATE_NOOP("Stages", "There is no sound from now on; pictures go on."),
}
"""What goes on and what does not when a stage has crashed, by the stage's name."""

STATES: Final = {
    State.IDLE: QT_TRANSLATE_NOOP("LiveScreen", "Ready"),
    State.STARTING: QT_TRANSLATE_NOOP("LiveScreen", "Starting"),
    State.RECORDING: QT_TRANSLATE_NOOP("LiveScreen", "Recording"),
    State.PAUSED: QT_TRANSLATE_NOOP("LiveScreen", "Paused"),
    State.STOPPING: QT_TRANSLATE_NOOP("LiveScreen", "Finishing the files"),
    State.DELETING: QT_TRANSLATE_NOOP("LiveScreen", "Deleting"),
    State.ENDED: QT_TRANSLATE_NOOP("LiveScreen", "Finished"),
    State.FAILED: QT_TRANSLATE_NOOP("LiveScreen", "Could not start"),
}
PROGRESS: Final = {
    "models": QT_TRANSLATE_NOOP("LiveScreen", "Loading the models…"),
    "devices": QT_TRANSLATE_NOOP("LiveScreen", "Opening camera and microphone…"),
    "threads": QT_TRANSLATE_NOOP("LiveScreen", "Starting to record…"),
}
HOW_MUCH: Final = (
    (2.0, QT_TRANSLATE_NOOP("LiveScreen", "much")),
    (1.35, QT_TRANSLATE_NOOP("LiveScreen", "some")),
    (0.0, QT_TRANSLATE_NOOP("LiveScreen", "a little")),
)
"""By how much a cue multiplies the odds, and the word for it."""

AT_ONCE_S: Final = 0.04
"""Shorter than one chunk of sound: it had begun already."""


def clock(seconds: float) -> str:
    """Minutes and seconds, hours where there are any.

    Example:
        >>> clock(3671.9)
        '1:01:11'
    """
    minutes, s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{s:02}" if hours else f"{minutes}:{s:02}"


def lamp_text(channel: Channel, lamp: Lamp) -> tuple[str, str]:
    """A lamp in two short lines: the channel; whether it is present, and why not."""
    if lamp.presence is None:
        return channel_name(channel), translate("LiveScreen", "not started")
    state = presence_name(lamp.presence)
    reason = "" if lamp.presence is Presence.PRESENT else reason_text(lamp.reason)
    return channel_name(channel), f"{state}, {reason}" if reason else state


def truth_line(truth: Truth) -> str:
    """The line of truth: "30.0 fps, 0.3 % dropped, audio 0 lost, words 1.2 s behind, row 70 ms"."""
    parts = []
    if truth.fps is not None:
        parts.append(translate("LiveScreen", "{fps:.1f} fps").format(fps=truth.fps))
    if truth.dropped is not None:
        parts.append(translate("LiveScreen", "{share:.1f} % dropped").format(share=100 * truth.dropped))
    if truth.audio_lost is not None:
        lost = f"{truth.audio_lost / 16_000:.2f} s" if truth.audio_lost else "0"
        parts.append(translate("LiveScreen", "audio {lost} lost").format(lost=lost))
    if truth.words_behind_s is not None:
        parts.append(translate("LiveScreen", "words {behind:.1f} s behind").format(behind=truth.words_behind_s))
    if truth.row_ms is not None:
        parts.append(translate("LiveScreen", "row {ms:.0f} ms").format(ms=truth.row_ms))
    if truth.off:
        parts.append(translate("LiveScreen", "NOT STORED ANY MORE: {files}").format(files=", ".join(truth.off)))
    if truth.stopped:
        parts.append(translate("LiveScreen", "STOPPED BY AN ERROR: {stages}").format(stages=", ".join(truth.stopped)))
    return ", ".join(parts)


def disk_text(disk: Disk) -> str:
    """Space left, and for how long."""
    return translate("LiveScreen", "{free:.0f} GB free, enough for {hours:.0f} h").format(
        free=disk.free / 1e9, hours=math.floor(disk.left_s / 3600)
    )


def cue_text(phrase: str, log_odds: float) -> str:
    """A cue and how much it adds, in words and as a factor of the odds."""
    factor = math.exp(log_odds)
    word = next(word for least, word in HOW_MUCH if factor >= least)
    return translate("LiveScreen", "{cue}: adds {much}, odds × {factor:.1f}").format(
        cue=phrase_text(phrase), much=translate("LiveScreen", word), factor=factor
    )


def numbers_text(row: Row) -> str:
    """Probability and its band as numbers."""
    return translate("LiveScreen", "probability {p:.2f}, 80 % band {low:.2f} to {high:.2f}").format(
        p=row.p, low=row.low, high=row.high
    )


def missing_text(row: Row, lamps: dict[Channel, Lamp]) -> str:
    """Which channels are missing and why, in one sentence; "" where none is."""
    missing = [
        f"{channel_name(c)} ({reason_text(lamp.reason)})" if lamp.reason else channel_name(c)
        for c, lamp in lamps.items()
        if lamp.presence is Presence.ABSENT and c in row.states
    ]
    late = [
        f"{channel_name(c)} ({reason_text(lamp.reason)})"
        for c, lamp in lamps.items()
        if lamp.presence is Presence.STALE
    ]
    parts = []
    if missing:
        parts.append(translate("LiveScreen", "Not seen or heard: {channels}.").format(channels=", ".join(missing)))
    if late:
        parts.append(translate("LiveScreen", "Late: {channels}.").format(channels=", ".join(late)))
    return " ".join(parts)


def latency_text(asked: Asked) -> str:
    """How the answer to the prompt in hand stands."""
    if asked.latency_s is not None and asked.latency_s < AT_ONCE_S:
        return translate("LiveScreen", "The answer had begun when the prompt ended.")
    if asked.latency_s is not None:
        return translate("LiveScreen", "Answered after {seconds:.2f} s.").format(seconds=asked.latency_s)
    if asked.ended_s is not None:
        return translate("LiveScreen", "Waiting for an answer: {seconds:.1f} s.").format(seconds=asked.waited_s)
    return ""


def notice_text(notice: Notice) -> tuple[str, str, str]:
    """Level, text and key of a notice's banner."""
    kind, where, detail = notice.kind, notice.where, reason_text(notice.detail)
    if kind == "device_lost" and where == "camera":
        text = translate(
            "LiveScreen",
            "The camera is gone ({reason}). Sound, voice and words go on; face and body are absent until it is back. "
            "It is tried again by itself.",
        )
        return "warning", text.format(reason=detail), "camera"
    if kind == "device_lost":
        text = translate(
            "LiveScreen",
            "The microphone is gone ({reason}). Pictures, face and body go on; voice and words are absent, and the "
            "sound is a recorded gap until it is back. It is tried again by itself.",
        )
        return "warning", text.format(reason=detail), "microphone"
    if kind == "device_back":
        text = (
            translate("LiveScreen", "The camera is back. What it missed stays a gap.")
            if where == "camera"
            else translate("LiveScreen", "The microphone is back. What it missed stays a gap.")
        )
        return "info", text, where
    if kind == "stage_crashed":
        text = translate("LiveScreen", "The stage “{stage}” was stopped by an error ({error}).")
        goes_on = STOPPED.get(where)
        after = translate("Stages", goes_on) if goes_on else translate("Stages", "The other stages go on.")
        return "error", f"{text.format(stage=where, error=detail)} {after}", f"stage {where}"
    if kind == "sink_off":
        return "error", detail, f"file {where}"
    if kind == "disk_low":
        text = translate("LiveScreen", "Only {free} are free for {folder}; make room or stop soon.")
        return "warning", text.format(free=detail, folder=where), "disk"
    if kind == "profile":
        return "warning", detail, "profile"
    if kind == "source_ended":
        return "info", translate("LiveScreen", "The clip has ended, so the recording was finished."), "recording"
    if kind == "watcher":
        text = translate("LiveScreen", "The tracks cannot be drawn ({error}); the recording goes on.")
        return "error", text.format(error=detail), "watcher"
    return "error", detail, "live"
