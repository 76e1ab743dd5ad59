"""Events: rows of a session flow in; onsets and offsets of elevated segments flow out, live or of a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ahdetect.models.lexicon import LONGEST, spoken, token
from ahdetect.models.words import Word
from ahdetect.timeline import NS_PER_S, Row, Segment

ONSET_P: Final = 0.5
"""A segment begins where the estimate reaches this: the fixed threshold of AVGF1 in the BAH papers."""

OFFSET_P: Final = 0.35
"""It ends where the estimate falls below this, so that a wavering estimate makes one segment (hysteresis)."""

MIN_SEGMENT_S: Final = 1.0
"""Shorter ones are left out; nine of ten A/H segments in BAH last 2.0 s or longer."""

QUOTED: Final = 3
"""Words that an explanation quotes per marker."""

MERGE_GAP_S: Final = 1.0
"""Segments closer than this are one."""

TRIGGER: Final = "trigger"
"""Kind of the event that a user's rule made (`ahdetect.triggers`)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment of a session.

    Attributes:
        t_ns: session time.
        kind: "segment_onset", "segment_offset", "prompt", "marker", "device_lost", "device_back", "stage_crashed",
            "adaptation", "plugin_cues", "plugin_failed", "trigger".
        detail: numbers and a sentence, JSON-ready.
    """

    t_ns: int
    kind: str
    detail: dict[str, object]


def trigger_text(event: Mapping[str, object]) -> str:
    """What a stored trigger says, in words: `hesitates onset: p 0.71 [0.55, 0.84], coverage 80 %, a 'but'`."""
    head = " ".join(str(event[key]) for key in ("rule", "moment") if event.get(key))
    p, low, high, coverage = (event.get(key) for key in ("p", "low", "high", "coverage"))
    said = [f"p {_number(p)} [{_number(low)}, {_number(high)}]"] if p is not None else []
    if isinstance(coverage, int | float):
        said.append(f"coverage {coverage:.0%}".replace("%", " %"))
    cues = event.get("cues")
    said += [str(cue["phrase"]) for cue in (cues if isinstance(cues, list) else ()) if _has_phrase(cue)]
    return ": ".join(filter(None, (head, ", ".join(said))))


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "?"


def _has_phrase(cue: object) -> bool:
    return isinstance(cue, Mapping) and bool(cue.get("phrase"))


class SegmentWatcher:
    """Onsets and offsets as rows settle; nothing looks ahead."""

    def __init__(self) -> None:
        self._since_ns: int | None = None

    def step(self, row: Row) -> Event | None:
        """The event that `row` causes, if any."""
        if self._since_ns is None and row.p >= ONSET_P:
            self._since_ns = row.t_ns
            return Event(row.t_ns, "segment_onset", {"p": round(row.p, 4), "cues": [c.phrase for c in row.top]})
        if self._since_ns is not None and row.p < OFFSET_P:
            length_s = (row.t_ns - self._since_ns) / NS_PER_S
            self._since_ns = None
            return Event(row.t_ns, "segment_offset", {"p": round(row.p, 4), "length_s": round(length_s, 3)})
        return None


def find_segments(rows: Sequence[Row], p: Sequence[float], words: Sequence[Word]) -> list[Segment]:
    """Stretches in which `p` is elevated.

    Args:
        rows: settled rows, in order.
        p: the estimate to use per row, same length (smoothed, for a closed recording).
        words: settled words, in order.

    Returns:
        Segments in order, each with its most frequent top cues and its words.
    """
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for i, value in enumerate(p):
        if start is None and value >= ONSET_P:
            start = i
        elif start is not None and value < OFFSET_P:
            spans.append((start, i - 1))
            start = None
    if start is not None:
        spans.append((start, len(p) - 1))
    merged: list[tuple[int, int]] = []
    for a, b in spans:
        if merged and (rows[a].t_ns - rows[merged[-1][1]].t_ns) / NS_PER_S < MERGE_GAP_S:
            merged[-1] = (merged[-1][0], b)
        else:
            merged.append((a, b))
    return [
        _segment(rows[a : b + 1], p[a : b + 1], words)
        for a, b in merged
        if (rows[b].t_ns - rows[a].t_ns) / NS_PER_S >= MIN_SEGMENT_S
    ]


def _segment(rows: Sequence[Row], p: Sequence[float], words: Sequence[Word]) -> Segment:
    start, end = rows[0].t_ns, rows[-1].t_ns
    named: Counter[str] = Counter()
    phrases: dict[str, str] = {}
    for row in rows:
        for cue in row.top:
            named[cue.name] += cue.log_odds  # type: ignore[assignment]  # Counter adds floats as well
            phrases[cue.name] = cue.phrase
    within = [w for w in words if start <= (w.start_ns + w.end_ns) // 2 <= end]
    heard = _heard(within)
    said = tuple(
        f"{phrases[name]} ({', '.join(heard[name])})" if name in heard else phrases[name]
        for name, _ in named.most_common(4)
    )
    text = " ".join(w.text for w in within)
    return Segment(start, end, float(max(p)), float(sum(p) / len(p)), said, text)


def _heard(words: Sequence[Word]) -> dict[str, list[str]]:
    """By the name of its cue, what was said of each marker: at most `QUOTED` different phrases, in order."""
    tokens, heard = [token(w.text) for w in words], dict[str, list[str]]()
    for i in range(1, len(tokens) + 1):
        for marker, phrase in spoken(tokens[max(0, i - LONGEST) : i]).items():
            said = heard.setdefault(f"language_{marker}", [])
            if phrase not in said and len(said) < QUOTED:
                said.append(phrase)
    return heard
