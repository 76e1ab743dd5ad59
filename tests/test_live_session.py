"""What a screen needs of a session: pictures with their own faces, sound to draw, pauses in the books, deletion."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from agreed import AGREED
from media import grey, number_of, tone, write_clip

from ahdetect import engine as engine_module
from ahdetect.capture.clock import NS_PER_S, ManualClock, SessionClock
from ahdetect.capture.edges import LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, AudioPacket, Frame, Packet, VideoPacket
from ahdetect.capture.replay import Replay
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.config import Settings, validated
from ahdetect.engine import Engine, Models
from ahdetect.errors import ConsentError, StoreError
from ahdetect.models.cues import Channel, CueFrame, empty_values
from ahdetect.models.language import LanguageModel
from ahdetect.models.posterior import Presence
from ahdetect.models.voice import VoiceModel
from ahdetect.session import Session
from ahdetect.store.annotations import ANNOTATIONS
from ahdetect.store.audit import Audit
from ahdetect.store.consent import Consent, consent_text
from ahdetect.store.reader import open_session
from ahdetect.store.vault import SUFFIX
from ahdetect.store.writer import FILES, delete_session

NOTHING: dict[str, object] = {"face": False, "body": False, "voice": False, "words": False}
CHUNK_NS = 40_000_000


def settings(**on: object) -> Settings:
    return validated({"channels": {**NOTHING, **on}}, "test")


class Scripted(Source):
    """Frames and sound that the test hands out by itself."""

    def __init__(self, clock: ManualClock, ledger: Ledger) -> None:
        self.info = SourceInfo("scripted", has_video=True, has_audio=True, width=64, height=48)
        super().__init__("scripted", clock, ledger)
        self.frames = self.chunks = 0

    def step(self) -> Progress:
        return Progress.IDLE

    def see(self) -> None:
        t_ns = self.clock.now_ns()
        self._emit_video(Packet("video", self.frames, t_ns, CHUNK_NS, t_ns, np.zeros((48, 64, 3), np.uint8)))
        self.frames += 1

    def hear(self, until_ns: int) -> None:
        block = AudioBlock(np.full(640, 1000, np.int16), self.chunks * 640)
        self._emit_audio(Packet("audio", self.chunks, until_ns - CHUNK_NS, CHUNK_NS, until_ns, block))
        self.chunks += 1


@pytest.fixture
def scripted() -> tuple[Scripted, ManualClock, Edge[Frame], Edge[AudioBlock]]:
    clock, ledger = ManualClock(), Ledger()
    source = Scripted(clock, ledger)
    video: Edge[Frame] = Edge("camera->test", LOSSLESS, clock, ledger)
    audio: Edge[AudioBlock] = Edge("microphone->test", LOSSLESS, clock, ledger)
    source.subscribe_video(video)
    source.subscribe_audio(audio)
    return source, clock, video, audio


def drained(edge: Edge) -> list[Packet]:
    packets = []
    while (packet := edge.take()) is not None:
        packets.append(packet)
    return packets


# -- a source in a pause


def test_in_a_pause_no_frame_is_taken_and_numbers_have_no_hole(scripted) -> None:
    source, clock, video, _ = scripted
    for i in range(9):
        if i == 3:
            source.pause()
        if i == 6:
            source.resume()
        source.see()
        clock.advance(0.04)
    packets = drained(video)
    assert [p.seq for p in packets] == [0, 1, 2, 3, 4, 5]
    assert [p.t_ns // CHUNK_NS for p in packets] == [0, 1, 2, 6, 7, 8]
    assert source.totals.frames == 6
    assert source.newest is packets[-1]


def test_in_a_pause_sound_is_silence_of_the_same_length_and_a_gap_in_the_books(scripted) -> None:
    source, clock, _, audio = scripted
    for i in range(10):
        if i == 4:
            source.pause()
        if i == 7:
            source.resume()
        clock.advance(0.04)
        source.hear(clock.now_ns())
    blocks = [p.data for p in drained(audio)]
    assert [b.synthetic for b in blocks] == [False] * 4 + [True] * 3 + [False] * 3
    assert not any(b.pcm.any() for b in blocks if b.synthetic)
    assert (source.totals.samples, source.totals.gap_samples, source.totals.gaps) == (7 * 640, 3 * 640, 1)
    [gap] = source.ledger.rows("gap", "audio")
    assert gap.detail == {"first_sample": 4 * 640, "samples": 3 * 640, "reason": "paused"}


def test_sound_that_comes_late_belongs_to_the_moment_it_was_heard_at(scripted) -> None:
    """A device may hold its blocks back for half a second, over the beginning and the end of a pause."""
    source, clock, _, audio = scripted
    clock.advance(0.40)
    source.pause()  # 0.40
    clock.advance(0.40)
    source.resume()  # 0.80
    clock.advance(0.20)
    for i in range(25):
        source.hear((i + 1) * CHUNK_NS)
    assert [p.seq for p in drained(audio) if p.data.synthetic] == list(range(10, 20))


def test_a_pause_that_the_session_ends_in_is_a_gap_as_well(scripted) -> None:
    source, clock, _, _ = scripted
    source.pause()
    clock.advance(0.08)
    source.hear(clock.now_ns())
    source.finish()
    assert [r.detail["samples"] for r in source.ledger.rows("gap")] == [640]


# -- a session in a pause


def test_a_session_pauses_and_goes_on_and_its_books_balance(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(75), tone(200, 3.0))
    session = Session(str(clip), str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=AGREED)
    with session:
        session.wait(0.5)
        session.pause()
        session.pause()
        assert session.paused
        assert session.sight() is None
        session.wait(1.4)
        session.resume()
        session.resume()
        assert session.wait(10)
    report = session.report()["ledger"]
    assert report["balances"]
    assert report["audio"]["samples"] + report["audio"]["gap_samples"] == 48_000
    assert 1.2 < report["audio"]["gap_samples"] / 16_000 < 2.5
    assert report["video"]["frames"] == report["edges"]["camera->fusion"]["offered"] < 50
    stored = open_session(tmp_path / "s")
    kinds = [event["kind"] for event in stored.events()]
    assert kinds.count("paused") == kinds.count("resumed") == 1
    rows = stored.timeline().rows
    assert len({r.id for r in rows}) == len(rows)
    paused = [r for r in rows if r.states[Channel.VOICE].reason == "paused"]
    assert paused
    assert all(r.states[Channel.VOICE].presence is Presence.ABSENT for r in paused)
    assert {r.states[Channel.FACE].reason for r in paused} == {"switched off"}
    assert not stored.damage


# -- who watches


class FakeFace:
    """Finds in every frame its own number, so that a test can tell whose face it is."""

    def __init__(self, _model: object) -> None:
        pass

    def detect(self, packet: VideoPacket) -> int:
        return number_of(packet.data)

    def describe(self, packet: Packet[int]) -> CueFrame:
        return CueFrame(
            Channel.FACE, packet.t_ns, empty_values(Channel.FACE), overlay={"box": np.full(4, packet.data, np.float32)}
        )

    def close(self) -> None:
        pass


def test_the_picture_to_look_at_carries_what_was_found_in_this_very_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "FaceStream", FakeFace)
    clip = write_clip(tmp_path / "clip.mkv", grey(40))
    clock, ledger = SessionClock(), Ledger()
    source = Replay(clip, clock, ledger, realtime=True)
    models = Models(face=object(), body=None, voice=None, speech=None, language=LanguageModel())  # type: ignore[arg-type]
    engine = Engine(source, None, clock, ledger, settings=settings(face=True), models=models)
    assert engine.sight() is None
    engine.start()
    seen = {}
    while not engine.wait(0.02):
        sight = engine.sight()
        if sight is not None and sight.overlay:
            seen[sight.seq] = number_of(sight.frame), int(sight.overlay["box"][0])
    engine.stop()
    assert len(seen) > 10
    assert all(number == found for number, found in seen.values())


def test_without_a_face_stage_the_picture_comes_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(10), tone(200, 0.4))
    session = Session(str(clip), str(clip), settings=settings(voice=True))
    with session:
        session.wait(10)
        sight = session.sight()
    assert sight is not None
    assert sight.overlay == {}


def test_all_sound_comes_to_a_watcher_and_one_that_fails_harms_nobody(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", None, tone(200, 1.0))
    heard: list[AudioPacket] = []

    def fail(_packet: AudioPacket) -> None:
        raise RuntimeError("no screen")

    session = Session(
        "none", str(clip), settings=settings(voice=True), models=Models(None, None, VoiceModel(), None, LanguageModel())
    )
    session.on_sound(heard.append)
    session.on_sound(fail)
    with session:
        session.wait(10)
    assert sum(len(p.data.pcm) for p in heard) == 16_000
    assert session.errors == ["RuntimeError: no screen"]
    assert session.engine.counts["rows"] >= 10


def test_on_a_machine_that_was_late_at_first_sound_never_goes_back_in_time() -> None:
    """Once callbacks come in time the line is laid earlier; a track takes no cue that is older than the one before."""
    from test_capture_microphone import drained as packets_of
    from test_capture_microphone import made

    mic, card, edge, _ = made()
    card.clock.advance(0.09)  # all callbacks of the first three seconds are late
    card.sound(mic, 3.0)
    began = card.clock.now_ns() - 90_000_000
    for _ in range(5):  # and then the backlog is worked off
        card.clock.advance(0.002)
        before = card.clock.now_ns()
        card.sound(mic, 0.02)
        card.clock._now_ns = before
    card.sound(mic, 4.0)
    mic.finish()
    packets = packets_of(edge)
    ends = [p.end_ns for p in packets]
    assert ends == sorted(ends)
    assert all(b.t_ns > a.t_ns for a, b in itertools.pairwise(packets))
    # a second after the line was laid anew, sound is where it belongs again
    settled = [p for p in packets if p.data.first_sample > 5 * 16_000]
    heard_ns = settled[0].data.first_sample * NS_PER_S // 16_000
    assert settled[0].t_ns == pytest.approx(began - 3 * NS_PER_S + heard_ns, abs=15_000_000)


def test_a_first_burst_of_seconds_does_not_spoil_the_clock_of_the_sound() -> None:
    """An idle sound server gives its first sound in long blocks; half a minute later the rate is fitted."""
    from test_capture_microphone import made

    mic, card, _, _ = made()
    card.sound(mic, 40.0, block=1.0)
    mic.finish()
    assert mic.error is None
    assert mic.true_rate == pytest.approx(16_000, rel=1e-3)
    assert mic.totals.samples == 40 * 16_000


def test_a_microphone_that_fails_to_the_very_end_lets_its_listeners_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the session would wait for it for ever."""
    from test_capture_microphone import made

    mic, card, edge, _ = made()
    card.sound(mic, 1.0)
    monkeypatch.setattr(mic, "_time_of", lambda _sample: round(float("nan")))
    with pytest.raises(ValueError, match="NaN"):
        mic.finish()
    drained(edge)
    assert edge.exhausted


