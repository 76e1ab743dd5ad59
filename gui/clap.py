"""Clap test: pictures and sound flow in; how much later (ms) a clap is heard than seen flows out. It knows no Qt.

Seen is the end of the fastest movement, where the hands meet (or a light goes on): the last picture that differs much
from the one before it. Heard is the onset of the sound. Both are on the session clock, so their distance is what a
fused row is off by: delays of camera, microphone, drivers and network that capture cannot know. A picture tells no more
than that something happened since the one before it, so a single clap is known to one frame interval at best.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, VideoPacket

CLAPS: Final = 3
"""Claps that make a result: the least from which a median can leave out one that went wrong."""

REACH_S: Final = 0.5
"""A clap is looked for this long before and after its sound; claps a second apart cannot be taken for one another."""

PATIENCE_S: Final = 2.0
"""A sound without pictures around it is given up after this."""

EARLY_MS, LATE_MS = -45.0, 125.0
"""Sound this much before or after the picture is where viewers begin to notice (ITU-R BT.1359-1, detectability)."""

HOP: Final = 32
"""Samples, 2 ms: how finely an onset is dated."""
STANDS_OUT_DB: Final = 30.0
"""A clap is louder than the room by more than this. Chosen: speech is by 15-30 dB."""
RISE_DB: Final = 20.0
"""And rises by this much within `ATTACK_HOPS`. Chosen: a voice swells more slowly."""
LOUD_DBFS: Final = -45.0
"""Fainter sounds are no clap in front of the microphone."""
ATTACK_HOPS: Final = 10
"""The rise has to happen within 20 ms: a clap takes 1-2, a spoken vowel 50 and more."""
DEAD_S: Final = 0.4
"""After an onset nothing is an onset: the echo of the room."""

_THUMB: Final = (80, 60)
"""Size at which pictures are compared: sensor noise is averaged out, a pair of hands is still many pixels."""
MOVED: Final = 0.5
"""Grey levels of mean difference that a clap makes at least; a still picture of a webcam differs by .1-.4 (chosen)."""
STANDS_OUT: Final = 0.7
"""Share of the largest difference that the first peak has to reach: the hands come together, then go apart."""
AT_REST: Final = 0.5
"""Share of that peak under which the movement has ended: the hands touch for some 50 ms before they go apart."""


@dataclass(frozen=True, slots=True)
class DelayResult:
    """What is known so far.

    Attributes:
        offsets_ms: of each clap, positive where the sound comes after the picture.
        unseen: sounds that no movement belongs to.
        median_ms: NaN until there are `CLAPS`.
        uncertainty_ms: plus or minus, of the median: one frame interval, or half the range if that is more.
    """

    offsets_ms: tuple[float, ...] = ()
    unseen: int = 0
    median_ms: float = float("nan")
    uncertainty_ms: float = float("nan")

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return len(self.offsets_ms) >= CLAPS

    @property
    def in_step(self) -> bool:
        """Whether a viewer would notice nothing."""
        return EARLY_MS <= self.median_ms <= LATE_MS


class OnsetFinder:
    """Sound flows in, the times (ns) of its sudden onsets flow out."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=2 * SAMPLE_RATE // HOP)  # dBFS, 2 s
        self._rest = np.empty(0, np.int16)
        self._dead_until_ns = -1

    def step(self, packet: AudioPacket) -> list[int]:
        """Onsets that became known with this packet."""
        if packet.data.synthetic:
            self._rest = self._rest[:0]
            return []
        start_ns = packet.t_ns - len(self._rest) * NS_PER_S // SAMPLE_RATE
        pcm = np.concatenate((self._rest, packet.data.pcm))
        count = len(pcm) // HOP
        self._rest = pcm[count * HOP :]
        power = np.square(pcm[: count * HOP].astype(np.float64) / 32768).reshape(-1, HOP).mean(axis=1)
        onsets = []
        floor = float(np.median(self._levels)) if len(self._levels) >= ATTACK_HOPS else 0.0
        for i, level in enumerate((10 * np.log10(power + 1e-9)).tolist()):
            t_ns = start_ns + i * HOP * NS_PER_S // SAMPLE_RATE
            if level > max(floor + STANDS_OUT_DB, LOUD_DBFS) and t_ns >= self._dead_until_ns and self._sudden(level):
                onsets.append(t_ns)
                self._dead_until_ns = t_ns + round(DEAD_S * NS_PER_S)
            self._levels.append(level)
        return onsets

    def _sudden(self, level: float) -> bool:
        recent = [self._levels[-i] for i in range(1, min(ATTACK_HOPS, len(self._levels)) + 1)]
        return bool(recent) and level - min(recent) > RISE_DB


