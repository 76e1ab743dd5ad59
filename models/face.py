"""Face: RGB pictures with times flow in; one cue vector per picture flows out (blendshapes, head, gaze, eyes, quality).

`FaceModel` holds the weights, `FaceStream` one session: it follows one face from picture to picture and remembers the
last seconds. What is computed from a found face, without MediaPipe, is `FaceCues`.

Left and right are the person's, not the picture's. Angles are 0 where head or eyes point straight at the lens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import Frame, Packet, VideoPacket
from ahdetect.models.cues import BLENDSHAPES, INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.mediapipe_task import CATEGORY, LANDMARK, VideoTask, read_model, view
from ahdetect.models.windows import RunningMedian, Window, band_rms, crossings, mean_sd, resample

NO_FACE: Final = "no face"

CROP: Final = 112
"""px. Side of the canonical crop: what ArcFace and most expression networks take."""

_CANONICAL: Final = np.array([38.2946 + 51.6963j, 73.5318 + 51.5014j, 41.5493 + 92.3655j, 70.7299 + 92.2041j])
"""Where eyes and mouth corners lie in the crop, x + iy in px: insightface's `arcface_dst`, its nose tip left out
because it moves with the yaw."""
_ANCHORS: Final = np.array([[33, 133], [362, 263], [61, 61], [291, 291]])
"""The same four points as means of two face mesh points: the corners of each eye, and the corners of the mouth."""

_EYES_INNER, _NOSE_WINGS, _EYES_OUTER = [133, 362], [129, 358], [33, 263]

GAZE_BIAS: Final = 0.09
"""MediaPipe's sideways gaze leans to the person's left: a picture and its mirror image do not give opposite scores, but
half their sum is .05-.12 on five clips. It is taken off."""
GAZE_DEG: Final = np.array([30.0, 20.0])
"""deg per unit of gaze score, sideways and up. Measured: while eyes hold a target and the head turns, these make
head + eyes move least (best 20-40 and 15-30 on five clips; docs/cues-face-body.md)."""
HOME_DEG: Final = 20.0
"""deg. Home, where the person looks most, is believed to be a screen near the camera up to this far off: half a
34 cm screen at 50 cm is 19 deg."""
AWAY_DEG: Final = 15.0
"""deg. Further than this from home is looking away: off the face shown on a screen, still on the screen's edge."""

CLOSED_RISE, CLOSED_MIN = 0.25, 0.40
OPEN_RISE, OPEN_MIN = 0.12, 0.28
"""Eye closure that closes and opens an eye: so far over the person's own running median, and at least so much. Open
eyes score .05-.25, blinks peak at .42-.85 (measured on eight clips)."""
CLOSURE_BASE, CLOSURE_BASE_MAX = 0.15, 0.35
"""Median closure of open eyes on eight clips, for the first 2 s; and the most that is believed to be an open eye."""
BLINK_MAX_S: Final = 0.5
"""s. Blinks last .1-.4 s (Schiffman 2001); one frame more at 12 per second. Longer is eyes held closed."""

WINDOW_S: Final = 2.0
BLINK_WINDOW_S: Final = 10.0
BAND_HZ: Final = (1.0, 4.0)
"""Hz. Head shakes and nods of conversation lie in it (Hadar et al. 1983: ordinary 1.8-3.7 Hz)."""
_RATE: Final = 30.0
JAW_DEAD: Final = 0.02
"""Movements of jawOpen within this of its mean are no crossing: its noise on a still mouth (sd .002-.01)."""

