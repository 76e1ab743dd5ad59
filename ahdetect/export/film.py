"""Film: pictures and sound of a session flow in; an MP4 or Matroska file, the face blurred or not, flows out.

Times are session times, so that captions and annotations of the same export fit. A picture in which no face was found
is blurred as a whole: a face that the detector missed must not be the one that gets out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
import cv2
import numpy as np

from ahdetect.capture.edges import REPLAY, Edge
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, Frame, Packet, VideoPacket
from ahdetect.capture.replay import Replay
from ahdetect.capture.stage import Progress
from ahdetect.errors import MediaError, StoreError
from ahdetect.export.material import Material

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

MARGIN: Final = 0.35
"""Share of the face's height by which its box grows: hair, ears and chin say who it is as well (assumed)."""

TILES: Final = 6
"""Tiles across a blurred region. A mosaic of so few keeps no feature; a Gaussian blur could be sharpened again."""

_VIDEO: Final = {"preset": "veryfast", "crf": "23"}
"""x264's own quality; the recording itself stays as it is."""
_CODECS: Final = {"mp4": "aac", "matroska": "flac"}


class FaceFinder:
    """The face of each picture, by the same model as in the analysis.

    Raises:
        AssetError: the model file is missing or damaged.
    """

    def __init__(self) -> None:
        from ahdetect.models.face import FaceModel, FaceStream

        self._stream = FaceStream(FaceModel())

    def __call__(self, packet: VideoPacket) -> Box | None:
        """The box of the face, None where none was found."""
        shot = self._stream.find(packet)
        if shot is None:
            return None
        (left, top), (right, bottom) = shot.landmarks[:, :2].min(axis=0), shot.landmarks[:, :2].max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def close(self) -> None:
        """Let go of the model."""
        self._stream.close()


def write_mp4(material: Material, file: BinaryIO) -> None:
    """Write H.264 and AAC."""
    _write(material, file, "mp4")


def write_mkv(material: Material, file: BinaryIO) -> None:
    """Write H.264 and FLAC."""
    _write(material, file, "matroska")


def _write(material: Material, file: BinaryIO, container: str) -> None:
    if material.film is None:
        raise MediaError(f"{material.name} holds no pictures and no sound to export.", value=material.name)
    replay = material.film.replay()
    finder = FaceFinder() if material.options.blur_face and replay.info.has_video else None
    try:
        write_film(replay, file, container, finder)
    finally:
        if finder is not None:
            finder.close()


def write_film(
    replay: Replay, file: BinaryIO, container: str, finder: Callable[[VideoPacket], Box | None] | None = None
) -> None:
    """Encode all packets of `replay`.

    Args:
        replay: in session time, not stepped yet.
        file: open for writing, seekable.
        container: "mp4" or "matroska".
        finder: finds the face to blur; None blurs nothing.

    Raises:
        StoreError: the disk refused it.
    """
    try:
        with av.open(file, "w", format=container) as target:
            film = _Film.of(target, replay, _CODECS[container])
            for packet in _packets(replay):
                if isinstance(packet.data, np.ndarray):
                    film.show(packet if finder is None else packet.carrying(hide(packet.data, finder(packet))))
                else:
                    film.play(packet)
            film.end()
    except (av.error.FFmpegError, OSError) as error:
        raise StoreError(f"The film could not be written: {error.strerror or error}; free some space.") from error


def hide(picture: Frame, box: Box | None) -> Frame:
    """The picture with a mosaic over the box and its surroundings, or over all of it where there is no box."""
    rows, columns = picture.shape[:2]
    if box is None or box[2] <= box[0] or box[3] <= box[1]:
        return _mosaic(picture)
    grow = MARGIN * (box[3] - box[1])
    left, top = max(0, int(box[0] - grow)), max(0, int(box[1] - grow))
    right, bottom = min(columns, int(box[2] + grow) + 1), min(rows, int(box[3] + grow) + 1)
    if right <= left or bottom <= top:
        return _mosaic(picture)
    hidden = picture.copy()
    hidden[top:bottom, left:right] = _mosaic(hidden[top:bottom, left:right])
    return hidden


def _mosaic(region: Frame) -> Frame:
    rows, columns = region.shape[:2]
    side = max(1, max(rows, columns) / TILES)
    small = cv2.resize(
        region, (max(1, round(columns / side)), max(1, round(rows / side))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _packets(replay: Replay) -> Iterator[Packet[Any]]:
    edges: list[Edge[Any]] = []
    for name, has, subscribe in (
        ("camera->film", replay.info.has_video, replay.subscribe_video),
        ("microphone->film", replay.info.has_audio, replay.subscribe_audio),
    ):
        if has:
            edge: Edge[Any] = Edge(name, REPLAY, replay.clock, replay.ledger)
            subscribe(edge)
            edges.append(edge)
    while True:
        progress = replay.step()
        for edge in edges:
            while (packet := edge.take()) is not None:
                yield packet
        if progress is Progress.DONE:
            replay.finish()
            return


@dataclass(slots=True)
class _Film:
    """The two streams of a film in the making; sound that starts late or has holes is filled with silence."""

    target: Any
    video: Any
    audio: Any
    samples: int = 0

    @classmethod
    def of(cls, target: Any, replay: Replay, sound: str) -> _Film:
        video = audio = None
        if replay.info.has_video:
            video = target.add_stream("libx264", rate=Fraction(replay.info.fps or 30.0).limit_denominator(1001))
            video.options = dict(_VIDEO)
            video.width, video.height = replay.info.width // 2 * 2, replay.info.height // 2 * 2  # 4:2:0 has even sizes
            video.pix_fmt = "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
        if replay.info.has_audio:
            audio = target.add_stream(sound, rate=SAMPLE_RATE, layout="mono")
        return cls(target, video, audio)

    def show(self, packet: VideoPacket) -> None:
        picture = packet.data[: self.video.height, : self.video.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = max(0, packet.t_ns // 1_000_000), Fraction(1, 1000)
        self.target.mux(self.video.encode(frame))

    def play(self, packet: AudioPacket) -> None:
        at = round(packet.t_ns * SAMPLE_RATE / 1e9)
        pcm = packet.data.pcm
        if at > self.samples:
            self._encode(np.zeros(at - self.samples, dtype=np.int16))
        self._encode(pcm[max(0, self.samples - at) :] if at < self.samples else pcm)

    def end(self) -> None:
        for stream in (self.video, self.audio):
            if stream is not None:
                self.target.mux(stream.encode(None))

    def _encode(self, pcm: Any) -> None:
        if not len(pcm):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self.samples, Fraction(1, SAMPLE_RATE)
        self.samples += len(pcm)
        self.target.mux(self.audio.encode(frame))
