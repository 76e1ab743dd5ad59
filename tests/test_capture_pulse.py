"""Microphone on a real sound server: a Pulse null sink of our own, through both backends."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from media import tone

from ahdetect.capture.clock import NS_PER_S, SessionClock
from ahdetect.capture.devices import measure, meter
from ahdetect.capture.edges import LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.microphone import open_microphone
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket
from ahdetect.errors import DeviceError

pytestmark = pytest.mark.audio_device

MS = 1_000_000
PROGRAMS = ("pulseaudio", "pactl", "paplay", "pacat")
"""Of the packages pulseaudio and pulseaudio-utils; PortAudio reaches Pulse through libasound2-plugins."""


@dataclass
class Server:
    """A private Pulse server; nothing of the host's sound is touched."""

    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    keeper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        socket = self.folder / "native"
        load = [f"module-native-protocol-unix socket={socket} auth-anonymous=1", "module-null-sink sink_name=vmic"]
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        for module in load:
            command += ["-L", module]
        self.process = subprocess.Popen(command, env=self.env, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.run("pactl", "set-default-source", "vmic.monitor") == 0:
                break
            assert self.process.poll() is None, "pulseaudio ended"
            time.sleep(0.05)
        else:
            pytest.fail("pulseaudio did not answer")
        # the monitor of an idle sink gives sound in blocks of two seconds
        play = ["pacat", "--device=vmic", "--format=s16le", "--rate=48000", "--latency-msec=20", "/dev/zero"]
        self.keeper = subprocess.Popen(play, env=self.env, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        for process in (self.keeper, self.process):
            if process is not None:
                process.kill()
                process.wait()

    def run(self, *command: str) -> int:
        return subprocess.run(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    for name, value in {
        "XDG_RUNTIME_DIR": tmp_path,
        "PULSE_RUNTIME_PATH": tmp_path,
        "PULSE_SERVER": f"unix:{tmp_path / 'native'}",
        "HOME": tmp_path,
    }.items():
        monkeypatch.setenv(name, str(value))
    tmp_path.chmod(0o700)
    server = Server(tmp_path, dict(os.environ))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sounddevice", "pyaudio"])
def backend(request: pytest.FixtureRequest, pulse: Server) -> str:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} not installed")
    # PortAudio lists devices when it is loaded, which in this process may have been without the server
    from ahdetect.capture.portaudio import BACKENDS

    made = BACKENDS[request.param]()
    made.rescan()
    if not any(d.name == "pulse" for d in made.devices()):
        pytest.skip("PortAudio does not see Pulse: libasound2-plugins not installed")
    return str(request.param)


def drained(edge: Edge) -> list[AudioPacket]:
    packets = []
    while (packet := edge.take()) is not None:
        packets.append(packet)
    return packets


def wait(seconds: float) -> None:
    time.sleep(seconds)  # real devices take real time


def until(done: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        wait(0.05)
    return True


def test_sound_is_heard_when_it_was_played_and_nothing_is_missing(pulse: Server, backend: str):
    path = pulse.folder / "beep.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(tone(1000, 0.1, rate=48_000, level=0.6).tobytes())
    clock, ledger = SessionClock(), Ledger()
    mic = open_microphone("pulse", clock, ledger, backend=backend)
    edge = Edge("microphone->test", LOSSLESS, clock, ledger)
    mic.subscribe_audio(edge)
    mic.start()
    assert until(lambda: mic.totals.samples > SAMPLE_RATE)
    played = []
    for _ in range(4):
        played.append(clock.now_ns())
        assert pulse.run("paplay", "--device=vmic", "--latency-msec=20", str(path)) == 0
        wait(0.4)
    mic.stop()
    assert mic.join(5.0)
    assert mic.error is None
    packets = drained(edge)
    pcm = np.concatenate([p.data.pcm for p in packets])
    times = np.concatenate([p.t_ns + np.arange(len(p.data.pcm)) * NS_PER_S // SAMPLE_RATE for p in packets])
    loud = np.abs(pcm.astype(int)) > 3000
    onsets = [times[i] for i in np.flatnonzero(loud) if not loud[max(0, i - 3200) : i].any()]
    assert len(onsets) == 4
    delays_ms = (np.array(onsets) - np.array(played)) / MS
    # the start of paplay and Pulse's own buffers are in this
    assert -5 < np.median(delays_ms) < 80, delays_ms
    heard_s = (packets[-1].end_ns - packets[0].t_ns) / NS_PER_S
    assert mic.totals.samples + mic.totals.gap_samples == pytest.approx(heard_s * SAMPLE_RATE, abs=640)
    assert mic.totals.gap_samples == 0
    assert edge.counts().balances


@pytest.mark.timeout(60)
def test_a_sound_server_that_dies_and_returns_is_a_gap_on_record(pulse: Server, backend: str):
    clock, ledger = SessionClock(), Ledger()
    mic = open_microphone("pulse", clock, ledger, backend=backend)
    edge = Edge("microphone->test", LOSSLESS, clock, ledger)
    mic.subscribe_audio(edge)
    mic.start()
    try:
        assert until(lambda: mic.totals.samples > SAMPLE_RATE)
        lost = len(ledger.rows("device_lost"))
        pulse.stop()
        assert until(lambda: len(ledger.rows("device_lost")) > lost)
        wait(1.0)
        heard = mic.totals.samples
        pulse.start()
        assert until(lambda: mic.totals.samples > heard + SAMPLE_RATE)
    finally:
        mic.stop()
        assert mic.join(10.0)
    assert mic.error is None
    assert ledger.rows("device_back")
    packets = drained(edge)
    span_s = (packets[-1].end_ns - packets[0].t_ns) / NS_PER_S
    assert mic.totals.samples + mic.totals.gap_samples == pytest.approx(span_s * SAMPLE_RATE, abs=640)
    assert sum(row.detail["samples"] for row in ledger.rows("gap")) == mic.totals.gap_samples > SAMPLE_RATE


def test_looking_for_microphones_prints_nothing_on_stderr(pulse: Server):
    code = (
        "from ahdetect.capture.devices import microphones; found, notes = microphones(); print(len(found));"
        "from ahdetect.capture.microphone import open_microphone; from ahdetect.capture.clock import SessionClock;"
        "from ahdetect.capture.ledger import Ledger; open_microphone('default', SessionClock(), Ledger()).finish()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
    assert done.stderr == ""


def test_the_meter_shows_what_is_played(pulse: Server, backend: str):
    path = pulse.folder / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(tone(500, 4.0, rate=48_000, level=0.5).tobytes())
    clock, ledger = SessionClock(), Ledger()
    mic = open_microphone("pulse", clock, ledger, backend=backend)
    with subprocess.Popen(["paplay", "--device=vmic", str(path)], env=pulse.env) as player:
        levels = list(meter(mic, clock, ledger, 3.5))
        player.kill()
    assert max(level.peak_dbfs for level in levels) == pytest.approx(-6.0, abs=0.5)
    assert max(level.rms_dbfs for level in levels) == pytest.approx(-9.0, abs=0.5)


def test_a_microphone_is_no_camera(pulse: Server, backend: str):
    clock, ledger = SessionClock(), Ledger()
    mic = open_microphone("pulse", clock, ledger, backend=backend)
    with pytest.raises(DeviceError, match="0 frames"):
        measure(mic, clock, ledger, 0.5)
