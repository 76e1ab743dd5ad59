"""Stages: threads that give way to others."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ahdetect.capture.stage import NICE, giving_way


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is per thread on Linux only")
def test_threads_that_a_library_starts_while_giving_way_give_way_too() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def library() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(niceness).result()

    before = niceness()
    assert giving_way(library) == max(before, NICE)
    assert niceness() == before
