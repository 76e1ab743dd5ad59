"""Guide: evidence and the time flow in; the step of a guided calibration, what is still missing, and the baseline out.

Two minutes of anybody's time: read a plain text aloud, answer a plain question, and if one likes sit quietly for a
moment. Text and question are about no behaviour that anybody may want to change, so that what is gathered is how this
person talks, moves and sounds when nothing is at stake. The command and the desktop screen show the same steps.

No Qt and no thread of its own. Sentences here are in English and fixed, so that a screen can look each of them up in
its own language (`TEXTS`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ahdetect.calibration.baseline import Baseline, BaselineBuilder, Gathered
from ahdetect.capture.clock import NS_PER_S
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence

DEFAULT_S: Final = 75.0
"""Seconds of talk: the middle of the 60 to 90 s that a calibration takes (DESIGN, Calibration)."""

SHORTEST_S: Final = 20.0
LONGEST_S: Final = 600.0
"""Seconds of talk that may be asked for; assumed. Under twenty no cue with a window of 20 s has run full once."""

READ_SHARE: Final = 0.6
"""Share of the talk that is read; the rest is an answer, in which people pause and look about as in a session."""

QUIET_S: Final = 10.0
"""Length of the quiet moment: face and posture at rest, and the noise of the room."""

SETTLE_S: Final = 3.0
"""In the first seconds a camera adjusts to the light and models warm up: they are not taken in, and nothing is said to
be missing."""

MORE_S: Final = 30.0
"""How long the talk goes on at most where something is still missing at its end; assumed."""

READING: Final = (
    "The railway station stands at the end of a wide street. It is built of red brick and has a tall tower with a "
    "clock. Under the long glass roof there are six platforms. The first train leaves at five in the morning and "
    "carries letters and newspapers to the coast. At eight the hall is full, and a voice reads out the names of the "
    "towns along the line. A board on the wall shows each platform and each hour. On the left there is a small shop "
    "with maps, pens and postcards. Behind the station the rails follow the river, cross a stone bridge, and run on "
    "between green fields down to the sea. In the evening the lamps are lit one after the other, and the "
    "last train comes in at midnight."
)
"""About 130 words, 50 s at an easy pace; no marker of `models.lexicon` occurs in it."""

QUESTION: Final = (
    "Think of a room in which you spend much of the day. Describe it: what stands where, and which colours and sounds "
    "it has."
)

READ_TITLE: Final = "Read aloud"
READ_ASK: Final = "Read this text aloud at your own pace. At its end, begin again."
ANSWER_TITLE: Final = "Answer a question"
ANSWER_ASK: Final = "Answer in your own words, as you would tell a friend. Every answer is fine."
QUIET_TITLE: Final = "Sit quietly"
QUIET_ASK: Final = "Sit quietly for a moment and look at the screen."
MORE_TITLE: Final = "A little more"
MORE_ASK: Final = "Something is still missing. Go on with your answer, or read the text once more."

TEXTS: Final = (
    READING, QUESTION, READ_TITLE, READ_ASK, ANSWER_TITLE, ANSWER_ASK, QUIET_TITLE, QUIET_ASK, MORE_TITLE, MORE_ASK,
)  # fmt: skip
"""Everything that a step may say, for a screen to translate."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a calibration.

    Attributes:
        name: "read", "answer", "quiet" or "more".
        title: what it is, in a few words.
        ask: what to do, in a sentence.
        text: what to read or to answer; "" where there is nothing.
        seconds: how long it lasts.
    """

    name: str
    title: str
    ask: str
    text: str
    seconds: float


MORE: Final = Step("more", MORE_TITLE, MORE_ASK, READING, MORE_S)
"""After the talk, where something is still missing; ends as soon as nothing is."""

QUIET: Final = Step("quiet", QUIET_TITLE, QUIET_ASK, "", QUIET_S)
"""Comes last: the voice's cues look back over 20 s, and silence before the talk would be in them."""


def steps_of(seconds: float = DEFAULT_S, *, quiet: bool = False) -> tuple[Step, ...]:
    """The steps of a calibration, `MORE` left out.

    Args:
        seconds: of talk, within `SHORTEST_S` and `LONGEST_S`.
        quiet: whether a quiet moment of `QUIET_S` follows.

    Raises:
        ValueError: `seconds` is out of bounds.
    """
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(f"a calibration takes {SHORTEST_S:.0f} to {LONGEST_S:.0f} s of talk, not {seconds:g}")
    read_s = seconds * READ_SHARE
    talk = (
        Step("read", READ_TITLE, READ_ASK, READING, read_s),
        Step("answer", ANSWER_TITLE, ANSWER_ASK, QUESTION, seconds - read_s),
    )
    return (*talk, QUIET) if quiet else talk


