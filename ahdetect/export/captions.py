"""Captions: words flow in; WebVTT (with the time of each word) and SubRip (`.srt`) flow out."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import BinaryIO, Final

from ahdetect.export.material import Material
from ahdetect.export.tiers import Stretch, words

LONGEST: Final = 74
"""Characters of a caption: two lines of 37 (BBC Subtitle Guidelines)."""
LONGEST_S: Final = 7.0
"""Seconds of a caption: the longest that Netflix's Timed Text Style Guide allows."""
PAUSE_S: Final = 1.0
"""A longer pause ends a caption (assumed)."""


def write_vtt(material: Material, file: BinaryIO) -> None:
    """Write WebVTT; within a caption each word has its own time."""
    blocks = ["WEBVTT"]
    for caption in captions(words(material).stretches):
        parts = [_escaped(caption[0].label)]
        parts += [f"<{clock(w.start, '.')}>{_escaped(w.label)}" for w in caption[1:]]
        blocks.append(f"{_times(caption, '.')}\n{' '.join(parts)}")
    file.write(("\n\n".join(blocks) + "\n").encode())


def write_srt(material: Material, file: BinaryIO) -> None:
    """Write SubRip: numbered captions with times."""
    found = captions(words(material).stretches)
    blocks = [
        f"{i}\n{_times(caption, ',')}\n{_without_arrow(' '.join(w.label for w in caption))}\n"
        for i, caption in enumerate(found, 1)
    ]
    file.write("\n".join(blocks).encode())


def captions(said: Sequence[Stretch]) -> list[list[Stretch]]:
    """Words in groups short enough to be read, broken at pauses."""
    found: list[list[Stretch]] = []
    for word in said:
        group = found[-1] if found else []
        length = sum(len(w.label) + 1 for w in group) + len(word.label)
        fits = group and length <= LONGEST and word.end - group[0].start <= LONGEST_S
        if fits and word.start - group[-1].end <= PAUSE_S:
            group.append(word)
        else:
            found.append([word])
    return found


def clock(seconds: float, point: str) -> str:
    """`01:02:03.456`, with `point` before the milliseconds."""
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


def _times(caption: Sequence[Stretch], point: str) -> str:
    return f"{clock(caption[0].start, point)} --> {clock(caption[-1].end, point)}"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _without_arrow(text: str) -> str:
    """SubRip takes `-->` for a line of times, and knows no escape."""
    return text.replace("-->", "→")
