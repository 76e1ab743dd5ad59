"""Repair: a session folder whose process was killed flows in; the same folder, finished as far as it goes, flows out.

Nothing is thrown away before its better copy is whole on the disk: every file is rewritten beside itself and renamed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, Packet
from ahdetect.errors import StoreError
from ahdetect.export.tables import whole_file, write_lines, write_parquet, write_session_json
from ahdetect.store.frames import read_settled
from ahdetect.store.lock import FolderLock
from ahdetect.store.media import AudioFile, read_pcm
from ahdetect.store.reader import Session, is_session, open_session, read_lines
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


def repair(folder: Path) -> Session:
    """Finish a session that was not closed; one that is closed comes back untouched.

    Parquet is made from the whole batches of the Arrow stream, torn lines are dropped, video gets its index and both
    media files their length. `session.json` then says "repaired", and under "lost_s" how many seconds each stream ends
    before the longest one.

    Raises:
        StoreError: it is no session, is still being recorded, or cannot be written.
    """
    folder = Path(folder)
    info = _info(folder)
    if info.get("state") in ("closed", "repaired", None) and (folder / FRAMES).exists():
        return open_session(folder)
    lock = FolderLock(folder)
    if not lock.take():
        raise StoreError(f"{folder} is still being recorded; stop the recording first.", value=folder)
    try:
        ends = {
            "frames": _frames(folder),
            "video": _each(folder / VIDEO, _video),
            "audio": _each(folder / AUDIO, lambda path: _audio(path, _offset_s(info))),
        }
        dropped = {name: _lines(folder / name) for name in (WORDS, EVENTS, LEDGER)}
        known = {name: end for name, end in ends.items() if end is not None}
        longest = max(known.values(), default=0.0)
        info |= {
            "state": "repaired",
            "duration_s": longest,
            "lost_s": {name: round(longest - end, 3) for name, end in known.items()},
            "dropped_lines": {name: n for name, n in dropped.items() if n},
        }
        write_session_json(info, folder / SESSION_JSON)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{folder} could not be repaired ({getattr(error, 'strerror', None) or error}); "
            "what is there was left as it was.",
            value=folder,
        ) from error
    finally:
        lock.release()
    return open_session(folder)


def _info(folder: Path) -> dict[str, Any]:
    """`session.json`, or the little that can be known without it."""
    try:
        return open_session(folder).info
    except StoreError:
        if not folder.is_dir() or not is_session(folder):
            raise
        with suppress(OSError, ValueError):
            content = json.loads((folder / SESSION_JSON).read_bytes())
            if isinstance(content, dict) and content.get("schema_version", 1) > SCHEMA_VERSION:
                raise
    anchors = [e for e in read_lines(folder / EVENTS)[0] if e.get("kind") == "audio_anchor"]
    offset_ns = anchors[0]["t_ns"] - anchors[0]["sample"] * NS_PER_S // SAMPLE_RATE if anchors else None
    oldest = min(path.stat().st_mtime for path in folder.iterdir())
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "recording",
        "started_at": datetime.fromtimestamp(oldest, UTC).isoformat(),
        "consent": None,
        "audio": {"file": AUDIO, "sample_rate": SAMPLE_RATE, "offset_ns": offset_ns} if anchors else None,
        "note": f"{SESSION_JSON} was lost; the start is the age of the oldest file",
    }


def _offset_s(info: dict[str, Any]) -> float:
    return float((info.get("audio") or {}).get("offset_ns") or 0) / NS_PER_S


def _frames(folder: Path) -> float | None:
    """Parquet from the stream; the end of its last row in seconds."""
    stream, path = folder / FRAMES_STREAM, folder / FRAMES
    if not path.exists() and stream.exists():
        write_parquet(read_settled(stream), path)
    stream.unlink(missing_ok=True)
    if not path.exists():
        return None
    t_ns = pq.read_table(path, columns=["t_ns"]).column("t_ns").to_numpy()
    return float(t_ns[-1]) / NS_PER_S if len(t_ns) else 0.0


def _each(path: Path, mend: Callable[[Path], float | None]) -> float | None:
    """Mend a media file where there is one; one that nothing can be read from stays as it is, and lost all."""
    if not path.exists():
        return None
    try:
        return mend(path)
    except (av.error.FFmpegError, IndexError):
        return 0.0


def _video(path: Path) -> float:
    """Copy the packets into a file with index and length; the end of the last one in seconds."""
    end = 0.0
    with (
        av.open(str(path)) as source,
        whole_file(path) as file,
        av.open(file, "w", format="matroska") as target,
    ):
        template = source.streams.video[0]
        stream = target.add_stream_from_template(template)
        with suppress(av.error.FFmpegError, EOFError):  # the tear
            for packet in source.demux(template):
                if packet.pts is None:
                    continue
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                packet.stream = stream
                target.mux(packet)
    return end


def _audio(path: Path, offset_s: float) -> float:
    """Write the samples anew, lossless as they are; session time of the last one in seconds."""
    pcm = read_pcm(path)
    with whole_file(path) as file:
        target = AudioFile(file)
        for first in range(0, len(pcm), SAMPLE_RATE):
            block = AudioBlock(np.ascontiguousarray(pcm[first : first + SAMPLE_RATE]), first)
            target.write(Packet("audio", 0, 0, 0, 0, block))
        target.end()
    return offset_s + len(pcm) / SAMPLE_RATE


def _lines(path: Path) -> int:
    """Drop lines that cannot be read; how many."""
    entries, bad = read_lines(path)
    if bad:
        write_lines(entries, path)
    return bad
