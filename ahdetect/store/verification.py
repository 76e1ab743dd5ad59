"""Verification: a session folder and its keys flow in; what is wrong with any byte of it flows out.

Of a sealed session every segment of every file is decrypted, which authenticates it, and each file must be the one that
was recorded. A plain session can only be read: a changed byte that still reads is not found, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
import pyarrow as pa
import pyarrow.parquet as pq

from ahdetect.errors import AhdetectError, StoreError
from ahdetect.store.annotations import ANNOTATIONS
from ahdetect.store.audit import Act, Audit, Findings, mark_of
from ahdetect.store.catalogue import sessions_in
from ahdetect.store.erasure import ERASING
from ahdetect.store.files import CLOSED
from ahdetect.store.journal import session_id
from ahdetect.store.keys import Keys
from ahdetect.store.media import open_media
from ahdetect.store.reader import Session, open_session, read_entries, read_manifest
from ahdetect.store.schema import AUDIO, EVENTS, FRAMES, FRAMES_STREAM, LEDGER, SESSION_JSON, TIMELINE_PNG, VIDEO, WORDS
from ahdetect.store.sealed_reader import SealedReader
from ahdetect.store.vault import LOCKS, META, SUFFIX

NAMES: Final = (VIDEO, AUDIO, FRAMES, FRAMES_STREAM, WORDS, EVENTS, ANNOTATIONS, LEDGER, TIMELINE_PNG)
"""Files that a session may have, in the order in which they are told of."""

KNOWN: Final = frozenset({*NAMES, *(name + SUFFIX for name in NAMES), SESSION_JSON, META, LOCKS})


@dataclass(slots=True)
class Verified:
    """What a check of one session found.

    Attributes:
        folder: of the session.
        authenticated: whether every byte was authenticated; else it was only read.
        files: name of each file that is there to its bytes.
        problems: what is wrong, in sentences; empty where nothing is.
        notes: what is worth knowing and no fault.
    """

    folder: Path
    authenticated: bool = False
    files: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder),
            "whole": not self.problems,
            "authenticated": self.authenticated,
            "files": self.files,
            "problems": self.problems,
            "notes": self.notes,
        }


def verify(folder: Path, keys: Keys | None = None) -> Verified:
    """Read every byte of a session.

    Raises:
        NoKeyError: it is sealed, and no key opens it.
        StoreError: there is no such session.
    """
    found = Verified(Path(folder))
    if read_manifest(found.folder).get("state") == ERASING:
        found.problems.append("It is half erased, and its key is gone; erase it again to finish that.")
        return found
    session = open_session(found.folder, keys)
    found.authenticated = session.encrypted
    found.problems += session.damage
    for name in NAMES:
        if session.files.exists(name):
            found.files[name] = session.files.path(name).stat().st_size
            found.problems += _sealed(session, name) if session.encrypted else _plain(session, name)
    _look_at_books(session, found)
    strangers = sorted(p.name for p in found.folder.iterdir() if p.name not in KNOWN)
    if strangers:
        found.notes.append(f"It also holds what no session wrote: {', '.join(strangers)}.")
    if not session.encrypted:
        found.notes.append("It is not encrypted: it could be read, and whether it was changed cannot be told.")
    if session.state not in (*CLOSED, "analysed"):
        found.notes.append("It was never closed: `ahdetect session repair` finishes it.")
    found.problems = list(dict.fromkeys(found.problems))
    return found


def verify_audit(store: Path) -> Findings:
    """Follow the audit log of a store folder, and hold it against the sessions that are there.

    Raises:
        StoreError: the folder or the log cannot be read.
    """
    audit, marks, begun = Audit(store), [], set()
    lines = audit.lines()
    started = {str(line.get("session")) for line in lines if line.get("what") == Act.START}
    for entry in sessions_in(store):
        try:
            info = read_manifest(entry.folder)
        except StoreError:
            continue
        mark = mark_of(info.get("audit"))
        if mark is not None:
            marks.append(mark)
            begun.add(session_id(info))
    found = audit.check(marks)
    lost = sorted(begun - started)
    found.problems += [f"Session {name} is there, and the log does not know that it began." for name in lost]
    return found


def _sealed(session: Session, name: str) -> list[str]:
    try:
        with session.files.read(name) as file:
            assert isinstance(file, SealedReader)
            return [str(error) for error in file.verify()]
    except (StoreError, OSError) as error:
        return [str(error)]


def _plain(session: Session, name: str) -> list[str]:
    path = session.files.path(name)
    try:
        _READERS.get(name, _bytes)(path)
    except (AhdetectError, OSError, ValueError, pa.ArrowException, av.error.FFmpegError) as error:
        return [f"{name} is damaged ({(str(error) or type(error).__name__).splitlines()[0]})."]
    return []


def _look_at_books(session: Session, found: Verified) -> None:
    books = session.info.get("ledger")
    if isinstance(books, dict) and books.get("balances") is False:
        found.problems.append("The books of the session do not balance; ledger.jsonl has the details.")
    off = session.info.get("sinks_off")
    if isinstance(off, dict):
        found.notes += [f"{name} was not written to its end: {why}" for name, why in off.items()]


def _bytes(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def _lines(path: Path) -> None:
    bad = read_entries(lambda: path.open("rb"), path)[1]
    if bad:
        raise ValueError(f"{bad} of its lines cannot be read")


def _table(path: Path) -> None:
    pq.read_table(path)


def _pictures(path: Path) -> None:
    with open_media(path) as media:
        for _ in media.demux(_first(media.streams.video)):
            pass


def _sound(path: Path) -> None:
    with open_media(path) as media:
        for _ in media.decode(_first(media.streams.audio)):
            pass


def _first(streams: Sequence[Any]) -> Any:
    if not streams:
        raise ValueError("it holds none of what it should")
    return streams[0]


_READERS: Final[dict[str, Callable[[Path], None]]] = {
    VIDEO: _pictures, AUDIO: _sound, FRAMES: _table, WORDS: _lines, EVENTS: _lines, ANNOTATIONS: _lines, LEDGER: _lines,
}  # fmt: skip
