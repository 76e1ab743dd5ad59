"""A clip flows in; CPU time per frame, block and row of the session writer, and bytes per file, flow out.

Run: `PYTHONPATH=tests python tools/measure_store.py CLIP`. Sound is noise, the worst case for FLAC.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from timelines import FRAME_NS, make_rows

from ahdetect.capture.packets import AudioBlock, Packet
from ahdetect.export.stills import Stills
from ahdetect.store.media import VideoFormat
from ahdetect.store.writer import SessionWriter

SECONDS = 10


def main() -> None:
    frames, blocks = SECONDS * 30, SECONDS * 25
    with Stills(Path(sys.argv[1])) as stills:
        found = [stills.at(i * FRAME_NS / 1e9, height=480) for i in range(frames)]
    pictures = [p for p in found if p is not None]
    sound = np.random.default_rng(0).integers(-3000, 3000, blocks * 640).astype(np.int16)
    rows = list(make_rows(frames))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "s"
        writer = SessionWriter(folder, {}, started_at=datetime.now(UTC), video=VideoFormat(), audio=True)
        began = time.process_time()
        for i, picture in enumerate(pictures):
            writer.write_video(Packet("video", i, i * FRAME_NS, FRAME_NS, 0, picture))
        video = time.process_time()
        for i in range(blocks):
            block = AudioBlock(sound[i * 640 : (i + 1) * 640], i * 640)
            writer.write_audio(Packet("audio", i, i * 40_000_000, 40_000_000, 0, block))
        audio = time.process_time()
        for row in rows:
            writer.write_row(row)
        row_end = time.process_time()
        writer.close()
        closed = time.process_time()
        print(f"{pictures[0].shape[1]}x{pictures[0].shape[0]}")
        print(f"video {(video - began) / len(pictures) * 1e3:.2f} ms a frame")
        print(f"audio {(audio - video) / blocks * 1e3:.3f} ms a block of 40 ms")
        print(f"rows  {(row_end - audio) / len(rows) * 1e3:.3f} ms a row, close {(closed - row_end) * 1e3:.0f} ms")
        for path in sorted(folder.iterdir()):
            print(f"{path.name:16} {path.stat().st_size / 1e3:8.0f} kB")


main()
