"""Devices: what the model makes of cameras and microphones, and what the screen says about it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ahdetect.assets.cache import Cache
from ahdetect.capture.clock import NS_PER_MS, NS_PER_S, Clock, ManualClock
from ahdetect.capture.devices import CameraDevice, Level, level
from ahdetect.capture.ledger import Ledger
from ahdetect.capture.packets import AUDIO_CHUNK, SAMPLE_RATE, AudioBlock, Packet
from ahdetect.capture.portaudio import MicrophoneDevice
from ahdetect.capture.source import Source, SourceInfo
from ahdetect.capture.stage import Progress
from ahdetect.errors import AssetError, DeviceError, MediaError
from ahdetect.gui import device_model
from ahdetect.gui.clap import DelayTest, OnsetFinder
from ahdetect.gui.device_model import (
    CameraWatch,
    DeviceModel,
    Loading,
    Lookout,
    MicrophoneWatch,
    Status,
    audio_spec,
    free_bytes,
)
from ahdetect.gui.quality import PictureJudge, Remark, SoundJudge, background
from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values

FRAME_NS = NS_PER_S // 30


NOISE = np.random.default_rng(0).integers(-2, 3, (7, 480, 640, 1), dtype=np.int16)
"""Of a sensor, in seven pictures."""


def picture(level: int = 120, seed: int = 0, width: int = 640, height: int = 480) -> np.ndarray:
    """A grey picture with a little noise."""
    grey = (NOISE[seed % 7, :height, :width] + level).clip(0, 255).astype(np.uint8)
    return np.repeat(grey, 3, axis=2)


def face(t_ns: int, **values: float) -> CueFrame:
    """Cues of a face of 200 px in the middle of 640x480, well lit, sharp and frontal, but for `values`."""
    cues = empty_values(Channel.FACE)
    for name, value in {"size": 200 / 480, "light": 120.0, "yaw": 0.0, "blur": 150.0, **values}.items():
        cues[INDEX[f"face_{name}"]] = value
    return CueFrame(Channel.FACE, t_ns, cues, overlay={"box": np.array([240, 140, 400, 340], np.float32)})


# -- quality of the picture


def judged(frame: Callable[[int], np.ndarray], cues: Callable[[int], CueFrame | None], fps: float = 30.0) -> Any:
    judge = PictureJudge()
    for i in range(40):
        judge.step(i * FRAME_NS, frame(i), cues(i * FRAME_NS))
    return judge.remarks(fps)


def test_a_good_picture_has_nothing_to_mend() -> None:
    assert judged(lambda i: picture(seed=i), face) == ()


@pytest.mark.parametrize(
    ("values", "level", "remark"),
    [
        ({"light": 20.0}, 20, Remark.TOO_DARK),
        ({"light": 230.0}, 230, Remark.TOO_BRIGHT),
        ({"light": 20.0, "blur": 4.0}, 20, Remark.TOO_DARK),
        ({"light": 50.0}, 180, Remark.BACK_LIT),
        ({"light": 20.0}, 180, Remark.BACK_LIT),
        ({"size": 45 / 480}, 120, Remark.TOO_FAR),
        ({"yaw": -45.0}, 120, Remark.TURNED_AWAY),
        ({"blur": 12.0}, 120, Remark.BLURRED),
    ],
)
def test_each_fault_of_a_face_is_named(values: dict[str, float], level: int, remark: Remark) -> None:
    assert judged(lambda i: picture(level, seed=i), lambda t: face(t, **values)) == (remark,)


def test_a_dark_face_that_is_lit_well_enough_is_not_back_lit_by_a_white_wall() -> None:
    assert judged(lambda i: picture(230, seed=i), lambda t: face(t, light=75.0)) == ()


def test_no_face_is_said_and_darkness_as_its_likely_reason() -> None:
    nobody = lambda t: absent_frame(Channel.FACE, t, "no face")  # noqa: E731
    assert judged(lambda i: picture(seed=i), nobody) == (Remark.NO_FACE,)
    assert judged(lambda i: picture(8, seed=i), nobody) == (Remark.NO_FACE, Remark.TOO_DARK)


def test_one_missed_face_is_no_remark() -> None:
    missed = lambda t: absent_frame(Channel.FACE, t, "no face") if t // FRAME_NS % 5 == 0 else face(t)  # noqa: E731
    assert judged(lambda i: picture(seed=i), missed) == ()


def test_without_a_face_model_darkness_is_still_seen() -> None:
    assert judged(lambda i: picture(8, seed=i), lambda _: None) == (Remark.TOO_DARK,)
    assert judged(lambda i: picture(seed=i), lambda _: None) == ()


def test_few_pictures_and_a_frozen_one_are_named() -> None:
    assert judged(lambda i: picture(seed=i), face, fps=8.0) == (Remark.SLOW,)
    judge, frozen = PictureJudge(), picture()
    for i in range(120):
        judge.step(i * FRAME_NS, frozen, face(i * FRAME_NS))
    assert judge.remarks(30.0) == (Remark.STILL,)


def test_the_background_leaves_head_and_body_out() -> None:
    thumb = np.full((60, 80), 200.0)
    thumb[10:, 20:60] = 30.0
    assert background(thumb, np.array([30, 20, 50, 45])) == 200.0
    assert np.isnan(background(thumb, np.array([-20, -20, 100, 80])))


# -- quality of the sound


def heard(peak: float = -12.0, speech_db: float = -25.0, noise: float = -60.0, p: float = 0.9, clipped: int = 0) -> Any:
    judge = SoundJudge()
    for i in range(125):
        t_ns = i * 40 * NS_PER_MS
        cues = empty_values(Channel.VOICE)
        for name, value in (("voice_noise", noise), ("voice_speech", p), ("voice_intensity", speech_db)):
            cues[INDEX[name]] = value
        judge.step(Level(t_ns, peak, speech_db, clipped if i == 100 else 0), [CueFrame(Channel.VOICE, t_ns, cues)])
    return judge.remarks()


@pytest.mark.parametrize(
    ("sound", "remarks"),
    [
        ({}, ()),
        ({"peak": -96.0, "noise": float("nan"), "p": 0.0}, (Remark.NO_SOUND,)),
        ({"clipped": 3}, (Remark.CLIPPING,)),
        ({"speech_db": -58.0, "noise": -80.0}, (Remark.TOO_QUIET,)),
        ({"noise": -40.0}, (Remark.NOISY,)),
        ({"speech_db": -40.0, "noise": -50.0}, (Remark.NOISY,)),
        ({"p": 0.1}, (Remark.NO_SPEECH,)),
    ],
)
def test_each_fault_of_the_sound_is_named(sound: dict[str, Any], remarks: tuple[Remark, ...]) -> None:
    assert heard(**sound) == remarks


def test_clipping_is_said_at_once_and_for_some_seconds() -> None:
    judge = SoundJudge()
    judge.step(Level(0, 0.0, -3.0, 5), [])
    assert judge.remarks() == (Remark.CLIPPING,)
    for i in range(1, 130):
        judge.step(Level(i * 40 * NS_PER_MS, -12.0, -25.0, 0), [])
    assert judge.remarks() == ()


# -- the clap test

RATE = SAMPLE_RATE


def sound_of(claps_s: list[float], seconds: float, delay_s: float = 0.0, noise: float = 30.0) -> np.ndarray:
    """Claps: bursts of noise that die away within 30 ms, in the noise of a room."""
    rng = np.random.default_rng(0)
    pcm = rng.normal(0, noise, round(seconds * RATE))
    for clap in claps_s:
        start = round((clap + delay_s) * RATE)
        burst = rng.normal(0, 12_000, RATE // 10) * np.exp(-np.arange(RATE // 10) / (0.03 * RATE))
        pcm[start : start + len(burst)] += burst[: max(0, len(pcm) - start)]
    return pcm.clip(-32_768, 32_767).astype(np.int16)


def blocks(pcm: np.ndarray, start_ns: int = 0) -> Iterator[Packet[AudioBlock]]:
    for seq, at in enumerate(range(0, len(pcm) - AUDIO_CHUNK + 1, AUDIO_CHUNK)):
        t_ns = start_ns + at * NS_PER_S // RATE
        yield Packet("audio", seq, t_ns, 40 * NS_PER_MS, t_ns, AudioBlock(pcm[at : at + AUDIO_CHUNK], at))


def hands(t_s: float, claps_s: list[float], seed: int) -> np.ndarray:
    """Two hands that come together within .12 s, rest, and go apart slowly."""
    frame = picture(90, seed)
    gap = 200.0
    for clap in claps_s:
        if clap - 0.12 <= t_s < clap:
            gap = 200.0 * (clap - t_s) / 0.12
        elif clap <= t_s < clap + 0.1:
            gap = 0.0
        elif clap + 0.1 <= t_s < clap + 0.6:
            gap = 200.0 * (t_s - clap - 0.1) / 0.5
    for left in (220 - gap / 2, 320 + gap / 2):
        frame[180:320, int(left) : int(left) + 80] = 210
    return frame


def clap_test(delay_s: float, claps_s: list[float], seconds: float = 6.0) -> DelayTest:
    test = DelayTest()
    frames = [
        Packet("video", i, i * FRAME_NS, FRAME_NS, i * FRAME_NS, hands(i / 30, claps_s, i % 7))
        for i in range(round(seconds * 30))
    ]
    sounds = list(blocks(sound_of(claps_s, seconds, delay_s)))
    for packet in sorted([*frames, *sounds], key=lambda p: p.end_ns):
        test.see(packet) if packet.stream == "video" else test.hear(packet)
    return test


@pytest.mark.parametrize("delay_s", [0.0, 0.18, -0.1])
def test_three_claps_tell_the_delay_to_a_frame(delay_s: float) -> None:
    result = clap_test(delay_s, [1.511, 2.803, 4.127]).result()
    assert result.done
    assert result.median_ms == pytest.approx(1000 * delay_s, abs=33)
    assert result.uncertainty_ms >= 33
    assert abs(result.median_ms - 1000 * delay_s) <= result.uncertainty_ms


def test_a_delay_that_a_viewer_notices_is_told_from_one_that_he_does_not() -> None:
    assert clap_test(0.05, [1.5, 2.8, 4.1]).result().in_step
    assert not clap_test(0.25, [1.5, 2.8, 4.1]).result().in_step
    assert not clap_test(-0.15, [1.5, 2.8, 4.1]).result().in_step


def test_two_claps_are_no_result() -> None:
    result = clap_test(0.0, [1.5, 2.8]).result()
    assert len(result.offsets_ms) == 2
    assert not result.done
    assert np.isnan(result.median_ms)


def test_a_sound_without_movement_is_counted_and_not_taken() -> None:
    test = DelayTest()
    still = [picture(90, i) for i in range(7)]
    for i in range(150):
        test.see(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, still[i % 7]))
        if i == 60:
            for packet in blocks(sound_of([1.0], 2.0)):
                test.hear(packet)
    assert test.result().offsets_ms == ()
    assert test.result().unseen == 1


def test_a_sound_without_any_picture_is_given_up() -> None:
    test = DelayTest()
    for packet in blocks(sound_of([1.0], 5.0)):
        test.hear(packet)
    assert test.result().unseen == 1


def test_onsets_are_dated_to_milliseconds_and_slow_rises_are_none() -> None:
    finder = OnsetFinder()
    found = [t for p in blocks(sound_of([0.7003, 1.9], 3.0)) for t in finder.step(p)]
    assert [t / NS_PER_S for t in found] == pytest.approx([0.7003, 1.9], abs=0.002)
    t = np.arange(2 * RATE) / RATE
    swell = (8000 * np.clip((t - 0.5) / 0.3, 0, 1) * np.sin(2 * np.pi * 200 * t)).astype(np.int16)
    room = np.random.default_rng(1).normal(0, 30, len(t)).astype(np.int16)
    finder = OnsetFinder()
    assert [t for p in blocks(swell + room) for t in finder.step(p)] == []


# -- the model, on fakes


class Scripted(Source):
    """A device whose packets the test hands out itself."""

    def __init__(self, clock: Clock, ledger: Ledger, info: SourceInfo) -> None:
        super().__init__("scripted", clock, ledger)
        self.info = info
        self.stopped = False

    def start(self) -> None:
        """No thread: the test is the device."""

    def stop(self) -> None:
        self.stopped = True

    def step(self) -> Progress:
        return Progress.IDLE

    def show(self, number: int, frame: np.ndarray) -> None:
        t_ns = number * FRAME_NS // NS_PER_MS * NS_PER_MS
        self._emit_video(Packet("video", number, t_ns, FRAME_NS, t_ns, frame))

    def sound(self, packet: Packet[AudioBlock]) -> None:
        self._emit_audio(packet)

    def end(self) -> None:
        self.finish()


class Bench:
    """A watch with a shelf of devices that can be taken off it."""

    def __init__(self, **infos: SourceInfo) -> None:
        self.clock = ManualClock()
        self.infos = infos
        self.made: list[Scripted] = []
        self.error: Exception | None = None

    def open(self, spec: str, clock: Clock, ledger: Ledger) -> Source:
        if self.error is not None:
            raise self.error
        if spec not in self.infos:
            raise DeviceError(f"There is no {spec}.", value=spec, permanent=False)
        self.made.append(Scripted(clock, ledger, self.infos[spec]))
        return self.made[-1]


class FakeFace:
    """Finds a face in every picture; its box lies where the picture says."""

    closed = False

    def step(self, packet: Packet[Any]) -> CueFrame:
        cues = face(packet.t_ns)
        cues.overlay["box"] = np.full(4, float(packet.data[0, 0, 0]), np.float32)
        return cues

    def close(self) -> None:
        self.closed = True


class FakeVoice:
    def step(self, packet: Packet[AudioBlock]) -> list[CueFrame]:
        cues = empty_values(Channel.VOICE)
        cues[[INDEX["voice_noise"], INDEX["voice_speech"], INDEX["voice_intensity"]]] = -60.0, 0.9, -25.0
        return [CueFrame(Channel.VOICE, packet.end_ns, cues)]


CAMERA = SourceInfo("camera 0", has_video=True, width=64, height=48)
MICROPHONE = SourceInfo("pulse", has_audio=True, audio_rate=48_000)


@pytest.fixture
def bench() -> Bench:
    return Bench(cam=CAMERA, other=CAMERA, mic=MICROPHONE)


@pytest.fixture
def camera(bench: Bench) -> Iterator[CameraWatch]:
    watch = CameraWatch(bench.clock, bench.open, FakeFace)
    yield watch
    watch.finish()


@pytest.fixture
def microphone(bench: Bench) -> Iterator[MicrophoneWatch]:
    watch = MicrophoneWatch(bench.clock, bench.open, FakeVoice)
    yield watch
    watch.finish()


def small(level: int, seed: int = 0) -> np.ndarray:
    return picture(level, seed, 64, 48)


def watched(camera: CameraWatch, bench: Bench, numbers: range) -> None:
    for number in numbers:
        bench.made[-1].show(number, small(number % 200 + 20, number))
        bench.clock.advance_to(number * FRAME_NS)
        camera.step()


def face_ready(camera: CameraWatch) -> None:
    """The face stream is made on a thread; wait for it."""
    assert camera._loader is not None
    camera._loader.join()


def test_a_camera_is_opened_measured_and_let_go(camera: CameraWatch, bench: Bench) -> None:
    assert camera.state.status is Status.OFF
    camera.choose("cam")
    camera.step()
    assert camera.state.status is Status.OPENING or camera.state.status is Status.ON
    watched(camera, bench, range(100))
    assert camera.state.status is Status.ON
    assert camera.state.fps == pytest.approx(30.0, abs=0.1)
    assert (camera.state.info.width, camera.state.info.height) == (64, 48)  # type: ignore[union-attr]
    camera.choose("none")
    camera.step()
    assert camera.state.status is Status.OFF
    assert camera.state.frame is None
    assert bench.made[0].stopped
    assert camera.idle.is_set()


def test_the_rate_is_the_cameras_even_where_pictures_are_skipped(camera: CameraWatch, bench: Bench) -> None:
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(0, 120, 3))
    assert camera.state.fps == pytest.approx(30.0, abs=0.1)


def test_the_overlay_is_that_of_the_picture_beside_it(camera: CameraWatch, bench: Bench) -> None:
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(2))
    face_ready(camera)
    for number in range(2, 8):
        watched(camera, bench, range(number, number + 1))
        assert camera.state.overlay["box"][0] == camera.state.frame[0, 0, 0]  # type: ignore[index]
    assert camera.state.face is Loading.READY


def test_without_a_face_model_there_is_a_preview_and_the_command_that_mends_it(bench: Bench) -> None:
    def missing() -> Any:
        raise AssetError("The model file x is missing; run `ahdetect assets pull`.")

    camera = CameraWatch(bench.clock, bench.open, missing)
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(2))
    face_ready(camera)
    watched(camera, bench, range(2, 4))
    assert camera.state.frame is not None
    assert camera.state.face is Loading.MISSING
    assert "ahdetect assets pull" in camera.state.face_message
    camera._make_face = FakeFace  # the file was fetched, and Rescan pressed
    camera.reload_face()
    watched(camera, bench, range(4, 5))
    face_ready(camera)
    watched(camera, bench, range(5, 6))
    assert camera.state.face is Loading.READY
    camera.finish()


def test_an_unplugged_camera_is_said_and_comes_back_by_itself(camera: CameraWatch, bench: Bench) -> None:
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(3))
    device = bench.made[0]
    device.ledger.write(0, "device_lost", "camera", reason="no frame came")
    camera.step()
    assert camera.state.status is Status.LOST
    assert camera.state.message == "no frame came"
    assert camera.state.frame is None
    device.ledger.write(0, "device_back", "camera")
    watched(camera, bench, range(200, 202))
    assert camera.state.status is Status.ON
    assert camera.state.frame is not None


def test_a_camera_that_is_not_there_is_tried_again(camera: CameraWatch, bench: Bench) -> None:
    info = bench.infos.pop("cam")
    camera.choose("cam")
    for _ in range(20):
        camera.step()  # each waits 50 ms of the manual clock
    assert camera.state.status is Status.FAILED
    assert camera.state.message == "There is no cam."
    bench.infos["cam"] = info
    for _ in range(60):
        camera.step()
    assert camera.state.status is Status.ON


def test_what_will_never_open_is_tried_once_until_something_else_is_chosen(camera: CameraWatch, bench: Bench) -> None:
    bench.error = MediaError("x is no clip.")
    camera.choose("cam")
    camera.step()
    assert camera.state.message == "x is no clip."
    bench.error = None
    for _ in range(200):
        camera.step()
    assert bench.made == []
    camera.choose("other")
    for _ in range(3):
        camera.step()
    assert camera.state.status is Status.ON


def test_a_file_that_ends_begins_anew(camera: CameraWatch, bench: Bench) -> None:
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(3))
    bench.made[0].end()
    for _ in range(3):
        camera.step()
    assert len(bench.made) == 2
    assert camera.state.status is Status.ON


def test_the_cost_of_recording_is_measured_with_the_recorders_encoder(camera: CameraWatch, bench: Bench) -> None:
    camera.choose("cam")
    camera.step()
    watched(camera, bench, range(60))
    assert camera.state.bytes_per_s is None
    watched(camera, bench, range(60, 200))
    assert camera.state.bytes_per_s is not None
    assert 1_000 < camera.state.bytes_per_s < 300_000  # 64x48 with noise


def test_the_meter_holds_its_peak_and_shows_clipping(microphone: MicrophoneWatch, bench: Bench) -> None:
    microphone.choose("mic")
    microphone.step()
    t = np.arange(4 * RATE)
    pcm = (1000 * np.sin(2 * np.pi * 440 * t / RATE)).astype(np.int16)
    pcm[RATE : RATE + 100] = 32_767
    levels = []
    for packet in blocks(pcm):
        bench.made[0].sound(packet)
        microphone.step()
        levels.append(microphone.state)
    assert levels[10].peak_dbfs == pytest.approx(20 * np.log10(1000 / 32768), abs=0.1)
    assert not levels[10].clipping
    one_second_later = levels[26 + 25]
    assert one_second_later.peak_dbfs < -20
    assert one_second_later.hold_dbfs == pytest.approx(0.0, abs=0.1)
    assert one_second_later.clipping
    assert Remark.CLIPPING in one_second_later.remarks
    assert levels[-1].hold_dbfs < -20


def test_silence_put_in_for_a_lost_microphone_is_no_level(microphone: MicrophoneWatch, bench: Bench) -> None:
    microphone.choose("mic")
    microphone.step()
    gap = AudioBlock(np.zeros(AUDIO_CHUNK, np.int16), 0, synthetic=True)
    bench.made[0].sound(Packet("audio", 0, 0, 40 * NS_PER_MS, 0, gap))
    bench.made[0].ledger.write(0, "device_lost", "microphone", reason="it was disconnected")
    microphone.step()
    assert microphone.state.status is Status.LOST
    assert not microphone.state.heard


def test_a_microphone_that_is_not_there_is_looked_for_anew_before_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PortAudio's list is frozen: without a new one a microphone that was plugged in later would never be found."""
    plugged: list[str] = []

    class Backend:
        def rescan(self) -> None:
            plugged.append("mic")

    def open_it(spec: str, clock: Clock, ledger: Ledger) -> Source:
        if not plugged:
            raise DeviceError("There is no microphone.", permanent=False)
        return Scripted(clock, ledger, MICROPHONE)

    monkeypatch.setattr(device_model, "BACKENDS", {"fake": Backend})
    monkeypatch.setattr(device_model, "open_audio", open_it)
    watch = MicrophoneWatch(ManualClock(), voice=FakeVoice)
    watch.choose("mic")
    watch.step()
    assert watch.state.status is Status.FAILED
    for _ in range(60):
        watch.step()
    assert watch.state.status is Status.ON
    watch.finish()


