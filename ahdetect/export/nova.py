"""NOVA: the material of an export flows in; SSI annotations (`.annotation` and its data `.annotation~`) flow out.

The format is that of NOVA and of `nova-utils` (hcmlab): an XML header, and beside it lines of text. Discrete: from; to;
class; confidence. Continuous: score; confidence, at a fixed rate. Free: from; to; label; confidence. Times in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ahdetect.export.material import Material
from ahdetect.export.tiers import Stretch, human_tiers, model_stretch, words
from ahdetect.store.annotations import Verdict
from ahdetect.timeline import NS_PER_S, Row

ANNOTATION: Final = ".annotation"
MODEL_CLASS: Final = "A/H"
_USUAL_FPS: Final = 25.0
"""Hz of the continuous annotation where the session does not say its frame rate."""
_STALE_S: Final = 0.5
"""Seconds without a row after which a sample of the continuous annotation is empty (assumed)."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation as NOVA knows it.

    Attributes:
        name: of the scheme.
        kind: "DISCRETE", "CONTINUOUS" or "FREE".
        lines: of the data file.
        annotator: who made it.
        attributes: further ones of the scheme ("sr", "min", "max").
        classes: of a discrete scheme, numbered from 0.
    """

    name: str
    kind: str
    lines: tuple[str, ...]
    annotator: str = "ahdetect"
    attributes: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def write_header(self, file: BinaryIO) -> None:
        """The XML file."""
        root = ElementTree.Element("annotation", {"ssi-v": "3"})
        ElementTree.SubElement(root, "info", {"ftype": "ASCII", "size": str(len(self.lines))})
        ElementTree.SubElement(root, "meta", {"role": "person", "annotator": self.annotator})
        about = {"name": self.name, "type": self.kind, **self.attributes}
        scheme = ElementTree.SubElement(root, "scheme", about)
        for number, name in enumerate(self.classes):
            ElementTree.SubElement(scheme, "item", {"name": name, "id": str(number)})
        ElementTree.indent(root, space="    ")
        ElementTree.ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)

    def write_data(self, file: BinaryIO) -> None:
        """The data file."""
        file.write("".join(f"{line}\n" for line in self.lines).encode())


def annotations_of(material: Material) -> dict[str, Annotation]:
    """By the part of the file name that tells them apart, every annotation of `material`."""
    model = [model_stretch(s) for s in material.timeline.segments]
    found = {
        "ah": Annotation("A/H model", "DISCRETE", tuple(_discrete((s, 0) for s in model)), classes=(MODEL_CLASS,)),
        "probability": _continuous(material),
    }
    verdicts = [verdict.value for verdict in Verdict]
    for tier in human_tiers(material):
        lines = _discrete((s, verdicts.index(s.label.split(":")[0])) for s in tier.stretches)
        key = "human-" + (re.sub(r"\W+", "-", tier.name.removeprefix("A/H (human").strip("() ")) or "x")
        while key in found:
            key += "-"
        found[key] = Annotation(tier.name, "DISCRETE", tuple(lines), tier.annotator, classes=tuple(verdicts))
    if material.options.words:
        said = words(material)
        free = (f"{s.start:.3f};{s.end:.3f};{_one_field(s.label)};{s.confidence:.3f}" for s in said.stretches)
        found["words"] = Annotation("words", "FREE", tuple(free), said.annotator)
    return found


def sampled(rows: list[Row], duration_s: float, rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability and confidence at `rate` (Hz) from time 0, each (n,): those of the row before, NaN and 0 without one.

    Confidence is 1 minus the width of the 80 % band, so that it falls where less was seen (our definition).
    """
    n = max(0, int(duration_s * rate))
    p, confidence = np.full(n, np.nan), np.zeros(n)
    if not rows or not n:
        return p, confidence
    t = np.array([row.t_s for row in rows])
    values = np.array([row.p if np.isnan(row.p_smoothed) else row.p_smoothed for row in rows])
    width = np.array([row.high - row.low for row in rows])
    at = np.arange(n) / rate
    before = np.searchsorted(t, at + 1e-6, side="right") - 1  # a row at the sample itself counts, rounding or not
    fresh = (before >= 0) & (at - t[np.maximum(before, 0)] <= _STALE_S)
    p[fresh], confidence[fresh] = values[before[fresh]], np.clip(1 - width[before[fresh]], 0, 1)
    return p, confidence


def _continuous(material: Material) -> Annotation:
    timeline = material.timeline
    rate = _rate(timeline.rows)
    p, confidence = sampled(timeline.rows, timeline.duration_s, rate)
    lines = tuple(f"{a:.6f};{b:.4f}" for a, b in zip(p, confidence, strict=True))
    return Annotation(
        "A/H probability", "CONTINUOUS", lines, attributes={"sr": f"{rate:.3f}", "min": "0.000", "max": "1.000"}
    )


def _rate(rows: list[Row]) -> float:
    """Rows per second, rounded: the usual distance of two rows says it, whatever the camera promised."""
    if len(rows) < 2:
        return _USUAL_FPS
    usual_ns = float(np.median(np.diff([row.t_ns for row in rows])))
    return float(max(1, round(NS_PER_S / usual_ns))) if usual_ns > 0 else _USUAL_FPS


def _discrete(stretches: Iterable[tuple[Stretch, int]]) -> list[str]:
    return [f"{s.start:.3f};{s.end:.3f};{number};{s.confidence:.3f}" for s, number in stretches]


def _one_field(text: str) -> str:
    """NOVA splits at every semicolon, and quotes open a field in some readers."""
    return text.replace(";", ",").replace('"', "'")
