"""Alignment: the channels' tracks and a moment flow in; a joined `EvidenceFrame` with its presence mask flows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ahdetect.models.cues import Channel, CueFrame
from ahdetect.models.discord import discord
from ahdetect.models.language import LanguageStream
from ahdetect.models.posterior import ChannelState, EvidenceFrame, Presence
from ahdetect.models.track import Track
from ahdetect.models.words import Transcript

_MS = 1_000_000

FRESH_NS: Final[dict[Channel, int]] = {
    Channel.FACE: 60 * _MS,
    Channel.BODY: 340 * _MS,
    Channel.VOICE: 120 * _MS,
}
"""How old a channel's newest value may be and still count as present: one to three of its own steps (frames at 30 fps,
every eighth frame at 25 fps, three chunks of 40 ms). Older is stale, and older than `LOST_NS` absent."""

LOST_NS: Final = 1_000 * _MS
"""A value older than this says nothing about now."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """What a session has to join; a channel that is not in `cues` is absent with the reason in `missing`.

    Attributes:
        cues: per sensed channel (face, body, voice) its track.
        transcript: the words, or None without a microphone.
        missing: per channel that the session does not have, why ("no camera", "switched off").
    """

    cues: Mapping[Channel, Track[CueFrame]]
    transcript: Transcript | None
    missing: Mapping[Channel, str]

    def settled_until(self) -> int:
        """Everything at or before this time is known for good, ns."""
        marks = [t.watermark_ns for t in self.cues.values()]
        if self.transcript is not None:
            marks.append(self.transcript.watermark_ns)
        return min(marks, default=1 << 62)

    def ready_until(self) -> int:
        """Up to this time a provisional row need not wait: every sensed channel is there or fresh enough, ns."""
        return min((t.watermark_ns + _GRACE_NS.get(c, 0) for c, t in self.cues.items()), default=1 << 62)

    def forget_before(self, t_ns: int) -> None:
        """Let go of what only rows before `t_ns` needed."""
        for track in self.cues.values():
            track.forget_before(t_ns)


_GRACE_NS: Final = {Channel.BODY: FRESH_NS[Channel.BODY] // 2, Channel.VOICE: FRESH_NS[Channel.VOICE] // 2}
"""A provisional row takes body and voice as they are where they are this fresh, rather than wait for the next step."""


class Aligner:
    """Joins the tracks at given moments; one of it per session.

    Args:
        tracks: what to join.
        language: the running markers, fed from `tracks.transcript` by this aligner.
    """

    def __init__(self, tracks: Tracks, language: LanguageStream) -> None:
        self.tracks = tracks
        self.language = language

    def refresh_words(self) -> bool:
        """Take in new words; True where something changed, so that provisional rows should be looked at again."""
        return self.tracks.transcript is not None and self.language.update(self.tracks.transcript)

    def at(self, t_ns: int, dur_ns: int, settled: bool) -> EvidenceFrame:
        """Everything known about the moment `t_ns`."""
        cues: dict[Channel, CueFrame | None] = {}
        states: dict[Channel, ChannelState] = {}
        for channel in (Channel.FACE, Channel.BODY, Channel.VOICE):
            cues[channel], states[channel] = self._sensed(channel, t_ns)
        cues[Channel.LANGUAGE], states[Channel.LANGUAGE] = self._language(t_ns, settled)
        between = discord(t_ns, cues[Channel.FACE], cues[Channel.VOICE], cues[Channel.LANGUAGE])
        if between.absent:
            cues[Channel.DISCORD] = None
            states[Channel.DISCORD] = ChannelState(Presence.ABSENT, reason=between.absent)
        else:
            cues[Channel.DISCORD] = between
            states[Channel.DISCORD] = ChannelState(Presence.PRESENT)
        return EvidenceFrame(t_ns, dur_ns, cues, states, settled)

    def _sensed(self, channel: Channel, t_ns: int) -> tuple[CueFrame | None, ChannelState]:
        track = self.tracks.cues.get(channel)
        if track is None:
            reason = self.tracks.missing.get(channel, "not in this session")
            return None, ChannelState(Presence.ABSENT, reason=reason)
        frame = track.latest(t_ns)
        if frame is None:
            return None, ChannelState(Presence.ABSENT, reason="nothing yet")
        if frame.absent:
            return None, ChannelState(Presence.ABSENT, reason=frame.absent)
        age = t_ns - frame.t_ns
        if age > LOST_NS:
            return None, ChannelState(Presence.ABSENT, reason=f"nothing new for over {LOST_NS // _MS} ms")
        if age > FRESH_NS[channel]:
            return frame, ChannelState(Presence.STALE, age, f"{age // _MS} ms old")
        return frame, ChannelState(Presence.PRESENT, age)

    def _language(self, t_ns: int, settled: bool) -> tuple[CueFrame | None, ChannelState]:
        transcript = self.tracks.transcript
        if transcript is None:
            reason = self.tracks.missing.get(Channel.LANGUAGE, "not in this session")
            return None, ChannelState(Presence.ABSENT, reason=reason)
        frame = self.language.at(t_ns)
        if frame.absent:
            return None, ChannelState(Presence.ABSENT, reason=frame.absent)
        age = t_ns - transcript.watermark_ns
        if settled or age <= 0:
            return frame, ChannelState(Presence.PRESENT)
        return frame, ChannelState(Presence.STALE, age, f"words {age / 1e9:.1f} s behind")
