"""Talk: the words of a turn so far flow in; probabilities of change, neutral and sustain talk flow out, shape (3,).

Change talk is speech that favours a change (desire, ability, reasons, need, commitment, steps taken), sustain talk
speech that favours staying as things are. The head is linear: words and word pairs are looked up in the tables of
`assets/talk.json`, which `ahdetect train talk` writes. A turn may be scored at any word; nothing looks ahead.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import AssetError

FILE: Final = "talk.json"

CLASSES: Final[tuple[str, ...]] = ("change", "neutral", "sustain")
"""Order of every vector of three."""

_SO: Final = r"(?:just |really |do |definitely |probably |still |actually |even |think i |guess i |know i )*"
"""What people put between the subject and the verb."""

MARKERS: Final[dict[str, str]] = {
    # change talk: commitment, desire, ability, need, steps taken, reasons (Miller and Rollnick, MI, 2013)
    "commitment": rf"\bi(?:'m| am) {_SO}(?:going to|gonna|planning|willing)"
    r"|\bi(?:'ll| will| plan| promise| intend)\b|\blet's\b",
    "desire": rf"\bi(?:'d| would)? {_SO}(?:want|wanna|wish|hope)\b|\bi(?:'d| would) {_SO}(?:like|love|prefer)\b",
    "ability": rf"\bi(?:'m)? {_SO}(?:can|could|might|able)\b(?!'| not)|\bbeen able\b",
    "need": rf"\bi(?:'ve| have)? {_SO}(?:need|have to|got to|gotta|must|should|ought)\b|\bneed to\b|\bsupposed to\b",
    "steps": rf"\bi(?:'ve| have) (?:been|already|tried|started|stopped|quit|cut|taken|gone|done|made)"
    rf"|\bi {_SO}(?:already |have )?(?:tried|started|stopped|quit|cut|went|signed|called|joined|decided|realized)\b",
    "problem": r"\bproblem|\bworr(?:y|ied)|\bscar(?:y|ed|es)|\bconcern|\bafraid|\bguilty|\bashamed|\bembarrass|\bregret"
    r"|\b(?:sick|tired) of\b|\bout of (?:control|hand)\b|\bbad for\b|\bnot (?:good|healthy)\b|\bhurt|\brisk|\bdangerous"
    r"|\blos(?:e|ing|t)\b",
    "benefit": r"\bbetter\b|\bhealth|\bbenefit|\bfeel good\b|\bsave\b|\bmoney\b|\blonger\b|\benergy\b|\bimprove"
    r"|\bhappier\b|\bproud\b|\bgoal|\bchange|\bdifferent|\bcontrol|\bgood for\b",
    "try": r"\btry\b|\btrying\b|\btried\b|\bstart\b",
    # sustain talk: the same, negated, and what is liked about things as they are
    "no_desire": r"(?:n't|\bdo not|\bnever|\bnot) (?:really |even |necessarily |particularly |think i )*"
    r"(?:want|wanna|like|wanting|interested|ready|care)\b",
    "no_ability": rf"\bi {_SO}(?:can't|cannot|couldn't|can not|don't think i can|don't know (?:if i can|how))"
    r"|\bnot able\b|\bnot sure i c(?:an|ould)\b|\btoo (?:hard|much|busy|tired|late|old)\b|\bhard to\b|\bno time\b"
    r"|\bimpossible\b|\bdon't have (?:the )?(?:time|money)\b",
    "no_need": r"(?:don't|do not|doesn't|didn't) (?:really |even |think i )*(?:need|have to|have a|see|think|feel)\b"
    r"|\bnot (?:a |that |really |too |like )*(?:problem|bad|big|deal|worried|addicted)\b"
    r"|\bno (?:reason|problem|big|need|point)\b|\bnothing wrong\b|\bdoesn't (?:bother|matter|affect|hurt)\b",
    "no_commitment": r"\bi'm (?:just )?not (?:going|gonna|doing|ready|sure)\b"
    r"|\bi (?:won't|wouldn't|will not)\b|\bnot gonna\b",
    "liking": rf"\bi {_SO}(?:like|love|enjoy) (?!to\b)\w+",
    "relief": r"\bhelps?\b|\brelax|\bfun\b|\bstress|\bcalm|\bcope\b|\benjoy|\bescape|\bsleep",
    "small": r"\bonly\b|\bjust (?:a|one|on)\b|\ba (?:few|couple)\b|\bonce in a while\b|\bnot that\b|\bevery now\b",
    "dismissal": r"\bfine\b|\bokay with\b|\bno big\b|\bwhat(?:'s| is) the\b|\bwhy\b|\bwhatever\b",
    # stance and frame
    "unsure": r"\bi don't know\b|\bdunno\b|\bnot sure\b|\bunsure\b|\bi guess\b",
    "perhaps": r"\bunless\b|\bat least\b|\bmaybe\b|\bprobably\b",
    "contrast": r"\bbut\b",
    "because": r"\bbecause\b|\bcause\b|\bcuz\b",
    "if": r"\bif\b|\bwould\b",
    "agreement": r"^(?:oh |well )?(?:yeah|yes|yep|right|exactly|sure|absolutely|definitely|true|okay|ok|of course|mm"
    r"|uh huh|totally|correct|that's (?:right|true))\b",
    "denial": r"^(?:oh |well )?(?:no|nope|not really|nah)\b",
    "well": r"^well\b",
    "just": r"\bjust\b",
    "others": r"\bthey\b|\bthem\b|\bs?he\b|\bpeople\b|\beveryone\b|\beverybody\b|\bmy friends\b",
    "you": r"\byou\b",
    "i": r"\bi\b",
    "my": r"\bmy\b",
    "past": r"\bused to\b|\bwas\b|\bwere\b|\bhad\b|\bdid\b",
    "thanks": r"\bthank|\bbye\b|\bnice to meet\b|\bappreciate",
    "opinion": r"\bi (?:think|feel)\b",
    "always": r"\balways\b|\bnever\b|\bevery\b",
}
"""Patterns over the words of a turn joined by blanks: the kinds of change talk and sustain talk, written by hand."""

_PATTERNS: Final = tuple(re.compile(pattern) for pattern in MARKERS.values())
_MOST_OF_A_MARKER: Final = 2

N_SHAPE: Final = 4
"""Length of `shape`."""

N_CUES: Final = N_SHAPE + len(MARKERS)
"""Length of `cues`."""

TABLES: Final = 2
"""Tables of term weights: one fitted to the terms themselves, one tied to what the terms mean."""

DECAYS: Final[tuple[float, ...]] = (0.0, 0.5, 0.8, 0.95)
"""How much of the weight of an earlier turn each later turn leaves; 0 keeps the last turn only."""

_WORD = re.compile(r"[a-z0-9']+|\?")
_NOTE = re.compile(r"\[[^\]]*\]")
_FILLERS: Final = frozenset({"um", "umm", "uh", "uhm", "er", "erm", "hmm"})
"""Left out: recognisers keep some and lose some, and a score should not depend on that."""

Scores = NDArray[np.float64]


def tokens(text: str | Sequence[str]) -> list[str]:
    """The words as the tables have them.

    Lower case, split at hyphens, numbers as "0", question marks kept; without fillers, without notes in square brackets
    and without immediate repetitions, which recognisers keep or lose as it happens.
    """
    plain = text if isinstance(text, str) else " ".join(text)
    kept: list[str] = []
    for found in _WORD.findall(_NOTE.sub(" ", plain.lower().replace("’", "'"))):
        word = found.strip("'")
        word = "0" if word.isdigit() else word
        if word and word not in _FILLERS and (not kept or kept[-1] != word):
            kept.append(word)
    return kept


def terms(words: Sequence[str]) -> list[str]:
    """Words and pairs of neighbouring words, as often as they occur."""
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


def shape(words: Sequence[str]) -> Scores:
    """Log of the number of words, at most two words, at most five words, a question; shape (4,)."""
    n = sum(word != "?" for word in words)
    return np.array([np.log1p(n), n <= 2, n <= 5, "?" in words], dtype=np.float64)


def cues(words: Sequence[str]) -> Scores:
    """`shape`, then how often each of `MARKERS` occurs, at most twice; shape (N_CUES,)."""
    text = " ".join(words)
    found = [min(sum(1 for _ in pattern.finditer(text)), _MOST_OF_A_MARKER) for pattern in _PATTERNS]
    return np.concatenate([shape(words), np.array(found, dtype=np.float64)])


@dataclass(frozen=True, slots=True)
class Head:
    """A linear layer and its softmax.

    Attributes:
        weights: shape (3, number of inputs).
        bias: shape (3,).
        offsets: added to log-probabilities before the largest is taken, shape (3,); tuned for macro-F1.
    """

    weights: Scores
    bias: Scores
    offsets: Scores

    def __call__(self, inputs: Scores) -> Scores:
        """Probabilities, shape (3,), of inputs of shape (n,)."""
        return softmax(self.weights @ inputs + self.bias)

    def label(self, probabilities: Scores) -> int:
        """Index into `CLASSES`: the decision behind the figures of the model card."""
        return int(np.argmax(np.log(probabilities) + self.offsets))


def softmax(x: Scores) -> Scores:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class TalkModel:
    """Weights of the talk head.

    Attributes:
        index: term to row of `idf` and `table`.
        idf: inverse document frequency of each term, shape (n,).
        table: weights of each term in both tables, shape (n, TABLES * 3).
        cue_weights: weights of `cues`, shape (TABLES * 3, N_CUES).
        bias: shape (TABLES * 3,).
        alone: head that knows this turn only.
        after: head that knows the speaker's earlier turns too.
    """

    index: Mapping[str, int]
    idf: Scores
    table: Scores
    cue_weights: Scores
    bias: Scores
    alone: Head
    after: Head

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> TalkModel:
        """The weights that ship with the package, read once.

        Raises:
            AssetError: they are missing or damaged.
        """
        try:
            return TalkModel.from_dict(json.loads(files("ahdetect.assets").joinpath(FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"The weights {FILE} are missing or damaged ({error}); install ahdetect again."
            raise AssetError(message, value=FILE) from error

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> TalkModel:
        """The model that `to_dict` wrote.

        Raises:
            ValueError: sizes do not fit together.
            KeyError: a part is missing.
        """
        n, k = len(raw["terms"]), 3 * TABLES
        return TalkModel(
            {term: i for i, term in enumerate(raw["terms"])},
            _array(raw["idf"], (n,)),
            _array(raw["table"], (n, k)) * _array(raw["table_scale"], (k,)),
            _array(raw["cue_weights"], (k, N_CUES)),
            _array(raw["bias"], (k,)),
            _head(raw["alone"], k + N_SHAPE),
            _head(raw["after"], k * (1 + len(DECAYS)) + N_SHAPE),
        )

    def to_dict(self) -> dict[str, Any]:
        """The model as plain values; term weights as whole numbers from -127 to 127 and a scale per column."""
        scale = np.maximum(np.abs(self.table).max(axis=0, initial=0.0), 1e-12) / 127
        return {
            "classes": list(CLASSES),
            "terms": list(self.index),
            "idf": np.round(self.idf, 2).tolist(),
            "table": np.rint(self.table / scale).astype(int).tolist(),
            "table_scale": scale.tolist(),
            "cue_weights": np.round(self.cue_weights, 5).tolist(),
            "bias": np.round(self.bias, 5).tolist(),
            "alone": {k: np.round(getattr(self.alone, k), 5).tolist() for k in Head.__slots__},
            "after": {k: np.round(getattr(self.after, k), 5).tolist() for k in Head.__slots__},
        }

    def emission(self, words: Sequence[str]) -> Scores:
        """Log-odds of the classes by each table, centred, of words from `tokens`; shape (TABLES * 3,)."""
        counts = Counter(i for term in terms(words) if (i := self.index.get(term)) is not None)
        total = self.cue_weights @ cues(words) + self.bias
        if counts:
            rows = np.fromiter(counts, dtype=np.intp, count=len(counts))
            weight = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))) * self.idf[rows]
            total = total + (weight / np.linalg.norm(weight)) @ self.table[rows]
        by_table = total.reshape(TABLES, 3)
        return np.asarray(by_table - by_table.mean(axis=1, keepdims=True), dtype=np.float64).ravel()

    def scores(self, text: str | Sequence[str]) -> Scores:
        """Probabilities of change, neutral and sustain talk of a turn so far, taken alone; shape (3,)."""
        words = tokens(text)
        return self.alone(np.concatenate([self.emission(words), shape(words)]))

    def label(self, text: str | Sequence[str]) -> str:
        """Name of the class, taken alone."""
        return CLASSES[self.alone.label(self.scores(text))]


class TalkStream:
    """Turns of one speaker in order: scores that know what the speaker said before.

    Args:
        model: shared weights.
    """

    def __init__(self, model: TalkModel | None = None) -> None:
        self._model = model or TalkModel.load()
        self._memory = Memory()

    def scores(self, text: str | Sequence[str]) -> Scores:
        """Probabilities of change, neutral and sustain talk of the turn so far, shape (3,)."""
        words = tokens(text)
        emission = self._model.emission(words)
        return self._model.after(np.concatenate([emission, self._memory.read(), shape(words)]))

    def end_turn(self, text: str | Sequence[str]) -> None:
        """The turn is over: later turns will know of it."""
        self._memory.add(self._model.emission(tokens(text)))

    def label(self, probabilities: Scores) -> str:
        """Name of the class of probabilities that `scores` gave."""
        return CLASSES[self._model.after.label(probabilities)]


class Memory:
    """Fading means of the emissions of earlier turns, one for each of `DECAYS`; all zero before the first.

    Args:
        width: length of one emission.
    """

    def __init__(self, width: int = 3 * TABLES) -> None:
        self._sums = np.zeros((len(DECAYS), width))
        self._weights = np.zeros(len(DECAYS))

    def read(self) -> Scores:
        """The means, shape (len(DECAYS) * width,); drawn to zero while few turns are known."""
        prior = np.array([0.0 if decay == 0 else 1.0 for decay in DECAYS])
        return np.asarray(self._sums / np.maximum(self._weights + prior, 1e-9)[:, None], dtype=np.float64).ravel()

    def add(self, emission: Scores) -> None:
        """Take in the emission, shape (width,), of a turn that is over."""
        decay = np.array(DECAYS)
        self._sums = self._sums * decay[:, None] + emission
        self._weights = self._weights * decay + 1


def _array(values: object, expected: tuple[int, ...]) -> Scores:
    array = np.array(values, dtype=np.float64)
    if array.shape != expected or not np.isfinite(array).all():
        raise ValueError(f"an array of {array.shape} where {expected} is due")
    return array


def _head(raw: Mapping[str, Any], n: int) -> Head:
    return Head(_array(raw["weights"], (3, n)), _array(raw["bias"], (3,)), _array(raw["offsets"], (3,)))
