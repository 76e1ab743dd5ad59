"""Body: RGB pictures with times flow in, fewer than the face sees; one cue vector per picture flows out.

`BodyModel` holds the weights, `BodyStream` one session. What is computed from found landmarks, without MediaPipe, is
`BodyCues`. The caller decides which pictures to send (every third of 30 per second, say); every figure is by time.
Left and right are the person's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.packets import VideoPacket
from ahdetect.models.cues import INDEX, Channel, CueFrame, absent_frame, empty_values
from ahdetect.models.mediapipe_task import LANDMARK, VideoTask, read_model, view
from ahdetect.models.windows import ENOUGH, RunningMedian, Window, mean_sd, resample

NO_BODY: Final = "no body"

NOSE, LEFT_EAR, RIGHT_EAR, LEFT_SHOULDER, RIGHT_SHOULDER = 0, 7, 8, 11, 12
MOUTH = [9, 10]
ARMS = [LEFT_SHOULDER, RIGHT_SHOULDER, 13, 14, 15, 16]
HANDS = np.array([[15, 17, 19, 21], [16, 18, 20, 22]])
"""Wrist, little finger, index finger and thumb of each hand."""
MOVING = [NOSE, *ARMS]

SEEN: Final = 0.5
"""Visibility from which a landmark is believed: where MediaPipe's own drawing begins to show one."""
NEAR, FAR = 0.4, 1.2
"""Shoulder widths from hand to mouth: 1 at the near end (a hand on chin or cheek), 0 at the far end (a hand at the
breast). The mouth is about .3 shoulder widths from the edge of the face, .6-.9 from the breastbone."""
MOTION_S, POSTURE_S = 1.0, 4.0
MOTION_RATE: Final = 10.0
"""per s. Speed is taken between points .1 s apart whatever the picture rate, so that the jitter of landmarks counts the
same at 10 and at 30 pictures per second."""


class BodyCues:
    """Landmarks flow in; cue vectors flow out. Remembers the last minute, and nothing of the future."""

    def __init__(self) -> None:
        self._normal = RunningMedian(span_s=60.0, width=2)
        self._motion = Window(MOTION_S + 0.5, 2 * len(MOVING) + 1)
        self._posture = Window(POSTURE_S, 3)

    def step(self, t_ns: int, dur_ns: int, landmarks: NDArray[np.float32]) -> CueFrame:
        """All body cues at `t_ns`; landmarks (33, 4) are x, y, z in px and visibility 0-1."""
        xy, visible = landmarks[:, :2].astype(np.float64), landmarks[:, 3].astype(np.float64)
        left, right = xy[LEFT_SHOULDER], xy[RIGHT_SHOULDER]
        across = left - right
        width = float(np.linalg.norm(across))
        middle = (left + right) / 2.0
        ears = (xy[LEFT_EAR] + xy[RIGHT_EAR]) / 2.0
        values = empty_values(Channel.BODY)
        found = {
            "body_look_away": self._look_away(xy),
            "body_visibility": float(visible[ARMS].mean()),
        }
        if min(visible[LEFT_SHOULDER], visible[RIGHT_SHOULDER]) >= SEEN and width > 1.0:
            up = np.array([across[1], -across[0]]) / width  # at right angles to the shoulders, upward in the picture
            neck = float((ears - middle) @ up) / width
            wide, long = self._normal.push(t_ns, np.array([width, neck]), dur_ns)
            found |= {
                "body_lean": width / wide,
                "body_tilt": float(np.degrees(np.arctan2(across[1], across[0]))),
                "body_shrug": 1.0 - neck / long if long > 0 else np.nan,
                "body_hand_to_face": self._hand(xy, visible, width),
                "body_motion": self._speed(t_ns, dur_ns, xy, visible, width),
                "body_posture_sd": self._shift(t_ns, dur_ns, middle, width),
            }
        for name, value in found.items():
            values[INDEX[name]] = value
        return CueFrame(Channel.BODY, t_ns, values, overlay={"landmarks": landmarks})

    @staticmethod
    def _look_away(xy: NDArray[np.float64]) -> float:
        """How far the nose has moved from the middle of the ears: 0 front, 1 over an ear or past it."""
        half = (xy[LEFT_EAR] - xy[RIGHT_EAR]) / 2.0
        off = xy[NOSE] - (xy[LEFT_EAR] + xy[RIGHT_EAR]) / 2.0
        size = float(half @ half)
        return min(abs(float(off @ half)) / size, 1.0) if size > 1.0 else 1.0

    @staticmethod
    def _hand(xy: NDArray[np.float64], visible: NDArray[np.float64], width: float) -> float:
        """Nearness of the nearer visible hand to the mouth, 0-1; a hand out of the picture is not at the face."""
        centre = xy[HANDS].mean(axis=1)
        seen = visible[HANDS].mean(axis=1) >= SEEN
        away = np.linalg.norm(centre - xy[MOUTH].mean(axis=0), axis=1) / width
        near = np.clip((FAR - away) / (FAR - NEAR), 0.0, 1.0)
        return float((near * seen).max())

    def _speed(
        self, t_ns: int, dur_ns: int, xy: NDArray[np.float64], visible: NDArray[np.float64], width: float
    ) -> float:
        """Mean speed of the upper body in the last second, shoulder widths per s; unseen landmarks left out."""
        points = np.where(visible[MOVING, None] >= SEEN, xy[MOVING], np.nan)
        self._motion.push(t_ns, np.append(points.ravel(), width), dur_ns)
        t, weight, rows = self._motion.last()
        if -t[0] < ENOUGH * MOTION_S or weight.sum() < ENOUGH * MOTION_S:
            return float("nan")
        path = resample(t, rows, min(MOTION_S, -float(t[0])), MOTION_RATE)
        moves = np.linalg.norm(np.diff(path[:, :-1].reshape(len(path), -1, 2), axis=0), axis=2)
        seen = np.isfinite(moves)
        return float(moves[seen].mean() * MOTION_RATE / np.median(rows[:, -1])) if seen.any() else float("nan")

    def _shift(self, t_ns: int, dur_ns: int, middle: NDArray[np.float64], width: float) -> float:
        """Spread of the shoulders' middle over the last 4 s, shoulder widths."""
        self._posture.push(t_ns, np.append(middle, width), dur_ns)
        _, weight, rows = self._posture.last()
        mean, sd = mean_sd(weight, rows, POSTURE_S)
        return float(np.hypot(sd[0], sd[1]) / mean[2])


