"""Replay: every kind of clip comes in by the live door, upright, on one clock, with its losses written down."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from media import grey, number_of, tone, write_clip

from ahdetect.capture.clock import NS_PER_S, Clock, ManualClock, ReplayClock
from ahdetect.capture.edges import LOSSLESS, Edge
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AUDIO_CHUNK, AudioPacket, VideoPacket
from ahdetect.capture.replay import Replay
from ahdetect.capture.sources import open_audio, open_sources, open_video
from ahdetect.capture.stage import Progress
from ahdetect.errors import ConfigError, MediaError

S = NS_PER_S


def play(replay: Replay) -> tuple[list[VideoPacket], list[AudioPacket]]:
    """Step to the end, without a thread."""
    clock, ledger = replay.clock, replay.ledger
    video, audio = Edge("v", LOSSLESS, clock, ledger), Edge("a", LOSSLESS, clock, ledger)
    replay.subscribe_video(video)
    replay.subscribe_audio(audio)
    while replay.step() is not Progress.DONE:
        pass
    replay.finish()
    frames, sounds = [], []
    while (frame := video.take()) is not None:
        frames.append(frame)
    while (sound := audio.take()) is not None:
        sounds.append(sound)
    assert video.exhausted
    assert audio.exhausted
    return frames, sounds


def replay_of(media, clock: Clock | None = None, **options) -> Replay:
    return Replay(media, clock or ReplayClock(), Ledger(), **options)


def heard(sounds: list[AudioPacket]) -> np.ndarray:
    return np.concatenate([p.data.pcm for p in sounds])


def test_picture_and_sound_come_whole_and_on_one_clock(tmp_path: Path):
    pcm = tone(440, 2.0)
    replay = replay_of(write_clip(tmp_path / "clip.mkv", grey(50), pcm))
    info = replay.info
    assert (info.has_video, info.has_audio, info.width, info.height, info.rotation) == (True, True, 64, 48, 0)
    assert info.fps == pytest.approx(25, rel=0.01)
    assert info.duration_s == pytest.approx(2.0, abs=0.1)
    frames, sounds = play(replay)
    assert [number_of(p.data) for p in frames] == list(range(50))
    assert [p.t_ns for p in frames] == [i * S // 25 for i in range(50)]
    assert {p.dur_ns for p in frames} == {S // 25}
    assert [p.seq for p in frames] == list(range(50))
    assert np.array_equal(heard(sounds), pcm)
    assert [p.t_ns for p in sounds] == [i * S // 25 for i in range(50)]
    assert [p.data.first_sample for p in sounds] == [i * AUDIO_CHUNK for i in range(50)]
    assert replay.totals.samples == len(pcm)
    assert replay.totals.frames == 50


def test_packets_come_in_the_order_in_which_devices_would_give_them(tmp_path: Path):
    clock = ReplayClock()
    replay = replay_of(write_clip(tmp_path / "clip.mkv", grey(50), tone(440, 2.0)), clock)
    order: list[int] = []
    edge = Edge("v", LOSSLESS, clock, replay.ledger)
    sound = Edge("a", LOSSLESS, clock, replay.ledger)
    replay.subscribe_video(edge)
    replay.subscribe_audio(sound)
    while replay.step() is not Progress.DONE:
        if (frame := edge.take()) is not None:
            order.append(frame.t_ns)
            assert frame.created_ns == frame.t_ns
        if (block := sound.take()) is not None:
            order.append(block.end_ns)
            assert block.created_ns == block.end_ns
    replay.finish()
    assert len(order) == 100
    assert order == sorted(order)


def test_a_clip_without_sound_and_one_without_picture_end_the_edge_they_cannot_serve(tmp_path: Path):
    silent = replay_of(write_clip(tmp_path / "silent.mkv", grey(5)))
    edge = Edge("a", LOSSLESS, silent.clock, silent.ledger)
    silent.subscribe_audio(edge)
    assert edge.exhausted
    frames, sounds = play(silent)
    assert (len(frames), len(sounds)) == (5, 0)

    blind = replay_of(write_clip(tmp_path / "blind.wav", pcm=tone(300, 0.5)))
    assert not blind.info.has_video
    frames, sounds = play(blind)
    assert (len(frames), len(heard(sounds))) == (0, 8000)


def test_cover_art_of_a_sound_file_is_no_video(tmp_path: Path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg writes the cover")
    write_clip(tmp_path / "cover.mkv", grey(1), video_codec="mjpeg")
    write_clip(tmp_path / "sound.wav", pcm=tone(300, 0.5))
    add = (
        "ffmpeg -v error -i sound.wav -i cover.mkv -map 0 -map 1 -c:a flac -c:v copy -disposition:v attached_pic s.flac"
    )
    subprocess.run(add.split(), cwd=tmp_path, check=True)
    info = replay_of(tmp_path / "s.flac").info
    assert (info.has_video, info.has_audio) == (False, True)


def test_variable_frame_rate_keeps_every_time_in_whole_rising_milliseconds(tmp_path: Path):
    times = [0.0, 0.040, 0.0505, 0.0508, 0.4, 1.9, 1.95]
    frames, _ = play(replay_of(write_clip(tmp_path / "vfr.mkv", grey(7), times_s=times)))
    t_ms = [p.t_ns / 1e6 for p in frames]
    assert all(t == int(t) for t in t_ms)
    assert np.allclose(t_ms, np.array(times) * 1000, atol=1.01)
    assert all(np.diff(t_ms) >= 1)
    assert [p.dur_ns for p in frames[:-1]] == [b.t_ns - a.t_ns for a, b in pairwise(frames)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
def test_rotated_and_mirrored_phone_clips_stand_upright(tmp_path: Path, rotation: int, hflip: bool):
    upright = np.full((64, 96, 3), 128, np.uint8)
    upright[:32, :48] = (220, 30, 30)  # red above left, blue above right
    upright[:32, 48:] = (30, 30, 220)
    # what a phone stores so that turning it counter-clockwise, then mirroring, gives the picture
    stored = np.ascontiguousarray(np.rot90(upright[:, ::-1] if hflip else upright, -rotation // 90))
    path = write_clip(tmp_path / "phone.mp4", [stored] * 3, rotation=rotation, hflip=hflip)
    replay = replay_of(path)
    assert (replay.info.width, replay.info.height) == (96, 64)
    frames, _ = play(replay)
    assert frames[0].data.shape == (64, 96, 3)
    assert np.abs(frames[0].data[8:24, 8:40].reshape(-1, 3).mean(0) - (220, 30, 30)).max() < 30
    assert np.abs(frames[0].data[8:24, 56:88].reshape(-1, 3).mean(0) - (30, 30, 220)).max() < 30
    assert frames[0].data.flags.c_contiguous


def test_large_pictures_are_scaled_down_on_request(tmp_path: Path):
    clip = write_clip(tmp_path / "big.mkv", grey(2, width=320, height=180))
    replay = replay_of(clip, max_side=160)
    assert (replay.info.width, replay.info.height) == (160, 90)
    assert play(replay)[0][0].data.shape == (90, 160, 3)


def test_sound_of_any_rate_comes_as_16_khz_in_its_place(tmp_path: Path):
    pcm = tone(440, 1.0, rate=44_100)
    pcm[:22_050] = 0
    path = write_clip(tmp_path / "cd.wav", pcm=pcm, rate=44_100)
    first, again = heard(play(replay_of(path))[1]), heard(play(replay_of(path))[1])
    assert np.array_equal(first, again)
    assert len(first) == 16_000
    onset = np.flatnonzero(np.abs(first) > 3000)[0]
    assert abs(onset - 8000) < 16  # within a millisecond: the resampler's delay is taken out


def test_sound_that_starts_later_keeps_its_distance(tmp_path: Path):
    clip = write_clip(tmp_path / "late.mkv", grey(25), tone(440, 0.5), audio_start_s=0.32)
    frames, sounds = play(replay_of(clip))
    assert frames[0].t_ns == 0
    assert sounds[0].t_ns == 320_000_000
    assert sounds[0].data.first_sample == 0


def test_picture_that_starts_later_keeps_its_distance(tmp_path: Path):
    times = [0.5 + i / 25 for i in range(10)]
    frames, sounds = play(replay_of(write_clip(tmp_path / "late.mkv", grey(10), tone(440, 1.0), times_s=times)))
    assert sounds[0].t_ns == 0
    assert frames[0].t_ns == 500_000_000


def test_a_hole_in_the_sound_becomes_marked_silence_and_a_ledger_row(tmp_path: Path):
    pcm = tone(440, 2.0)
    clip = write_clip(tmp_path / "hole.mkv", pcm=pcm, audio_holes_s=((0.5, 0.8),))
    replay = replay_of(clip)
    _, sounds = play(replay)
    whole = heard(sounds)
    assert len(whole) == len(pcm)
    assert np.array_equal(whole[: int(0.5 * 16_000)], pcm[: int(0.5 * 16_000)])
    assert np.array_equal(whole[int(0.8 * 16_000) :], pcm[int(0.8 * 16_000) :])
    assert not whole[int(0.5 * 16_000) : int(0.8 * 16_000)].any()
    filled = [p.data for p in sounds if p.data.synthetic]
    assert sum(len(b.pcm) for b in filled) == replay.totals.gap_samples == 4800
    assert filled[0].first_sample == 8000
    assert [row.detail["samples"] for row in replay.ledger.rows("gap", "audio")] == [4800]
    assert replay.totals.samples + replay.totals.gap_samples == 32_000
    assert all(a.end_ns == b.t_ns for a, b in pairwise(sounds))


def test_broken_packets_are_skipped_and_counted(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", grey(60), video_codec="mjpeg")
    with av.open(str(clip)) as container:
        pictures = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = clip.read_bytes()
    for picture in pictures[20:23]:
        data = data.replace(picture, np.random.default_rng(3).bytes(len(picture)))
    clip.write_bytes(data)
    replay = replay_of(clip)
    frames, _ = play(replay)
    assert [p.t_ns * 25 // S for p in frames] == [*range(20), *range(23, 60)]
    assert [p.seq for p in frames] == list(range(57))
    assert replay.totals.broken == 3
    assert [row.detail["packets"] for row in replay.ledger.rows("note", "replay")] == [3]


def test_a_clip_that_was_cut_off_plays_as_far_as_it_goes(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", grey(100), tone(440, 4.0))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames, sounds = play(replay_of(clip))
    assert 20 < len(frames) < 80
    assert 1.0 < len(heard(sounds)) / 16_000 < 3.0


def make_bad(kind: str, folder: Path) -> Path:
    path = folder / "bad.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(1).bytes(50_000))
    elif kind == "text":
        path = folder / "notes.txt"
        path.write_text("no clip at all\n" * 100)
    elif kind == "folder":
        path = folder / "clips"
        path.mkdir()
    elif kind == "no index":  # an mp4 whose end, with the table of its packets, is missing
        write_clip(path, grey(30), tone(440, 1.0), audio_codec="aac")
        path.write_bytes(path.read_bytes()[:4000])
    elif kind == "picture":
        path = folder / "still.mjpeg"
        write_clip(folder / "one.mkv", grey(1), video_codec="mjpeg")
        data = (folder / "one.mkv").read_bytes()
        path = folder / "still.jpg"
        path.write_bytes(data[data.index(b"\xff\xd8\xff") :])
    elif kind == "header only":
        write_clip(path.with_suffix(".mkv"), grey(30), tone(440, 1.0))
        path.write_bytes(path.with_suffix(".mkv").read_bytes()[:700])
    elif kind == "play list":  # would open an address behind the user's back
        path = folder / "list.m3u8"
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "noise", "text", "folder", "no index", "picture", "header only", "play list"]
)
def test_what_is_no_clip_is_said_in_one_sentence_that_names_it(tmp_path: Path, kind: str):
    path = make_bad(kind, tmp_path)
    with pytest.raises(MediaError) as caught:
        replay_of(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert caught.value.exit_code == 4


def test_a_session_s_picture_and_sound_files_play_as_one_clip(tmp_path: Path):
    video = write_clip(tmp_path / "video.mkv", grey(25), times_s=[1.2 + i / 25 for i in range(25)])
    audio = write_clip(tmp_path / "audio.flac", pcm=tone(440, 1.0), audio_codec="flac")
    replay = Replay.of_pair(video, audio, ReplayClock(), Ledger(), audio_offset_ns=1_013_000_000)
    frames, sounds = play(replay)
    assert [p.t_ns for p in frames] == [1_200_000_000 + i * S // 25 for i in range(25)]
    assert sounds[0].t_ns == 1_013_000_000
    assert len(heard(sounds)) == 16_000


def test_a_clip_can_come_from_decrypted_bytes(tmp_path: Path):
    path = write_clip(tmp_path / "clip.mkv", grey(10), tone(440, 0.4))
    frames, sounds = play(replay_of(lambda: path.open("rb")))
    assert (len(frames), len(heard(sounds))) == (10, 6400)


def test_in_real_time_packets_come_when_they_happen_on_the_session_clock(tmp_path: Path):
    clock = ManualClock(7 * S)
    clip = write_clip(tmp_path / "clip.mkv", grey(25), tone(440, 1.0), times_s=[0.2 + i / 25 for i in range(25)])
    replay = replay_of(clip, clock, realtime=True)
    video, audio = Edge("v", LOSSLESS, clock, replay.ledger), Edge("a", LOSSLESS, clock, replay.ledger)
    replay.subscribe_video(video)
    replay.subscribe_audio(audio)
    while replay.step() is not Progress.DONE:
        while (frame := video.take()) is not None:
            assert frame.t_ns == clock.now_ns() == frame.created_ns
        while (sound := audio.take()) is not None:
            assert sound.end_ns == clock.now_ns()
    replay.finish()
    assert video.counts().delivered == audio.counts().delivered == 25
    assert clock.now_ns() == 7 * S + 200_000_000 + 24 * S // 25


def test_specs_open_clips_and_refuse_what_a_clip_does_not_hold(tmp_path: Path):
    clip = str(write_clip(tmp_path / "clip.mkv", grey(5), tone(440, 0.2)))
    silent = str(write_clip(tmp_path / "silent.mkv", grey(5)))
    sound = str(write_clip(tmp_path / "sound.wav", pcm=tone(440, 0.2)))
    clock, ledger = ReplayClock(), Ledger()
    video, audio = open_sources(clip, clip, clock, ledger)
    assert video is audio is not None
    assert open_video("none", clock, ledger) is None
    assert open_audio("none", clock, ledger) is None
    with pytest.raises(MediaError, match="no sound"):
        open_audio(silent, clock, ledger)
    with pytest.raises(MediaError, match="no picture"):
        open_video(sound, clock, ledger)
    with pytest.raises(ConfigError, match="Neither"):
        open_sources("none", "none", clock, ledger)
    with pytest.raises(MediaError, match="no file"):
        open_video("clips/not-there.mp4", clock, ledger)
