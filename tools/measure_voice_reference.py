"""Sound files of several people flow in; location and scale of the voice cues flow into `assets/reference.json`.

    python tools/measure_voice_reference.py CLIP CLIP ... --note "what the clips are"

Each clip counts as one person. Level, pitch in Hz and quality belong to the microphone and the body, not to the state:
they get no reference. Nor does the response latency, which needs a prompt.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from ahdetect.capture.clock import NS_PER_S
from ahdetect.capture.packets import SAMPLE_RATE, AudioBlock, AudioPacket, Packet
from ahdetect.models.cues import CueFrame
from ahdetect.models.reference import FILE, measure, save
from ahdetect.models.voice import VoiceModel, VoiceStream

TARGET = Path(__file__).parent.parent / "assets" / FILE
NAMES = [
    f"voice_{name}"
    for name in (
        "f0_shift",
        "f0_sd",
        "intensity_sd",
        "pause",
        "pause_share",
        "pause_rate",
        "articulation_rate",
        "slow",
        "filled_pause",
    )
]


def sound(clip: Path) -> Iterator[AudioPacket]:
    """The clip as 16 kHz mono packets on a clock of its own samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(clip)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    pcm = np.concatenate([f.to_ndarray()[0] for f in (*frames, *resampler.resample(None))]).astype(np.int16)
    tick = NS_PER_S // SAMPLE_RATE
    for seq, at in enumerate(range(0, len(pcm), SAMPLE_RATE)):
        part = pcm[at : at + SAMPLE_RATE]
        yield Packet("audio", seq, at * tick, len(part) * tick, at * tick, AudioBlock(part, at))


def listen(clip: Path, model: VoiceModel) -> list[CueFrame]:
    """Voice cues of one clip."""
    stream = VoiceStream(model)
    return [frame for packet in sound(clip) for frame in stream.step(packet)] + stream.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--note", required=True)
    options = parser.parse_args()
    model = VoiceModel()
    found = measure([[listen(clip, model)] for clip in options.clips], NAMES)
    save(TARGET, found, options.note)
    for name, ref in found.items():
        print(f"{name:24s} {ref.location:9.4g} {ref.scale:9.4g} {ref.n_seconds:7.0f} s {ref.n_people} people")


if __name__ == "__main__":
    main()
