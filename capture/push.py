"""Pictures and sound that a host program pushes flow in, packets flow out as from a camera and a microphone.

For programs that own the devices, such as a WebRTC server. The host says when each frame and each chunk happened; from
there on both take the same edges as those of a device. What waits for this stage is bounded for pictures (the oldest is
dropped and written down) and never dropped for sound. With a `ReplayClock` nothing is dropped at all: a push waits
until there is room, and time is what the host says it is, so the same clip gives the same rows on any machine.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.audio_time import RawBlock
from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock, ReplayClock
from ahdetect.capture.edges import LOSSLESS, REPLAY, Edge, Overflow, Policy
from ahdetect.capture.hearing import SILENT_AFTER_NS, Hearing
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import SAMPLE_RATE, VIDEO_TICK_NS, Frame, Packet
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import ConfigError

HOST_FRAMES = Policy("frames of the host", Overflow.DROP_OLDEST, span_s=1.0)
"""Host to the camera's stage, which only hands on: a second of pictures waits there at most."""

AHEAD_NS = 1 * NS_PER_S
"""A time so far ahead of the session's clock is of another clock. What a host stamps by our clock is in the past."""

OVERLAP_NS = NS_PER_S // 2
"""Sound that overlaps itself by more than this has another rate than its host says."""

DRIFT = 100
"""One part in so many of overlap is forgiven for good: clocks of cards differ by a thousandth at most, rates that hosts
mistake (44.1 and 48 kHz) by nine hundredths."""

SUSPECT_NS = 15 * NS_PER_MS
"""Lateness from which samples may be missing, as for holes in a clip (`media.HOLE_S`): below the shortest packet of
Opus (20 ms). A host's times that only jitter fall back below it, and nothing was missing."""

LONGEST_S = 10
"""Seconds in one push of sound, at most."""

RATES = 8_000, 192_000
"""Samples a second, least and most."""

MOST_CHANNELS = 8
"""Channels of pushed sound; an array with fewer samples than that many rows is planar, which is said."""

SIDES = 16, 7680
"""Pixels of a side, least and most, as in the settings of a camera."""

_POLL_S = 0.05
_USUAL_FPS = 30.0


def _waits(clock: Clock) -> bool:
    return isinstance(clock, ReplayClock)


