"""Pyramid: columns of numbers flow in, row after row; exact minima and maxima of any stretch of rows flow out.

Level k holds the minimum and maximum of each whole block of 2^k rows, so a stretch of n rows is answered from at most
2 log2(n) blocks, for all pixels of a view at once. NaN is "nothing known" and is passed over.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

ROOM: Final = 1024
"""Rows that are kept free at first; the arrays double from there."""


class Grown:
    """An array that grows at its end, in doubled pieces.

    Args:
        width: numbers per row; 0 for a flat array.
        dtype: of the numbers.
        room: rows that have their memory from the start, so that a recording neither grows by them nor waits for it.
    """

    def __init__(self, width: int, dtype: type, room: int = ROOM) -> None:
        self._width = width
        room = max(room, ROOM)
        self._store: NDArray[Any] = np.empty((room, width) if width else room, dtype=dtype)
        if room > ROOM:
            self._store.fill(0)  # an empty array gets its memory page by page, when it is written
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def array(self) -> NDArray[Any]:
        """The rows so far, shape (n, width) or (n,): a view that is valid until the next `write`."""
        return self._store[: self._n]

    def write(self, start: int, values: NDArray[Any]) -> None:
        """Put `values` at rows `start` and following; `start` is at most the length, the rest is overwritten."""
        end = start + len(values)
        if end > len(self._store):
            room = (max(end, 2 * len(self._store)), *self._store.shape[1:])
            store = np.empty(room, dtype=self._store.dtype)
            store[: self._n] = self._store[: self._n]
            self._store = store
        self._store[start:end] = values
        self._n = max(self._n, end)

    def cut(self, n: int) -> None:
        """Forget all rows from `n` on."""
        self._n = min(self._n, n)


class Pyramid:
    """Minima and maxima over rows of `width` numbers each.

    Args:
        width: numbers per row.
        spans: whether a row is itself a stretch with a minimum and a maximum (such as 10 ms of sound).
        room: rows that have their memory from the start.
    """

    def __init__(self, width: int, *, spans: bool = False, room: int = ROOM) -> None:
        self._width = width
        base = Grown(width, np.float32, room)
        self._levels: list[tuple[Grown, Grown]] = [(base, Grown(width, np.float32, room) if spans else base)]
        while room > ROOM:
            room >>= 1
            self._levels.append((Grown(width, np.float32, room), Grown(width, np.float32, room)))
        self._fresh = 0

    def __len__(self) -> int:
        return len(self._levels[0][0])

    @property
    def low(self) -> FloatArray:
        """The rows' own minima (or values), shape (n, width): a view that is valid until the next `write`."""
        return self._levels[0][0].array

    @property
    def high(self) -> FloatArray:
        """The rows' own maxima (or values), shape (n, width)."""
        return self._levels[0][1].array

    def write(self, start: int, low: FloatArray, high: FloatArray | None = None) -> None:
        """Put rows at `start` and following, new or in place of old ones.

        Args:
            start: number of the first row, at most the length.
            low: values or minima, shape (rows, width).
            high: maxima, same shape; only with `spans`.
        """
        minima, maxima = self._levels[0]
        minima.write(start, low)
        if maxima is not minima:
            maxima.write(start, low if high is None else high)
        self._fresh = min(self._fresh, start)

    def reduce(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Minimum and maximum over rows `starts[i]` up to but not `stops[i]`, for every i.

        Args:
            starts: shape (m,), 0 up to the length.
            stops: same shape; an empty stretch gives NaN.

        Returns:
            Two arrays of shape (m, width), NaN where a stretch holds no number.
        """
        self._build()
        low = np.full((len(starts), self._width), np.nan, dtype=np.float32)
        high = low.copy()
        rows = np.flatnonzero(starts < stops)
        a, b = starts[rows].astype(np.int64), stops[rows].astype(np.int64)
        if not len(rows):
            return low, high
        least, most = self.low[a], self.high[a]
        for minima, maxima in self._levels:
            # The outermost blocks lie within the stretch, so they may always be taken; a level up, those that have
            # been taken drop out.
            for at in (a, b - 1):
                np.fmin(least, minima.array.take(at, axis=0), out=least)
                np.fmax(most, maxima.array.take(at, axis=0), out=most)
            live = b - a > 2
            if not live.all():
                done = ~live
                low[rows[done]], high[rows[done]] = least[done], most[done]
                rows, a, b, least, most = rows[live], a[live], b[live], least[live], most[live]
            if not len(rows):
                break
            a, b = (a + 1) >> 1, b >> 1
        return low, high

    def _build(self) -> None:
        """Bring the upper levels up to date, from the first row that has changed."""
        n, first, level = len(self), self._fresh, 0
        while n > 1:
            n, first, level = n >> 1, first >> 1, level + 1
            if level == len(self._levels):
                self._levels.append((Grown(self._width, np.float32), Grown(self._width, np.float32)))
                first = 0
            below, here = self._levels[level - 1], self._levels[level]
            if first < n:
                for source, target, join in ((below[0], here[0], np.fmin), (below[1], here[1], np.fmax)):
                    pairs = source.array[2 * first : 2 * n]
                    target.write(first, join(pairs[::2], pairs[1::2]))
        self._fresh = len(self)
