"""A clip flows in, the packets that a camera and a microphone would have made flow out, in order of time.

A file comes in by the live door: whoever consumes a `Replay` cannot tell it from devices, so everything that works live
is tested and evaluated on recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.media import AudioReader, Media, Picture, VideoReader, name_of
from ahdetect.capture.packets import SAMPLE_RATE, VIDEO_TICK_NS, AudioBlock, Packet
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import MediaError

T = TypeVar("T")

_PATIENCE_NS = 50 * NS_PER_MS
"""Longest wait inside one `step()`, so that the heartbeat goes on through a still of many seconds."""


class _Ahead(Generic[T]):
    """An iterator whose next element can be looked at."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self.head = next(items, None)

    def pop(self) -> None:
        self.head = next(self._items, None)


class Replay(Source):
    """Plays a clip, or a picture file and a sound file, to the subscribed edges.

    Video comes when it is shown, sound when its block has ended, as from devices. Time 0 is the earlier of the first
    picture and the first sample; sound that starts later keeps its distance. Holes in the sound's timestamps come as
    synthetic silence with a "gap" row in the ledger; broken packets are skipped and counted.

    Args:
        media: the clip.
        clock: a `ReplayClock` is moved along with the clip; with a `SessionClock`, use `realtime`.
        ledger: receives gaps and what was broken.
        realtime: hand out each packet only when `clock` says it is time, and stamp it with the clock's time, counted
            from the first `step()`: a camera and a microphone made of a file.
        max_side: longest side of the pictures in pixels; larger ones are scaled down. None: as they are.

    Raises:
        MediaError: the file is missing, empty, damaged beyond reading, no clip, or has neither picture nor sound.

    Example:
        >>> clock, ledger = ReplayClock(), Ledger()
        >>> replay = Replay("clip.mp4", clock, ledger)
        >>> faces = Edge("camera->face", REPLAY, clock, ledger)
        >>> replay.subscribe_video(faces)
        >>> replay.start()
    """

    def __init__(
        self, media: Media, clock: Clock, ledger: Ledger, *, realtime: bool = False, max_side: int | None = None
    ) -> None:
        self._setup(media, media, clock, ledger, realtime, max_side, offsets_ns=None)

    @classmethod
    def of_pair(
        cls,
        video: Media | None,
        audio: Media | None,
        clock: Clock,
        ledger: Ledger,
        *,
        video_offset_ns: int = 0,
        audio_offset_ns: int = 0,
        realtime: bool = False,
        max_side: int | None = None,
    ) -> Replay:
        """A session's picture file and sound file as one source.

        Each offset is the session time of time 0 of that file, so the packets come back with the times they were
        recorded with. At least one of the two files is needed.
        """
        self = cls.__new__(cls)
        self._setup(video, audio, clock, ledger, realtime, max_side, (video_offset_ns, audio_offset_ns))
        return self

    def _setup(
        self,
        video: Media | None,
        audio: Media | None,
        clock: Clock,
        ledger: Ledger,
        realtime: bool,
        max_side: int | None,
        offsets_ns: tuple[int, int] | None,
    ) -> None:
        super().__init__("replay", clock, ledger)
        self._realtime = realtime
        self._anchor_ns: int | None = None if realtime else 0
        self._ready: tuple[int, Packet[Any]] | None = None
        self._sounds_read = self._pictures_read = 0
        self._told = False

        media = video if video is not None else audio
        if media is None:
            raise MediaError("Neither a picture file nor a sound file was named; give at least one.")
        path = None if callable(media) else str(media)
        self._video = VideoReader(video, max_side) if video is not None else None
        self._audio = AudioReader(audio, self._report) if audio is not None else None
        if not any(reader is not None and reader.stream is not None for reader in (self._video, self._audio)):
            raise MediaError(f"{name_of(media)} holds neither picture nor sound; name another file.", value=path)

        # The first of each is decoded here, so that a file that opens but holds nothing fails before a thread runs.
        self._pictures: _Ahead[Picture] = _Ahead(iter(self._video or ()))
        self._sounds: _Ahead[AudioBlock] = _Ahead(iter(self._audio or ()))
        picture, sound = self._pictures.head, self._sounds.head
        if picture is None and sound is None:
            self._close()
            raise MediaError(
                f"{name_of(media)} opens, but nothing in it can be decoded; it is damaged or cut off.", value=path
            )
        if offsets_ns is None:
            video_starts = [picture.t_ns] if picture is not None else []
            audio_starts = [self._audio_start_ns()] if sound is not None else []
            # in whole ticks, so that pictures stay on them
            origin_ns = min(video_starts + audio_starts) // VIDEO_TICK_NS * VIDEO_TICK_NS
            self._offsets_ns = -origin_ns, -origin_ns
        else:
            self._offsets_ns = offsets_ns
        self.info = self._describe(Path(path).name if path else name_of(media), picture, sound)

    @property
    def position_ns(self) -> int:
        """Time in the clip up to which packets were handed out; for a progress bar."""
        return self._position_ns

    _position_ns = 0

    def step(self) -> Progress:
        """Hand out the next packet."""
        if self._anchor_ns is None:
            self._anchor_ns = self.clock.now_ns()
        if self._ready is None:
            self._ready = self._next(self._anchor_ns)
        if self._ready is None:
            return Progress.DONE
        due_ns, packet = self._ready
        if self._realtime and due_ns - self.clock.now_ns() > _PATIENCE_NS:
            self.clock.wait_until(self.clock.now_ns() + _PATIENCE_NS, self.stopping)
            return Progress.IDLE
        if self._realtime or hasattr(self.clock, "advance_to"):
            self.clock.wait_until(due_ns, self.stopping)
        self._ready = None
        packet = replace(packet, created_ns=self.clock.now_ns())
        self._position_ns = packet.end_ns - self._anchor_ns
        if packet.stream == "video":
            self._emit_video(packet)
        else:
            self._emit_audio(packet)
        return Progress.WORKED

    def finish(self) -> None:
        """Close the edges and the files; what was broken goes to the ledger."""
        super().finish()
        self._close()
        self.totals.broken = sum(reader.broken for reader in (self._video, self._audio) if reader is not None)
        if self.totals.broken and not self._told:
            self._told = True
            self.ledger.write(
                self.clock.now_ns(), "note", self.name, what="broken packets skipped", packets=self.totals.broken
            )

    def _next(self, anchor_ns: int) -> tuple[int, Packet[Any]] | None:
        """The packet that is due first, with the time at which it is: video at its start, audio at its end."""
        picture = self._pictures.head if self._video_edges else None
        sound = self._sounds.head if self._audio_edges else None
        packets: list[tuple[int, str]] = []
        if picture is not None:
            video_ns = anchor_ns // VIDEO_TICK_NS * VIDEO_TICK_NS + self._offsets_ns[0] + picture.t_ns
            packets.append((video_ns, "video"))
        if sound is not None:
            audio_ns = anchor_ns + self._audio_start_ns() + self._offsets_ns[1]
            audio_ns += sound.first_sample * NS_PER_S // SAMPLE_RATE
            dur_ns = len(sound.pcm) * NS_PER_S // SAMPLE_RATE
            packets.append((audio_ns + dur_ns, "audio"))
        if not packets:
            return None
        due_ns, stream = min(packets)
        if stream == "video":
            assert picture is not None
            assert self._video is not None
            frame = self._video.rgb(picture)
            self._pictures.pop()
            self._pictures_read += 1
            return due_ns, Packet("video", self._pictures_read - 1, due_ns, picture.dur_ns, due_ns, frame)
        assert sound is not None
        self._sounds.pop()
        self._sounds_read += 1
        return due_ns, Packet("audio", self._sounds_read - 1, audio_ns, dur_ns, due_ns, sound)

    def _audio_start_ns(self) -> int:
        return self._audio.start_ns if self._audio is not None else 0

    def _report(self, kind: str, **detail: Any) -> None:
        if kind == "gap":
            self.totals.gaps += 1
        self.ledger.write(self.clock.now_ns(), kind, "audio", **detail)

    def _close(self) -> None:
        for reader in (self._video, self._audio):
            if reader is not None:
                reader.close()

    def _describe(self, name: str, picture: Picture | None, sound: AudioBlock | None) -> SourceInfo:
        lengths = [r.duration_s for r in (self._video, self._audio) if r is not None and r.duration_s is not None]
        duration_s = max(lengths, default=None)
        info = SourceInfo(name, has_audio=sound is not None, duration_s=duration_s, driver="pyav")
        if sound is not None and self._audio is not None:
            info = replace(info, audio_rate=self._audio.rate, audio_channels=self._audio.channels)
        if picture is not None and self._video is not None:
            height, width = self._video.rgb(picture).shape[:2]
            fps = self._video.fps
            counted = self._video.stream.frames if self._video.stream is not None else 0
            guessed = round(duration_s * fps) if duration_s is not None and fps else None
            info = replace(
                info,
                has_video=True,
                width=width,
                height=height,
                fps=round(fps, 3),
                rotation=picture.frame.rotation % 360,
                frames=counted or guessed,
            )
        return info
