"""Edges: packets of one producer flow in, packets for one consumer flow out, under a named delivery policy.

An edge counts everything. What it cannot hold it drops by its policy, and every drop is a ledger row with the
sequence number, so that nothing disappears unseen.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.ledger import DROP, EdgeCounts, Ledger
from ahdetect.capture.packets import Packet
from ahdetect.capture.spill import Spill

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
        memory_s: seconds of stream time that may wait in memory; what is more waits on disk, encrypted. None: no limit.
    """

    name: str
    overflow: Overflow
    depth: int | None = None
    span_s: float | None = None
    memory_s: float | None = None


LATEST_ONLY = Policy("latest only", Overflow.DROP_OLDEST, depth=1)
"""Camera to face: a frame that nobody had time for is worth nothing once a newer one is there."""

LOSSLESS = Policy("lossless", Overflow.ALARM, span_s=2.0, memory_s=60.0)
"""Microphone to recorder, voice and transcription: nothing is ever dropped; over 2 s behind it says so, and what
does not fit into a minute of memory (2 MB of sound) goes to disk until the consumer has caught up."""

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
        self._spill: Spill[T] | None = None
        self._disk_failed = False
        self._newest_ns = 0
        self._changed = threading.Condition()
        self._closed = False
        self._offered = self._delivered = self._dropped = 0
        self._alarmed = False

    def offer(self, packet: Packet[T], cancel: threading.Event | None = None) -> None:
        """Hand over a packet; returns at once, except under a `BLOCK` policy, whose wait `cancel` ends with a drop."""
        dropped: Packet[T] | None = None
        rows: list[tuple[str, dict[str, Any]]] = []
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
                self._append(packet, rows)
                self._changed.notify_all()
            if dropped is not None:
                self._dropped += 1
                rows.append((DROP, {"seq": dropped.seq, "packet_ns": dropped.t_ns}))
            if self.policy.overflow is Overflow.ALARM:
                self._judge_alarm(rows)
        self._write(rows)

    def take(self, timeout: float | None = 0.0) -> Packet[T] | None:
        """The oldest packet; None where there is none within `timeout` seconds (None: wait until closed)."""
        rows: list[tuple[str, dict[str, Any]]] = []
        with self._changed:
            if not self._queue and not self._closed and timeout != 0.0:
                self._changed.wait_for(lambda: bool(self._queue) or self._closed, timeout)
            if not self._queue:
                return None
            packet = self._queue.popleft()
            self._delivered += 1
            if self._spill and not self._queue:
                self._queue.append(self._spill.pop())
                if not self._spill:
                    rows.append(("spill", {"to_disk": False}))
            if self._alarmed:
                self._judge_alarm(rows)
            self._changed.notify_all()
        self._write(rows)
        return packet

    def close(self) -> None:
        """No more packets will come; what is queued can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        with self._changed:
            return self._closed

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
            return EdgeCounts(self._offered, self._delivered, self._dropped, len(self._queue) + len(self._spill or ()))

    def _append(self, packet: Packet[T], rows: list[tuple[str, dict[str, Any]]]) -> None:
        """To memory, or to disk where memory is full or older packets are on disk already."""
        limit = self.policy.memory_s
        if limit is not None and not self._disk_failed and (self._spill or self._span_ns(packet) > limit * NS_PER_S):
            try:
                if self._spill is None:
                    self._spill = Spill()
                if not self._spill:
                    rows.append(("spill", {"to_disk": True, "behind_s": round(self._span_ns(packet) / NS_PER_S, 3)}))
                self._spill.push(packet)
                self._newest_ns = packet.end_ns
                return
            except OSError as error:  # nothing may be lost: rather too much memory than a hole
                self._disk_failed = True
                rows.append(("alarm", {"what": f"cannot spill to disk: {error.strerror or error}", "raised": True}))
                while self._spill:
                    self._queue.append(self._spill.pop())
        self._queue.append(packet)
        self._newest_ns = packet.end_ns

    def _judge_alarm(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        limit = self.policy.span_s
        behind = self._behind_ns()
        over = limit is not None and behind > limit * NS_PER_S
        if over != self._alarmed:
            self._alarmed = over
            rows.append(("alarm", {"behind_s": round(behind / NS_PER_S, 3), "raised": over}))

    def _write(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Outside the lock: the ledger goes to disk."""
        for kind, detail in rows:
            self._ledger.write(self._clock.now_ns(), kind, self.name, **detail)

    def _behind_ns(self) -> int:
        return self._newest_ns - self._queue[0].t_ns if self._queue else 0

    def _span_ns(self, newest: Packet[T]) -> int:
        return newest.end_ns - self._queue[0].t_ns if self._queue else 0

    def _full(self, newest: Packet[T]) -> bool:
        if self.policy.depth is not None and len(self._queue) >= self.policy.depth:
            return True
        return self.policy.span_s is not None and self._span_ns(newest) > self.policy.span_s * NS_PER_S
