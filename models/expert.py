"""Language expert: the counts of an answer flow in; a log-likelihood ratio, its parts and its clauses flow out.

The weights were trained on real A/H labels of whole answers (`models/training/language.py`, model card
`assets/cards/language.md`). The model is additive:

    llr = bias + length + mixed valence + sum over markers of  w log(1 + count)

so every word has an exact share: the j-th hedge of an answer adds w (log(1 + j) - log j). The sum of the shares of its
words is a clause's score, which makes the model a multiple-instance one: trained on bags (answers), read by
instances (clauses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import erfc, exp, log, log1p, pi, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect import strict_json
from ahdetect.errors import AssetError
from ahdetect.models.clauses import Valence, WordLog
from ahdetect.models.lexicon import MARKERS

FILE: Final = "language.json"
SCHEMA: Final = 1

COVERAGE: Final = 0.316
"""Share of an A/H video that its A/H segments cover (BAH)."""


FADE_S: Final = 4.25
"""Seconds in which a marker's count fades to 1/e: the mean length of an A/H segment (BAH)."""

ANSWER_S: Final = 21.0
"""Seconds in which what was said fades to 1/e as evidence about the answer: the median answer of BAH is 47 words at 2.2
words per second. In a long talk without marked prompts, older words belong to other answers."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of an answer and what its words add.

    Attributes:
        start: index of its first word.
        end: index after its last word.
        text: as said.
        score: nats that its words add to the answer's log-likelihood ratio, whatever comes later.
    """

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """What an answer says.

    Attributes:
        p_ah: probability of A/H in the answer.
        log_likelihood_ratio: nats for A/H, prompt-blind: what the words say, without any prior.
        markers: per marker that occurs, its count and what it adds, nats.
        length: what the number of words adds, nats.
        mixed: what the mixture of positive and negative words adds, nats.
        clauses: in order; they cover all words.
    """

    p_ah: float
    log_likelihood_ratio: float
    markers: dict[str, tuple[int, float]]
    length: float
    mixed: float
    clauses: list[Clause]


@dataclass(frozen=True, slots=True)
class Standardised:
    """A continuous feature.

    Attributes:
        weight: nats per standard deviation.
        error: standard error of `weight` (bootstrap over people).
        mean: over training answers.
        sd: over training answers.
    """

    weight: float
    error: float
    mean: float
    sd: float

    def __call__(self, value: float) -> float:
        """Nats that `value` adds."""
        return self.weight * (value - self.mean) / self.sd


@dataclass(frozen=True, slots=True)
class Weights:
    """What was trained; `assets/language.json`.

    Attributes:
        markers: nats per log(1 + count), shape (len(MARKERS),); 0 where a marker was not kept.
        errors: their standard errors (bootstrap over people).
        shares: share of plain answers that have the marker.
        rates: mean count per word.
        length: of log(1 + words), beside the markers.
        length_alone: of log(1 + words) without the markers: what length says before the words are known.
        mixed: of `WordLog.mixed`.
        bias: makes the sum a log-likelihood ratio against `base_rate`.
        base_rate: share of A/H among the training answers.
        prompt_rates: share of A/H by kind of prompt.
        prompt_scale: what a nat is worth where the kind of prompt is known, and
        prompt_bias: what is added then.
        about: data, seed, command, figures.
    """

    markers: NDArray[np.float64]
    errors: NDArray[np.float64]
    shares: NDArray[np.float64]
    rates: NDArray[np.float64]
    length: Standardised
    length_alone: Standardised
    mixed: Standardised
    bias: float
    base_rate: float
    prompt_rates: dict[str, float]
    prompt_scale: float
    prompt_bias: float
    about: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        columns = zip(MARKERS, self.markers, self.errors, self.shares, self.rates, strict=True)
        return {
            "schema": SCHEMA,
            "about": self.about,
            "markers": {
                name: {
                    "weight": round(float(w), 5), "error": round(float(e), 5),
                    "share": round(float(s), 5), "rate": round(float(r), 6),
                }
                for name, w, e, s, r in columns
            },
            **{
                name: {k: round(float(getattr(part, k)), 6) for k in ("weight", "error", "mean", "sd")}
                for name, part in (("length", self.length), ("length_alone", self.length_alone), ("mixed", self.mixed))
            },
            "bias": round(self.bias, 6),
            "base_rate": round(self.base_rate, 6),
            "prompt": {
                "scale": round(self.prompt_scale, 6), "bias": round(self.prompt_bias, 6),
                "rates": {k: round(v, 5) for k, v in self.prompt_rates.items()},
            },
        }  # fmt: skip

    @staticmethod
    def from_json(raw: dict[str, Any]) -> Weights:
        """From the file's content.

        Raises:
            KeyError, TypeError, ValueError: it is not of this schema, or of other markers.
        """
        if raw["schema"] != SCHEMA:
            raise ValueError(f"schema {raw['schema']}, expected {SCHEMA}")
        if set(raw["markers"]) != set(MARKERS):
            raise ValueError("its markers are not those of the lexicon")

        def column(key: str) -> NDArray[np.float64]:
            return np.array([float(raw["markers"][m][key]) for m in MARKERS])

        return Weights._checked(
            column("weight"),
            column("error"),
            column("share"),
            column("rate"),
            *(Standardised(**{k: float(v) for k, v in raw[p].items()}) for p in ("length", "length_alone", "mixed")),
            float(raw["bias"]),
            float(raw["base_rate"]),
            {k: float(v) for k, v in raw["prompt"]["rates"].items()},
            float(raw["prompt"]["scale"]),
            float(raw["prompt"]["bias"]),
            dict(raw["about"]),
        )

    @staticmethod
    def _checked(*parts: Any) -> Weights:
        """The weights of these parts where they can be reckoned with; a ValueError where not."""
        w = Weights(*parts)
        sizes = [getattr(part, k) for part in (w.length, w.length_alone, w.mixed) for k in ("weight", "error", "mean")]
        columns = np.concatenate([w.markers, w.errors, w.shares, w.rates, sizes])
        if not np.isfinite([*columns, w.bias, w.prompt_scale, w.prompt_bias]).all():
            raise ValueError("a number in it is not finite")
        if not all(0 < rate < 1 for rate in (w.base_rate, *w.prompt_rates.values())):
            raise ValueError("a rate in it is not between 0 and 1")
        if not all(0 < part.sd < float("inf") for part in (w.length, w.length_alone, w.mixed)):
            raise ValueError("a standard deviation in it is not above 0")
        return w


