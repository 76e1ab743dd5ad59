"""Quality: pictures with face cues, and sound with voice cues, flow in; what to mend flows out as remarks. No Qt.

A remark stays out until it held for most of the last second (picture) or the last seconds (sound), so that words on
the screen do not flicker. Where a bound is one of `models/face.py`, it is that from which the cues themselves suffer.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.devices import Level
from ahdetect.capture.packets import Frame
from ahdetect.models.cues import CueFrame
from ahdetect.models.face import BLUR_RAMP, LIGHT_RAMP, SIZE_RAMP, YAW_RAMP


class Remark(Enum):
    """What is not as it should be."""

    NO_FACE = "no face"
    TOO_DARK = "too dark"
    TOO_BRIGHT = "too bright"
    BACK_LIT = "back-lit"
    TOO_FAR = "too far"
    TURNED_AWAY = "turned away"
    BLURRED = "blurred"
    SLOW = "slow"
    STILL = "still"
    NO_SOUND = "no sound"
    NO_SPEECH = "no speech yet"
    CLIPPING = "clipping"
    TOO_QUIET = "too quiet"
    NOISY = "noisy"


DARK: Final = float(LIGHT_RAMP[1])
"""Grey level of the face (0-255) under which its cues suffer (tools/measure_face_quality.py)."""
BRIGHT: Final = float(LIGHT_RAMP[2])
SMALL_PX: Final = float(SIZE_RAMP[1])
"""Pixels of face height under which cues err (the same tool)."""
TURNED_DEG: Final = float(YAW_RAMP[0])
BLUR: Final = float(BLUR_RAMP.mean())
"""Variance of the Laplacian at which the face counts half: sharp webcams reach 37-198, so the upper end of the ramp
would find fault with good ones (docs/cues-face-body.md)."""

BACK_LIT_RATIO: Final = 1.8
"""Background over face, grey levels: two stops of light at a gamma of 2.2. Chosen."""
BACK_LIT_UNDER: Final = 2 * DARK
"""A brighter face is seen well enough whatever is behind it: dark skin before a white wall is no fault."""

SLOW_FPS: Final = 12.0
"""Pictures a second under which a blink of .1 s may fall between two (models/face.py, BLINK_MAX_S)."""

PICTURE_S: Final = 1.0
_STILL_S: Final = 3.0

SILENT_DBFS: Final = -90.0
"""Peak of a muted input: 16 bits give -90 dBFS for their last bit."""
CLIP_HOLD_S: Final = 4.0
SOUND_S: Final = 10.0
SPEECH: Final = 0.5
"""Voice activity from which a block counts as speech."""
SPEECH_BLOCKS: Final = 12
"""Blocks of 40 ms with speech that are needed to speak of its level: half a second."""
QUIET_DBFS: Final = -48.0
"""Median level of speech under which voice activity begins to be lost: see `docs/desktop.md`, Devices."""
NOISE_DBFS: Final = -45.0
"""Level without speech above which the times of speech were not checked (docs/cues-voice.md, Dating)."""
SNR_DB: Final = 15.0
"""Speech over noise under which a room is noisy: classrooms are to keep 15 dB (ANSI/ASA S12.60)."""


class PictureJudge:
    """Pictures and face cues flow in, remarks flow out."""

    def __init__(self) -> None:
        # t_ns, face found (NaN: not looked for), height px, light, background, yaw, blur, mean of the picture
        self._rows: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._last_print: bytes = b""
        self._changed_ns: int | None = None

    def step(self, t_ns: int, frame: Frame, cues: CueFrame | None) -> None:
        """Take in a picture, and its face cues where it was looked for."""
        thumb = frame[::8, ::8].mean(axis=2)
        seen = thumb.tobytes()
        if seen != self._last_print or self._changed_ns is None:
            self._last_print, self._changed_ns = seen, t_ns
        row = np.full(7, np.nan)
        row[6] = thumb.mean()
        if cues is not None:
            row[0] = float(not cues.absent)
            if not cues.absent:
                size, light, yaw, blur = (cues[f"face_{name}"] for name in ("size", "light", "yaw", "blur"))
                row[1:6] = size * frame.shape[0], light, background(thumb, cues.overlay["box"] / 8), abs(yaw), blur
        self._rows.append((t_ns, row))
        while self._rows[0][0] < t_ns - PICTURE_S * NS_PER_S:
            self._rows.popleft()

    def remarks(self, fps: float) -> tuple[Remark, ...]:
        """What to mend, most important first; `fps` is the measured rate, NaN while unknown."""
        if not self._rows:
            return ()
        found = []
        rows = np.array([row for _, row in self._rows])
        looked = rows[~np.isnan(rows[:, 0])]
        faces = looked[looked[:, 0] == 1.0]
        if self._changed_ns is not None and self._rows[-1][0] - self._changed_ns > _STILL_S * NS_PER_S:
            found.append(Remark.STILL)
        if len(looked) and len(faces) < len(looked) / 2:
            found.append(Remark.NO_FACE)
            if np.median(rows[:, 6]) < DARK:
                found.append(Remark.TOO_DARK)
        elif len(faces):
            found += self._of_face(*np.nanmedian(faces[:, 1:6], axis=0).tolist())
        elif np.median(rows[:, 6]) < DARK:
            found.append(Remark.TOO_DARK)
        if fps < SLOW_FPS:
            found.append(Remark.SLOW)
        return tuple(found)

    @staticmethod
    def _of_face(height: float, light: float, behind: float, yaw: float, blur: float) -> list[Remark]:
        back_lit = light < BACK_LIT_UNDER and behind > BACK_LIT_RATIO * light
        lit = DARK <= light <= BRIGHT  # else edges are faint, however sharp
        checks = (
            (back_lit, Remark.BACK_LIT),
            (light < DARK and not back_lit, Remark.TOO_DARK),
            (light > BRIGHT, Remark.TOO_BRIGHT),
            (height < SMALL_PX, Remark.TOO_FAR),
            (yaw > TURNED_DEG, Remark.TURNED_AWAY),
            (lit and blur < BLUR, Remark.BLURRED),
        )
        return [remark for wrong, remark in checks if wrong]


def background(thumb: NDArray[np.float64], box: NDArray[Any]) -> float:
    """Mean grey level of what is not the head; NaN where the head fills the picture.

    Args:
        thumb: grey levels, (height, width).
        box: x0 y0 x1 y1 of the face, px of `thumb`; hair and neck are taken to reach half as far again.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    w, h = x1 - x0, y1 - y0
    left, right = int(max(0, x0 - w / 2)), int(max(0, x1 + w / 2))
    top = int(max(0, y0 - h / 2))
    outside = np.ones(thumb.shape, dtype=bool)
    outside[top:, left : right + 1] = False
    return float(thumb[outside].mean()) if outside.sum() >= 0.05 * outside.size else float("nan")


