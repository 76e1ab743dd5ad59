"""Source: a device or a file flows in, video and audio packets flow out to every edge that subscribed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ahdetect.capture.clock import Clock
from ahdetect.capture.edges import Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, AudioPacket, Frame, VideoPacket
from ahdetect.capture.stage import Stage

_OPEN = 1 << 62
"""End of a pause that has not ended."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source offers, as far as it is known before the first packet.

    Attributes:
        name: the file, address or device, as a user would name it.
        has_video: whether video packets will come.
        has_audio: whether audio packets will come.
        duration_s: length in seconds; None where it has no end (devices) or does not say.
        width: of the upright picture, in pixels; 0 without video.
        height: of the upright picture, in pixels; 0 without video.
        fps: frames a second, nominal; 0 where unknown.
        rotation: degrees counter-clockwise by which the stored picture is turned to stand upright (0, 90, 180, 270).
        frames: how many frames are to be expected; None where unknown.
        audio_rate: samples a second before resampling to 16 kHz; 0 without audio.
        audio_channels: channels before mixing to mono; 0 without audio.
        driver: what reads it: "pyav", "opencv/V4L2 MJPG", "sounddevice", ...
    """

    name: str
    has_video: bool = False
    has_audio: bool = False
    duration_s: float | None = None
    width: int = 0
    height: int = 0
    fps: float = 0.0
    rotation: int = 0
    frames: int | None = None
    audio_rate: int = 0
    audio_channels: int = 0
    driver: str = ""


@dataclass(slots=True)
class SourceTotals:
    """What a source has put out so far; the numbers of the session file.

    Attributes:
        frames: video packets.
        samples: 16 kHz samples that were heard.
        gap_samples: 16 kHz samples of silence put where nothing was heard.
        paused_samples: of these, what was heard in a pause and put away.
        gaps: number of such holes.
        broken: packets or frames that could not be decoded.
        until_ns: end of the latest packet, session time.
    """

    frames: int = 0
    samples: int = 0
    gap_samples: int = 0
    paused_samples: int = 0
    gaps: int = 0
    broken: int = 0
    until_ns: int = 0


class Source(Stage):
    """A stage that makes packets.

    `subscribe_*` comes before `start()`. Edges are closed when the source ends, however it ends, so that consumers
    know. An edge for a kind of packet that this source does not have is closed at once.

    Attributes:
        info: what it offers.
        totals: what it has put out.
        newest: the latest frame handed out, for who only wants to look; None before the first and while paused.
        inlets: edges before it, where it has some; they stand in the books as those behind it do.
    """

    info: SourceInfo

    def __init__(self, name: str, clock: Clock, ledger: Ledger) -> None:
        super().__init__(name, clock)
        self.ledger = ledger
        self.totals = SourceTotals()
        self._video_edges: list[Edge[Frame]] = []
        self._audio_edges: list[Edge[AudioBlock]] = []
        self.newest: VideoPacket | None = None
        self.inlets: tuple[Edge[Any], ...] = ()
        self._pauses: list[tuple[int, int]] = []
        self._untaken = 0
        self._muted: tuple[int, int] | None = None  # first sample and the one after the last of a pause being muted

    @property
    def paused(self) -> bool:
        """Whether nothing is to be taken at the moment."""
        return bool(self._pauses) and self._pauses[-1][1] == _OPEN

    def pause(self) -> None:
        """Take nothing from now on: no frames, and silence marked synthetic for the sound; a second call does nothing.

        What was seen and heard before this moment is still handed out. May be called from any thread.
        """
        if not self.paused:
            self._pauses = [*self._pauses, (self.clock.now_ns(), _OPEN)]
            self.newest = None

    def resume(self) -> None:
        """Take frames and sound again; what was heard until this moment stays silence."""
        if self.paused:
            self._pauses = [*self._pauses[:-1], (self._pauses[-1][0], self.clock.now_ns())]

    def was_paused(self, start_ns: int, end_ns: int) -> bool:
        """Whether any part of this time lies in a pause."""
        return any(start_ns < until and end_ns > since for since, until in self._pauses)

    def subscribe_video(self, edge: Edge[Frame]) -> None:
        """Send every frame to `edge` from now on."""
        self._video_edges.append(edge)
        if not self.info.has_video:
            edge.close()

    def subscribe_audio(self, edge: Edge[AudioBlock]) -> None:
        """Send every audio block to `edge` from now on."""
        self._audio_edges.append(edge)
        if not self.info.has_audio:
            edge.close()

    def finish(self) -> None:
        """Close the edges: nothing more will come."""
        self._end_mute()
        for video_edge in self._video_edges:
            video_edge.close()
        for audio_edge in self._audio_edges:
            audio_edge.close()

    def _emit_video(self, packet: VideoPacket) -> None:
        if self.was_paused(packet.t_ns, packet.t_ns + 1):
            self._untaken += 1
            return
        if self._untaken:  # numbers go on without a hole
            packet = replace(packet, seq=packet.seq - self._untaken)
        self.newest = packet
        self.totals.frames += 1
        self.totals.until_ns = max(self.totals.until_ns, packet.end_ns)
        for edge in self._video_edges:
            edge.offer(packet, cancel=self.stopping)

    def _emit_audio(self, packet: AudioPacket) -> None:
        self.totals.until_ns = max(self.totals.until_ns, packet.end_ns)
        packet = self._muted_in_pause(packet)
        if packet.data.synthetic:
            self.totals.gap_samples += len(packet.data.pcm)
        else:
            self.totals.samples += len(packet.data.pcm)
        for edge in self._audio_edges:
            edge.offer(packet, cancel=self.stopping)

    def _muted_in_pause(self, packet: AudioPacket) -> AudioPacket:
        """What was heard in a pause is silence instead, and a gap in the ledger like any other."""
        block = packet.data
        if block.synthetic or not self.was_paused(packet.t_ns, packet.end_ns):
            self._end_mute()
            return packet
        self.totals.paused_samples += len(block.pcm)
        self._muted = (self._muted or (block.first_sample,))[0], block.first_sample + len(block.pcm)
        return packet.carrying(replace(block, pcm=np.zeros_like(block.pcm), synthetic=True))

    def _end_mute(self) -> None:
        if self._muted is not None:
            (first, end), self._muted = self._muted, None
            self.totals.gaps += 1
            self.ledger.write(
                self.clock.now_ns(), "gap", "audio", first_sample=first, samples=end - first, reason="paused"
            )
