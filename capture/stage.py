"""Stage: the one shape of everything that runs on a thread of its own; `step()` does one unit of work.

A stage never needs its thread: a test calls `step()` itself. A crash is caught once, here, kept in `error`, and left to
the supervisor; other stages go on.
"""

from __future__ import annotations

import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from typing import Final, TypeVar

from ahdetect.capture.clock import Clock

T = TypeVar("T")


class Progress(Enum):
    """What a call of `step()` did."""

    WORKED = "worked"
    IDLE = "nothing to do yet"
    DONE = "finished for good"


NICE: Final = 15
"""Niceness of a thread that gives way: it gets a thirtieth of a core that another thread wants as well, and all of a
core that nobody wants."""


def give_way() -> None:
    """Let this thread, and threads that libraries start from it, run only where others leave a core free.

    Linux has a niceness per thread; elsewhere nothing changes, and no result depends on it.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def giving_way(make: Callable[[], T]) -> T:
    """What `make` returns, made on a thread that gives way: the threads that a library starts in it inherit that."""
    with ThreadPoolExecutor(1, initializer=give_way) as thread:
        return thread.submit(make).result()


class Stage(ABC):
    """A unit of work with a life cycle.

    Attributes:
        name: as it stands in the ledger and in thread names.
        yields: whether its thread gives way to others where cores are few; see `give_way`.
        error: the exception that stopped it, or None.
        heartbeat_ns: session time of the last completed `step()`.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.error: BaseException | None = None
        self.heartbeat_ns = clock.now_ns()
        self.stopping = threading.Event()
        self.yields = False
        self._thread: threading.Thread | None = None

    @abstractmethod
    def step(self) -> Progress:
        """Do one unit of work; may wait up to about 50 ms for input."""

    def finish(self) -> None:  # noqa: B027  a stage without an ending need not say so
        """Flush and release; called exactly once on the stage's own thread, also after a crash."""

    def start(self) -> None:
        """Run `step()` over and over on a thread until done, stopped or crashed."""
        self._thread = threading.Thread(target=self._run, name=f"ahdetect-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after its current step."""
        self.stopping.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; True where it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    @property
    def alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        if self.yields:
            give_way()
        try:
            while not self.stopping.is_set():
                if self.step() is Progress.DONE:
                    break
                self.heartbeat_ns = self.clock.now_ns()
        except BaseException as error:  # the supervisor reports it; see module docstring
            self.error = error
        try:
            self.finish()
        except BaseException as error:
            self.error = self.error or error