class SoundJudge:
    """Levels and voice cues flow in, remarks flow out.

    Attributes:
        noise_db: level without speech, dBFS; NaN while unknown.
        speech_db: median level of speech in the last seconds, dBFS; NaN while there is none.
    """

    def __init__(self) -> None:
        self._levels: deque[tuple[int, float]] = deque()  # t_ns, peak dBFS
        self._speech: deque[tuple[int, float]] = deque()  # t_ns, dBFS of blocks with speech
        self._clipped_ns: int | None = None
        self._began_ns: int | None = None
        self._voice_heard = False
        self.noise_db = float("nan")

    def step(self, level: Level, frames: list[CueFrame]) -> None:
        """Take in a block's level, and the voice cues that became known with it."""
        if self._began_ns is None:
            self._began_ns = level.t_ns
        self._levels.append((level.t_ns, level.peak_dbfs))
        if level.clipped:
            self._clipped_ns = level.t_ns
        for cues in frames:
            if cues.absent:
                continue
            self._voice_heard = True
            self.noise_db = cues["voice_noise"]
            if cues["voice_speech"] > SPEECH:
                self._speech.append((cues.t_ns, cues["voice_intensity"]))
        for kept in (self._levels, self._speech):
            while kept and kept[0][0] < level.t_ns - SOUND_S * NS_PER_S:
                kept.popleft()

    @property
    def speech_db(self) -> float:
        """Median level of speech, dBFS."""
        if len(self._speech) < SPEECH_BLOCKS:
            return float("nan")
        return float(np.median([db for _, db in self._speech]))

    @property
    def clipping(self) -> bool:
        """Whether a sample was at full scale in the last seconds."""
        return (
            self._clipped_ns is not None
            and bool(self._levels)
            and (self._levels[-1][0] - self._clipped_ns < CLIP_HOLD_S * NS_PER_S)
        )

    def remarks(self) -> tuple[Remark, ...]:
        """What to mend, most important first."""
        if not self._levels or self._began_ns is None or self._levels[-1][0] - self._began_ns < 2 * NS_PER_S:
            return (Remark.CLIPPING,) if self.clipping else ()
        now_ns = self._levels[-1][0]
        if max(peak for t_ns, peak in self._levels if t_ns > now_ns - 2 * NS_PER_S) <= SILENT_DBFS:
            return (Remark.NO_SOUND,)
        found = [Remark.CLIPPING] if self.clipping else []
        speech, noise = self.speech_db, self.noise_db
        if speech < QUIET_DBFS:
            found.append(Remark.TOO_QUIET)
        if noise > NOISE_DBFS or speech - noise < SNR_DB:
            found.append(Remark.NOISY)
        if self._voice_heard and np.isnan(speech):
            found.append(Remark.NO_SPEECH)
        return tuple(found)
