"""Callback arrival times of a microphone flow in (ns), the time of any sample and the count of missing ones flow out.

A sound card counts samples by its own crystal; callbacks come late by whatever the machine was doing. Neither is a
clock. So sample time is a line, `anchor + samples / rate`, laid under the arrivals: a callback may be late but never
early, and the earliest of each second show the line. It is re-fitted each second over the last minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S

WINDOW_S = 60
"""Seconds that the fit looks back (DESIGN: 30-60 s): enough to see 100 ppm, short enough to follow a warming card."""

SLOPE_AFTER_S = 30
"""Seconds before a rate other than the nominal one is believed: 2 ms of jitter over 30 s are 70 ppm."""

LEVEL_S = 5
"""Seconds whose earliest arrival sets the anchor while the rate is nominal: 300 ppm of drift over 5 s are 1.5 ms."""

MAX_SKEW = 1e-3
"""Largest believed departure from the nominal rate. Cards keep 200 ppm; more is a fit gone wrong."""

TRUST_DRIVER_NS = 50 * NS_PER_MS
"""A driver's own time is believed only where it agrees with the arrivals this well (DESIGN, Time)."""

SUSPECT_NS = 60 * NS_PER_MS
"""Lateness from which samples may be missing; callbacks of a busy Pulse server come up to 84 ms late (EVIDENCE)."""

NORMAL_NS = 30 * NS_PER_MS
"""Lateness below which a suspicion is dropped: the backlog came in, nothing is missing."""

JUDGE_NS = 500 * NS_PER_MS
"""How long a suspicion, or the very first samples, are held back: the earliest arrival of that time shows the line."""


