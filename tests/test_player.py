"""The player without a screen: which picture is on when which sample is heard, at every speed, also without sound."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from media import grey, number_of, tone, write_clip
from numpy.typing import NDArray

from ahdetect.errors import MediaError
from ahdetect.gui.player import SPEEDS, Feed, Fill, Output, Player, Shown, Source, read_sound

RATE = 48_000
FPS = 25.0
SECONDS = 4.0


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Speaker:
    """A sound device whose callbacks the test makes; what it was given is kept."""

    rate = RATE

    def __init__(self, fill: Fill) -> None:
        self._fill, self.started, self.closed = fill, False, False
        self.heard: list[NDArray[np.float32]] = []

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True

    def call(self, count: int, heard_at: float) -> None:
        self.heard.append(self._fill(count, heard_at))


class Room:
    """A player with its clock and its speakers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.speakers: list[Speaker] = []
        self.players: list[Player] = []

    def player(self, video: Path | None, sound: Path | None, duration_s: float = SECONDS) -> Player:
        made = Player(
            Source(video) if video else None,
            Source(sound) if sound else None,
            duration_s,
            output=self.open,
            now=self.clock,
        )
        self.players.append(made)
        return made

    def open(self, fill: Fill, now: Callable[[], float]) -> Output:  # noqa: ARG002
        self.speakers.append(Speaker(fill))
        return self.speakers[-1]

    def hear(self, seconds: float, ahead_s: float = 0.05) -> None:
        """Time goes on; the device calls 10 ms by 10 ms, each block heard `ahead_s` later."""
        sound = self.players[-1]._sound
        assert sound is not None
        for _ in range(round(seconds * 100)):
            until(lambda: (feed := sound._feed) is not None and (feed.waiting_s > 0.01 or feed.finished))
            self.speakers[-1].call(RATE // 100, self.clock.now_s + ahead_s)
            self.clock.now_s += 0.01

    def starts(self, player: Player) -> None:
        """Play, and wait until the sound is ready for the device."""
        player.play()
        until(lambda: player._sound is not None and player._sound._feed is not None)


def until(done: Callable[[], object], seconds: float = 10.0) -> None:
    end, pause = time.monotonic() + seconds, threading.Event()
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.002)


def picture(player: Player, t_s: float) -> Shown:
    """The picture once it is the one of `t_s`."""
    found: list[Shown] = []

    def there() -> bool:
        shown = player.picture()
        if shown is not None and shown.t_s <= t_s + 1e-6 < shown.until_s:
            found.append(shown)
        return bool(found)

    until(there)
    return found[0]


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    for player in made.players:
        player.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ahdetect-player")]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mkv", grey(100), tone(440, SECONDS), fps=FPS)


def test_it_loads_no_qt() -> None:
    code = "import sys, ahdetect.gui.player; print(any(m.startswith(('PyQt', 'pyqtgraph')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


# -- pictures


@pytest.mark.parametrize("t_s", [0.0, 1.0, 1.039, 3.96, 0.5, 2.0])
def test_a_seek_shows_the_picture_of_that_moment(room: Room, clip: Path, t_s: float) -> None:
    player = room.player(clip, None)
    player.seek(1.5)
    player.seek(t_s)
    shown = picture(player, t_s)
    assert number_of(shown.frame) == int(t_s * FPS + 1e-6) % 50
    assert player.position_s == t_s


def test_a_cursor_that_is_dragged_about_ends_at_the_last_place(room: Room, clip: Path) -> None:
    player = room.player(clip, None)
    for i in range(60):
        player.seek((i * 37 % 100) / FPS)
    assert number_of(picture(player, (59 * 37 % 100) / FPS).frame) == (59 * 37 % 100) % 50


def test_steps_walk_picture_by_picture_both_ways_and_stop_at_the_ends(room: Room, clip: Path) -> None:
    player = room.player(clip, None)
    player.seek(1.0)
    picture(player, 1.0)
    for step, frame in ((1, 26), (1, 27), (-1, 26), (-3, 23), (-50, 0), (2, 2), (200, 99)):
        player.step(step)
        assert number_of(picture(player, frame / FPS).frame) == frame % 50
        assert player.position_s == pytest.approx(frame / FPS, abs=1e-3)


def test_pictures_of_uneven_times_are_stepped_through_one_by_one(room: Room, tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.067, 0.5, 0.51, 1.7]
    player = room.player(write_clip(tmp_path / "vfr.mkv", grey(6), times_s=times), None, 2.0)
    picture(player, 0.0)
    for i in range(1, 6):
        player.step(1)
        assert number_of(picture(player, times[i]).frame) == i
        assert player.position_s == pytest.approx(times[i], abs=1e-3)