# -- the lookout


def make_lookout(tmp_path: Path, clock: Clock, cams: list[CameraDevice], mics: list[MicrophoneDevice]) -> Lookout:
    return Lookout(
        clock,
        find_cameras=lambda: list(cams),
        find_microphones=lambda: (list(mics), ["pyaudio is not installed"]),
        reload=lambda: None,
        cache=lambda: Cache(tmp_path / "models"),
    )


def test_the_lookout_lists_devices_missing_models_and_free_space(tmp_path: Path) -> None:
    clock, cams = ManualClock(), [CameraDevice(0, "Front")]
    lookout = make_lookout(tmp_path, clock, cams, [MicrophoneDevice("sounddevice", 0, "pulse", 48_000, 2)])
    lookout.folder = tmp_path / "not" / "yet"
    lookout.step()
    found = lookout.found
    assert [c.name for c in found.cameras] == ["Front"]
    assert found.notes == ("pyaudio is not installed",)
    assert found.command == "ahdetect assets pull"
    assert "face_landmarker" in {row.entry.name for row in found.missing}
    assert not any(row.entry.optional for row in found.missing)
    assert found.free_bytes == pytest.approx(free_bytes(tmp_path), rel=0.05)
    cams.append(CameraDevice(2, "Desk"))
    lookout.step()
    assert len(lookout.found.cameras) == 1  # not before it is asked
    lookout.rescan()
    lookout.step()
    assert len(lookout.found.cameras) == 2
    assert lookout.found.number == 2


