"""A clip in real time flows in; how far the times of its rows at an LSL inlet of another process are off flows out.

    python tools/measure_lsl.py assets/demo.mp4 --seconds 20

On Linux both clocks are the system's monotonic one, so the truth is the session's origin plus the time of the row.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
from typing import Any

import numpy as np


def listen(name: str, seconds: float, ready: Any, back: Any) -> None:
    """The other process: times of samples, corrected as LSL says, and how long after their time they came."""
    import pylsl

    from ahdetect.outlets.lsl import ON_THIS_MACHINE

    pylsl.set_config_content(ON_THIS_MACHINE)
    [info] = pylsl.resolve_byprop("name", name, 1, 60.0)
    inlet = pylsl.StreamInlet(info)
    inlet.open_stream(10.0)
    ready.set()
    correction = inlet.time_correction(10.0)
    times = []
    end = pylsl.local_clock() + seconds
    while pylsl.local_clock() < end:
        _, at = inlet.pull_sample(0.5)
        if at:
            times.append((at + correction, pylsl.local_clock() - at))
    back.put((correction, times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rows", default="settled", choices=["settled", "provisional"])
    given = parser.parse_args()
    from ahdetect.outlets import Callback, Item, Outlets
    from ahdetect.outlets.lsl import Lsl
    from ahdetect.session import Session

    context = multiprocessing.get_context("spawn")
    ready, back = context.Event(), context.Queue()
    name = "ahdetect-measured"
    other = context.Process(target=listen, args=(name, given.seconds + 8, ready, back))
    other.start()
    sent: list[Item] = []
    session = Session(given.clip, given.clip)
    keep = Callback(sent.append, include=["rows"], rows=given.rows)
    with Outlets(session, [Lsl(name, rows=given.rows), keep]) as outlets:
        ready.wait(60)
        with session:
            session.wait(given.seconds)
        correction, got = back.get(timeout=60)
    other.join()
    origin_ns = session.clock.origin_ns  # type: ignore[attr-defined]  # a live session
    true_s = np.array([(origin_ns + item.t_ns) / 1e9 for item in sent])
    at_s = np.array([at for at, _ in got])
    late_s = np.array([late for _, late in got])
    off_ms = [1e3 * float(np.abs(true_s - at).min()) for at in at_s]
    print(f"{platform.machine()}, {given.seconds:.0f} s of {given.clip}, {given.rows} rows")
    print(f"rows sent {len(sent)}, samples received {len(got)}, {outlets.report()['lsl']}")
    print(f"off by, ms: median {np.median(off_ms):.3f}, largest {max(off_ms):.3f}; correction {correction * 1e3:.3f}")
    print(f"sample comes after its row's time, s: median {np.median(late_s):.2f}, p95 {np.quantile(late_s, 0.95):.2f}")


if __name__ == "__main__":
    main()
