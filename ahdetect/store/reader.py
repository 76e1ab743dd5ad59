"""Session reader: a session folder (closed, killed, or of `analyze`) flows in; its timeline and media paths flow out.

A folder whose process was killed opens as it is: whole batches of rows, whole lines, whole pictures. What had to be
left out stands in `Session.damage`, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ahdetect import strict_json
from ahdetect.capture.clock import NS_PER_S
from ahdetect.errors import DamagedError, ReplacedError, StoreError
from ahdetect.events import find_segments
from ahdetect.models.words import Word
from ahdetect.store.entries import SEGMENT, event_of, number_in, segment_of, word_of
from ahdetect.store.files import CLOSED, Files, StoredFile
from ahdetect.store.frames import read_settled
from ahdetect.store.keys import Keys, default_keys
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
from ahdetect.store.vault import LOCKS, META, SUFFIX, Vault, is_encrypted
from ahdetect.timeline import Timeline

T = TypeVar("T")

_NONE = Files(Path())
"""Stands for the plain files of a session's own folder."""


@dataclass(slots=True)
class Session:
    """A session folder that was opened for reading.

    Attributes:
        folder: where it is.
        info: what stands in `session.json`.
        damage: what could not be read and was left out, in words; empty for a folder that is whole.
        files: its files, opened where they are encrypted.
    """

    folder: Path
    info: dict[str, Any]
    damage: list[str] = field(default_factory=list)
    files: Files = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        if self.files is _NONE:
            self.files = Files(self.folder)

    @property
    def state(self) -> str:
        """One of "recording" (also: killed while recording), "closed", "repaired", "analysed"."""
        return str(self.info.get("state", "analysed"))

    @property
    def encrypted(self) -> bool:
        """Whether its files are sealed."""
        return self.files.encrypted

    @property
    def video(self) -> Path | StoredFile | None:
        """The session's own video, a path or what opens it decrypted; None where it has none."""
        return self.files.media(VIDEO)

    @property
    def audio(self) -> Path | StoredFile | None:
        """The session's own sound, likewise."""
        return self.files.media(AUDIO)

    @property
    def clip(self) -> Path | None:
        """The clip that was analysed, where this is an analysis and the clip is still where it was."""
        source = self.info.get("source")
        path = source.get("path") if isinstance(source, dict) else None
        if not isinstance(path, str) or "\0" in path:
            return None
        return Path(path) if path and Path(path).is_file() else None

    @property
    def video_offset_ns(self) -> int:
        """Session time of time 0 of `video.mkv`: its timestamps are session times."""
        return 0

    @property
    def audio_offset_ns(self) -> int:
        """Session time of the first sample of `audio.flac`."""
        return round(number_in(self.info.get("audio"), "offset_ns") or 0)

    def table(self, columns: Sequence[str] | None = None) -> Any:
        """The rows as a `pyarrow.Table`, one per id.

        Args:
            columns: names of those that are wanted; None for all. Of an hour the cues are nine tenths.

        Raises:
            StoreError: there are no rows to be read.
        """
        path = self.files.path(FRAMES)
        try:
            if self.files.exists(FRAMES):
                with self.files.read(FRAMES) as file:
                    return pq.read_table(file, columns=None if columns is None else list(columns))
            if self.files.exists(FRAMES_STREAM):
                return read_settled(lambda: self._noted(FRAMES_STREAM), self._note)
        except (pa.ArrowException, OSError) as error:
            raise StoreError(
                f"{path} is damaged ({str(error).splitlines()[0]}); analyse the recording again.", value=path
            ) from error
        raise StoreError(f"{self.folder} holds no rows ({FRAMES} is missing); analyse it again.", value=path)

    def words(self) -> list[Word]:
        """Settled words in order of time."""
        return sorted(self._read(WORDS, word_of), key=lambda w: w.start_ns)

    def events(self) -> list[dict[str, Any]]:
        """All events in order of time."""
        return sorted(self._read(EVENTS, event_of), key=lambda e: int(e["t_ns"]))

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
        duration_s = number_in(self.info, "duration_s") or max(ends) / NS_PER_S
        timeline = Timeline(rows, words, [], duration_s, self.info)
        stored = [segment_of(e) for e in self.events() if e["kind"] == SEGMENT]
        # A session that was recorded live has onsets and offsets only; they are joined here as for a clip.
        timeline.segments = stored or find_segments(rows, timeline.p.tolist(), words)
        return timeline

    def _noted(self, name: str) -> Any:
        """A file, with what is left out of it in `damage`."""
        file = self.files.read(name)
        self._note(*getattr(file, "damage", ()))
        return file

    def _note(self, *notes: str) -> None:
        self.damage += [note for note in notes if note not in self.damage]

    def _read(self, name: str, of_entry: Callable[[dict[str, Any]], T]) -> list[T]:
        """What the lines of a file say; a line that says nothing of the kind is left out and counted as damage."""
        entries, bad = read_entries(lambda: self._noted(name), self.files.path(name))
        found = []
        for entry in entries:
            try:
                found.append(of_entry(entry))
            except ValueError:
                bad += 1
        if bad:
            self._note(f"{name}: {bad} torn or damaged line{'s' if bad > 1 else ''} left out")
        return found


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Entries of a .jsonl file (none where it is missing), and how many lines could not be read."""
    return read_entries(lambda: path.open("rb"), path)


def read_entries(open_file: Callable[[], Any], path: Path) -> tuple[list[dict[str, Any]], int]:
    """The same of what `open_file` opens; `path` is for the sentence of an error."""
    entries, bad = [], 0
    try:
        with open_file() as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.", value=path) from error
    for line in lines:
        try:
            entry = strict_json.loads(line)
        except ValueError:  # a torn line, or bytes that are no text
            entry = None
        if isinstance(entry, dict):
            entries.append(entry)
        else:
            bad += 1
    return entries, bad


def open_session(folder: Path, keys: Keys | None = None) -> Session:
    """Open a session folder, or a folder that `analyze` wrote.

    Args:
        folder: the folder.
        keys: to open an encrypted session with; default those of this account and of the environment.

    Raises:
        NoKeyError: it is encrypted, and none of the keys is one that it is locked for.
        WrongKeyError: the passphrase is not the one.
        ReplacedError: `session.json` or a file is not the one that was written.
        StoreError: it is missing, no session, damaged, or written by a newer version.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if not is_encrypted(manifest):
        if any(folder.glob(f"*{SUFFIX}")):
            raise ReplacedError(
                f"session.json of {folder} does not say that it is encrypted, and its files are; "
                f"run `ahdetect session repair {folder}`.",
                value=folder,
            )
        return Session(folder, manifest)
    vault = Vault.open([manifest, *_copy_of_locks(folder)], keys or default_keys(), str(folder))
    vault.check_manifest(manifest, str(folder))
    return _of_vault(folder, vault)


