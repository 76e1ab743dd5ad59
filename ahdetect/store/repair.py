"""Repair: a session folder whose process was killed flows in; the same folder, finished as far as it goes, flows out.

Nothing is thrown away before its better copy is whole on the disk: every file is rewritten beside itself and renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ahdetect import strict_json
from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.media import Media
from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, Packet
from ahdetect.errors import DamagedError, NoKeyError, ReplacedError, StoreError, WrongKeyError
from ahdetect.export.tables import put_lines, put_parquet
from ahdetect.store.entries import number_in
from ahdetect.store.files import CLOSED, Files
from ahdetect.store.frames import read_settled
from ahdetect.store.keys import Keys
from ahdetect.store.lock import FolderLock
from ahdetect.store.media import AudioFile, open_media, read_pcm
from ahdetect.store.reader import Session, is_session, open_sealed_session, open_session, read_entries, read_lines
from ahdetect.store.schema import (
    AUDIO,
    EVENTS,
    FRAMES,
    FRAMES_STREAM,
    LEDGER,
    SCHEMA_VERSION,
    SESSION_JSON,
    VIDEO,
    WORDS,
)
from ahdetect.store.vault import LOCKS, SUFFIX
from ahdetect.store.writer import STREAMS

_MOST_BROKEN = 200
"""Errors of the demuxer in a row after which the rest of a video is given up."""


def repair(folder: Path, keys: Keys | None = None) -> Session:
    """Finish a session that was not closed; one that is closed comes back untouched.

    Parquet is made from the whole batches of the Arrow stream, torn lines are dropped, video gets its index and both
    media files their length. `session.json` then says "repaired", under "lost_s" how many seconds each stream ends
    before the longest one, and under "damage" what was damaged and left out.

    Args:
        folder: of the session.
        keys: to open an encrypted session with; default those of this account and of the environment.

    Raises:
        NoKeyError: it is encrypted, and none of the keys is one that it is locked for.
        StoreError: it is no session, is still being recorded, or cannot be written.
    """
    folder = Path(folder)
    session = _found(folder, keys)
    info, files = session.info, session.files
    if info.get("state") in (*CLOSED, None) and files.exists(FRAMES):
        return session
    lock = FolderLock(folder)
    if not lock.take():
        raise StoreError(f"{folder} is still being recorded; stop the recording first.", value=folder)
    work = _Repair(files)
    try:
        ends = {
            "frames": work.frames(),
            "video": work.media(VIDEO, work.video),
            "audio": work.media(AUDIO, lambda: work.audio(_offset_s(info))),
        }
        dropped = {name: work.lines(name) for name in (WORDS, EVENTS, LEDGER)}
        known = {name: end for name, end in ends.items() if end is not None}
        longest = max(known.values(), default=0.0)
        info |= {
            "state": "repaired",
            "duration_s": longest,
            "lost_s": {name: round(longest - end, 3) for name, end in known.items()},
            "dropped_lines": {name: n for name, n in dropped.items() if n},
            "damage": work.damage,
            "files": files.ids(STREAMS),
        }
        info["torn"] = [
            name for name in STREAMS if files.encrypted and files.exists(name) and name not in info["files"]
        ]
        files.save_info(info)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{folder} could not be repaired ({getattr(error, 'strerror', None) or error}); "
            "what is there was left as it was.",
            value=folder,
        ) from error
    finally:
        lock.release()
    return open_session(folder, keys)


def _found(folder: Path, keys: Keys | None) -> Session:
    """The session, also where `session.json` is lost, damaged or changed."""
    if not (folder / LOCKS).exists() and not any(folder.glob(f"*{SUFFIX}")):
        return Session(folder, _info(folder))
    try:
        session = open_session(folder, keys)
        if session.files.locks_differ():
            session.files.save_locks()
            session = open_session(folder, keys)
        return session
    except (NoKeyError, WrongKeyError):
        raise
    except StoreError as error:
        if not isinstance(error, DamagedError | ReplacedError) and (folder / SESSION_JSON).exists():
            with suppress(OSError, ValueError):
                content = strict_json.loads((folder / SESSION_JSON).read_bytes())
                if _is_newer(content):
                    raise
        session = open_sealed_session(folder, keys)
        session.files.save_info(session.info)
        return session


def _info(folder: Path) -> dict[str, Any]:
    """`session.json`, or the little that can be known without it."""
    try:
        return open_session(folder).info
    except StoreError:
        if not folder.is_dir() or not is_session(folder):
            raise
        with suppress(OSError, ValueError):
            content = strict_json.loads((folder / SESSION_JSON).read_bytes())
            if _is_newer(content):
                raise
    anchors = [e for e in read_lines(folder / EVENTS)[0] if e.get("kind") == "audio_anchor"]
    at = [(number_in(anchor, "t_ns"), number_in(anchor, "sample")) for anchor in anchors[:1]]
    offset_ns = next((round(t - n * NS_PER_S / SAMPLE_RATE) for t, n in at if t is not None and n is not None), None)
    oldest = min(path.stat().st_mtime for path in folder.iterdir())
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "recording",
        "started_at": datetime.fromtimestamp(oldest, UTC).isoformat(),
        "consent": None,
        "audio": {"file": AUDIO, "sample_rate": SAMPLE_RATE, "offset_ns": offset_ns} if at else None,
        "note": f"{SESSION_JSON} was lost; the start is the age of the oldest file",
    }


def _is_newer(content: object) -> bool:
    return (number_in(content, "schema_version") or 1) > SCHEMA_VERSION


def _offset_s(info: dict[str, Any]) -> float:
    return (number_in(info.get("audio"), "offset_ns") or 0) / NS_PER_S


class _Repair:
    """Writes the files of a session anew, each beside itself; what had to be left out is in `damage`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._opened: list[Any] = []
        self._notes: list[str] = []

    @property
    def damage(self) -> list[str]:
        """What was damaged, in words."""
        notes = (note for file in self._opened for note in getattr(file, "damage", ()))
        return list(dict.fromkeys([*notes, *self._notes]))

    def frames(self) -> float | None:
        """Parquet from the stream; the end of its last row in seconds."""
        files = self._files
        if not files.exists(FRAMES) and files.exists(FRAMES_STREAM):
            table = read_settled(lambda: self._read(FRAMES_STREAM), self._notes.append)
            with files.whole(FRAMES) as file:
                put_parquet(table, file)
        files.unlink(FRAMES_STREAM)
        if not files.exists(FRAMES):
            return None
        with files.read(FRAMES) as file:
            t_ns = pq.read_table(file, columns=["t_ns"]).column("t_ns").to_numpy()
        return float(t_ns[-1]) / NS_PER_S if len(t_ns) else 0.0

    def media(self, name: str, mend: Callable[[], float]) -> float | None:
        """Mend a media file where there is one; one that nothing can be read from stays as it is, and lost all."""
        if not self._files.exists(name):
            return None
        if self._files.media(name) is None:  # killed before the first picture or sample
            return 0.0
        try:
            return mend()
        except (av.error.FFmpegError, IndexError):
            return 0.0

    def video(self) -> float:
        """Copy the packets into a file with index and length; the end of the last one in seconds."""
        end = 0.0
        with (
            open_media(self._opener(VIDEO)) as source,
            self._files.whole(VIDEO) as file,
            av.open(file, "w", format="matroska") as target,
        ):
            template = source.streams.video[0]
            stream = target.add_stream_from_template(template)
            for packet in _packets(source, template):
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                packet.stream = stream
                target.mux(packet)
        return end

    def audio(self, offset_s: float) -> float:
        """Write the samples anew, lossless as they are; session time of the last one in seconds."""
        pcm = read_pcm(self._opener(AUDIO))
        with self._files.whole(AUDIO) as file:
            target = AudioFile(file)
            for first in range(0, len(pcm), SAMPLE_RATE):
                block = AudioBlock(np.ascontiguousarray(pcm[first : first + SAMPLE_RATE]), first)
                target.write(Packet("audio", 0, 0, 0, 0, block))
            target.end()
        return offset_s + len(pcm) / SAMPLE_RATE

    def lines(self, name: str) -> int:
        """Drop lines that cannot be read; how many. A sealed file that was never closed is written anew in any case."""
        if not self._files.exists(name):
            return 0
        entries, bad = read_entries(lambda: self._read(name), self._files.path(name))
        if bad or self._files.encrypted:
            with self._files.whole(name) as file:
                put_lines(entries, file)
        return bad

    def _opener(self, name: str) -> Media:
        return (lambda: self._read(name)) if self._files.encrypted else self._files.path(name)

    def _read(self, name: str) -> Any:
        self._opened.append(self._files.read(name, forgiving=True))
        return self._opened[-1]


def _packets(source: Any, stream: Any) -> Any:
    """Packets with a time, over what is damaged, up to the tear."""
    broken = 0
    while broken < _MOST_BROKEN:
        try:
            for packet in source.demux(stream):
                if packet.pts is not None:
                    broken = 0
                    yield packet
            return
        except EOFError:  # av's as well: the tear
            return
        except av.error.FFmpegError:
            broken += 1
