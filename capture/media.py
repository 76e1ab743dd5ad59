"""A clip flows in (path or opener), decoded frames and 16 kHz mono blocks flow out, each in the clip's own time.

Video and sound are read by two readers with a container each. So either may run ahead or end early without the other's
packets piling up in memory, however the file is interleaved, and a picture file and a sound file read like one clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import av
import numpy as np

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import SAMPLE_RATE, VIDEO_TICK_NS, AudioBlock, Frame
from ahdetect.capture.resample import Blocks, Resampler
from ahdetect.errors import MediaError

Media: TypeAlias = str | Path | Callable[[], BinaryIO]
"""A path, or a function that opens the bytes anew each time it is called (a decrypted file of a session)."""

Report: TypeAlias = Callable[..., None]
"""Called as `report(kind, **detail)` for what the ledger must know."""

HOLE_S = 0.015
"""Seconds. A jump of audio timestamps that is larger is a hole or an overlap: above the rounding of any container
(Matroska and FLV: 1 ms), below the shortest packet that gets lost (Opus: 20 ms)."""

_MAX_BROKEN_RUN = 200
"""Broken packets in a row after which the rest of a file is given up: 200 AAC packets are 4 s."""

_NOT_CLIPS = ("tty", "image2", "_pipe", "srt", "ass", "webvtt", "lrc")
"""Demuxers that make a "stream" of text files and of still pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame that has not been converted yet.

    Attributes:
        t_ns: presentation time in the file, whole milliseconds, strictly rising.
        dur_ns: until the next one.
        frame: as the decoder gave it.
    """

    t_ns: int
    dur_ns: int
    frame: av.VideoFrame


def name_of(media: Media) -> str:
    """What to call it in messages."""
    return str(getattr(media, "name", "the clip")) if callable(media) else Path(media).name


def _open(media: Media, file: BinaryIO | None) -> Any:
    name = name_of(media)
    if not callable(media):
        path = Path(media)
        if path.is_dir():
            raise MediaError(f"{path} is a folder, not a clip; name a file in it.", value=str(path))
        if not path.exists():
            raise MediaError(f"There is no file {path}; check the name and the folder.", value=str(path))
        if not path.is_file():  # a pipe would make us wait for ever, and cannot be read twice
            raise MediaError(f"{path} is not a file; save the clip to one first.", value=str(path))
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes); record or copy it again.", value=str(path))
    try:
        if file is not None:
            container = av.open(file, metadata_errors="replace")
        else:
            # "file:" and the white list: a play list must not open network addresses behind the user's back.
            container = av.open(f"file:{media}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except PermissionError as error:
        raise MediaError(f"{name} may not be read; change its permissions.", value=str(media)) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if not callable(media) and _is_unfinished_mp4(Path(media)):
            raise MediaError(
                f"{name} was cut off while it was recorded: its index, which is written last, is missing; "
                "mend it with a recovery tool, or record as .mkv.",
                value=str(media),
            ) from error
        raise MediaError(
            f"{name} is not a clip that can be read ({_reason(error)}); check it in a player or convert it.",
            value=str(media),
        ) from error
    if container.format.name.endswith(_NOT_CLIPS):
        container.close()
        raise MediaError(f"{name} is text or a still picture; name a video or audio file.", value=str(media))
    return container


def _is_unfinished_mp4(path: Path) -> bool:
    """Whether the boxes of an MP4 or QuickTime file (ISO 14496-12, 4.2) end without "moov"."""
    with path.open("rb") as file:
        size, at = file.seek(0, 2), 0
        kinds = []
        while at < size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            length = int.from_bytes(head[8:], "big") if length == 1 else length
            kinds.append(head[4:8])
            if kinds[0] != b"ftyp" or length < 8:
                break
            at += length
    return kinds[0] == b"ftyp" and b"moov" not in kinds


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


class _Reader:
    """Demuxes and decodes one stream; broken packets are counted and skipped."""

    def __init__(self, media: Media, kind: str) -> None:
        self.name = name_of(media)
        self.broken = 0
        self._file = media() if callable(media) else None
        self._container = _open(media, self._file)
        streams = [
            s for s in self._container.streams if s.type == kind and not _is_cover(s) and s.codec_context is not None
        ]
        self.stream = streams[0] if streams else None
        self.duration_s = _duration_s(self._container, self.stream)
        if self.stream is None:
            self.close()
        else:
            self.stream.thread_type = "AUTO"

    def close(self) -> None:
        """Release the file and the decoder's threads."""
        with suppress(av.error.FFmpegError):
            self._container.close()
        if self._file is not None:
            self._file.close()

    def _decoded(self) -> Iterator[Any]:
        """Frames; after an error reading goes on at the next packet."""
        run = 0
        while run < _MAX_BROKEN_RUN:
            try:
                for packet in self._container.demux(self.stream):
                    try:
                        frames = packet.decode()
                    except av.error.EOFError:
                        return
                    except av.error.FFmpegError:
                        self.broken += 1
                        run += 1
                        if run >= _MAX_BROKEN_RUN:
                            return
                        continue
                    for frame in frames:
                        if frame.is_corrupt:
                            self.broken += 1
                            continue
                        run = 0
                        yield frame
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self.broken += 1
                run += 1


