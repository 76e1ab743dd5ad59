"""Clips flow in; how much a smaller, darker, brighter or blurred picture spoils the face cues flows out.

    python tools/measure_face_quality.py FACE.task CLIP...

The cues of the spoilt clip are held against those of the clip as it is. Printed per step: face height, light and blur
as the cues measure them, the quality, the share of pictures with a face, and the median over cues of the error
(root mean square) in units of the cue's own standard deviation over the clip. The thresholds of
`models.face.quality` come from here; docs/cues-face-body.md has the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.models.cues import INDEX, CueFrame
from ahdetect.models.face import FaceModel, FaceStream

FRAMES = 75
CUES = ["brow_lower", "brow_raise", "cheek_raise", "smile", "lip_press", "jaw_open", "blink", "pitch", "yaw", "gaze_y"]
COLUMNS = [INDEX[f"face_{name}"] for name in CUES]
Picture = NDArray[np.uint8]


def frames(clip: Path) -> Iterator[VideoPacket]:
    """The first pictures of a clip, 40 ms apart."""
    with av.open(str(clip)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i == FRAMES:
                return
            t_ns = i * 40_000_000
            yield Packet("video", i, t_ns, 40_000_000, t_ns, frame.to_ndarray(format="rgb24"))


def shrink(factor: float) -> Callable[[Picture], Picture]:
    """Fewer pixels."""
    return lambda p: np.asarray(cv2.resize(p, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def expose(factor: float) -> Callable[[Picture], Picture]:
    """Less or more light, with the noise of a small sensor: shot noise of 4 % of full scale at full light."""
    noise = np.random.default_rng(0)

    def apply(p: Picture) -> Picture:
        lit = p.astype(np.float32) * factor
        grain = noise.standard_normal(p.shape, dtype=np.float32) * 10.0 * np.sqrt(np.maximum(lit, 1.0) / 255.0)
        return np.asarray(np.clip(lit + grain, 0, 255), dtype=np.uint8)

    return apply


def blur(sigma_share: float) -> Callable[[Picture], Picture]:
    """Out of focus by a share of the picture's height."""
    return lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), sigma_share * p.shape[0]), np.uint8)


STEPS: dict[str, Callable[[Picture], Picture]] = {
    **{f"size x {f}": shrink(f) for f in (0.75, 0.5, 0.35, 0.25, 0.18, 0.12)},
    **{f"light x {f}": expose(f) for f in (1.0, 0.5, 0.25, 0.12, 0.06, 1.5, 2.0, 3.0)},
    **{f"blur {s}": blur(s) for s in (0.003, 0.006, 0.012, 0.02, 0.03)},
}


def cues(model: FaceModel, packets: list[VideoPacket]) -> list[CueFrame]:
    """Face cues of every packet."""
    stream = FaceStream(model)
    out = [stream.step(p) for p in packets]
    stream.close()
    return out


def main() -> None:
    model = FaceModel(Path(sys.argv[1]))
    for name in sys.argv[2:]:
        packets = list(frames(Path(name)))
        whole = cues(model, packets)
        true = np.array([c.values[COLUMNS] for c in whole])
        print(f"{Path(name).name}: step, face px, light, blur, quality, found, error in sd")
        for step, spoil in {"as it is": lambda p: p, **STEPS}.items():
            spoilt = [replace(p, data=np.ascontiguousarray(spoil(p.data))) for p in packets]
            seen = cues(model, spoilt)
            got = np.array([c.values[COLUMNS] for c in seen])
            error = np.sqrt(np.nanmean((got - true) ** 2, axis=0)) / np.nanstd(true, axis=0)
            size, light, sharp, q = (
                np.nanmedian([c[f"face_{k}"] for c in seen]) for k in ("size", "light", "blur", "quality")
            )
            found = np.mean([not c.absent for c in seen])
            tall = size * spoilt[0].data.shape[0]
            print(
                f"  {step:14s} {tall:5.0f} {light:5.0f} {sharp:6.0f} {q:5.2f} {found:5.2f} {np.median(error):6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
