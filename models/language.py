"""Language cues: settled and provisional words with times flow in; running markers of the answer flow out.

A cue at time t uses words that had ended by t, no later one: nothing looks ahead. Two kinds of cue come from each
marker: its rate per 100 words over the answer so far, and a count that fades with `FADE_S`, which points at the moment.
What the trained expert makes of them at the moment is a cue as well, `language_llr`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.clauses import LEAST, Valence, WordLog
from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.effects import EFFECTS, Ratios
from ahdetect.models.expert import ANSWER_S, FADE_S, LanguageExpert
from ahdetect.models.lexicon import MARKERS
from ahdetect.models.talk import TalkModel
from ahdetect.models.words import Transcript, Word

LONGEST_ANSWER_S: Final = 96.0
"""The longest answer in BAH: beyond it, what is known of the length of answers says nothing (a long recording without
marked prompts is not one long answer)."""

_HORIZON_S: Final = 8 * FADE_S
"""A marker older than this counts less than e^-8 and is left out."""

_PAST_S: Final = 5 * ANSWER_S
"""What is older says next to nothing about the answer."""

_VALENCE_WORDS: Final = 20
_CONFIDENCE_WORDS: Final = 10
_RATE_WINDOW_S: Final = 5.0
_NS: Final = 1_000_000_000
_RATED: Final = ("filler", "hedge", "contrast", "modal", "negation")
_WEIGHED: Final = tuple(e for e in EFFECTS if e.channel is Channel.LANGUAGE)
_COLUMNS: Final = np.array([INDEX[e.cue] for e in _WEIGHED])
_NONE: Final = np.zeros(len(_WEIGHED))  # no cue of the words is measured against the person's own mean


class LanguageModel:
    """Weights of the language cues, read once and shared by streams."""

    def __init__(self) -> None:
        self.valence = Valence()
        self.expert = LanguageExpert(valence=self.valence)
        self.ratios = Ratios(_WEIGHED)
        self.talk = TalkModel.load()


class LanguageStream:
    """Running markers of one session.

    Args:
        model: shared weights.

    Words are held as parallel arrays (end times, cumulative marker counts), so that the cues of any past moment can be
    read again when provisional words are replaced.
    """

    def __init__(self, model: LanguageModel | None = None) -> None:
        self._model = model or LanguageModel()
        self._log = WordLog(self._model.valence)
        self._words: list[Word] = []
        self._ends: list[int] = []
        self._events: list[list[int]] = [[] for _ in MARKERS]
        self._valence: list[float] = []
        self._talk: list[tuple[float, float]] = []
        self._answers: list[int] = [0]
        self._settled = 0
        self._version = -1

    def mark_prompt(self, t_ns: int) -> None:
        """A prompt ended at `t_ns`: a new answer begins, and "so far" starts again from there."""
        self._answers.append(t_ns)

    def update(self, transcript: Transcript) -> bool:
        """Take in what is new in `transcript`; False where nothing is."""
        if transcript.version == self._version:
            return False
        self._version = transcript.version
        fresh = transcript.settled(self._settled)
        self._truncate(self._settled)
        for word in fresh:
            self._push(word)
        self._settled += len(fresh)
        for word in transcript.provisional():
            self._push(word)
        return True

    def push(self, word: Word) -> None:
        """Add one settled word after the words so far."""
        self._truncate(self._settled)
        self._push(word)
        self._settled += 1

    def at(self, t_ns: int) -> CueFrame:
        """The language cues at `t_ns`; absent while no word of the answer has ended."""
        start = self._answers[bisect_right(self._answers, t_ns) - 1]
        first, last = bisect_right(self._ends, start), bisect_right(self._ends, t_ns)
        spoken = last - first
        if spoken <= 0:
            return absent_frame(Channel.LANGUAGE, t_ns, "no words yet")
        values = empty_values(Channel.LANGUAGE)
        counts = self._log.counts[last] - self._log.counts[first]

        def put(name: str, value: float) -> None:
            values[INDEX["language_" + name]] = value

        put("log_words", float(np.log1p(spoken)))
        for name in _RATED:
            put(f"{name}_rate", 100.0 * float(counts[MARKERS.index(name)]) / spoken)
        for name, count in zip(MARKERS, self._fading(t_ns, start, first), strict=True):
            put(name, count)
        mixed = self._log.mixed(first, last)
        put("mixed", mixed)
        length = spoken if t_ns - start <= LONGEST_ANSWER_S * _NS else None
        put("answer", self._model.expert.so_far(*self._older(t_ns, start), mixed, length))
        change, sustain = self._talk_of(t_ns, first, last)
        put("change_talk", change)
        put("sustain_talk", sustain)
        put("both_talks", min(change, sustain))
        put("valence", self._valence[last - 1])
        put("word_rate", (last - bisect_right(self._ends, t_ns - round(_RATE_WINDOW_S * _NS))) / _RATE_WINDOW_S)
        recent = self._words[max(first, last - _CONFIDENCE_WORDS) : last]
        put("confidence", sum(w.confidence for w in recent) / len(recent))
        put("llr", float(self._model.ratios(values[_COLUMNS].astype(np.float64), _NONE, _NONE).sum()))
        return CueFrame(Channel.LANGUAGE, t_ns, values)

    def marked(self, start_ns: int, end_ns: int) -> list[tuple[Word, list[str]]]:
        """Words that ended in [start_ns, end_ns) and completed a marker, with its names."""
        found = []
        for i in range(bisect_right(self._ends, start_ns - 1), bisect_right(self._ends, end_ns - 1)):
            step = self._log.counts[i + 1] - self._log.counts[i]
            if step.any():
                found.append((self._words[i], [MARKERS[k] for k in np.flatnonzero(step)]))
        return found

    def clauses(self) -> list[tuple[int, int, float]]:
        """Start and end, ns, and score, nats, of every clause that is settled or provisional, answer by answer."""
        found = []
        bounds = [bisect_right(self._ends, start) for start in self._answers]
        for first, last in zip(bounds, [*bounds[1:], len(self._words)], strict=True):
            for a, b in self._log.clauses(first, last):
                score = self._model.expert.clause(self._log, first, a, b).score
                found.append((self._words[a].start_ns, self._ends[b - 1], score))
        return found

    def _fading(self, t_ns: int, start_ns: int, first: int) -> NDArray[np.float64]:
        """Per marker: the j-th of the answer counts log2(1 + 1/j), fading since it was said; (len(MARKERS),)."""
        horizon = max(start_ns, t_ns - round(_HORIZON_S * _NS))
        before = self._log.counts[first]
        faded = np.zeros(len(MARKERS))
        for k, events in enumerate(self._events):
            lo, hi = bisect_right(events, horizon), bisect_right(events, t_ns)
            if hi > lo:
                age_s = (t_ns - np.array(events[lo:hi], dtype=np.float64)) / _NS
                nth = np.arange(lo, hi) - int(before[k]) + 1
                faded[k] = float((np.log2(1.0 + 1.0 / nth) * np.exp(-age_s / FADE_S)).sum())
        return faded

    def _older(self, t_ns: int, start_ns: int) -> tuple[NDArray[np.float64], float]:
        """Markers, (len(MARKERS),), and words of the answer that have faded as moments and not yet as its past."""
        horizon = max(start_ns, t_ns - round(_PAST_S * _NS))
        counts = np.array([self._past(events, horizon, t_ns) for events in self._events])
        return counts, self._past(self._ends, horizon, t_ns)

    @staticmethod
    def _past(times: list[int], after_ns: int, t_ns: int) -> float:
        lo, hi = bisect_right(times, after_ns), bisect_right(times, t_ns)
        if hi <= lo:
            return 0.0
        age_s = (t_ns - np.array(times[lo:hi], dtype=np.float64)) / _NS
        return float((np.exp(-age_s / ANSWER_S) - np.exp(-age_s / FADE_S)).sum())

    def _talk_of(self, t_ns: int, first: int, last: int) -> tuple[float, float]:
        """Change talk and sustain talk of the last clauses: the highest that has not faded."""
        lo = max(first, bisect_right(self._ends, t_ns - round(_HORIZON_S * _NS)))
        if lo >= last:
            return 0.0, 0.0
        age_s = (t_ns - np.array(self._ends[lo:last], dtype=np.float64)) / _NS
        faded = np.array(self._talk[lo:last]) * np.exp(-age_s / FADE_S)[:, None]
        change, sustain = faded.max(axis=0)
        return float(change), float(sustain)

    def _push(self, word: Word) -> None:
        # Recognisers now and then let a word end after the next one; causality needs order.
        end_ns = max(word.end_ns, self._ends[-1] if self._ends else 0)
        for k in self._log.push(word.text):
            self._events[k].append(end_ns)
        self._words.append(word)
        self._ends.append(end_ns)
        text = " ".join(self._log.texts[-_VALENCE_WORDS:])
        self._valence.append(self._model.valence.compound(text))
        clause = self._log.tokens[self._log.begins[-1] :]
        scores = self._model.talk.scores(clause) if len(clause) >= LEAST else (0.0, 1.0, 0.0)
        self._talk.append((float(scores[0]), float(scores[2])))

    def _truncate(self, n: int) -> None:
        if len(self._words) == n:
            return
        end_of = self._log.counts[n]
        for k, events in enumerate(self._events):
            del events[int(end_of[k]) :]
        self._log.truncate(n)
        del self._words[n:], self._ends[n:], self._valence[n:], self._talk[n:]
