"""Walk: a sealed file without an index (its writer was killed) flows in; where its segments are flows out. No key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import nacl.bindings as sodium

from ahdetect.store.container import (
    DATA,
    INDEX,
    LONGEST,
    PATCH,
    RECORD,
    SEGMENT_START,
    START,
    read_record,
    record,
)

_TAG: Final = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_MARK: Final = record(START, bytes(SEGMENT_START.size))[: RECORD.size]
"""Every segment begins with these bytes: a walk that lost its way finds the next one."""
_STRIDE: Final = 1 << 20

ReadAt = Callable[[int, int], bytes]
"""`read(at, size)`: bytes of the file, fewer at its end."""


@dataclass(slots=True)
class Segment:
    """Where a segment is: in the file, and in the plain bytes.

    Attributes:
        number: of the segment, from 0.
        start: its first byte in the file.
        stop: the first one behind it.
        at: its first plain byte.
        until: the plain byte behind it.
        torn: it has no last message, and need not.
    """

    number: int
    start: int
    stop: int
    at: int
    until: int
    torn: bool = False


@dataclass(slots=True)
class Walk:
    """What was found.

    Attributes:
        segments: in the order of the file.
        patched: places in `segments` of those that hold patches.
        index_end: the byte behind the index, where there is one all the same.
        left_out: bytes that are no records and no torn last one either: damage.
    """

    segments: list[Segment] = field(default_factory=list)
    patched: set[int] = field(default_factory=set)
    index_end: int | None = None
    left_out: int = 0


@dataclass(slots=True)
class _Start:
    """A segment as it shows itself; `says` and `begins` are what stands in the clear, `size` what was counted."""

    at: int
    stop: int
    says: int
    begins: int
    size: int = 0
    lost: bool = False  # records within it could not be followed


def walk(read: ReadAt, first: int, size: int) -> Walk:
    """Follow the records of a file from its first one.

    Args:
        read: the file.
        first: where the first record is.
        size: bytes of the file.
    """
    found = Walk()
    starts: list[_Start] = []
    at = first
    while at < size:
        known = read_record(head) if len(head := read(at, RECORD.size)) == RECORD.size else None
        if known is None or at + RECORD.size + known[1] > size:
            again = _next_mark(read, at + 1, size)
            if again is None:
                if not _is_tear(read, at, size, whole_head=known is not None):
                    found.left_out += size - at
                break
            if not starts:  # the start of the first one is damaged; it will say so when it is read
                starts.append(_Start(at, again, 0, 0))
            starts[-1].lost = True
            at = again
            continue
        kind, length = known
        stop = at + RECORD.size + length
        if kind == INDEX or found.index_end is not None:
            found.index_end = stop
        elif kind == START and length == SEGMENT_START.size:
            _, says, begins, _ = SEGMENT_START.unpack(read(at + RECORD.size, length))
            starts.append(_Start(at, stop, says, begins))
        elif starts:
            starts[-1].stop = stop
            if kind == DATA:
                starts[-1].size += max(0, length - _TAG)
            elif kind == PATCH:
                found.patched.add(len(starts) - 1)
        at = stop
    found.segments = _placed(starts, size)
    return found


def _placed(starts: list[_Start], size: int) -> list[Segment]:
    """Number and place of each segment.

    What is counted is believed; what stands in the clear only behind a damaged stretch, within reason, and where the
    next segment agrees. Whether it was right to shows when the segment is decrypted.
    """
    segments: list[Segment] = []
    for i, start in enumerate(starts):
        before = segments[-1] if segments else None
        number, at = (before.number + 1, before.until) if before is not None else (0, 0)
        agrees = i + 1 == len(starts) or starts[i + 1].begins == start.begins + start.size
        behind = before is not None and (starts[i - 1].lost or start.begins != at)
        reasonable = before is None or (before.at <= start.begins <= before.at + size and number <= start.says)
        if behind and agrees and reasonable and (starts[i - 1].lost or i + 1 < len(starts)):
            number, at = start.says, start.begins
        if before is not None:
            before.stop, before.until = start.at, at
        segments.append(Segment(number, start.at, start.stop, at, at + start.size))
    return segments


def _is_tear(read: ReadAt, at: int, size: int, *, whole_head: bool) -> bool:
    """Whether the last bytes are a record that was cut off, or a stretch that the system never wrote."""
    rest = size - at
    if rest < RECORD.size or (whole_head and rest < RECORD.size + LONGEST):
        return True
    return all(not any(read(place, _STRIDE)) for place in range(at, size, _STRIDE))


def _next_mark(read: ReadAt, at: int, size: int) -> int | None:
    while at < size:
        part = read(at, _STRIDE)
        place = part.find(_MARK)
        if place >= 0:
            return at + place
        if len(part) < _STRIDE:
            return None
        at += _STRIDE - len(_MARK)
    return None
