"""Session reader: a session folder (closed, killed, or of `analyze`) flows in; its timeline and media paths flow out.

A folder whose process was killed opens as it is: whole batches of rows, whole lines, whole pictures. What had to be
left out stands in `Session.damage`, in words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ahdetect.capture.clock import NS_PER_S
from ahdetect.errors import StoreError
from ahdetect.events import find_segments
from ahdetect.export.tables import SEGMENT, segment_of, word_of
from ahdetect.models.words import Word
from ahdetect.store.frames import read_settled
from ahdetect.store.schema import (
    AUDIO,
    EVENTS,
    FRAMES,
    FRAMES_STREAM,
    SCHEMA_VERSION,
    SESSION_JSON,
    VIDEO,
    WORDS,
    table_to_rows,
)
from ahdetect.timeline import Timeline


@dataclass(slots=True)
class Session:
    """A session folder that was opened for reading.

    Attributes:
        folder: where it is.
        info: what stands in `session.json`.
        damage: what could not be read and was left out, in words; empty for a folder that is whole.
    """

    folder: Path
    info: dict[str, Any]
    damage: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """One of "recording" (also: killed while recording), "closed", "repaired", "analysed"."""
        return str(self.info.get("state", "analysed"))

    @property
    def video(self) -> Path | None:
        """The session's own video; None where it has none."""
        return self._own(VIDEO)

    @property
    def audio(self) -> Path | None:
        """The session's own sound; None where it has none."""
        return self._own(AUDIO)

    @property
    def clip(self) -> Path | None:
        """The clip that was analysed, where this is an analysis and the clip is still where it was."""
        source = self.info.get("source")
        path = source.get("path") if isinstance(source, dict) else None
        return Path(path) if path and Path(path).is_file() else None

    @property
    def video_offset_ns(self) -> int:
        """Session time of time 0 of `video.mkv`: its timestamps are session times."""
        return 0

    @property
    def audio_offset_ns(self) -> int:
        """Session time of the first sample of `audio.flac`."""
        return int((self.info.get("audio") or {}).get("offset_ns") or 0)

    def table(self) -> Any:
        """The rows as a `pyarrow.Table`, one per id.

        Raises:
            StoreError: there are no rows to be read.
        """
        path, stream = self.folder / FRAMES, self.folder / FRAMES_STREAM
        try:
            if path.exists():
                return pq.read_table(path)
            if stream.exists():
                return read_settled(stream)
        except (pa.ArrowException, OSError) as error:
            raise StoreError(
                f"{path} is damaged ({str(error).splitlines()[0]}); analyse the recording again.", value=path
            ) from error
        raise StoreError(f"{self.folder} holds no rows ({FRAMES} is missing); analyse it again.", value=path)

    def words(self) -> list[Word]:
        """Settled words in order of time."""
        return sorted((word_of(e) for e in self._lines(WORDS)), key=lambda w: w.start_ns)

    def events(self) -> list[dict[str, Any]]:
        """All events in order of time."""
        return sorted(self._lines(EVENTS), key=lambda e: int(e["t_ns"]))

    def timeline(self) -> Timeline:
        """Rows, words and segments.

        Raises:
            StoreError: there are no rows to be read.
        """
        try:
            rows = table_to_rows(self.table())
        except (KeyError, ValueError, TypeError) as error:
            raise StoreError(
                f"{self.folder / FRAMES} does not have the columns of a session ({error}); analyse it again.",
                value=self.folder,
            ) from error
        words = self.words()
        ends = [rows[-1].t_ns if rows else 0, *(w.end_ns for w in words[-1:])]
        duration_s = float(self.info.get("duration_s") or max(ends) / NS_PER_S)
        timeline = Timeline(rows, words, [], duration_s, self.info)
        stored = [segment_of(e) for e in self.events() if e["kind"] == SEGMENT]
        # A session that was recorded live has onsets and offsets only; they are joined here as for a clip.
        timeline.segments = stored or find_segments(rows, timeline.p.tolist(), words)
        return timeline

    def _own(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() and path.stat().st_size else None

    def _lines(self, name: str) -> list[dict[str, Any]]:
        entries, bad = read_lines(self.folder / name)
        if bad:
            note = f"{name}: {bad} torn or damaged line{'s' if bad > 1 else ''} left out"
            if note not in self.damage:
                self.damage.append(note)
        return entries


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Entries of a .jsonl file (none where it is missing), and how many lines could not be read."""
    entries, bad = [], 0
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.", value=path) from error
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # a torn line, or bytes that are no text
            entry = None
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            bad += 1
    return entries, bad


def open_session(folder: Path) -> Session:
    """Open a session folder, or a folder that `analyze` wrote.

    Raises:
        StoreError: it is missing, no session, damaged, or written by a newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise StoreError(f"There is no session folder {folder}.", value=folder)
    path = folder / SESSION_JSON
    try:
        info = json.loads(path.read_bytes())
        if not isinstance(info, dict):
            raise ValueError("it is not an object")
        version = int(info.get("schema_version", 1))
    except FileNotFoundError as error:
        hint = f"; run `ahdetect session repair {folder}`" if is_session(folder) else ""
        raise StoreError(f"{folder} is not a session: {SESSION_JSON} is missing{hint}.", value=folder) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.", value=path) from error
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} is damaged; run `ahdetect session repair {folder}`.", value=path) from error
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{folder} was written by a newer ahdetect (schema {version}, this one reads {SCHEMA_VERSION}); update it.",
            value=folder,
        )
    return Session(folder, info)


def is_session(folder: Path) -> bool:
    """Whether rows of a session are there, even where `session.json` is lost."""
    return any((folder / name).exists() for name in (FRAMES, FRAMES_STREAM))
