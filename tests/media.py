"""Clips and sounds for tests, made on the spot by PyAV: what to show and to sound flows in, a file flows out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def tone(freq: float, seconds: float, *, rate: int = 16_000, level: float = 0.5) -> NDArray[np.int16]:
    """A sine, int16, shape (n,)."""
    return (np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * freq / rate)) * level * 32767).astype(np.int16)


def grey(count: int, *, width: int = 64, height: int = 48) -> list[NDArray[np.uint8]]:
    """RGB frames, each of one grey that tells its number: `number_of` reads it back."""
    return [np.full((height, width, 3), 20 + 4 * (i % 50), np.uint8) for i in range(count)]


def number_of(frame: NDArray[np.uint8]) -> int:
    """The number, modulo 50, of a frame of `grey` after any codec."""
    return round((float(frame.mean()) - 20) / 4)


def write_clip(
    path: Path,
    frames: list[NDArray[np.uint8]] | None = None,
    pcm: NDArray[np.int16] | None = None,
    *,
    fps: float = 25.0,
    times_s: list[float] | None = None,
    rate: int = 16_000,
    audio_start_s: float = 0.0,
    audio_holes_s: tuple[tuple[float, float], ...] = (),
    rotation: int | None = None,
    hflip: bool = False,
    video_codec: str | None = None,
    audio_codec: str = "pcm_s16le",
) -> Path:
    """Write a clip.

    Args:
        path: its ending chooses the container: .mkv takes everything, .mp4 keeps a rotation.
        frames: RGB, uint8, (height, width, 3).
        pcm: mono int16 at `rate`.
        fps: of the frames.
        times_s: of each frame, instead of `fps`.
        rate: samples a second.
        audio_start_s: when the sound begins.
        audio_holes_s: (from, to) in seconds of the sound: packets that are not written.
        rotation: counter-clockwise degrees of a display matrix.
        hflip: mirror it as well.
        video_codec: of FFmpeg; None: one without loss in .mkv, MPEG-4 elsewhere.
        audio_codec: of FFmpeg.
    """
    with av.open(str(path), "w") as out:
        packets = []
        if frames:
            codec = video_codec or ("ffv1" if path.suffix == ".mkv" else "mpeg4")
            video = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
            video.options = {"g": "10"}
            if rotation is not None:
                video.set_display_rotation(rotation, hflip=hflip)
            for i, array in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(array, format="rgb24")
                frame.pts = round((times_s[i] if times_s else i / fps) * 1000)
                frame.time_base = Fraction(1, 1000)
                packets += video.encode(frame)
            packets += video.encode(None)
        if pcm is not None:
            audio = out.add_stream(audio_codec, rate=rate, layout="mono")
            size = rate // 50
            for start in range(0, len(pcm), size):
                if any(begin <= start / rate < end for begin, end in audio_holes_s):
                    continue
                block = av.AudioFrame.from_ndarray(pcm[None, start : start + size], format="s16", layout="mono")
                block.sample_rate = rate
                block.pts = start + round(audio_start_s * rate)
                block.time_base = Fraction(1, rate)
                packets += audio.encode(block)
            packets += audio.encode(None)
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            out.mux(packet)
    return path


def beginning(clip: Path, path: Path, seconds: float) -> Path:
    """Write the first `seconds` of `clip` to `path` without encoding it again."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        streams = [*source.streams.video, *source.streams.audio]
        copies = {s.index: out.add_stream_from_template(s) for s in streams}
        for packet in source.demux(*streams):
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    return path
