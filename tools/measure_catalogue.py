"""What it costs to list, verify and erase stored sessions, and to write and check the audit log; prints a table.

    PYTHONPATH=tests python tools/measure_catalogue.py

Sessions are made up: a second of sound and rows each, one of them with 488 MB of noise as video (an hour of 640x480).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SESSIONS = 200
HOUR_MB = 488


def timed(work: Callable[[], Any]) -> tuple[Any, str]:
    """Result, and wall and CPU time in words."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, f"{time.perf_counter() - wall:.3f} s, {time.process_time() - cpu:.3f} s of CPU"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["AHDETECT_DATA"] = f"{scratch}/data"
        from test_catalogue import KEYS, record

        from ahdetect.store.audit import Act, Audit
        from ahdetect.store.catalogue import sessions_in
        from ahdetect.store.erasure import erase
        from ahdetect.store.reader import open_session
        from ahdetect.store.verification import verify

        store = Path(scratch) / "store"
        folder = record(store, "hour")
        session = open_session(folder, KEYS)
        with session.files.whole("video.mkv") as file:
            for _ in range(HOUR_MB):
                file.write(os.urandom(1 << 20))
        session.info["files"] |= session.files.ids(["video.mkv"])
        session.files.save_info(session.info)
        found, took = timed(lambda: verify(folder, KEYS))
        assert not found.problems
        print(f"verify {sum(found.files.values()) / 1e6:.0f} MB: {took}")
        print(f"erase it: {timed(lambda: erase(folder))[1]}")
        for number in range(SESSIONS):
            record(store, f"s{number:03d}")
        entries, took = timed(lambda: sessions_in(store))
        print(f"list {len(entries)} sessions: {took}")
        audit = Audit(store)
        print(f"append to a log of {len(audit.lines())} lines: {timed(lambda: audit.append(Act.OPEN))[1]}")
        print(f"check it: {timed(audit.check)[1]}")


if __name__ == "__main__":
    main()
