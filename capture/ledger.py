"""Ledger: every loss, gap, crash and count of a session flows in; one auditable list of rows flows out.

The rule it lets a test check, for every edge: `offered == delivered + dropped + in_flight`; for audio: samples of the
microphone plus samples of recorded gaps == duration x rate; for video: every sequence number exactly once.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from heapq import merge
from operator import itemgetter
from typing import Any, Final

DROP: Final = "drop"
"""Kind of the row that says which packet an edge dropped."""
KEPT_DROPS: Final = 1000
"""Drops that stay in memory: half a minute of a camera whose every picture is dropped."""


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
    """Thread-safe list of `LedgerRow`s, handed on to a sink (a file) as they come.

    A camera that brings more than a model takes writes a dozen drops a second, for hours. So the newest `KEPT_DROPS` of
    them stay in memory; all are counted, and the sink has them all. Rows of every other kind stay.
    """

    def __init__(self, sink: Callable[[LedgerRow], None] | None = None) -> None:
        self._rows: list[tuple[int, LedgerRow]] = []  # with their numbers, to put them in order
        self._drops: deque[tuple[int, LedgerRow]] = deque(maxlen=KEPT_DROPS)
        self._entries: Counter[str] = Counter()
        self._count = 0
        self._lock = threading.Lock()
        self._sink = sink

    def attach(self, sink: Callable[[LedgerRow], None]) -> None:
        """Send rows to `sink` from now on, those already written first."""
        with self._lock:
            for row in self._kept(0):
                sink(row)
            self._sink = sink

    def write(self, t_ns: int, kind: str, where: str, **detail: Any) -> None:
        """Add a row."""
        row = LedgerRow(t_ns, kind, where, detail)
        with self._lock:
            (self._drops if kind == DROP else self._rows).append((self._count, row))
            self._count += 1
            self._entries[kind] += 1
            if self._sink is not None:
                self._sink(row)

    def rows(self, kind: str | None = None, where: str | None = None) -> list[LedgerRow]:
        """A copy of the rows that are kept, optionally of one kind or place."""
        with self._lock:
            return [r for r in self._kept(0) if kind in (None, r.kind) and where in (None, r.where)]

    def entries(self) -> dict[str, int]:
        """How many rows of each kind were written."""
        with self._lock:
            return dict(self._entries)

    def since(self, count: int) -> tuple[list[LedgerRow], int]:
        """What was written after the first `count` rows, and how many there are now: a watcher reads each once."""
        with self._lock:
            return self._kept(count), self._count

    def as_dicts(self) -> list[dict[str, Any]]:
        """The rows that are kept, JSON-ready."""
        return [asdict(r) for r in self.rows()]

    def _kept(self, first: int) -> list[LedgerRow]:
        rows = self._rows[bisect_left(self._rows, first, key=itemgetter(0)) :]
        drops = [entry for entry in self._drops if entry[0] >= first]
        return [row for _, row in merge(rows, drops, key=itemgetter(0))]
