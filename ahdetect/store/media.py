"""Media files: video and audio packets flow in; `video.mkv` and `audio.flac` flow out, readable at any moment.

Both files reach the disk in short pieces, so that a process that is killed leaves all but its last half second:
Matroska in clusters of `FLUSH_S`, FLAC frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Final, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_MS
from ahdetect.capture.media import Media
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, Frame, VideoPacket

FLUSH_S: Final = 0.5
"""Seconds of any stream that may be in memory only: half of what a crash may cost (DESIGN, On disk)."""

KEY_FRAME_S: Final = 1.0
"""Seconds between key frames: a cursor dragged over the recording decodes 15 frames on average at 30 fps."""

X264: Final = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20", "threads": "1"}
"""One thread, no look-ahead, visually near lossless (x264's default is crf 23); cost in `docs/session-folder.md`."""

_MATROSKA: Final = {"cluster_time_limit": str(round(FLUSH_S * 1000)), "flush_packets": "1"}


class VideoShape(Protocol):
    """Anything that says how large and how fast pictures will be."""

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a camera promises. A `capture.source.SourceInfo` does as well.

    Attributes:
        width: pixels.
        height: pixels.
        fps: as negotiated; only a hint, every frame keeps its own time.
    """

    width: int = 640
    height: int = 480
    fps: float = 30.0


class _DeafFile:
    """A file that raises to us, in `flush` and `close`, and never into PyAV, which prints what its callbacks raise.

    After its first error it takes everything and keeps nothing: what reached the disk before stays as it is.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: Any) -> int:
        self._try(lambda: self._file.write(data))
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._try(lambda: self._file.seek(offset, whence)) or 0

    def tell(self) -> int:
        return self._try(self._file.tell) or 0

    def flush(self) -> None:
        self._try(self._file.flush)
        self._check()

    def close(self) -> None:
        failed = self._error
        try:
            self._file.close()
        except OSError as error:
            self._error = failed or error
        self._check()

    def _try(self, work: Callable[[], int | None]) -> int | None:
        if self._error is None:
            try:
                return work()
            except OSError as error:
                self._error = error
        return None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


class VideoFile:
    """H.264 in Matroska on a millisecond time base: the `t_ns` of a packet is its timestamp, exactly.

    Args:
        file: open for writing, seekable.
        fps: as negotiated; 0 where unknown.

    The size is that of the first frame, without an odd last row or column (H.264 in 4:2:0 has even sizes only).
    """

    def __init__(self, file: BinaryIO, fps: float) -> None:
        self._file = _DeafFile(file)
        self._fps = fps or 30.0
        self._container = av.open(self._file, "w", format="matroska", options=_MATROSKA)
        self._stream: Any = None
        self._size = 0, 0
        self.last_ns = -1

    def write(self, packet: VideoPacket) -> None:
        """Encode one frame; it must be later than the one before by a millisecond or more.

        Raises:
            OSError: the disk did not take it.
        """
        if packet.t_ns // NS_PER_MS <= self.last_ns // NS_PER_MS:
            raise ValueError(f"video frame {packet.seq} at {packet.t_ns} ns is not later than {self.last_ns} ns")
        if self._stream is None:
            self._stream = self._open(packet.data)
        frame = av.VideoFrame.from_ndarray(self._even(packet.data), format="rgb24")
        frame.pts, frame.time_base = packet.t_ns // NS_PER_MS, Fraction(1, 1000)
        for encoded in self._stream.encode(frame):
            encoded.duration = max(1, packet.dur_ns // NS_PER_MS)
            self._container.mux(encoded)
        self._file.flush()
        self.last_ns = packet.t_ns

    def close(self) -> None:
        """Write what the encoder still holds, the index and the length; without a single frame the file stays empty."""
        with closing(self._file):  # also where the disk refuses the rest
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
                self._container.close()

    def _open(self, picture: Frame) -> Any:
        height, width = picture.shape[:2]
        self._size = width // 2 * 2, height // 2 * 2
        rate = Fraction(self._fps).limit_denominator(1001)
        stream: Any = self._container.add_stream("libx264", rate=rate, options=X264)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = max(1, round(self._fps * KEY_FRAME_S))
        return stream

    def _even(self, picture: Frame) -> Frame:
        width, height = self._size
        if picture.shape[0] // 2 * 2 != height or picture.shape[1] // 2 * 2 != width:
            # The camera came back with another size: the file keeps the one it started with.
            scaled = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            return np.asarray(scaled.to_ndarray(format="rgb24", width=width, height=height))
        return np.ascontiguousarray(picture[:height, :width])


class AudioFile:
    """FLAC, 16 kHz mono int16, lossless, without holes: sample n of the file is sample n of the stream.

    Args:
        file: open for writing, seekable.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = _DeafFile(file)
        self._container = av.open(self._file, "w", format="flac", options={"flush_packets": "1"})
        self._stream: Any = self._container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        self._stream.codec_context.format = "s16"
        self.samples = 0
        self.missing = 0

    def write(self, packet: AudioPacket) -> None:
        """Encode one block. What the numbers of its samples leave out is filled with silence and counted in `missing`.

        Raises:
            OSError: the disk did not take it.
        """
        block = packet.data
        hole = block.first_sample - self.samples
        if hole > 0:
            self.missing += hole
            self._encode(np.zeros(hole, dtype=np.int16))
        self._encode(block.pcm[max(0, -hole) :])

    def close(self) -> None:
        """Finish and close the file."""
        with closing(self._file):  # also where the disk refuses the rest
            self.end()

    def end(self) -> None:
        """Write the last block and the length."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.flush()

    def _encode(self, pcm: NDArray[np.int16]) -> None:
        if not len(pcm):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self.samples, Fraction(1, SAMPLE_RATE)
        self._container.mux(self._stream.encode(frame))
        self._file.flush()
        self.samples += len(pcm)


def open_media(media: Media) -> Any:
    """A container of PyAV on a path or on what opens the bytes."""
    return av.open(media() if callable(media) else str(media), metadata_errors="replace")


def read_pcm(media: Media) -> NDArray[np.int16]:
    """All samples of a FLAC file, int16, shape (n,); up to the tear where its tail is torn."""
    blocks = []
    with open_media(media) as container:
        try:
            for frame in container.decode(audio=0) if container.streams.audio else ():
                blocks.append(frame.to_ndarray()[0])  # noqa: PERF401  what came before a tear is kept
        except (av.error.FFmpegError, EOFError):
            pass
    return np.concatenate(blocks).astype(np.int16, copy=False) if blocks else np.zeros(0, dtype=np.int16)
