"""Source: a device or a file flows in, video and audio packets flow out to every edge that subscribed."""

from __future__ import annotations

from dataclasses import dataclass

from ahdetect.capture.clock import Clock
from ahdetect.capture.edges import Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, AudioPacket, Frame, VideoPacket
from ahdetect.capture.stage import Stage


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
        gaps: number of such holes.
        broken: packets or frames that could not be decoded.
        until_ns: end of the latest packet, session time.
    """

    frames: int = 0
    samples: int = 0
    gap_samples: int = 0
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
    """

    info: SourceInfo

    def __init__(self, name: str, clock: Clock, ledger: Ledger) -> None:
        super().__init__(name, clock)
        self.ledger = ledger
        self.totals = SourceTotals()
        self._video_edges: list[Edge[Frame]] = []
        self._audio_edges: list[Edge[AudioBlock]] = []

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
        for video_edge in self._video_edges:
            video_edge.close()
        for audio_edge in self._audio_edges:
            audio_edge.close()

    def _emit_video(self, packet: VideoPacket) -> None:
        self.totals.frames += 1
        self.totals.until_ns = max(self.totals.until_ns, packet.end_ns)
        for edge in self._video_edges:
            edge.offer(packet, cancel=self.stopping)

    def _emit_audio(self, packet: AudioPacket) -> None:
        self.totals.until_ns = max(self.totals.until_ns, packet.end_ns)
        if packet.data.synthetic:
            self.totals.gap_samples += len(packet.data.pcm)
        else:
            self.totals.samples += len(packet.data.pcm)
        for edge in self._audio_edges:
            edge.offer(packet, cancel=self.stopping)
