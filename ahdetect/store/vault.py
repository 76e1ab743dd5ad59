"""Vault: keys flow in; a session's own key, its sealed files and its manifest flow out.

The manifest (`session.json` of an encrypted session) can be read without a key: what the folder is, in what state, and
the locks. Everything else that describes the session is sealed in `session.meta`, which is what a reader believes; the
manifest carries a code made with the session key, so that a change of it shows.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import nacl.utils

from ahdetect import strict_json
from ahdetect.errors import DamagedError, ReplacedError, StoreError, UnknownFormatError
from ahdetect.sealing import new_key, open_sealed, seal, subkey
from ahdetect.store.container import ID_BYTES, VERSION
from ahdetect.store.keys import Keys, Wrap
from ahdetect.store.sealed_reader import SealedReader
from ahdetect.store.sealed_writer import SealedWriter, as_file

SUFFIX: Final = ".ahd"
"""Behind the name of every sealed file."""

META: Final = "session.meta"
LOCKS: Final = "session.keys"
"""A copy of the locks, written once: a damaged `session.json` does not cost the session."""

PUBLIC: Final = (
    "schema_version", "id", "state", "encrypted", "storage", "consent", "retain_until", "files", "audit",
)  # fmt: skip
"""What of the description the manifest holds: nothing that tells of the person."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The key of one session and what is done with it.

    Attributes:
        id: random, of the session; no secret.
        locks: wraps of its key.
    """

    id: bytes
    key: bytes = field(repr=False)
    locks: tuple[Wrap, ...]

    @staticmethod
    def new(keys: Keys) -> Vault:
        """A vault for a new session.

        Raises:
            NoKeyError: there is nothing to lock it with.
            ConfigError: a passphrase or recipient is not valid.
        """
        session, key = nacl.utils.random(ID_BYTES), new_key()
        return Vault(session, key, tuple(keys.lock(key, session)))

    @staticmethod
    def open(places: Iterable[Mapping[str, Any]], keys: Keys, name: str) -> Vault:
        """The vault of a session.

        Args:
            places: where its locks stand, `session.json` first; the next is looked at where one is damaged.
            keys: those at hand.
            name: of the session, for the sentence of an error.

        Raises:
            NoKeyError: none of the keys is one that it is locked for.
            WrongKeyError: the passphrase is not the one.
            UnknownFormatError: a newer version wrote it.
            DamagedError: all its locks are damaged.
        """
        problem: StoreError | None = None
        tried: list[tuple[bytes, list[Any]]] = []
        for place in places:
            try:
                said = place["encryption"]
                version, session, wraps = int(said["version"]), bytes.fromhex(said["session"]), list(said["locks"])
            except (KeyError, TypeError, ValueError):
                continue
            if len(session) != ID_BYTES or (session, wraps) in tried:
                continue
            tried.append((session, wraps))
            if version > VERSION:
                raise UnknownFormatError(
                    f"{name} is sealed in format {version}, this ahdetect knows {VERSION}; update it.", value=name
                )
            try:
                return Vault(session, keys.unlock(wraps, session, name), tuple(wraps))
            except StoreError as error:
                problem = problem or error
        raise problem or DamagedError(f"The locks of {name} are damaged; take session.json from a copy.", value=name)

    # -- files

    def writer(self, file: BinaryIO, name: str) -> BinaryIO:
        """A file that seals what is written into `file`."""
        return as_file(SealedWriter(file, self.key, self.id, name))

    def reader(self, file: BinaryIO, name: str, *, torn: bool = False, forgiving: bool = False) -> SealedReader:
        """A file that opens what was sealed into `file`; see `SealedReader`."""
        return SealedReader(file, self.key, self.id, name, torn=torn, forgiving=forgiving)

    # -- the description

    def seal_info(self, info: Mapping[str, Any]) -> bytes:
        """What goes into `session.meta`."""
        return seal(json.dumps(info, ensure_ascii=False).encode(), self.key, self._purpose)

    def open_info(self, sealed: bytes) -> dict[str, Any]:
        """What stands in `session.meta`.

        Raises:
            DamagedError: it is damaged, or of another session.
        """
        info = strict_json.loads(open_sealed(sealed, self.key, self._purpose, META))
        assert isinstance(info, dict)
        return info

    def manifest(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """What goes into `session.json`: what may be read without a key, with its code."""
        public = {
            "format": "ahdetect session, encrypted",
            **{k: info[k] for k in PUBLIC if k in info},
            **self.lock_entry(),
        }
        return {**public, "code": self._code(public)}

    def lock_entry(self) -> dict[str, Any]:
        """The locks as they stand in `session.json` and `session.keys`."""
        return {"encryption": {"version": VERSION, "session": self.id.hex(), "locks": list(self.locks)}}

    def check_manifest(self, manifest: Mapping[str, Any], name: str) -> None:
        """Whether the manifest is the one that was written.

        Raises:
            ReplacedError: it is not.
        """
        public = {key: value for key, value in manifest.items() if key != "code"}
        if not hmac.compare_digest(str(manifest.get("code")), self._code(public)):
            raise ReplacedError(
                f"session.json of {name} was changed by something else than ahdetect; `ahdetect session repair` makes "
                "it anew from what is sealed.",
                value=name,
            )

    def _code(self, public: Mapping[str, Any]) -> str:
        text = json.dumps(public, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return subkey(self.key, "manifest", text.encode()).hex()

    @property
    def _purpose(self) -> str:
        return f"description of session {self.id.hex()}"


def is_encrypted(manifest: Mapping[str, Any]) -> bool:
    """Whether a `session.json` is that of an encrypted session."""
    return "encryption" in manifest
