"""Catalogue: a store folder flows in; what sessions it holds, and which of them are past their date, flows out.

Everything here is read from the plain part of the manifests, so it needs no key; only the pseudonym does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ahdetect.errors import AhdetectError, ConsentError, StoreError
from ahdetect.store.consent import Consent
from ahdetect.store.gate import stored_consent
from ahdetect.store.journal import session_id
from ahdetect.store.keys import Keys
from ahdetect.store.lock import FolderLock
from ahdetect.store.reader import is_session, open_session, read_manifest
from ahdetect.store.schema import SESSION_JSON
from ahdetect.store.vault import is_encrypted


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of a store folder.

    Attributes:
        folder: of the session.
        id: random; "" where it has none.
        state: "recording" (also: cut off), "closed", "repaired", "analysed", "erasing", or "damaged".
        encrypted: whether its files are sealed.
        storage: what of it was stored.
        consent: the record, without the pseudonym; None without one.
        retain_until: the last day on which it is kept; None without a date.
        bytes: on the disk.
        busy: whether it is being written at the moment.
        problem: why it cannot be read, one sentence; "" otherwise.
    """

    folder: Path
    id: str = ""
    state: str = "damaged"
    encrypted: bool = False
    storage: str = ""
    consent: Consent | None = None
    retain_until: date | None = None
    bytes: int = 0
    busy: bool = False
    problem: str = ""

    def is_due(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.retain_until is not None and self.retain_until < today and not self.busy

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        agreed = [p.value for p, a in self.consent.answers.items() if a.holds] if self.consent is not None else None
        return {
            "folder": str(self.folder),
            "id": self.id,
            "state": self.state,
            "encrypted": self.encrypted,
            "storage": self.storage,
            "consent": agreed,
            "retain_until": self.retain_until.isoformat() if self.retain_until is not None else None,
            "bytes": self.bytes,
            "busy": self.busy,
            "problem": self.problem,
        }


def sessions_in(store: Path) -> list[Entry]:
    """All sessions in a store folder, by name; one that cannot be read is among them, with the reason.

    Raises:
        StoreError: there is no such folder, or it cannot be read.
    """
    try:
        folders = sorted(path for path in Path(store).iterdir() if path.is_dir() and not path.is_symlink())
    except OSError as error:
        raise StoreError(f"Cannot look into {store}: {error.strerror or error}.", value=store) from error
    return [entry_of(folder) for folder in folders if (folder / SESSION_JSON).is_file() or is_session(folder)]


def entry_of(folder: Path) -> Entry:
    """What the plain part of a session says; never an error."""
    size, busy = _bytes(folder), _is_busy(folder)
    try:
        info = read_manifest(folder)
    except StoreError as error:
        return Entry(folder, bytes=size, busy=busy, problem=str(error))
    consent, problem = None, ""
    try:
        consent = stored_consent(info)
    except ConsentError as error:
        problem = str(error)
    return Entry(
        folder,
        session_id(info),
        str(info.get("state", "analysed")),
        is_encrypted(info),
        str(info.get("storage") or ""),
        consent,
        _day(info.get("retain_until")),
        size,
        busy,
        problem,
    )


def due(store: Path, today: date) -> list[Entry]:
    """Sessions whose last day is over.

    Raises:
        StoreError: there is no such folder.
    """
    return [entry for entry in sessions_in(store) if entry.is_due(today)]


def person_in(info: Mapping[str, Any]) -> str:
    """The pseudonym in the description of a session that was opened; "" where none was entered."""
    profile = info.get("profile")
    named = profile.get("name") if isinstance(profile, Mapping) else None
    return str(info.get("person") or named or "")


def person_of(folder: Path, keys: Keys | None = None) -> str | None:
    """The pseudonym of a session; None where no key opens it."""
    try:
        return person_in(open_session(folder, keys).info)
    except AhdetectError:
        return None


def _day(raw: object) -> date | None:
    try:
        return date.fromisoformat(str(raw)) if raw is not None else None
    except ValueError:
        return None


def _bytes(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def _is_busy(folder: Path) -> bool:
    lock = FolderLock(folder)
    try:
        free = lock.take()
    except OSError:
        return False
    lock.release()
    return not free
