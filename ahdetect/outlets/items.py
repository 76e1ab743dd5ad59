"""Items: what an outlet is given, and what of it may leave; rows, trigger events, words and events flow through.

No item holds words or media unless the outlet asked for words; media never leave by an outlet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any, Final, Protocol, TypeAlias

from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.events import Event
from ahdetect.models.words import Word
from ahdetect.rules import RowKind
from ahdetect.timeline import Row
from ahdetect.triggers import TriggerEvent


class Kind(Enum):
    """What an outlet may ask for."""

    TRIGGERS = "triggers"
    ROWS = "rows"
    EVENTS = "events"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Said:
    """Settled words.

    Attributes:
        words: in order.
    """

    words: tuple[Word, ...]


Content: TypeAlias = Row | TriggerEvent | Event | Said


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to send.

    Attributes:
        kind: what it is.
        t_ns: when it happened, session clock.
        said_ns: when it was known, session clock.
        content: the thing itself.
    """

    kind: Kind
    t_ns: int
    said_ns: int
    content: Content

    def to_json(self, *, words: bool = False) -> dict[str, Any]:
        """Plain values.

        Args:
            words: whether what was said, asked and noted may be in it.
        """
        return {
            "kind": self.kind.value.removesuffix("s") if self.kind is not Kind.WORDS else "words",
            "t_s": round(self.t_ns / NS_PER_S, 4),
            "delay_s": round((self.said_ns - self.t_ns) / NS_PER_S, 4),
            **_plain(self.content, words),
        }


class Outlet(Protocol):
    """Where items go. One thread opens it, sends and closes it.

    Attributes:
        name: as it stands in the ledger.
        wants: which items it is given.
        rows: which rows, where it wants rows: settled ones, or of each row what is known first.
    """

    name: str
    wants: frozenset[Kind]
    rows: RowKind

    def open(self, clock: Clock) -> None:
        """Get ready; `clock` is that of the session.

        Raises:
            AhdetectError: it cannot be had; the outlet is switched off.
        """
        ...

    def send(self, item: Item) -> None:
        """Send one item; whatever it raises counts as a failure, and so many in a row switch the outlet off."""
        ...

    def stop(self) -> None:
        """Wait for nothing any more; called from another thread when the session has ended."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


_OF_EVENT: Final = {
    "segment_onset": ("p", "cues"),
    "segment_offset": ("p", "length_s"),
    "prompt": ("kind_of_prompt",),
    "marker": (),
    "paused": (),
    "resumed": (),
    "device_lost": (),
    "device_back": (),
    "stage_crashed": ("stage",),
    "adaptation": ("accepted",),
    "plugin_cues": ("plugin", "cues"),
    "plugin_failed": (),
}
"""What of an event's detail may leave: no names of devices, no text of an error, which may hold a path."""

_IN_WORDS: Final = {"prompt": ("text",), "marker": ("note",)}
"""What of it is in words of a person."""


def _plain(content: Content, words: bool) -> dict[str, Any]:
    if isinstance(content, Row):
        return row_to_json(content)
    if isinstance(content, TriggerEvent):
        return content.to_json()
    if isinstance(content, Said):
        return {"words": [_word(w) for w in content.words]} if words else {"count": len(content.words)}
    keys = (*_OF_EVENT.get(content.kind, ()), *(_IN_WORDS.get(content.kind, ()) if words else ()))
    return {"event": content.kind, **{key: _finite(content.detail[key]) for key in keys if key in content.detail}}


def _finite(value: Any) -> Any:
    """The same without NaN, which JSON does not have; a plug-in may have measured it."""
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def row_to_json(row: Row) -> dict[str, Any]:
    """A row in plain values, without the vectors of its cues."""
    return {
        "id": row.id,
        "settled": row.settled,
        "p": round(row.p, 4),
        "low": round(row.low, 4),
        "high": round(row.high, 4),
        "band": row.band.value,
        "contributions": {c.value: round(v, 4) for c, v in row.contributions.items()},
        "channels": {
            c.value: s.presence.value if not s.reason else f"{s.presence.value}: {s.reason}"
            for c, s in row.states.items()
        },
        "cues": [{"name": c.name, "log_odds": round(c.log_odds, 3), "phrase": c.phrase} for c in row.top],
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start_s": round(word.start_ns / NS_PER_S, 3),
        "end_s": round(word.end_ns / NS_PER_S, 3),
        "confidence": round(word.confidence, 3),
    }
