"""Sealing: short secrets and a key flow in, sealed bytes flow out, and back; and keys are derived from keys.

XChaCha20-Poly1305 of libsodium. For a few kilobytes that are read and written whole (a profile, the description of a
session, a wrapped key); files that are written as a stream are sealed by `store.container`.

    offset  bytes
    0       4      "AHDS"
    4       1      version, 1
    5       8      which key: a hash of it, so that a wrong key can be told from damage
    13      24     nonce
    37      4      CRC-32 of all that, so that a flipped bit in it can be told from a wrong key
    41      rest   ciphertext with its tag; associated data: the first 37 bytes and what it is for
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Final

import nacl.bindings as sodium
import nacl.exceptions
import nacl.utils

from ahdetect.errors import DamagedError, TruncatedError, UnknownFormatError, WrongKeyError

KEY_BYTES: Final = 32

MAGIC: Final = b"AHDS"
"""What everything sealed begins with, in all versions."""

_MAGIC: Final = MAGIC + b"\x01"
_HEAD: Final = struct.Struct("<5s8s24s")
_CRC: Final = struct.Struct("<I")
_SHORTEST: Final = _HEAD.size + _CRC.size + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES


def new_key() -> bytes:
    """32 random bytes of the system."""
    return nacl.utils.random(KEY_BYTES)


def subkey(key: bytes, purpose: str, context: bytes = b"", size: int = KEY_BYTES) -> bytes:
    """A key for one purpose: BLAKE2b, keyed, personalised with `purpose` (at most 16 bytes of ASCII)."""
    return hashlib.blake2b(context, digest_size=size, key=key, person=purpose.encode("ascii").ljust(16, b"\0")).digest()


def key_id(key: bytes) -> bytes:
    """Eight bytes that name a key without telling it."""
    return subkey(key, "key id", size=8)


def seal(data: bytes, key: bytes, purpose: str) -> bytes:
    """`data` so that only who has `key` reads or changes it.

    Args:
        data: anything short.
        key: 32 bytes.
        purpose: what it is for; sealed bytes open only for the purpose they were sealed for.

    Example:
        >>> key = new_key()
        >>> open_sealed(seal(b"usual pitch 180 Hz", key, "profile"), key, "profile", "P07")
        b'usual pitch 180 Hz'
    """
    head = _HEAD.pack(_MAGIC, key_id(key), nonce := nacl.utils.random(24))
    body = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        data, head + purpose.encode(), nonce, subkey(key, "sealed bytes")
    )
    return head + _CRC.pack(zlib.crc32(head)) + body


def open_sealed(sealed: bytes, key: bytes, purpose: str, name: str) -> bytes:
    """What was sealed.

    Args:
        sealed: as `seal` made it.
        key: 32 bytes.
        purpose: the one it was sealed for.
        name: of the thing, for the sentence of an error.

    Raises:
        UnknownFormatError: it was not sealed by `seal`, or by a newer version.
        WrongKeyError: with another key.
        DamagedError: a bit has changed, or it was sealed for another purpose.
        TruncatedError: it is shorter than anything sealed.
    """
    damaged = DamagedError(f"{name} is damaged: its bytes are not those that were written.", value=name)
    if not sealed.startswith(MAGIC[: len(sealed)]):
        raise damaged
    if not sealed.startswith(_MAGIC[: len(sealed)]):
        raise UnknownFormatError(
            f"{name} is sealed in a format that this ahdetect does not know; update it.", value=name
        )
    if len(sealed) < _SHORTEST:
        raise TruncatedError(f"{name} is cut off after {len(sealed)} bytes; take it from a copy.", value=name)
    head, crc, body = sealed[: _HEAD.size], sealed[_HEAD.size : _HEAD.size + _CRC.size], sealed[41:]
    if _CRC.unpack(crc)[0] != zlib.crc32(head):
        raise damaged
    _, sealed_with, nonce = _HEAD.unpack(head)
    if sealed_with != key_id(key):
        raise WrongKeyError(f"{name} does not open with this key or passphrase.", value=name)
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            body, head + purpose.encode(), nonce, subkey(key, "sealed bytes")
        )
    except nacl.exceptions.CryptoError:
        raise damaged from None
