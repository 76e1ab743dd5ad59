"""Voices for tests: f0, syllables and words flow in; 16 kHz mono int16 and audio packets flow out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, AudioPacket, Packet
from ahdetect.models.vad import VadModel

Pcm = NDArray[np.int16]


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.int16)


def noise(seconds: float, dbfs: float = -60.0, seed: int = 0) -> Pcm:
    x = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return np.round(x * 32767 * 10 ** (dbfs / 20)).astype(np.int16)


def voiced(
    f0: float | NDArray[np.float64], seconds: float, formants: tuple[float, ...] = (600.0, 1200.0, 2500.0)
) -> Pcm:
    """A held vowel: pulses at `f0` (Hz, or one value per sample) through formants."""
    n = round(seconds * SAMPLE_RATE)
    pulses = np.diff(np.floor(np.cumsum(np.broadcast_to(f0, n) / SAMPLE_RATE)), prepend=0.0)
    sound = lfilter([1.0, -1.0], [1.0, -1.86, 0.864], pulses)
    for centre in formants:
        r = np.exp(-np.pi * 90 / SAMPLE_RATE)
        sound = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * centre / SAMPLE_RATE), r * r], sound)
    return np.round(sound / np.abs(sound).max() * 12_000).astype(np.int16)


def syllables(rate: float, seconds: float, f0: float = 120.0) -> Pcm:
    """A voice whose level falls and rises `rate` times a second, by about 20 dB."""
    sound = voiced(f0, seconds)
    t = np.arange(len(sound)) / SAMPLE_RATE
    return np.round(sound * 10 ** (-(1 + np.cos(2 * np.pi * rate * t)) / 2)).astype(np.int16)


@lru_cache
def say(text: str, words_per_minute: int = 160) -> Pcm:
    """A sentence by espeak-ng, without silence around it."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["espeak-ng", "-m", "-s", str(words_per_minute), "-w", str(path), text], check=True)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        with av.open(str(path)) as clip:
            frames = [out for frame in clip.decode(audio=0) for out in resampler.resample(frame)]
    pcm = np.concatenate([f.to_ndarray()[0] for f in (*frames, *resampler.resample(None))])
    loud = np.flatnonzero(np.abs(pcm) > 300)
    return pcm[loud[0] : loud[-1] + 1].astype(np.int16)


def packets(pcm: Pcm, size: int = 640, first_sample: int = 0, synthetic: bool = False) -> Iterator[AudioPacket]:
    """The sound in packets of `size` samples on a clock that starts with sample 0."""
    tick = NS_PER_S // SAMPLE_RATE
    for seq, at in enumerate(range(0, len(pcm), size)):
        part = pcm[at : at + size]
        t_ns = (first_sample + at) * tick
        block = AudioBlock(part, first_sample + at, synthetic)
        yield Packet("audio", seq, t_ns, len(part) * tick, t_ns + len(part) * tick, block)


class LevelVad(VadModel):
    """A stand-in for the network: speech is what is louder than -50 dBFS, so that synthetic voices count as speech."""

    def __init__(self) -> None:
        pass

    def run(
        self, window: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[float, NDArray[np.float32], NDArray[np.float32]]:
        return float((window**2).mean() > 1e-5), h, c