@dataclass(frozen=True, slots=True)
class Guidance:
    """What to show at one moment.

    Attributes:
        step: the step in hand; None once all are over.
        number: of the step, from 1; that of the last once all are over.
        of: how many there are.
        left_s: seconds left of the step.
        gathered: per channel of the session what there is and what is missing.
        missing: what is still missing, a phrase per channel ("12 s more of speech").
        enough: whether nothing that a good baseline needs is missing.
    """

    step: Step | None
    number: int
    of: int
    left_s: float
    gathered: Mapping[Channel, Gathered]
    missing: tuple[str, ...]
    enough: bool


class Guide:
    """One guided calibration; `take` on the engine's thread, the rest on the caller's.

    Args:
        seconds: of talk, within `SHORTEST_S` and `LONGEST_S`.
        quiet: whether a quiet moment follows.
        more_s: how long the talk goes on at most where something is missing.

    Raises:
        ValueError: `seconds` is out of bounds.
    """

    def __init__(self, seconds: float = DEFAULT_S, *, quiet: bool = False, more_s: float = MORE_S) -> None:
        self.planned = steps_of(seconds, quiet=quiet)
        self._seconds, self._more_s = seconds, more_s
        self._lock = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._builder = BaselineBuilder(aim_s=self._seconds)
        self._steps = list(self.planned)
        self._at = 0
        self._since_s: float | None = None
        self._began_s = 0.0
        self._quiet_s = float("inf")

    def take(self, frame: EvidenceFrame) -> None:
        """Take in the next settled moment; after the last step nothing is taken in."""
        with self._lock:
            t_s = frame.t_ns / NS_PER_S
            if self._step() is None or self._since_s is None or t_s < self._began_s + SETTLE_S:
                return
            self._builder.take(_silent(frame) if t_s >= self._quiet_s else frame)

    def at(self, now_s: float) -> Guidance:
        """Go on to the step of the moment `now_s` (session seconds), and say what to show."""
        with self._lock:
            progress = self._builder.progress()
            if self._since_s is None:
                self._since_s = self._began_s = now_s
            while (step := self._step()) is not None:
                over = now_s - self._since_s - step.seconds
                if over < 0 and not (step.name == MORE.name and progress.done):
                    break
                self._next(min(now_s, self._since_s + step.seconds), done=progress.done)
            left_s = max(0.0, self._since_s + step.seconds - now_s) if step else 0.0
            number = min(self._at + 1, len(self._steps))
            missing = progress.missing if now_s - self._began_s >= SETTLE_S else ()
            return Guidance(step, number, len(self._steps), left_s, progress.channels, missing, progress.done)

    def go_on(self, now_s: float) -> None:
        """End the step in hand now."""
        with self._lock:
            if self._step() is not None:
                self._next(now_s, done=self._builder.progress().done)

    def redo(self) -> None:
        """Forget what was gathered and begin again with the first step, at the next `at`."""
        with self._lock:
            self._restart()

    def result(self) -> Baseline:
        """The baseline of what was gathered so far, with its verdict in words."""
        with self._lock:
            return self._builder.result()

    def _step(self) -> Step | None:
        return self._steps[self._at] if self._at < len(self._steps) else None

    def _next(self, now_s: float, *, done: bool) -> None:
        """The step in hand is over; after the last one of talk comes `MORE` where something is missing."""
        over = self._steps[self._at]
        if over.name == "answer" and not done and self._more_s > 0:
            self._steps.insert(self._at + 1, replace(MORE, seconds=self._more_s))
        self._at += 1
        self._since_s = now_s
        step = self._step()
        if step is not None and step.name == QUIET.name:
            self._quiet_s = now_s


def _silent(frame: EvidenceFrame) -> EvidenceFrame:
    """The same moment without the voice: in a quiet moment its pauses are no habit of the person."""
    if frame.cues.get(Channel.VOICE) is None:
        return frame
    state = ChannelState(Presence.ABSENT, reason="a quiet moment")
    return replace(frame, cues={**frame.cues, Channel.VOICE: None}, states={**frame.states, Channel.VOICE: state})
