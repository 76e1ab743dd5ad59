"""Annotations: what a person says about segments flows in, `annotations.jsonl` and the human tier flow out.

The model's tier is never touched. The file only grows: a change of mind, an undo and a redo are lines of their own,
with the time (UTC) and the initials of who said it, so that every dispute can be read again.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final

from ahdetect.errors import ConfigError, StoreError
from ahdetect.export.tables import json_line, private_opener
from ahdetect.store.files import Files
from ahdetect.store.reader import read_entries
from ahdetect.store.vault import LOCKS
from ahdetect.timeline import Segment

ANNOTATIONS: Final = "annotations.jsonl"

_LONGEST_NOTE: Final = 2_000
"""Characters of a note: a line stays far below what one `write` puts on the disk in one go."""


class Verdict(Enum):
    """What a person says about a stretch of time."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class HumanSegment:
    """A segment of the human tier.

    Attributes:
        id: stays the same through all changes.
        start_ns: onset, session time; of a rejected segment the model's own.
        end_ns: offset.
        verdict: accepted, corrected (other borders than the model's), rejected, or added (the model has none here).
        by: initials of who says it.
        note: free text, may be empty.
        at: when it was said, UTC, ISO 8601.
        model: start and end (ns) of the model's segment that it is about; None where it was added.
    """

    id: str
    start_ns: int
    end_ns: int
    verdict: Verdict
    by: str
    note: str = ""
    at: str = ""
    model: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """One step that can be undone: the segment before and after it, None where there is none."""

    before: HumanSegment | None
    after: HumanSegment | None


def read_annotations(folder: Path, files: Files | None = None) -> list[HumanSegment]:
    """The human tier of a session folder, in order of time; empty where nobody has said anything.

    Lines that are torn or damaged are left out.

    Args:
        folder: of the session or analysis.
        files: `Session.files` of an encrypted one.

    Raises:
        StoreError: the file is there and cannot be read.
    """
    return _in_order(_fold(_entries(files or Files(Path(folder)))[0])[0])


class Annotations:
    """The human tier of one session folder, to be read and changed. Every change is on the disk when it returns.

    Args:
        folder: of the session or analysis.
        now: the time, UTC.
        files: `Session.files` of an encrypted session.

    Attributes:
        damage: what could not be read and was left out, in words.

    Raises:
        StoreError: the file is there and cannot be read.

    Example:
        >>> tier = Annotations(folder)
        >>> tier.reject(timeline.segments[0], by="KM", note="laughing, not hesitating")
        >>> tier.undo()
    """

    def __init__(
        self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC), files: Files | None = None
    ) -> None:
        self._files = files or Files(Path(folder))
        self._now = now
        self._undo: list[_Change] = []
        self._redo: list[_Change] = []
        entries, torn = _entries(self._files)
        self._segments, strange = _fold(entries)
        bad = torn + strange
        self.damage = [f"{ANNOTATIONS}: {bad} damaged line{'s' if bad > 1 else ''} left out"] if bad else []

    @property
    def segments(self) -> list[HumanSegment]:
        """All that is said now, in order of time."""
        return _in_order(self._segments)

    def about(self, segment: Segment) -> list[HumanSegment]:
        """What people say about a segment of the model, newest first; each person has one say."""
        span = segment.start_ns, segment.end_ns
        return sorted((h for h in self._segments.values() if h.model == span), key=lambda h: h.at, reverse=True)

    # -- to say something

    def accept(self, segment: Segment, *, by: str, note: str = "") -> HumanSegment:
        """The model's segment is right as it is."""
        return self._say(Verdict.ACCEPT, segment.start_ns, segment.end_ns, by, note, segment)

    def correct(self, segment: Segment, start_ns: int, end_ns: int, *, by: str, note: str = "") -> HumanSegment:
        """There is something, between other borders."""
        return self._say(Verdict.CORRECT, start_ns, end_ns, by, note, segment)

    def reject(self, segment: Segment, *, by: str, note: str = "") -> HumanSegment:
        """There is nothing of the kind."""
        return self._say(Verdict.REJECT, segment.start_ns, segment.end_ns, by, note, segment)

    def add(self, start_ns: int, end_ns: int, *, by: str, note: str = "") -> HumanSegment:
        """The model has missed one."""
        return self._say(Verdict.ADD, start_ns, end_ns, by, note, None)

    def change(self, human: HumanSegment, start_ns: int, end_ns: int, *, by: str, note: str = "") -> HumanSegment:
        """Other borders or another note for a segment that was added or corrected before."""
        verdict = Verdict.ADD if human.model is None else Verdict.CORRECT
        return self._put(_checked(replace(human, start_ns=start_ns, end_ns=end_ns, verdict=verdict, by=by, note=note)))

    def withdraw(self, human: HumanSegment) -> None:
        """Take it back; it stays in the file's history."""
        before = self._segments.get(human.id)
        if before is not None:
            self._do(_Change(before, None))

    # -- to change one's mind

    @property
    def can_undo(self) -> bool:
        """Whether anything was said since the folder was opened that can be taken back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether anything that was taken back can be said again."""
        return bool(self._redo)

    def undo(self) -> bool:
        """Take back the newest change; False where there is none."""
        if not self._undo:
            return False
        change = self._undo[-1]
        self._apply(_Change(change.after, change.before), "undo")
        self._redo.append(self._undo.pop())
        return True

    def redo(self) -> bool:
        """Say again what was taken back; False where there is nothing."""
        if not self._redo:
            return False
        self._apply(self._redo[-1], "redo")
        self._undo.append(self._redo.pop())
        return True

    # -- the file

    def _say(
        self, verdict: Verdict, start_ns: int, end_ns: int, by: str, note: str, segment: Segment | None
    ) -> HumanSegment:
        model = None if segment is None else (segment.start_ns, segment.end_ns)
        mine = [h for h in self._segments.values() if model is not None and h.model == model and h.by == by.strip()]
        name = mine[0].id if mine else uuid.uuid4().hex[:12]
        return self._put(_checked(HumanSegment(name, start_ns, end_ns, verdict, by, note, model=model)))

    def _put(self, human: HumanSegment) -> HumanSegment:
        human = replace(human, at=self._time())
        self._do(_Change(self._segments.get(human.id), human))
        return human

    def _do(self, change: _Change) -> None:
        self._apply(change, "")
        self._undo.append(change)
        self._redo.clear()

    def _apply(self, change: _Change, why: str) -> None:
        """To the disk first: what could not be stored was not said."""
        human = change.after or change.before
        assert human is not None
        entry = _entry(human) if change.after is not None else {"op": "withdraw", "id": human.id, "by": human.by}
        line = {"at": self._time(), **entry, **({"why": why} if why else {})}
        if self._files.encrypted:
            _append_sealed(self._files, line)
        else:
            append_line(self._files.path(ANNOTATIONS), line)
        if change.after is not None:
            self._segments[human.id] = change.after
        else:
            self._segments.pop(human.id, None)

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a line to a .jsonl file, whole or not at all, and on the disk when it returns.

    A torn last line (a crash, a full disk) is closed off first, so that the new one stands on its own.

    Raises:
        StoreError: it cannot be written; the file is then as it was.
    """
    try:
        with open(path, "ab+", buffering=0, opener=private_opener) as file, _exclusive(file.fileno()):
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
            torn = bool(size) and file.read(1) != b"\n"
            line = (b"\n" if torn else b"") + json_line(entry).encode()
            try:
                if file.write(line) != len(line):
                    raise OSError("the disk is full")
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}; what was said last is not stored.", value=path
        ) from error


def _append_sealed(files: Files, entry: Mapping[str, Any]) -> None:
    """The same in an encrypted session: the file, a few kilobytes, is written anew beside itself."""
    path = files.path(ANNOTATIONS)
    try:
        with (files.folder / LOCKS).open("rb") as held, _exclusive(held.fileno()):
            said = b""
            with suppress(FileNotFoundError), files.read(ANNOTATIONS) as file:
                said = file.read()
            with files.whole(ANNOTATIONS) as file:
                file.write(said + json_line(entry).encode())
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}; what was said last is not stored.", value=path
        ) from error


def _entries(files: Files) -> tuple[list[dict[str, Any]], int]:
    return read_entries(lambda: files.read(ANNOTATIONS), files.path(ANNOTATIONS))


class _exclusive:  # noqa: N801  used like a function
    """Holds the file against another program that says something at the same time."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __enter__(self) -> None:
        with suppress(ImportError, OSError):  # Windows, a file system without locks
            import fcntl

            fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        """Closing the file lets go."""


