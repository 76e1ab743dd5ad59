"""A camera or a video stream flows in, RGB frames flow out, stamped the moment each was grabbed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # else every failed attempt to reopen prints warnings
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "8")  # AV_LOG_FATAL

import cv2
import numpy as np

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import VIDEO_TICK_NS, Packet
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import DeviceError

if os.environ["OPENCV_LOG_LEVEL"] == "ERROR":  # MediaPipe may have imported it before the variable was set
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

for _name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
    os.environ.pop(_name, None)  # OpenCV's own Qt, which would break the PyQt6 of whoever imports us

Spec: TypeAlias = int | str

OPEN_TIMEOUT_MS = 5_000
"""A stream that does not answer within this is not there."""

READ_TIMEOUT_MS = 2_000
"""A stream that sends nothing for this long is lost: `stop()` waits no longer than that."""

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to get a lost camera back; the last one repeats."""

MJPG_FROM_PIXELS = 640 * 480
"""USB 2 carries raw 640x480 at 30 frames a second and no more; larger pictures are asked for as MJPG."""

_USUAL_FPS = 30.0

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
"""OpenCV passes this on to FFmpeg, read anew at each opening; a user who has set it is obeyed."""


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used; tests bring a scripted one."""

    def isOpened(self) -> bool: ...  # noqa: N802, D102  OpenCV's names
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self) -> tuple[bool, Any]: ...  # noqa: D102
    def get(self, prop: int, /) -> float: ...  # noqa: D102
    def set(self, prop: int, value: float, /) -> bool: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def open_capture(source: Spec) -> Capture:
    """Open by the backend that fits: V4L2 and the like for devices, FFmpeg for addresses and files."""
    if isinstance(source, str) and not source.startswith("/dev/"):
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        if "://" not in source or _OPTIONS in os.environ:
            return cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)
        os.environ[_OPTIONS] = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"  # frames when sent, not in bursts
        try:
            return cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)
        finally:
            del os.environ[_OPTIONS]
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return cv2.VideoCapture(source, backend)


class Camera(Source):
    """Watches a camera until it is stopped.

    A frame's time is the clock's the moment `grab()` returned, in whole milliseconds. Every frame is read as it comes,
    so that none waits in a driver's or a network's buffer and grows old there; who cannot keep up drops at its own
    edge. When the camera is gone, the ledger says so, it is tried again with growing pauses, and sequence numbers go
    on. A file is played at its own rate and ends; `Replay` is the better way for files.

    Args:
        source: number or path of a device, a stream address, or a file.
        clock: session time.
        ledger: receives device_lost and device_back.
        size: width and height to ask for; what was given stands in `info`.
        fps: frames a second to ask for.
        opener: makes the capture.

    Raises:
        DeviceError: it cannot be opened, or gives no frame.
    """

    def __init__(
        self,
        source: Spec,
        clock: Clock,
        ledger: Ledger,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        opener: Callable[[Spec], Capture] = open_capture,
    ) -> None:
        super().__init__("camera", clock, ledger)
        self._source, self._size, self._fps, self._opener = source, size, fps, opener
        self._seq = 0
        self._last_ns = -VIDEO_TICK_NS
        self._intervals_ns: list[int] = []
        self._lost = False
        self._tries = 0
        self._next_try_ns = 0
        self._is_device = isinstance(source, int) or source.startswith("/dev/")
        self._is_file = isinstance(source, str) and Path(source).is_file()
        opened = self._open()
        if opened is None:
            raise DeviceError(_explain(source), value=source, permanent=False)
        self._capture: Capture | None
        self._capture, first = opened
        self.info = self._describe(self._capture, first)
        asked = {"size": list(size) if size else None, "fps": fps}
        self.ledger.write(
            clock.now_ns(),
            "note",
            self.name,
            what="camera opened",
            asked=asked,
            given={"size": [self.info.width, self.info.height], "fps": self.info.fps, "by": self.info.driver},
        )

    def step(self) -> Progress:
        """Grab, stamp, convert, hand out one frame; or try to get a lost camera back."""
        if self._capture is None:
            return self._try_again()
        if self._is_file and self._seq:
            self.clock.wait_until(self._last_ns + round(NS_PER_S / (self.info.fps or _USUAL_FPS)), self.stopping)
        if not self._capture.grab():
            if self._is_file:
                return Progress.DONE
            return self._lose("no frame came")
        now_ns = self.clock.now_ns()
        if self.paused:  # grabbed, so that nothing grows old in a buffer, and not looked at
            self._back(now_ns)
            return Progress.WORKED
        got, bgr = self._capture.retrieve()
        if not got or bgr is None:
            self.totals.broken += 1  # one damaged picture; the camera itself answers
            return Progress.WORKED
        self._back(now_ns)
        rgb = cv2.cvtColor(bgr, cv2.COLOR_GRAY2RGB if bgr.ndim == 2 else cv2.COLOR_BGR2RGB)
        if rgb.shape[:2] != (self.info.height, self.info.width):
            # came back in another size: whoever consumes us was promised one size
            rgb = cv2.resize(rgb, (self.info.width, self.info.height), interpolation=cv2.INTER_AREA)
        t_ns = max(now_ns // VIDEO_TICK_NS * VIDEO_TICK_NS, self._last_ns + VIDEO_TICK_NS)
        packet = Packet("video", self._seq, t_ns, self._interval_ns(t_ns), self.clock.now_ns(), rgb)
        self._seq += 1
        self._last_ns = t_ns
        self._emit_video(packet)
        return Progress.WORKED

    def finish(self) -> None:
        """Let the camera go and close the edges."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
        super().finish()

    @property
    def measured_fps(self) -> float:
        """Frames a second over the last 30 frames, pauses left out; what was negotiated until there are two."""
        if not self._intervals_ns:
            return self.info.fps
        intervals = np.array(self._intervals_ns)
        return NS_PER_S / float(intervals[intervals <= 2 * np.median(intervals)].mean())

    def _interval_ns(self, t_ns: int) -> int:
        """How long a frame lasts: as the ones before it, for the next one is not known yet."""
        if self._seq:
            self._intervals_ns = [*self._intervals_ns[-29:], t_ns - self._last_ns]
        return round(NS_PER_S / (self.measured_fps or _USUAL_FPS))

    def _open(self) -> tuple[Capture, Any] | None:
        """An opened and negotiated capture and its first picture (BGR), or None where there is no picture to be had."""
        capture = self._opener(self._source)
        if not capture.isOpened():
            capture.release()
            return None
        if self._is_device:
            width, height = self._size or (0, 0)
            if width * height > MJPG_FROM_PIXELS:
                capture.set(cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*"MJPG")))
            for prop, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, width),
                (cv2.CAP_PROP_FRAME_HEIGHT, height),
                (cv2.CAP_PROP_FPS, self._fps or 0),
                (cv2.CAP_PROP_BUFFERSIZE, 1),
            ):
                if value:
                    capture.set(prop, float(value))
        got, first = capture.retrieve() if capture.grab() else (False, None)
        if not got or first is None:
            capture.release()
            return None
        return capture, first

    def _describe(self, capture: Capture, first: Any) -> SourceInfo:
        height, width = first.shape[:2]
        fps = capture.get(cv2.CAP_PROP_FPS)
        fourcc = round(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True).decode("latin-1")
        backend = getattr(capture, "getBackendName", lambda: "scripted")()
        info = SourceInfo(_label(self._source), has_video=True, width=width, height=height)
        # as the driver says: MJPEG over HTTP has no rate of its own, and FFmpeg calls it 25 (see `measured_fps`)
        return replace(
            info, fps=fps if 1 <= fps <= 240 else 0.0, driver=f"opencv/{backend} {fourcc.strip(chr(0))}".strip()
        )

    def _back(self, now_ns: int) -> None:
        if self._lost:
            self._lost, self._tries = False, 0
            self.ledger.write(now_ns, "device_back", self.name, device=_label(self._source))

    def _lose(self, reason: str) -> Progress:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
        if not self._lost:
            self._lost = True
            self.ledger.write(self.clock.now_ns(), "device_lost", self.name, device=_label(self._source), reason=reason)
        self._plan_next_try()
        return Progress.IDLE

    def _try_again(self) -> Progress:
        """Wait a little or reopen."""
        now_ns = self.clock.now_ns()
        if now_ns < self._next_try_ns:
            self.clock.wait_until(min(self._next_try_ns, now_ns + 50 * NS_PER_MS), self.stopping)
            return Progress.IDLE
        opened = self._open()
        if opened is None:
            self._plan_next_try()
        else:
            self._capture = opened[0]
        return Progress.IDLE

    def _plan_next_try(self) -> None:
        pause_s = BACK_OFF_S[min(self._tries, len(BACK_OFF_S) - 1)]
        self._tries += 1
        self._next_try_ns = self.clock.now_ns() + round(pause_s * NS_PER_S)


def _label(source: Spec) -> str:
    """A name for messages and the ledger, without the password that an address may carry."""
    return f"camera {source}" if isinstance(source, int) else re.sub(r"//[^/@]*@", "//", source)


def _explain(source: Spec) -> str:
    label = _label(source)
    if isinstance(source, str) and "://" in source:
        return f"The stream {label} cannot be opened or sends no picture; check that it is running and the address."
    return (
        f"The {label} cannot be opened or gives no picture; see `ahdetect devices`, close other programs that use it, "
        "and check that you may use it (group video)."
        if isinstance(source, int)
        else f"{label} cannot be opened as a camera; see `ahdetect devices`."
    )
