"""Words: what transcription hands to language cues, to captions and to files."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word.

    Attributes:
        text: as transcribed, with punctuation, without surrounding blanks.
        start_ns: onset, session clock.
        end_ns: offset, session clock.
        confidence: probability given by the recogniser, 0-1.
        settled: False while it may still change.
        utterance: number of the stretch of speech it belongs to, from 0.
    """

    text: str
    start_ns: int
    end_ns: int
    confidence: float
    settled: bool
    utterance: int


@dataclass(frozen=True, slots=True)
class WordUpdate:
    """What changed in the transcript.

    Attributes:
        settled: words that became final with this update, in order.
        provisional: the words after them as heard now; they replace all earlier provisional words.
        watermark_ns: no settled word will ever start before this time again.
        created_ns: session time of the update.
        behind_s: how far the transcription is behind the newest sound, in seconds.
    """

    settled: tuple[Word, ...]
    provisional: tuple[Word, ...]
    watermark_ns: int
    created_ns: int
    behind_s: float = 0.0


class Transcript:
    """All words so far, thread-safe: a settled part that only grows, and a provisional tail.

    It is the track of the language channel: `watermark_ns` says up to where its words are settled.
    """

    def __init__(self) -> None:
        self._settled: list[Word] = []
        self._provisional: tuple[Word, ...] = ()
        self._watermark_ns = -1
        self._version = 0
        self._behind_s = 0.0
        self._changed = threading.Condition()

    def apply(self, update: WordUpdate) -> None:
        """Take in an update of the transcription."""
        with self._changed:
            self._settled.extend(update.settled)
            self._provisional = update.provisional
            self._watermark_ns = max(self._watermark_ns, update.watermark_ns)
            self._behind_s = update.behind_s
            self._version += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Say that no more words will come."""
        with self._changed:
            self._watermark_ns = 1 << 62
            self._provisional = ()
            self._version += 1
            self._changed.notify_all()

    @property
    def watermark_ns(self) -> int:
        """Up to here the words are settled."""
        with self._changed:
            return self._watermark_ns

    @property
    def version(self) -> int:
        """Rises with every update."""
        with self._changed:
            return self._version

    @property
    def behind_s(self) -> float:
        """How far transcription said it is behind, in seconds."""
        with self._changed:
            return self._behind_s

    def settled(self, first: int = 0) -> list[Word]:
        """Settled words from number `first` on."""
        with self._changed:
            return self._settled[first:]

    def provisional(self) -> tuple[Word, ...]:
        """The tail that may still change."""
        with self._changed:
            return self._provisional

    def wait_for(self, watermark_ns: int, timeout: float) -> bool:
        """Wait until words are settled up to `watermark_ns`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._watermark_ns >= watermark_ns, timeout)
