"""Lab Streaming Layer: items flow in, samples with LSL times flow out: estimates, cues and markers.

| stream | type | samples |
|---|---|---|
| `ahdetect` | AH | p, low, high, log-odds of face, body, voice, language, discord; NaN where a channel is absent |
| `ahdetect-cues` | AHCues | every cue of `models.cues`, NaN where absent; with `cues` only |
| `ahdetect-markers` | Markers | "rule:onset", "prompt:hesitant", "paused", and "words:..." where words were asked for |

A sample's time is that of the video frame (or moment) of its row, on LSL's clock: the session clock plus an offset that
is measured again every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pylsl
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S, Clock
from ahdetect.errors import ConfigError
from ahdetect.events import Event
from ahdetect.models.cues import CUES, OF_CHANNEL, Channel
from ahdetect.models.posterior import Presence
from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Content, Item, Kind, Said
from ahdetect.rules import RowKind
from ahdetect.timeline import Row
from ahdetect.triggers import TriggerEvent

MEASURE_EVERY_NS: Final = NS_PER_S
"""How often the offset between the clocks is measured."""

LOOKS: Final = 8
"""Readings per measurement, of which the quickest counts: one that was interrupted says little."""

ON_THIS_MACHINE: Final = "[multicast]\nResolveScope = machine\n[log]\nlevel = -1\n"
"""liblsl's configuration: found by programs of this machine only, and silent but for errors."""

CHANNELS: Final = ("p", "low", "high", *(c.value for c in Channel))


class ClockOffset:
    """From session time to LSL time.

    Args:
        clock: session clock, ns.
        local_clock: LSL's clock, s.
    """

    def __init__(self, clock: Clock, local_clock: Callable[[], float]) -> None:
        self._clock = clock
        self._local_clock = local_clock
        self._measured_ns = 0
        self._offset_s = self._measure()

    def lsl_s(self, t_ns: int) -> float:
        """LSL time of a moment of the session, s."""
        if self._clock.now_ns() - self._measured_ns >= MEASURE_EVERY_NS:
            self._offset_s = self._measure()
        return t_ns / NS_PER_S + self._offset_s

    def _measure(self) -> float:
        looks = []
        for _ in range(LOOKS):
            before = self._clock.now_ns()
            there = self._local_clock()
            after = self._clock.now_ns()
            looks.append((after - before, there - (before + after) / 2 / NS_PER_S))
        self._measured_ns = self._clock.now_ns()
        return min(looks)[1]


class Lsl(Base):
    """Streams for LabRecorder and whatever else speaks LSL.

    Args:
        stream: name of the streams.
        include: as for every outlet; rows and triggers by default.
        rows: as for every outlet.
        cues: also stream the cues.
        network: be found in the whole network, by liblsl's own configuration, instead of on this machine only. The
            choice of the first LSL outlet of a process holds for all of it.
    """

    def __init__(
        self,
        stream: str = "ahdetect",
        *,
        include: Iterable[str | Kind] = (Kind.TRIGGERS, Kind.ROWS, Kind.EVENTS),
        rows: str | RowKind = "settled",
        cues: bool = False,
        network: bool = False,
    ) -> None:
        super().__init__("lsl", include, rows)
        if not stream:
            raise ConfigError("An LSL stream needs a name, such as lsl:ahdetect.")
        self._stream = stream
        self._cues = cues
        self._network = network
        self._streams: dict[str, Any] = {}

    def open(self, clock: Clock) -> None:
        """Make the streams."""
        if not self._network:
            pylsl.set_config_content(ON_THIS_MACHINE)
        self._offset = ClockOffset(clock, pylsl.local_clock)
        if Kind.ROWS in self.wants:
            units = ["probability"] * 3 + ["log-odds"] * len(Channel)
            self._streams["rows"] = self._make("", "AH", CHANNELS, units)
            if self._cues:
                names, units = [c.name for c in CUES], [c.unit for c in CUES]
                self._streams["cues"] = self._make("-cues", "AHCues", names, units)
        if self.wants - {Kind.ROWS}:
            self._streams["markers"] = self._make("-markers", "Markers", ["marker"], [""], "string")

    def send(self, item: Item) -> None:
        """Push one sample, or one of estimates and one of cues."""
        at = self._offset.lsl_s(item.t_ns)
        row = item.content
        if not isinstance(row, Row):
            self._streams["markers"].push_sample([marker(row)], at)
            return
        self._streams["rows"].push_sample(estimates(row), at)
        if "cues" in self._streams:
            self._streams["cues"].push_sample(cue_values(row).tolist(), at)

    def close(self) -> None:
        """Let go of the streams; LSL ends them when nothing holds them."""
        self._streams.clear()

    def _make(self, suffix: str, kind: str, names: Iterable[str], units: Iterable[str], format: str = "float32") -> Any:
        labels = list(names)
        name = f"{self._stream}{suffix}"
        info = pylsl.StreamInfo(name, kind, len(labels), pylsl.IRREGULAR_RATE, format, f"{name}-of-ahdetect")
        info.set_channel_labels(labels)
        info.set_channel_units(list(units))
        info.desc().append_child_value("rows", self.rows.value)
        return pylsl.StreamOutlet(info)


def estimates(row: Row) -> list[float]:
    """The sample of a row, in the order of `CHANNELS`."""
    absent = {c for c, s in row.states.items() if s.presence is Presence.ABSENT}
    shares = [float("nan") if c in absent else row.contributions.get(c, 0.0) for c in Channel]
    return [row.p, row.low, row.high, *shares]


def cue_values(row: Row) -> NDArray[np.float32]:
    """Every cue of a row, shape (cues,), in the order of the table; NaN where absent."""
    found = {
        cue.name: value
        for channel, cues in row.cues.items()
        if cues is not None
        for cue, value in zip(OF_CHANNEL[channel], cues, strict=True)
    }
    return np.array([found.get(cue.name, np.nan) for cue in CUES], dtype=np.float32)


def marker(content: Content) -> str:
    """A marker's text."""
    if isinstance(content, TriggerEvent):
        return f"{content.rule}:{content.moment.value}"
    if isinstance(content, Said):  # comes only where words were asked for
        return "words:" + " ".join(w.text for w in content.words)
    if isinstance(content, Event) and content.kind == "prompt" and content.detail.get("kind_of_prompt"):
        return f"prompt:{content.detail['kind_of_prompt']}"
    assert isinstance(content, Event)
    return content.kind
