"""Praat: the material of an export flows in; a TextGrid (long text format, UTF-8) flows out."""

from __future__ import annotations

from typing import BinaryIO

from ahdetect.export.material import Material
from ahdetect.export.tiers import Stretch, Tier, all_tiers


def write_textgrid(material: Material, file: BinaryIO) -> None:
    """Write the tiers of `material` as interval tiers from 0 to the end of the session.

    Intervals of a TextGrid leave no gaps, so what lies between two stretches is an empty one.
    """
    tiers = [tier for tier in all_tiers(material) if tier.stretches]
    ends = [tier.stretches[-1].end for tier in tiers]
    end = max([material.timeline.duration_s, 0.001, *ends])
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:.6f}",
        "tiers? <exists>" if tiers else "tiers? <absent>",
    ]
    if tiers:
        lines += [f"size = {len(tiers)}", "item []:"]
    for number, tier in enumerate(tiers, 1):
        lines += _tier(number, tier, end)
    file.write(("\n".join(lines) + "\n").encode())


def _tier(number: int, tier: Tier, end: float) -> list[str]:
    filled = without_gaps(tier.stretches, end)
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f"        name = {_quoted(tier.name)}",
        "        xmin = 0",
        f"        xmax = {end:.6f}",
        f"        intervals: size = {len(filled)}",
    ]
    for i, (start, stop, label) in enumerate(filled, 1):
        lines += [
            f"        intervals [{i}]:",
            f"            xmin = {start:.6f}",
            f"            xmax = {stop:.6f}",
            f"            text = {_quoted(label)}",
        ]
    return lines


def without_gaps(stretches: tuple[Stretch, ...], end: float) -> list[tuple[float, float, str]]:
    """Start, end (s, whole microseconds) and label from 0 to `end`, empty in between."""
    found: list[tuple[float, float, str]] = []
    at = 0.0
    for stretch in stretches:
        start, stop = max(at, round(stretch.start, 6)), round(stretch.end, 6)
        if stop <= start:
            continue
        if start > at:
            found.append((at, start, ""))
        found.append((start, stop, stretch.label))
        at = stop
    return [*found, (at, end, "")] if round(end, 6) > at else found


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
