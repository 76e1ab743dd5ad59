"""A microphone flows in (any rate, any channels), audio packets of 16 kHz mono flow out on session time, without holes.

Here it is opened, watched and opened again; `capture.hearing` makes the packets.
"""

from __future__ import annotations

import queue
from contextlib import ExitStack

from ahdetect.capture.audio_time import AudioTimeline, RawBlock
from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.capture.hearing import SILENT_AFTER_NS, Hearing
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.portaudio import (
    BACKENDS,
    MicrophoneBackend,
    MicrophoneDevice,
    MicrophoneStream,
)
from ahdetect.capture.quiet import quiet_stderr
from ahdetect.capture.source import SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import ConfigError, DeviceError

OPENING_NS = 2 * NS_PER_S
"""Added to that for the first callback after opening: a Pulse source needs up to a second to start (measured)."""

HUSH_AFTER_NS = 3 * NS_PER_S // 10
"""Without a callback for this long, standard error is muted until there is one or the stream is closed: when a Pulse
server dies, PortAudio's thread spins and prints a quarter of a million lines a second (measured)."""

BACK_OFF_S = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to get a lost device back; the last one repeats."""


class Microphone(Hearing):
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
        self._hushed, self._is_hushed = ExitStack(), False
        self._last_ns = clock.now_ns()  # of the newest callback, or of opening
        self._next_try_ns = 0
        self._tries = 0
        self._stream: MicrophoneStream | None
        self._stream = stream = self._open()
        self.info = SourceInfo(
            device.name,
            has_audio=True,
            audio_rate=stream.rate,
            audio_channels=stream.channels,
            driver=backend.name,
        )

    def step(self) -> Progress:
        """Take what one callback brought, or look after a device that is silent."""
        try:
            block = self._queue.get(timeout=0.05 if self.alive else 0.0)
        except queue.Empty:
            self._look_after()
            return Progress.IDLE
        self._last_ns = block.arrived_ns
        self._hush(False)
        self._take(block)
        return Progress.WORKED

    def finish(self) -> None:
        """Let the device go, hand out what is still held, and close the edges, whatever goes wrong before."""
        try:
            self._hand_out_rest()
        finally:
            super().finish()

    @property
    def device(self) -> str:
        """Its name."""
        return self._device.name

    def _hand_out_rest(self) -> None:
        self._close()
        while not self._queue.empty():
            self._take(self._queue.get())
        self._end()

    def _open(self) -> MicrophoneStream:
        def on_block(data: bytes, count: int, age_s: float | None, overflow: bool) -> None:
            now_ns = clock.now_ns()
            put(RawBlock(data, count, now_ns, None if age_s is None else now_ns - round(age_s * NS_PER_S), overflow))

        self._queue = queue.SimpleQueue()  # a stream that was given up may still call back: into its own
        clock, put = self.clock, self._queue.put
        stream = self._backend.open(self._device, on_block)
        self._last_ns = self.clock.now_ns() + OPENING_NS
        self._begin(stream.rate)
        return stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._hush(False)

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
        self._fill_silence(now_ns)

    def _lose(self, now_ns: int, reason: str) -> None:
        super()._lose(now_ns, reason)
        self._next_try_ns = now_ns

    def _join(self, new: AudioTimeline) -> None:
        super()._join(new)
        self._tries = 0

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
