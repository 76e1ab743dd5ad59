"""Tiers: the material of an export flows in; named tiers of stretches of time (s), none overlapping, flow out.

ELAN, Praat and NOVA draw the same tiers; only how they are written differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ahdetect.events import TRIGGER, trigger_text
from ahdetect.export.material import Material
from ahdetect.export.picture import Run, runs
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Presence
from ahdetect.store.annotations import HumanSegment, Verdict
from ahdetect.timeline import NS_PER_S, Row, Segment

MOMENT_S: Final = 0.2
"""Seconds that a moment (a prompt, a marker) is drawn long, so that it can be clicked on; its start is exact."""

MODEL: Final = "A/H (model)"
ESTIMATE: Final = "estimate (model)"
CUES: Final = "cues (model)"
WORDS: Final = "words"
EVENTS: Final = "events"
HUMAN: Final = "A/H (human {by})"
MISSING: Final = "missing {channel}"


_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something said about a stretch of time.

    Attributes:
        start: seconds, session time.
        end: seconds, after `start`.
        label: in words, one line, not empty.
        confidence: 0-1; 1 where nobody gave one.
    """

    start: float
    end: float
    label: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Tier:
    """Stretches in order of time, none overlapping.

    Attributes:
        name: unique in an export.
        stretches: what is on it.
        annotator: "ahdetect" or initials.
    """

    name: str
    stretches: tuple[Stretch, ...]
    annotator: str = "ahdetect"


def all_tiers(material: Material) -> list[Tier]:
    """Every tier of an export, in the order in which they are drawn. Words stand only where they may leave."""
    rows, end = material.timeline.rows, material.timeline.duration_s
    tiers = [Tier(MODEL, tuple(map(model_stretch, material.timeline.segments)))]
    tiers += human_tiers(material)
    tiers += [Tier(ESTIMATE, estimate(rows, end)), Tier(CUES, cues(rows, end))]
    if material.options.words:
        tiers.append(words(material))
    tiers += layers(EVENTS, [_event(dict(e)) for e in material.events])
    for channel in Channel:
        if gaps := missing(rows, channel, end):
            tiers.append(Tier(MISSING.format(channel=channel.value), gaps))
    return tiers


def model_stretch(segment: Segment) -> Stretch:
    """A segment with its mean probability and what was seen and heard."""
    label = f"A/H {segment.mean_p:.2f}" + (f": {', '.join(segment.phrases)}" if segment.phrases else "")
    return Stretch(segment.start_ns / NS_PER_S, segment.end_ns / NS_PER_S, label, segment.mean_p)


def human_tiers(material: Material) -> list[Tier]:
    """What people said, a tier per person; a second one where stretches of one person overlap."""
    return [
        tier
        for by in material.annotators
        for tier in layers(HUMAN.format(by=by), [_human(h) for h in material.human if h.by == by], by)
    ]


def positive(human: Iterable[HumanSegment]) -> list[HumanSegment]:
    """Those that say that there is something; a rejected one says that there is not."""
    return [h for h in human if h.verdict is not Verdict.REJECT]


def estimate(rows: Sequence[Row], end_s: float) -> tuple[Stretch, ...]:
    """The estimate in words: low, unclear, elevated."""
    return _stretches((row.band.value for row in rows), rows, end_s)


def cues(rows: Sequence[Row], end_s: float) -> tuple[Stretch, ...]:
    """What pushes the estimate up, in words, as long as it is the same."""
    return _stretches((", ".join(cue.phrase for cue in row.top) for row in rows), rows, end_s)


def missing(rows: Sequence[Row], channel: Channel, end_s: float) -> tuple[Stretch, ...]:
    """Where a channel was absent or stale, with the reason; reasons that differ in their numbers only are one."""
    states = [row.states[channel] for row in rows]
    labels = [
        "" if s.presence is Presence.PRESENT else f"{s.presence.value}: {s.reason}".removesuffix(": ") for s in states
    ]
    return tuple(
        Stretch(run.start, run.end, ranged(labels[run.first : run.last]))
        for shape, run in _runs([shape_of(label) for label in labels], rows, end_s)
        if shape
    )


def shape_of(reason: str) -> str:
    """A reason without its numbers, to tell which are alike."""
    return _NUMBER.sub("#", reason)


def ranged(reasons: Sequence[str]) -> str:
    """Reasons of one shape as one: `67 ms old` and `300 ms old` as `67-300 ms old`."""
    columns = zip(*(_NUMBER.findall(reason) for reason in reasons), strict=True)
    spans = (sorted(set(column), key=float) for column in columns)
    texts = (low if not more else f"{low}-{more[-1]}" for low, *more in spans)
    return _NUMBER.sub(lambda _: next(texts), reasons[0])


def words(material: Material) -> Tier:
    """The words; one that starts before the one before it ends is cut at that end."""
    found: list[Stretch] = []
    for word in material.timeline.words:
        if not word.text:
            continue
        start = max(word.start_ns / NS_PER_S, found[-1].end if found else 0.0)
        found.append(Stretch(start, max(word.end_ns / NS_PER_S, start + 0.001), word.text, word.confidence))
    return Tier(WORDS, tuple(found), "recogniser")


def layers(name: str, stretches: Iterable[Stretch], annotator: str = "ahdetect") -> list[Tier]:
    """Stretches that may overlap, as few tiers as they need: `name`, `name 2`, ..."""
    found: list[list[Stretch]] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, s.end)):
        layer = next((one for one in found if one[-1].end <= stretch.start), None)
        if layer is None:
            found.append([stretch])
        else:
            layer.append(stretch)
    return [Tier(name if i == 1 else f"{name} {i}", tuple(one), annotator) for i, one in enumerate(found, 1)]


def event_text(event: dict[str, object]) -> str:
    """An event in words: its kind and what is known of it."""
    if event.get("kind") == TRIGGER:
        return f"{TRIGGER} {trigger_text(event)}"
    known = (f"{v}" for k, v in event.items() if k not in ("t_ns", "kind") and v not in (None, ""))
    return ": ".join(filter(None, (str(event.get("kind", "")).replace("_", " "), ", ".join(known))))


def _event(event: dict[str, object]) -> Stretch:
    start = int(str(event["t_ns"])) / NS_PER_S
    return Stretch(start, start + MOMENT_S, event_text(event) or "event")


def _human(human: HumanSegment) -> Stretch:
    label = f"{human.verdict.value}: {human.note}" if human.note else human.verdict.value
    return Stretch(human.start_ns / NS_PER_S, human.end_ns / NS_PER_S, label)


def _stretches(labels: Iterable[str], rows: Sequence[Row], end_s: float) -> tuple[Stretch, ...]:
    return tuple(Stretch(run.start, run.end, label) for label, run in _runs(list(labels), rows, end_s) if label)


def _runs(labels: Sequence[str], rows: Sequence[Row], end_s: float) -> list[tuple[str, Run]]:
    if not rows:
        return []
    found = runs(labels, np.array([row.t_s for row in rows]), end_s)
    return [(str(label), run) for label, run in found if run.end > run.start]