def test_a_file_without_pictures_is_an_error_and_a_sound_without_them_plays(room: Room, tmp_path: Path) -> None:
    sound = write_clip(tmp_path / "sound.wav", None, tone(440, 1.0))
    with pytest.raises(MediaError):
        room.player(sound, None)
    player = room.player(None, sound, 1.0)
    room.starts(player)
    room.hear(0.5)
    assert player.picture() is None
    assert player.position_s == pytest.approx(0.45, abs=0.011)


# -- time


def test_the_position_is_what_is_heard_and_pictures_follow_it(room: Room, clip: Path) -> None:
    player = room.player(clip, clip)
    player.seek(1.0)
    room.starts(player)
    assert player.position_s == 1.0
    room.hear(0.05, ahead_s=0.05)
    assert player.position_s == pytest.approx(1.0, abs=0.011)
    room.hear(0.5, ahead_s=0.05)
    assert player.position_s == pytest.approx(1.5, abs=0.011)
    assert player.leads == "sound"
    assert number_of(picture(player, player.position_s).frame) == int(player.position_s * FPS + 1e-6)


def test_while_the_device_waits_for_sound_time_stands_still() -> None:
    feed = Feed(2.0, 1.0, RATE)
    feed.push(np.ones((480, 2), np.float32))
    out = feed.fill(960, heard_at=10.0, now=9.9)
    assert out[:480].min() == 1.0
    assert out[480:].max() == 0.0
    assert feed.position(10.005) == pytest.approx(2.005)
    assert feed.position(10.02) == pytest.approx(2.01)
    feed.push(np.ones((480, 2), np.float32))
    feed.fill(480, heard_at=10.02, now=9.92)
    assert feed.position(10.025) == pytest.approx(2.015)


def test_a_device_that_tells_its_delay_in_steps_gives_an_even_time() -> None:
    feed = Feed(0.0, 1.0, RATE)
    feed.push(np.ones((2 * RATE, 2), np.float32))
    positions = []
    for i in range(150):
        jitter = 0.03 if i % 4 else -0.03
        feed.fill(480, heard_at=10 + i * 0.01 + jitter, now=9.9 + i * 0.01)
        positions.append(feed.position(10 + i * 0.01))
    steps = np.diff(positions[50:])
    assert steps.min() > 0.006
    assert steps.max() < 0.014


def test_a_device_that_lost_samples_is_believed_at_once() -> None:
    feed = Feed(0.0, 1.0, RATE)
    feed.push(np.ones((RATE, 2), np.float32))
    feed.fill(480, heard_at=10.0, now=9.9)
    feed.fill(480, heard_at=10.5, now=10.4)
    assert feed.position(10.505) == pytest.approx(0.015)


def test_a_pause_stops_where_it_was_heard_and_play_goes_on_from_there(room: Room, clip: Path) -> None:
    player = room.player(clip, clip)
    room.starts(player)
    room.hear(1.0)
    player.pause()
    at = player.position_s
    assert at == pytest.approx(0.95, abs=0.011)
    room.clock.now_s += 5
    assert player.position_s == at
    until(lambda: room.speakers[-1].closed)
    room.starts(player)
    room.hear(0.5)
    assert player.position_s == pytest.approx(at + 0.45, abs=0.011)


def test_it_stops_at_the_end_and_begins_again(room: Room, clip: Path) -> None:
    player = room.player(clip, clip)
    player.seek(3.8)
    room.starts(player)
    room.hear(0.4)
    assert not player.playing
    assert player.position_s == SECONDS
    room.starts(player)
    assert player.position_s == 0.0


def test_without_sound_in_the_recording_the_clock_leads_and_it_says_so(room: Room, clip: Path) -> None:
    player = room.player(clip, None)
    player.set_speed(2.0)
    player.play()
    room.clock.now_s += 0.75
    assert player.position_s == pytest.approx(1.5)
    assert player.leads == "clock"
    assert player.note == "no sound in the recording"
    assert not room.speakers


def test_without_a_sound_device_the_clock_leads_and_it_says_so(room: Room, clip: Path) -> None:
    def none(fill: Fill, now: Callable[[], float]) -> Output:
        raise OSError("no sound device")

    player = Player(Source(clip), Source(clip), SECONDS, output=none, now=room.clock)
    room.players.append(player)
    player.seek(1.0)
    player.play()
    until(lambda: player.playing and player.note)
    room.clock.now_s += 0.5
    assert player.position_s == pytest.approx(1.5)
    assert (player.leads, player.note) == ("clock", "no sound device")


