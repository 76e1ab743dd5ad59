"""Camera: frames stamped as they are grabbed, through unplugging, stalls and network streams."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from media import grey, number_of, write_clip

from ahdetect.capture.camera import Camera, Spec
from ahdetect.capture.clock import NS_PER_S, ManualClock, SessionClock
from ahdetect.capture.edges import LATEST_ONLY, LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import VideoPacket
from ahdetect.capture.stage import Progress
from ahdetect.errors import DeviceError

MS = 1_000_000


class Scripted:
    """The part of cv2.VideoCapture that is used; grabbing takes 40 ms of a ManualClock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.plugged = True
        self.opens = 0
        self.released = 0
        self.size = (48, 64)
        self.settings: dict[int, float] = {cv2.CAP_PROP_FPS: 25.0}
        self.damaged: set[int] = set()
        self.count = 0

    def opener(self, _source: Spec) -> Scripted:
        self.opens += 1
        return self

    def isOpened(self) -> bool:  # noqa: N802
        return self.plugged

    def grab(self) -> bool:
        if self.plugged:
            self.clock.advance(0.04)
            self.count += 1
        return self.plugged

    def retrieve(self) -> tuple[bool, Any]:
        self.clock.advance(0.003)
        if self.count in self.damaged:
            return False, None
        frame = np.zeros((*self.size, 3), np.uint8)
        frame[..., 0] = 200  # blue, as OpenCV orders
        return True, frame

    def get(self, prop: int, /) -> float:
        return self.settings.get(prop, 0.0)

    def set(self, prop: int, value: float, /) -> bool:
        self.settings[prop] = value
        return True

    def release(self) -> None:
        self.released += 1


def made(**options: Any) -> tuple[Camera, Scripted, Edge, Ledger]:
    clock, ledger = ManualClock(), Ledger()
    device = Scripted(clock)
    camera = Camera(0, clock, ledger, opener=device.opener, **options)
    edge = Edge("camera->test", LOSSLESS, clock, ledger)
    camera.subscribe_video(edge)
    return camera, device, edge, ledger


def drained(edge: Edge) -> list[VideoPacket]:
    packets = []
    while (packet := edge.take()) is not None:
        packets.append(packet)
    return packets


def test_a_frame_is_stamped_when_it_is_grabbed_not_when_it_is_decoded():
    camera, device, edge, _ = made()
    opened_ns = device.clock.now_ns()
    assert camera.step() is Progress.WORKED
    (packet,) = drained(edge)
    assert packet.t_ns == opened_ns + 40 * MS
    assert packet.created_ns == packet.t_ns + 3 * MS
    assert packet.data.shape == (48, 64, 3)
    assert packet.data[0, 0].tolist() == [0, 0, 200]  # RGB


def test_times_are_whole_rising_milliseconds_and_a_frame_lasts_as_long_as_those_before_it():
    camera, _, edge, _ = made()
    for _ in range(10):
        camera.step()
    packets = drained(edge)
    assert all(p.t_ns % MS == 0 for p in packets)
    assert [p.seq for p in packets] == list(range(10))
    assert packets[-1].dur_ns == 43 * MS
    assert camera.measured_fps == pytest.approx(1 / 0.043)


def test_size_and_rate_are_asked_for_and_what_was_given_is_recorded():
    camera, device, _, ledger = made(size=(1280, 720), fps=30)
    assert device.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert device.settings[cv2.CAP_PROP_FPS] == 30
    assert round(device.settings[cv2.CAP_PROP_FOURCC]).to_bytes(4, "little") == b"MJPG"
    assert (camera.info.width, camera.info.height, camera.info.fps) == (64, 48, 30.0)
    (row,) = ledger.rows("note", "camera")
    assert row.detail["asked"] == {"size": [1280, 720], "fps": 30}
    assert row.detail["given"]["size"] == [64, 48]


def test_a_small_picture_is_not_asked_for_as_mjpg():
    _, device, _, _ = made(size=(640, 480))
    assert cv2.CAP_PROP_FOURCC not in device.settings


def test_an_unplugged_camera_is_tried_again_with_growing_pauses_and_its_numbers_go_on():
    camera, device, edge, ledger = made()
    for _ in range(3):
        camera.step()
    device.plugged = False
    opens = [device.opens]
    lost_ns = device.clock.now_ns()
    while device.clock.now_ns() < lost_ns + 20 * NS_PER_S:
        assert camera.step() is Progress.IDLE
        opens.append(device.opens)
    assert opens[-1] - opens[0] == 6  # after 0.5, 1, 2, 5, 5 and 5 s
    device.plugged = True
    device.size = (96, 128)  # back in another mode: consumers were promised 64x48
    while device.clock.now_ns() < lost_ns + 30 * NS_PER_S:
        camera.step()
    packets = drained(edge)
    assert [p.seq for p in packets] == list(range(len(packets)))
    assert {p.data.shape for p in packets} == {(48, 64, 3)}
    assert packets[3].t_ns > lost_ns + 20 * NS_PER_S
    kinds = [row.kind for row in ledger.rows() if row.kind.startswith("device")]
    assert kinds == ["device_lost", "device_back"]


