"""One plug-in of each kind; what is made here, ahdetect finds by the entry points in `pyproject.toml`.

Each is as small as can be and still does something. What they measure and say is not validated: they show the shape.
"""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from ahdetect.capture.packets import Frame, Packet
from ahdetect.config import FusionSettings
from ahdetect.export.exporters import Exporter, Holds
from ahdetect.export.material import Material
from ahdetect.models.cues import Channel
from ahdetect.models.posterior import Band, EvidenceFrame, Posterior
from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Item


class Brightness:
    """Mean brightness of the picture, 0-1, once a second: a dark room explains faces that are not found."""

    stream = "video"

    def __init__(self) -> None:
        self._due_ns = 0

    def step(self, packet: Packet[Frame]) -> Mapping[str, float] | None:
        if packet.t_ns < self._due_ns:
            return None
        self._due_ns = packet.t_ns + 1_000_000_000
        return {"brightness": float(packet.data.mean()) / 255}

    def close(self) -> None:
        pass


class WordsOnly:
    """A fuser that knows a prior and hedges, and nothing else. Every row stands for itself."""

    WEIGHT = 0.5  # log-odds for each hedge in the answer so far; assumed

    def __init__(self, settings: FusionSettings) -> None:
        self._prior = math.log(settings.prevalence / (1 - settings.prevalence))

    def step(self, frame: EvidenceFrame) -> Posterior:
        cues = frame.cues[Channel.LANGUAGE]
        hedges = cues["language_hedge"] if cues is not None else 0.0
        said = self.WEIGHT * (0.0 if math.isnan(hedges) else hedges)
        p = 1 / (1 + math.exp(-self._prior - said))
        band = Band.ELEVATED if p >= 0.5 else Band.UNCLEAR if said else Band.LOW
        shares = {channel: said if channel is Channel.LANGUAGE else 0.0 for channel in Channel}
        return Posterior(p, max(0.0, p - 0.2), min(1.0, p + 0.2), band, self._prior, shares)

    def set_prompt(self, kind: str | None) -> None:
        pass

    def state(self) -> object:
        return None

    def restore(self, state: object) -> None:
        pass


def words_only(settings: FusionSettings) -> WordsOnly:
    return WordsOnly(settings)


def write_minutes(material: Material, file: BinaryIO) -> None:
    """A line a minute: how many of its rows are in each band."""
    tallies: dict[int, Tally[str]] = {}
    for row in material.timeline.rows:
        tallies.setdefault(int(row.t_s // 60), Tally())[row.band.value] += 1
    file.write(b"minute\tlow\tunclear\televated\n")
    for minute, tally in sorted(tallies.items()):
        counts = (tally[band.value] for band in (Band.LOW, Band.UNCLEAR, Band.ELEVATED))
        file.write("\t".join(map(str, (minute, *counts))).encode() + b"\n")


MINUTES = Exporter(
    "how many rows of each minute are low, unclear and elevated (TSV)",
    ".minutes.tsv",
    lambda _: {".minutes.tsv": write_minutes},
    (Holds.ESTIMATES,),
)


class Counter(Base):
    """An outlet that counts what it was given; it sends nothing anywhere."""

    def __init__(self, *, include: Iterable[str] = ("triggers",), rows: str = "settled") -> None:
        super().__init__("counter", include, rows)
        self.count = 0

    def send(self, item: Item) -> None:
        self.count += 1
