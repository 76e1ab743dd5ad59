"""Interrupts: SIGINT and SIGTERM flow in; whether one came flows out, for commands that tidy up before they leave."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

INTERRUPTED: Final = 130
"""Exit code of a command that was stopped by Ctrl-C."""


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Within the block, Ctrl-C and SIGTERM are noted instead of obeyed; the earlier handlers come back after it."""
    came = False

    def note(*_: Any) -> None:
        nonlocal came
        came = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
