"""Analysis: a clip or a recorded session flows in, its `Timeline` flows out, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ahdetect.calibration.profile import Profile
from ahdetect.calibration.profile_store import ProfileStore
from ahdetect.capture.clock import NS_PER_S, ReplayClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.replay import Replay
from ahdetect.capture.source import Source
from ahdetect.config import Settings
from ahdetect.engine import Engine, Models, describe
from ahdetect.errors import AhdetectError, MediaError, StoreError
from ahdetect.events import Event, find_segments
from ahdetect.models.cues import Channel
from ahdetect.person import ADAPTATION, Person, load_profile, setup_in
from ahdetect.plugins import CUES_EVENT, FAILED_EVENT
from ahdetect.provenance import provenance
from ahdetect.store.keys import Keys
from ahdetect.timeline import Row, Timeline, smooth_rows

MAX_SIDE = 1280
"""Longest side of the pictures that are analysed, px: the models look at crops of 256 px or less, and a face that
fills a tenth of such a picture still has that."""


KEPT_EVENTS = (ADAPTATION, CUES_EVENT, FAILED_EVENT)
"""Kinds of events that a timeline keeps beside its rows, words and segments."""

SHORT_S = 1.0
"""A clip that ends this much before the length that it states is said to be cut off; sound and picture of a whole one
differ by less."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis is.

    Attributes:
        done_s: seconds of the clip behind it.
        total_s: length of the clip, None where the file does not say.
    """

    done_s: float
    total_s: float | None


def analyze(
    clip: str | Path,
    *,
    prompt_kind: str | None = None,
    settings: Settings | None = None,
    models: Models | None = None,
    progress: Callable[[Progress], None] | None = None,
    profile: str | Profile | None = None,
    profiles: ProfileStore | None = None,
    learn: bool = False,
    keys: Keys | None = None,
) -> Timeline:
    """Analyse a clip: video with sound, video alone or sound alone; or the folder of a recorded session.

    Args:
        clip: the file or session folder.
        prompt_kind: what the person was asked (one of the seven kinds of BAH), as a prior; None for prompt-blind.
        settings: what to compute; default everything.
        models: weights already loaded, to analyse several clips; default loads them.
        progress: called a few times a second.
        profile: the person's, or its name: cues are measured against what is usual in them, and unless
            `fusion.adapt` is off the fuser goes on adapting, the same each time.
        profiles: where profiles are kept; default the user's own files.
        learn: make a new version of the profile of what was learned; without it the profile stays as it is.
        keys: to open an encrypted session with; default those of this account and of the environment.

    Returns:
        The settled rows with causal and smoothed estimates, words and segments. `info` is what `session.json` holds.

    Raises:
        MediaError: the clip cannot be read, or holds neither pictures nor sound.
        AssetError: a model file is missing or damaged.
        ConfigError: `prompt_kind` or a setting is not valid, or there is no such profile.
        StoreError: the profile is damaged.

    Example:
        >>> import ahdetect
        >>> timeline = ahdetect.analyze("interview.mp4", prompt_kind="hesitant")
        >>> [(s.start_ns / 1e9, s.phrases) for s in timeline.segments]
    """
    settings = (settings or Settings()).with_prompt(prompt_kind)
    found = load_profile(profile, profiles)
    clock, ledger = ReplayClock(), Ledger()
    source = open_clip(Path(clip), clock, ledger, keys, learn=learn)
    began = perf_counter()
    models = models or Models.load(settings, video=source.info.has_video, audio=source.info.has_audio, yields=True)
    load_s = perf_counter() - began
    rows: list[Row] = []
    person = Person(found, setup_of_clip(Path(clip), keys), adapt=settings.fusion.adapt) if found is not None else None
    engine = Engine(source, source, clock, ledger, settings=settings, models=models, live=False, person=person)
    engine.on_row(rows.append)
    events: list[Event] = []
    engine.on_event(events.append)
    began = perf_counter()
    engine.start()
    try:
        while not engine.wait(0.0):
            if progress is not None:
                done = rows[-1].t_s if rows else 0.0
                progress(Progress(done, source.info.duration_s))
            engine.rest(0.1)
    finally:
        engine.stop()
    took_s = perf_counter() - began
    _raise_broken(engine, clip, rows)
    if person is not None and learn:
        person.keep(f"analysis of {Path(clip).resolve().stem}", profiles)
    timeline = _timeline(engine, source, clip, rows, settings, took_s=took_s, load_s=load_s)
    timeline.events = [{"t_ns": e.t_ns, "kind": e.kind, **e.detail} for e in events if e.kind in KEPT_EVENTS]
    return timeline


def open_clip(
    path: Path, clock: ReplayClock, ledger: Ledger, keys: Keys | None = None, *, learn: bool = False
) -> Replay:
    """A replay of a clip, or of the pictures and sound of a session folder.

    Raises:
        ConsentError: it is a recorded session, and its person did not agree to the analysis; or, where a profile is to
            learn from it, not to adaptation.
    """
    if path.is_dir():
        from ahdetect.store.audit import Act
        from ahdetect.store.consent import Purpose
        from ahdetect.store.gate import check_stored
        from ahdetect.store.journal import note
        from ahdetect.store.reader import open_session

        session = open_session(path, keys)
        for purpose in (Purpose.ANALYSIS, *([Purpose.ADAPTATION] if learn else [])):
            check_stored(session.info, purpose)
        note(path, session.info, Act.OPEN)
        if session.video is None and session.audio is None:
            hint = f"analyse {session.clip} instead" if session.clip else "name a clip or a recorded session"
            raise MediaError(f"{path} holds no pictures and no sound; {hint}.", value=path)
        errors: list[AhdetectError] = []
        for video, audio in ((session.video, session.audio), (session.video, None), (None, session.audio)):
            try:
                return Replay.of_pair(
                    video, audio, clock, ledger,
                    video_offset_ns=session.video_offset_ns, audio_offset_ns=session.audio_offset_ns, max_side=MAX_SIDE,
                )  # fmt: skip
            except (MediaError, StoreError) as error:  # one may be damaged; the other is worth an analysis
                errors.append(error)
        raise errors[0]
    return Replay(path, clock, ledger, max_side=MAX_SIDE)


def setup_of_clip(path: Path, keys: Keys | None = None) -> dict[str, str]:
    """Devices that a recorded session was made with; empty for any other clip, of which they are not known."""
    if not path.is_dir():
        return {}
    from ahdetect.store.reader import open_session

    return setup_in(open_session(path, keys).info.get("devices") or {})


def _raise_broken(engine: Engine, clip: str | Path, rows: list[Row]) -> None:
    """A stage that crashed in an analysis is an error where nothing can be shown for it."""
    for error in engine.errors:
        if isinstance(error, AhdetectError) or not rows:
            raise error
    if not rows:
        raise MediaError(f"{clip} holds no pictures and no sound to analyse.", value=clip)


def _timeline(
    engine: Engine,
    source: Source,
    clip: str | Path,
    rows: list[Row],
    settings: Settings,
    *,
    took_s: float,
    load_s: float,
) -> Timeline:
    words = engine.transcript.settled()
    duration_s = source.totals.until_ns / NS_PER_S
    p_smoothed = smooth_rows(rows, settings.fusion.segment_s)
    timeline = Timeline(rows, words, [], duration_s)
    timeline.rows = timeline.with_smoothed(p_smoothed)
    timeline.segments = find_segments(rows, p_smoothed, words)
    timeline.info = {
        **provenance(settings, engine.models, engine.person),
        "source": {**_source_info(source), "path": str(Path(clip).resolve())},
        "duration_s": round(duration_s, 4),
        "frames": source.totals.frames,
        "frames_with_face": engine.counts["rows_face"],
        "audio_samples": source.totals.samples,
        "audio_gaps": source.totals.gaps,
        "broken_packets": source.totals.broken,
        "notes": [*_notes(source, duration_s, rows, face=settings.channels.face), *_person_notes(engine.person)],
        "ledger": engine.ledger_totals(),
        "stage_errors": [describe(e) for e in (*engine.errors, *engine.plugin_errors)],
        "stages": engine.stage_table(),
        "load_s": round(load_s, 3),
        "analysis_s": round(took_s, 3),
        "realtime_factor": round(took_s / duration_s, 4) if duration_s else None,
    }
    return timeline


def _notes(source: Source, duration_s: float, rows: list[Row], *, face: bool) -> list[str]:
    """Sentences about what the clip lacks, for whoever wonders at the result."""
    i, t = source.info, source.totals
    notes = []
    if i.duration_s is not None and duration_s < i.duration_s - SHORT_S:
        notes.append(
            f"It ends after {duration_s:.1f} of {i.duration_s:.1f} s: the file was cut off or is damaged there; "
            "what comes before was analysed."
        )
    elif t.broken:
        notes.append(f"{t.broken} packets or pictures could not be decoded and were left out.")
    if not i.has_video:
        notes.append("It has no picture that can be read: the estimate rests on voice and words.")
    elif face and not any(row.face_seen for row in rows):
        reasons = [s.reason for row in rows if (s := row.states[Channel.FACE]).reason]
        why = f" ({max(set(reasons), key=reasons.count)})" if reasons else ""
        notes.append(f"No face was seen in it{why}: the estimate rests on the other channels.")
    if not i.has_audio:
        notes.append("It has no sound that can be read: the estimate rests on face and body.")
    return notes


def _person_notes(person: Person | None) -> list[str]:
    """Why a profile did not fit, or what was learned could not be kept."""
    if person is None:
        return []
    return [person.note] * bool(person.note) + [str(person.failure)] * bool(person.failure)


def _source_info(source: Source) -> dict[str, Any]:
    i = source.info
    return {
        "name": Path(i.name).name, "width": i.width, "height": i.height, "fps": round(i.fps, 3), "rotation": i.rotation,
        "audio_rate": i.audio_rate, "audio_channels": i.audio_channels, "driver": i.driver,
        "has_video": i.has_video, "has_audio": i.has_audio,
    }  # fmt: skip


def summary(timeline: Timeline) -> dict[str, Any]:
    """What `ahdetect analyze --json` prints of a clip."""
    info, p = timeline.info, timeline.p
    return {
        "source": info["source"]["name"],
        "duration_s": info["duration_s"],
        "frames": info["frames"],
        "frames_with_face": info["frames_with_face"],
        "audio_samples": info["audio_samples"],
        "audio_gaps": info["audio_gaps"],
        "rows": len(timeline.rows),
        "words": len(timeline.words),
        "text": " ".join(w.text for w in timeline.words),
        "segments": [
            {
                "start_s": round(s.start_ns / NS_PER_S, 3), "end_s": round(s.end_ns / NS_PER_S, 3),
                "mean_p": round(s.mean_p, 4), "peak_p": round(s.peak_p, 4), "cues": list(s.phrases),
            }
            for s in timeline.segments
        ],
        "mean_p": round(float(p.mean()), 4) if len(p) else None,
        "realtime_factor": info["realtime_factor"],
        "load_s": info["load_s"],
        "ledger": info["ledger"],
        "stage_errors": info["stage_errors"],
        "profile": info["profile"],
        "notes": info["notes"],
    }  # fmt: skip