def test_a_sound_device_that_falls_silent_hands_over_to_the_clock(room: Room, clip: Path) -> None:
    player = room.player(clip, clip)
    room.starts(player)
    room.hear(0.5)
    at = player.position_s
    room.clock.now_s += 2.2
    stuck = player.position_s
    assert stuck == pytest.approx(at + 0.05, abs=0.02)
    room.clock.now_s += 0.5
    assert player.position_s == pytest.approx(stuck + 0.5)
    assert "does not answer" in player.note


@pytest.mark.parametrize("speed", SPEEDS)
def test_at_every_speed_time_runs_that_fast(room: Room, clip: Path, speed: float) -> None:
    player = room.player(clip, clip)
    player.set_speed(speed)
    room.starts(player)
    room.hear(0.55)
    assert player.position_s == pytest.approx(0.5 * speed, abs=0.011 * speed)


def test_another_speed_while_playing_goes_on_from_the_same_moment(room: Room, clip: Path) -> None:
    player = room.player(clip, clip)
    room.starts(player)
    room.hear(0.55)
    at = player.position_s
    player.set_speed(2.0)
    assert player.position_s == pytest.approx(at, abs=0.011)
    until(lambda: player._sound is not None and player._sound._feed is not None)
    room.hear(0.55)
    assert player.position_s == pytest.approx(at + 1.0, abs=0.03)


# -- sound


def heard(path: Path, t_s: float, until_s: float, speed: float = 1.0) -> NDArray[np.float32]:
    return np.concatenate(list(read_sound(Source(path), t_s, until_s, speed, RATE)))[:, 0]


def beeps(seconds: float) -> NDArray[np.int16]:
    """A 20 ms beep of 1 kHz at each full second, 16 kHz."""
    pcm = np.zeros(round(seconds * 16_000), np.int16)
    for second in range(int(seconds)):
        pcm[second * 16_000 :][:320] = tone(1000, 0.02)
    return pcm


def onsets(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Seconds at which it gets loud."""
    loud = np.flatnonzero(np.abs(sound) > 0.1)
    return loud[np.r_[True, np.diff(loud) > RATE // 4]] / RATE


@pytest.mark.parametrize("speed", SPEEDS)
def test_stretched_sound_keeps_its_pitch_and_its_place(tmp_path: Path, speed: float) -> None:
    path = write_clip(tmp_path / "tone.wav", None, tone(440, 8.0))
    sound = heard(path, 0.0, 8.0, speed)
    assert len(sound) / RATE == pytest.approx(8.0 / speed, abs=0.06)
    middle = sound[RATE : 2 * RATE]
    peak = np.abs(np.fft.rfft(middle * np.hanning(RATE))).argmax()
    assert peak == pytest.approx(440, abs=2)
    marks = onsets(heard(write_clip(tmp_path / "beeps.wav", None, beeps(8.0)), 0.0, 8.0, speed))
    assert len(marks) == 8
    assert np.abs(marks * speed - np.arange(8)).max() < 0.045


def test_sound_begins_at_the_sample_that_was_asked_for(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "beeps.mkv", None, beeps(6.0))
    assert onsets(heard(path, 2.5, 6.0)) == pytest.approx([0.5, 1.5, 2.5], abs=0.002)


def test_holes_and_late_beginnings_are_silence_of_their_length(room: Room, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "holes.mkv", grey(150), beeps(6.0), audio_start_s=0.4, audio_holes_s=((1.5, 2.5),))
    assert onsets(heard(path, 0.0, 7.0)) == pytest.approx([0.4, 1.4, 3.4, 4.4, 5.4], abs=0.004)
    assert len(heard(path, 0.0, 7.0)) == 7 * RATE
    assert len(heard(path, 6.9, 7.0)) == RATE // 10


def test_the_origin_of_a_session_s_sound_is_kept(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "audio.flac", None, beeps(4.0), audio_codec="flac")
    sound = np.concatenate(list(read_sound(Source(path, origin_s=-0.25), 0.0, 4.0, 1.0, RATE)))[:, 0]
    assert onsets(sound) == pytest.approx([0.25, 1.25, 2.25, 3.25], abs=0.002)


def test_a_file_that_is_gone_is_told_and_does_not_stop_the_pictures(room: Room, clip: Path, tmp_path: Path) -> None:
    player = room.player(clip, tmp_path / "gone.flac")
    player.play()
    until(lambda: player.playing and player.note)
    assert "gone.flac cannot be opened" in player.note
    room.clock.now_s += 1.0
    assert player.position_s == pytest.approx(1.0)
