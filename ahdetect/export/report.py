"""Report: the material of an export flows in; a page of HTML that needs no other file, or a PDF of it, flows out."""

from __future__ import annotations

import base64
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from ahdetect.errors import ConfigError
from ahdetect.events import TRIGGER, trigger_text
from ahdetect.export.material import Material
from ahdetect.export.picture import TITLE, clock_text, paint_timeline
from ahdetect.export.tiers import ranged, shape_of
from ahdetect.models.cues import INDEX, Channel
from ahdetect.models.posterior import Band, Presence
from ahdetect.provenance import NOTE
from ahdetect.store.annotations import HumanSegment, Verdict
from ahdetect.store.consent import Purpose
from ahdetect.store.gate import stored_consent
from ahdetect.timeline import NS_PER_S, Row, Segment

DPI: Final = 200
"""Of the timeline picture: 14-24 inches wide there, 10.6 on the page."""

REASONS: Final = 3
"""Reasons named for each channel that was not seen; the others are rare."""

QUALITY: Final = (
    (Channel.FACE, "face_size", "height of the face in the picture", 100.0, "%"),
    (Channel.FACE, "face_light", "light on the face (0 black, 255 white)", 1.0, ""),
    (Channel.FACE, "face_quality", "quality of the face picture (0 to 1)", 1.0, ""),
    (Channel.BODY, "body_visibility", "shoulders and arms in view (0 to 1)", 1.0, ""),
    (Channel.VOICE, "voice_noise", "level of the sound without speech", 1.0, "dB re full scale"),
    (Channel.LANGUAGE, "language_confidence", "recogniser's confidence in the words (0 to 1)", 1.0, ""),
)
"""Cues that say how well the person could be seen and heard: channel, cue, in words, factor, unit."""

