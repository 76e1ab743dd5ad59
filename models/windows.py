"""Windows: rows of numbers with times flow in (n columns, ns); statistics of the last seconds flow out, past only.

Everything here is by time, not by frame count: a sample weighs as long as it lasted, so that a camera that drops from
30 to 12 frames per second gives the same figures, and a gap (no face, dropped frames) weighs nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S

Array = NDArray[np.float64]

MAX_GAP_S = 0.5
"""s. A longer silence between two rows is a gap: nothing was observed in it. Twice the slowest spacing that is fed on
purpose (every third frame of a 12 fps clip, .25 s)."""

ENOUGH = 0.5
"""A statistic is given only where at least this share of its window was observed; before that it is NaN."""


class Window:
    """The rows of the last seconds, with the time that each of them stands for.

    Args:
        span_s: how far back rows are kept, s.
        width: numbers in a row.
        max_gap_s: rows further apart than this have a gap between them, s.
    """

    def __init__(self, span_s: float, width: int, max_gap_s: float = MAX_GAP_S) -> None:
        self.span_s = span_s
        self._span_ns = round(span_s * NS_PER_S)
        self._max_gap_ns = round(max_gap_s * NS_PER_S)
        self._t = np.zeros(128, dtype=np.int64)
        self._weight = np.zeros(128)
        self._rows = np.zeros((128, width))
        self._lo = self._hi = 0

    def push(self, t_ns: int, row: Array, dur_ns: int) -> None:
        """Add a row that was seen at `t_ns` (later than the one before), and forget those older than the span.

        The row stands for the time since the row before it; after a gap, for its own duration `dur_ns`.
        """
        if self._hi == len(self._t):
            self._make_room()
        since = t_ns - int(self._t[self._hi - 1]) if self._hi else self._max_gap_ns + 1
        self._t[self._hi] = t_ns
        self._rows[self._hi] = row
        self._weight[self._hi] = (since if since <= self._max_gap_ns else min(dur_ns, self._max_gap_ns)) / NS_PER_S
        self._hi += 1
        self._lo += int(np.searchsorted(self._t[self._lo : self._hi], t_ns - self._span_ns, side="right"))

    def last(self, span_s: float | None = None) -> tuple[Array, Array, Array]:
        """Times in s relative to the newest row (n,), weights in s (n,), rows (n, width), of the last `span_s`."""
        lo = self._lo
        if span_s is not None and self._hi > lo:
            since = int(self._t[self._hi - 1]) - round(span_s * NS_PER_S)
            lo += int(np.searchsorted(self._t[lo : self._hi], since, side="right"))
        part = slice(lo, self._hi)
        t = self._t[part]
        return (t - (t[-1] if len(t) else 0)) / NS_PER_S, self._weight[part], self._rows[part]

    def _make_room(self) -> None:
        """Move the live rows to the front; twice the room where they fill more than half of it."""
        live = slice(self._lo, self._hi)
        n = self._hi - self._lo
        size = 2 * len(self._t) if 2 * n > len(self._t) else len(self._t)
        t, weight, rows = np.zeros(size, np.int64), np.zeros(size), np.zeros((size, self._rows.shape[1]))
        t[:n], weight[:n], rows[:n] = self._t[live], self._weight[live], self._rows[live]
        self._t, self._weight, self._rows, self._lo, self._hi = t, weight, rows, 0, n


def mean_sd(weight: Array, rows: Array, span_s: float) -> tuple[Array, Array]:
    """Mean and standard deviation per column, each (width,); a NaN was not observed.

    NaN where less than `ENOUGH` of `span_s` was observed.
    """
    seen = np.isfinite(rows)
    w = weight[:, None] * seen
    total = w.sum(axis=0)
    x = np.where(seen, rows, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (w * x).sum(axis=0) / total
        var = (w * (x - mean) ** 2).sum(axis=0) / total
    few = total < ENOUGH * span_s
    return np.where(few, np.nan, mean), np.where(few, np.nan, np.sqrt(var))


def resample(t: Array, rows: Array, span_s: float, rate: float) -> Array:
    """Rows on an even grid of `rate` per s that ends now, (round(span_s x rate), width); linear between rows."""
    grid = np.arange(-round(span_s * rate) + 1, 1) / rate
    right = np.clip(np.searchsorted(t, grid), 1, len(t) - 1)
    left = right - 1
    share = np.clip((grid - t[left]) / (t[right] - t[left]), 0.0, 1.0)[:, None]
    return rows[left] * (1.0 - share) + rows[right] * share


def crossings(x: Array, dead: float) -> int:
    """How often x, shape (n,), crosses its own mean, moves within `dead` of the mean left out."""
    off = x - x.mean()
    side = off[np.abs(off) > dead] > 0
    return int(np.count_nonzero(side[1:] != side[:-1]))


@lru_cache(maxsize=8)
def _band_basis(n: int, rate: float, low_hz: float, high_hz: float) -> Array:
    """Orthonormal rows (k, n) that span the band's sines and cosines, a slow drift taken out first."""
    t = np.arange(n) / rate
    step = rate / n
    drift, _ = np.linalg.qr(np.polynomial.legendre.legvander(2.0 * t / t[-1] - 1.0, 3))
    hz = np.arange(low_hz, high_hz + step / 2, step)
    waves = np.concatenate([np.sin(2 * np.pi * np.outer(hz, t)), np.cos(2 * np.pi * np.outer(hz, t))]).T
    q, _ = np.linalg.qr(waves - drift @ (drift.T @ waves))
    return np.ascontiguousarray(q.T)


def band_rms(x: Array, rate: float, low_hz: float, high_hz: float) -> Array:
    """Root mean square of the part of x between two frequencies, per column; x is (n, width) at `rate` per s.

    A cubic trend is no part of the band, so that a slow turn of the head is no shake.
    """
    part = _band_basis(len(x), rate, low_hz, high_hz) @ x
    return np.asarray(np.sqrt((part**2).sum(axis=0) / len(x)))


class RunningMedian:
    """Median of what was seen in the last seconds, now included; NaN until `after_s` of it was observed.

    Args:
        span_s: how far it remembers, s.
        after_s: how much must have been observed before it speaks, s.
        width: numbers in a row.
    """

    def __init__(self, span_s: float = 60.0, after_s: float = 2.0, width: int = 1) -> None:
        self._window = Window(span_s, width)
        self._after_s = after_s

    def push(self, t_ns: int, row: Array, dur_ns: int) -> Array:
        """Add a row (width,) and give the median of each column (width,); rows with a NaN are left out."""
        if np.isfinite(row).all():
            self._window.push(t_ns, row, dur_ns)
        _, weight, rows = self._window.last()
        if weight.sum() < self._after_s:
            return np.full(rows.shape[1], np.nan)
        return np.asarray(np.median(rows, axis=0))
