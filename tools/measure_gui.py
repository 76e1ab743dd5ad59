"""What the window costs while it records: CPU of Qt's thread, latency of the event loop, memory; JSON flows out.

    xvfb-run -a -s "-screen 0 1440x1000x24" .venv/bin/python tools/measure_gui.py --minutes 3

The demo clip is played as a camera (MJPEG over loopback, by ffmpeg) and as a microphone (a Pulse server of our own with
a null sink), and the app is driven by keys as a user would: prompts, markers, quiet mode. With `--unplug` the camera,
then the sound server, is killed in the middle and started again. With `--shots DIR` pictures of the window are kept.
Linux, ffmpeg, pulseaudio.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

BEAT_S: Final = 0.02
"""How often another thread asks the event loop to answer."""
WARM_S: Final = 10.0
"""Left out at the beginning: models are loaded, caches fill."""
SLOW_MS: Final = 16.0
UNPLUGGED_S: Final = 6.0


class Camera:
    """The clip as an MJPEG stream, 30 frames a second; started again whenever its one reader has gone."""

    def __init__(self, clip: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/cam.mjpg"
        self._clip = clip
        self._plugged, self._over = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Camera:
        self._plugged.set()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.unplug()
        self._thread.join(5)

    def unplug(self) -> None:
        """As if the cable had been pulled."""
        self._plugged.clear()
        if self._process is not None:
            self._process.kill()

    def plug(self) -> None:
        """Back again."""
        self._plugged.set()

    def _run(self) -> None:
        command = [
            "ffmpeg", "-v", "quiet", "-threads", "1", "-re", "-stream_loop", "-1", "-i", str(self._clip), "-an",
            "-c:v", "mjpeg", "-q:v", "3", "-f", "mpjpeg", "-listen", "1", self.url,
        ]  # fmt: skip
        while not self._over.is_set():
            if self._plugged.wait(0.1) and not self._over.is_set():
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
                self._process.wait()


class SoundServer:
    """A private Pulse server with a null sink, whose monitor is its microphone; `folder` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def can_run() -> bool:
        """Whether Pulse is installed."""
        return all(shutil.which(p) is not None for p in ("pulseaudio", "pactl", "paplay"))

    def serve(self) -> None:
        """Start it, and let every program of this process use it."""
        path = self._folder / "native"
        os.environ |= {"PULSE_RUNTIME_PATH": str(self._folder), "PULSE_SERVER": f"unix:{path}"}
        self._folder.chmod(0o700)
        path.unlink(missing_ok=True)
        self.start(
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            "-L", f"module-native-protocol-unix socket={path} auth-anonymous=1",
            "-L", "module-null-sink sink_name=vmic",
        )  # fmt: skip
        ask = ["pactl", "set-default-source", "vmic.monitor"]
        for _ in range(200):
            if subprocess.run(ask, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.05)
        self.start(
            "pacat", "--device=vmic", "--format=s16le", "--rate=48000", "--latency-msec=20", "/dev/zero"
        )  # an idle monitor gives its sound in blocks of two seconds

    def unplug(self) -> None:
        """As if it had died."""
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()

    def start(self, *command: str) -> None:
        """Run something for as long as the server runs."""
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)


class Microphone(SoundServer):
    """The clip's sound on such a server; `name` is "none" where Pulse is not installed."""

    def __init__(self, clip: Path, folder: Path) -> None:
        super().__init__(folder)
        self._clip = clip
        self.name = "none"

    def __enter__(self) -> Microphone:
        if not self.can_run():
            return self
        sound = self._folder / "sound.wav"
        cut = ["ffmpeg", "-v", "quiet", "-stream_loop", "30", "-i", str(self._clip), "-vn", "-ar", "48000", str(sound)]
        subprocess.run(cut, check=True)
        self.plug()
        self.name = "pulse"
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def plug(self) -> None:
        """Start the server and play."""
        self.serve()
        self.start("paplay", "--device=vmic", str(self._folder / "sound.wav"))


