"""Sleep watch: a clock that runs on in sleep and one that stands still flow in; the length of a sleep flows out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

JUMP_S: Final = 5.0
"""Shorter jumps are the wall clock being set right, not sleep."""


def wall_s() -> float:
    """Seconds of a clock that runs on while the machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; it cannot be set, unlike the time of day
    return time.clock_gettime(boot) if boot is not None else time.time()


class SleepWatch:
    """Tells, when asked now and then, how long the machine has slept since it was last asked.

    Args:
        wall: seconds that go on in sleep.
        awake: seconds that stand still in sleep.
    """

    def __init__(self, wall: Callable[[], float] = wall_s, awake: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._awake = wall, awake
        self._last = wall(), awake()

    def slept_s(self) -> float:
        """Length of the sleep since the last call, seconds; 0 where there was none."""
        before, self._last = self._last, (self._wall(), self._awake())
        jump = (self._last[0] - before[0]) - (self._last[1] - before[1])
        return jump if jump >= JUMP_S else 0.0
