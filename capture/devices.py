"""The machine flows in, its cameras and microphones flow out, with levels and frame rates measured when asked for."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock
from ahdetect.capture.edges import LATEST_ONLY, LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, Frame
from ahdetect.capture.portaudio import BACKENDS, MicrophoneDevice
from ahdetect.capture.source import Source
from ahdetect.errors import DeviceError

_SYSFS = Path("/sys/class/video4linux")
_QUERYCAP = 0x80685600
"""VIDIOC_QUERYCAP, _IOR('V', 0, struct v4l2_capability of 104 bytes); linux/videodev2.h."""
_DEVICE_CAPS_AT = 88
_CAN_CAPTURE = 0x1 | 0x1000
"""V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE. Webcams have a second node for metadata that has neither."""

_PROBED = 4
"""Indices tried where the system has no list of cameras to read."""

CLIP_LEVEL = 32_700
"""A sample at or above this (of 32 767) counts as clipped."""

SILENCE_DBFS = -96.0
"""What 16 bits can tell from nothing."""


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera.

    Attributes:
        index: what to give to `--video`.
        name: as the driver calls it.
        path: device file; empty where there is none.
        usable: whether this user may open it.
    """

    index: int
    name: str
    path: str = ""
    usable: bool = True


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness of a stretch of sound.

    Attributes:
        t_ns: its end, session time.
        peak_dbfs: highest sample, decibels below full scale.
        rms_dbfs: root mean square, decibels below full scale (a full-scale sine has -3).
        clipped: samples at full scale.
    """

    t_ns: int
    peak_dbfs: float
    rms_dbfs: float
    clipped: int


@dataclass(frozen=True, slots=True)
class FrameRate:
    """What a camera really gives.

    Attributes:
        frames: counted.
        seconds: between the first and the last of them.
        fps: measured.
        longest_gap_ms: between two frames.
        width: of the picture, pixels.
        height: of the picture, pixels.
        driver: backend and pixel format.
    """

    frames: int
    seconds: float
    fps: float
    longest_gap_ms: float
    width: int
    height: int
    driver: str


def cameras() -> list[CameraDevice]:
    """Cameras that are plugged in; on Linux none is opened for streaming, so a busy one is listed and left alone."""
    return list(_cameras_of_linux() if sys.platform == "linux" else _cameras_by_trying())


def _cameras_of_linux() -> Iterator[CameraDevice]:
    for node in sorted(_SYSFS.glob("video*"), key=lambda p: int(p.name.removeprefix("video") or 0)):
        path = Path("/dev") / node.name
        usable = os.access(path, os.R_OK | os.W_OK)
        if usable and not _captures(path):
            continue
        name_file = node / "name"
        name = name_file.read_text(encoding="utf-8", errors="replace").strip() if name_file.exists() else node.name
        yield CameraDevice(int(node.name.removeprefix("video")), name, str(path), usable)


def _captures(path: Path) -> bool:
    """Ask a video node what it can do; V4L2 allows this while another program streams from it."""
    import fcntl  # Linux only, like this function

    answer = bytearray(104)
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True  # unknown; better listed than hidden
    try:
        fcntl.ioctl(handle, _QUERYCAP, answer)
    except OSError:
        return False
    finally:
        os.close(handle)
    return bool(int.from_bytes(answer[_DEVICE_CAPS_AT : _DEVICE_CAPS_AT + 4], sys.byteorder) & _CAN_CAPTURE)


def _cameras_by_trying() -> Iterator[CameraDevice]:
    from ahdetect.capture.camera import open_capture

    for index in range(_PROBED):
        capture = open_capture(index)
        opened = capture.isOpened()
        capture.release()
        if opened:
            yield CameraDevice(index, f"camera {index}")


def microphones() -> tuple[list[MicrophoneDevice], list[str]]:
    """Microphones of every backend, and a sentence for each backend that cannot be used."""
    found: list[MicrophoneDevice] = []
    notes: list[str] = []
    for name, make in BACKENDS.items():
        try:
            found += make().devices()
        except Exception as error:  # a broken sound system must not hide the cameras
            notes.append(str(error) or f"{name}: {type(error).__name__}")
    return found, notes


def level(pcm: NDArray[np.int16], t_ns: int) -> Level:
    """Loudness of int16 samples."""
    wide = np.abs(pcm.astype(np.int32))
    peak = float(wide.max(initial=0)) / 32768
    rms = math.sqrt(float((wide.astype(np.float64) ** 2).mean())) / 32768 if len(pcm) else 0.0
    return Level(t_ns, _dbfs(peak), _dbfs(rms), int((wide >= CLIP_LEVEL).sum()))


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DBFS


def meter(source: Source, clock: Clock, ledger: Ledger, seconds: float) -> Iterator[Level]:
    """Levels of a microphone for `seconds`, one per 40 ms block that was heard; the source is ended afterwards."""
    edge: Edge[AudioBlock] = Edge("microphone->meter", LOSSLESS, clock, ledger)
    source.subscribe_audio(edge)
    source.start()
    end_ns = clock.now_ns() + round(seconds * NS_PER_S)
    try:
        while clock.now_ns() < end_ns and not edge.exhausted:
            packet = edge.take(0.1)
            if packet is not None and not packet.data.synthetic:
                yield level(packet.data.pcm, packet.end_ns)
    finally:
        source.stop()
        source.join(5.0)


def measure(source: Source, clock: Clock, ledger: Ledger, seconds: float) -> FrameRate:
    """Count the frames of a camera for `seconds`; the source is ended afterwards.

    Raises:
        DeviceError: fewer than two frames came.
    """
    edge: Edge[Frame] = Edge("camera->measure", LATEST_ONLY, clock, ledger)
    source.subscribe_video(edge)
    source.start()
    times: list[int] = []
    end_ns = clock.now_ns() + round(seconds * NS_PER_S)
    try:
        while clock.now_ns() < end_ns and not edge.exhausted:
            packet = edge.take(0.1)
            if packet is not None:
                times.append(packet.t_ns)
    finally:
        source.stop()
        source.join(5.0)
    if len(times) < 2:
        raise DeviceError(
            f"{source.info.name} gave {len(times)} frames in {seconds:g} s; check that no other program uses it.",
            value=source.info.name,
            permanent=False,
        )
    steps = np.diff(np.array(times))
    span_ns = times[-1] - times[0]
    info = source.info
    return FrameRate(
        len(times),
        round(span_ns / NS_PER_S, 3),
        round((len(times) - 1) * NS_PER_S / span_ns, 2),
        round(float(steps.max()) / NS_PER_MS, 1),
        info.width,
        info.height,
        info.driver,
    )