def resident_mb() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, largest and count."""
    import numpy as np

    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return {
        "p50": round(p50, 2),
        "p95": round(p95, 2),
        "p99": round(p99, 2),
        "max": round(max(values), 2),
        "n": len(values),
    }


def main() -> int:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--clip", type=Path, default=Path("assets/demo.mp4"))
    parser.add_argument("--shots", type=Path, help="folder for pictures of the window")
    parser.add_argument("--unplug", action="store_true", help="take the camera away in the middle")
    parser.add_argument("--theme", default="light", choices=("light", "dark"))
    parser.add_argument("--switch-ms", type=float, help="interval at which Python threads take turns")
    parser.add_argument("--light", action="store_true", help="no models: capture, storing and the window only")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "pulse").mkdir()
        camera = stack.enter_context(Camera(chosen.clip.resolve()))
        microphone = stack.enter_context(Microphone(chosen.clip.resolve(), folder / "pulse"))
        report = measure(chosen, camera, microphone, folder)
    print(json.dumps(report, indent=2, default=str))
    return 0


def measure(chosen: argparse.Namespace, camera: Camera, microphone: Microphone, folder: Path) -> dict[str, Any]:
    """Run the app on the two devices and look at it from inside."""
    from PyQt6.QtCore import QObject, QSettings, Qt, QTimer, pyqtSignal
    from PyQt6.QtTest import QTest
    from PyQt6.QtWidgets import QApplication

    from ahdetect.config import Settings, validated
    from ahdetect.engine import Models
    from ahdetect.gui.context import Context, DeviceChoice, PlannedPrompt, SessionPlan
    from ahdetect.gui.live_model import LiveModel, State
    from ahdetect.gui.screens.live import LiveScreen
    from ahdetect.gui.window import MainWindow
    from ahdetect.session import Session
    from ahdetect.store.consent import Consent, consent_text
    from ahdetect.store.reader import open_session

    app = QApplication.instance() or QApplication(["measure_gui"])
    context = Context(QSettings(str(folder / "gui.ini"), QSettings.Format.IniFormat))
    context.choice = DeviceChoice(camera.url, microphone.name)
    prompts = [
        PlannedPrompt("What would you like to change about your week?", "ambivalent"),
        PlannedPrompt("What speaks against it?", "resistant"),
        PlannedPrompt("What will you do tomorrow?", "hesitant"),
    ]
    context.plan = SessionPlan(folder / "sessions", "measure", prompts)
    context.consent = Consent.given(["recording", "analysis"], consent_text("en"), keep_days=1)  # of a made-up clip
    context.unlock("for a measurement only")
    context.set_theme(chosen.theme)
    off = validated({"channels": {"face": False, "body": False, "voice": False, "words": False}}, "measure")

    def light(video: str, audio: str, **options: Any) -> Session:
        return Session(video, audio, **{**options, "settings": off, "models": Models.load(off)})

    window = MainWindow(context)
    window.show()
    window.go("live")
    screen = window.screens["live"]
    assert isinstance(screen, LiveScreen)
    if chosen.light:
        screen.model = LiveModel(light, lambda *_, **__: Models.load(off))
    banners: list[tuple[float, str, str]] = []
    context.banner.connect(lambda level, text, _key: text and banners.append((round(now_s(), 1), level, text)))
    began = time.monotonic()

    def now_s() -> float:
        return time.monotonic() - began

    def spin(seconds: float, until: Any = None) -> None:
        """Let the app run, as `exec` would, for `seconds` or until it holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until is not None and until()):
            QTest.qWait(50)

    def press(key: Qt.Key) -> None:
        QTest.keyClick(screen.focusWidget() or screen, key)

    def shot(name: str) -> None:
        if chosen.shots is not None:
            chosen.shots.mkdir(parents=True, exist_ok=True)
            window.grab().save(str(chosen.shots / f"live-{name}.png"))

    class Answer(QObject):
        asked = pyqtSignal(float)

    answer, late_ms, over = Answer(), array("f"), threading.Event()
    answer.asked.connect(lambda at: late_ms.append((time.monotonic() - at) * 1e3), Qt.ConnectionType.QueuedConnection)

    def ask() -> None:
        while not over.wait(BEAT_S):
            answer.asked.emit(time.monotonic())

    paints_ms, slow = array("f"), list[tuple[float, float]]()
    painted = screen.paint

    def timed() -> None:
        at = time.thread_time()
        painted()
        paints_ms.append((time.thread_time() - at) * 1e3)
        if paints_ms[-1] > SLOW_MS:
            slow.append((round(now_s(), 2), round(paints_ms[-1], 1)))

    screen.timer.timeout.disconnect()
    screen.timer.timeout.connect(timed)
    press(Qt.Key.Key_Tab)
    screen.start.setFocus()
    press(Qt.Key.Key_Space)
    spin(60, lambda: screen.model.state is not State.STARTING)
    if screen.model.state is not State.RECORDING:
        raise SystemExit(screen.model.snapshot().error)
    started_s = now_s()
    spin(WARM_S)
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    del late_ms[:], paints_ms[:]
    cpu, process_cpu, wall = time.thread_time(), time.process_time(), time.monotonic()
    memory: list[tuple[float, float]] = []
    timer = QTimer()
    timer.timeout.connect(lambda: memory.append((now_s(), resident_mb())))
    timer.start(5000)
    seconds = chosen.minutes * 60
    if chosen.switch_ms:
        sys.setswitchinterval(chosen.switch_ms / 1e3)
    truths = []
    for step in range(4):  # a quarter of the time each
        press(Qt.Key.Key_N)
        spin(seconds / 16)
        press(Qt.Key.Key_Space)
        spin(seconds / 16)
        press(Qt.Key(Qt.Key.Key_1.value + step))
        press(Qt.Key.Key_M)
        if screen.note.isVisible():
            QTest.keyClicks(screen.note, f"note {step}")
            shot("note" if step == 1 else "recording")
            QTest.keyClick(screen.note, Qt.Key.Key_Return)
        if step == 1 and chosen.unplug:
            camera.unplug()
            spin(UNPLUGGED_S)
            shot("unplugged")
            camera.plug()
            spin(15, lambda: screen.video.frame is not None)
            shot("back")
        if step == 2 and chosen.unplug and microphone.name != "none":
            microphone.unplug()
            spin(UNPLUGGED_S)
            shot("no-microphone")
            microphone.plug()
            spin(20, lambda: not screen.model.snapshot().lost)
            spin(3)
        if step == 2:
            press(Qt.Key.Key_Q)
            spin(0.5)
            shot("quiet")
            press(Qt.Key.Key_Q)
        spin(seconds / 8)
        truths.append(screen.truth.text())
    cpu, process_cpu = time.thread_time() - cpu, time.process_time() - process_cpu
    wall = time.monotonic() - wall
    over.set()
    beats_ms, began_to_stop_s = paints_ms[:], now_s()
    shot("end")
    session = screen.model._session
    assert session is not None
    recording_s = now_s() - started_s
    screen._to_review = False
    screen.stop.setFocus()
    press(Qt.Key.Key_Space)
    spin(60, lambda: not screen.model.busy)
    stored = screen.model.snapshot().folder
    assert stored is not None
    kept = open_session(stored, context.keys)
    info, events = kept.info, [event["kind"] for event in kept.events()]
    window.shutdown()
    window.close()
    with suppress(RuntimeError):
        app.processEvents()
    settings: Settings = session.settings
    closing_mb = max((mb for _, mb in memory), default=0.0)
    memory = [(t, mb) for t, mb in memory if t < began_to_stop_s]
    half = memory[len(memory) // 2 :] or memory
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(v, 2) for v in os.getloadavg()],
            "python": sys.version.split()[0],
            "system": platform.platform(),
        },
        "minutes": round(wall / 60, 2),
        "recorded_s": round(recording_s, 1),
        "channels": settings.channels.model_dump(exclude={"body_every"}),
        "qt_thread_cpu_percent": round(100 * cpu / wall, 1),
        "process_cpu_percent": round(100 * process_cpu / wall, 1),
        "timer_beat_cpu_ms": percentiles(beats_ms),
        "slow_beats": [s for s in slow if s[0] < began_to_stop_s],
        "beats_per_s": round(len(beats_ms) / wall, 1),
        "event_loop_latency_ms": percentiles(late_ms),
        "resident_mb": {"first": round(memory[0][1]), "last": round(memory[-1][1])} if memory else {},
        "resident_mb_at_s": [(round(t), round(v)) for t, v in memory],
        "resident_mb_while_closing": round(closing_mb),
        "growth_mb_per_min": round(60 * (half[-1][1] - half[0][1]) / max(1e-9, half[-1][0] - half[0][0]), 2)
        if len(half) > 1
        else None,
        "lines_of_truth": truths,
        "balances": info["ledger"]["balances"],
        "audio": info["ledger"].get("audio"),
        "video": info["ledger"].get("video"),
        "state": info["state"],
        "events": {kind: events.count(kind) for kind in sorted(set(events))},
        "banners": banners,
    }


if __name__ == "__main__":
    raise SystemExit(main())