def test_a_rescan_lets_the_microphone_go_and_takes_it_again(bench: Bench, tmp_path: Path) -> None:
    model = make_model(bench, tmp_path)
    wanted: list[str | None] = []
    model.lookout._reload = lambda: wanted.append(model.microphone._wanted)
    model.choose("cam", "mic")
    model.microphone.step()
    model.lookout.step()
    assert wanted == []  # the first list is fresh
    model.rescan()
    model.lookout.step()
    assert wanted == [None]
    assert model.microphone._wanted == "mic"
    model.microphone.finish()


# -- all of it


def test_a_remembered_microphone_gets_its_driver(tmp_path: Path) -> None:
    clip = tmp_path / "a.wav"
    clip.touch()
    assert audio_spec("default", "pyaudio") == "pyaudio:default"
    assert audio_spec("pyaudio:Mic", "sounddevice") == "pyaudio:Mic"
    assert audio_spec("none", "sounddevice") == "none"
    assert audio_spec(str(clip), "sounddevice") == str(clip)


def test_the_model_loads_no_qt() -> None:
    code = "import sys, ahdetect.gui.device_model; print(any(m.startswith(('PyQt', 'pyqtgraph')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def make_model(bench: Bench, tmp_path: Path) -> DeviceModel:
    return DeviceModel(
        bench.clock,
        camera=CameraWatch(bench.clock, bench.open, FakeFace),
        microphone=MicrophoneWatch(bench.clock, bench.open, FakeVoice),
        lookout=make_lookout(tmp_path, bench.clock, [CameraDevice(0, "Front")], []),
    )