# -- deletion


def test_stop_and_delete_leaves_nothing_but_the_log_of_it(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(10), tone(200, 0.4))
    session = Session(str(clip), str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=AGREED)
    session.start()
    session.wait(0.2)
    session.stop_and_delete()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.jsonl", "clip.mkv", "erased"]
    assert [line["what"] for line in Audit(tmp_path).lines()][-3:] == ["start", "stop", "erase"]


def test_deletion_takes_every_file_that_a_session_writes_and_no_other(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(10), tone(200, 0.4))
    with Session(str(clip), str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=AGREED) as session:
        session.wait(10)
    assert {p.name.removesuffix(SUFFIX) for p in (tmp_path / "s").iterdir()} <= set(FILES)
    (tmp_path / "s" / ANNOTATIONS).write_text("{}\n")
    (tmp_path / "s" / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"the folder stays, for it also holds notes\.txt"):
        delete_session(tmp_path / "s")
    assert [p.name for p in (tmp_path / "s").iterdir()] == ["notes.txt"]


def test_what_is_no_session_or_still_recording_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "video.mkv").write_text("a film")
    with pytest.raises(StoreError, match="no session folder"):
        delete_session(tmp_path)
    assert (tmp_path / "video.mkv").exists()
    clip = write_clip(tmp_path / "clip.mkv", None, tone(200, 0.4))
    session = Session("none", str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=AGREED)
    with session, pytest.raises(StoreError, match="being recorded"):
        delete_session(tmp_path / "s")


