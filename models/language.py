"""Language cues: settled and provisional words with times flow in; running markers of the answer flow out.

A cue at time t uses words that had ended by t, no later one: nothing looks ahead. Two kinds of cue come from each
marker: its rate per 100 words over the answer so far, and a count that fades with `FADE_S`, which points at the moment.
What the trained expert makes of them at the moment is a cue as well, `language_llr`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Final

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
"""A clause older than this counts less than e^-8 and is left out."""


_VALENCE_WORDS: Final = 20
_CONFIDENCE_WORDS: Final = 10
_RATE_WINDOW_S: Final = 5.0
_NS: Final = 1_000_000_000
_PAST_NS: Final = round(5 * ANSWER_S * _NS)
"""What is older says next to nothing about the answer, and less about the moment."""
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


def _age_s(times: list[int], t_ns: int) -> NDArray[np.float64]:
    return (t_ns - np.array(times, dtype=np.float64)) / _NS


def _past(age_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of what was said `age_s` ago has faded as a moment and not yet as the answer's past."""
    past: NDArray[np.float64] = np.exp(-age_s / ANSWER_S) - np.exp(-age_s / FADE_S)
    return past


class _Marked:
    """Completed markers in order of time, as parallel lists: when, which, and how many of its kind came before it."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._kinds: list[int] = []
        self._before: list[int] = []
        self._totals = [0] * len(MARKERS)

    def push(self, kinds: Iterable[int], t_ns: int) -> None:
        """Markers that a word completed at `t_ns`."""
        for kind in kinds:
            self._times.append(t_ns)
            self._kinds.append(kind)
            self._before.append(self._totals[kind])
            self._totals[kind] += 1

    def truncate(self, n: int) -> None:
        """Forget all but the first `n`."""
        for kind in self._kinds[n:]:
            self._totals[kind] -= 1
        del self._times[n:], self._kinds[n:], self._before[n:]

    def at(
        self, t_ns: int, start_ns: int, before: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two counts per marker, (len(MARKERS),), of the answer that began at `start_ns`; `before` is what came before.

        The first points at the moment: the j-th of the answer counts log2(1 + 1/j), fading since it was said. The
        second holds those that have faded as moments and not yet as the answer's past.
        """
        lo, hi = bisect_right(self._times, max(start_ns, t_ns - _PAST_NS)), bisect_right(self._times, t_ns)
        kinds, age_s = np.array(self._kinds[lo:hi], dtype=np.intp), _age_s(self._times[lo:hi], t_ns)
        nth = np.array(self._before[lo:hi], dtype=np.intp) - before[kinds] + 1
        fresh: NDArray[np.float64] = np.log2(1.0 + 1.0 / nth) * np.exp(-age_s / FADE_S)
        moment, past = np.zeros(len(MARKERS)), np.zeros(len(MARKERS))
        np.add.at(moment, kinds, fresh)
        np.add.at(past, kinds, _past(age_s))
        return moment, past


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
        self._marked = _Marked()
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
        faded, older = self._marked.at(t_ns, start, self._log.counts[first])
        for name, count in zip(MARKERS, faded, strict=True):
            put(name, count)
        mixed = self._log.mixed(first, last)
        put("mixed", mixed)
        length = spoken if t_ns - start <= LONGEST_ANSWER_S * _NS else None
        put("answer", self._model.expert.so_far(older, self._older_words(t_ns, first, last), mixed, length))
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

    def _older_words(self, t_ns: int, first: int, last: int) -> float:
        """Words of the answer that have faded as moments and not yet as its past."""
        lo = max(first, bisect_right(self._ends, t_ns - _PAST_NS))
        return float(_past(_age_s(self._ends[lo:last], t_ns)).sum())

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
        self._marked.push(self._log.push(word.text), end_ns)
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
        self._marked.truncate(int(self._log.counts[n].sum()))
        self._log.truncate(n)
        del self._words[n:], self._ends[n:], self._valence[n:], self._talk[n:]
