"""Review measured: how far picture and sound are apart, and how the window answers with an hour open; JSON flows out.

    xvfb-run -a -s "-screen 0 1440x1000x24" .venv/bin/python tools/measure_review.py sync
    xvfb-run -a -s "-screen 0 1440x1000x24" .venv/bin/python tools/measure_review.py hour FOLDER

`sync` plays a clip of flashes and beeps in the real window; the sound is recorded from the monitor of a null sink of a
Pulse server of our own, a picture counts when the view has painted it. `hour` opens the folder that
`tools/measure_encrypted.py open assets/demo.mp4 --folder FOLDER` leaves. Linux, ffmpeg, pulseaudio.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from measure_gui import BEAT_S, SoundServer, percentiles, resident_mb

RATE: Final = 48_000
PERIOD_S: Final = 2.0
"""Between two flashes: an error of less than half of it cannot be taken for another pair."""
BLOCK: Final = 240
LOUD: Final = 2000
QUIET_S: Final = 0.15
BRIGHT: Final = 128.0
SEEKS: Final = 40


def flashes(path: Path, seconds: float = 40.0) -> None:
    """A clip, 640x480 at 30 fps, that is white and sounds for .1 s, each 2 s, from second 1 on."""
    on = f"lt(mod(t+1\\,{PERIOD_S})\\,0.1)"
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"color=black:s=640x480:r=30:d={seconds}",
            "-f", "lavfi", "-i", f"aevalsrc=0.7*sin(2*PI*1000*t)*{on}:s=48000:d={seconds}",
            "-vf", f"drawbox=color=white:t=fill:enable={on}", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
            str(path),
        ],
        check=True,
    )  # fmt: skip


class Ear:
    """Hears the null sink; `onsets` are the times of its beeps, `time.monotonic` seconds."""

    def __init__(self) -> None:
        self.onsets: list[float] = []
        self._process = subprocess.Popen(
            ["parec", "--device=vmic.monitor", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=5"],
            stdout=subprocess.PIPE,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._process.kill()
        self._process.wait()
        self._thread.join(5)

    def _run(self) -> None:
        assert self._process.stdout is not None
        quiet = 0
        while len(data := self._process.stdout.read(2 * BLOCK)) == 2 * BLOCK:
            now = time.monotonic()
            loud = np.flatnonzero(np.abs(np.frombuffer(data, np.int16).astype(np.int32)) > LOUD)
            if len(loud):
                if quiet > QUIET_S * RATE:
                    self.onsets.append(now - (BLOCK - int(loud[0])) / RATE)
                quiet = 0
            else:
                quiet += BLOCK


def window_of(folder: Path) -> Any:
    """The real window on its review screen."""
    from PyQt6.QtCore import QSettings
    from PyQt6.QtWidgets import QApplication

    from ahdetect.gui.context import Context
    from ahdetect.gui.window import MainWindow

    window_of.app = QApplication.instance() or QApplication(["measure_review"])  # type: ignore[attr-defined]
    context = Context(QSettings(str(folder / "gui.ini"), QSettings.Format.IniFormat))
    context.plan.out = folder / "sessions"
    window = MainWindow(context)
    window.show()
    window.go("review")
    return window


def spin(seconds: float, until: Callable[[], object] = lambda: False) -> None:
    """Let the app run, for `seconds` or until it holds."""
    from PyQt6.QtTest import QTest

    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QTest.qWait(10)


@contextmanager
def heartbeat() -> Iterator[list[float]]:
    """How long the event loop took to answer another thread, ms."""
    from PyQt6.QtCore import QObject, Qt, pyqtSignal

    class Answer(QObject):
        asked = pyqtSignal(float)

    answer, late_ms, over = Answer(), list[float](), threading.Event()
    answer.asked.connect(lambda at: late_ms.append((time.monotonic() - at) * 1e3), Qt.ConnectionType.QueuedConnection)

    def ask() -> None:
        while not over.wait(BEAT_S):
            answer.asked.emit(time.monotonic())

    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    yield late_ms
    over.set()
    asker.join()


def sync(folder: Path) -> dict[str, Any]:
    """Picture minus sound, ms, at each speed."""
    from ahdetect.gui.screens.review import SPEEDS

    clip = folder / "flashes.mp4"
    flashes(clip)
    server = SoundServer(folder)
    server.serve()
    ear, window = Ear(), window_of(folder)
    screen = window.screens["review"]
    seen: list[float] = []
    bright = [False]
    paint = screen.video.paintEvent

    def painted(event: Any) -> None:
        paint(event)
        frame = screen.video.frame
        now_bright = frame is not None and float(frame[::40, ::40].mean()) > BRIGHT
        if now_bright and not bright[0]:
            seen.append(time.monotonic())
        bright[0] = now_bright

    screen.video.paintEvent = painted
    try:
        window.context.open_folder(None, clip)
        spin(120, lambda: screen.player is not None)
        found = {}
        for index, speed in enumerate(SPEEDS):
            screen._speed.setCurrentIndex(index)
            screen.go_to(0.0)
            spin(1.0)
            del seen[:], ear.onsets[:]
            screen.player.play()
            spin(min(30.0, 38.0 / speed))
            screen.player.pause()
            spin(0.5)
            near = [
                min(((picture - sound) * 1e3 for sound in ear.onsets), key=abs, default=float("nan"))
                for picture in seen
            ]
            found[str(speed)] = {
                **(percentiles(near) if near else {}),
                "min": round(min(near, default=0.0), 1),
                "pairs": len(near),
            }
    finally:
        window.shutdown()
        window.close()
        ear.close()
        server.unplug()
    return {"picture_minus_sound_ms": found}


def hour(folder: Path, place: Path) -> dict[str, Any]:
    """Opening an hour, seeking all over it: how long, and how late the event loop is meanwhile."""
    from ahdetect.store.keys import Keys

    window = window_of(place)
    screen, context = window.screens["review"], window.context
    key = json.loads((folder.parent / f"{folder.name}.testkey").read_text())
    context.keys = Keys(store=(bytes.fromhex(key),))
    rng, before = random.Random(0), resident_mb()
    try:
        spin(1.0)
        with heartbeat() as opening:
            began = time.monotonic()
            context.open_folder(folder)
            spin(60, lambda: screen.player is not None)
            opened_s = time.monotonic() - began
            spin(3.0)
        with heartbeat() as seeking:
            for _ in range(SEEKS):
                screen.go_to(rng.uniform(1.0, 3590.0))
                spin(0.3)
        with heartbeat() as playing:
            screen.player.play()
            spin(15.0)
            screen.player.pause()
        return {
            "opened_s": round(opened_s, 2),
            "resident_mb": {"before": round(before), "after": round(resident_mb())},
            "event_loop_ms": {
                "opening": percentiles(opening), "seeking": percentiles(seeking), "playing": percentiles(playing)
            },
        }  # fmt: skip
    finally:
        window.shutdown()
        window.close()


def main() -> int:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sync", "hour"])
    parser.add_argument("folder", type=Path, nargs="?", help="with `hour`")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report = sync(Path(name)) if args.what == "sync" else hour(args.folder.resolve(), Path(name))
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
