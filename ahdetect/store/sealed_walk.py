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


def walk(read: ReadAt, first: int, size: int) -> Walk:
    """Follow the records of a file from its first one.

    Args:
        read: the file.
        first: where the first record is.
        size: bytes of the file.
    """
    found = Walk()
    at, plain, lost = first, 0, False
    while at < size:
        known = read_record(head) if len(head := read(at, RECORD.size)) == RECORD.size else None
        if known is None or at + RECORD.size + known[1] > size:
            again = _next_mark(read, at + 1, size)
            if again is None:
                if not _is_tear(read, at, size, whole_head=known is not None):
                    found.left_out += size - at
                break
            if not found.segments:  # the start of the first one is damaged; it will say so when it is read
                found.segments.append(Segment(0, at, again, 0, 0))
            at, lost = again, True
            continue
        kind, length = known
        stop = at + RECORD.size + length
        if kind == INDEX:
            found.index_end = stop
        elif kind == START and length == SEGMENT_START.size:
            number = found.segments[-1].number + 1 if found.segments else 0
            if lost:  # what it says of itself is believed within reason, and found out when it is decrypted
                _, says, begins, _ = SEGMENT_START.unpack(read(at + RECORD.size, length))
                if plain <= begins <= plain + size and number <= says:
                    number, plain = says, begins
            if found.segments:
                found.segments[-1].stop, found.segments[-1].until = at, plain
            found.segments.append(Segment(number, at, stop, plain, plain))
            lost = False
        elif found.index_end is not None:
            found.index_end = stop
        elif found.segments:
            if kind == DATA:
                plain += max(0, length - _TAG)
            elif kind == PATCH:
                found.patched.add(len(found.segments) - 1)
            found.segments[-1].stop, found.segments[-1].until = stop, plain
        at = stop
    return found


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
