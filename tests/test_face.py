"""Face cues: signs, units and windows on made-up faces; then the real model on the demo clip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.errors import AssetError
from ahdetect.models.cues import BLENDSHAPES, OF_CHANNEL, Channel, CueFrame
from ahdetect.models.face import (
    CROP,
    NO_FACE,
    FaceCues,
    FaceModel,
    FaceShot,
    FaceStream,
    alignment,
    crop_face,
    head_pose,
    off_camera,
    quality,
)

S = 1_000_000_000
DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"


def matrix(
    yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, at: tuple[float, float, float] = (0, 0, -50)
) -> NDArray:
    """A head at `at` cm, turned to its left, raised and tilted to its left shoulder by so many degrees.

    x is to the picture's right (the person's left), y up, z toward the viewer: turning left moves the nose to +x, a
    turn around +y; raising it moves it to +y, a turn around -x; tilting left moves the crown to +x, a turn around -z.
    """
    out = np.eye(4, dtype=np.float32)
    out[:3, :3] = Rotation.from_euler("YXZ", [yaw, -pitch, -roll], degrees=True).as_matrix()
    out[:3, 3] = at
    return out


def mesh(scale: float = 100.0) -> NDArray[np.float32]:
    """478 points, of which those that are read lie where a face has them; outer eye corners `scale` px apart."""
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (478, 3))
    for index, (x, y) in {
        33: (-0.5, 0), 133: (-0.2, 0), 362: (0.2, 0), 263: (0.5, 0), 61: (-0.3, 0.75), 291: (0.3, 0.75),
        129: (-0.2, 0.4), 358: (0.2, 0.4),
    }.items():  # fmt: skip
        points[index] = (x, y, 0)
    return (points * scale + [320, 200, 0]).astype(np.float32)


TEXTURE = np.random.default_rng(2).integers(60, 200, (CROP, CROP, 3)).astype(np.uint8)


def shot(
    t: float, pose: NDArray | None = None, points: NDArray | None = None, fps: float = 30.0, **scores: float
) -> FaceShot:
    """A face at `t` seconds with the blendshapes named, the others 0; a name without side sets both."""
    s = np.zeros(len(BLENDSHAPES), dtype=np.float32)
    for name, value in scores.items():
        for i, blendshape in enumerate(BLENDSHAPES):
            if blendshape in (name, f"{name}Left", f"{name}Right"):
                s[i] = value
    points = mesh() if points is None else points
    pose = matrix() if pose is None else pose
    return FaceShot(round(t * S), round(S / fps), s, points, pose, TEXTURE, alignment(points), 480)


def play(
    make: Callable[[float], FaceShot], seconds: float, fps: float = 30.0, cues: FaceCues | None = None
) -> list[CueFrame]:
    cues = cues or FaceCues()
    return [cues.step(make(t)) for t in np.arange(0, seconds, 1 / fps)]


# --- head -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(25, 0, 0), (0, 20, 0), (0, 0, 15), (-30, 10, -8), (12, -18, 5)])
def test_the_head_pose_gives_back_the_angles_of_the_matrix(yaw: float, pitch: float, roll: float) -> None:
    assert head_pose(matrix(yaw, pitch, roll, (3, 4, -40))) == pytest.approx(
        (yaw, pitch, roll, np.sqrt(9 + 16 + 1600)), abs=1e-3
    )


def test_a_head_at_the_edge_of_the_picture_that_faces_the_lens_is_not_off_camera() -> None:
    at = np.array([20.0, 15.0, -50.0])
    yaw, pitch = np.degrees(np.arctan2(-20, 50)), np.degrees(np.arcsin(-15 / np.linalg.norm(at)))
    assert off_camera(matrix(yaw, pitch, 0, tuple(at))) == pytest.approx([0, 0], abs=1e-3)
    assert off_camera(matrix(0, 0, 0, tuple(at)))[0] > 15


def test_shaking_the_head_is_a_shake_and_no_nod() -> None:
    frames = play(lambda t: shot(t, matrix(yaw=6 * np.sin(2 * np.pi * 2 * t))), 4)
    assert frames[-1]["face_shake_band"] == pytest.approx(6 / np.sqrt(2), rel=0.1)
    assert frames[-1]["face_nod_band"] < 0.1


def test_nodding_is_a_nod_and_no_shake_at_an_uneven_frame_rate() -> None:
    rng, cues, t = np.random.default_rng(0), FaceCues(), 0.0
    while t < 4:
        frame = cues.step(shot(t, matrix(pitch=5 * np.sin(2 * np.pi * 2.5 * t))))
        t += rng.uniform(0.02, 0.09)
    assert frame["face_nod_band"] == pytest.approx(5 / np.sqrt(2), rel=0.15)
    assert frame["face_shake_band"] < 0.1


def test_looking_around_slowly_is_no_shake() -> None:
    frames = play(lambda t: shot(t, matrix(yaw=20 * np.sin(2 * np.pi * 0.2 * t))), 6)
    assert max(f["face_shake_band"] for f in frames[60:]) < 0.5


# --- eyes -----------------------------------------------------------------------------------------------------------


def pulse(t: float, starts: list[float], length: float) -> float:
    return 0.7 if any(s <= t < s + length for s in starts) else 0.1


def test_three_blinks_in_ten_seconds_are_eighteen_per_minute() -> None:
    frames = play(lambda t: shot(t, eyeBlink=pulse(t, [1.0, 4.0, 7.5], 0.15)), 10)
    assert frames[-1]["face_blink_rate"] == pytest.approx(18, rel=0.02)
    assert frames[-1]["face_eyes_closed"] == 0


def test_the_blink_rate_is_unknown_until_half_of_its_window_was_seen() -> None:
    frames = play(lambda t: shot(t, eyeBlink=pulse(t, [1.0], 0.15)), 6)
    assert np.isnan(frames[29 * 5]["face_blink_rate"])
    assert frames[-1]["face_blink_rate"] == pytest.approx(60 / 6, rel=0.05)


def test_eyes_held_closed_are_timed_and_are_no_blink() -> None:
    frames = play(lambda t: shot(t, eyeBlink=pulse(t, [3.0], 1.5)), 9)
    assert frames[int(30 * 4.2)]["face_eyes_closed"] == pytest.approx(1.23, abs=0.05)
    assert frames[-1]["face_blink_rate"] == 0
    assert frames[-1]["face_eyes_closed"] == 0


def test_flicker_between_the_two_thresholds_is_one_blink() -> None:
    def closure(t: float) -> float:
        return 0.45 + 0.1 * np.sin(2 * np.pi * 12 * t) if 2.0 <= t < 2.3 else 0.1

    frames = play(lambda t: shot(t, eyeBlink=closure(t)), 8)
    assert frames[-1]["face_blink_rate"] == pytest.approx(60 / 8, rel=0.05)


def test_narrow_eyes_are_not_closed_eyes() -> None:
    frames = play(lambda t: shot(t, eyeBlink=0.38), 4)
    assert all(f["face_eyes_closed"] == 0 for f in frames)


def test_a_face_lost_with_its_eyes_closed_has_not_blinked() -> None:
    cues = FaceCues()
    play(lambda t: shot(t, eyeBlink=pulse(t, [5.9], 9)), 6, cues=cues)
    cues.lost()
    frames = [cues.step(shot(6.1 + t, eyeBlink=0.1)) for t in np.arange(0, 2, 1 / 30)]
    assert frames[-1]["face_blink_rate"] == 0


def test_gaze_to_the_persons_left_and_up_is_positive() -> None:
    left = FaceCues().step(shot(0, eyeLookOutLeft=0.6, eyeLookInRight=0.6))
    right = FaceCues().step(shot(0, eyeLookInLeft=0.6, eyeLookOutRight=0.6))
    assert left["face_gaze_x"] - right["face_gaze_x"] == pytest.approx(1.2)
    assert left["face_gaze_x"] > 0.4 > -0.4 > right["face_gaze_x"]
    assert FaceCues().step(shot(0, eyeLookUp=0.5))["face_gaze_y"] == pytest.approx(0.5)
    assert FaceCues().step(shot(0, eyeLookDown=0.5))["face_gaze_y"] == pytest.approx(-0.5)


def test_gaze_behind_closed_lids_is_absent_not_downward() -> None:
    frames = play(lambda t: shot(t, eyeBlink=pulse(t, [2.0], 0.2), eyeLookDown=pulse(t, [2.0], 0.2) - 0.1), 4)
    assert np.isnan(frames[63]["face_gaze_y"])
    assert frames[-1]["face_gaze_y_sd"] < 0.01


def test_gaze_aversion_is_the_share_of_time_spent_looking_away() -> None:
    def make(t: float) -> FaceShot:
        away = 1.0 if t % 2.0 >= 1.5 else 0.0
        return shot(t, eyeLookOutLeft=0.9 * away, eyeLookInRight=0.9 * away)

    assert play(make, 8)[-1]["face_gaze_aversion"] == pytest.approx(0.25, abs=0.03)


def test_eyes_that_stay_on_the_lens_while_the_head_turns_are_not_averted() -> None:
    frames = play(lambda t: shot(t, matrix(yaw=24), eyeLookInLeft=0.7, eyeLookOutRight=0.7), 4)
    assert frames[-1]["face_gaze_aversion"] == 0
    turned = play(lambda t: shot(t, matrix(yaw=24 if t > 2 else 0)), 4)
    assert turned[-1]["face_gaze_aversion"] > 0.9


# --- expression and windows -----------------------------------------------------------------------------------------


def test_a_mouth_that_opens_three_times_a_second_crosses_its_mean_six_times() -> None:
    frames = play(lambda t: shot(t, jawOpen=0.3 + 0.2 * np.sin(2 * np.pi * 3 * t)), 5)
    assert frames[-1]["face_jaw_crossings"] == pytest.approx(6, rel=0.08)
    assert play(lambda t: shot(t, jawOpen=0.3), 5)[-1]["face_jaw_crossings"] == 0


def test_variability_is_the_standard_deviation_of_the_last_two_seconds() -> None:
    frames = play(lambda t: shot(t, mouthSmile=0.4 + 0.3 * np.sin(2 * np.pi * t)), 5)
    assert frames[-1]["face_smile_sd"] == pytest.approx(0.3 / np.sqrt(2), rel=0.03)
    assert frames[-1]["face_brow_lower_sd"] == 0


def test_noses_wrinkle_when_their_wings_rise() -> None:
    def make(t: float) -> FaceShot:
        points = mesh()
        points[[129, 358], 1] -= 8.0 * (t % 1.0 > 0.5)
        return shot(t, points=points)

    assert play(make, 4)[-1]["face_nose_wrinkle_sd"] == pytest.approx(0.04, rel=0.05)


def test_after_a_gap_the_windows_start_anew() -> None:
    cues = FaceCues()
    play(lambda t: shot(t, mouthSmile=t % 1), 5, cues=cues)
    cues.lost()
    after = [cues.step(shot(9 + t, mouthSmile=0.5)) for t in np.arange(0, 2, 1 / 30)]
    assert np.isnan(after[20]["face_smile_sd"])
    assert after[-1]["face_smile_sd"] == 0


def test_nothing_of_the_future_is_used() -> None:
    def make(t: float) -> FaceShot:
        return shot(t, matrix(yaw=5 * np.sin(9 * t)), mouthSmile=abs(np.sin(t)), eyeBlink=pulse(t, [1, 3], 0.2))

    def changed(t: float) -> FaceShot:
        return make(t) if t < 4 else shot(t, matrix(yaw=-30), mouthSmile=1.0)

    for a, b in zip(play(make, 5)[:120], play(changed, 5)[:120], strict=True):
        np.testing.assert_array_equal(a.values, b.values)


def test_every_face_cue_of_the_table_is_computed() -> None:
    values = play(lambda t: shot(t, mouthSmile=0.3), 7)[-1].values
    missing = [cue.name for cue, v in zip(OF_CHANNEL[Channel.FACE], values, strict=True) if np.isnan(v)]
    assert missing == []


# --- crop and quality -----------------------------------------------------------------------------------------------


def test_eyes_and_mouth_come_to_the_same_place_however_the_face_lies() -> None:
    turn = Rotation.from_euler("Z", 25, degrees=True).as_matrix()
    places = []
    for points in (mesh(100), mesh(100) @ turn.astype(np.float32) * 0.4 + 77):
        a = alignment(points)
        corners = np.stack(
            [points[[33, 133], :2].mean(0), points[[362, 263], :2].mean(0), points[61, :2], points[291, :2]]
        )
        places.append(corners @ a[:, :2].T + a[:, 2])
    np.testing.assert_allclose(places[0], places[1], atol=0.01)
    assert places[0][0] == pytest.approx([38.3, 51.7], abs=4)  # ArcFace's left-most eye


def test_the_crop_shows_what_lies_under_the_landmarks() -> None:
    points = mesh(60)
    picture = np.zeros((480, 640, 3), np.uint8)
    x, y = points[[33, 133], :2].mean(0).astype(int)
    picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    crop = crop_face(picture, alignment(points))
    brightest = np.unravel_index(np.argmax(crop.sum(axis=2)), crop.shape[:2])
    assert np.hypot(brightest[0] - 51.7, brightest[1] - 38.3) < 10


def test_quality_is_one_for_a_good_face_and_falls_with_each_fault() -> None:
    assert quality(150, 5, 120, 200) == 1
    assert quality(40, 5, 120, 200) == pytest.approx(15 / 35)
    assert quality(150, -50, 120, 200) == pytest.approx(0.5)
    assert quality(150, 5, 10, 200) == pytest.approx(0.2)
    assert quality(150, 5, 250, 200) == 0
    assert quality(150, 5, 120, 35) == pytest.approx(0.5)
    assert quality(40, -50, 120, 35) == pytest.approx(15 / 35 / 4)


# --- the real model -------------------------------------------------------------------------------------------------


def demo(frames: int, first: int = 0) -> Iterator[VideoPacket]:
    with av.open(str(DEMO)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if first <= i < first + frames:
                t_ns = round(frame.time * 1000) * 1_000_000
                yield Packet("video", i, t_ns, S // 30, t_ns, frame.to_ndarray(format="rgb24"))


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel()


@pytest.fixture(scope="module")
def packets() -> list[VideoPacket]:
    return list(demo(90))


def run(model: FaceModel, packets: list[VideoPacket]) -> list[CueFrame]:
    stream = FaceStream(model)
    frames = [stream.step(p) for p in packets]
    stream.close()
    return frames


@pytest.mark.models
def test_the_face_of_the_demo_clip_is_found_and_measured_the_same_twice(
    model: FaceModel, packets: list[VideoPacket]
) -> None:
    first, second = run(model, packets), run(model, packets)
    assert np.mean([not f.absent for f in first]) >= 0.95
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    box, points = first[-1].overlay["box"], first[-1].overlay["landmarks"]
    assert points.shape == (478, 3)
    assert 0 < box[0] < box[2] < 640
    assert 0 < box[1] < box[3] < 480


@pytest.mark.models
def test_the_mirror_image_turns_yaw_roll_and_gaze_around(model: FaceModel) -> None:
    packets = list(demo(60, first=100))
    mirrored = [replace(p, data=np.ascontiguousarray(p.data[:, ::-1])) for p in packets]
    seen = np.array([[f[f"face_{n}"] for n in ("yaw", "roll", "gaze_x", "pitch")] for f in run(model, packets)])
    turned = np.array([[f[f"face_{n}"] for n in ("yaw", "roll", "gaze_x", "pitch")] for f in run(model, mirrored)])
    total = np.nanmean(seen + turned, axis=0)
    assert abs(total[0]) < 3
    assert abs(total[1]) < 3
    assert abs(total[2]) < 0.2
    assert np.nanmean(seen[:, 3] - turned[:, 3]) == pytest.approx(0, abs=3)


@pytest.mark.models
def test_reading_the_c_structures_gives_what_mediapipe_gives(model: FaceModel, packets: list[VideoPacket]) -> None:
    from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarkerResult

    stream = FaceStream(model)
    with stream._task.run(packets[0]) as result:
        theirs = FaceLandmarkerResult.from_ctypes(result)
    stream.close()
    again = FaceStream(model)
    ours = again.find(packets[0])
    again.close()
    assert ours is not None
    points = np.array([[p.x * 640, p.y * 480, p.z * 640] for p in theirs.face_landmarks[0]])
    np.testing.assert_allclose(ours.landmarks, points, rtol=1e-5)
    assert [c.category_name for c in theirs.face_blendshapes[0]] == list(BLENDSHAPES)
    np.testing.assert_array_equal(ours.scores, np.float32([c.score for c in theirs.face_blendshapes[0]]))
    np.testing.assert_array_equal(ours.matrix, theirs.facial_transformation_matrixes[0])


@pytest.mark.models
def test_without_a_face_the_channel_says_so_and_recovers(model: FaceModel, packets: list[VideoPacket]) -> None:
    blank = [replace(p, data=np.full_like(p.data, 90)) for p in packets[:5]]
    frames = run(model, blank + packets[5:15])
    assert [f.absent for f in frames[:5]] == [NO_FACE] * 5
    assert np.isnan(frames[0].values).all()
    assert not frames[-1].absent


@pytest.mark.models
def test_a_picture_that_is_not_later_is_refused(model: FaceModel, packets: list[VideoPacket]) -> None:
    stream = FaceStream(model)
    stream.step(packets[1])
    with pytest.raises(ValueError, match="not later"):
        stream.step(packets[1])
    stream.close()


@pytest.mark.models
def test_nothing_is_written_to_the_screen() -> None:
    code = (
        "import sys, numpy as np\n"
        "from ahdetect.capture.packets import Packet\n"
        "from ahdetect.models.face import FaceModel, FaceStream\n"
        "assert 'mediapipe' not in sys.modules, 'importing the face must not load mediapipe'\n"
        "s = FaceStream(FaceModel())\n"
        "s.step(Packet('video', 0, 0, 1, 0, np.zeros((240, 320, 3), np.uint8)))\n"
        "s.close()\n"
        "print('mine', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "mine\n")


def test_a_missing_model_file_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"gone\.task cannot be read .* `ahdetect assets pull`\.$"):
        FaceModel(tmp_path / "gone.task")


def test_a_damaged_model_file_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "bad.task").write_bytes(b"not a model" * 100)
    with pytest.raises(AssetError, match="`ahdetect assets verify`"):
        FaceStream(FaceModel(tmp_path / "bad.task"))