class PushedPictures(Source):
    """The camera of a host.

    Args:
        clock: session time; with a `ReplayClock` a push waits for room.
        ledger: receives what was dropped.
        device: what it is called in the session file.
        fps: frames a second to expect, a hint.

    The first picture sets the size; one of another size is fitted into it, with black where its shape differs.
    """

    def __init__(self, clock: Clock, ledger: Ledger, *, device: str = "pushed video", fps: float = _USUAL_FPS) -> None:
        super().__init__("camera", clock, ledger)
        self.info = SourceInfo(device, has_video=True, fps=fps, driver="push")
        self._edge: Edge[Frame] = Edge("host->camera", REPLAY if _waits(clock) else HOST_FRAMES, clock, ledger)
        self.inlets = (self._edge,)
        self._lock = threading.Lock()
        self._last_ns: int | None = None
        self._pushed = self._seq = 0
        self._usual_ns = round(NS_PER_S / fps)
        self._tick_ns: int | None = None  # time of the newest picture that was taken on
        self._held: Packet[Frame] | None = None

    def push(self, frame: Frame, t_ns: int | None = None) -> None:
        """Take a picture; from any thread, and it may be changed afterwards.

        Args:
            frame: RGB, uint8, shape (height, width, 3), upright.
            t_ns: when it was taken, session clock, later than the one before; None: now, or where a push waits for
                room, one frame after the one before.

        Raises:
            ConfigError: it is no such array, its time is not later or is of another clock, or the end was said.
        """
        picture = _picture(frame)
        with self._lock:
            if t_ns is None and _waits(self.clock):
                t_ns = 0 if self._last_ns is None else self._last_ns + self._usual_ns
            t_ns = _time(t_ns, self._last_ns, self.clock, "picture")
            _open(self._edge, self.stopping, "picture")
            self._last_ns = t_ns
            packet = Packet("video", self._pushed, t_ns, self._usual_ns, self.clock.now_ns(), picture)
            self._pushed += 1
            self._edge.offer(packet, self.stopping)

    def end(self) -> None:
        """No more pictures will come; those that wait are still handed out."""
        self._edge.close()

    def step(self) -> Progress:
        """Hand on one picture."""
        packet = self._edge.take(_POLL_S if self.alive else 0.0)
        if packet is None:
            return Progress.DONE if self._edge.exhausted else Progress.IDLE
        self._hand_on(packet)
        return Progress.WORKED

    def finish(self) -> None:
        """Hand on what waits, and close the edges."""
        self.end()
        try:
            while (packet := self._edge.take()) is not None:
                self._hand_on(packet)
            if self._held is not None:
                self._emit(self._held)
        finally:
            super().finish()

    def _hand_on(self, packet: Packet[Frame]) -> None:
        """Live at once, as long as the one before it; without hurry with its true length, which the next one tells."""
        t_ns = round(packet.t_ns / VIDEO_TICK_NS) * VIDEO_TICK_NS
        since_ns = None
        if self._tick_ns is not None:
            t_ns = max(t_ns, self._tick_ns + VIDEO_TICK_NS)
            since_ns = t_ns - self._tick_ns
        self._tick_ns = t_ns
        packet = replace(packet, t_ns=t_ns)
        if not _waits(self.clock):
            self._emit(replace(packet, dur_ns=since_ns or packet.dur_ns))
            return
        if self._held is not None and since_ns is not None:
            self._emit(replace(self._held, dur_ns=since_ns))
        self._held = packet

    def _emit(self, packet: Packet[Frame]) -> None:
        if not self.info.width:
            height, width = packet.data.shape[:2]
            self.info = replace(self.info, width=width, height=height)
        picture = fitted(packet.data, self.info.width, self.info.height)
        if isinstance(self.clock, ReplayClock):
            self.clock.advance_to(packet.t_ns)
        self._emit_video(replace(packet, seq=self._seq, created_ns=self.clock.now_ns(), data=picture))
        self._seq += 1