SAYS: Final = {
    Verdict.ACCEPT: "accepted",
    Verdict.CORRECT: "corrected",
    Verdict.REJECT: "rejected",
    Verdict.ADD: "added",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of a channel there was.

    Attributes:
        channel: its name.
        present: share of rows, 0-1.
        stale: likewise.
        absent: likewise.
        reasons: why it was stale or absent, in words, with the share of rows.
    """

    channel: str
    present: float
    stale: float
    absent: float
    reasons: tuple[tuple[str, float], ...]


def write_html(material: Material, file: BinaryIO) -> None:
    """Write the report as one HTML file."""
    file.write(html(material).encode())


def write_pdf(material: Material, file: BinaryIO) -> None:
    """Write the report as PDF, A4.

    Raises:
        ConfigError: WeasyPrint, or a library of the system that it needs, is not installed.
    """
    weasyprint = load_weasyprint()
    inside = weasyprint.urls.URLFetcher(allowed_protocols={"data"})  # nothing is fetched from anywhere
    weasyprint.HTML(string=html(material), url_fetcher=inside).write_pdf(file)


def load_weasyprint() -> Any:
    """The library that makes PDFs.

    Raises:
        ConfigError: it, or a library of the system that it needs, is not installed.
    """
    try:
        import weasyprint
        import weasyprint.urls
    except (ImportError, OSError) as error:
        raise ConfigError(
            "The PDF report needs WeasyPrint; run `pip install 'ahdetect[report]'`, or export report-html."
        ) from error
    return weasyprint


def html(material: Material) -> str:
    """The report as HTML, escaped, with its pictures in it."""
    environment = Environment(
        loader=PackageLoader("ahdetect.export"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "number": lambda value: f"{value:.2f}"}
    return environment.get_template("report.html").render(contents(material))


def contents(material: Material) -> dict[str, Any]:
    """All that the template is given."""
    timeline, rows = material.timeline, material.timeline.rows
    long = timeline.duration_s >= 120

    def at(t_ns: int) -> str:
        return clock_text(t_ns / NS_PER_S, long=True) if long else f"{t_ns / NS_PER_S:.1f}"

    return {
        "title": TITLE,
        "name": material.name,
        "made_at": material.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        "unit": "min:s" if long else "s",
        "analysed": analysed(material),
        "seen": [seen(rows, channel) for channel in Channel],
        "quality": quality(rows),
        "bands": bands(rows),
        "segments": [_segment(n, s, material, at) for n, s in enumerate(timeline.segments, 1)],
        "elevated_s": sum(s.end_ns - s.start_ns for s in timeline.segments) / NS_PER_S,
        "added": [_said(h, at) for h in _not_about(material.human, timeline.segments)],
        "picture": picture(material) if rows else "",
        "events": [(at(int(e["t_ns"])), e["kind"], _event(e)) for e in material.events if e["kind"] in _SHOWN],
        "calibration": calibration(material.info),
        "note": str((material.info.get("fuser") or {}).get("note") or NOTE),
        "lost": [*material.damage, *map(str, material.info.get("notes") or ())],
        "options": material.options,
        "versions": _flat(material.info.get("versions")),
        "models": _flat(material.info.get("models")),
        "fuser": _flat({k: v for k, v in (material.info.get("fuser") or {}).items() if k != "note"}),
        "settings": _flat(material.info.get("configuration")),
    }  # fmt: skip


def analysed(material: Material) -> list[tuple[str, str]]:
    """What was analysed, line by line; what is not known has no line."""
    info, timeline = material.info, material.timeline
    source: dict[str, Any] = info["source"] if isinstance(info.get("source"), dict) else {}
    video: dict[str, Any] = info["video"] if isinstance(info.get("video"), dict) else source
    has_video = bool(video.get("width"))
    has_audio = bool(source.get("has_audio") if source else info.get("audio"))
    states = {
        "analysed": "a clip, analysed",
        "closed": "a recording, closed in good order",
        "repaired": "a recording that was cut off and repaired",
        "recording": "a recording that was not closed",
    }
    lines = [
        ("kind", states.get(material.state, material.state)),
        ("file", str(source.get("name") or "")),
        ("started", _minute(str(info.get("started_at") or ""))),
        ("length", f"{timeline.duration_s:.1f} s" if timeline.duration_s < 120 else
         f"{clock_text(timeline.duration_s, long=True)} min"),
        ("picture", f"{video['width']} x {video['height']}, {float(video.get('fps') or 0):.0f} frames a second"
         if has_video else "none"),
        ("sound", "yes" if has_audio else "none"),
        ("estimates", f"{len(timeline.rows)} moments"),
        ("words", f"{len(timeline.words)}, as a recogniser heard them" if material.options.words else "left out"),
        ("person's baseline", calibration(info)),
        ("consent", consent(info)),
    ]  # fmt: skip
    return [(name, value) for name, value in lines if value]


def _minute(at: str) -> str:
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M %Z")
    except ValueError:
        return at


def seen(rows: Sequence[Row], channel: Channel) -> Seen:
    """How much of a channel there was, with the reasons where there was less."""
    states = [row.states[channel] for row in rows]
    n = max(1, len(states))
    count = Counter(state.presence for state in states)
    why = defaultdict[str, list[str]](list)
    for state in states:
        if state.presence is not Presence.PRESENT:
            reason = state.reason or state.presence.value
            why[shape_of(reason)].append(reason)
    most = sorted(why.values(), key=len, reverse=True)[:REASONS]
    return Seen(
        channel.value,
        count[Presence.PRESENT] / n,
        count[Presence.STALE] / n,
        count[Presence.ABSENT] / n,
        tuple((ranged(reasons), len(reasons) / n) for reasons in most),
    )


def quality(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Median of each cue of quality, in words; those that were never measured say so."""
    found = []
    for channel, cue, meaning, factor, unit in QUALITY:
        values = np.array([np.nan if (v := row.cues.get(channel)) is None else v[INDEX[cue]] for row in rows])
        known = values[~np.isnan(values)] if len(values) else values
        digits = 0 if factor == 100 or unit or cue == "face_light" else 2
        text = f"{float(np.median(known)) * factor:.{digits}f} {unit}".strip() if len(known) else "not measured"
        found.append((meaning, text))
    return found


def bands(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """Share of rows of each band."""
    count = Counter(row.band for row in rows)
    return [(band.value, count[band] / max(1, len(rows))) for band in Band]


def calibration(info: Mapping[str, Any]) -> str:
    """Whether the estimate knew the person's own baseline, in one sentence."""
    state = info.get("profile")
    if not isinstance(state, Mapping) or state.get("version") is None:
        return "None was used; the population's values stood in"
    told = f"{' '.join(filter(None, ('Profile', str(state.get('name') or ''))))}, version {state['version']}, was used"
    if state.get("kept_as_version") is not None:
        told += f"; it learned in the session and was kept as version {state['kept_as_version']}"
    elif state.get("changes"):
        told += f"; it was adapted {len(state['changes'])} times in the session"
    return told


def consent(info: Mapping[str, Any]) -> str:
    """What the person agreed to, as the session's record says it."""
    record = stored_consent(info)
    if record is None:
        return "no record in this session"
    allowed = [purpose.value for purpose in Purpose if record.allows(purpose)]
    return "yes to " + ", ".join(allowed) if allowed else "no to everything, or taken back"


def picture(material: Material) -> str:
    """The timeline as a data address; moments of the video only where they were asked for."""
    file = io.BytesIO()
    film = material.film if material.options.stills else None
    video = film.video if film is not None else None
    paint_timeline(material.timeline, file, video, None if film is None or film.clip else 0.0, dpi=DPI)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def percent(share: float) -> str:
    """A share as whole percent; what is not quite nothing or all says so."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def _segment(number: int, segment: Segment, material: Material, at: Any) -> dict[str, Any]:
    about = [h for h in material.human if h.model == (segment.start_ns, segment.end_ns)]
    return {
        "number": number,
        "start": at(segment.start_ns),
        "end": at(segment.end_ns),
        "length": f"{(segment.end_ns - segment.start_ns) / NS_PER_S:.1f}",
        "mean": segment.mean_p,
        "peak": segment.peak_p,
        "cues": list(segment.phrases),
        "words": segment.words,
        "human": [_said(h, at) for h in about],
    }


_SHOWN: Final = ("prompt", "marker", "paused", "resumed", TRIGGER)


def _event(event: Mapping[str, Any]) -> str:
    if event["kind"] == TRIGGER:
        return trigger_text(event)
    known = (str(event[key]) for key in ("kind_of_prompt", "text", "note") if event.get(key))
    return ": ".join(known) or ("kind not given" if event["kind"] == "prompt" else "–")


def _said(human: HumanSegment, at: Any) -> dict[str, str]:
    return {
        "by": human.by,
        "verdict": SAYS[human.verdict],
        "start": at(human.start_ns),
        "end": at(human.end_ns),
        "note": human.note,
    }


def _not_about(human: Sequence[HumanSegment], segments: Sequence[Segment]) -> list[HumanSegment]:
    spans = {(s.start_ns, s.end_ns) for s in segments}
    return [h for h in human if h.model not in spans]


_WORDS: Final = {"None": "not set", "True": "yes", "False": "no"}


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as lines: `fusion.prevalence`, `0.18`."""
    if not isinstance(value, Mapping):
        return [(prefix, _WORDS.get(str(value), str(value)))] if prefix else []
    return [line for key, item in value.items() for line in _flat(item, f"{prefix}.{key}" if prefix else str(key))]
