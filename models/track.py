"""Track: one channel's features flow in, in order of time; whoever fuses reads them back by time, up to a watermark.

Below its watermark everything about a track is settled: a value, or known to be absent. A dropped frame, "no face" and
silence move the watermark too, so that nobody waits for what will never come.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """Anything with a time on it."""

    @property
    def t_ns(self) -> int:
        """Session time, ns."""
        ...


F = TypeVar("F", bound=Timed)


class Track(Generic[F]):
    """Append-only features of one channel, thread-safe.

    Args:
        name: the channel.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._times: deque[int] = deque()
        self._items: deque[F] = deque()
        self._watermark_ns = -1
        self._changed = threading.Condition()

    @property
    def watermark_ns(self) -> int:
        """Everything at or before this time is settled; -1 before the first feature."""
        with self._changed:
            return self._watermark_ns

    def append(self, item: F, watermark_ns: int | None = None) -> None:
        """Add a feature at the end and move the watermark to its time, or to `watermark_ns` where given."""
        with self._changed:
            if self._times and item.t_ns < self._times[-1]:
                raise ValueError(f"track {self.name}: {item.t_ns} comes after {self._times[-1]}")
            self._times.append(item.t_ns)
            self._items.append(item)
            self._move(item.t_ns if watermark_ns is None else watermark_ns)
            self._changed.notify_all()

    def advance(self, watermark_ns: int) -> None:
        """Say that up to `watermark_ns` nothing more will come."""
        with self._changed:
            self._move(watermark_ns)
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing more will come at all."""
        self.advance(1 << 62)

    def wait_for(self, watermark_ns: int, timeout: float) -> bool:
        """Wait until the watermark reaches `watermark_ns`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._watermark_ns >= watermark_ns, timeout)

    def latest(self, t_ns: int) -> F | None:
        """The newest feature at or before `t_ns`."""
        with self._changed:
            at = bisect_right(self._times, t_ns)
            return self._items[at - 1] if at else None

    def between(self, start_ns: int, end_ns: int) -> list[F]:
        """Features with start_ns <= t_ns < end_ns."""
        with self._changed:
            lo, hi = bisect_left(self._times, start_ns), bisect_left(self._times, end_ns)
            return [self._items[i] for i in range(lo, hi)]

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def forget_before(self, t_ns: int) -> None:
        """Let go of what nobody will read again: everything older than the newest feature at or before `t_ns`."""
        with self._changed:
            while len(self._times) > 1 and self._times[1] <= t_ns:
                self._times.popleft()
                self._items.popleft()

    def _move(self, watermark_ns: int) -> None:
        self._watermark_ns = max(self._watermark_ns, watermark_ns)
