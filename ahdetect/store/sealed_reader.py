"""Sealed reader: a sealed file (`store.container`) and its key flow in; the bytes in it flow out, from any place."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections import OrderedDict
from typing import Any, BinaryIO, Final

import nacl.bindings as sodium
import nacl.exceptions

from ahdetect.errors import DamagedError, ReplacedError, StoreError, TruncatedError
from ahdetect.store.container import (
    FOOTER,
    HEADER_AT_MOST,
    INDEX,
    PATCH,
    PATCH_AT,
    RECORD,
    SEGMENT_START,
    START,
    Index,
    associated,
    check_header,
    read_footer,
    read_header,
    read_record,
)
from ahdetect.store.sealed_walk import Segment, walk

KEPT: Final = 4
"""Segments that stay decrypted: a demuxer reads in one place and looks into the index of the file in another."""

_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL


class SealedReader(io.RawIOBase):
    """A sealed file open for reading, in any place; one segment is decrypted at a time.

    Args:
        file: open for reading, seekable; closed with this one.
        session_key: 32 bytes.
        session: id of the session that the file must belong to.
        name: the name that it must have.
        torn: the file may have been cut off (its session was never closed): then it reaches to the last whole message.
        forgiving: a damaged segment reads as zeros instead of raising; `damage` names it.

    Attributes:
        id: of the file.
        length: plain bytes.
        closed_well: whether it has its index: nothing of it is missing.
        damage: what was left out or read as zeros so far, in words.

    Raises:
        TruncatedError: the end is missing, and `torn` is not set.
        ReplacedError: it is another file.
        WrongKeyError: the key is of another session.
        UnknownFormatError: a newer version wrote it.
        DamagedError: its header or index is damaged. Later also by whatever reads a damaged segment.
    """

    def __init__(
        self,
        file: BinaryIO,
        session_key: bytes,
        session: bytes,
        name: str,
        *,
        torn: bool = False,
        forgiving: bool = False,
    ) -> None:
        super().__init__()
        self._raw, self.name, self._forgiving = file, name, forgiving
        self.damage: list[str] = []
        self.length = 0
        self.closed_well = True
        self._at = 0
        self._segments: list[Segment] = []
        self._starts: list[int] = []
        self._patches: list[tuple[int, bytes]] = []
        self._plain: OrderedDict[int, bytes] = OrderedDict()
        try:
            self._size = file.seek(0, os.SEEK_END)
            header = read_header(self._raw_bytes(0, HEADER_AT_MOST), name)
            check_header(header, session, session_key, name)
            self.id, self._key, self._first = header.file, header.file_key(session_key), header.size
            self._open(torn)
            self._starts = [segment.at for segment in self._segments]
        except BaseException:
            self.close()
            raise

    # -- as a file

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place."""
        at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence] + offset
        if at < 0:
            raise ValueError(f"cannot seek to {at}")
        self._at = at
        return at

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, fewer only at the end.

        Raises:
            DamagedError: what should come next is not what was written.
            ReplacedError: it is of another place or file.
        """
        if self.closed:
            raise ValueError("read of a closed file")
        until = self.length if size is None or size < 0 else min(self.length, self._at + size)
        parts = []
        while self._at < until:
            number = bisect_right(self._starts, self._at) - 1  # the last one: an empty segment has no bytes
            segment = self._segments[number]
            data = self._decrypted(number)
            parts.append(data[self._at - segment.at : until - segment.at])
            self._at = min(until, segment.until)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """Everything from here."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; how many bytes went into it."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file; what was decrypted is let go."""
        if not self.closed:
            self._raw.close()
            self._plain.clear()
            super().close()

    def verify(self) -> list[StoreError]:
        """Read everything once; what is wrong, segment by segment."""
        found: list[StoreError] = []
        for segment in self._segments:
            try:
                self._messages(segment, START)
            except StoreError as error:
                found.append(error)
        return found

    # -- where what is

    def _open(self, torn: bool) -> None:
        index_bytes = read_footer(self._raw_bytes(max(0, self._size - FOOTER.size), FOOTER.size))
        if index_bytes is not None:
            self._take_index(self._size - FOOTER.size - index_bytes)
            return
        found = walk(self._raw_bytes, self._first, self._size)
        self._segments, self.closed_well = found.segments, False
        if not torn:
            self.length = self._segments[-1].until if self._segments else 0
            if found.index_end and found.left_out and self._size >= found.index_end + FOOTER.size:
                raise DamagedError(f"{self.name} is damaged in its last bytes, or some were added.", value=self.name)
            raise self._truncated()
        left_out = found.left_out
        if self._segments:
            left_out += self._cut_last()
            for place in sorted(found.patched):
                self._patches += self._pulled(self._segments[place], START)[1]
            self.length = self._segments[-1].until
        if left_out:
            self.damage.append(f"{self.name}: {left_out} damaged bytes at its end left out")

    def _truncated(self) -> TruncatedError:
        kept = f"its first {self.length} bytes are left" if self.length else "nothing of it is left"
        return TruncatedError(
            f"{self.name} is cut off, though it was closed ({kept}); take it from a copy.", value=self.name
        )

    def _take_index(self, at: int) -> None:
        if at < self._first:
            raise self._truncated()
        try:
            data, _ = self._messages(Segment(-1, at, self._size - FOOTER.size, 0, -1), INDEX)
        except DamagedError:
            raise DamagedError(f"{self.name} is damaged in its index, at its end.", value=self.name) from None
        index = Index.unpack(data)
        if index.at != at:
            error = TruncatedError if index.at > at else ReplacedError
            what = "are missing from" if index.at > at else "were put into"
            raise error(f"{abs(index.at - at)} bytes {what} {self.name}; take it from a copy.", value=self.name)
        self.length, self._patches = index.length, list(index.patches)
        ends = [*index.segments, (index.at, index.length)][1:]
        self._segments = [
            Segment(i, start, stop, begins, until)
            for i, ((start, begins), (stop, until)) in enumerate(zip(index.segments, ends, strict=True))
        ]

    def _cut_last(self) -> int:
        """End the last segment of a torn file where its messages end; how many bytes of it are damaged."""
        last = self._segments[-1]
        last.torn = True
        try:
            data, _, end = self._pulled(last, START)
        except StoreError:  # not even its start
            last.until = last.at
            return last.stop - last.start
        last.until, damaged, last.stop = last.at + len(data), last.stop - end, end
        return damaged

    # -- decrypting

    def _decrypted(self, number: int) -> bytes:
        """The plain bytes of a segment, patches laid over them."""
        if number in self._plain:
            self._plain.move_to_end(number)
            return self._plain[number]
        segment = self._segments[number]
        try:
            data, _ = self._messages(segment, START)
        except StoreError as error:
            if not self._forgiving:
                raise
            self.damage.append(str(error))
            data = bytes(segment.until - segment.at)
        data = self._patched(data, segment.at)
        self._plain[number] = data
        if len(self._plain) > KEPT:
            self._plain.popitem(last=False)
        return data

    def _patched(self, data: bytes, begins: int) -> bytes:
        changed: bytearray | None = None
        for at, patch in self._patches:
            start, stop = max(at, begins), min(at + len(patch), begins + len(data))
            if start < stop:
                changed = bytearray(data) if changed is None else changed
                changed[start - begins : stop - begins] = patch[start - at : stop - at]
        return data if changed is None else bytes(changed)

    def _messages(self, segment: Segment, kind: int) -> tuple[bytes, list[tuple[int, bytes]]]:
        """Plain bytes and patches of a whole segment.

        Raises:
            DamagedError: a bit has changed, or messages are missing or out of order.
            ReplacedError: the segment is of another place or file.
        """
        data, patches, end = self._pulled(segment, kind)
        short = segment.until >= 0 and segment.at + len(data) != segment.until
        if end != segment.stop or short:
            raise self._damaged(segment)
        return data, patches

    def _pulled(self, segment: Segment, kind: int) -> tuple[bytes, list[tuple[int, bytes]], int]:
        """As many messages of a segment as are whole: plain bytes, patches, and where in the file they end."""
        region = self._raw_bytes(segment.start, segment.stop - segment.start)
        head = read_record(region[: RECORD.size]) if len(region) >= RECORD.size + SEGMENT_START.size else None
        if head != (kind, SEGMENT_START.size):
            raise self._damaged(segment)
        file, number, at, nonce = SEGMENT_START.unpack_from(region, RECORD.size)
        if file != self.id:
            raise ReplacedError(f"Segment {segment.number} of {self.name} is of another file.", value=self.name)
        if segment.number not in (-1, number):
            raise ReplacedError(
                f"Segments of {self.name} are out of order: {number} stands in the place of {segment.number}.",
                value=self.name,
            )
        if kind == START and at != segment.at:
            raise self._damaged(segment)
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, nonce, self._key)
        parts: list[bytes] = []
        patches: list[tuple[int, bytes]] = []
        here, message, final = RECORD.size + SEGMENT_START.size, 0, False
        while not final and (known := read_record(region[here : here + RECORD.size].ljust(RECORD.size, b"\0"))):
            what, stop = known[0], here + RECORD.size + known[1]
            try:
                plain, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(
                    state, region[here + RECORD.size : stop], associated(self.id, number, at, message, what)
                )
            except (nacl.exceptions.CryptoError, ValueError, RuntimeError):
                break
            if what == PATCH:
                where, size = PATCH_AT.unpack_from(plain)
                patches.append((where, plain[PATCH_AT.size : PATCH_AT.size + size]))
            else:
                parts.append(plain)
            here, message, final = stop, message + 1, tag == _FINAL
        if not final and not segment.torn:
            raise self._damaged(segment)
        return b"".join(parts), patches, segment.start + here

    def _damaged(self, segment: Segment) -> DamagedError:
        share = f", {100 * segment.at // self.length} % into it" if self.length else ""
        return DamagedError(
            f"{self.name} is damaged in segment {segment.number} of {len(self._segments)} "
            f"(bytes {segment.at} to {segment.until} of {self.length}{share}); the rest of it can be read.",
            value=self.name,
        )

    def _raw_bytes(self, at: int, size: int) -> bytes:
        self._raw.seek(at)
        return self._raw.read(size)
