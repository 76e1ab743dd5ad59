"""What is recorded reaches the medium within a second, and a medium that refuses is told once."""

from __future__ import annotations

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from timelines import make_rows

from ahdetect.errors import StoreError
from ahdetect.store import syncing
from ahdetect.store.media import FLUSH_S
from ahdetect.store.syncing import SYNC_S, Syncer
from ahdetect.store.writer import SessionWriter

pytestmark = pytest.mark.skipif(not hasattr(os, "fdatasync"), reason="this system has no fdatasync")


class Medium:
    """Stands for the disk: notes which file was synced at what size."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: OSError | None = None) -> None:
        self.sizes: dict[int, int] = {}
        self.rounds = threading.Semaphore(0)
        self._error = error
        monkeypatch.setattr(syncing, "_sync", self.sync)

    def sync(self, handle: int) -> None:
        self.rounds.release()
        if self._error is not None:
            raise self._error
        seen = os.fstat(handle)
        self.sizes[seen.st_ino] = seen.st_size

    def holds(self, path: Path) -> int:
        return self.sizes.get(path.stat().st_ino, -1)


def test_memory_and_syncing_together_stay_under_a_second() -> None:
    assert FLUSH_S + SYNC_S < 1.0


def test_a_file_is_synced_while_it_grows_and_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium, path = Medium(monkeypatch), tmp_path / "a"
    with path.open("wb", buffering=0) as file:
        syncer = Syncer([path, tmp_path / "never made"], pytest.fail, every_s=0.001)
        assert medium.rounds.acquire(timeout=10)
        file.write(b"later")
        assert medium.rounds.acquire(timeout=10)
    syncer.close()
    syncer.close()
    assert medium.holds(path) == 5


def test_every_stream_of_a_session_was_synced_at_its_full_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium = Medium(monkeypatch)
    writer = SessionWriter(tmp_path / "s", {}, started_at=datetime.now(UTC), audio=True)
    ledger = tmp_path / "s" / "ledger.jsonl"
    for row in make_rows(60):
        writer.write_row(row)
    writer.write_event({"t_ns": 0, "kind": "marker"})
    writer.close()
    for name in ("events.jsonl", "words.jsonl", "audio.flac"):
        path = tmp_path / "s" / name
        assert medium.holds(path) == path.stat().st_size
    assert medium.holds(ledger) == ledger.stat().st_size
    assert "ahdetect-sync" not in {t.name for t in threading.enumerate()}


def test_a_medium_that_refuses_is_told_once_and_the_session_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium, told = Medium(monkeypatch, OSError(errno.EIO, "Input/output error")), []
    writer = SessionWriter(tmp_path / "s", {}, started_at=datetime.now(UTC), audio=True, on_error=told.append)
    assert medium.rounds.acquire(timeout=10)
    writer._syncer._thread.join(10)
    writer.write_event({"t_ns": 0, "kind": "marker"})
    writer.close()
    assert len(told) == 1
    assert isinstance(told[0], StoreError)
    assert "power cut" in str(told[0])
    assert "marker" in (tmp_path / "s" / "events.jsonl").read_text()
