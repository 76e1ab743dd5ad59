"""Entries: words and segments flow in; lines of `words.jsonl` and `events.jsonl` flow out. And back, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ahdetect.models.words import Word
from ahdetect.timeline import Segment

SEGMENT: Final = "segment"
"""Kind of the event that holds a finished `Segment`."""

LONGEST_NS: Final = 2**62
"""No time of a session is beyond it: 146 years."""


class _Line(BaseModel):
    """What a line has to have; it may have more."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


TimeNs = Annotated[int, Field(ge=-LONGEST_NS, le=LONGEST_NS)]
Share = Annotated[float, Field(ge=0, le=1)]


class _WordLine(_Line):
    text: str
    start_ns: TimeNs
    end_ns: TimeNs
    confidence: Share
    utterance: int


class _EventLine(_Line):
    t_ns: TimeNs
    kind: str


class _SegmentLine(_EventLine):
    end_ns: TimeNs
    peak_p: Share | None
    mean_p: Share | None
    phrases: list[str]
    words: str


_L = TypeVar("_L", bound=_Line)


def word_entry(word: Word) -> dict[str, Any]:
    """A word as it stands in `words.jsonl`."""
    return {
        "text": word.text,
        "start_ns": word.start_ns,
        "end_ns": word.end_ns,
        "confidence": round(word.confidence, 4),
        "utterance": word.utterance,
    }


def word_of(entry: Mapping[str, Any]) -> Word:
    """A settled word from its line in `words.jsonl`.

    Raises:
        ValueError: the line is none of a word.
    """
    line = _checked(_WordLine, entry)
    return Word(line.text, line.start_ns, line.end_ns, line.confidence, True, line.utterance)


def segment_entry(segment: Segment) -> dict[str, Any]:
    """A finished segment as it stands in `events.jsonl`."""
    return {
        "t_ns": segment.start_ns,
        "kind": SEGMENT,
        "end_ns": segment.end_ns,
        "peak_p": segment.peak_p,
        "mean_p": segment.mean_p,
        "phrases": list(segment.phrases),
        "words": segment.words,
    }


def segment_of(entry: Mapping[str, Any]) -> Segment:
    """A segment from its line in `events.jsonl`.

    Raises:
        ValueError: the line is none of a segment.
    """
    line = _checked(_SegmentLine, entry)
    peak, mean = (float("nan") if p is None else p for p in (line.peak_p, line.mean_p))  # NaN is stored as null
    return Segment(line.t_ns, line.end_ns, peak, mean, tuple(line.phrases), line.words)


def event_of(entry: dict[str, Any]) -> dict[str, Any]:
    """A line of `events.jsonl` as it is, once it is sure that it has a time and a kind, and a segment all of its own.

    Raises:
        ValueError: it has not.
    """
    _checked(_SegmentLine if entry.get("kind") == SEGMENT else _EventLine, entry)
    return entry


def number_in(info: object, key: str) -> float | None:
    """A number that an object of a manifest holds; None where there is none, or something else."""
    value = info.get(key) if isinstance(info, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LONGEST_NS:
        return None
    return float(value)


def _checked(kind: type[_L], entry: Mapping[str, Any]) -> _L:
    try:
        return kind.model_validate(entry)
    except ValidationError as error:  # a ValueError as well, whose text holds the person's own words
        raise ValueError("it is no such line") from error