def load_weights(path: Path | None = None) -> Weights:
    """The weights in `path`, by default those that ship.

    Raises:
        AssetError: the file is missing, damaged, or was trained for other markers.
    """
    try:
        text = (
            files("ahdetect.assets").joinpath(FILE).read_text(encoding="utf-8")
            if path is None
            else path.read_text(encoding="utf-8")
        )
        return Weights.from_json(strict_json.loads(text))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise AssetError(
            f"The language weights {path or FILE} cannot be used ({error}); train them anew with "
            "`ahdetect train language` or install ahdetect again.",
            value=path or FILE,
        ) from error


@lru_cache(maxsize=1)
def shipped() -> Weights:
    """The weights that ship, read once."""
    return load_weights()


class LanguageExpert:
    """Scores answers.

    Args:
        weights: by default those that ship.
        valence: shared lexicon.

    Example:
        >>> from ahdetect.models.expert import LanguageExpert
        >>> score = LanguageExpert().score("I want to stop, but maybe not yet, I don't know.")
        >>> round(score.p_ah, 2), [(c.text, round(c.score, 2)) for c in score.clauses]
    """

    def __init__(self, weights: Weights | None = None, valence: Valence | None = None) -> None:
        self.weights = weights or shipped()
        self.valence = valence or Valence()

    def score(self, answer: str | Sequence[str], prompt_kind: str | None = None) -> AnswerScore:
        """Score a whole answer.

        Args:
            answer: its text, or its words.
            prompt_kind: what the person was asked, as a prior; None for prompt-blind.

        Raises:
            ValueError: the kind of prompt is not known.
        """
        words = answer.split() if isinstance(answer, str) else list(answer)
        log_ = WordLog(self.valence)
        log_.extend(words)
        n = len(log_)
        w = self.weights
        counts = log_.counts[-1]
        adds = w.markers * np.log1p(counts)
        length, mixed = w.length(log1p(n)), w.mixed(log_.mixed(0, n))
        llr = w.bias + length + mixed + float(adds.sum())
        return AnswerScore(
            self.probability(llr, prompt_kind),
            llr,
            {m: (int(c), float(a)) for m, c, a in zip(MARKERS, counts, adds, strict=True) if c},
            length,
            mixed,
            [self.clause(log_, 0, a, b) for a, b in log_.clauses(0, n)],
        )

    def probability(self, llr: float, prompt_kind: str | None = None) -> float:
        """Probability of A/H in the answer: the log-likelihood ratio on top of the prior."""
        w = self.weights
        if prompt_kind is None:
            return _sigmoid(llr + _logit(w.base_rate))
        if prompt_kind not in w.prompt_rates:
            raise ValueError(f"kind of prompt {prompt_kind!r} is none of {', '.join(w.prompt_rates)}")
        return _sigmoid(w.prompt_bias + w.prompt_scale * llr + _logit(w.prompt_rates[prompt_kind]))

    def clause(self, log_: WordLog, answer: int, first: int, last: int) -> Clause:
        """The clause of words `first` up to `last` in an answer that began at word `answer`."""
        w = self.weights
        before, after = (np.log1p(log_.counts[i] - log_.counts[answer]) for i in (first, last))
        turned = (log_.mixed(answer, last) - (log_.mixed(answer, first) if first > answer else 0.0)) / w.mixed.sd
        score = float((w.markers * (after - before)).sum()) + w.mixed.weight * turned
        return Clause(first, last, " ".join(log_.texts[first:last]), score)

    def so_far(self, counts: NDArray[np.float64], words: float, mixed: float, length: int | None = None) -> float:
        """What the answer so far says beyond its last seconds, as evidence about one moment, nats.

        Markers are compared with how many are usual in as many words. An answer in which A/H is likely makes A/H
        likelier at each of its moments, by at most its coverage: logit(c p) - logit(c p0).

        Args:
            counts: markers that no longer count by themselves, older ones less (`ANSWER_S`), (len(MARKERS),).
            words: likewise.
            mixed: `WordLog.mixed` of the answer so far.
            length: all words so far: llr = w E[z | z >= z so far], so a short beginning says nothing. None where
                the length says nothing.
        """
        w = self.weights
        content = float((w.markers * (np.log1p(counts) - np.log1p(w.rates * words))).sum()) + w.mixed(mixed)
        if length is not None:
            z = min(max((log1p(length) - w.length_alone.mean) / w.length_alone.sd, -4.0), 2.0)
            content += w.length_alone.weight * exp(-0.5 * z * z) / sqrt(2.0 * pi) / (0.5 * erfc(z / sqrt(2.0)))
        base = _logit(w.base_rate)
        return _logit(COVERAGE * _sigmoid(base + content)) - _logit(COVERAGE * w.base_rate)


def _logit(p: float) -> float:
    return log(p) - log1p(-p)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))
