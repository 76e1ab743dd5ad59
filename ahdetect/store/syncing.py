"""Syncing: files that grow flow in; what they hold is on the medium, not only with the system, soon afterwards.

A killed process loses nothing that it handed to the system; a power cut does, up to half a minute on Linux. A sync can
take longer than a recorder may wait, so it has a thread of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

SYNC_S: Final = 0.4
"""Seconds between syncs: with the half second that a stream may be in memory (`media.FLUSH_S`) under one second."""

_sync: Final[Callable[[int], None] | None] = getattr(os, "fdatasync", None)


class Syncer:
    """Syncs files on a thread until it is closed.

    Args:
        paths: of files that exist; each is opened anew, so that a writer may close its own whenever it likes.
        failed: called once with the error where the medium refuses; nothing is synced from then on.
        every_s: seconds between the end of a round and the next one.

    Where the system has no `fdatasync` (Windows, macOS) nothing happens.
    """

    def __init__(self, paths: Iterable[Path], failed: Callable[[OSError], None], *, every_s: float = SYNC_S) -> None:
        self._failed = failed
        self._every_s = every_s
        self._stopping = threading.Event()
        self._handles: list[int] = []
        if _sync is None:
            return
        for path in paths:
            with suppress(FileNotFoundError):
                self._handles.append(os.open(path, os.O_RDONLY))
        self._thread = threading.Thread(target=self._run, name="ahdetect-sync", daemon=True)
        self._thread.start()

    def sync(self) -> None:
        """One round, on the caller's thread.

        Raises:
            OSError: the medium refuses.
        """
        if _sync is not None:
            for handle in self._handles:
                _sync(handle)

    def close(self) -> None:
        """End the thread after a last round; a second call does nothing."""
        if not self._handles:
            return
        self._stopping.set()
        self._thread.join()
        for handle in self._handles:
            os.close(handle)
        self._handles = []

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopping.wait(self._every_s)
            try:
                self.sync()
            except OSError as error:
                self._failed(error)
                return
