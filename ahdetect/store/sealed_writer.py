"""Sealed writer: bytes flow in, as into any binary file; a sealed file flows out (`store.container`)."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

import nacl.bindings as sodium
import nacl.utils

from ahdetect.sealing import key_id
from ahdetect.store.container import (
    DATA,
    ID_BYTES,
    INDEX,
    MESSAGE,
    PATCH,
    PATCH_AT,
    SEGMENT,
    SEGMENT_START,
    START,
    Header,
    Index,
    associated,
    footer,
    record,
)

_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE


class SealedWriter(io.BufferedIOBase):
    """A file open for writing whose bytes reach the disk sealed, in the order in which they are written.

    Bytes that were sealed may be written again, as muxers do when they close: that makes a patch. `flush` seals what
    waits and hands it to the system, so a process that is killed loses what came after it. `close` writes the index;
    without it a reader takes the file for one that was cut off. Once the disk has refused something, nothing more is
    written: what is there stays readable up to then.

    Args:
        file: open for writing, empty; closed with this one.
        session_key: 32 bytes.
        session: id of the session.
        name: of the file in its session.

    Attributes:
        id: random, of this file.
    """

    def __init__(self, file: BinaryIO, session_key: bytes, session: bytes, name: str) -> None:
        super().__init__()
        self._raw = file
        self.id = nacl.utils.random(ID_BYTES)
        header = Header(self.id, session, key_id(session_key), name)
        self._key = header.file_key(session_key)
        self._at = 0  # where the next byte goes
        self._sealed = 0  # plain bytes that are sealed
        self._waiting = bytearray()
        self._written = 0  # bytes of the file
        self._segments: list[tuple[int, int]] = []
        self._patches: list[tuple[int, bytes]] = []
        self._state: Any = None  # of the open segment
        self._begins = 0
        self._messages = 0
        self._broken = False
        self._put(header.pack())
        self._out()

    # -- as a file

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place; what is skipped at the end becomes zeros."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._sealed + len(self._waiting)}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def write(self, data: Any) -> int:
        """Take bytes; they are sealed when there are enough of them, or on `flush`.

        Raises:
            OSError: the disk did not take what had to go to it.
        """
        if self.closed:
            raise ValueError("write to a closed file")
        view = memoryview(data).cast("B")
        below = min(len(view), max(0, self._sealed - self._at))
        if below:
            self._patch(self._at, bytes(view[:below]))
        if below < len(view):
            rest = view[below:]
            place = self._at + below - self._sealed
            if place > len(self._waiting):
                self._waiting.extend(bytes(place - len(self._waiting)))
            self._waiting[place : place + len(rest)] = rest
            while len(self._waiting) >= MESSAGE:
                self._seal(MESSAGE)
        self._at += len(view)
        return len(view)

    def flush(self) -> None:
        """Seal what waits and hand it to the system.

        Raises:
            OSError: the disk did not take it.
        """
        if self.closed:
            return
        while self._waiting:
            self._seal(min(MESSAGE, len(self._waiting)))
        if not self._broken:
            self._out()

    def fileno(self) -> int:
        """Of the file below, to sync it."""
        return self._raw.fileno()

    def close(self) -> None:
        """Seal the rest, write the index, close the file; a second call does nothing.

        Raises:
            OSError: the disk did not take it.
        """
        if self.closed:
            return
        try:
            if not self._broken:
                self.finish()
        finally:
            try:
                self._raw.close()
            finally:
                self._waiting.clear()
                super().close()

    def finish(self) -> None:
        """Seal the rest and write the index; nothing may be written after it."""
        self.flush()
        if self._state is not None:  # an empty last message: the segment is whole
            self._message(DATA, b"", final=True)
            self._state = None
        at = self._written
        index = Index(self._sealed, at, self._segments, self._patches).pack()
        self._begin(INDEX, len(self._segments), self._sealed)
        for start in range(0, len(index), MESSAGE):
            self._message(DATA, index[start : start + MESSAGE], final=start + MESSAGE >= len(index))
        self._put(footer(self._written - at))
        self._out()
        self._broken = True  # closed to further records

    def abandon(self) -> None:
        """Close the file without an index, for one that is thrown away."""
        self._broken = True
        self.close()

    # -- inside

    def _seal(self, size: int) -> None:
        data = bytes(self._waiting[:size])
        if self._state is None:
            self._segments.append((self._written, self._sealed))
            self._begin(START, len(self._segments) - 1, self._sealed)
        full = self._sealed + size - self._begins >= SEGMENT
        self._message(DATA, data, final=full)
        if full:
            self._state = None
        del self._waiting[:size]
        self._sealed += size

    def _patch(self, at: int, data: bytes) -> None:
        """A record at once, so that it survives a crash; in the index as well, so that a reader finds it."""
        if self._state is None:
            self._segments.append((self._written, self._sealed))
            self._begin(START, len(self._segments) - 1, self._sealed)
        for start in range(0, len(data), MESSAGE):
            piece = data[start : start + MESSAGE]
            self._message(PATCH, PATCH_AT.pack(at + start, len(piece)) + piece, final=False)
            same = (at + start, len(piece))
            self._patches = [old for old in self._patches if (old[0], len(old[1])) != same]
            self._patches.append((at + start, piece))

    def _begin(self, kind: int, number: int, at: int) -> None:
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        nonce = sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, self._key)
        self._number, self._begins, self._messages = number, at, 0
        self._put(record(kind, SEGMENT_START.pack(self.id, number, at, nonce)))

    def _message(self, kind: int, data: bytes, *, final: bool) -> None:
        bound = associated(self.id, self._number, self._begins, self._messages, kind)
        tag = _FINAL if final else _MESSAGE
        self._put(record(kind, sodium.crypto_secretstream_xchacha20poly1305_push(self._state, data, bound, tag)))
        self._messages += 1

    def _put(self, data: bytes) -> None:
        if self._broken:
            raise OSError("the file was given up")
        try:
            if self._raw.write(data) != len(data):
                raise OSError("the disk is full")
        except BaseException:
            self._broken = True
            raise
        self._written += len(data)

    def _out(self) -> None:
        try:
            self._raw.flush()
        except BaseException:
            self._broken = True
            raise


def as_file(file: io.BufferedIOBase | io.RawIOBase) -> BinaryIO:
    """The same object, for whoever wants the type that `open` has."""
    return cast(BinaryIO, file)
