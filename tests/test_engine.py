"""The engine: threads, books, crashes. Real stages on generated clips; fakes only for faults."""

from __future__ import annotations

import threading
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media import grey, tone, write_clip

from ahdetect import engine as engine_module
from ahdetect.capture.clock import ReplayClock, SessionClock
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.capture.replay import Replay
from ahdetect.config import Settings, validated
from ahdetect.engine import Engine, Models
from ahdetect.errors import ConfigError
from ahdetect.models.cues import Channel, CueFrame, empty_values
from ahdetect.models.language import LanguageModel
from ahdetect.models.posterior import Presence
from ahdetect.models.voice import VoiceModel
from ahdetect.timeline import Row

NOTHING: dict[str, object] = {"face": False, "body": False, "voice": False, "words": False}


def settings(**on: object) -> Settings:
    return validated({"channels": {**NOTHING, **on}}, "test")


class FakeFace:
    """Stands in for the face stream where a test needs a fault at a known frame."""

    crash_at = 10

    def __init__(self, _model: object) -> None:
        pass

    def detect(self, packet: VideoPacket) -> None:
        if packet.seq == self.crash_at:
            raise RuntimeError("the graph gave up")

    def describe(self, packet: Packet[None]) -> CueFrame:
        return CueFrame(Channel.FACE, packet.t_ns, empty_values(Channel.FACE))

    def close(self) -> None:
        pass


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(50), tone(200, 2.0))


def replayed(clip: Path, *, chosen: Settings, models: Models | None = None) -> tuple[Engine, list[Row]]:
    clock, ledger = ReplayClock(), Ledger()
    source = Replay(clip, clock, ledger)
    rows: list[Row] = []
    engine = Engine(source, source, clock, ledger, settings=chosen, models=models, live=False)
    engine.on_row(rows.append)
    engine.start()
    engine.wait()
    engine.stop()
    return engine, rows


def test_every_frame_of_a_clip_has_one_settled_row_and_the_books_balance(clip: Path) -> None:
    engine, rows = replayed(clip, chosen=settings(voice=True))
    assert [r.id for r in rows] == list(range(50))
    assert all(r.settled for r in rows)
    books = engine.ledger_totals()
    assert books["balances"]
    assert books["video"]["frames"] == 50
    assert books["audio"]["samples"] == 32_000
    for edge in books["edges"].values():
        assert (edge["dropped"], edge["in_flight"]) == (0, 0)


def test_channels_that_are_off_say_so_in_every_row(clip: Path) -> None:
    _, rows = replayed(clip, chosen=settings(voice=True))
    assert {r.states[Channel.FACE].reason for r in rows} == {"switched off"}
    assert {r.states[Channel.LANGUAGE].reason for r in rows} == {"switched off"}


def test_video_without_sound_and_sound_without_video_both_make_rows(tmp_path: Path) -> None:
    _, silent = replayed(write_clip(tmp_path / "silent.mkv", grey(20)), chosen=settings(voice=True))
    assert len(silent) == 20
    assert silent[0].states[Channel.VOICE].reason == "no sound"
    _, dark = replayed(write_clip(tmp_path / "dark.mkv", None, tone(200, 1.0)), chosen=settings(voice=True))
    assert len(dark) == 10
    assert dark[0].states[Channel.FACE].reason in ("no video", "switched off")


def test_a_crashed_stage_is_told_once_and_the_others_go_on(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FaceStream", FakeFace)
    models = Models(face=object(), body=None, voice=VoiceModel(), speech=None, language=LanguageModel())  # type: ignore[arg-type]
    engine, rows = replayed(clip, chosen=settings(face=True, voice=True), models=models)
    assert len(rows) == 50
    assert rows[5].states[Channel.FACE].presence is Presence.PRESENT
    assert rows[30].states[Channel.FACE].presence is Presence.ABSENT
    assert rows[30].states[Channel.FACE].reason == "face stopped by an error"
    assert rows[30].states[Channel.VOICE].presence is Presence.PRESENT
    crashes = engine.ledger.rows("stage_crashed")
    assert [(c.where, c.detail["error"]) for c in crashes] == [("face", "RuntimeError: the graph gave up")]
    assert engine.ledger_totals()["balances"]


def test_a_device_that_is_lost_and_comes_back_is_an_event(clip: Path) -> None:
    clock, ledger = ReplayClock(), Ledger()
    source = Replay(clip, clock, ledger)
    engine = Engine(source, source, clock, ledger, settings=settings(voice=True), live=False)
    events: list[str] = []
    engine.on_event(lambda e: events.append(e.kind) if e.kind.startswith("device") else None)
    engine.start()
    ledger.write(0, "device_lost", "camera")
    ledger.write(1, "device_back", "camera")
    engine.wait()
    engine.stop()
    assert events == ["device_lost", "device_back"]


def test_live_the_same_clip_loses_no_sound_and_gives_rows_while_it_runs(clip: Path) -> None:
    clock, ledger = SessionClock(), Ledger()
    source = Replay(clip, clock, ledger, realtime=True)
    engine = Engine(source, source, clock, ledger, settings=settings(voice=True))
    reader = engine.rows()
    engine.start()
    first = next(reader)
    assert engine.wait(10.0)
    engine.stop()
    rows = [first, *reader]
    assert any(not r.settled and r.latency_ns >= 0 for r in rows)  # not the very first where the start took its time
    assert [r.id for r in rows if r.settled] == list(range(50))
    books = engine.ledger_totals()
    assert books["audio"] == {"samples": 32_000, "gap_samples": 0, "gaps": 0, "seconds": 2.0}
    assert engine.dropped_samples() == 0
    assert books["balances"]


def test_live_and_replay_settle_the_same_estimates(clip: Path) -> None:
    """Only voice cues here: they do not depend on which frames a busy machine drops."""
    _, replay_rows = replayed(clip, chosen=settings(voice=True))
    clock, ledger = SessionClock(), Ledger()
    source = Replay(clip, clock, ledger, realtime=True)
    engine = Engine(source, source, clock, ledger, settings=settings(voice=True))
    live: list[Row] = []
    engine.on_row(lambda r: live.append(r) if r.settled else None)
    engine.start()
    engine.wait(10.0)
    engine.stop()
    np.testing.assert_allclose([r.p for r in live], [r.p for r in replay_rows], atol=0.01)


def test_delays_can_be_read_while_they_are_written() -> None:
    """A status line reads them several times a second, on another thread than the one that appends."""
    values, stop, failed = array("f", [1.0]), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            try:
                values.append(2.0)
                values.pop()
            except BufferError as error:
                failed.append(error)
                return

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(300):
        engine_module.percentiles(values)
    stop.set()
    writer.join()
    assert not failed


def test_a_session_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a camera, a microphone or a clip"):
        Engine(None, None, SessionClock(), Ledger())


def test_a_reader_that_comes_after_the_end_gets_nothing_and_does_not_wait(clip: Path) -> None:
    engine, _ = replayed(clip, chosen=settings(voice=True))
    assert list(engine.rows()) == []


def test_a_slow_callback_delays_no_sound(clip: Path) -> None:
    clock, ledger = SessionClock(), Ledger()
    source = Replay(clip, clock, ledger, realtime=True)
    engine = Engine(source, source, clock, ledger, settings=settings(voice=True))
    seen: list[Any] = []

    def slow(row: Row) -> None:
        seen.append(row)
        engine.rest(0.05)

    engine.on_row(slow)
    engine.start()
    engine.wait(10.0)
    engine.stop()
    assert engine.dropped_samples() == 0
    assert engine.ledger_totals()["audio"]["samples"] == 32_000
