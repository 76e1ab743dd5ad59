"""Workers: packets of an edge flow in, cue frames on a track (or words, or files) flow out; one stage per thread."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Generic, Protocol, TypeVar

from ahdetect.capture.clock import Clock
from ahdetect.capture.edges import Edge
from ahdetect.capture.packets import AudioBlock, AudioPacket, Packet
from ahdetect.capture.stage import Progress, Stage
from ahdetect.models.cues import Channel, CueFrame, absent_frame
from ahdetect.models.track import Track
from ahdetect.models.words import Transcript, WordUpdate

T = TypeVar("T")
U = TypeVar("U")

POLL_S = 0.05
"""How long a worker waits for a packet before it looks whether it should stop."""


class EdgeWorker(Stage, Generic[T]):
    """Takes packets from an edge until it is exhausted.

    Attributes:
        busy_ns: time spent on packets so far (wall), for the stage table of `bench`.
    """

    def __init__(self, name: str, clock: Clock, edge: Edge[T]) -> None:
        super().__init__(name, clock)
        self.edge = edge
        self.busy_ns = 0
        self.count = 0

    def step(self) -> Progress:
        """Work on one packet."""
        packet = self.edge.take(POLL_S)
        if packet is not None:
            began = perf_counter_ns()
            self.work(packet)
            self.busy_ns += perf_counter_ns() - began
            self.count += 1
            return Progress.WORKED
        return Progress.DONE if self.edge.exhausted else Progress.IDLE

    @abstractmethod
    def work(self, packet: Packet[T]) -> None:
        """Do what this worker is for."""

    def finish(self) -> None:
        """A worker that has ended takes no more, and its producer must not wait for it."""
        self.edge.close()


class RelayWorker(EdgeWorker[T], Generic[T, U]):
    """Does the heavy first half of a cue extractor and hands its result to the worker of the second half.

    Args:
        name: of the stage.
        clock: session clock.
        edge: where packets come from.
        half: packet in, data of the packet for the next edge out.
        onward: the next edge.
        close: releases the extractor, on the same thread.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        edge: Edge[T],
        half: Callable[[Packet[T]], U],
        onward: Edge[U],
        close: Callable[[], object] = tuple,
    ) -> None:
        super().__init__(name, clock, edge)
        self._half = half
        self._onward = onward
        self._close = close

    def work(self, packet: Packet[T]) -> None:
        """Hand on one packet's result."""
        self._onward.offer(packet.carrying(self._half(packet)), self.stopping)

    def finish(self) -> None:
        """Nothing more will come."""
        super().finish()
        self._onward.close()
        self._close()


class CueWorker(EdgeWorker[T]):
    """Runs a cue extractor.

    Args:
        name: of the stage.
        clock: session clock.
        edge: where packets come from.
        channel: what it makes.
        track: where cue frames go.
        extract: packet in, cue frames out (none where it needs more).
        flush: what is left at the end.
        close: releases the extractor, on the same thread; MediaPipe's graphs hang when the collector closes them.
        every: work on every n-th packet by sequence number; the others only move the watermark.
        feeder: the worker before it, whose crash is this channel's crash.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        edge: Edge[T],
        channel: Channel,
        track: Track[CueFrame],
        extract: Callable[[Packet[T]], Sequence[CueFrame]],
        flush: Callable[[], Sequence[CueFrame]] = tuple,
        close: Callable[[], object] = tuple,
        every: int = 1,
        feeder: Stage | None = None,
    ) -> None:
        super().__init__(name, clock, edge)
        self._channel = channel
        self._track = track
        self._extract = extract
        self._flush = flush
        self._close = close
        self._every = every
        self._feeder = feeder
        self._due = 0
        self.until_ns = 0

    def work(self, packet: Packet[T]) -> None:
        """Extract the cues of one packet."""
        if packet.seq >= self._due:
            self._due = (packet.seq // self._every + 1) * self._every
            for frame in self._extract(packet):
                self._track.append(frame)
        elif self._every > 1:
            self._track.advance(packet.t_ns)
        self.until_ns = packet.end_ns

    def finish(self) -> None:
        """Flush, and say that nothing more will come, with the reason where it crashed."""
        super().finish()
        try:
            if self.error is None:
                for frame in self._flush():
                    self._track.append(frame)
        finally:
            if self.error is not None or (self._feeder is not None and self._feeder.error is not None):
                at = max(0, self._track.watermark_ns)
                self._track.append(absent_frame(self._channel, at, f"{self._channel.value} stopped by an error"))
            self._track.close()
            self._close()


class Transcriber(Protocol):
    """A streaming recogniser, as `models.speech.SpeechStream`."""

    def push(self, packet: AudioPacket) -> None:
        """Take in sound."""
        ...

    def step(self) -> WordUpdate | None:
        """Do at most one decode."""
        ...

    def flush(self) -> WordUpdate:
        """Decode what is left."""
        ...


class WordWorker(EdgeWorker[AudioBlock]):
    """Runs transcription: takes all sound that waits, then decodes at most once."""

    def __init__(self, clock: Clock, edge: Edge[AudioBlock], transcript: Transcript, recogniser: Transcriber) -> None:
        super().__init__("transcription", clock, edge)
        self._transcript = transcript
        self._recogniser = recogniser
        self._on_update: list[Callable[[WordUpdate], None]] = []

    def on_update(self, callback: Callable[[WordUpdate], None]) -> None:
        """Call `callback` with every update, on this stage's thread."""
        self._on_update.append(callback)

    def work(self, packet: Packet[AudioBlock]) -> None:
        """Take all sound that waits, decoding as it falls due."""
        current: Packet[AudioBlock] | None = packet
        while current is not None:
            self._recogniser.push(current)
            update = self._recogniser.step()
            if update is not None:
                self._apply(update)
            self.heartbeat_ns = self.clock.now_ns()
            current = self.edge.take()
            self.count += current is not None

    def finish(self) -> None:
        """Decode what is left and close the transcript."""
        super().finish()
        try:
            if self.error is None:
                self._apply(self._recogniser.flush())
        finally:
            self._transcript.close()

    def _apply(self, update: WordUpdate) -> None:
        self._transcript.apply(update)
        for callback in self._on_update:
            callback(update)


class SinkWorker(EdgeWorker[T]):
    """Hands packets to a file; where the file fails, the sink is switched off and the session goes on."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        edge: Edge[T],
        write: Callable[[Packet[T]], None],
        close: Callable[[], object] = tuple,
    ) -> None:
        super().__init__(name, clock, edge)
        self._write = write
        self._close = close

    def work(self, packet: Packet[T]) -> None:
        """Write one packet."""
        self._write(packet)

    def finish(self) -> None:
        """No more will be written."""
        super().finish()
        self._close()