SIZE_RAMP: Final = np.array([25.0, 60.0])
"""px of face height. Against the same clip at full size, cues err by .3-.7 of their own sd at 60 px and by 1.2 or more,
which is no better than guessing, at 30 px (four clips, tools/measure_face_quality.py)."""
YAW_RAMP: Final = np.array([30.0, 70.0])
"""deg. Chosen, not measured: no clip turns so far. At 30 deg the far half of the face is as visible as the near one but
for foreshortening; at 70 deg the far eye is hidden behind the nose."""
LIGHT_RAMP: Final = np.array([5.0, 30.0, 215.0, 250.0])
"""Grey level. Cues hold down to a mean of 30, with the noise of a small sensor, and lose .3-.6 sd more at 7; burnt-out
faces begin to err above 215 (same tool)."""
BLUR_RAMP: Final = np.array([10.0, 60.0])
"""Variance of the Laplacian. Errors of .4-.5 sd at 40-90, 1.0-1.5 at 15-30, 1.5-2.5 at 5-13 (same tool)."""


def _sides(*names: str) -> NDArray[np.intp]:
    return np.array([[BLENDSHAPES.index(f"{n}{side}") for side in ("Left", "Right")] for n in names])


_BLINK = _sides("eyeBlink")
_LOOK = _sides("eyeLookOut", "eyeLookIn", "eyeLookUp", "eyeLookDown")
_BROW_DOWN, _SQUINT, _SMILE, _PRESS = (_sides(n) for n in ("browDown", "eyeSquint", "mouthSmile", "mouthPress"))
_ROLL = [BLENDSHAPES.index("mouthRollLower"), BLENDSHAPES.index("mouthRollUpper")]
_BROW_UP = [BLENDSHAPES.index(n) for n in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")]
_JAW = BLENDSHAPES.index("jawOpen")


@dataclass(frozen=True, slots=True)
class Detection:
    """One face as MediaPipe gives it: what has to be done picture by picture, and no more.

    Attributes:
        scores: blendshapes, (52,), 0-1, order of `BLENDSHAPES`.
        points: (478, 3), x and y in shares of the picture's width and height, z of its width.
        matrix: (4, 4), see `FaceShot`.
        picture: in which it was found.
    """

    scores: NDArray[np.float32]
    points: NDArray[np.float32]
    matrix: NDArray[np.float32]
    picture: Frame


@dataclass(frozen=True, slots=True)
class FaceShot:
    """One face as found in one picture.

    Attributes:
        t_ns: when, session clock.
        dur_ns: frame interval, ns.
        scores: blendshapes, (52,), 0-1, order of `BLENDSHAPES`.
        landmarks: (478, 3), px (z on the scale of x, toward the camera is negative).
        matrix: (4, 4), canonical face to camera, cm; x to the picture's right, y up, z toward the viewer.
        crop: aligned face, (112, 112, 3) RGB.
        alignment: (2, 3), from picture px to crop px.
        height: of the picture, px.
    """

    t_ns: int
    dur_ns: int
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    matrix: NDArray[np.float32]
    crop: Frame
    alignment: NDArray[np.float32]
    height: int


def alignment(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The turn, scale and shift that bring eyes and mouth nearest to the canonical crop, (2, 3), least squares."""
    points = landmarks[_ANCHORS, :2].mean(axis=1, dtype=np.float64)
    z = points[:, 0] + 1j * points[:, 1]
    zc, wc = z - z.mean(), _CANONICAL - _CANONICAL.mean()
    a = np.vdot(zc, wc) / np.vdot(zc, zc).real
    b = _CANONICAL.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]], dtype=np.float32)


def crop_face(picture: Frame, align: NDArray[np.float32]) -> Frame:
    """The canonical crop, (112, 112, 3) RGB, by the `alignment` of an overlay."""
    return np.asarray(cv2.warpAffine(picture, align, (CROP, CROP), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def head_pose(matrix: NDArray[np.floating[Any]]) -> tuple[float, float, float, float]:
    """Yaw (+ to the person's left), pitch (+ raised), roll (+ to the left shoulder), deg, and distance, cm.

    The distance rests on MediaPipe's assumed lens (63 deg of vertical view) and a head of average size.
    """
    r = matrix[:3, :3]
    yaw, roll = np.arctan2(r[0, 2], r[2, 2]), np.arctan2(-r[1, 0], r[1, 1])
    pitch = np.arcsin(np.clip(r[1, 2] / np.linalg.norm(r[:, 2]), -1.0, 1.0))
    return (
        float(np.degrees(yaw)),
        float(np.degrees(pitch)),
        float(np.degrees(roll)),
        float(np.linalg.norm(matrix[:3, 3])),
    )


def off_camera(matrix: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Where the head points, sideways and up, deg, (2,), against the line from the face to the lens."""
    forward, to_lens = matrix[:3, 2].astype(np.float64), -matrix[:3, 3].astype(np.float64)
    both = np.stack([forward, to_lens])
    angles = np.degrees(
        np.stack([np.arctan2(both[:, 0], both[:, 2]), np.arctan2(both[:, 1], np.hypot(both[:, 0], both[:, 2]))])
    )
    return np.asarray(angles[:, 0] - angles[:, 1])


def align_shot(packet: Packet[Detection | None]) -> FaceShot | None:
    """A detection in px, with its canonical crop."""
    found = packet.data
    if found is None:
        return None
    height, width = found.picture.shape[:2]
    landmarks = found.points * np.array([width, height, width], dtype=np.float32)
    align = alignment(landmarks)
    crop = crop_face(found.picture, align)
    return FaceShot(packet.t_ns, packet.dur_ns, found.scores, landmarks, found.matrix, crop, align, height)


class Eyes:
    """Eye closure flows in; closed or open, blinks and how long the eyes have been closed flow out."""

    def __init__(self) -> None:
        self._open_level = RunningMedian(span_s=30.0)
        self._blinks = Window(BLINK_WINDOW_S, 1)
        self._closed_ns: int | None = None

    def step(self, t_ns: int, dur_ns: int, closure: float) -> tuple[float, float]:
        """Seconds closed (0 while open), and blinks per minute in the last 10 s (NaN until half of it was seen)."""
        level = float(self._open_level.push(t_ns, np.array([closure]), dur_ns)[0])
        base = min(CLOSURE_BASE if np.isnan(level) else level, CLOSURE_BASE_MAX)
        blink = 0.0
        if self._closed_ns is None:
            if closure > max(base + CLOSED_RISE, CLOSED_MIN):
                self._closed_ns = t_ns
        elif closure < max(base + OPEN_RISE, OPEN_MIN):
            blink = float(t_ns - self._closed_ns <= BLINK_MAX_S * NS_PER_S)
            self._closed_ns = None
        self._blinks.push(t_ns, np.array([blink]), dur_ns)
        _, weight, blinks = self._blinks.last()
        seen = float(weight.sum())
        rate = 60.0 * float(blinks.sum()) / seen if seen >= BLINK_WINDOW_S / 2 else float("nan")
        return (0.0 if self._closed_ns is None else (t_ns - self._closed_ns + dur_ns) / NS_PER_S), rate

    def lost(self) -> None:
        """The face is gone: a closure that was under way is no blink."""
        self._closed_ns = None


class FaceCues:
    """Found faces flow in; cue vectors flow out. Remembers the last seconds, and nothing of the future."""

    def __init__(self) -> None:
        self._eyes = Eyes()
        self._home = RunningMedian(span_s=60.0, width=2)
        self._window = Window(WINDOW_S + 0.5, 10)

    def lost(self) -> None:
        """No face in this picture."""
        self._eyes.lost()

    def step(self, shot: FaceShot) -> CueFrame:
        """All face cues at the moment of `shot`."""
        s = shot.scores.astype(np.float64)
        yaw, pitch, roll, distance = head_pose(shot.matrix)
        closure = float(s[_BLINK].mean())
        closed_s, blink_rate = self._eyes.step(shot.t_ns, shot.dur_ns, closure)
        brow_lower, cheek, smile = float(s[_BROW_DOWN].mean()), float(s[_SQUINT].mean()), float(s[_SMILE].mean())
        gaze, away = self._gaze(shot, s, closed=closed_s > 0)
        row = np.array(
            [brow_lower, cheek, nose_wrinkle(shot.landmarks), smile, gaze[0], gaze[1], away, s[_JAW], yaw, pitch]
        )
        self._window.push(shot.t_ns, row, shot.dur_ns)
        t, weight, rows = self._window.last(WINDOW_S)
        mean, sd = mean_sd(weight, rows, WINDOW_S)
        settled = bool(np.isfinite(sd[0]))
        shake, nod = self._bands() if settled else (np.nan, np.nan)
        top, bottom = shot.landmarks[:, :2].min(axis=0), shot.landmarks[:, :2].max(axis=0)
        grey = cv2.cvtColor(shot.crop, cv2.COLOR_RGB2GRAY)
        light, blur = float(grey.mean()), float(cv2.Laplacian(grey, cv2.CV_64F).var())
        tall = float(bottom[1] - top[1])

        values = empty_values(Channel.FACE)
        values[: len(BLENDSHAPES)] = shot.scores
        for name, value in {
            "face_yaw": yaw,
            "face_pitch": pitch,
            "face_roll": roll,
            "face_distance": distance,
            "face_gaze_x": gaze[0],
            "face_gaze_y": gaze[1],
            "face_gaze_aversion": mean[6],
            "face_blink": closure,
            "face_blink_rate": blink_rate,
            "face_eyes_closed": closed_s,
            "face_lip_press": max(float(s[_PRESS].mean()), float(s[_ROLL].mean())),
            "face_smile": smile,
            "face_brow_lower": brow_lower,
            "face_brow_raise": float(s[_BROW_UP].mean()),
            "face_cheek_raise": cheek,
            "face_brow_lower_sd": sd[0],
            "face_cheek_raise_sd": sd[1],
            "face_nose_wrinkle_sd": sd[2],
            "face_smile_sd": sd[3],
            "face_gaze_x_sd": sd[4],
            "face_gaze_y_sd": sd[5],
            "face_jaw_crossings": crossings(rows[:, 7], JAW_DEAD) / -t[0] if settled else np.nan,
            "face_shake_band": shake,
            "face_nod_band": nod,
            "face_size": tall / shot.height,
            "face_light": light,
            "face_blur": blur,
            "face_quality": quality(tall, yaw, light, blur),
        }.items():
            values[INDEX[name]] = value
        overlay = {
            "landmarks": shot.landmarks,
            "box": np.concatenate([top, bottom]).astype(np.float32),
            "alignment": shot.alignment,
        }
        return CueFrame(Channel.FACE, shot.t_ns, values, overlay=overlay)

    def _gaze(self, shot: FaceShot, s: NDArray[np.float64], closed: bool) -> tuple[NDArray[np.float64], float]:
        """Gaze in the head (2,), and 1 where head and eyes together point away from home; NaN behind closed lids."""
        if closed:
            return np.full(2, np.nan), float("nan")
        out, inward, up, down = s[_LOOK]
        gaze = np.array([(out[0] - inward[0] + inward[1] - out[1]) / 2.0 - GAZE_BIAS, (up - down).mean()])
        looking = off_camera(shot.matrix) + GAZE_DEG * gaze
        home = np.clip(np.nan_to_num(self._home.push(shot.t_ns, looking, shot.dur_ns)), -HOME_DEG, HOME_DEG)
        return gaze, float(np.linalg.norm(looking - home) > AWAY_DEG)

    def _bands(self) -> tuple[float, float]:
        """Root mean square of yaw and pitch in `BAND_HZ`, deg."""
        t, _, rows = self._window.last()
        shake, nod = band_rms(resample(t, rows[:, 8:10], WINDOW_S, _RATE), _RATE, *BAND_HZ)
        return float(shake), float(nod)


def nose_wrinkle(landmarks: NDArray[np.float32]) -> float:
    """How near the wings of the nose are to the inner eye corners, in eye spans, negative: nearer is higher.

    Distances in three dimensions, so that turning the head changes it little. MediaPipe's own noseSneer scores cannot
    serve: they stay under 2e-5 on every clip.
    """
    inner, wings = landmarks[_EYES_INNER].mean(axis=0), landmarks[_NOSE_WINGS].mean(axis=0)
    span = np.linalg.norm(landmarks[_EYES_OUTER[0]] - landmarks[_EYES_OUTER[1]])
    return -float(np.linalg.norm(inner - wings) / span)


def quality(height_px: float, yaw_deg: float, light: float, blur: float) -> float:
    """How far the face can be believed, 0-1: product of four terms, each 1 where it does no harm."""
    size = np.interp(height_px, SIZE_RAMP, [0.0, 1.0])
    turned = np.interp(abs(yaw_deg), YAW_RAMP, [1.0, 0.0])
    lit = np.interp(light, LIGHT_RAMP, [0.0, 1.0, 1.0, 0.0])
    sharp = np.interp(blur, BLUR_RAMP, [0.0, 1.0])
    return float(size * turned * lit * sharp)


class FaceModel:
    """Weights of MediaPipe's FaceLandmarker (478 points, 52 blendshapes, pose matrix).

    Args:
        path: the `.task` file; by default the one of `ahdetect assets pull`.

    Raises:
        AssetError: the file is missing or cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.data = read_model("face_landmarker", path)


class FaceStream:
    """One face through one session.

    It follows one face (`num_faces=1`) and looks for another only when it has lost it: MediaPipe smooths landmarks over
    time for a single face only, and looking for a second costs a detection in every picture. Who is first found when
    several people are in the picture is therefore followed.

    Args:
        model: the weights.

    Raises:
        AssetError: the model file is damaged.

    Example:
        stream = FaceStream(FaceModel())
        for packet in packets:
            cues = stream.step(packet)
            print(cues.absent or cues["face_yaw"])
        stream.close()
    """

    def __init__(self, model: FaceModel) -> None:
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode
        from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarkerResultC

        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model.data),
            running_mode=RunningMode.VIDEO,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        self._task = VideoTask(
            "face",
            lambda: FaceLandmarker.create_from_options(options),
            "MpFaceLandmarkerDetectForVideo",
            "MpFaceLandmarkerCloseResult",
            FaceLandmarkerResultC,
        )
        self._cues = FaceCues()

    def step(self, packet: VideoPacket) -> CueFrame:
        """The face cues of one picture; absent with "no face" where none was found.

        Raises:
            ValueError: the picture is not later than the one before, by whole milliseconds.
        """
        return self.describe(packet.carrying(self.detect(packet)))

    def describe(self, packet: Packet[Detection | None]) -> CueFrame:
        """The second half of `step`: the face cues of what `detect` found."""
        shot = align_shot(packet)
        if shot is None:
            self._cues.lost()
            return absent_frame(Channel.FACE, packet.t_ns, NO_FACE)
        return self._cues.step(shot)

    def find(self, packet: VideoPacket) -> FaceShot | None:
        """The face in one picture, aligned, None where there is none; `step` without the cues."""
        return align_shot(packet.carrying(self.detect(packet)))

    def detect(self, packet: VideoPacket) -> Detection | None:
        """The first half of `step`, which is nine tenths of its time and may run on another thread than the second.

        Raises:
            ValueError: the picture is not later than the one before, by whole milliseconds.
        """
        with self._task.run(packet) as result:
            if not (result.face_landmarks_count and result.face_blendshapes_count):
                return None
            self._task.warmed()
            points = view(result.face_landmarks[0].landmarks, result.face_landmarks[0].landmarks_count, LANDMARK)
            points = np.stack([points["x"], points["y"], points["z"]], axis=1)
            faces = result.face_blendshapes[0]
            scores = view(faces.categories, faces.categories_count, CATEGORY)["score"].copy()
            matrix = result.facial_transformation_matrixes[0].to_numpy()
        return Detection(scores, points, matrix, packet.data)

    def close(self) -> None:
        """Free the landmarker."""
        self._task.close()
