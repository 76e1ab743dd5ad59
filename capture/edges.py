"""Edges: packets of one producer flow in, packets for one consumer flow out, under a named delivery policy.

An edge counts everything. What it cannot hold it drops by its policy, and every drop is a ledger row with the
sequence number, so that nothing disappears unseen.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.ledger import EdgeCounts, Ledger
from ahdetect.capture.packets import Packet

T = TypeVar("T")


class Overflow(Enum):
    """What an edge does when its limit is reached."""

    DROP_OLDEST = "drop the oldest"
    DROP_NEWEST = "drop the newest"
    BLOCK = "make the producer wait"
    ALARM = "keep everything and say so"


@dataclass(frozen=True, slots=True)
class Policy:
    """A delivery policy.

    Attributes:
        name: as it stands in session files.
        overflow: what happens at the limit.
        depth: limit in packets, or None.
        span_s: limit in seconds of stream time between oldest and newest packet, or None.
    """

    name: str
    overflow: Overflow
    depth: int | None = None
    span_s: float | None = None


LATEST_ONLY = Policy("latest only", Overflow.DROP_OLDEST, depth=1)
"""Camera to face: a frame that nobody had time for is worth nothing once a newer one is there."""

LOSSLESS = Policy("lossless", Overflow.ALARM, span_s=2.0)
"""Microphone to recorder, voice and transcription: nothing is ever dropped; over 2 s behind it says so."""

RECORDER = Policy("bounded 3 s", Overflow.DROP_NEWEST, span_s=3.0)
"""Camera to recorder: a slow disk costs frames, with a ledger row each; never sound."""

REPLAY = Policy("replay", Overflow.BLOCK, depth=32)
"""Clip to any stage: the reader waits, so that the same file gives the same rows on any machine."""


class Edge(Generic[T]):
    """A queue from one producer to one consumer.

    Args:
        name: "camera->face" and the like; the key of its counts in the session file.
        policy: what happens when the consumer is slower than the producer.
        clock: stamps the ledger rows.
        ledger: receives drops and alarms.
    """

    def __init__(self, name: str, policy: Policy, clock: Clock, ledger: Ledger) -> None:
        self.name = name
        self.policy = policy
        self._clock = clock
        self._ledger = ledger
        self._queue: deque[Packet[T]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._offered = self._delivered = self._dropped = 0
        self._alarmed = False

    def offer(self, packet: Packet[T], cancel: threading.Event | None = None) -> None:
        """Hand over a packet; returns at once, except under a `BLOCK` policy, whose wait `cancel` ends with a drop."""
        dropped: Packet[T] | None = None
        alarm: bool | None = None
        with self._changed:
            if self.policy.overflow is Overflow.BLOCK:
                while self._full(packet) and not (self._closed or (cancel is not None and cancel.is_set())):
                    self._changed.wait(0.05)  # `cancel` cannot wake a condition
            self._offered += 1
            full = self._full(packet)
            if self._closed or (full and self.policy.overflow in (Overflow.DROP_NEWEST, Overflow.BLOCK)):
                dropped = packet
            else:
                if full and self.policy.overflow is Overflow.DROP_OLDEST:
                    dropped = self._queue.popleft()
                self._queue.append(packet)
                self._changed.notify_all()
            if dropped is not None:
                self._dropped += 1
            if self.policy.overflow is Overflow.ALARM:
                over = self._full(packet)
                if over != self._alarmed:
                    self._alarmed = alarm = over
            behind = self._behind_ns()
        if dropped is not None:
            self._ledger.write(self._clock.now_ns(), "drop", self.name, seq=dropped.seq, packet_ns=dropped.t_ns)
        if alarm is not None:
            self._ledger.write(
                self._clock.now_ns(), "alarm", self.name, behind_s=round(behind / NS_PER_S, 3), raised=alarm
            )

    def take(self, timeout: float | None = 0.0) -> Packet[T] | None:
        """The oldest packet; None where there is none within `timeout` seconds (None: wait until closed)."""
        with self._changed:
            if not self._queue and not self._closed and timeout != 0.0:
                self._changed.wait_for(lambda: bool(self._queue) or self._closed, timeout)
            if not self._queue:
                return None
            packet = self._queue.popleft()
            self._delivered += 1
            self._changed.notify_all()
            return packet

    def close(self) -> None:
        """No more packets will come; what is queued can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def exhausted(self) -> bool:
        """Closed, and everything taken."""
        with self._changed:
            return self._closed and not self._queue

    @property
    def behind_ns(self) -> int:
        """Stream time between the oldest waiting packet and the newest, in ns."""
        with self._changed:
            return self._behind_ns()

    def counts(self) -> EdgeCounts:
        """Totals so far; they always balance."""
        with self._changed:
            return EdgeCounts(self._offered, self._delivered, self._dropped, len(self._queue))

    def _behind_ns(self) -> int:
        return self._queue[-1].end_ns - self._queue[0].t_ns if self._queue else 0

    def _full(self, newest: Packet[T]) -> bool:
        if self.policy.depth is not None and len(self._queue) >= self.policy.depth:
            return True
        if self.policy.span_s is None or not self._queue:
            return False
        return newest.end_ns - self._queue[0].t_ns > self.policy.span_s * NS_PER_S