def _duration_s(container: Any, stream: Any) -> float | None:
    """Length of the container, or of the stream where the container does not say."""
    if container.duration is not None:
        return float(container.duration / av.time_base)
    if stream is not None and stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return None


def _is_cover(stream: Any) -> bool:
    """Whether a video stream is the cover picture of a sound file."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


class VideoReader(_Reader):
    """Pictures of the first video stream.

    Args:
        media: the clip.
        max_side: longest side in pixels; larger pictures are scaled down while they are converted. None: as they are.

    Attributes:
        fps: nominal frames a second; 0 where the file does not say.
    """

    def __init__(self, media: Media, max_side: int | None = None) -> None:
        super().__init__(media, "video")
        self._max_side = max_side
        self._size: tuple[int, int] | None = None
        self._matrix: tuple[int, Any] | None = None
        rate = self.stream and (self.stream.average_rate or self.stream.guessed_rate)
        self.fps = float(rate) if rate else 0.0

    def __iter__(self) -> Iterator[Picture]:
        """Pictures in order of time; one read ahead, because a picture lasts until the next one."""
        if self.stream is None:
            return
        usual_ns = round(NS_PER_S / (self.fps or 25.0))
        held: tuple[int, Any] | None = None
        for frame in self._decoded():
            t_ns = (held[0] + usual_ns if held else 0) if frame.pts is None else _ns(frame.pts * frame.time_base)
            t_ns = round(t_ns / VIDEO_TICK_NS) * VIDEO_TICK_NS
            if held is not None and t_ns < held[0]:
                self.broken += 1  # a timestamp that runs backwards says nothing about when it was
                continue
            if held is not None:
                t_ns = max(t_ns, held[0] + VIDEO_TICK_NS)
                yield Picture(held[0], t_ns - held[0], held[1])
            held = (t_ns, frame)
        if held is not None:
            yield Picture(held[0], usual_ns, held[1])

    def rgb(self, picture: Picture) -> Frame:
        """RGB, uint8, upright, square pixels, and of one size for the whole clip."""
        frame = picture.frame
        if self._size is None:
            ratio = self.stream.sample_aspect_ratio if self.stream is not None else None
            width, height = frame.width * float(ratio or 1), float(frame.height)
            shrink = min(1.0, self._max_side / max(width, height)) if self._max_side else 1.0
            self._size = max(2, round(width * shrink)), max(2, round(height * shrink))
        # swscale's own threads cost four times the work that they share (measured, 1080p on 2 cores)
        array = frame.to_ndarray(
            format="rgb24", width=self._size[0], height=self._size[1], interpolation="AREA", threads=1
        )
        return _upright(array, self._display_matrix(frame))

    def _display_matrix(self, frame: Any) -> Any:
        """The frame's display matrix, looked up again only where the rotation changes.

        PyAV's `side_data` ties a knot of references around the frame: with a look-up for each, 180 frames of 640x480
        stayed in memory, 83 MB, until Python's cycle collector came by (measured).
        """
        if self._matrix is None or self._matrix[0] != frame.rotation:
            found = frame.side_data.get("DISPLAYMATRIX")
            self._matrix = frame.rotation, None if found is None else bytes(found)
        return self._matrix[1]


def _upright(picture: Frame, matrix: Any) -> Frame:
    """Apply a display matrix of quarter turns and mirrorings, so that left and right are what they were.

    The matrix maps pixel (x, y) to (a x + c y, b x + d y), in fixed point 16.16, y down (libavutil/display.h).
    """
    if matrix is None:
        return picture
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, flip_x, flip_y = picture.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    return np.ascontiguousarray(picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


class AudioReader(_Reader):
    """16 kHz mono blocks of the first audio stream.

    Args:
        media: the clip.
        report: hears of every hole: `report("gap", start_s=, samples=)`.

    Attributes:
        rate: samples a second in the file; 0 without sound.
        channels: in the file.
        start_ns: time of sample 0 in the file; right once the first block was read.
    """

    def __init__(self, media: Media, report: Report) -> None:
        super().__init__(media, "audio")
        self._report = report
        self.rate = int(self.stream.rate or 0) if self.stream else 0
        self.channels = int(self.stream.channels) if self.stream else 0
        self.start_ns = 0

    def __iter__(self) -> Iterator[AudioBlock]:
        """Blocks in order; what the timestamps leave out comes as synthetic silence, what they double is cut."""
        if self.stream is None:
            return
        blocks = Blocks()
        start: float | None = None
        mixer: Any = None
        setup: tuple[str, str, int] | None = None
        resampler: Resampler | None = None
        segment_at = 0.0  # where the run that the resampler is in began, in output samples
        fed = 0  # input samples of that run
        for frame in self._decoded():
            if not frame.samples:
                continue
            if start is None:
                start = float(frame.pts * frame.time_base) if frame.pts is not None else 0.0
                self.start_ns = _ns(start)
            if setup != (setup := (frame.format.name, frame.layout.name, frame.sample_rate)):
                # to int16: then libswresample mixes down without overload, a centre channel included
                mixer = av.AudioResampler(format="s16", layout="mono", rate=frame.sample_rate)
            mixed = np.concatenate([f.to_ndarray()[0] for f in mixer.resample(frame)])
            mono = mixed.astype(np.float32) / np.float32(32768)
            changed = resampler is None or resampler.rate != frame.sample_rate
            at = segment_at + (fed * SAMPLE_RATE / resampler.rate if resampler is not None else 0)
            want = (float(frame.pts * frame.time_base) - start) * SAMPLE_RATE if frame.pts is not None else at
            hole = want - at if abs(want - at) > HOLE_S * SAMPLE_RATE else 0.0
            if hole < 0:
                cut = min(len(mono), round(-hole / SAMPLE_RATE * frame.sample_rate))
                self._report("note", what="audio timestamps overlap", start_s=want / SAMPLE_RATE, samples=cut)
                mono = mono[cut:]
            if hole > 0 or changed:
                if resampler is not None:
                    yield from blocks.push(resampler.feed(np.zeros(0, np.float32), last=True))
                if hole > 0:
                    missing = round(want) - blocks.pushed
                    self._report("gap", start_s=blocks.pushed / SAMPLE_RATE, samples=missing)
                    yield from blocks.fill(missing)
                resampler, segment_at, fed = Resampler(frame.sample_rate), float(blocks.pushed), 0
            assert resampler is not None
            fed += len(mono)
            yield from blocks.push(resampler.feed(mono))
        if resampler is not None:
            yield from blocks.push(resampler.feed(np.zeros(0, np.float32), last=True))
        yield from blocks.flush()


def _ns(seconds: float | Fraction) -> int:
    return round(seconds * NS_PER_S)
