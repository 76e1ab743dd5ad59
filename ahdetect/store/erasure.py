"""Erasure: a session folder flows in; nothing of it but a tombstone without content flows out.

The wrapped key goes first: from then on what is left of a sealed file is noise, also where deleting it is interrupted.
The tombstone is written before the files go, so that a cut-off erasure shows as "erasing" and can be finished.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ahdetect import strict_json
from ahdetect.calibration.profile_store import FileProfiles, ProfileStore
from ahdetect.errors import ConfigError, StoreError
from ahdetect.export.tables import json_line, write_session_json
from ahdetect.store.annotations import ANNOTATIONS
from ahdetect.store.audit import Act, Audit
from ahdetect.store.catalogue import person_in
from ahdetect.store.consent import Consent, Purpose
from ahdetect.store.gate import agreed_entry, stored_consent
from ahdetect.store.journal import session_id
from ahdetect.store.keys import Keys
from ahdetect.store.lock import FolderLock
from ahdetect.store.reader import Session, is_session, open_session, read_manifest
from ahdetect.store.schema import EVENTS, FRAMES, FRAMES_STREAM, SCHEMA_VERSION, SESSION_JSON, TIMELINE_PNG, WORDS
from ahdetect.store.vault import LOCKS, META
from ahdetect.store.writer import delete_session

TOMBSTONES: Final = "erased"
"""Folder within the store folder."""

ERASING: Final = "erasing"

OF_ANALYSIS: Final = (FRAMES, FRAMES_STREAM, WORDS, ANNOTATIONS, TIMELINE_PNG)
"""Files that go where the consent to the analysis is taken back; of `events.jsonl` the segments go."""


@dataclass(slots=True)
class Erased:
    """What was erased.

    Attributes:
        id: of the session.
        folder: where it was.
        profile: name of the profile that was erased with it; "" for none.
        notes: what could not be done, in sentences.
    """

    id: str
    folder: Path
    profile: str = ""
    notes: list[str] = field(default_factory=list)


def erase(
    folder: Path,
    *,
    why: str = "asked for",
    person: bool = False,
    keys: Keys | None = None,
    profiles: ProfileStore | None = None,
    at: datetime | None = None,
) -> Erased:
    """Erase a session: its wrapped key, its files and, where asked for, the profile of its person.

    Args:
        folder: of the session.
        why: for tombstone and log: "asked for", "past its date", "consent withdrawn" or "stopped and deleted".
        person: erase the profile of its person as well, which also other sessions may have fed.
        keys: to read the pseudonym of a sealed session with; erasing alone needs no key.
        profiles: where profiles are kept; default the user's own.
        at: when; None: now.

    Raises:
        StoreError: it is no session, is being recorded, or a file cannot be deleted.
        NoKeyError: the profile is to be erased, and no key opens the session to say whose it is.
    """
    folder = Path(folder)
    info = _info(folder)
    name = person_in(open_session(folder, keys).info) if person else ""
    lock = FolderLock(folder)
    if not lock.take():
        raise StoreError(f"{folder} is being recorded, so nothing of it was erased; stop it first.", value=folder)
    done = Erased(session_id(info), folder)
    when = at or datetime.now(UTC)
    try:
        _log(done, Act.ERASE, why=why, person=person)
        _destroy_locks(folder, done.id)
        _put_tombstone(folder.absolute().parent, done.id, why, when)
        for part in folder.glob("*.part"):
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be erased ({error.strerror or error}); check the rights of the folder.", value=folder
        ) from error
    finally:
        lock.release()
    delete_session(folder)
    if name:
        with suppress(ConfigError):  # who was never calibrated has no profile
            (profiles or FileProfiles()).delete(name)
            done.profile = name
    return done


def withdraw(
    folder: Path,
    purposes: Iterable[Purpose | str],
    *,
    keys: Keys | None = None,
    profiles: ProfileStore | None = None,
    at: datetime | None = None,
) -> Erased | Consent:
    """Take consent back, and erase what was kept by it alone.

    Recording: the whole session goes. Analysis: rows, words, segments, the picture of the timeline and what people said
    about segments go; picture and sound stay. Adaptation: the profile of the person goes. Research: noted only.

    Returns:
        The record as it is now, or what was erased where the session went.

    Raises:
        ConfigError: the session has no record of consent.
        NoKeyError: it is sealed, and no key opens it (to take the recording back needs none).
        StoreError: it is being recorded, or cannot be written.
    """
    folder, wanted = Path(folder), {Purpose(p) for p in purposes}
    if Purpose.RECORDING in wanted:
        return erase(
            folder, why="consent withdrawn", person=Purpose.ADAPTATION in wanted, keys=keys, profiles=profiles, at=at
        )
    session = open_session(folder, keys)
    consent = stored_consent(session.info)
    if consent is None:
        raise ConfigError(f"{folder} has no record of consent that could be taken back; erase it.", value=folder)
    lock = FolderLock(folder)
    if not lock.take():
        raise StoreError(f"{folder} is being recorded; stop it first.", value=folder)
    when = at or datetime.now(UTC)
    changed = consent.withdraw(wanted, when)
    done = Erased(session_id(session.info), folder)
    try:
        session.info["consent"] = agreed_entry(changed)
        session.files.save_info(session.info)  # first: from here on nobody may use it
        if Purpose.ANALYSIS in wanted:
            _forget_analysis(session)
            session.files.save_info(session.info)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be changed ({error.strerror or error}); check the rights and the space of the folder.",
            value=folder,
        ) from error
    finally:
        lock.release()
    _log(done, Act.WITHDRAW, purposes=sorted(p.value for p in wanted))
    name = person_in(session.info)
    if Purpose.ADAPTATION in wanted and name:
        with suppress(ConfigError):
            (profiles or FileProfiles()).delete(name)
    if done.notes:
        raise StoreError(done.notes[0], value=folder)
    return changed


def tombstones(store: Path) -> list[dict[str, Any]]:
    """What is left of the sessions that were erased: id, when, why."""
    found = []
    for path in sorted((Path(store) / TOMBSTONES).glob("*.json")):
        with suppress(OSError, ValueError):
            entry = strict_json.loads(path.read_bytes())
            if isinstance(entry, dict):
                found.append(entry)
    return found


def _info(folder: Path) -> dict[str, Any]:
    """The plain part; of a session whose manifest is damaged nothing, for that one can be erased, too."""
    try:
        return read_manifest(folder)
    except StoreError:
        if folder.is_dir() and ((folder / SESSION_JSON).is_file() or is_session(folder)):
            return {}
        raise


def _log(done: Erased, act: Act, **facts: Any) -> None:
    """To erase must not depend on the log; that it could not be written is told."""
    try:
        Audit(done.folder.absolute().parent).append(act, done.id, **facts)
    except StoreError as error:
        done.notes.append(str(error))


def _destroy_locks(folder: Path, session: str) -> None:
    """Overwrite the wraps of the key where they stand, and put a manifest without them in their place."""
    for name in (LOCKS, SESSION_JSON):
        path = folder / name
        if path.is_file():
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(max(1, path.stat().st_size)))
                file.flush()
                os.fsync(file.fileno())
    (folder / LOCKS).unlink(missing_ok=True)
    (folder / META).unlink(missing_ok=True)
    write_session_json({"schema_version": SCHEMA_VERSION, "id": session, "state": ERASING}, folder / SESSION_JSON)


def _put_tombstone(store: Path, session: str, why: str, at: datetime) -> None:
    """No name of a folder, for it may hold a pseudonym; no length, no size, nothing of what it held."""
    place = store / TOMBSTONES
    place.mkdir(mode=0o700, exist_ok=True)
    name = session or secrets.token_hex(8)
    entry = {"id": name, "erased_at": at.astimezone(UTC).isoformat(timespec="seconds"), "why": why}
    write_session_json(entry, place / f"{name}.json")


def _forget_analysis(session: Session) -> None:
    files, info = session.files, session.info
    kept = [event for event in session.events() if not str(event["kind"]).startswith("segment")]
    for name in OF_ANALYSIS:
        files.unlink(name)
    with files.whole(EVENTS) as file:
        file.write("".join(map(json_line, kept)).encode())
    if "files" in info:
        kept_files = {name: one for name, one in info["files"].items() if name not in (*OF_ANALYSIS, EVENTS)}
        info["files"] = kept_files | files.ids([EVENTS])
