"""What every test shares: no screen, and no thread left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GRACE_S = 2.0  # a stage that was told to stop may finish its step of at most 50 ms; a loaded machine gets more


@pytest.fixture(autouse=True)
def _no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    ours = [t for t in threading.enumerate() if t not in before and t.name.startswith("ahdetect-")]
    for thread in ours:
        thread.join(GRACE_S)
    alive = [thread.name for thread in ours if thread.is_alive()]
    assert not alive, f"the test left threads running: {', '.join(alive)}"