def _checked(human: HumanSegment) -> HumanSegment:
    human = replace(human, by=human.by.strip(), note=human.note.strip())
    if not human.by:
        raise ConfigError("Say who says it: the initials are empty.", value=human.by)
    if len(human.note) > _LONGEST_NOTE:
        raise ConfigError(f"The note is longer than {_LONGEST_NOTE} characters; shorten it.", value=len(human.note))
    if not 0 <= human.start_ns < human.end_ns:
        raise ConfigError(
            f"A segment cannot go from {human.start_ns / 1e9:.2f} to {human.end_ns / 1e9:.2f} s; "
            "its end must come after its start.",
            value=(human.start_ns, human.end_ns),
        )
    return human


def _entry(human: HumanSegment) -> dict[str, Any]:
    start_ns, end_ns = human.model or (None, None)
    return {
        "op": "set",
        "id": human.id,
        "verdict": human.verdict.value,
        "start_ns": human.start_ns,
        "end_ns": human.end_ns,
        "by": human.by,
        "note": human.note,
        "said_at": human.at,
        "model": None if human.model is None else {"start_ns": start_ns, "end_ns": end_ns},
    }


def _fold(entries: list[dict[str, Any]]) -> tuple[dict[str, HumanSegment], int]:
    """What the lines come to, by id, and how many of them make no sense."""
    now: dict[str, HumanSegment] = {}
    strange = 0
    for entry in entries:
        try:
            if entry["op"] == "withdraw":
                now.pop(str(entry["id"]), None)
            elif entry["op"] == "set":
                human = _segment(entry)
                now[human.id] = human
            else:
                strange += 1
        except (KeyError, TypeError, ValueError, ConfigError):
            strange += 1
    return now, strange


def _segment(entry: Mapping[str, Any]) -> HumanSegment:
    model = entry.get("model")
    return _checked(
        HumanSegment(
            id=str(entry["id"]),
            start_ns=int(entry["start_ns"]),
            end_ns=int(entry["end_ns"]),
            verdict=Verdict(entry["verdict"]),
            by=str(entry["by"]),
            note=str(entry.get("note") or ""),
            at=str(entry.get("said_at") or entry["at"]),
            model=None if model is None else (int(model["start_ns"]), int(model["end_ns"])),
        )
    )


def _in_order(segments: Mapping[str, HumanSegment]) -> list[HumanSegment]:
    return sorted(segments.values(), key=lambda h: (h.start_ns, h.end_ns, h.at))
