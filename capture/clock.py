"""Clocks: nothing flows in, nanoseconds since the start of the session flow out.

Every `t_ns` in the project is on one session clock: 0 is the start of the session (or of the clip in replay). Logic
never asks the operating system for the time; it asks the clock it was given, so tests run on a `ManualClock`.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """What every stage may ask of time."""

    def now_ns(self) -> int:
        """Nanoseconds since the start of the session."""
        ...

    def wait_until(self, t_ns: int, cancel: threading.Event) -> bool:
        """Wait until `t_ns`; False if `cancel` was set first."""
        ...


class SessionClock:
    """Live time, on `time.monotonic_ns`, with a wall-clock anchor that is read once.

    Attributes:
        origin_ns: the `monotonic_ns` reading that is 0 on this clock.
        started_at: the wall time (UTC) of that moment, for the session file only.
    """

    def __init__(self) -> None:
        self.origin_ns = time.monotonic_ns()
        self.started_at = datetime.now(UTC)

    def now_ns(self) -> int:
        """Nanoseconds since the clock was made."""
        return time.monotonic_ns() - self.origin_ns

    def wait_until(self, t_ns: int, cancel: threading.Event) -> bool:
        """Wait until `t_ns`; False if `cancel` was set first."""
        while (left := t_ns - self.now_ns()) > 0:
            if cancel.wait(left / NS_PER_S):
                return False
        return not cancel.is_set()


class ManualClock:
    """Time that a test moves by hand; waiting on it moves it, so no test sleeps."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """The time it was last moved to."""
        with self._lock:
            return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.advance_to(self.now_ns() + round(seconds * NS_PER_S))

    def advance_to(self, t_ns: int) -> None:
        """Move forward to `t_ns`; never backward."""
        with self._lock:
            self._now_ns = max(self._now_ns, t_ns)

    def wait_until(self, t_ns: int, cancel: threading.Event) -> bool:
        """Move to `t_ns` at once; False if `cancel` is set."""
        if cancel.is_set():
            return False
        self.advance_to(t_ns)
        return True


class ReplayClock(ManualClock):
    """Time of a clip: it stands where the newest packet of the replay stands, whatever the machine's speed."""


class PushClock(ReplayClock):
    """The same for what a host pushes without the hurry of real time.

    Attributes:
        started_at: the wall time (UTC) at which the session was made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started_at = datetime.now(UTC)