def test_a_damaged_picture_is_counted_and_the_camera_kept():
    camera, device, edge, ledger = made()
    device.damaged = {3, 4}
    for _ in range(6):
        camera.step()
    assert len(drained(edge)) == 4
    assert camera.totals.broken == 2
    assert ledger.rows("device_lost") == []


@pytest.mark.parametrize("source", [7, "/dev/video77", "http://127.0.0.1:9/cam.mjpg"])
def test_a_camera_that_is_not_there_is_said_in_one_sentence(source: Spec):
    with pytest.raises(DeviceError) as caught:
        Camera(source, SessionClock(), Ledger())
    assert str(source) in str(caught.value)
    assert str(caught.value).endswith(".")
    assert not caught.value.permanent


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(DeviceError) as caught:
        Camera("http://user:secret@127.0.0.1:9/cam", SessionClock(), Ledger())
    assert "secret" not in str(caught.value)


def test_a_file_plays_at_its_own_rate_and_ends(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", grey(10), video_codec="mjpeg")
    clock, ledger = ManualClock(), Ledger()
    camera = Camera(str(clip), clock, ledger)
    edge = Edge("camera->test", LOSSLESS, clock, ledger)
    camera.subscribe_video(edge)
    while camera.step() is not Progress.DONE:
        pass
    camera.finish()
    packets = drained(edge)
    assert [number_of(p.data) for p in packets] == list(range(1, 10))  # the first frame shows that there are frames
    assert packets[-1].t_ns == 8 * NS_PER_S // 25


def test_importing_the_camera_leaves_qt_alone():
    code = "import os, ahdetect.capture.camera; print([k for k in os.environ if k.startswith('QT_QPA_')])"
    env = {k: v for k, v in os.environ.items() if not k.startswith("QT_QPA_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "[]"


# The real path: a stream over loopback.


@pytest.fixture
def mjpeg() -> Iterator[tuple[str, Callable[[], int]]]:
    """A camera on the network, 30 frames a second; each frame's grey is its number modulo 50, counted as it is sent."""
    sent: list[int] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            pictures = [cv2.imencode(".jpg", cv2.cvtColor(f, cv2.COLOR_RGB2BGR))[1].tobytes() for f in grey(50)]
            try:
                while not over.wait(1 / 30):
                    body = pictures[len(sent) % 50]
                    sent.append(time.monotonic_ns())
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                    self.wfile.write(head.encode() + body + b"\r\n")
            except OSError:
                pass

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/cam.mjpg", lambda: len(sent)
    over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_lag_builds_up_on_a_network_stream(mjpeg: tuple[str, Callable[[], int]]):
    address, sent = mjpeg
    clock, ledger = SessionClock(), Ledger()
    camera = Camera(address, clock, ledger)
    edge = Edge("camera->test", LATEST_ONLY, clock, ledger)
    camera.subscribe_video(edge)
    camera.start()
    behind = []
    while clock.now_ns() < 4 * NS_PER_S:
        packet = edge.take(0.5)
        if packet is not None:
            behind.append((sent() - 1 - number_of(packet.data)) % 50)
    camera.stop()
    assert camera.join(5.0)
    assert camera.error is None
    assert len(behind) > 60
    assert np.median(behind[-30:]) <= 2  # frames; 33 ms each
    assert camera.measured_fps == pytest.approx(30, rel=0.15)


def serve(port: int, clip: Path) -> subprocess.Popen[bytes]:
    command = "ffmpeg -v error -re -stream_loop -1 -i {} -an -c:v mjpeg -q:v 3 -f mpjpeg -listen 1 http://127.0.0.1:{}/cam.mjpg"
    return subprocess.Popen(command.format(clip, port).split(), stderr=subprocess.DEVNULL)


def until(camera: Camera, edge: Edge, done: Callable[[], bool], seconds: float = 20.0) -> bool:
    end_ns = camera.clock.now_ns() + round(seconds * NS_PER_S)
    while camera.clock.now_ns() < end_ns:
        edge.take(0.05)
        if done():
            return True
    return False


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg serves the stream")
def test_a_stream_that_dies_and_returns_and_then_hangs_never_blocks(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", grey(100, width=320, height=240), fps=30)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock, ledger = SessionClock(), Ledger()
    server = serve(port, clip)
    try:
        camera = None
        while camera is None and clock.now_ns() < 20 * NS_PER_S:
            try:
                camera = Camera(f"http://127.0.0.1:{port}/cam.mjpg", clock, ledger)
            except DeviceError:
                assert server.poll() is None
        assert camera is not None
        edge = Edge("camera->test", LATEST_ONLY, clock, ledger)
        camera.subscribe_video(edge)
        camera.start()
        assert until(camera, edge, lambda: camera.totals.frames > 10)
        server.kill()
        server.wait()
        assert until(camera, edge, lambda: bool(ledger.rows("device_lost")))
        server = serve(port, clip)
        assert until(camera, edge, lambda: bool(ledger.rows("device_back")))
        before = camera.totals.frames
        assert until(camera, edge, lambda: camera.totals.frames > before + 10)
        server.send_signal(signal.SIGSTOP)  # connected, and silent
        stopped_ns = clock.now_ns()
        camera.stop()
        assert camera.join(10.0)
        assert clock.now_ns() - stopped_ns < 5 * NS_PER_S
        assert camera.error is None
        assert edge.counts().balances
    finally:
        server.kill()
        server.wait()