class AudioTimeline:
    """The line from sample numbers to session time.

    Args:
        rate: nominal samples a second of the device.

    Attributes:
        true_rate: samples a session second, as fitted.
        driver_trusted: whether the driver's own times agree and set the anchor.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.driver_trusted = False
        self._bucket: int | None = None
        # each second: end of the earliest block (s), its arrival and the driver's time, both minus nominal time (ns)
        self._rows: deque[tuple[float, float, float]] = deque(maxlen=WINDOW_S)
        self._best: tuple[float, float] | None = None
        self._driver: list[float] = []
        self._anchor_ns = 0.0
        self._skew_ns = 0.0  # ns of departure per nominal second
        self._driver_ns = 0.0
        self._fitted = False

    @property
    def true_rate(self) -> float:
        """Samples a session second."""
        return self.rate / (1 + self._skew_ns / NS_PER_S)

    def observe(self, first: int, count: int, arrived_ns: int, driver_ns: int | None = None) -> None:
        """Learn from a block of `count` samples that begins with number `first`.

        Args:
            first: number of the block's first sample, gaps counted in.
            count: samples in it.
            arrived_ns: session time of its callback.
            driver_ns: session time of its first sample as the driver tells it, or None.
        """
        end_s = (first + count) / self.rate
        offset_ns = arrived_ns - end_s * NS_PER_S
        if self._bucket is not None and int(end_s) != self._bucket and self._best is not None:
            self._rows.append((*self._best, float(np.median(self._driver)) if self._driver else np.nan))
            self._best, self._driver = None, []
            self._fit()
        self._bucket = int(end_s)
        if self._best is None or offset_ns < self._best[1]:
            self._best = end_s, offset_ns
        if driver_ns is not None:
            self._driver.append(driver_ns - first / self.rate * NS_PER_S)
        if not self._rows:  # the first second: the earliest arrival so far
            self._anchor_ns = self._best[1]
            self._judge_driver(float(np.median(self._driver)) - self._anchor_ns if self._driver else np.nan)
            self._fitted = True

    def time_of(self, sample: float) -> int:
        """Session time in ns of sample number `sample` (may lie between or beyond those seen)."""
        return round(self._line_ns(sample / self.rate) + self._driver_ns)

    def lateness_ns(self, first: int, count: int, arrived_ns: int) -> int:
        """How much later than the line a block came."""
        if not self._fitted:
            return 0
        return round(arrived_ns - self._line_ns((first + count) / self.rate))

    def _line_ns(self, nominal_s: float) -> float:
        return self._anchor_ns + nominal_s * (NS_PER_S + self._skew_ns)

    def _fit(self) -> None:
        """Theil-Sen slope and median level of the earliest arrival of each second: half of them may be late."""
        seconds, offsets, drivers = np.array(self._rows).T
        if len(seconds) >= SLOPE_AFTER_S:
            i, j = np.triu_indices(len(seconds), k=1)
            apart = seconds[j] != seconds[i]  # a first burst of more than a second is looked at twice
            i, j = i[apart], j[apart]
            slope = float(np.median((offsets[j] - offsets[i]) / (seconds[j] - seconds[i])))
            self._skew_ns = float(np.clip(slope, -MAX_SKEW * NS_PER_S, MAX_SKEW * NS_PER_S))
            self._anchor_ns = float(np.median(offsets - self._skew_ns * seconds))
        else:
            self._anchor_ns = float(offsets[-LEVEL_S:].min())
        told = ~np.isnan(drivers)
        line = self._anchor_ns + self._skew_ns * seconds
        self._judge_driver(float(np.median((drivers - line)[told])) if told.any() else np.nan)

    def _judge_driver(self, difference_ns: float) -> None:
        self.driver_trusted = bool(abs(difference_ns) <= TRUST_DRIVER_NS)
        self._driver_ns = difference_ns if self.driver_trusted else 0.0


@dataclass(frozen=True, slots=True)
class RawBlock:
    """What one callback brought.

    Attributes:
        data: interleaved int16, as bytes.
        count: samples per channel.
        arrived_ns: session time of the callback.
        driver_ns: session time of the first sample as the driver tells it, or None.
        overflow: the driver said that samples before this block were lost.
    """

    data: bytes
    count: int
    arrived_ns: int
    driver_ns: int | None = None
    overflow: bool = False


class GapFinder:
    """Tells late callbacks from lost samples.

    A late callback is followed by its backlog, and the lateness is gone. After a loss every block stays late by just
    what is missing. So blocks from the first suspicious one on are held back for half a second at most, and the least
    late of them tells.

    Args:
        timeline: learns from every block that is let through.
        suspect_ns: lateness from which samples may be missing.
        normal_ns: lateness below which a suspicion is dropped.
    """

    def __init__(self, timeline: AudioTimeline, suspect_ns: int = SUSPECT_NS, normal_ns: int = NORMAL_NS) -> None:
        self.timeline = timeline
        self._suspect_ns, self._normal_ns = suspect_ns, normal_ns
        self._position = 0
        self._held: list[RawBlock] = []
        self._settled = False

    def feed(self, block: RawBlock) -> Iterator[tuple[int, RawBlock]]:
        """Blocks that are judged, each with the number of samples missing before it."""
        held = self._held
        held.append(block)
        if not self._settled:
            # The first callbacks come in a burst or late; the line is laid once half a second of them is there.
            if block.arrived_ns - held[0].arrived_ns >= JUDGE_NS:
                yield from self.flush()
            return
        lateness = self._lateness()
        unsuspected = len(held) == 1 and lateness[0] < self._suspect_ns and not block.overflow
        if unsuspected or lateness[-1] < self._normal_ns:
            yield from self._release(0)
        elif block.arrived_ns - held[0].arrived_ns >= JUDGE_NS:
            yield from self._release(self._missing(lateness))

    def flush(self) -> Iterator[tuple[int, RawBlock]]:
        """Judge what is held back by what is known."""
        if not self._held:
            return
        if self._settled:
            # too few to tell jitter from a short hole: only what no jitter is known to reach is believed
            missing = self._missing(self._lateness())
            yield from self._release(missing if missing >= SUSPECT_NS * self.timeline.rate / NS_PER_S else 0)
            return
        self._settled = True
        first = 0
        for block in self._held:
            self.timeline.observe(first, block.count, block.arrived_ns, block.driver_ns)
            first += block.count
        yield from self._release(0)

    def _lateness(self) -> list[int]:
        """Of each held block, if nothing is missing."""
        first, late = self._position, []
        for block in self._held:
            late.append(self.timeline.lateness_ns(first, block.count, block.arrived_ns))
            first += block.count
        return late

    def _missing(self, lateness: list[int]) -> int:
        least = min(lateness)
        # a machine may be 30 ms late for half a second; where the driver itself tells of a loss, that much is believed
        enough = self._normal_ns if any(block.overflow for block in self._held) else self._suspect_ns
        return round(least / NS_PER_S * self.timeline.rate) if least >= enough else 0

    def _release(self, missing: int) -> Iterator[tuple[int, RawBlock]]:
        held, self._held = self._held, []
        for block in held:
            self._position += missing
            self.timeline.observe(self._position, block.count, block.arrived_ns, block.driver_ns)
            self._position += block.count
            yield missing, block
            missing = 0