def test_a_clap_test_ends_by_itself_and_keeps_its_result(bench: Bench, tmp_path: Path) -> None:
    model = make_model(bench, tmp_path)
    model.choose("cam", "mic")
    model.camera.step()
    model.microphone.step()
    assert model.snapshot().both_live
    model.start_test()
    claps = [1.5, 2.8, 4.1]
    sounds = blocks(sound_of(claps, 6.0))
    cam, mic = bench.made
    for i in range(150):
        cam.show(i, hands(i / 30, claps, i % 7)[::2, ::2])
        model.camera.step()
        while (block := next(sounds, None)) is not None:
            mic.sound(block)
            model.microphone.step()
            if block.end_ns >= i * FRAME_NS:
                break
    snapshot = model.snapshot()
    assert not snapshot.testing
    assert snapshot.delay.done
    assert snapshot.delay.median_ms == pytest.approx(0.0, abs=33)
    model.camera.finish()
    model.microphone.finish()


def test_hours_follow_from_free_space_and_measured_rate(bench: Bench, tmp_path: Path) -> None:
    model = make_model(bench, tmp_path)
    model.lookout.step()
    off = model.snapshot()
    model.choose("cam", "mic")
    model.camera.step()
    model.microphone.step()
    on = model.snapshot()
    assert off.hours is not None
    assert on.hours is not None
    assert on.hours < off.hours
    assert on.hours == pytest.approx(on.found.free_bytes / on.bytes_per_s / 3600)  # type: ignore[operator]


