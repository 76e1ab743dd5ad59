"""Pitch: chunks of 16 kHz sound flow in, f0 in Hz and voicing 0-1 every 10 ms flow out, without look-ahead.

The method is Praat's: autocorrelation of a window, divided by the autocorrelation of the window itself, candidates with
costs, and the cheapest path through them (P. Boersma 1993, "Accurate short-term analysis of the fundamental frequency
and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17). Two things differ, because a live
stream has no future: the path is read off at its newest frame instead of being traced back from the end, and the peak
that "silence" is measured against is that of the last seconds instead of the whole file. The comparison with other
libraries is in `docs/decisions/0012-pitch-library.md`.
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
        self._height = np.zeros(1)  # of the candidates of the frame before, in octaves
        self._score = np.zeros(1)

    def step(self, chunk: NDArray[np.float32]) -> Pitch:
        """Take in float32 sound of shape (n * HOP,), -1 to 1; return n frames, each ending at a multiple of HOP."""
        sound = np.concatenate((self._tail, chunk))
        self._tail = sound[-(WINDOW - HOP) :]
        frames = np.stack([sound[at : at + WINDOW] for at in range(0, len(chunk), HOP)])
        frames -= frames.sum(axis=1, keepdims=True) / np.float32(WINDOW)
        peaks = np.maximum(frames.max(axis=1), -frames.min(axis=1))
        spectrum = scipy.fft.rfft(frames * _HANN, _FFT, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        auto = scipy.fft.irfft(power, axis=1)[:, : _LONGEST + 1]
        r = auto / np.maximum(auto[:, :1], 1e-12) * _UNWINDOW
        f0, strength = _candidates(r)
        height = np.log2(np.maximum(f0, 1.0))
        # A place without a candidate must never win; "unvoiced" stands at place 0 and wins where it is quiet.
        local = np.where(f0 > 0, strength - _OCTAVE * (np.log2(FLOOR_HZ) - height), -9.0)
        out_f0 = np.empty(len(frames), dtype=np.float32)
        out_voicing = np.empty(len(frames), dtype=np.float32)
        for i, peak in enumerate(peaks.tolist()):
            quiet = self._quiet(peak)
            local[i, 0] = _VOICING + quiet
            best = self._path(height[i], local[i])
            out_f0[i] = f0[i, best] if best else np.nan
            out_voicing[i] = min(1.0, strength[i, best] if best else 0.0 if quiet else strength[i].max())
        return Pitch(out_f0, out_voicing, power)

    def _quiet(self, peak: float) -> float:
        """What "unvoiced" gains because the frame is far below the loudest one lately; 0 in ordinary speech."""
        self._peak = max(peak, self._peak * 0.5 ** (HOP / RATE / _PEAK_HALF_LIFE_S), 1e-4)
        return max(0.0, 2.0 - peak / self._peak / (_SILENCE / (1.0 + _VOICING)))

    def _path(self, height: NDArray[np.float64], local: NDArray[np.float64]) -> int:
        """Extend all paths by one frame (places,): heights in octaves, local scores; the place of the best end."""
        cost = _JUMP * np.abs(self._height[:, np.newaxis] - height)
        cost[0], cost[:, 0] = _SWITCH, _SWITCH
        cost[0, 0] = 0.0
        score = local + (self._score[:, np.newaxis] - cost).max(axis=0)
        best = int(score.argmax())
        self._height, self._score = height, score - score[best]
        return best


def _candidates(r: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The highest peaks of autocorrelations (frames, lags): f0 in Hz and height, both (frames, 1 + _CANDIDATES).

    Place 0 stays empty for "unvoiced"; a place without a peak has f0 0.
    """
    left, mid, right = r[:, _SHORTEST - 1 : _LONGEST - 1], r[:, _SHORTEST:_LONGEST], r[:, _SHORTEST + 1 : _LONGEST + 1]
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * _VOICING)
    at = np.argpartition(np.where(is_peak, mid, -np.inf), -_CANDIDATES, axis=1)[:, -_CANDIDATES:]
    at.sort(axis=1)  # the order of argpartition means nothing
    rows = np.arange(len(r))[:, np.newaxis]
    a, b, c = (x[rows, at].astype(np.float64) for x in (left, mid, right))
    found = is_peak[rows, at]
    shift = 0.5 * (a - c) / np.where(found, a - 2 * b + c, -1.0)  # of a parabola through the three points
    f0 = np.zeros((len(r), 1 + _CANDIDATES))
    strength = np.zeros_like(f0)
    f0[:, 1:] = np.where(found, RATE / (at + _SHORTEST + shift), 0.0)
    strength[:, 1:] = np.where(found, b - 0.25 * (a - c) * shift, 0.0)
    return f0, strength
