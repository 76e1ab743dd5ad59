"""XDF: the material of an export flows in; a file of LSL-compatible streams (XDF 1.0) flows out.

Streams: the estimate, what each channel adds, all cues, words and markers. Their clock is session time in seconds;
NaN says that there was no value. Every sample carries its own time, so streams are declared irregular (rate 0), and a
reader has nothing to straighten. Format: https://github.com/sccn/xdf/wiki/Specifications.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ahdetect.export.material import Material
from ahdetect.export.tiers import event_text, words
from ahdetect.models.cues import CUES, OF_CHANNEL, Channel
from ahdetect.timeline import NS_PER_S, Row

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER = 1, 2, 3, 4, 6
"""Tags of chunks."""

_AT_ONCE: Final = 4096
"""Samples in a chunk: 5 MB of cues."""

_ESTIMATE: Final = (("p", "0-1"), ("low", "0-1"), ("high", "0-1"), ("p_smoothed", "0-1"))


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of the file.

    Attributes:
        name: unique in the file.
        kind: LSL's content type.
        channels: label and unit of each.
        times: seconds, (samples,).
        values: float32, (samples, channels); or a text per sample.
    """

    name: str
    kind: str
    channels: tuple[tuple[str, str], ...]
    times: NDArray[np.float64]
    values: NDArray[np.float32] | tuple[str, ...]


def write_xdf(material: Material, file: BinaryIO) -> None:
    """Write all streams of `material`."""
    file.write(b"XDF:")
    head = ElementTree.Element("info")
    ElementTree.SubElement(head, "version").text = "1.0"
    ElementTree.SubElement(head, "datetime").text = material.made_at.isoformat(timespec="seconds")
    _chunk(file, _FILE_HEADER, _xml(head))
    all_streams = list(streams(material))
    for number, stream in enumerate(all_streams, 1):
        _chunk(file, _STREAM_HEADER, _header(stream), number)
    for number, stream in enumerate(all_streams, 1):
        for samples in _samples(stream):
            _chunk(file, _SAMPLES, samples, number)
        # One clock for all: readers that synchronise add 0.
        _chunk(file, _CLOCK_OFFSET, struct.pack("<dd", 0.0, 0.0), number)
    for number, stream in enumerate(all_streams, 1):
        _chunk(file, _STREAM_FOOTER, _footer(stream), number)


def streams(material: Material) -> Iterator[Stream]:
    """The streams of `material`; words only where they may leave."""
    rows = material.timeline.rows
    times = np.array([row.t_s for row in rows], dtype=np.float64)
    estimate = [(row.p, row.low, row.high, row.p_smoothed) for row in rows]
    adds = [[row.contributions.get(channel, np.nan) for channel in Channel] for row in rows]
    yield Stream("ahdetect-AH", "Estimate", _ESTIMATE, times, _matrix(estimate, len(_ESTIMATE)))
    yield Stream(
        "ahdetect-channels",
        "LogOdds",
        tuple((c.value, "log-odds") for c in Channel),
        times,
        _matrix(adds, len(Channel)),
    )
    yield Stream("ahdetect-cues", "Cues", tuple((c.name, c.unit) for c in CUES), times, _cues(rows))
    if material.options.words:
        said = words(material).stretches
        yield _texts("ahdetect-words", "Words", [(w.start, w.label) for w in said])
    yield _texts("ahdetect-markers", "Markers", sorted(_markers(material)))


def _markers(material: Material) -> Iterator[tuple[float, str]]:
    for segment in material.timeline.segments:
        yield segment.start_ns / NS_PER_S, f"A/H onset (model), mean p {segment.mean_p:.2f}"
        yield segment.end_ns / NS_PER_S, "A/H offset (model)"
    for human in material.human:
        yield human.start_ns / NS_PER_S, f"A/H onset (human {human.by}): {human.verdict.value}"
        yield human.end_ns / NS_PER_S, f"A/H offset (human {human.by}): {human.verdict.value}"
    for event in material.events:
        yield int(event["t_ns"]) / NS_PER_S, event_text(dict(event))


def _texts(name: str, kind: str, texts: Sequence[tuple[float, str]]) -> Stream:
    times = np.array([t for t, _ in texts], dtype=np.float64)
    return Stream(name, kind, ((kind.lower(), ""),), times, tuple(text for _, text in texts))


def _matrix(rows: Sequence[Any], columns: int) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32).reshape(-1, columns)


def _cues(rows: Sequence[Row]) -> NDArray[np.float32]:
    parts = []
    for channel in Channel:
        absent = np.full(len(OF_CHANNEL[channel]), np.nan, dtype=np.float32)
        vectors = [absent if (v := row.cues.get(channel)) is None else v for row in rows]
        parts.append(_matrix(vectors, len(absent)))
    return np.concatenate(parts, axis=1)


def _header(stream: Stream) -> bytes:
    info = ElementTree.Element("info")
    text = isinstance(stream.values, tuple)
    for key, value in {
        "name": stream.name,
        "type": stream.kind,
        "channel_count": str(len(stream.channels)),
        "nominal_srate": "0",
        "channel_format": "string" if text else "float32",
        "source_id": stream.name,
        "created_at": "0",
    }.items():
        ElementTree.SubElement(info, key).text = value
    channels = ElementTree.SubElement(ElementTree.SubElement(info, "desc"), "channels")
    for label, unit in stream.channels:
        channel = ElementTree.SubElement(channels, "channel")
        ElementTree.SubElement(channel, "label").text = label
        ElementTree.SubElement(channel, "unit").text = unit
    return _xml(info)


def _footer(stream: Stream) -> bytes:
    info = ElementTree.Element("info")
    ends = (stream.times[0], stream.times[-1]) if len(stream.times) else (0.0, 0.0)
    ElementTree.SubElement(info, "first_timestamp").text = f"{ends[0]:.9f}"
    ElementTree.SubElement(info, "last_timestamp").text = f"{ends[1]:.9f}"
    ElementTree.SubElement(info, "sample_count").text = str(len(stream.times))
    return _xml(info)


def _samples(stream: Stream) -> Iterator[bytes]:
    """Content of the chunks of samples: number of samples, then per sample 8, its time, its values."""
    for first in range(0, len(stream.times), _AT_ONCE):
        times, values = stream.times[first : first + _AT_ONCE], stream.values[first : first + _AT_ONCE]
        if isinstance(values, tuple):
            texts = (text.encode() for text in values)
            body = b"".join(
                b"\x08" + struct.pack("<d", t) + _length(len(text)) + text for t, text in zip(times, texts, strict=True)
            )
        else:
            layout: Any = [("bytes", "u1"), ("time", "<f8"), ("values", "<f4", (values.shape[1],))]
            table = np.empty(len(times), dtype=layout)
            table["bytes"], table["time"], table["values"] = 8, times, values
            body = table.tobytes()
        yield _length(len(times)) + body


def _chunk(file: BinaryIO, tag: int, content: bytes, stream: int | None = None) -> None:
    body = struct.pack("<H", tag) + (struct.pack("<I", stream) if stream is not None else b"") + content
    file.write(_length(len(body)) + body)


def _length(n: int) -> bytes:
    """A number as the specification writes lengths: how many bytes, then those bytes."""
    return b"\x01" + struct.pack("<B", n) if n < 256 else b"\x04" + struct.pack("<I", n)


def _xml(root: ElementTree.Element) -> bytes:
    return bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))