class BodyModel:
    """Weights of MediaPipe's PoseLandmarker, full (33 points).

    Args:
        path: the `.task` file; by default the one of `ahdetect assets pull`.

    Raises:
        AssetError: the file is missing or cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.data = read_model("pose_landmarker_full", path)


class BodyStream:
    """One body through one session; whoever is found first is followed until lost.

    Args:
        model: the weights.

    Raises:
        AssetError: the model file is damaged.
    """

    def __init__(self, model: BodyModel) -> None:
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
        from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarkerResultC

        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model.data), running_mode=RunningMode.VIDEO
        )
        self._task = VideoTask(
            "body",
            lambda: PoseLandmarker.create_from_options(options),
            "MpPoseLandmarkerDetectForVideo",
            "MpPoseLandmarkerCloseResult",
            PoseLandmarkerResultC,
        )
        self._cues = BodyCues()

    def step(self, packet: VideoPacket) -> CueFrame:
        """The body cues of one picture; absent with "no body" where none was found.

        Raises:
            ValueError: the picture is not later than the one before, by whole milliseconds.
        """
        landmarks = self.find(packet)
        if landmarks is None:
            return absent_frame(Channel.BODY, packet.t_ns, NO_BODY)
        return self._cues.step(packet.t_ns, packet.dur_ns, landmarks)

    def find(self, packet: VideoPacket) -> NDArray[np.float32] | None:
        """Landmarks (33, 4): x, y, z in px and visibility; None where there is no body."""
        height, width = packet.data.shape[:2]
        with self._task.run(packet) as result:
            if not result.pose_landmarks_count:
                return None
            self._task.warmed()
            p = view(result.pose_landmarks[0].landmarks, result.pose_landmarks[0].landmarks_count, LANDMARK)
            stacked = np.stack([p["x"] * width, p["y"] * height, p["z"] * width, p["visibility"]], axis=1)
        return stacked.astype(np.float32)

    def close(self) -> None:
        """Free the landmarker."""
        self._task.close()
