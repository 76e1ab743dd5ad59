"""Stills: a video file and moments of the session (s) flow in; upright RGB pictures (height, width, 3) flow out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import numpy as np

from ahdetect.capture.media import Media
from ahdetect.capture.packets import Frame
from ahdetect.errors import MediaError

_AHEAD_S = 1.5
"""A moment up to this far ahead is reached by decoding on; beyond it a seek to the key frame before it is cheaper
(key frames stand 1-2 s apart in most clips and in our own recordings)."""


class Stills:
    """The picture that was on at a given moment, for thumbnails and for a cursor that is dragged about.

    Args:
        path: a file with video, or what opens it.
        origin_s: the file's own time that is session time 0; None takes the start of the file, as replay does. The
            `video.mkv` of a session is in session time already: 0.

    Raises:
        MediaError: the file cannot be opened or has no video.
    """

    def __init__(self, path: Media, origin_s: float | None = None) -> None:
        self.path = path
        try:
            self._container = av.open(path() if callable(path) else str(path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"Cannot open {path} as a video: {error.strerror or error}.", value=path) from error
        if not self._container.streams.video:
            self._container.close()
            raise MediaError(f"There is no video in {path}.", value=path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        if origin_s is None:
            origin_s = (self._container.start_time or 0) / av.time_base
        self._origin_s = origin_s
        self._frames: Iterator[Any] = iter(())
        self._held: Any = None  # decoded and on at the last moment asked for
        self._next: Any = None  # decoded, not on yet

    def at(self, t_s: float, height: int | None = None) -> Frame | None:
        """The picture on at session time `t_s`; the first one before the start; None where nothing can be decoded.

        Args:
            t_s: seconds.
            height: scale to this many rows, keeping the shape; None leaves the size.
        """
        target = t_s + self._origin_s
        if self._held is None or not self._time(self._held) <= target <= self._time(self._held) + _AHEAD_S:
            self._seek(target)
        while self._next is not None and self._time(self._next) <= target:
            self._held, self._next = self._next, self._decode()
        frame = self._held or self._next
        return None if frame is None else _upright(frame, height, float(self._stream.sample_aspect_ratio or 1))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> Stills:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _seek(self, target: float) -> None:
        offset = max(0, int(Fraction(target) / self._stream.time_base))
        try:
            self._container.seek(offset, stream=self._stream)
        except av.error.FFmpegError:  # a file without an index that was cut short: read it from its start
            self._container.seek(0)
        self._frames = iter(self._container.decode(self._stream))
        self._held, self._next = None, self._decode()

    def _decode(self) -> Any:
        try:
            return next((f for f in self._frames if f.pts is not None), None)
        except (av.error.FFmpegError, EOFError):
            return None  # a torn tail ends the film here

    def _time(self, frame: Any) -> float:
        return float(frame.pts * self._stream.time_base)


def _upright(frame: Any, height: int | None, pixel_shape: float) -> Frame:
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as np.rot90
    wide, tall = frame.width * pixel_shape, float(frame.height)
    scale = 1.0 if height is None else height / (wide if turns % 2 else tall)
    array = frame.to_ndarray(format="rgb24", width=max(2, round(wide * scale)), height=max(2, round(tall * scale)))
    return np.ascontiguousarray(np.rot90(array, turns))
