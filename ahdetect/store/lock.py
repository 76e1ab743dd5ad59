"""Lock of a session folder: a folder flows in; whether somebody writes to it flows out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class FolderLock:
    """An advisory lock on the folder itself, so that nobody repairs a session that is still being recorded.

    The system drops it with the process, however that ends; no file is left behind. Where the system has no such locks
    (Windows), everybody gets it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None

    def take(self) -> bool:
        """False where another process, or another writer of this one, holds it."""
        try:
            import fcntl
        except ImportError:
            return True
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:  # a file system without locks
            os.close(handle)
            return True
        self._handle = handle
        return True

    def release(self) -> None:
        """Let go; nothing happens where it is not held."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                os.close(handle)
