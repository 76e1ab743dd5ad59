"""Body cues: signs, units and windows on made-up landmarks; then the real model on the demo clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.errors import AssetError
from ahdetect.models.body import NO_BODY, BodyCues, BodyModel, BodyStream
from ahdetect.models.cues import OF_CHANNEL, Channel, CueFrame

S = 1_000_000_000
DEMO = Path(__file__).parent.parent / "assets" / "demo.mp4"
POINTS = {
    "nose": 0, "left_ear": 7, "right_ear": 8, "mouth_left": 9, "mouth_right": 10, "left_shoulder": 11,
    "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14,
}  # fmt: skip
LEFT_HAND, RIGHT_HAND = [15, 17, 19, 21], [16, 18, 20, 22]


def person(hands: tuple[float, float] | None = None, **moved: tuple[float, float]) -> NDArray[np.float32]:
    """Somebody facing the camera, shoulders 200 px apart, arms hanging; `moved` shifts single points by (x, y) px."""
    out = np.zeros((33, 4), dtype=np.float32)
    out[:, :2] = (320, 400)
    out[:, 3] = 0.99
    for name, place in {
        "nose": (320, 180), "left_ear": (360, 170), "right_ear": (280, 170), "mouth_left": (335, 205),
        "mouth_right": (305, 205), "left_shoulder": (420, 300), "right_shoulder": (220, 300),
        "left_elbow": (450, 420), "right_elbow": (190, 420),
    }.items():  # fmt: skip
        out[POINTS[name], :2] = np.add(place, moved.get(name, (0, 0)))
    out[LEFT_HAND, :2], out[RIGHT_HAND, :2] = (460, 470), (180, 470)
    out[LEFT_HAND + RIGHT_HAND, 3] = 0.1  # below the picture's edge
    if hands is not None:
        out[RIGHT_HAND, :2] = hands
        out[RIGHT_HAND, 3] = 0.9
    return out


def play(
    make: Callable[[float], NDArray[np.float32]], seconds: float, fps: float = 10.0, cues: BodyCues | None = None
) -> list[CueFrame]:
    cues = cues or BodyCues()
    return [cues.step(round(t * S), S // 30, make(t)) for t in np.arange(0, seconds, 1 / fps)]


def test_somebody_who_sits_still_is_upright_calm_and_turned_to_the_camera() -> None:
    last = play(lambda _: person(), 6)[-1]
    assert last["body_lean"] == pytest.approx(1)
    for name in ("tilt", "shrug", "hand_to_face", "look_away", "motion", "posture_sd"):
        assert last[f"body_{name}"] == pytest.approx(0, abs=1e-4)
    missing = [c.name for c, v in zip(OF_CHANNEL[Channel.BODY], last.values, strict=True) if np.isnan(v)]
    assert missing == []


def test_leaning_in_widens_the_shoulders_against_their_running_median() -> None:
    def make(t: float) -> NDArray[np.float32]:
        out = person()
        out[:, :2] = (out[:, :2] - 320) * (1.2 if t > 6 else 1.0) + 320
        return out

    last = play(make, 7)[-1]
    assert last["body_lean"] == pytest.approx(1.2, rel=0.01)
    assert last["body_shrug"] == pytest.approx(0, abs=0.01)


def test_a_lower_left_shoulder_is_a_tilt_to_the_left_and_its_mirror_image_the_opposite() -> None:
    drop = 200 * np.tan(np.radians(10))
    left = person(left_shoulder=(0, drop))
    assert BodyCues().step(0, 1, left)["body_tilt"] == pytest.approx(10, abs=0.01)
    assert BodyCues().step(0, 1, person(right_shoulder=(0, drop)))["body_tilt"] == pytest.approx(-10, abs=0.01)


def test_shoulders_raised_by_a_quarter_of_the_neck_are_a_shrug_of_a_quarter() -> None:
    up = -0.25 * 130  # shoulders lie 130 px under the ears
    frames = play(lambda t: person(left_shoulder=(0, up * (t > 6)), right_shoulder=(0, up * (t > 6))), 7)
    assert frames[55]["body_shrug"] == pytest.approx(0, abs=0.01)
    assert frames[-1]["body_shrug"] == pytest.approx(0.25, abs=0.01)


def test_a_hand_at_the_mouth_counts_and_one_in_the_lap_or_out_of_sight_does_not() -> None:
    assert BodyCues().step(0, 1, person(hands=(320, 230)))["body_hand_to_face"] == 1
    assert 0 < BodyCues().step(0, 1, person(hands=(320, 350)))["body_hand_to_face"] < 1
    assert BodyCues().step(0, 1, person(hands=(320, 460)))["body_hand_to_face"] == 0
    unseen = person(hands=(320, 230))
    unseen[RIGHT_HAND, 3] = 0.2
    assert BodyCues().step(0, 1, unseen)["body_hand_to_face"] == 0


@pytest.mark.parametrize("way", [-1, 1])
def test_turning_away_brings_the_nose_to_an_ear(way: int) -> None:
    assert BodyCues().step(0, 1, person(nose=(way * 20, 0)))["body_look_away"] == pytest.approx(0.5)
    assert BodyCues().step(0, 1, person(nose=(way * 60, 0)))["body_look_away"] == 1


@pytest.mark.parametrize("fps", [10.0, 30.0])
def test_speed_is_in_shoulder_widths_per_second_at_any_rate(fps: float) -> None:
    def make(t: float) -> NDArray[np.float32]:
        out = person()
        out[:, 0] += 100 * t
        return out

    assert play(make, 3, fps)[-1]["body_motion"] == pytest.approx(0.5, rel=0.02)


def test_posture_sd_is_the_spread_of_the_shoulders_middle() -> None:
    def make(t: float) -> NDArray[np.float32]:
        out = person()
        out[:, 0] += 40 * np.sin(2 * np.pi * 0.5 * t)
        return out

    assert play(make, 8)[-1]["body_posture_sd"] == pytest.approx(40 / 200 / np.sqrt(2), rel=0.03)


def test_shoulders_out_of_sight_leave_their_cues_absent_and_the_head_present() -> None:
    hidden = person()
    hidden[[11, 12], 3] = 0.2
    frame = BodyCues().step(0, 1, hidden)
    assert np.isnan(frame["body_lean"])
    assert np.isnan(frame["body_hand_to_face"])
    assert frame["body_look_away"] == pytest.approx(0, abs=1e-6)
    assert frame["body_visibility"] < 0.6


def test_nothing_of_the_future_is_used() -> None:
    def make(t: float) -> NDArray[np.float32]:
        return person(nose=(10 * np.sin(t), 0), left_shoulder=(0, 20 * np.cos(2 * t)))

    def changed(t: float) -> NDArray[np.float32]:
        return make(t) if t < 5 else make(t) * np.float32(1.3)

    for a, b in zip(play(make, 6)[:50], play(changed, 6)[:50], strict=True):
        np.testing.assert_array_equal(a.values, b.values)


def demo(frames: int, first: int = 0) -> Iterator[VideoPacket]:
    with av.open(str(DEMO)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if first <= i < first + 3 * frames and i % 3 == 0:
                t_ns = round(frame.time * 1000) * 1_000_000
                yield Packet("video", i, t_ns, S // 30, t_ns, frame.to_ndarray(format="rgb24"))


def run(model: BodyModel, packets: list[VideoPacket]) -> list[CueFrame]:
    stream = BodyStream(model)
    frames = [stream.step(p) for p in packets]
    stream.close()
    return frames


@pytest.mark.models
def test_the_body_of_the_demo_clip_is_found_and_measured_the_same_twice() -> None:
    model, packets = BodyModel(), list(demo(30))
    first, second = run(model, packets), run(model, packets)
    assert np.mean([not f.absent for f in first]) >= 0.95
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    points = first[-1].overlay["landmarks"]
    assert points.shape == (33, 4)
    assert points[11, 0] > points[12, 0]  # the left shoulder is at the picture's right


@pytest.mark.models
def test_without_a_body_the_channel_says_so() -> None:
    blank = [replace(p, data=np.full_like(p.data, 90)) for p in demo(3)]
    frames = run(BodyModel(), blank)
    assert [f.absent for f in frames] == [NO_BODY] * 3


def test_a_damaged_model_file_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "bad.task").write_bytes(b"not a model" * 100)
    with pytest.raises(AssetError, match=r"body model .* `ahdetect assets verify`"):
        BodyStream(BodyModel(tmp_path / "bad.task"))