class MotionMeter:
    """Pictures flow in, the mean grey difference to the picture before flows out."""

    def __init__(self) -> None:
        self._before: NDArray[np.int16] | None = None

    def step(self, packet: VideoPacket) -> float:
        """Difference of this picture, grey levels; 0 for the first."""
        grey = cv2.cvtColor(cv2.resize(packet.data, _THUMB, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        now = np.asarray(grey, dtype=np.int16)
        before, self._before = self._before, now
        return 0.0 if before is None else float(np.abs(now - before).mean())


class DelayTest:
    """Claps in front of camera and microphone; fed by both of their threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._motion, self._onsets = MotionMeter(), OnsetFinder()
        self._moved: deque[tuple[int, float]] = deque()
        self._heard: deque[int] = deque()
        self._offsets: list[float] = []
        self._frame_ms = 1000 / 30
        self._unseen = 0

    def see(self, packet: VideoPacket) -> None:
        """Take in a picture."""
        energy = self._motion.step(packet)
        with self._lock:
            self._moved.append((packet.t_ns, energy))
            while self._moved[0][0] < packet.t_ns - 5 * NS_PER_S:
                self._moved.popleft()
            self._match(packet.t_ns)

    def hear(self, packet: AudioPacket) -> None:
        """Take in sound."""
        onsets = self._onsets.step(packet)
        with self._lock:
            self._heard.extend(onsets)
            while self._heard and packet.end_ns - self._heard[0] > PATIENCE_S * NS_PER_S:
                self._heard.popleft()
                self._unseen += 1

    def result(self) -> DelayResult:
        """What is known so far."""
        with self._lock:
            offsets, unseen, frame_ms = tuple(self._offsets), self._unseen, self._frame_ms
        if len(offsets) < CLAPS:
            return DelayResult(offsets, unseen)
        half_range = (max(offsets) - min(offsets)) / 2
        return DelayResult(offsets, unseen, float(np.median(offsets)), max(frame_ms, half_range))

    def _match(self, now_ns: int) -> None:
        while self._heard and self._heard[0] + REACH_S * NS_PER_S < now_ns:
            heard_ns = self._heard.popleft()
            seen_ns = self._seen_near(heard_ns)
            if seen_ns is None:
                self._unseen += 1
            elif len(self._offsets) < CLAPS:
                self._offsets.append((heard_ns - seen_ns) / NS_PER_MS)

    def _seen_near(self, heard_ns: int) -> int | None:
        """The moment of the clap: half a frame interval before the last picture of the first large movement."""
        times, energies = np.array([t for t, _ in self._moved]), np.array([e for _, e in self._moved])
        near = np.abs(times - heard_ns) <= REACH_S * NS_PER_S
        if near.sum() < 3:
            return None
        interval_ns = float(np.median(np.diff(times)))
        self._frame_ms = interval_ns / NS_PER_MS
        usual = float(np.median(energies))
        threshold = max(MOVED, 4 * usual, STANDS_OUT * float(energies[near].max()))
        large = np.flatnonzero(near & (energies >= threshold))
        if not len(large):
            return None
        at, peak = int(large[0]), float(energies[large[0]])
        while at + 1 < len(energies) and near[at + 1] and energies[at + 1] >= AT_REST * peak:
            at += 1
            peak = max(peak, float(energies[at]))
        return int(times[at] - interval_ns / 2)
