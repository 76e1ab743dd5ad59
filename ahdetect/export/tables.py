"""Tables: rows, words, segments and events flow in; `frames.parquet`, `words.jsonl` and `events.jsonl` flow out.

The one way in which these files are written, whether by `analyze` or by a session that is closed or repaired.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow.parquet as pq

from ahdetect.errors import StoreError
from ahdetect.store.entries import segment_entry, word_entry
from ahdetect.store.schema import EVENTS, FRAMES, SCHEMA_VERSION, SESSION_JSON, WORDS, rows_to_table
from ahdetect.timeline import Row, Timeline

ROW_GROUP: Final = 9_000
"""Rows in a Parquet row group: five minutes at 30 fps, so that a reader can fetch a part of a long session."""


def private_opener(path: str, flags: int) -> int:
    """For `open(..., opener=private_opener)`: only the owner may read what was recorded of a person (mode 0600)."""
    return os.open(path, flags, 0o600)


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, which only the owner may look into (mode 0700).

    `Path.mkdir(parents=True, mode=...)` gives its mode to the last one only.

    Raises:
        OSError: it cannot be made, or something else is in its place.
    """
    for folder in reversed([path, *path.parents]):
        if not folder.is_dir():
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
            except FileExistsError:  # a file stands there
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` once it is complete on the disk, or leaves no trace."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb", opener=private_opener) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def json_line(entry: Mapping[str, Any]) -> str:
    """One line of a .jsonl file, newline included."""
    return json.dumps(_finite(entry), ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain) + "\n"


def write_parquet(table: Any, path: Path) -> None:
    """Write a table of `FRAMES_SCHEMA`; whole or not at all."""
    with whole_file(path) as file:
        put_parquet(table, file)


def put_parquet(table: Any, file: BinaryIO) -> None:
    """Write a table of `FRAMES_SCHEMA` into an open file."""
    pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)


def write_frames(rows: Sequence[Row], path: Path) -> None:
    """Write `frames.parquet`."""
    write_parquet(rows_to_table(rows), path)


def write_lines(entries: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write a .jsonl file, one entry a line."""
    with whole_file(path) as file:
        put_lines(entries, file)


def put_lines(entries: Iterable[Mapping[str, Any]], file: BinaryIO) -> None:
    """Write entries into an open file, one a line."""
    file.write("".join(map(json_line, entries)).encode())


def write_session_json(info: Mapping[str, Any], path: Path) -> None:
    """Write `session.json`, indented, for people to read too; a number that is none (NaN) becomes null."""
    with whole_file(path) as file:
        file.write((json_text(info) + "\n").encode())


def json_text(info: Mapping[str, Any]) -> str:
    """An object as indented JSON; a number that is none (NaN) becomes null."""
    return json.dumps(_finite(info), ensure_ascii=False, indent=2, allow_nan=False, default=_plain)


def write_tables(timeline: Timeline, folder: Path, events: Iterable[Mapping[str, Any]] = ()) -> None:
    """Write `frames.parquet`, `words.jsonl`, `events.jsonl` and `session.json` of `timeline` into `folder`.

    Args:
        timeline: settled rows, words, segments; its `info` becomes `session.json`.
        folder: made where it is missing; files of an earlier analysis in it are replaced.
        events: further events (prompts, markers, devices), each with "t_ns" and "kind".

    Raises:
        StoreError: the folder cannot be made or written.
    """
    try:
        private_folder(folder)
        write_frames(timeline.rows, folder / FRAMES)
        write_lines(map(word_entry, timeline.words), folder / WORDS)
        everything = [*map(segment_entry, timeline.segments), *events]
        write_lines(sorted(everything, key=lambda e: int(e["t_ns"])), folder / EVENTS)
        info = {"schema_version": SCHEMA_VERSION, "state": "analysed", **timeline.info}
        write_session_json(info, folder / SESSION_JSON)
    except OSError as error:
        raise StoreError(
            f"Cannot write to {folder}: {error.strerror or error}; free some space or choose another --out folder.",
            value=folder,
        ) from error


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays, paths and the like, JSON-ready."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into JSON")
