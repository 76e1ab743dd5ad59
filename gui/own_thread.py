"""Own thread: pieces of work flow in from the window; they run one after another on one thread beside it. No Qt."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from ahdetect.errors import known


class OwnThread:
    """A model's own thread, started with its first work.

    Args:
        name: of the thread.
        told: called with one sentence where a piece of work failed; the thread serves on.
        look: called while nothing is to be done.
        every: seconds between looks, or None while there is nothing to look at.
    """

    def __init__(
        self, name: str, told: Callable[[str], None], look: Callable[[], None], every: Callable[[], float | None]
    ) -> None:
        self._name = name
        self._told = told
        self._look = look
        self._every = every
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Run `work` after what was given before; waits for nothing."""
        self._work.put(work)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self, timeout: float | None) -> bool:
        """End after what was given; whether it ended within `timeout` seconds (None: however long it takes)."""
        if self._thread is None:
            return True
        self._work.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=self._every())
            except queue.Empty:
                work = self._look
            if work is None:
                return
            try:
                work()
            except Exception as error:
                self._told(str(known(error)))
