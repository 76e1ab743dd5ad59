"""Ledger: every loss, gap, crash and count of a session flows in; one auditable list of rows flows out.

The rule it lets a test check, for every edge: `offered == delivered + dropped + in_flight`; for audio: samples of the
microphone plus samples of recorded gaps == duration x rate; for video: every sequence number exactly once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry.

    Attributes:
        t_ns: session time at which it was written.
        kind: "drop", "gap", "alarm", "stage_crashed", "sink_off", "device_lost", "device_back", "adaptation", "note".
        where: the edge, stream or stage concerned.
        detail: numbers and a sentence, JSON-ready; never words or pictures of the person.
    """

    t_ns: int
    kind: str
    where: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EdgeCounts:
    """Totals of one edge, in packets; the four always balance."""

    offered: int
    delivered: int
    dropped: int
    in_flight: int

    @property
    def balances(self) -> bool:
        """Whether nothing went missing unseen."""
        return self.offered == self.delivered + self.dropped + self.in_flight


class Ledger:
    """Thread-safe list of `LedgerRow`s, handed on to a sink (a file) as they come."""

    def __init__(self, sink: Callable[[LedgerRow], None] | None = None) -> None:
        self._rows: list[LedgerRow] = []
        self._lock = threading.Lock()
        self._sink = sink

    def attach(self, sink: Callable[[LedgerRow], None]) -> None:
        """Send rows to `sink` from now on, those already written first."""
        with self._lock:
            for row in self._rows:
                sink(row)
            self._sink = sink

    def write(self, t_ns: int, kind: str, where: str, **detail: Any) -> None:
        """Add a row."""
        row = LedgerRow(t_ns, kind, where, detail)
        with self._lock:
            self._rows.append(row)
            if self._sink is not None:
                self._sink(row)

    def rows(self, kind: str | None = None, where: str | None = None) -> list[LedgerRow]:
        """A copy of the rows, optionally of one kind or place."""
        with self._lock:
            return [r for r in self._rows if kind in (None, r.kind) and where in (None, r.where)]

    def since(self, count: int) -> list[LedgerRow]:
        """The rows after the first `count`, so that a watcher reads each once."""
        with self._lock:
            return self._rows[count:]

    def as_dicts(self) -> list[dict[str, Any]]:
        """All rows, JSON-ready."""
        return [asdict(r) for r in self.rows()]
