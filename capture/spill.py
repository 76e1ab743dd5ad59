"""Packets that memory has no room for flow in, the same flow out in the same order; they lie encrypted on disk between.

What waits here is a person's voice. So the file has no name (it is gone when the process is, however that ends), and
every packet in it is sealed with a key that exists only in this process's memory.
"""

from __future__ import annotations

import pickle
import tempfile
from typing import Generic, TypeVar

import nacl.secret
import nacl.utils

from ahdetect.capture.packets import Packet

T = TypeVar("T")


class Spill(Generic[T]):
    """First in, first out, on disk. Not thread-safe: the edge that owns it holds its lock.

    Raises:
        OSError: the disk is full; the packet at hand was not taken and the ones before it are safe.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0, prefix="ahdetect-")  # noqa: SIM115  lives with this object
        self._box = nacl.secret.SecretBox(nacl.utils.random(nacl.secret.SecretBox.KEY_SIZE))
        self._read_at = self._write_at = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, packet: Packet[T]) -> None:
        """Put a packet at the end."""
        sealed = self._box.encrypt(pickle.dumps(packet, pickle.HIGHEST_PROTOCOL))
        record = len(sealed).to_bytes(8, "little") + sealed
        self._file.seek(self._write_at)
        if self._file.write(record) != len(record):
            raise OSError("the disk for temporary files is full")
        self._write_at += len(record)
        self._count += 1

    def pop(self) -> Packet[T]:
        """Take the oldest packet; the file is emptied when nothing is left in it."""
        self._file.seek(self._read_at)
        size = int.from_bytes(self._file.read(8), "little")
        # unpickling is safe: only bytes sealed with our own key get past decrypt()
        packet: Packet[T] = pickle.loads(self._box.decrypt(self._file.read(size)))
        self._read_at = self._file.tell()
        self._count -= 1
        if self._count == 0:
            self._file.truncate(0)
            self._read_at = self._write_at = 0
        return packet

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
