"""Audit log: what was done with sessions flows in; a file that only grows, line chained to line, flows out.

One log per store folder (the folder that session folders lie in). A line holds when, what, which session (its random
id) and small facts such as purposes and counts; no name, no pseudonym, no path, no word that was said. Its hash covers
the hash of the line before, so that a changed, removed or inserted line shows. That the end was cut off does not show
in the chain itself; it shows in the anchor (number and hash of the newest line, outside the store folder, in the data
folder of the user) and in the sessions, each of which holds the line with which it began.

What it cannot prove: whoever can write to the store folder and to the data folder can write both anew; it does not say
who did it; and what is done to the files without ahdetect does not stand in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

import platformdirs

from ahdetect import strict_json
from ahdetect.errors import StoreError
from ahdetect.export.tables import private_folder, whole_file

AUDIT: Final = "audit.jsonl"
ZERO: Final = "0" * 64
"""What stands as the hash before the first line."""


_Line: TypeAlias = dict[str, Any]


class Act(StrEnum):
    """What a line tells of."""

    BEGIN = "begin"
    START = "start"
    STOP = "stop"
    CONSENT = "consent"
    OPEN = "open"
    EXPORT = "export"
    WITHDRAW = "withdraw"
    ERASE = "erase"
    BROKEN = "broken"
    """The log was found shorter than, or other than, its anchor; a new line could only be put behind what was there."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that is known elsewhere.

    Attributes:
        number: of the line, from 0.
        hash: of the line.
    """

    number: int
    hash: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"number": self.number, "hash": self.hash}


def mark_of(raw: object) -> Mark | None:
    """What `Mark.to_json` gave; None where it is nothing of the kind."""
    if isinstance(raw, Mapping) and isinstance(raw.get("number"), int) and isinstance(raw.get("hash"), str):
        return Mark(raw["number"], raw["hash"])
    return None


@dataclass(slots=True)
class Findings:
    """What a check of the log found.

    Attributes:
        lines: how many are whole and in their place.
        problems: what is wrong, in sentences; empty where nothing is.
        anchored: whether an anchor of this machine was there to compare with.
    """

    lines: int = 0
    problems: list[str] = field(default_factory=list)
    anchored: bool = False


class Audit:
    """The log of one store folder.

    Args:
        store: the folder that sessions lie in; made when the first line is written.
        anchors: where anchors are kept; default the data folder of the user (`AHDETECT_DATA` moves it).
    """

    def __init__(self, store: Path, anchors: Path | None = None) -> None:
        self.path = Path(store) / AUDIT
        self._anchors = anchors or _data_folder() / "audit"

    def append(self, act: Act, session: str = "", *, at: datetime | None = None, **facts: Any) -> Mark:
        """Write a line and put it on the disk.

        Args:
            act: what was done.
            session: id of the session.
            at: when; None: now.
            facts: small, JSON-ready, nothing personal.

        Raises:
            StoreError: it cannot be written.
        """
        when = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        try:
            private_folder(self.path.parent)
            with self._alone() as handle:
                made = _new_lines(self._read(), self._anchor(), when, act, session, facts)
                text = "".join(_text(line) for line in made)
                os.write(handle, (text if self._ends_whole() else "\n" + text).encode())
                os.fsync(handle)
                newest = Mark(made[-1]["n"], made[-1]["hash"])
                self._keep(newest)
        except OSError as error:
            raise StoreError(
                f"The audit log {self.path} cannot be written ({error.strerror or error}); check the rights and the "
                "space of its folder.",
                value=self.path,
            ) from error
        return newest

    def lines(self) -> list[_Line]:
        """All lines that can be read, in order.

        Raises:
            StoreError: the file cannot be read.
        """
        return [line for line in self._read() if line is not None]

    def check(self, marks: Iterable[Mark] = ()) -> Findings:
        """Follow the chain from its first line to its last.

        Args:
            marks: lines that sessions know of.

        Raises:
            StoreError: the file cannot be read.
        """
        found = Findings()
        hashes: list[str] = []
        before = ZERO
        for place, line in enumerate(self._read()):
            problem = _wrong(line, place, before)
            if line is not None and line.get("what") == Act.BROKEN and problem is None:
                problem = "the log was found shortened or replaced here, and was continued"
            if problem is None:
                found.lines += 1
            else:
                found.problems.append(f"Line {place + 1}: {problem}.")
            before = _hash_of(line)
            hashes.append(before)
        anchor = self._anchor()
        found.anchored = anchor is not None
        if anchor is not None:
            found.problems += _compare(hashes, anchor, "this machine's anchor")
        for mark in marks:
            found.problems += _compare(hashes, mark, "a session of this folder")
        found.problems = list(dict.fromkeys(found.problems))
        return found

    # -- the file

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StoreError(
                f"The audit log {self.path} cannot be read: {error.strerror or error}.", value=self.path
            ) from error

    def _read(self) -> list[_Line | None]:
        """Each line, None for one that is none; without a file nothing."""
        return [_parsed(line) for line in self._content().splitlines()]

    def _ends_whole(self) -> bool:
        """Whether the last line has its end; a power cut may leave one without."""
        return self._content()[-1:] in (b"", b"\n")

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The file, open for one writer at a time, in all programs."""
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            with suppress(ImportError, OSError):  # Windows; a file system without locks
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    # -- the anchor

    @property
    def anchor(self) -> Path:
        """Where this machine keeps the newest line's number and hash."""
        name = hashlib.sha256(str(self.path.parent.resolve()).encode()).hexdigest()[:32]
        return self._anchors / f"{name}.json"

    def _anchor(self) -> Mark | None:
        try:
            return mark_of(strict_json.loads(self.anchor.read_bytes()))
        except (OSError, ValueError):
            return None

    def _keep(self, mark: Mark) -> None:
        with suppress(OSError):  # without an anchor the log is still a chain; `check` says that there is none
            private_folder(self._anchors)
            with whole_file(self.anchor) as file:
                file.write(json.dumps(mark.to_json()).encode())


