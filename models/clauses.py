"""Clauses: words flow in one by one; marker counts, clause by clause, flow out. Nothing looks ahead.

A clause is the unit that the language expert points at: a sentence or a part of one, four to fourteen words. It ends
at punctuation, before a conjunction, and at its longest where a recogniser writes no punctuation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from ahdetect.models.lexicon import LONGEST, MARKERS, completed, token

LEAST: Final = 4
"""Words that a clause has before a comma or a conjunction ends it: "well, maybe" is no clause of its own."""

MOST: Final = 14
"""Words of the longest clause: 6 s at 2.2 words per second, between the mean (4.25 s) and the longest tenth (7.8 s) of
A/H segments in BAH."""

NEUTRAL: Final = 20
"""Neutral words that every answer is thought to have besides its own: half of a middling one (median 46 words)."""

_BEFORE: Final = frozenset({"but", "although", "though", "because", "so", "and", "or", "which"})
_ENDS: Final = (".", "?", "!", ",", ";", "…")
_PLACE: Final = {marker: k for k, marker in enumerate(MARKERS)}


class Valence:
    """VADER's lexicon and rules (Hutto & Gilbert 2014), read once."""

    def __init__(self) -> None:
        self._vader = SentimentIntensityAnalyzer()

    def compound(self, text: str) -> float:
        """From -1 (negative) to 1 (positive)."""
        return float(self._vader.polarity_scores(text)["compound"])

    def words(self, text: str, n: int) -> tuple[float, float]:
        """How many of the `n` words of a clause are positive and how many negative, as VADER weighs them."""
        scores = self._vader.polarity_scores(text)
        return n * float(scores["pos"]), n * float(scores["neg"])


class WordLog:
    """What is counted in the words so far; every word leaves cumulative figures, so that any stretch is a difference.

    Args:
        valence: shared lexicon.

    Attributes:
        texts: words as transcribed.
        tokens: words as the lists have them.
        counts: marker counts before each word and after the last, (n + 1) arrays of int, shape (len(MARKERS),).
        valued: positive and negative words before each word and after the last, (n + 1) pairs.
        begins: for each word, the index of the first word of its clause.
    """

    def __init__(self, valence: Valence) -> None:
        self._valence = valence
        self.texts: list[str] = []
        self.tokens: list[str] = []
        self.counts: list[NDArray[np.int64]] = [np.zeros(len(MARKERS), dtype=np.int64)]
        self.valued: list[tuple[float, float]] = [(0.0, 0.0)]
        self.begins: list[int] = []

    def __len__(self) -> int:
        return len(self.texts)

    def extend(self, texts: Sequence[str]) -> None:
        """Add words that are all there: valued once per clause, at its end, which is what a whole answer needs."""
        for text in texts:
            i = len(self.texts)
            if i and self._clause_of(i, text) == i:
                self._value(i)
            self._count(text)
            self.valued.append(self.valued[-1])
        if texts:
            self._value(len(self.texts))

    def push(self, text: str) -> list[int]:
        """Add a word; the places in `MARKERS` of the markers that it completes."""
        found = self._count(text)
        self.valued.append(self.valued[-1])
        self._value(len(self.texts))
        return found

    def _count(self, text: str) -> list[int]:
        first = self._clause_of(len(self.texts), text)
        self.texts.append(text)
        self.tokens.append(token(text))
        self.begins.append(first)
        found = [_PLACE[marker] for marker in completed(self.tokens[-LONGEST:])]
        counts = self.counts[-1].copy()
        counts[found] += 1
        self.counts.append(counts)
        return found

    def _value(self, last: int) -> None:
        """Value the words of the clause that word `last` - 1 is in, up to it."""
        first = self.begins[last - 1]
        positive, negative = self._valence.words(" ".join(self.texts[first:last]), last - first)
        before = self.valued[first]
        self.valued[last] = (before[0] + positive, before[1] + negative)

    def truncate(self, n: int) -> None:
        """Forget all words but the first `n`."""
        del self.texts[n:], self.tokens[n:], self.begins[n:], self.counts[n + 1 :], self.valued[n + 1 :]

    def mixed(self, first: int, last: int) -> float:
        """How far positive and negative words mix in words `first` to `last`: the rarer kind's share, 0-.5.

        `NEUTRAL` words are added, so that one of each in a short answer is no great mixture.
        """
        positive, negative = (b - a for a, b in zip(self.valued[first], self.valued[last], strict=True))
        return max(0.0, min(positive, negative)) / (last - first + NEUTRAL)

    def clauses(self, first: int, last: int) -> list[tuple[int, int]]:
        """The clauses of words `first` to `last`, as pairs of indices; a short rest joins the one before."""
        starts = [i for i in range(first, last) if i == first or self.begins[i] == i]
        spans = list(zip(starts, [*starts[1:], last], strict=True)) if starts else []
        if len(spans) > 1 and spans[-1][1] - spans[-1][0] < LEAST:
            spans[-2:] = [(spans[-2][0], spans[-1][1])]
        return spans

    def _clause_of(self, i: int, text: str) -> int:
        """First word of the clause that word `i`, reading `text`, belongs to."""
        if i == 0:
            return 0
        first = self.begins[-1]
        size = i - first
        ended = size >= LEAST and self.texts[-1].endswith(_ENDS)
        return i if ended or size >= MOST or (size >= LEAST and token(text) in _BEFORE) else first
