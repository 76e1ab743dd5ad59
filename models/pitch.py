"""Pitch: chunks of 16 kHz sound flow in, f0 in Hz and voicing 0-1 every 10 ms flow out, without look-ahead.

The method is Praat's: autocorrelation of a window, divided by the autocorrelation of the window itself, candidates with
costs, and the cheapest path through them (P. Boersma 1993, "Accurate short-term analysis of the fundamental frequency
and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17). Two things differ, because a live
stream has no future: the path is read off at its newest frame instead of being traced back from the end, and the peak
that "silence" is measured against is that of the last seconds instead of the whole file. The comparison with other
libraries is in `docs/decisions/pitch-library.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

RATE: Final = 16_000
HOP: Final = 160
"""Samples between frames: 10 ms, Praat's default time step at a floor of 75 Hz."""

FLOOR_HZ: Final = 75.0
CEILING_HZ: Final = 500.0
"""Range searched; Praat's default floor, and its recommended ceiling for speech of unknown sex."""

WINDOW: Final = round(3 * RATE / FLOOR_HZ)
"""Samples in a window: three periods of the floor, 40 ms (Boersma 1993)."""

DELAY_S: Final = WINDOW / 2 / RATE
"""A frame describes the middle of its window, 20 ms before the newest sample that it saw."""

_SILENCE, _VOICING, _OCTAVE, _JUMP, _SWITCH = 0.03, 0.45, 0.01, 0.35, 0.14
"""Silence threshold, voicing threshold, octave cost, octave-jump cost, voiced/unvoiced cost: Praat's defaults."""

_PEAK_HALF_LIFE_S = 10.0
"""How fast the reference peak is forgotten: long against a pause, short against a change of the microphone's gain."""

_CANDIDATES = 6
_FFT = 1024  # at least WINDOW plus the longest lag, so that the circular autocorrelation is the linear one
_SHORTEST, _LONGEST = int(RATE / CEILING_HZ), int(np.ceil(RATE / FLOOR_HZ)) + 1


@dataclass(frozen=True, slots=True)
class Pitch:
    """Frames of one chunk.

    Attributes:
        f0: Hz, float32, shape (n,); NaN where unvoiced.
        voicing: height of the autocorrelation peak of the chosen pitch (of the best one where unvoiced), 0-1, (n,).
        power: power spectrum of the windows, float32, shape (n, 513): every 15.625 Hz from 0 to 8 kHz.
    """

    f0: NDArray[np.float32]
    voicing: NDArray[np.float32]
    power: NDArray[np.float32]


def _window() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    hann = np.hanning(WINDOW + 2)[1:-1]
    auto = np.fft.irfft(np.abs(np.fft.rfft(hann, 2 * _FFT)) ** 2)[: _LONGEST + 1]
    return hann.astype(np.float32), (auto[0] / auto).astype(np.float32)


_HANN, _UNWINDOW = _window()


class PitchTracker:
    """One stream; chunks must be whole multiples of `HOP`, so that the caller's packets do not matter."""

    def __init__(self) -> None:
        self._tail = np.zeros(WINDOW - HOP, dtype=np.float32)
        self._peak = 0.0
        self._f0 = np.zeros(1)  # candidates of the frame before; 0 is "unvoiced"
        self._score = np.zeros(1)

    def step(self, chunk: NDArray[np.float32]) -> Pitch:
        """Take in float32 sound of shape (n * HOP,), -1 to 1; return n frames, each ending at a multiple of HOP."""
        sound = np.concatenate((self._tail, chunk))
        self._tail = sound[-(WINDOW - HOP) :]
        frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
        frames = frames - frames.mean(axis=1, keepdims=True)
        peaks = np.abs(frames).max(axis=1).tolist()
        spectrum = scipy.fft.rfft(frames * _HANN, _FFT, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        auto = scipy.fft.irfft(power, axis=1)[:, : _LONGEST + 1]
        r = auto / np.maximum(auto[:, :1], 1e-12) * _UNWINDOW
        f0, strength = _peaks(r)
        out_f0 = np.empty(len(frames), dtype=np.float32)
        out_voicing = np.empty(len(frames), dtype=np.float32)
        for i, peak in enumerate(peaks):
            out_f0[i], out_voicing[i] = self._path(f0[i], strength[i], peak)
        return Pitch(out_f0, out_voicing, power)

    def _path(self, f0: NDArray[np.float64], strength: NDArray[np.float64], peak: float) -> tuple[float, float]:
        """Extend the best path by one frame; f0 and strength of its newest candidate."""
        self._peak = max(peak, self._peak * 0.5 ** (HOP / RATE / _PEAK_HALF_LIFE_S), 1e-4)
        quiet = max(0.0, 2.0 - peak / self._peak / (_SILENCE / (1.0 + _VOICING)))
        voiced = f0 > 0
        # A missing candidate and silence lose against "unvoiced", which stands at place 0.
        local = np.where(voiced, strength - _OCTAVE * np.log2(FLOOR_HZ / np.maximum(f0, 1.0)), -9.0)
        local[0] = _VOICING + quiet
        before, now = self._f0[:, np.newaxis], f0[np.newaxis, :]
        jump = _JUMP * np.abs(np.log2(np.maximum(before, 1.0) / np.maximum(now, 1.0)))
        cost = np.where((before > 0) & (now > 0), jump, np.where((before > 0) != (now > 0), _SWITCH, 0.0))
        score = local + (self._score[:, np.newaxis] - cost).max(axis=0)
        best = int(score.argmax())
        self._f0, self._score = f0, score - score[best]
        if best == 0:
            return np.nan, float(np.clip(strength.max(), 0.0, 1.0)) if quiet == 0 else 0.0
        return float(f0[best]), float(min(strength[best], 1.0))


def _peaks(r: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitch candidates of autocorrelations (frames, lags): f0 (frames, 1 + _CANDIDATES) and height, place 0 empty."""
    left, mid, right = r[:, _SHORTEST - 1 : _LONGEST - 1], r[:, _SHORTEST:_LONGEST], r[:, _SHORTEST + 1 : _LONGEST + 1]
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * _VOICING)
    height = np.where(is_peak, mid, -np.inf)
    at = np.argpartition(height, -_CANDIDATES, axis=1)[:, -_CANDIDATES:]
    at.sort(axis=1)  # argpartition's order is of no meaning
    a, b, c = (np.take_along_axis(x, at, axis=1).astype(np.float64) for x in (left, mid, right))
    found = np.take_along_axis(is_peak, at, axis=1)
    bend = np.where(found, a - 2 * b + c, -1.0)
    shift = 0.5 * (a - c) / bend
    f0 = np.zeros((len(r), 1 + _CANDIDATES))
    strength = np.zeros_like(f0)
    f0[:, 1:] = np.where(found, RATE / (at + _SHORTEST + shift), 0.0)
    strength[:, 1:] = np.where(found, b - 0.25 * (a - c) * shift, 0.0)
    return f0, strength