def _new_lines(
    there: list[_Line | None], anchor: Mark | None, when: str, act: Act, session: str, facts: Mapping[str, Any]
) -> list[_Line]:
    """The line that is wanted, behind others where a log begins or where something is wrong with what is there."""
    wanted: list[tuple[Act, str, Mapping[str, Any]]] = [(act, session, facts)]
    hashes = [_hash_of(line) for line in there]
    if (anchor is not None and _compare(hashes, anchor, "")) or (there and there[-1] is None):
        wanted.insert(0, (Act.BROKEN, "", {"anchor": anchor.to_json() if anchor is not None else None}))
    if not there:
        wanted.insert(0, (Act.BEGIN, "", {"id": os.urandom(8).hex()}))
    made: list[_Line] = []
    for what, whose, detail in wanted:
        line: _Line = {
            "n": len(hashes), "at": when, "what": what.value, "session": whose, "facts": dict(detail),
            "before": hashes[-1] if hashes else ZERO,
        }  # fmt: skip
        line["hash"] = _hash(line)
        made.append(line)
        hashes.append(line["hash"])
    return made


def _hash_of(line: _Line | None) -> str:
    """As the next line names it; a line that cannot be read has none."""
    return ZERO if line is None else str(line["hash"])


def _hash(line: _Line) -> str:
    body = {key: value for key, value in line.items() if key != "hash"}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(line: _Line) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def _parsed(raw: bytes) -> _Line | None:
    try:
        line = strict_json.loads(raw)
    except ValueError:
        return None
    whole = isinstance(line, dict) and isinstance(line.get("n"), int) and isinstance(line.get("hash"), str)
    return line if whole else None


def _wrong(line: _Line | None, place: int, before: str) -> str | None:
    """What is wrong with the line at `place`; None where nothing is."""
    if line is None:
        return "it cannot be read"
    if line["hash"] != _hash(line):
        return "it was changed"
    if line["n"] != place:
        return f"it has the number {line['n'] + 1}: lines were removed or inserted before it"
    if line.get("before") != before:
        return "it does not follow the line before it"
    return None


def _compare(hashes: list[str], mark: Mark, whose: str) -> list[str]:
    if mark.number >= len(hashes):
        missing = mark.number + 1 - len(hashes)
        return [f"The end is missing: {whose} knows of {missing} more line{'s' if missing > 1 else ''}."]
    if hashes[mark.number] != mark.hash:
        return [f"Line {mark.number + 1} is not the one that {whose} knows."]
    return []


def _data_folder() -> Path:
    root = os.environ.get("AHDETECT_DATA") or platformdirs.user_data_dir("ahdetect", appauthor=False)
    return Path(root).expanduser()