# -- the screen


@pytest.fixture
def screen(qtbot: Any, tmp_path: Path) -> Iterator[Any]:
    from PyQt6.QtCore import QSettings

    from ahdetect.gui.context import Context
    from ahdetect.gui.screens.devices import DevicesScreen

    bench = Bench(**{"0": CAMERA, "2": CAMERA, "sounddevice:default": MICROPHONE, "sounddevice:Desk": MICROPHONE})
    context = Context(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    model = make_model(bench, tmp_path)
    model.lookout = make_lookout(
        tmp_path,
        bench.clock,
        [CameraDevice(0, "Front"), CameraDevice(2, "Side")],
        [MicrophoneDevice("sounddevice", 4, "Desk", 48_000, 1)],
    )
    screen = DevicesScreen(context, model)
    screen.bench = bench
    for stage in (model.camera, model.microphone, model.lookout):
        stage.start = lambda: None  # type: ignore[method-assign]  the test steps them itself
    qtbot.addWidget(screen)
    screen.show()
    screen.enter()
    screen.timer.stop()
    turn(screen)
    yield screen
    screen.shutdown()
    model.camera.finish()
    model.microphone.finish()


def turn(screen: Any, times: int = 4) -> None:
    """Everything does a few steps, then the screen looks."""
    for _ in range(times):
        screen.model.camera.step()
        screen.model.microphone.step()
        screen.model.lookout.step()
    screen.refresh()


def test_it_opens_what_was_chosen_and_lists_what_there_is(screen: Any) -> None:
    assert [screen.camera.itemText(i) for i in range(screen.camera.count())][:2] == ["0: Front", "2: Side"]
    assert screen.camera.currentData() == "0"
    assert [s.info for s in screen.bench.made] == [CAMERA, MICROPHONE]
    assert "Desk" in [screen.microphone.itemText(i) for i in range(screen.microphone.count())]


def test_another_camera_is_taken_by_keyboard_and_remembered(screen: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    from ahdetect.gui.context import Context

    screen.camera.setFocus()
    qtbot.keyClick(screen.camera, Qt.Key.Key_Down)
    turn(screen)
    assert screen.context.choice.video == "2"
    assert screen.bench.made[0].stopped
    assert screen.model.camera.state.status is Status.ON
    screen.context.settings.sync()
    assert Context(screen.context.settings).choice.video == "2"


def test_a_stream_address_is_asked_for_and_its_failure_told(screen: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    from ahdetect.gui.screens.devices import OTHER

    assert not screen.address.isVisible()
    screen.camera.setCurrentIndex(screen.camera.findData(OTHER))
    screen.camera.activated.emit(screen.camera.currentIndex())
    assert screen.address.isVisible()
    qtbot.keyClicks(screen.address, "http://x/cam")
    qtbot.keyClick(screen.address, Qt.Key.Key_Return)
    assert screen.context.choice.video == "http://x/cam"
    turn(screen)
    assert screen.video.note == "There is no http://x/cam."


def test_a_rescan_keeps_what_was_chosen_even_if_it_is_gone(screen: Any) -> None:
    screen.context.choice.video = "5"
    screen.rescan.click()
    turn(screen)
    assert screen.camera.currentData() == "5"
    assert "not found" in screen.camera.currentText()


def test_the_picture_its_rate_and_what_to_mend_are_shown(screen: Any) -> None:
    for number in range(70):
        screen.bench.made[0].show(number, small(8, number))
        screen.model.camera.step()
    screen.refresh()
    assert screen.video.frame is not None
    assert "64 × 48" in screen.picture_facts.text()
    assert "30.0 pictures a second" in screen.picture_facts.text()


def test_model_files_that_are_missing_come_with_the_command(screen: Any) -> None:
    assert "ahdetect assets pull" in screen.models.text()
    assert "face_landmarker" in screen.models.text()
    assert "hours of recording" in screen.disk.text()


def test_an_unplugged_microphone_is_a_banner_that_goes_when_it_is_back(screen: Any) -> None:
    told: list[tuple[str, str, str]] = []
    screen.context.banner.connect(lambda *banner: told.append(banner))
    ledger = screen.bench.made[1].ledger
    ledger.write(0, "device_lost", "microphone", reason="it was disconnected")
    turn(screen)
    assert "gone" in screen.sound_facts.text()
    assert told[-1][0] == "warning"
    assert "microphone" in told[-1][1]
    ledger.write(0, "device_back", "microphone")
    turn(screen)
    assert told[-1][1] == ""


def test_leaving_lets_the_devices_go_and_entering_takes_them_again(screen: Any) -> None:
    screen.leave()
    turn(screen)
    assert all(source.stopped for source in screen.bench.made)
    assert screen.model.camera.idle.is_set()
    assert screen.model.microphone.idle.is_set()
    assert not screen.timer.isActive()
    screen.enter()
    screen.timer.stop()
    turn(screen)
    assert screen.model.camera.state.status is Status.ON


def test_every_control_has_a_name_and_can_be_reached_by_tab(screen: Any) -> None:
    from PyQt6.QtCore import Qt
    from PyQt6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton

    controls = [w for kind in (QCheckBox, QComboBox, QLineEdit, QPushButton) for w in screen.findChildren(kind)]
    assert len(controls) >= 8
    for control in controls:
        assert control.accessibleName(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control.accessibleName()


def test_everything_goes_by_keyboard(screen: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt

    screen.activateWindow()
    qtbot.waitUntil(screen.isActiveWindow)
    alt = Qt.KeyboardModifier.AltModifier

    def press(key: Qt.Key) -> None:
        qtbot.keyClick(screen, key, alt)

    testing = lambda: screen.model.snapshot().testing  # noqa: E731
    press(Qt.Key.Key_T)
    qtbot.waitUntil(testing)  # a button shows that it is pressed before it acts
    turn(screen)
    assert "Clap 3 times" in screen.delay.text()
    press(Qt.Key.Key_T)
    qtbot.waitUntil(lambda: not testing())
    mirrored, drawn = screen.video.mirror, screen.video.overlay_on
    press(Qt.Key.Key_I)
    press(Qt.Key.Key_O)
    qtbot.waitUntil(lambda: (screen.video.mirror, screen.video.overlay_on) == (not mirrored, not drawn))
    press(Qt.Key.Key_R)
    qtbot.waitUntil(screen.model.lookout._asked.is_set)
    press(Qt.Key.Key_M)
    assert screen.microphone.hasFocus()
    gone: list[str] = []
    screen.context.go.connect(gone.append)
    press(Qt.Key.Key_N)
    qtbot.waitUntil(lambda: gone == ["setup"])


def test_tab_walks_through_every_control(screen: Any, qtbot: Any) -> None:
    from PyQt6.QtCore import Qt
    from PyQt6.QtWidgets import QApplication

    screen.activateWindow()
    qtbot.waitUntil(screen.isActiveWindow)
    screen.camera.setFocus()
    walked = []
    for _ in range(12):
        focused = QApplication.focusWidget()
        walked.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    shown = [screen.camera, screen.microphone, screen.rescan, screen.test, screen.models, screen.mirror, screen.overlay]
    assert [w for w in dict.fromkeys(walked) if w in shown] == shown
    assert screen.next in walked


def test_the_real_threads_start_and_end_with_the_screen(qtbot: Any, tmp_path: Path) -> None:
    from PyQt6.QtCore import QSettings

    from ahdetect.capture.clock import SessionClock
    from ahdetect.gui.context import Context
    from ahdetect.gui.screens.devices import DevicesScreen

    clock = SessionClock()
    bench = Bench(**{"0": CAMERA, "sounddevice:default": MICROPHONE})
    model = DeviceModel(
        clock,
        camera=CameraWatch(clock, bench.open, FakeFace),
        microphone=MicrophoneWatch(clock, bench.open, FakeVoice),
        lookout=make_lookout(tmp_path, clock, [], []),
    )
    context = Context(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    screen = DevicesScreen(context, model)
    qtbot.addWidget(screen)
    screen.enter()
    qtbot.waitUntil(lambda: "Waiting for the first sound" in screen.sound_facts.text(), timeout=5000)
    screen.leave()
    assert all(source.stopped for source in bench.made)
    screen.shutdown()
    assert not screen.timer.isActive()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ahdetect-devices")]


def test_levels_lie_on_the_meter_where_its_scale_says() -> None:
    from ahdetect.gui.screens.devices import share

    assert [share(db) for db in (-90.0, -60.0, -30.0, 0.0, 3.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert share(float("-inf")) == 0.0
    assert share(level(np.zeros(640, np.int16), 0).rms_dbfs) == 0.0
