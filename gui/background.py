"""Background: a piece of work flows in, runs on a thread of its own; its result or error flows out on Qt's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from ahdetect.errors import AhdetectError, known


class Background(QObject):
    """Runs work that may wait for a disk, a device or a network, so that the window does not.

    Results come in the order in which the work was given; after `close()` none comes.
    """

    _ready = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ready.connect(lambda call: None if self._closed else call())
        self._work: list[Callable[[], None]] = []
        self._new = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[[AhdetectError], None]) -> None:
        """Run `work` behind the window.

        Args:
            work: knows no widget.
            then: called with the result.
            failed: called with the error, one sentence.
        """

        def run() -> None:
            try:
                result = work()
            except Exception as error:
                told = known(error)
                self._ready.emit(lambda: failed(told))
            else:
                self._ready.emit(lambda: then(result))

        with self._new:
            self._work.append(run)
            self._new.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ahdetect-gui-background", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Drop what has not begun; wait at most 2 s for what has (a dead network folder may take longer)."""
        with self._new:
            self._closed = True
            self._work.clear()
            self._new.notify()
        if self._thread is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while True:
            with self._new:
                while not self._work and not self._closed:
                    self._new.wait()
                if self._closed:
                    return
                run = self._work.pop(0)
            run()
