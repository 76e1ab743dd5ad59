"""References: `assets/reference.json` and cue frames of several people flow in; location and scale per cue flow out.

A reference says what a cue usually is and how far it usually strays, so that a value can be read as "so many standard
deviations above usual" before the person's own baseline is known. `tools/measure_reference.py` writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ahdetect.models.cues import INDEX, CueFrame

FILE = "reference.json"
MAD_TO_SD = 1.4826
"""Median absolute deviation to standard deviation for a normal distribution."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a cue usually is.

    Attributes:
        location: median over people, in the unit of the cue.
        scale: 1.4826 times the median absolute deviation, or the standard deviation where a cue rests at one value
            most of the time (a hand that is seldom at the face) and the former would be next to nothing.
        n_seconds: seconds in which the cue was present.
        n_people: different people among them.
    """

    location: float
    scale: float
    n_seconds: float
    n_people: int


@lru_cache(maxsize=1)
def references() -> Mapping[str, Reference]:
    """All references that were measured, by cue name."""
    raw = json.loads(files("ahdetect.assets").joinpath(FILE).read_text(encoding="utf-8"))
    return {name: Reference(**row) for name, row in raw["cues"].items()}


def reference(name: str) -> Reference:
    """The reference of the cue `name`.

    Raises:
        KeyError: none was measured.
    """
    return references()[name]


def measure(people: Sequence[Sequence[Iterable[CueFrame]]], names: Iterable[str]) -> dict[str, Reference]:
    """Location and scale of cues over people, each person weighing the same however long they were seen.

    Args:
        people: per person, per clip, the cue frames of one channel in order.
        names: cues of that channel.
    """
    clips = [[list(clip) for clip in person] for person in people]
    found = {}
    for name in names:
        columns = [[_column(clip, name) for clip in person] for person in clips]
        values, seconds = zip(*[_join(person) for person in columns], strict=True)
        present = [(v, s) for v, s in zip(values, seconds, strict=True) if len(v)]
        if present:
            x = np.concatenate([v for v, _ in present])
            weight = np.concatenate([s / s.sum() for _, s in present])
            found[name] = Reference(
                *_robust(x, weight), round(float(sum(s.sum() for _, s in present)), 1), len(present)
            )
    return found


def save(path: Path, new: Mapping[str, Reference], note: str) -> None:
    """Write references to `path`; those of other cues that stand there stay, so that each channel is measured alone."""
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"notes": {}, "cues": {}}
    old["notes"] |= {name.split("_")[0]: note for name in new}
    old["cues"] |= {name: asdict(ref) for name, ref in new.items()}
    old["cues"] = {name: old["cues"][name] for name in sorted(old["cues"])}
    path.write_text(json.dumps(old, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


Samples = tuple[NDArray[np.float64], NDArray[np.float64]]


def _column(clip: list[CueFrame], name: str) -> Samples:
    """Present values of a cue in one clip, and the seconds that each lasted."""
    t = np.array([f.t_ns for f in clip], dtype=np.float64) / 1e9
    x = np.array([f.values[INDEX[name]] for f in clip], dtype=np.float64)
    lasted = np.diff(t, prepend=2 * t[0] - t[1]) if len(t) > 1 else np.ones(len(t))
    seen = np.isfinite(x)
    return x[seen], lasted[seen]


def _join(clips: list[Samples]) -> Samples:
    return np.concatenate([x for x, _ in clips]), np.concatenate([s for _, s in clips])


def _median(x: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    order = np.argsort(x)
    above = np.cumsum(weight[order]) >= weight.sum() / 2.0
    return float(x[order][np.argmax(above)])


def _robust(x: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted median; weighted MAD as a standard deviation, or the standard deviation where that is thrice it."""
    location = _median(x, weight)
    mad = MAD_TO_SD * _median(np.abs(x - location), weight)
    mean = np.average(x, weights=weight)
    sd = float(np.sqrt(np.average((x - mean) ** 2, weights=weight)))
    return float(f"{location:.4g}"), float(f"{(sd if sd > 3.0 * mad else mad):.4g}")
