"""Session writer: packets, rows, words, events and ledger rows flow in; a session folder on disk flows out.

Media come from the recorder's thread, the rest from the engine's; every sink has a lock of its own, held for one write.
A sink that the disk refuses raises once, with one sentence, and is off from then on: the session goes on without it,
and what it wrote stays readable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import pyarrow as pa

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.ledger import LedgerRow
from ahdetect.capture.packets import SAMPLE_RATE, AudioPacket, VideoPacket
from ahdetect.errors import StoreError
from ahdetect.export.tables import json_line, private_folder, put_parquet
from ahdetect.models.words import Word
from ahdetect.store.annotations import ANNOTATIONS
from ahdetect.store.entries import segment_entry, word_entry
from ahdetect.store.files import Files, Opener, open_new
from ahdetect.store.frames import read_settled, with_smoothed
from ahdetect.store.lock import FolderLock
from ahdetect.store.media import FLUSH_S, AudioFile, VideoFile, VideoShape
from ahdetect.store.schema import (
    AUDIO,
    EVENTS,
    FRAMES,
    FRAMES_SCHEMA,
    FRAMES_STREAM,
    LEDGER,
    SCHEMA_VERSION,
    SESSION_JSON,
    TIMELINE_PNG,
    VIDEO,
    WORDS,
    rows_to_table,
    table_to_rows,
)
from ahdetect.store.syncing import Syncer
from ahdetect.store.vault import LOCKS, META, SUFFIX, Vault
from ahdetect.timeline import Row, Segment

ANCHOR_S: Final = 10.0
"""Seconds between the events that say at what session time a sample of `audio.flac` was heard."""


STREAMS: Final = (VIDEO, AUDIO, FRAMES, WORDS, EVENTS, LEDGER)
"""Files that are finished when a session is closed."""

FILES: Final = (
    VIDEO, AUDIO, FRAMES_STREAM, FRAMES, WORDS, EVENTS, ANNOTATIONS, LEDGER, TIMELINE_PNG, META, LOCKS, SESSION_JSON,
)  # fmt: skip
"""All files of a session, in the order in which they are deleted; sealed ones have `SUFFIX` behind their names."""


def delete_session(folder: Path) -> None:
    """Delete a closed session: all files that sessions consist of, then the folder where nothing else is in it.

    Raises:
        StoreError: it is no session folder, it is being recorded, a file cannot be deleted, or the folder holds files
            that no session wrote, which stay.
    """
    folder = Path(folder)
    if not (folder / SESSION_JSON).is_file():
        raise StoreError(f"{folder} is no session folder, so nothing in it was deleted.", value=folder)
    lock = FolderLock(folder)
    if not lock.take():
        raise StoreError(f"{folder} is being recorded, so nothing in it was deleted; stop it first.", value=folder)
    try:
        for name in FILES:  # `session.json` last: as long as anything is left, it is a session that can be deleted
            (folder / name).unlink(missing_ok=True)
            (folder / (name + SUFFIX)).unlink(missing_ok=True)
        others = sorted(path.name for path in folder.iterdir())
        if not others:
            folder.rmdir()
    except OSError as error:
        raise StoreError(
            f"{folder} could not be deleted ({error.strerror or error}); delete it by hand.", value=folder
        ) from error
    finally:
        lock.release()
    if others:
        raise StoreError(
            f"The recording in {folder} was deleted; the folder stays, for it also holds {', '.join(others)}.",
            value=folder,
        )


class _RowFile:
    """Arrow IPC stream of rows, a batch every `FLUSH_S` of session time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stream = pa.ipc.new_stream(pa.PythonFile(file, "w"), FRAMES_SCHEMA)
        self._file.flush()
        self._waiting: list[Row] = []
        self._flushed_ns = 0

    def write(self, row: Row) -> None:
        self._waiting.append(row)
        if row.t_ns - self._flushed_ns >= FLUSH_S * NS_PER_S:
            self._flushed_ns = row.t_ns
            self._flush()

    def close(self) -> None:
        with self._file:  # closed also where the disk refuses the rest
            self._flush()
            self._stream.close()

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            self._stream.write_table(rows_to_table(rows))
            self._file.flush()


