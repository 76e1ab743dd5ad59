"""What libraries write straight to file descriptor 2 flows in; what is no noise flows on to the user's stderr."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_EVERYTHING = re.compile(b"")


class _Redirection:
    """The one redirection of the process's descriptor 2: it begins with the first who asks and ends with the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._noise: set[re.Pattern[bytes]] = set()
        self._saved = -1
        self._kept: IO[bytes] | None = None

    def enter(self, noise: re.Pattern[bytes]) -> None:
        with self._lock:
            self._holders += 1
            self._noise.add(noise)
            if self._holders > 1:
                return
            try:
                sys.stderr.flush()
                self._saved = os.dup(2)
            except (OSError, ValueError, AttributeError):  # no stderr at all, as under pythonw
                return
            self._kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the last who leaves
            os.dup2(self._kept.fileno(), 2)

    def leave(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
            noise, self._noise = self._noise, set()
            if self._kept is None:
                return
            sys.stderr.flush()
            os.dup2(self._saved, 2)
            with self._kept as kept:
                self._kept = None
                kept.seek(0)
                for line in kept:
                    if not any(pattern.match(line) for pattern in noise):
                        os.write(self._saved, line)
            os.close(self._saved)


_redirection = _Redirection()


@contextmanager
def quiet_stderr(noise: re.Pattern[bytes] = _EVERYTHING) -> Iterator[None]:
    """Keep lines that C libraries print on file descriptor 2 from the user; threads may overlap.

    Args:
        noise: lines that match are dropped, all others are passed on when the last who asked for quiet has left.
    """
    _redirection.enter(noise)
    try:
        yield
    finally:
        _redirection.leave()
