"""Transcripts of BAH: a Whisper file of the release flows in, phrases on the clock of their video flow out.

Whisper hears a long clip in windows of 30 s, and the times of the release are those within a window: they fall back to
about 0 every half minute. A phrase that starts more than `SLACK_S` before the end of the one before it opens a new
window, which begins where that phrase ended (Whisper goes on from the last phrase that it closed), or 30 s after the
window's start where that end is missing. So all times rise. It is a reconstruction: a window without speech leaves no
trace, and what follows is then early.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ahdetect.errors import DataError
from ahdetect.models.datasets.bah_labels import load_yaml

WINDOW_S: Final = 30.0
"""Window of Whisper."""

SLACK_S: Final = 1.0
"""Phrases of one window overlap by less; assumed."""

WORDS_PER_S: Final = 2.2
"""Speech rate in BAH, for a last phrase whose end is missing."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What was said from `start_s` to `end_s` of the video."""

    start_s: float
    end_s: float
    text: str


def read_transcript(path: Path, duration_s: float | None = None) -> tuple[Phrase, ...]:
    """The phrases of a transcript, their times rising.

    Args:
        path: `Video.transcript`.
        duration_s: of the video, where it is known: a missing last end becomes it.

    Raises:
        DataError: it is damaged or no transcript.
    """
    try:
        chunks = load_yaml(path.read_text(encoding="utf-8"), path)["chunks"] or ()
        raw = [(_time(c["timestamp"][0]), _time(c["timestamp"][1]), str(c["text"]).strip()) for c in chunks]
        return risen(raw, duration_s)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(
            f"{path} is no transcript of the release ({type(error).__name__}); fetch it again.", value=path
        ) from error


def _time(value: Any) -> float | None:
    return None if value is None else float(value)


def risen(raw: list[tuple[float | None, float | None, str]], duration_s: float | None = None) -> tuple[Phrase, ...]:
    """Phrases with rising times, from times within windows.

    Args:
        raw: start, end and text of each phrase; a time may be missing.
        duration_s: of the video.
    """
    phrases: list[Phrase] = []
    window, at = 0.0, 0.0  # start of the window, end of the last phrase
    for number, (start, end, text) in enumerate(raw):
        first = at - window if start is None else start
        if phrases and first < at - window - SLACK_S:
            window, first = (window + WINDOW_S if raw[number - 1][1] is None else at), start or 0.0
        begin = max(window + first, phrases[-1].start_s if phrases else 0.0)
        last = number == len(raw) - 1
        if end is not None:
            until = window + end
        elif last and duration_s is not None:
            until = duration_s
        else:
            until = begin + len(text.split()) / WORDS_PER_S
        phrases.append(Phrase(begin, max(begin, until), text))
        at = phrases[-1].end_s
    return tuple(phrases)