class _LineFile:
    """A .jsonl file, flushed line by line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json_line(entry).encode())
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _Sink:
    """A file with a lock, which goes off at the first write that fails."""

    def __init__(self, path: Path, make: Callable[[], Any]) -> None:
        self.path = path
        self.error: str | None = None
        self.lock = threading.Lock()
        self.file: Any = self._guard(make)

    def write(self, item: Any) -> bool:
        """False where the sink is off or closed."""
        with self.lock:
            if self.file is None:
                return False
            self._guard(lambda: self.file.write(item))
            return True

    def close(self) -> None:
        with self.lock:
            if self.file is not None:
                self._guard(self.file.close)
                self.file = None

    def _guard(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (OSError, pa.ArrowException, av.error.FFmpegError) as error:
            self.error = (
                f"{self.path} could not be written ({error.strerror if isinstance(error, OSError) else error}); "
                "the session goes on without it, free some space or check the folder."
            )
            broken, self.file = getattr(self, "file", None), None
            if broken is not None:
                with suppress(Exception):  # give up the handle; the file keeps what reached the disk
                    broken.close()
            raise StoreError(self.error, value=self.path) from error


class SessionWriter:
    """Writes one session folder.

    Args:
        folder: a new or empty folder; missing parents are made.
        meta: what is known at the start, JSON-ready: devices, configuration, model hashes, versions, fuser. It goes to
            `session.json` as it is.
        started_at: wall time of session time 0.
        video: what the camera promises, None without one; the size is that of the first frame.
        audio: whether there is a microphone.
        on_error: told when a sink goes off, instead of an exception in whoever writes.
        opener: opens the files of the folder, except `session.json` and the Parquet file.
        vault: seals all that is written; None stores a folder that everybody can read.
        storage: what of the session is stored, for `session.json`.

    Raises:
        StoreError: the folder holds something already, or cannot be made or written; without `on_error` also by
            `write_*`, once per sink, when the disk refuses it.

    Example:
        >>> clock = SessionClock()
        >>> with SessionWriter(Path("monday"), {}, started_at=clock.started_at, video=VideoFormat(), audio=True) as w:
        ...     w.write_row(row)
    """

    def __init__(
        self,
        folder: Path,
        meta: Mapping[str, Any],
        *,
        started_at: datetime,
        video: VideoShape | None = None,
        audio: bool = False,
        on_error: Callable[[StoreError], None] | None = None,
        opener: Opener = open_new,
        vault: Vault | None = None,
        storage: str = "everything",
    ) -> None:
        self.folder = Path(folder)
        self._files = Files(self.folder, vault)
        self._lock = FolderLock(self.folder)
        self._claim()
        self.info: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "state": "recording",
            "encrypted": vault is not None,
            "storage": storage,
            "started_at": started_at.isoformat(),
            "consent": None,
            **meta,
            "video": {"file": VIDEO, "width": video.width, "height": video.height, "fps": video.fps} if video else None,
            "audio": {"file": AUDIO, "sample_rate": SAMPLE_RATE, "offset_ns": None} if audio else None,
            "duration_s": None,
            "ledger": None,
            "latency": None,
            "sinks_off": {},
        }
        self._on_error = on_error
        self._info_lock = threading.Lock()
        self._anchored_ns: int | None = None
        self._settled: Any = None
        self._end_ns = 0
        self._closed = False
        makers: dict[str, Callable[[BinaryIO], Any]] = {
            FRAMES_STREAM: _RowFile,
            WORDS: _LineFile,
            EVENTS: _LineFile,
            LEDGER: _LineFile,
        }
        if video is not None:
            fps = video.fps
            makers[VIDEO] = lambda file: VideoFile(file, fps)
        if audio:
            makers[AUDIO] = AudioFile
        self._sinks: dict[str, _Sink] = {}
        try:
            self._save_info()
            for name, make in makers.items():
                self._sinks[name] = _Sink(
                    self._files.path(name),
                    lambda name=name, make=make: make(self._files.create(name, opener)),  # type: ignore[misc]
                )
        except StoreError:
            for sink in self._sinks.values():
                with suppress(StoreError):
                    sink.close()
            self._lock.release()
            raise
        self._syncer = Syncer([sink.path for sink in self._sinks.values()], self._unsynced)

    @property
    def keeps_video(self) -> bool:
        """Whether pictures are stored."""
        return VIDEO in self._sinks

    @property
    def keeps_audio(self) -> bool:
        """Whether sound is stored."""
        return AUDIO in self._sinks

    # -- what flows in ---------------------------------------------------------------------------------------------

    def write_video(self, packet: VideoPacket) -> None:
        """Record a frame at its own time."""
        self._write(VIDEO, packet)
        self._reach(packet.end_ns)

    def write_audio(self, packet: AudioPacket) -> None:
        """Record a block; every `ANCHOR_S` an event notes at what session time its first sample was heard."""
        if not self._write(AUDIO, packet):
            return
        self._reach(packet.end_ns)
        if self._anchored_ns is None:
            with self._info_lock:
                # Block 0 may have been lost before it came here: the offset is that of sample 0 all the same.
                self.info["audio"]["offset_ns"] = packet.t_ns - packet.data.first_sample * NS_PER_S // SAMPLE_RATE
                self._save_info()
        if self._anchored_ns is None or packet.t_ns - self._anchored_ns >= ANCHOR_S * NS_PER_S:
            self._anchored_ns = packet.t_ns
            self.write_event({"t_ns": packet.t_ns, "kind": "audio_anchor", "sample": packet.data.first_sample})

    def write_row(self, row: Row) -> None:
        """Store a row, provisional or settled; when the folder is closed or read, the settled one of an id stays."""
        self._write(FRAMES_STREAM, row)
        self._reach(row.t_ns)

    def write_word(self, word: Word) -> None:
        """Store a settled word."""
        self._write(WORDS, word_entry(word))

    def write_event(self, event: Mapping[str, Any]) -> None:
        """Store an event: "t_ns" and "kind" ("segment_onset", "segment_offset", "prompt", "marker", ...), and more."""
        self._write(EVENTS, event)

    def write_ledger(self, row: LedgerRow) -> None:
        """Store a ledger row; fits `Ledger.attach`, whose lock is held here.

        So it neither raises nor calls `on_error`: a full disk must not stop the stage that has a loss to note, and the
        receiver may want to write to the ledger itself. The rows are in `Ledger.rows()` in any case.
        """
        with suppress(StoreError):
            self._sinks[LEDGER].write(asdict(row))

    def end_rows(self) -> list[Row]:
        """Say that no more rows will come; the rows stored, one per id, for what is computed over the whole session.

        Raises:
            StoreError: the last rows could not be written, or the file cannot be read back.
        """
        self._sinks[FRAMES_STREAM].close()
        try:
            self._settled = self._read_rows()
            return table_to_rows(self._settled)
        except OSError as error:
            raise StoreError(
                f"{self.folder / FRAMES_STREAM} cannot be read back: {error.strerror or error}.", value=self.folder
            ) from error

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(
        self,
        info: Mapping[str, Any] | None = None,
        *,
        segments: Iterable[Segment] = (),
        p_smoothed: Mapping[int, float] | None = None,
    ) -> None:
        """Finish all files and turn the Arrow stream into Parquet. A second call does nothing.

        Args:
            info: more for `session.json`: "ledger" totals, "latency" table and the like.
            segments: the final ones.
            p_smoothed: row id to its probability given the whole recording.

        Raises:
            StoreError: something could not be finished; everything else was, and `repair` can try again.
        """
        if self._closed:
            return
        self._closed = True
        errors: list[StoreError] = []

        def attempt(work: Callable[[], Any], tell: Callable[[StoreError], None] = errors.append) -> None:
            try:
                work()
            except StoreError as error:
                tell(error)

        def store_segments() -> None:
            for segment in segments:
                self.write_event(segment_entry(segment))

        attempt(store_segments)
        for sink in self._sinks.values():
            attempt(sink.close, self._on_error or errors.append)
        self._syncer.close()
        attempt(lambda: self._to_parquet(p_smoothed))
        with self._info_lock:
            self.info |= {"duration_s": self._end_ns / NS_PER_S, **(info or {})}
            self.info["sinks_off"] = {n: s.error for n, s in self._sinks.items() if s.error is not None}
            if self._files.exists(FRAMES):
                self.info["state"] = "closed"
                self.info["files"] = self._files.ids(STREAMS)
            attempt(self._save_info)
        self._lock.release()
        if errors:
            raise errors[0]

    def __enter__(self) -> SessionWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _claim(self) -> None:
        try:
            private_folder(self.folder)
            taken = any(self.folder.iterdir()) or not self._lock.take()
        except OSError as error:
            raise StoreError(
                f"Cannot make the session folder {self.folder}: {error.strerror or error}; choose another one.",
                value=self.folder,
            ) from error
        if taken:
            raise StoreError(
                f"{self.folder} is not empty, and a session never overwrites another; choose a new folder.",
                value=self.folder,
            )

    def _write(self, name: str, item: Any) -> bool:
        try:
            return self._sinks[name].write(item)
        except StoreError as error:
            if self._on_error is None:
                raise
            self._on_error(error)
            return False

    def _unsynced(self, error: OSError) -> None:
        if self._on_error is not None:
            self._on_error(
                StoreError(
                    f"The disk of {self.folder} does not confirm what is written ({error.strerror or error}); "
                    "the session goes on, but a power cut would now cost more than a second of it.",
                    value=self.folder,
                )
            )

    def _reach(self, t_ns: int) -> None:
        self._end_ns = max(self._end_ns, t_ns)

    def _save_info(self) -> None:
        path = self.folder / SESSION_JSON
        try:
            self._files.save_info(self.info)
        except OSError as error:
            raise StoreError(
                f"{path} could not be written ({error.strerror or error}); free some space or check the folder.",
                value=path,
            ) from error

    def _read_rows(self) -> Any:
        return read_settled(lambda: self._files.read(FRAMES_STREAM))

    def _to_parquet(self, p_smoothed: Mapping[int, float] | None) -> None:
        stream, path = self._files.path(FRAMES_STREAM), self._files.path(FRAMES)
        try:
            table = self._read_rows() if self._settled is None else self._settled
            with self._files.whole(FRAMES) as file:
                put_parquet(with_smoothed(table, p_smoothed), file)
            stream.unlink()
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.folder} was removed or moved while it was recorded, so it could not be written to its end.",
                value=self.folder,
            ) from error
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"{path} could not be written ({getattr(error, 'strerror', None) or error}); "
                f"the rows stay in {stream.name}, free some space and run `ahdetect session repair {self.folder}`.",
                value=path,
            ) from error
