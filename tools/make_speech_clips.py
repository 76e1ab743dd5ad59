"""Sentences flow in; speech of espeak-ng (WAV, 16 kHz mono) and the true onset of each word (JSON, s) flow out.

    python tools/make_speech_clips.py OUT_FOLDER

espeak-ng says at which sample it begins each word (its WORD events), so that the error of word times can be measured.
Needs the library libespeak-ng1 (comes with the package espeak-ng). Texts are our own.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

RATE: Final = 16_000
HESITANT: Final = (
    "Um, I want to cut down, but, uh, I do not know where to begin.",
    "I guess I could, um, go for a walk in the evening.",
    "Well, uh, part of me likes it, and, um, part of me is tired of it.",
    "I was, I was going to call them, but, uh, something came up.",
    "It is, um, kind of hard to say. Maybe next week, uh, maybe later.",
    "Yes, uh, I know that it would help me, but, um, it takes so much time.",
    "Um, last month I stopped for ten days, and then, uh, I started again.",
    "I, uh, I think my doctor is right, but I am not sure, um, that I can do it.",
)
PLAIN: Final = (
    "Every morning I take the bus to the office and read a book on the way.",
    "My sister moved to the coast last summer and she has a small garden there.",
    "We cook together on Sunday, then we clean the kitchen and listen to music.",
    "The clinic opened a new room for exercise, and I signed up for three days a week.",
    "I drink one cup of coffee after breakfast and water for the rest of the day.",
    "They painted the school bright yellow, which made the whole street look friendly.",
    "On Friday the train was late, so I walked home along the river in the rain.",
    "He showed me how to repair the old bicycle with only two simple tools.",
)
VOICES: Final = ("en-us", "en-gb", "en-us+f3", "en-gb+m3")
FILLERS: Final = frozenset({"um", "uh"})


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and when it was spoken.

    Attributes:
        text: as written, without punctuation.
        start_s: onset from the start of the sound, s; None where espeak-ng ran it into the word before ("it is").
    """

    text: str
    start_s: float | None


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_SYNCHRONOUS, _WORD, _RATE_PARAMETER, _UTF8 = 2, 1, 1, 1  # speak_lib.h


class Voice:
    """espeak-ng, in this process."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise RuntimeError("libespeak-ng.so.1 is missing; install the package espeak-ng.") from error
        self.rate: int = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
        if self.rate <= 0:
            raise RuntimeError("espeak-ng cannot be started; install the package espeak-ng.")

    def speak(
        self, text: str, voice: str = "en-us", words_per_minute: int = 150
    ) -> tuple[NDArray[np.int16], list[SpokenWord]]:
        """Say `text`; returns 16 kHz mono int16, shape (n,), and its words."""
        parts: list[NDArray[np.int16]] = []
        begins = {match.start(): match.group() for match in re.finditer(r"[^\s.,]+", text)}
        starts: dict[int, float] = {}  # by where in the text a word begins; espeak-ng marks clauses and parts too

        def take(pcm: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
            if count > 0:
                parts.append(np.ctypeslib.as_array(pcm, (count,)).copy())
            at = 0
            while events[at].type:
                event = events[at]
                if event.type == _WORD:
                    first = event.text_position - 1
                    if first in begins and begins[first].startswith(text[first : first + event.length].strip(" .,")):
                        starts.setdefault(first, event.sample / self.rate)
                at += 1
            return 0

        callback = _CALLBACK(take)
        self._lib.espeak_SetSynthCallback(callback)
        self._lib.espeak_SetVoiceByName(voice.encode())
        self._lib.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
        raw = text.encode("utf-8")
        self._lib.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        sound = np.concatenate(parts)
        words = [SpokenWord(word, starts.get(first)) for first, word in begins.items()]
        return soxr.resample(sound, self.rate, RATE, "HQ"), words


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip with known words.

    Attributes:
        name: of its files.
        pcm: int16, 16 kHz mono, shape (n,).
        words: in order.
    """

    name: str
    pcm: NDArray[np.int16]
    words: list[SpokenWord]


def clips(texts: tuple[str, ...], name: str, pause_s: float = 1.2) -> list[Clip]:
    """One clip for each of `VOICES`, every one with all sentences and a pause after each."""
    speaker = Voice()
    made = []
    for number, voice in enumerate(VOICES):
        parts, words, at = [np.zeros(RATE // 2, np.int16)], [], 0.5
        for text in texts:
            pcm, spoken = speaker.speak(text, voice)
            words += [SpokenWord(w.text, None if w.start_s is None else at + w.start_s) for w in spoken]
            parts += [pcm, np.zeros(round(pause_s * RATE), np.int16)]
            at = sum(map(len, parts)) / RATE
        made.append(Clip(f"{name}_{number}", np.concatenate(parts), words))
    return made


def write(clip: Clip, folder: Path) -> None:
    """As NAME.wav and NAME.json."""
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / f"{clip.name}.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(clip.pcm.tobytes())
    (folder / f"{clip.name}.json").write_text(json.dumps([asdict(word) for word in clip.words], indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/make_speech_clips.py OUT_FOLDER")
    for one in (*clips(HESITANT, "hesitant"), *clips(PLAIN, "plain")):
        write(one, Path(sys.argv[1]))
        print(f"{one.name}.wav: {len(one.pcm) / RATE:.1f} s, {len(one.words)} words")
