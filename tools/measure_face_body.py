"""Clips flow in; share of pictures with a face and a body, cost, and how far mirror images agree flow out.

    python tools/measure_face_body.py CLIP...

Cost is processor time of the whole process per picture (all threads), every picture to the face and every third to the
body, and the face's own share after MediaPipe. Mirror agreement is the reliability that can be had without labels: the
cues of the mirrored clip, turned back, against those of the clip (correlation; lateral bias in the cue's unit).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from measure_reference import BODY_EVERY, pictures

from ahdetect.capture.packets import VideoPacket
from ahdetect.models.body import BodyModel, BodyStream
from ahdetect.models.cues import CueFrame
from ahdetect.models.face import FaceCues, FaceModel, FaceShot, FaceStream

FRAMES = 300
WARM = 10
TURNED = ("face_yaw", "face_roll", "face_gaze_x")
SAME = (
    "face_pitch", "face_gaze_y", "face_blink", "face_smile", "face_brow_lower", "face_brow_raise", "face_cheek_raise",
    "face_lip_press", "face_jaw_open", "face_nose_wrinkle_sd", "face_smile_sd", "face_shake_band", "face_nod_band",
)  # fmt: skip
T = TypeVar("T")


def timed(step: Callable[[VideoPacket], T], packets: list[VideoPacket]) -> tuple[list[T], float]:
    """Results, and milliseconds of processor time per picture once warm."""
    out = [step(p) for p in packets[:WARM]]
    begin = time.process_time()
    out += [step(p) for p in packets[WARM:]]
    return out, 1e3 * (time.process_time() - begin) / max(len(packets) - WARM, 1)


def main() -> None:
    face_model, body_model = FaceModel(), BodyModel()
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in (*TURNED, *SAME)}
    print("clip                 frames  face  body | ms: face  of it cues  body | ms per s of 30 fps")
    for clip in map(Path, sys.argv[1:]):
        packets = list(islice(pictures(clip), FRAMES))
        faces, bodies = FaceStream(face_model), BodyStream(body_model)
        seen, face_ms = timed(faces.step, packets)
        body, body_ms = timed(bodies.step, packets[::BODY_EVERY])
        faces.close()
        bodies.close()
        finder = FaceStream(face_model)
        shots: list[FaceShot] = [s for p in packets if (s := finder.find(p)) is not None]
        finder.close()
        cues = FaceCues()
        begin = time.process_time()
        for shot in shots:
            cues.step(shot)
        cues_ms = 1e3 * (time.process_time() - begin) / max(len(shots), 1)
        print(
            f"{clip.name:20s} {len(packets):6d} {found(seen):5.2f} {found(body):5.2f} | {face_ms:8.2f} {cues_ms:11.2f} "
            f"{body_ms:5.2f} | {30 * (face_ms + body_ms / BODY_EVERY):6.0f}",
            flush=True,
        )
        mirror = FaceStream(face_model)
        turned = [mirror.step(replace(p, data=np.ascontiguousarray(p.data[:, ::-1]))) for p in packets]
        mirror.close()
        for name in pairs:
            a, b = (np.array([f[name] for f in frames]) for frames in (seen, turned))
            b = -b if name in TURNED else b
            ok = np.isfinite(a) & np.isfinite(b)
            if ok.sum() > WARM and a[ok].std() > 0:
                pairs[name].append((float(np.corrcoef(a[ok], b[ok])[0, 1]), float((a[ok] - b[ok]).mean() / 2)))
    print("\ncue                    mirror correlation: median (least) | lateral bias: median")
    for name, rows in pairs.items():
        r, bias = np.array(rows).T
        print(f"{name:22s} {np.median(r):5.2f} ({r.min():.2f}) | {np.median(bias):8.3f}")


def found(frames: list[CueFrame]) -> float:
    """Share of frames in which the channel is present."""
    return float(np.mean([not f.absent for f in frames]))


if __name__ == "__main__":
    main()
