"""Clips with speaker turns (WAV and RTTM) flow in; AUC and the best thresholds of `SpeechGate` flow out.

    python tools/measure_vad.py FOLDER

FOLDER is what `tests/data` of the source distribution of pyannote.audio 4.0.7 unpacks to: 14 meeting clips of 30 s.
"""

from __future__ import annotations

import sys
import time
from itertools import product
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from ahdetect.models.vad import WINDOW, GateConfig, SpeechGate, SpeechWindows, VadModel, VadStream

RATE = 16_000


def read(path: Path) -> NDArray[np.int16]:
    """The sound of a clip as 16 kHz mono int16."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as clip:
        frames = [out for frame in clip.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([f.to_ndarray()[0] for f in (*frames, *resampler.resample(None))]).astype(np.int16)


def turns(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Speaker turns (start, end) in seconds by the name of the clip."""
    found: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(folder.glob("*.rttm")):
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = line.split()
            found.setdefault(cells[1], []).append((float(cells[3]), float(cells[3]) + float(cells[4])))
    return found


def gated(windows: SpeechWindows, config: GateConfig) -> NDArray[np.bool_]:
    """What the gate says about each window once all its edges are known."""
    gate = SpeechGate(config)
    edges = gate.step(windows) + gate.flush()
    marks = np.zeros(len(windows) + 1, dtype=np.int64)
    for edge in edges:
        marks[min(edge.sample // WINDOW, len(windows))] += 1 if edge.speaking else -1
    return np.cumsum(marks)[:-1] > 0


def main() -> None:
    folder = Path(sys.argv[1])
    model, clips, cost, seconds = VadModel(), [], 0.0, 0.0
    for name, spans in turns(folder).items():
        path = folder / f"{name}.wav"
        if not path.is_file():
            continue
        pcm = read(path)
        began = time.process_time()
        windows = VadStream(model).step(pcm)
        cost, seconds = cost + time.process_time() - began, seconds + len(pcm) / RATE
        middle = (windows.end_sample - WINDOW / 2) / RATE
        truth = np.any([(middle >= a) & (middle < b) for a, b in spans], axis=0)
        clips.append((windows, truth))
    p, y = (np.concatenate(x) for x in zip(*[(w.p, t) for w, t in clips], strict=True))
    rank = np.empty(len(p))
    rank[np.argsort(p, kind="stable")] = np.arange(1, len(p) + 1)
    auc = (rank[y].sum() - y.sum() * (y.sum() + 1) / 2) / (y.sum() * (~y).sum())
    print(f"{len(clips)} clips, {seconds:.0f} s, speech {y.mean():.3f}, AUC {auc:.3f}")
    print(f"process CPU of the network {1e3 * cost / seconds:.1f} ms per s of sound")
    rows = []
    for on, off, short, hang in product(
        (0.15, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.35), (0.064, 0.096), (0.16, 0.3)
    ):
        if off > on:
            continue
        config = GateConfig(on, off, short, hang)
        hit = np.concatenate([gated(w, config) == t for w, t in clips])
        said = np.concatenate([gated(w, config) for w, _ in clips])
        rows.append((hit.mean(), on, off, short, hang, 1 - said[y].mean(), said[~y].mean()))
    print("accuracy    on   off  min_speech  hangover   missed  false alarm")
    for row in sorted(rows, reverse=True):
        print("   {:.3f}  {:.2f}  {:.2f}       {:.3f}     {:.3f}    {:.3f}        {:.3f}".format(*row))
    for t in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
        print(f"   window by window, threshold {t:.2f}: {((p >= t) == y).mean():.3f}")


if __name__ == "__main__":
    main()