def test_a_camera_in_a_pause_is_emptied_and_not_looked_at() -> None:
    from test_capture_camera import Scripted as Capture

    from ahdetect.capture.camera import Camera

    clock, ledger = ManualClock(), Ledger()
    capture = Capture(clock)
    camera = Camera(0, clock, ledger, opener=capture.opener)
    camera.step()
    camera.pause()
    before = capture.count
    capture.retrieve = lambda: pytest.fail("looked at")  # type: ignore[method-assign]
    for _ in range(5):
        assert camera.step() is Progress.WORKED
    assert capture.count == before + 5
    assert camera.totals.frames == 1
    assert clock.now_ns() < NS_PER_S


# -- consent


def test_without_consent_nothing_is_stored_and_no_folder_is_made(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", None, tone(200, 0.4))
    refused = Consent.given(["analysis", "research"], consent_text("en"))
    for consent, said in (
        (None, "without a record of consent"),
        (refused, "did not agree to keeping picture and sound"),
    ):
        with pytest.raises(ConsentError, match=said):
            Session("none", str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=consent)
    assert list(tmp_path.iterdir()) == [clip]


def test_without_consent_to_the_analysis_it_is_recorded_and_nothing_is_estimated(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(10), tone(200, 0.4))
    consent = Consent.given(["recording"], consent_text("en"))
    with Session(str(clip), str(clip), out=tmp_path / "s", settings=settings(voice=True), consent=consent) as session:
        session.wait(10)
    stored = open_session(tmp_path / "s")
    assert stored.audio is not None
    assert stored.video is not None
    rows = stored.timeline().rows
    assert {state.presence for row in rows for state in row.states.values()} == {Presence.ABSENT}
    assert all(values is None for row in rows for values in row.cues.values())
    assert stored.info["consent"]["streams"] == dict.fromkeys(("video", "audio", "events", "ledger"), "recording")


def test_results_alone_need_the_analysis_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(10), tone(200, 0.4))
    consent, out = Consent.given(["analysis"], consent_text("en")), tmp_path / "s"
    made = Session(str(clip), str(clip), out=out, settings=settings(voice=True), consent=consent, store="features")
    with made as session:
        session.wait(10)
    stored = open_session(out)
    assert (stored.video, stored.audio) == (None, None)
    assert any(row.contributions for row in stored.timeline().rows)
