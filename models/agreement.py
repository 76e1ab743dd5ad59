"""Local agreement: the words of two passes over a growing sound flow in, the number of words that may settle flows out.

A word near the end of the sound is a guess: more sound may turn "in" into "independence". It may settle once enough
sound has followed it: little where the pass before heard the same (LocalAgreement-2 of Macháček et al. 2023, "Turning
Whisper into Real-Time Transcription System"), more where the recogniser alone is sure of it, most where neither is so.
Nothing behind an unsettled word settles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Heard(Protocol):
    """A word with the time at which it ended."""

    @property
    def text(self) -> str:
        """As heard, with punctuation."""
        ...

    @property
    def end_s(self) -> float:
        """Seconds from the start of the sound."""
        ...

    @property
    def confidence(self) -> float:
        """Probability, 0-1."""
        ...


@dataclass(frozen=True, slots=True)
class Margins:
    """How much sound has to follow a word.

    Attributes:
        agreed_s: where the pass before heard the same words up to it.
        sure_s: where the recogniser is sure of it.
        doubtful_s: where neither is so.
        sure: confidence from which the recogniser is sure.
    """

    agreed_s: float = 0.4
    sure_s: float = 0.75
    doubtful_s: float = 1.8
    sure: float = 0.6


def plain(text: str) -> str:
    """A word without case and punctuation, as it is compared."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def agreeing(before: Sequence[Heard], now: Sequence[Heard]) -> int:
    """How many words from the first on both passes heard alike."""
    count = 0
    for one, other in zip(before, now, strict=False):
        if plain(one.text) != plain(other.text):
            break
        count += 1
    return count


def settling(before: Sequence[Heard], now: Sequence[Heard], sound_s: float, margins: Margins) -> int:
    """How many words of the pass `now`, from the first on, may settle.

    Args:
        before: words of the pass before that are not settled yet.
        now: words of this pass after the settled ones.
        sound_s: length of the sound of this pass, on the clock of its words, s.
        margins: how much sound has to follow.
    """
    alike = agreeing(before, now)
    for number, word in enumerate(now):
        sure = margins.sure_s if word.confidence >= margins.sure else margins.doubtful_s
        if word.end_s > sound_s - (min(margins.agreed_s, sure) if number < alike else sure):
            return number
    return len(now)
