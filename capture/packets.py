"""Packets: what a camera, a microphone or a clip hands to the rest, with the time of the world event on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
U = TypeVar("U")

SAMPLE_RATE = 16_000
"""Hz. Everything downstream of capture hears 16 kHz mono: the rate of Whisper and of Silero VAD."""

AUDIO_CHUNK = 640
"""Samples in an audio packet: 40 ms, so that per-packet cost stays small (DESIGN, Threads)."""

VIDEO_TICK_NS = 1_000_000
"""Video times are whole milliseconds, strictly rising: what Matroska stores and what MediaPipe accepts."""


@dataclass(frozen=True, slots=True)
class Packet(Generic[T]):
    """One unit of a stream.

    Attributes:
        stream: "video" or "audio".
        seq: number of the unit in its stream, from 0, without holes.
        t_ns: when it happened in the world (start of exposure or of the first sample), session clock; never re-stamped.
        dur_ns: how long it lasts: the frame interval or n / rate.
        created_ns: when this packet was made, session clock; `created_ns - t_ns` is the capture delay.
        data: the frame or the audio block.
    """

    stream: str
    seq: int
    t_ns: int
    dur_ns: int
    created_ns: int
    data: T

    def carrying(self, data: U) -> Packet[U]:
        """The same unit with other data, such as what a stage made of it."""
        return Packet(self.stream, self.seq, self.t_ns, self.dur_ns, self.created_ns, data)

    @property
    def end_ns(self) -> int:
        """The moment at which it ends."""
        return self.t_ns + self.dur_ns


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A run of samples, 16 kHz mono.

    Attributes:
        pcm: int16, shape (n,).
        first_sample: number of its first sample since the start of the stream, gaps counted in.
        synthetic: True where the microphone gave nothing and this is silence put in its place.
    """

    pcm: NDArray[np.int16]
    first_sample: int
    synthetic: bool = False


Frame: TypeAlias = NDArray[np.uint8]
"""RGB picture, uint8, shape (height, width, 3), upright."""

VideoPacket: TypeAlias = Packet[Frame]
AudioPacket: TypeAlias = Packet[AudioBlock]