def open_sealed_session(folder: Path, keys: Keys | None = None) -> Session:
    """The same of an encrypted session whose `session.json` is lost or was changed: from the copy of the locks.

    Where the description is lost as well, it is made anew, as of a session that was cut off.

    Raises:
        StoreError: as `open_session`.
    """
    vault = Vault.open(_copy_of_locks(folder), keys or default_keys(), str(folder))
    try:
        return _of_vault(folder, vault)
    except StoreError as error:
        info = {
            "schema_version": SCHEMA_VERSION,
            "state": "recording",
            "encrypted": True,
            "note": f"the description was lost ({error})",
        }
        return Session(folder, info, files=Files(folder, vault))


def _of_vault(folder: Path, vault: Vault) -> Session:
    path = folder / META
    try:
        info = vault.open_info(path.read_bytes())
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error.strerror or error}.", value=path) from error
    files = Files(folder, vault)
    files.believe(info)
    session = Session(folder, info, files=files)
    missing = [name for name in files.known if not files.exists(name)]
    if files.locks_differ():
        session.damage.append(f"{LOCKS}, the copy of the locks, is damaged; `ahdetect session repair` writes it anew")
    if session.state in CLOSED and missing:
        session.damage.append(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return session


def read_manifest(folder: Path) -> dict[str, Any]:
    """`session.json` as it stands there; of an encrypted session what may be read without a key.

    Raises:
        StoreError: it is missing, damaged, or written by a newer version.
    """
    if not folder.is_dir():
        raise StoreError(f"There is no session folder {folder}.", value=folder)
    path = folder / SESSION_JSON
    try:
        info = strict_json.loads(path.read_bytes())
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
    return info


def _copy_of_locks(folder: Path) -> list[dict[str, Any]]:
    with suppress(OSError, ValueError):
        found = strict_json.loads((folder / LOCKS).read_bytes())
        return [found] if isinstance(found, dict) else []
    return []


def is_session(folder: Path) -> bool:
    """Whether rows of a session are there, even where `session.json` is lost."""
    names = (FRAMES, FRAMES_STREAM)
    return any((folder / (name + suffix)).exists() for name in names for suffix in ("", SUFFIX))
