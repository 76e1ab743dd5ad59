"""Container: the layout of a sealed file, shared by the one who writes it and the one who reads it.

A file is a header, segments, an index and a footer. Everything behind the header comes in records:

    kind 1, length 3, CRC-32 of both 4 | payload of that length

A segment is a record "segment" and then its messages, one chain of libsodium's secretstream (XChaCha20-Poly1305) each
with a nonce of its own, so that a reader decrypts one segment (`SEGMENT` bytes) to get at any byte. Associated data of
a message: file id, number of the segment, where it begins, number of the message, kind of its record. The last message
of a segment carries the tag "final".

The index is a segment of its own at the end: length, where the segments begin, and patches. A patch is a later write to
bytes that are sealed already (Matroska and FLAC put their lengths in when they are closed); the reader lays patches
over what it decrypts. A file that was never closed has no index: its records are walked instead.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import nacl.bindings as sodium

from ahdetect.errors import DamagedError, ReplacedError, TruncatedError, UnknownFormatError, WrongKeyError
from ahdetect.sealing import key_id, subkey

VERSION: Final = 1

SEGMENT: Final = 256 * 1024
"""Plain bytes after which a segment ends: 1.3 s of 640x480 video, decrypted in about a millisecond."""

MESSAGE: Final = 64 * 1024
"""Most plain bytes of a message; shorter ones come from `flush`."""

ID_BYTES: Final = 16

START, DATA, PATCH, INDEX = 1, 2, 3, 4
"""Kinds of records: the start of a segment, a message of it, a message that is a patch, the start of the index."""

_MAGIC: Final = b"AHDFILE\n"
_HEAD: Final = struct.Struct("<8sHH")  # magic, version, length of the whole header
_BODY: Final = struct.Struct("<16s16s8sB")  # file, session, key id, length of the name, which follows
_CRC: Final = struct.Struct("<I")
RECORD: Final = struct.Struct("<II")  # kind and length in one number, CRC-32
SEGMENT_START: Final = struct.Struct("<16sIQ24s")  # file, number, where its plain bytes begin, header of the stream
_AD: Final = struct.Struct("<16sIQIB")
FOOTER: Final = struct.Struct("<4sII")  # magic, bytes of the index, CRC-32
_END: Final = b"AHDE"
_INDEX: Final = struct.Struct("<QQII")  # plain length, where in the file the index begins, segments, patches
_PLACE: Final = struct.Struct("<QQ")  # where a segment begins: in the file, in the plain bytes
PATCH_AT: Final = struct.Struct("<QI")  # where it goes, how long it is

OVERHEAD: Final = RECORD.size + sodium.crypto_secretstream_xchacha20poly1305_ABYTES
LONGEST: Final = MESSAGE + PATCH_AT.size + sodium.crypto_secretstream_xchacha20poly1305_ABYTES


@dataclass(frozen=True, slots=True)
class Header:
    """What stands first in a sealed file, readable without a key.

    Attributes:
        file: random, of this file.
        session: random, of the session it belongs to.
        key: `sealing.key_id` of the session's key.
        name: what the file is called in its session.
    """

    file: bytes
    session: bytes
    key: bytes
    name: str

    def pack(self) -> bytes:
        """The bytes of it."""
        name = self.name.encode()
        length = _HEAD.size + _BODY.size + len(name) + _CRC.size
        head = _HEAD.pack(_MAGIC, VERSION, length) + _BODY.pack(self.file, self.session, self.key, len(name)) + name
        return head + _CRC.pack(zlib.crc32(head))

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return len(self.pack())

    def file_key(self, session_key: bytes) -> bytes:
        """The key of this file: of another name, session or file id it would be another."""
        return subkey(session_key, "file", self.pack())


HEADER_AT_MOST: Final = _HEAD.size + _BODY.size + 255 + _CRC.size


def read_header(start: bytes, name: str) -> Header:
    """The header from the first bytes of a file.

    Raises:
        UnknownFormatError: a newer version wrote it.
        TruncatedError: it is shorter than a header.
        DamagedError: a bit has changed, or it is no sealed file.
    """
    if len(start) < _HEAD.size:
        raise TruncatedError(f"{name} is cut off after {len(start)} bytes: nothing of it is left.", value=name)
    magic, version, length = _HEAD.unpack_from(start)
    damaged = DamagedError(f"{name} is damaged in its first bytes, or is no sealed file.", value=name)
    if magic != _MAGIC or not _HEAD.size + _CRC.size <= length:
        raise damaged
    if len(start) < min(length, HEADER_AT_MOST):
        raise TruncatedError(f"{name} is cut off after {len(start)} bytes: nothing of it is left.", value=name)
    if length > len(start) or _CRC.unpack_from(start, length - _CRC.size)[0] != zlib.crc32(start[: length - _CRC.size]):
        raise damaged
    if version != VERSION:
        raise UnknownFormatError(
            f"{name} is sealed in format {version}, and this ahdetect knows {VERSION}; update it.", value=name
        )
    file, session, key, n = _BODY.unpack_from(start, _HEAD.size)
    return Header(file, session, key, start[_HEAD.size + _BODY.size :][:n].decode(errors="replace"))


def check_header(header: Header, session: bytes, session_key: bytes, name: str) -> None:
    """Whether a file is the one it is taken for.

    Raises:
        ReplacedError: it is of another session, or another file of this one.
        WrongKeyError: the key is of another session.
    """
    if header.session != session:
        raise ReplacedError(f"{name} is a file of another session, put in the place of this one's.", value=name)
    if header.name != name:
        raise ReplacedError(f"{name} is the file {header.name} under another name; name it back.", value=name)
    if header.key != key_id(session_key):
        raise WrongKeyError(f"{name} does not open with this key.", value=name)


def associated(file: bytes, segment: int, at: int, message: int, kind: int) -> bytes:
    """What a message is bound to beside its key."""
    return _AD.pack(file, segment, at, message, kind)


def record(kind: int, payload: bytes) -> bytes:
    """A record, ready for the disk."""
    word = kind | len(payload) << 8
    return RECORD.pack(word, zlib.crc32(word.to_bytes(4, "little"))) + payload


def read_record(head: bytes) -> tuple[int, int] | None:
    """Kind and length of a record from its first 8 bytes; None where they are not those of a record."""
    word, crc = RECORD.unpack(head)
    if crc != zlib.crc32(word.to_bytes(4, "little")) or not START <= word & 0xFF <= INDEX:
        return None
    return word & 0xFF, word >> 8


def footer(index_bytes: int) -> bytes:
    """The last bytes of a closed file."""
    head = FOOTER.pack(_END, index_bytes, 0)[: -_CRC.size]
    return head + _CRC.pack(zlib.crc32(head))


def read_footer(end: bytes) -> int | None:
    """Bytes of the index from the last bytes of a file; None where they are not a footer."""
    if len(end) != FOOTER.size:
        return None
    magic, index_bytes, crc = FOOTER.unpack(end)
    return index_bytes if magic == _END and crc == zlib.crc32(end[: -_CRC.size]) else None


@dataclass(frozen=True, slots=True)
class Index:
    """What a closed file says of itself.

    Attributes:
        length: plain bytes.
        at: where in the file the index begins; a part that was cut out or put in shows here.
        segments: of each, where it begins in the file and in the plain bytes.
        patches: where each goes and its bytes, in the order in which they were written.
    """

    length: int
    at: int
    segments: Sequence[tuple[int, int]]
    patches: Sequence[tuple[int, bytes]]

    def pack(self) -> bytes:
        """The bytes of it."""
        return b"".join(
            [
                _INDEX.pack(self.length, self.at, len(self.segments), len(self.patches)),
                *(_PLACE.pack(*place) for place in self.segments),
                *(PATCH_AT.pack(at, len(data)) + data for at, data in self.patches),
            ]
        )

    @staticmethod
    def unpack(data: bytes) -> Index:
        """The way back; `data` is authentic."""
        length, at, segments, patches = _INDEX.unpack_from(data)
        here = _INDEX.size
        places = [_PLACE.unpack_from(data, here + i * _PLACE.size) for i in range(segments)]
        here += segments * _PLACE.size
        found = []
        for _ in range(patches):
            where, size = PATCH_AT.unpack_from(data, here)
            here += PATCH_AT.size + size
            found.append((where, data[here - size : here]))
        return Index(length, at, places, found)
