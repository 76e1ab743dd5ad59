"""PCM of any rate flows in (mono float32, -1..1), 16 kHz mono int16 flows out, in blocks either heard or filled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioBlock

Mono = NDArray[np.float32]
Pcm = NDArray[np.int16]

_FULL_SCALE = 32768.0


def to_mono(samples: NDArray[np.int16], channels: int) -> Mono:
    """Interleaved int16 -> the mean of the channels, float32 in -1..1, shape (n,)."""
    frames = samples.reshape(-1, channels).astype(np.float32)
    mono: Mono = frames.mean(axis=1, dtype=np.float32) / np.float32(_FULL_SCALE)
    return mono


class Resampler:
    """Streaming resampler to 16 kHz.

    Output sample k is the sound at input sample `k * rate / 16000`: soxr takes its own filter delay out, it only *hands
    out* samples up to 40 ms late (measured at 44.1 and 48 kHz, quality HQ), so times counted in samples need no
    correction. It works in float32 because soxr dithers int16 output with noise seeded from the time of day, and the
    same file must give the same samples twice.

    Args:
        rate: samples a second of the input.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._soxr = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, mono: Mono, last: bool = False) -> Pcm:
        """Samples that are ready; with `last`, all that are left."""
        if self._soxr is not None and (len(mono) or last):
            mono = self._soxr.resample_chunk(mono, last=last)
        if self._soxr is not None and last:
            self._soxr.clear()
        pcm: Pcm = np.clip(np.rint(mono * np.float32(_FULL_SCALE)), -32768, 32767).astype(np.int16)
        return pcm


class Blocks:
    """Cuts a run of samples into `AudioBlock`s of `AUDIO_CHUNK`, ending one early only where silence is filled in.

    Attributes:
        pushed: samples given so far, gaps counted in.
        cut: samples handed out so far, gaps counted in.
    """

    def __init__(self) -> None:
        self.pushed = self.cut = 0
        self._waiting: list[Pcm] = []

    def push(self, pcm: Pcm) -> Iterator[AudioBlock]:
        """Full blocks of heard samples."""
        self._waiting.append(pcm)
        self.pushed += len(pcm)
        if self.pushed - self.cut >= AUDIO_CHUNK:
            joined = np.concatenate(self._waiting)
            whole = len(joined) - len(joined) % AUDIO_CHUNK
            self._waiting = [joined[whole:]]
            for start in range(0, whole, AUDIO_CHUNK):
                yield self._block(joined[start : start + AUDIO_CHUNK])

    def fill(self, count: int) -> Iterator[AudioBlock]:
        """What was waiting, then `count` samples of synthetic silence."""
        yield from self.flush()
        self.pushed += count
        for start in range(0, count, AUDIO_CHUNK):
            yield self._block(np.zeros(min(AUDIO_CHUNK, count - start), np.int16), synthetic=True)

    def flush(self) -> Iterator[AudioBlock]:
        """The last, shorter block."""
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.int16)
        self._waiting = []
        if len(rest):
            yield self._block(rest)

    def _block(self, pcm: Pcm, synthetic: bool = False) -> AudioBlock:
        block = AudioBlock(pcm, self.cut, synthetic)
        self.cut += len(pcm)
        return block
