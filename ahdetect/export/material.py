"""Material: a session and what may leave it flow in; what every exporter is given flows out.

The one place that knows the session reader. Nothing is written here, and exporters see nothing that was left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from ahdetect.capture.clock import ReplayClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.media import Media
from ahdetect.capture.replay import Replay
from ahdetect.errors import ConfigError
from ahdetect.export.masking import NameMask
from ahdetect.models.words import Word
from ahdetect.store.annotations import HumanSegment, read_annotations
from ahdetect.store.entries import SEGMENT
from ahdetect.store.reader import Session
from ahdetect.timeline import Segment, Timeline

_INNER: Final = ("audio_anchor", SEGMENT, "segment_onset", "segment_offset", "plugin_cues")
"""Events that say what the segments or the clock say already, or a number many times a second."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 (2.2) forbids or advises against; no transcript needs them."""

_QUOTE: Final = re.compile(r" \([^()]*\)$")
"""What a cue's phrase quotes of the words (`events.find_segments`)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may leave a session.

    Attributes:
        words: what was said, and what people wrote about it.
        media: pictures and sound, and links to them.
        mask_names: replace names in words and texts.
        names: to be masked besides those that are guessed, in lower case.
        blur_face: blur the face in pictures.
        stills: moments of the video in the report.
    """

    words: bool = True
    media: bool = True
    mask_names: bool = False
    names: frozenset[str] = frozenset()
    blur_face: bool = False
    stills: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigError: two options do not go together.
        """
        if self.stills and self.blur_face:
            raise ConfigError("--stills would show the face that --blur-face hides in the video; choose one of them.")
        if (self.stills or self.blur_face) and not self.media:
            raise ConfigError("--no-media leaves no pictures; drop --stills and --blur-face, or --no-media.")


@dataclass(frozen=True, slots=True)
class Film:
    """Pictures and sound of a session.

    Attributes:
        video: file or opener of the pictures, None without.
        audio: file or opener of the sound, None without; the same as `video` for a clip.
        video_offset_ns: session time of time 0 of the picture file.
        audio_offset_ns: session time of time 0 of the sound file.
        clip: whether both are one clip, whose start is session time 0.
    """

    video: Media | None
    audio: Media | None
    video_offset_ns: int = 0
    audio_offset_ns: int = 0
    clip: bool = False

    def replay(self) -> Replay:
        """Its packets, in session time.

        Raises:
            MediaError: it cannot be read.
        """
        media = self.video or self.audio
        clock, ledger = ReplayClock(), Ledger()
        if self.clip and media is not None:
            return Replay(media, clock, ledger)
        return Replay.of_pair(
            self.video,
            self.audio,
            clock,
            ledger,
            video_offset_ns=self.video_offset_ns,
            audio_offset_ns=self.audio_offset_ns,
        )


_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Material:
    """What an exporter is given; words, names and media that were left out are not in it.

    Attributes:
        name: of the session, which all files of the export begin with.
        timeline: rows, words and segments; its `info` is that of the session.
        events: prompts, markers, triggers, pauses, devices, with "t_ns" and "kind"; no segments.
        human: what people said about segments.
        film: pictures and sound, None where there are none or they were left out.
        options: what may leave.
        made_at: when the export was made, UTC.
        damage: what could not be read of the session, in words.
        state: of the session: "closed", "repaired", "analysed", "recording".
    """

    name: str
    timeline: Timeline
    events: tuple[Mapping[str, Any], ...] = ()
    human: tuple[HumanSegment, ...] = ()
    film: Film | None = None
    options: Options = field(default_factory=Options)
    made_at: datetime = _EPOCH
    damage: tuple[str, ...] = ()
    state: str = "analysed"

    @property
    def info(self) -> dict[str, Any]:
        """What stands in `session.json`."""
        return self.timeline.info

    @property
    def annotators(self) -> list[str]:
        """Initials of those who said something, in order."""
        return sorted({h.by for h in self.human})


def material_of(session: Session, options: Options | None = None, *, made_at: datetime, name: str = "") -> Material:
    """What an export of `session` is made of.

    Args:
        session: opened for reading.
        options: what may leave it; by default everything.
        made_at: now, UTC.
        name: that its files begin with; by default that of the folder.

    Raises:
        StoreError: there are no rows to be read.
    """
    options = options or Options()
    timeline = session.timeline()
    material = Material(
        name=name or session.folder.resolve().name,
        timeline=timeline,
        events=tuple(e for e in session.events() if e.get("kind") not in _INNER),
        human=tuple(replace(h, by=_clean(h.by)) for h in read_annotations(session.folder, session.files)),
        film=_film(session) if options.media else None,
        options=options,
        made_at=made_at,
        damage=tuple(session.damage),
        state=session.state,
    )
    return restrict(material)


def restrict(material: Material) -> Material:
    """The material without what its options leave out, and without characters that files cannot hold."""
    options = material.options
    if options.mask_names or not options.media:
        material = _without_file_name(material)
    material = _map_texts(material, _clean)
    material = _with_words(material, [replace(w, text=_clean(w.text)) for w in material.timeline.words])
    if options.mask_names:
        mask = NameMask(material.timeline.words, options.names)
        material = _with_words(_map_texts(material, mask.text), mask.words(material.timeline.words))
    if not options.words:
        material = _with_words(_map_texts(material, lambda _: ""), [])
        segments = [replace(s, phrases=tuple(_QUOTE.sub("", p) for p in s.phrases)) for s in material.timeline.segments]
        material = replace(material, timeline=replace(material.timeline, segments=segments))
    return material if options.media else replace(material, film=None)


def said_in(segment: Segment, words: list[Word]) -> str:
    """The words of a segment: those whose middle lies in it, as in `events.find_segments`."""
    return " ".join(w.text for w in words if segment.start_ns <= (w.start_ns + w.end_ns) // 2 <= segment.end_ns)


_TEXTS: Final = ("note", "text", "prompt")
"""Keys of events that hold free text."""


def _without_file_name(material: Material) -> Material:
    """The material without the name of the clip, which often is the name of a person."""
    info = dict(material.info)
    if isinstance(info.get("source"), Mapping):
        info["source"] = {k: v for k, v in info["source"].items() if k not in ("name", "path")}
    return replace(material, timeline=replace(material.timeline, info=info))


def _map_texts(material: Material, change: Callable[[str], str]) -> Material:
    """The material with `change` applied to every free text about the session, the words themselves apart."""
    events = tuple(
        {k: change(v) if k in _TEXTS and isinstance(v, str) else v for k, v in event.items()}
        for event in material.events
    )
    human = tuple(replace(h, note=change(h.note)) for h in material.human)
    return replace(material, events=events, human=human)


def _with_words(material: Material, words: list[Word]) -> Material:
    segments = [replace(s, words=said_in(s, words)) for s in material.timeline.segments]
    return replace(material, timeline=replace(material.timeline, words=words, segments=segments))


def _clean(text: str) -> str:
    return " ".join(_FORBIDDEN.sub("\ufffd", text).split())


def _film(session: Session) -> Film | None:
    if session.video is not None or session.audio is not None:
        return Film(session.video, session.audio, session.video_offset_ns, session.audio_offset_ns)
    return Film(session.clip, session.clip, clip=True) if session.clip is not None else None
