"""Push mode: a host owns camera and microphone; the same rows, edges and books as from devices and clips."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from agreed import AGREED
from media import beginning, grey, tone, write_clip

from ahdetect import analyze
from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, ManualClock, ReplayClock
from ahdetect.capture.edges import LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AudioBlock, Frame, Packet
from ahdetect.capture.push import PushedPictures, PushedSound
from ahdetect.capture.stage import Progress
from ahdetect.cli import main
from ahdetect.config import Settings, validated
from ahdetect.engine import Models
from ahdetect.errors import AhdetectError, ConfigError
from ahdetect.models.cues import CUES, OF_CHANNEL, Channel
from ahdetect.session import Session
from ahdetect.store.reader import open_session
from ahdetect.timeline import Row

DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
NOTHING: dict[str, object] = {"face": False, "body": False, "voice": False, "words": False}
CHUNK_NS = 40 * NS_PER_MS


def settings(**on: object) -> Settings:
    return validated({"channels": {**NOTHING, **on}}, "test")


def sound_of(clock: ManualClock) -> tuple[PushedSound, Edge[AudioBlock], Ledger]:
    ledger = Ledger()
    source = PushedSound(clock, ledger)
    edge: Edge[AudioBlock] = Edge("microphone->test", LOSSLESS, clock, ledger)
    source.subscribe_audio(edge)
    return source, edge, ledger


def pictures_of(clock: ManualClock, policy: Any = LOSSLESS) -> tuple[PushedPictures, Edge[Frame], Ledger]:
    ledger = Ledger()
    source = PushedPictures(clock, ledger)
    edge: Edge[Frame] = Edge("camera->test", policy, clock, ledger)
    source.subscribe_video(edge)
    return source, edge, ledger


def drained(edge: Edge[Any]) -> list[Packet[Any]]:
    return list(iter(edge.take, None))


def heard(edge: Edge[AudioBlock]) -> np.ndarray:
    return np.concatenate([packet.data.pcm for packet in drained(edge)])


def push_all(
    source: PushedSound, pcm: np.ndarray, rate: int, chunk: int, *, start_ns: int = 0, skip: range = range(0)
) -> None:
    for i, at in enumerate(range(0, len(pcm), chunk)):
        if i not in skip:
            source.push(pcm[at : at + chunk], start_ns + at * NS_PER_S // rate, rate=rate)


def run(source: PushedSound | PushedPictures) -> None:
    source.end()
    while source.step() is not Progress.DONE:
        pass
    source.finish()


# -- sound


@pytest.mark.parametrize(("rate", "chunk", "channels"), [(16_000, 640, 1), (48_000, 960, 2), (44_100, 441, 1)])
def test_sound_of_any_rate_chunk_and_channels_comes_out_whole(rate: int, chunk: int, channels: int) -> None:
    source, edge, ledger = sound_of(ReplayClock())
    pcm = np.repeat(tone(200, 2.0, rate=rate)[:, None], channels, axis=1)
    pusher = threading.Thread(target=lambda: (push_all(source, pcm, rate, chunk), source.end()))
    pusher.start()
    while source.step() is not Progress.DONE:
        pass
    pusher.join()
    source.finish()
    packets = drained(edge)
    out = np.concatenate([p.data.pcm for p in packets])
    assert abs(len(out) - 32_000) <= 1
    assert np.corrcoef(out[1000:31_000], tone(200, 2.0)[1000:31_000])[0, 1] > 0.999
    assert [p.t_ns for p in packets] == pytest.approx([i * CHUNK_NS for i in range(50)], abs=2)
    assert ledger.rows("gap") == []
    assert (source.info.audio_rate, source.info.audio_channels) == (rate, channels)


@pytest.mark.parametrize("missing", [1, 5])
def test_a_hole_in_the_times_is_a_recorded_gap_of_that_length(missing: int) -> None:
    source, edge, ledger = sound_of(ManualClock(60 * NS_PER_S))
    push_all(source, tone(200, 3.0), 16_000, 640, skip=range(30, 30 + missing))
    run(source)
    (gap,) = ledger.rows("gap")
    assert gap.detail == {"first_sample": 30 * 640, "samples": missing * 640, "reason": "samples lost"}
    assert len(heard(edge)) == 48_000
    assert source.totals.samples + source.totals.gap_samples == 48_000


def test_times_that_jitter_lose_nothing_and_make_no_gap() -> None:
    source, edge, ledger = sound_of(ManualClock(60 * NS_PER_S))
    late = np.random.default_rng(1).integers(0, 35, 75)
    for i, chunk in enumerate(tone(200, 3.0).reshape(75, 640)):
        source.push(chunk, i * CHUNK_NS + int(late[i]) * NS_PER_MS)
    run(source)
    assert ledger.rows("gap") == []
    assert len(heard(edge)) == 48_000


def test_the_rate_may_change_on_the_way() -> None:
    source, edge, ledger = sound_of(ManualClock(60 * NS_PER_S))
    push_all(source, tone(200, 1.0), 16_000, 640)
    push_all(source, tone(200, 1.0, rate=48_000), 48_000, 960, start_ns=NS_PER_S + 200 * NS_PER_MS)
    run(source)
    assert abs(len(heard(edge)) - 35_200) <= 1
    (gap,) = ledger.rows("gap")
    assert gap.detail["samples"] == pytest.approx(3200, abs=1)


def test_floats_and_whole_numbers_are_the_same_sound() -> None:
    out = []
    for pcm in (tone(200, 1.0), (tone(200, 1.0) / 32768).astype(np.float32)):
        source, edge, _ = sound_of(ManualClock(60 * NS_PER_S))
        push_all(source, pcm, 16_000, 640)
        run(source)
        out.append(heard(edge))
    np.testing.assert_array_equal(*out)


def test_a_host_that_falls_silent_counts_as_a_lost_device_until_it_pushes_again() -> None:
    clock = ManualClock(NS_PER_S)
    source, edge, ledger = sound_of(clock)
    push_all(source, tone(200, 1.0), 16_000, 640)
    while source.step() is Progress.WORKED:
        pass
    clock.advance(2.0)
    source.step()
    assert len(ledger.rows("device_lost")) == 1
    assert sum(len(p.data.pcm) for p in drained(edge)) == 39_680  # whole chunks, to half a second before now, 3.0 s
    push_all(source, tone(200, 1.0), 16_000, 640, start_ns=3 * NS_PER_S)
    clock.advance(1.0)
    run(source)
    assert [row.kind for row in ledger.rows() if row.where != edge.name] == ["device_lost", "gap", "device_back"]
    assert source.totals.samples + source.totals.gap_samples == 4 * 16_000


def test_clocks_that_drift_as_sound_cards_do_are_never_refused() -> None:
    source, _, _ = sound_of(ManualClock(3600 * NS_PER_S))
    chunk = np.zeros(16_000, np.int16)
    for i in range(3000):
        source.push(chunk, i * (NS_PER_S - NS_PER_S // 2000))  # 500 ppm: 1.5 s of overlap in all


# -- pictures


def test_pictures_come_in_whole_milliseconds_without_a_hole_in_their_numbers() -> None:
    source, edge, _ = pictures_of(ManualClock(60 * NS_PER_S))
    times = [round(i * NS_PER_S / 30) for i in range(25)]
    for t_ns in times:
        source.push(np.zeros((48, 64, 3), np.uint8), t_ns)
    run(source)
    packets = drained(edge)
    assert [p.seq for p in packets] == list(range(25))
    assert [p.t_ns for p in packets] == [round(t / NS_PER_MS) * NS_PER_MS for t in times]
    assert (source.info.width, source.info.height) == (64, 48)


def test_a_picture_may_be_changed_once_it_was_pushed() -> None:
    source, edge, _ = pictures_of(ManualClock(60 * NS_PER_S))
    frame = np.full((48, 64, 3), 7, np.uint8)
    source.push(frame, 0)
    frame[:] = 9
    run(source)
    assert drained(edge)[0].data.max() == 7


def test_a_picture_of_another_size_is_fitted_into_the_first_ones() -> None:
    source, edge, _ = pictures_of(ManualClock(60 * NS_PER_S))
    source.push(np.full((48, 64, 3), 100, np.uint8), 0)
    source.push(np.full((128, 96, 3), 100, np.uint8), NS_PER_S // 30)  # a telephone that was turned
    run(source)
    _, turned = drained(edge)
    assert turned.data.shape == (48, 64, 3)
    assert turned.data[:, 14:50].min() == 100  # 36 columns of 64 keep the shape 3:4
    assert turned.data[:, :14].max() == turned.data[:, 50:].max() == 0


def test_while_the_stage_hangs_the_oldest_pictures_are_dropped_and_written_down() -> None:
    source, edge, ledger = pictures_of(ManualClock(60 * NS_PER_S))
    for i in range(90):
        source.push(np.zeros((48, 64, 3), np.uint8), i * NS_PER_S // 30)
    run(source)
    kept = drained(edge)
    assert kept[-1].t_ns == round(89 / 30 * 1000) * NS_PER_MS
    assert [p.seq for p in kept] == list(range(len(kept)))
    assert len(kept) + len(ledger.rows("drop", "host->camera")) == 90
    assert 28 <= len(kept) <= 31


# -- what is refused, in a sentence


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ([[1]], "got list"),
        (np.zeros((48, 64), np.uint8), r"shape \(48, 64\)"),
        (np.zeros((48, 64, 4), np.uint8), r"shape \(48, 64, 4\)"),
        (np.zeros((48, 64, 3), np.float32), "float32"),
        (np.zeros((8, 64, 3), np.uint8), "sides of 16"),
    ],
)
def test_what_is_no_picture_is_refused(frame: Any, said: str) -> None:
    source, _, _ = pictures_of(ManualClock())
    with pytest.raises(ConfigError, match=said):
        source.push(frame, 0)


@pytest.mark.parametrize(
    ("pcm", "rate", "said"),
    [
        (b"\0\0", 16_000, "got bytes"),
        (np.zeros(640, np.int32), 16_000, "int32"),
        (np.zeros((1, 1920), np.int16), 48_000, r"reshape\(-1, channels\)"),
        (np.zeros(0, np.int16), 16_000, "1 sample to 10 s"),
        (np.zeros(640, np.int16), 100, "rate=100"),
        (np.full(640, np.nan, np.float32), 16_000, "no numbers"),
        (np.zeros(200_000, np.int16), 16_000, "1 sample to 10 s"),
    ],
)
def test_what_is_no_sound_is_refused(pcm: Any, rate: int, said: str) -> None:
    source, _, _ = sound_of(ManualClock())
    with pytest.raises(ConfigError, match=said):
        source.push(pcm, 0, rate=rate)


@pytest.mark.parametrize(("second", "said"), [(100, "not later"), (50, "not later"), (9 * NS_PER_S, "lies ahead")])
def test_times_that_go_back_or_are_of_another_clock_are_refused(second: int, said: str) -> None:
    clock = ManualClock(NS_PER_S)
    source, _, _ = sound_of(clock)
    source.push(np.zeros(640, np.int16), 100)
    with pytest.raises(ConfigError, match=said):
        source.push(np.zeros(640, np.int16), second)
    pictures, _, _ = pictures_of(clock)
    pictures.push(np.zeros((48, 64, 3), np.uint8), 100)
    with pytest.raises(ConfigError, match=said):
        pictures.push(np.zeros((48, 64, 3), np.uint8), second)


def test_a_wrong_rate_is_found_out_by_the_times() -> None:
    source, _, _ = sound_of(ManualClock(60 * NS_PER_S))
    chunk = np.zeros(1920, np.int16)  # 40 ms at 48 kHz
    with pytest.raises(ConfigError, match=r"overlaps itself .*rate=44100"):
        [source.push(chunk, i * CHUNK_NS, rate=44_100) for i in range(500)]


def test_nothing_is_taken_after_the_end() -> None:
    source, _, _ = sound_of(ManualClock())
    source.end()
    with pytest.raises(ConfigError, match="after the end"):
        source.push(np.zeros(640, np.int16), 0)


# -- a session


def media_of(clip: Path) -> Iterator[tuple[int, str, np.ndarray, int]]:
    """(due, kind, array, time) of a clip, as a host that decodes it by itself would push it: in order of time."""
    found: list[tuple[int, str, np.ndarray, int]] = []
    with av.open(str(clip)) as file:
        for frame in file.decode(video=0):
            t_ns = round(frame.pts * frame.time_base * NS_PER_S)
            found.append((t_ns, "video", frame.to_ndarray(format="rgb24", interpolation="AREA"), t_ns))
    with av.open(str(clip)) as file:
        rate = file.streams.audio[0].rate
        mixer = av.AudioResampler(format="s16", layout="mono", rate=rate)
        frames = list(file.decode(audio=0))
        start_ns = round(frames[0].pts * frames[0].time_base * NS_PER_S)
        pcm = np.concatenate([m.to_ndarray()[0] for f in frames for m in mixer.resample(f)])
    chunk = rate * 40 // 1000
    for at in range(0, len(pcm), chunk):
        t_ns = start_ns + at * NS_PER_S // rate
        piece = pcm[at : at + chunk]
        found.append((t_ns + len(piece) * NS_PER_S // rate, "audio", piece, t_ns))
    origin = min(t for _, _, _, t in found)
    yield from ((due - origin, kind, array, t - origin) for due, kind, array, t in sorted(found, key=lambda x: x[:2]))


def rate_of(clip: Path) -> int:
    with av.open(str(clip)) as file:
        return int(file.streams.audio[0].rate)


def pushed(clip: Path, session: Session) -> list[Row]:
    rows: list[Row] = []
    session.on_row(lambda row: rows.append(row) if row.settled else None)
    rate = rate_of(clip)
    with session:
        for _, kind, array, t_ns in media_of(clip):
            if kind == "video":
                session.push_video(array, t_ns)
            else:
                session.push_audio(array, t_ns, rate=rate)
        session.push_end()
        session.wait()
    return rows


def assert_same(rows: list[Row], expected: list[Row]) -> None:
    assert [r.t_ns for r in rows] == [r.t_ns for r in expected]
    assert [r.p for r in rows] == [r.p for r in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row.states == other.states
        for channel in Channel:
            np.testing.assert_array_equal(row.cues[channel], other.cues[channel])


@pytest.mark.models
def test_pushing_a_clip_without_hurry_gives_the_rows_and_words_of_its_replay(tmp_path: Path) -> None:
    """30 fps and chunks of 40 ms of the demo clip, every channel on."""
    clip = beginning(DEMO, tmp_path / "clip.mkv", 2.0)
    models = Models.load(Settings(), yields=True)
    expected = analyze(clip, models=models)
    fps = expected.info["source"]["fps"]
    camera = validated({"camera": {"fps": fps}}, "test")
    session = Session(video="push", audio="push", live=False, settings=camera, models=models)
    rows = pushed(clip, session)
    assert len(rows) > 55
    assert_same(rows, expected.rows)
    assert [(w.text, w.start_ns) for w in session.words] == [(w.text, w.start_ns) for w in expected.words]
    assert session.report()["ledger"]["balances"]


def test_what_is_pushed_without_hurry_and_without_times_follows_what_was_before() -> None:
    slow = validated({"channels": NOTHING, "camera": {"fps": 20}}, "test")
    session = Session(video="push", audio="push", live=False, settings=slow)
    with session:
        rows = session.rows()
        for i in range(20):
            session.push_video(grey(20)[i])
            session.push_audio(tone(200, 0.05))
    assert [row.t_ns for row in rows] == [i * 50 * NS_PER_MS for i in range(20)]
    books = session.report()["ledger"]["audio"]
    assert (books["samples"], books["gap_samples"]) == (16_000, 0)


def test_live_pushing_settles_the_rows_of_the_replay(tmp_path: Path) -> None:
    """Voice and the times of the pictures: what does not depend on which pictures a busy machine drops."""
    clip = write_clip(tmp_path / "clip.mkv", grey(60), tone(200, 2.0), fps=30.0)
    expected = analyze(clip, settings=settings(voice=True))
    session = Session(video="push", audio="push", settings=settings(voice=True))
    rows: list[Row] = []
    session.on_row(lambda row: rows.append(row) if row.settled else None)
    with session:
        for due, kind, array, t_ns in media_of(clip):
            session.clock.wait_until(due, threading.Event())
            if kind == "video":
                session.push_video(array, t_ns)
            else:
                session.push_audio(array, t_ns)
        session.push_end()
        assert session.wait(30)
    assert_same(rows, expected.rows)
    books = session.report()["ledger"]
    assert books["balances"]
    assert books["edges"]["host->camera"]["delivered"] == 60
    assert books["edges"]["host->microphone"]["delivered"] == 50
    assert books["audio"] == {"samples": 32_000, "gap_samples": 0, "gaps": 0, "seconds": 2.0}


class Held(ManualClock):
    """Session time that the test moves on: real time on a machine that is always quick enough."""

    started_at = datetime(2026, 1, 1, tzinfo=UTC)


OF_A_LENGTH = ("_sd", "gaze_aversion", "eyes_closed", "blink_rate")
"""Cues that weigh a picture by its length, which live is that of the one before: the next is not there yet."""


@pytest.mark.models
def test_live_rows_whose_pictures_were_all_looked_at_are_those_of_the_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ahdetect.session.SessionClock", Held)
    clip = beginning(DEMO, tmp_path / "clip.mkv", 1.0)
    both = validated({"channels": {"body_every": 3}}, "test")
    expected = analyze(clip, settings=both)
    session = Session(video="push", audio="push", settings=both)
    rows: list[Row] = []
    session.on_row(lambda row: rows.append(row) if row.settled else None)
    looked, rate = 0, rate_of(clip)
    with session:
        for due, kind, array, t_ns in media_of(clip):
            session.clock.wait_until(due, threading.Event())
            if kind == "audio":
                session.push_audio(array, t_ns, rate=rate)
                continue
            session.push_video(array, t_ns)
            looked += 1
            while min(session.report()["stages"][name]["packets"] for name in ("face cues", "body")) < looked:
                session.engine.rest(0.01)
        session.push_end()
        session.wait()
    assert [(r.id, r.t_ns, r.states) for r in rows] == [(r.id, r.t_ns, r.states) for r in expected.rows]
    assert [r.p for r in rows] == pytest.approx([r.p for r in expected.rows], abs=1e-4)
    assert [w.text for w in session.words] == [w.text for w in expected.words]
    for channel in Channel:
        exact = [i for i, cue in enumerate(OF_CHANNEL[channel]) if not cue.name.endswith(OF_A_LENGTH)]
        for row, other in zip(rows, expected.rows, strict=True):
            cues, same = row.cues[channel], other.cues[channel]
            assert (cues is None) == (same is None)
            if cues is not None and same is not None:
                np.testing.assert_array_equal(cues[exact], same[exact])


def test_a_pushed_session_is_stored_like_any_other(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(30), tone(200, 1.0), fps=30.0)
    session = Session(
        video="push:front camera", audio="push", live=False, out=tmp_path / "s", consent=AGREED,
        settings=settings(voice=True),
    )  # fmt: skip
    asked: list[str] = []
    session.on_event(lambda event: asked.append(str(event.detail.get("text", ""))))
    session.ask("What holds you back?", "hesitant", t_ns=200 * NS_PER_MS)
    rows = pushed(clip, session)
    stored = open_session(tmp_path / "s")
    assert len(stored.timeline().rows) == len(rows) == 30
    assert stored.info["devices"]["video"] == {
        "name": "front camera", "driver": "push", "width": 64, "height": 48, "fps": 30.0, "audio_rate": 0,
        "audio_channels": 0,
    }  # fmt: skip
    assert (stored.info["video"]["width"], stored.info["video"]["height"]) == (64, 48)
    (prompt,) = (e for e in stored.events() if e["kind"] == "prompt")
    assert prompt["text"] == "What holds you back?" == asked[0]
    assert prompt["t_ns"] == 200 * NS_PER_MS
    before, after = rows[0].prior_log_odds, rows[-1].prior_log_odds
    assert after != before  # the prior of that kind of prompt


@pytest.mark.models
def test_the_latency_of_an_answer_counts_from_the_question(tmp_path: Path) -> None:
    column = [c.name for c in CUES if c.channel is Channel.VOICE].index("voice_response_latency")
    clip = beginning(DEMO, tmp_path / "clip.mkv", 6.0)
    latencies = []
    for asked_ms in (0, 100):
        session = Session(video="push", audio="push", live=False, settings=settings(voice=True))
        session.ask("How are you?", t_ns=asked_ms * NS_PER_MS)
        last = pushed(clip, session)[-1].cues[Channel.VOICE]
        assert last is not None
        latencies.append(float(last[column]))
    assert latencies[0] - latencies[1] == pytest.approx(0.1, abs=0.01)


def test_a_session_of_devices_takes_no_push_and_says_why(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", grey(5), tone(200, 0.2))
    session = Session(video=str(clip), audio=str(clip), settings=settings())
    with session:
        with pytest.raises(ConfigError, match='video="push"'):
            session.push_video(np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(ConfigError, match='audio="push"'):
            session.push_audio(np.zeros(640, np.int16))
    with pytest.raises(ConfigError, match="live=False is for push mode"):
        Session(video=str(clip), audio="push", live=False)


def test_the_command_line_has_nobody_who_pushes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "record",
        "--out",
        str(tmp_path / "s"),
        "--audio",
        "push",
        "--video",
        "none",
        "--consent-given",
        "recording",
    ]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "push is for programs" in capsys.readouterr().err


def test_many_threads_may_push_and_nothing_is_lost() -> None:
    """Each takes its turn at the time; whoever comes too late is told, and nothing is counted twice."""
    session = Session(video="push", audio="push", settings=settings(voice=True))
    refused: list[AhdetectError] = []

    def host() -> None:
        for _ in range(50):
            try:
                session.push_audio(np.zeros(160, np.int16))
                session.push_video(np.zeros((48, 64, 3), np.uint8))
            except AhdetectError as error:
                refused.append(error)

    with session:
        hosts = [threading.Thread(target=host) for _ in range(4)]
        for thread in hosts:
            thread.start()
        for thread in hosts:
            thread.join()
        session.push_end()
    assert refused == [] or all("overlaps" in str(e) for e in refused)
    assert session.report()["ledger"]["balances"]
    heard = session.report()["ledger"]["audio"]["samples"]
    assert heard == (200 - len(refused)) * 160
