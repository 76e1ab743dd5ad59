"""A process that records a made-up session in real time until it is killed; prints after each frame what it wrote.

Run by test_store.py: `python record_until_killed.py FOLDER [sealed]`. A line is "video_ns audio_ns row_ns".
"""

import sys
import threading
from pathlib import Path

import numpy as np
from timelines import FRAME_NS, make_row

from ahdetect.capture.clock import SessionClock
from ahdetect.capture.packets import AudioBlock, Packet
from ahdetect.models.words import Word
from ahdetect.store.keys import default_keys
from ahdetect.store.media import VideoFormat
from ahdetect.store.vault import Vault
from ahdetect.store.writer import SessionWriter


def main() -> None:
    clock, never = SessionClock(), threading.Event()
    vault = Vault.new(default_keys()) if sys.argv[2:] == ["sealed"] else None
    writer = SessionWriter(
        Path(sys.argv[1]), {}, started_at=clock.started_at, video=VideoFormat(160, 120), audio=True, vault=vault
    )
    picture = np.zeros((120, 160, 3), dtype=np.uint8)
    sample, i = 0, 0
    while True:
        t_ns = i * FRAME_NS
        clock.wait_until(t_ns + FRAME_NS, never)
        picture[:, i % 160] = 255 - picture[:, i % 160]
        writer.write_video(Packet("video", i, t_ns, FRAME_NS, clock.now_ns(), picture))
        while (sample + 640) * 62_500 <= t_ns + FRAME_NS:
            tone = (3000 * np.sin(np.arange(sample, sample + 640) * 0.17)).astype(np.int16)
            writer.write_audio(Packet("audio", sample // 640, sample * 62_500, 40_000_000, 0, AudioBlock(tone, sample)))
            sample += 640
        writer.write_row(make_row(i, settled=False))
        if i >= 30:  # words settle a second late
            writer.write_row(make_row(i - 30))
        if i % 10 == 0:
            writer.write_word(Word("word", t_ns, t_ns + 200_000_000, 0.9, True, i // 10))
        print(t_ns, sample * 62_500, t_ns, flush=True)
        i += 1


main()
