"""A microphone flows in (any rate, any channels), audio packets of 16 kHz mono flow out on session time, without holes.

What the microphone does not give, because samples were lost or the device is gone, comes as silence marked synthetic
and as a "gap" row in the ledger: samples heard + samples filled == duration x rate, always.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable
from contextlib import ExitStack

import numpy as np

from ahdetect.capture.audio_time import AudioTimeline, GapFinder, RawBlock
from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioBlock, Packet
from ahdetect.capture.portaudio import (
    BACKENDS,
    MicrophoneBackend,
    MicrophoneDevice,
    MicrophoneStream,
)
from ahdetect.capture.quiet import quiet_stderr
from ahdetect.capture.resample import Blocks, Resampler, to_mono
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import ConfigError, DeviceError

SILENT_AFTER_NS = 1 * NS_PER_S
"""Without a callback for this long the device counts as lost: a dozen times the longest gap seen (EVIDENCE: 84 ms)."""

OPENING_NS = 2 * NS_PER_S
"""Added to that for the first callback after opening: a Pulse source needs up to a second to start (measured)."""

FILL_LAG_NS = NS_PER_S // 2
"""How far behind now silence is filled in, so that what a returning device brings is rarely in the filled past."""

HUSH_AFTER_NS = 3 * NS_PER_S // 10
"""Without a callback for this long, standard error is muted until there is one or the stream is closed: when a Pulse
server dies, PortAudio's thread spins and prints a quarter of a million lines a second (measured)."""

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to get a lost device back; the last one repeats."""


class Microphone(Source):
    """Hears a microphone until it is stopped.

    Args:
        device: which one; from `find_microphone`.
        backend: opens it, and opens it again when it comes back.
        clock: session time.
        ledger: receives gaps, device_lost and device_back.

    Raises:
        DeviceError: it cannot be opened.
    """

    def __init__(self, device: MicrophoneDevice, backend: MicrophoneBackend, clock: Clock, ledger: Ledger) -> None:
        super().__init__("microphone", clock, ledger)
        self._device, self._backend = device, backend
        self._queue: queue.SimpleQueue[RawBlock] = queue.SimpleQueue()
        self._blocks = Blocks()
        self._seq = 0
        self._emitted = 0, 0  # time and length of the last block, ns
        self._hushed, self._is_hushed = ExitStack(), False
        self._last_ns = clock.now_ns()  # of the newest callback, or of opening
        self._lost_at: int | None = None  # sample number at which the device was lost
        self._next_try_ns = 0
        self._tries = 0
        self._timeline: AudioTimeline | None = None  # None until the first sound
        self._base = 0.0  # output sample number at which the timeline's sample 0 lies
        self._skip = 0  # device samples to pass over: silence was put in their place already
        self._stream: MicrophoneStream | None
        self._stream = stream = self._open()
        self.info = SourceInfo(
            device.name,
            has_audio=True,
            audio_rate=stream.rate,
            audio_channels=stream.channels,
            driver=backend.name,
        )

    @property
    def true_rate(self) -> float:
        """16 kHz samples a session second, as fitted: what a recording needs to be laid beside the video."""
        timeline = self._timeline
        return SAMPLE_RATE * timeline.true_rate / timeline.rate if timeline is not None else float(SAMPLE_RATE)

    def step(self) -> Progress:
        """Take what one callback brought, or look after a device that is silent."""
        try:
            block = self._queue.get(timeout=0.05 if self.alive else 0.0)
        except queue.Empty:
            self._look_after()
            return Progress.IDLE
        self._last_ns = block.arrived_ns
        self._hush(False)
        for missing, judged in self._gaps.feed(block):
            self._hear(missing, judged)
        return Progress.WORKED

    def finish(self) -> None:
        """Let the device go, hand out what is still held, and close the edges, whatever goes wrong before."""
        try:
            self._hand_out_rest()
        finally:
            super().finish()

    def _hand_out_rest(self) -> None:
        self._close()
        while not self._queue.empty():
            for missing, judged in self._gaps.feed(self._queue.get()):
                self._hear(missing, judged)
        for missing, judged in self._gaps.flush():
            self._hear(missing, judged)
        if self._lost_at is not None:
            self._fill_until(self.clock.now_ns())
            self._write_gap(self._lost_at, "device lost")
        elif self._timeline is not None:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))
        self._emit(self._blocks.flush())

    def _open(self) -> MicrophoneStream:
        def on_block(data: bytes, count: int, age_s: float | None, overflow: bool) -> None:
            now_ns = clock.now_ns()
            put(RawBlock(data, count, now_ns, None if age_s is None else now_ns - round(age_s * NS_PER_S), overflow))

        self._queue = queue.SimpleQueue()  # a stream that was given up may still call back: into its own
        clock, put = self.clock, self._queue.put
        stream = self._backend.open(self._device, on_block)
        self._begin(stream)
        return stream

    def _begin(self, stream: MicrophoneStream) -> None:
        """A new run of sound: its clock is unknown until its first blocks are judged."""
        self._last_ns = self.clock.now_ns() + OPENING_NS
        self._gaps = GapFinder(AudioTimeline(stream.rate))
        self._resampler = Resampler(stream.rate)

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._hush(False)

    def _hear(self, missing: int, block: RawBlock) -> None:
        """Resample and hand out a block, after the silence for what is missing before it."""
        new = self._gaps.timeline
        if self._timeline is not new:
            self._join(new)
        if missing:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))
            at = self._blocks.pushed
            self._emit(self._blocks.fill(round(missing * SAMPLE_RATE / new.rate)))
            self._write_gap(at, "samples lost by the driver" if block.overflow else "samples lost")
        channels = len(block.data) // (2 * block.count)
        mono = to_mono(np.frombuffer(block.data, np.int16), channels)[self._skip :]
        self._skip -= block.count - len(mono)
        self._emit(self._blocks.push(self._resampler.feed(mono)))

    def _join(self, new: AudioTimeline) -> None:
        """The first judged block of a run: fill up to it and go over to its timeline."""
        if self._timeline is not None:
            self._fill_until(new.time_of(0))
            doubled_ns = self._time_of(self._blocks.pushed) - new.time_of(0)
            self._skip = max(0, round(doubled_ns * new.rate / NS_PER_S))
        if self._lost_at is not None:
            self._write_gap(self._lost_at, "device lost")
            self.ledger.write(self.clock.now_ns(), "device_back", self.name, device=self._device.name)
            self._lost_at = None
        self._tries = 0
        self._base = self._blocks.pushed - self._skip * SAMPLE_RATE / new.rate
        self._timeline = new

    def _look_after(self) -> None:
        """Nothing came: notice a lost device, fill silence, and try to get it back."""
        now_ns = self.clock.now_ns()
        silent_ns = now_ns - self._last_ns
        gone = self._stream is None or not self._stream.active
        if not gone and silent_ns < SILENT_AFTER_NS:
            if silent_ns > HUSH_AFTER_NS and self.alive:
                self._hush(True)
        else:
            if self._lost_at is None:
                self._lose(now_ns, "it was disconnected" if gone else "it sends nothing")
            self._close()
            self._try_again(now_ns)
        if self._lost_at is not None and self._timeline is not None:
            self._fill_until(now_ns - FILL_LAG_NS, whole_chunks=True)

    def _lose(self, now_ns: int, reason: str) -> None:
        for missing, judged in self._gaps.flush():
            self._hear(missing, judged)
        if self._timeline is not None:
            self._emit(self._blocks.push(self._resampler.feed(np.zeros(0, np.float32), last=True)))
        self._lost_at = self._blocks.pushed
        self._next_try_ns = now_ns
        self.ledger.write(now_ns, "device_lost", self.name, device=self._device.name, reason=reason)

    def _try_again(self, now_ns: int) -> None:
        if now_ns < self._next_try_ns:
            return
        pause_s = BACK_OFF_S[min(self._tries, len(BACK_OFF_S) - 1)]
        self._next_try_ns = now_ns + round(pause_s * NS_PER_S)
        self._tries += 1
        self._backend.rescan()
        try:
            self._device = find_microphone(self._device.name, self._backend)
            self._stream = self._open()
        except DeviceError:
            self._stream = None

    def _hush(self, on: bool) -> None:
        if not on:
            self._hushed.close()
        elif not self._is_hushed:
            self._hushed.enter_context(quiet_stderr())
        self._is_hushed = on

    def _fill_until(self, t_ns: int, whole_chunks: bool = False) -> None:
        count = int((t_ns - self._time_of(self._blocks.pushed)) * self.true_rate / NS_PER_S)
        if whole_chunks:
            count -= count % AUDIO_CHUNK
        if count > 0:
            self._emit(self._blocks.fill(count))

    def _write_gap(self, first_sample: int, reason: str) -> None:
        """One row a gap, when its length is known."""
        count = self._blocks.pushed - first_sample
        if count <= 0:
            return
        self.totals.gaps += 1
        self.ledger.write(self.clock.now_ns(), "gap", "audio", first_sample=first_sample, samples=count, reason=reason)

    def _time_of(self, sample: int) -> int:
        """Session time of an output sample."""
        assert self._timeline is not None
        return self._timeline.time_of((sample - self._base) * self._timeline.rate / SAMPLE_RATE)

    def _in_order(self, t_ns: int, dur_ns: int) -> int:
        """The time of a block, where the line was just laid earlier moved so that time never goes back.

        On a machine that was busy at first, the first callbacks are all late, and the line moves when the first one
        comes in time. From there on a block begins half a block after the one before it, at least, until the line is
        reached: 100 ms are made up for within five blocks.
        """
        before, last_dur_ns = self._emitted
        t_ns = max(t_ns, before + last_dur_ns // 2, before + last_dur_ns - dur_ns) if last_dur_ns else t_ns
        self._emitted = t_ns, dur_ns
        return t_ns

    def _emit(self, blocks: Iterable[AudioBlock]) -> None:
        for block in blocks:
            dur_ns = len(block.pcm) * NS_PER_S // SAMPLE_RATE
            t_ns = self._in_order(self._time_of(block.first_sample), dur_ns)
            self._emit_audio(Packet("audio", self._seq, t_ns, dur_ns, self.clock.now_ns(), block))
            self._seq += 1


def find_microphone(name: str, backend: MicrophoneBackend) -> MicrophoneDevice:
    """The device that `name` means: "default", a number, or (a part of) a name.

    Raises:
        DeviceError: there is none, with the names of those that there are.
    """
    devices = backend.devices()
    if not devices:
        raise DeviceError(
            f"No microphone was found by {backend.name}; plug one in, or choose --audio none.",
            value=name,
            permanent=False,
        )
    wanted = name.casefold()
    if wanted == "default":
        ranked = [d for d in devices if d.default] + devices
    else:
        ranked = [d for d in devices if wanted == str(d.index)]
        ranked += [d for d in devices if d.name.casefold() == wanted]
        ranked += [d for d in devices if wanted in d.name.casefold()]
    if ranked:
        return ranked[0]
    there = ", ".join(repr(d.name) for d in devices)
    raise DeviceError(f"There is no microphone {name!r}; there are {there}.", value=name, permanent=False)


def open_microphone(name: str, clock: Clock, ledger: Ledger, *, backend: str = "sounddevice") -> Microphone:
    """Find and open a microphone.

    Args:
        name: "default", a number from `ahdetect devices`, or a part of a name.
        clock: session time.
        ledger: receives gaps and losses.
        backend: "sounddevice" or "pyaudio".

    Raises:
        DeviceError: there is no such microphone, or it cannot be opened.
        ConfigError: the backend does not exist or is not installed.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"There is no audio backend {backend!r}; choose one of {', '.join(BACKENDS)}.", value=backend)
    made = BACKENDS[backend]()
    return Microphone(find_microphone(name, made), made, clock, ledger)