def fitted(picture: Frame, width: int, height: int) -> Frame:
    """The picture scaled into `width` x `height`, its shape kept, with black beside it where shapes differ."""
    high, wide = picture.shape[:2]
    if (high, wide) == (height, width):
        return picture
    import cv2  # only for hosts that change their size

    scale = min(width / wide, height / high)
    w, h = max(1, round(wide * scale)), max(1, round(high * scale))
    out = np.zeros((height, width, 3), np.uint8)
    x, y = (width - w) // 2, (height - h) // 2
    out[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    return out


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A pushed chunk: int16, shape (n, channels), and its rate."""

    pcm: NDArray[np.int16]
    rate: int


class PushedSound(Hearing):
    """The microphone of a host: chunks of any length, rate and number of channels; holes in their times are gaps.

    Args:
        clock: session time; with a `ReplayClock` a push waits for room.
        ledger: receives gaps, and device_lost where nothing is pushed for a second.
        device: what it is called in the session file.
    """

    def __init__(self, clock: Clock, ledger: Ledger, *, device: str = "pushed sound") -> None:
        super().__init__("microphone", clock, ledger, suspect_ns=SUSPECT_NS, normal_ns=SUSPECT_NS // 2)
        self.info = SourceInfo(device, has_audio=True, driver="push")
        self._edge: Edge[_Chunk] = Edge("host->microphone", REPLAY if _waits(clock) else LOSSLESS, clock, ledger)
        self.inlets = (self._edge,)
        self._lock = threading.Lock()
        self._last_ns: int | None = None  # time of the newest chunk that was pushed
        self._end_ns = 0
        self._pushed = 0
        self._rate = 0  # of the run at hand; 0 between two
        self._heard_ns: int | None = None  # session time at which the newest chunk was taken

    @property
    def device(self) -> str:
        """As the host calls it."""
        return self.info.name

    def push(self, pcm: NDArray[Any], t_ns: int | None = None, *, rate: int = SAMPLE_RATE) -> None:
        """Take a chunk of sound; from any thread, and it may be changed afterwards.

        Args:
            pcm: int16, or float in -1..1; shape (n,) or (n, channels).
            t_ns: when its first sample was heard, session clock, later than that of the chunk before; None: it ends
                now, or where a push waits for room, it follows the one before.
            rate: samples a second; may change from chunk to chunk.

        Raises:
            ConfigError: it is no such array, its time is not later, is of another clock or does not fit the rate, or
                the end was said.
        """
        samples = _samples(pcm, rate)
        dur_ns = len(samples) * NS_PER_S // rate
        with self._lock:
            if t_ns is None and _waits(self.clock):
                t_ns = self._end_ns
            elif t_ns is None:
                t_ns = max(self.clock.now_ns() - dur_ns, 0 if self._last_ns is None else self._last_ns + 1)
            t_ns = _time(t_ns, self._last_ns, self.clock, "chunk of sound")
            _open(self._edge, self.stopping, "chunk of sound")
            end_ns = max(t_ns, self._end_ns - dur_ns // DRIFT) + dur_ns
            if self._end_ns - t_ns > OVERLAP_NS:
                raise ConfigError(
                    f"The pushed sound overlaps itself by {(self._end_ns - t_ns) / NS_PER_MS:.0f} ms; "
                    f"say its true rate (rate={rate} was given) and the time of each chunk's first sample.",
                    value=t_ns,
                )
            self._last_ns, self._end_ns = t_ns, end_ns
            packet = Packet("audio", self._pushed, t_ns, dur_ns, self.clock.now_ns(), _Chunk(samples, rate))
            self._pushed += 1
            self._edge.offer(packet, self.stopping)

    def end(self) -> None:
        """No more sound will come; what waits is still handed out."""
        self._edge.close()

    def step(self) -> Progress:
        """Take one chunk, or fill silence where none comes."""
        packet = self._edge.take(_POLL_S if self.alive else 0.0)
        if packet is not None:
            self._hand_on(packet)
            return Progress.WORKED
        if self._edge.exhausted:
            return Progress.DONE
        if not _waits(self.clock):
            self._look_after()
        return Progress.IDLE

    def finish(self) -> None:
        """Hand on what waits and what is held, and close the edges."""
        self.end()
        try:
            while (packet := self._edge.take()) is not None:
                self._hand_on(packet)
            if self._rate or self._lost_at is not None:
                self._end()
        finally:
            super().finish()

    def _hand_on(self, packet: Packet[_Chunk]) -> None:
        chunk = packet.data
        if isinstance(self.clock, ReplayClock):
            self.clock.advance_to(packet.end_ns)
        self._heard_ns = self.clock.now_ns()
        if not self.info.audio_rate:
            self.info = replace(self.info, audio_rate=chunk.rate, audio_channels=chunk.pcm.shape[1])
        if chunk.rate != self._rate:
            if self._rate:
                self._end_run()
            self._rate = chunk.rate
            self._begin(chunk.rate)
        self._take(RawBlock(chunk.pcm.tobytes(), len(chunk.pcm), packet.end_ns))

    def _join(self, new: Any) -> None:
        lost, before = self._lost_at is not None, self._blocks.pushed
        super()._join(new)
        if before and not lost:  # another rate, and perhaps a hole between the two
            self._write_gap(before, "samples lost")

    def _look_after(self) -> None:
        """Nothing came: after a second the host's microphone counts as lost, and silence is filled in."""
        now_ns = self.clock.now_ns()
        if self._rate and self._heard_ns is not None and now_ns - self._heard_ns >= SILENT_AFTER_NS:
            self._lose(now_ns, "nothing was pushed for a second")
            self._rate = 0
        self._fill_silence(now_ns)


def _time(t_ns: Any, last_ns: int | None, clock: Clock, what: str) -> int:
    """A time that is on the session clock and later than the last.

    Raises:
        ConfigError: it is not.
    """
    now_ns = clock.now_ns()
    if t_ns is None:
        t_ns = now_ns if last_ns is None else max(now_ns, last_ns + 1)
    if isinstance(t_ns, bool) or not isinstance(t_ns, int | np.integer) or t_ns < 0:
        raise ConfigError(f"t_ns={t_ns!r} is no time; give whole nanoseconds since the session began.", value=t_ns)
    if last_ns is not None and t_ns <= last_ns:
        raise ConfigError(
            f"The {what} at {t_ns} ns is not later than the one before, at {last_ns} ns; push in order of time.",
            value=int(t_ns),
        )
    if not _waits(clock) and t_ns > now_ns + AHEAD_NS:
        raise ConfigError(
            f"The {what} at {t_ns / NS_PER_S:.1f} s lies ahead of the session, which is at {now_ns / NS_PER_S:.1f} s; "
            "give times on its clock (`session.now_ns()`).",
            value=int(t_ns),
        )
    return int(t_ns)


def _open(edge: Edge[Any], stopping: threading.Event, what: str) -> None:
    if edge.closed or stopping.is_set():
        raise ConfigError(f"A {what} was pushed after the end; push nothing after `push_end()` or the session's end.")


def _picture(frame: Any) -> Frame:
    """A copy, checked.

    Raises:
        ConfigError: it is no RGB picture.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ConfigError(
            f"A pushed picture is RGB, a numpy array of uint8 with shape (height, width, 3); got {_said(frame)}.",
            value=_said(frame),
        )
    if not all(SIDES[0] <= side <= SIDES[1] for side in frame.shape[:2]):
        raise ConfigError(
            f"A pushed picture has sides of {SIDES[0]} to {SIDES[1]} px; got {_said(frame)}.", value=_said(frame)
        )
    return np.array(frame, order="C", copy=True)


def _samples(pcm: Any, rate: Any) -> NDArray[np.int16]:
    """int16, shape (n, channels), checked.

    Raises:
        ConfigError: it is no sound.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or not RATES[0] <= rate <= RATES[1]:
        raise ConfigError(f"rate={rate!r} is not from {RATES[0]} to {RATES[1]} samples a second.", value=rate)
    if not isinstance(pcm, np.ndarray) or (pcm.dtype != np.int16 and pcm.dtype.kind != "f") or pcm.ndim not in (1, 2):
        raise ConfigError(
            "Pushed sound is a numpy array of int16, or of float in -1..1, with shape (n,) or (n, channels); "
            f"got {_said(pcm)}.",
            value=_said(pcm),
        )
    samples = pcm.reshape(len(pcm), -1) if pcm.size else np.zeros((0, 1), np.int16)
    if not 0 < len(samples) <= LONGEST_S * rate or samples.shape[1] > MOST_CHANNELS:
        raise ConfigError(
            f"Pushed sound has 1 sample to {LONGEST_S} s and at most {MOST_CHANNELS} channels, as (n, channels); got "
            f"{_said(pcm)} (a packed (1, n * channels) array wants .reshape(-1, channels), a planar one .T).",
            value=_said(pcm),
        )
    if samples.dtype == np.int16:
        return np.array(samples, np.int16, order="C", copy=True)
    if not np.isfinite(samples).all():
        raise ConfigError("Pushed sound holds values that are no numbers; give floats in -1..1.", value=_said(pcm))
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def _said(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype}, shape {array.shape}"
    return type(array).__name__
