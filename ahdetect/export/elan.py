"""ELAN: the material of an export flows in; an annotation document (`.eaf`, format 3.0) flows out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree import ElementTree

from pympi.Elan import Eaf, to_adocument

from ahdetect.export.material import Material
from ahdetect.export.tiers import Stretch, all_tiers

FORMAT: Final = "3.0"
SCHEMA: Final = f"http://www.mpi.nl/tools/elan/EAFv{FORMAT}.xsd"
_MIMES: Final = {".mp4": "video/mp4", ".mkv": "video/x-matroska", ".flac": "audio/flac", ".wav": "audio/x-wav"}


def write_eaf(material: Material, file: BinaryIO) -> None:
    """Write the tiers of `material`; the session's media are linked by name only, and only where media may leave."""
    eaf = Eaf(author="ahdetect")
    eaf.adocument |= {
        "DATE": material.made_at.isoformat(timespec="seconds"),
        "VERSION": FORMAT,
        "FORMAT": FORMAT,
        "xsi:noNamespaceSchemaLocation": SCHEMA,
    }
    eaf.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    eaf.properties = []
    eaf.remove_tier("default")
    _link(eaf, material)
    for tier in all_tiers(material):
        eaf.add_tier(tier.name, ann=tier.annotator)
        for start, end, label in milliseconds(tier.stretches):
            eaf.add_annotation(tier.name, start, end, label)
    document = ElementTree.ElementTree(to_adocument(eaf))
    document.write(file, encoding="UTF-8", xml_declaration=True)


def milliseconds(stretches: tuple[Stretch, ...]) -> list[tuple[int, int, str]]:
    """Start, end (ms) and label; at least 1 ms long, and still none overlapping after rounding."""
    found: list[tuple[int, int, str]] = []
    for i, stretch in enumerate(stretches):
        start = max(0, round(stretch.start * 1000), found[-1][1] if found else 0)
        later = round(stretches[i + 1].start * 1000) if i + 1 < len(stretches) else math.inf
        end = max(start + 1, int(min(round(stretch.end * 1000), later)))
        found.append((start, end, stretch.label))
    return found


def _link(eaf: Eaf, material: Material) -> None:
    film = material.film
    if film is None or material.options.mask_names:  # the name of a clip may be that of a person
        return
    linked: set[str] = set()
    for media, offset_ns in ((film.video, film.video_offset_ns), (film.audio, film.audio_offset_ns)):
        if not isinstance(media, str | Path) or str(media) in linked:
            continue  # none, or encrypted (ELAN could not open it), or a clip that has both
        linked.add(str(media))
        name = Path(media).name
        mime = _MIMES.get(Path(media).suffix.lower(), "application/octet-stream")
        # TIME_ORIGIN: what of the file comes before session time 0. ELAN takes no negative one.
        origin = max(0, -offset_ns // 1_000_000) or None
        eaf.add_linked_file(name, relpath=f"./{name}", mimetype=mime, time_origin=origin)
