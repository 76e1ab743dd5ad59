"""Clips of several people flow in; location and scale of every face and body cue flow into `assets/reference.json`.

    python tools/measure_reference.py PERSON PERSON ... --note "what the clips are"

PERSON is one or more clips of the same person, joined by commas. Every picture goes to the face and every third to the
body. Pictures whose face_quality is under .3 are left out. Blendshapes and quality cues get no reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import av

from ahdetect.capture.clock import NS_PER_MS, NS_PER_S
from ahdetect.capture.packets import Packet, VideoPacket
from ahdetect.models.body import BodyModel, BodyStream
from ahdetect.models.cues import OF_CHANNEL, Channel, CueFrame
from ahdetect.models.face import FaceModel, FaceStream
from ahdetect.models.reference import FILE, Reference, measure, save

TARGET = Path(__file__).parent.parent / "assets" / FILE
MIN_QUALITY = 0.3
BODY_EVERY = 3


def pictures(clip: Path) -> Iterator[VideoPacket]:
    """The pictures of a clip with their own times, in whole milliseconds, strictly rising."""
    last = -1
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        dur_ns = round(NS_PER_S / float(stream.average_rate or 25))
        for seq, frame in enumerate(container.decode(stream)):
            last = max(last + 1, round(1000 * (frame.time or 0.0)))
            yield Packet("video", seq, last * NS_PER_MS, dur_ns, last * NS_PER_MS, frame.to_ndarray(format="rgb24"))


def watch(clip: Path, face: FaceModel, body: BodyModel) -> tuple[list[CueFrame], list[CueFrame]]:
    """Face and body cues of one clip."""
    faces, bodies = FaceStream(face), BodyStream(body)
    seen: tuple[list[CueFrame], list[CueFrame]] = ([], [])
    for packet in pictures(clip):
        cues = faces.step(packet)
        if not cues.absent and cues["face_quality"] >= MIN_QUALITY:
            seen[0].append(cues)
        if packet.seq % BODY_EVERY == 0:
            seen[1].append(bodies.step(packet))
    faces.close()
    bodies.close()
    print(f"{clip.name}: {len(seen[0])} faces, {len(seen[1])} bodies", flush=True)
    return seen


def names(channel: Channel) -> list[str]:
    """Cues that a filter may compare between people."""
    rows = [cue for cue in OF_CHANNEL[channel] if not cue.meaning.startswith(("quality:", "blendshape"))]
    return [cue.name for cue in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="+", metavar="PERSON")
    parser.add_argument("--note", required=True)
    parser.add_argument("--face-model", type=Path)
    parser.add_argument("--body-model", type=Path)
    options = parser.parse_args()
    face, body = FaceModel(options.face_model), BodyModel(options.body_model)
    seen = [[watch(Path(clip), face, body) for clip in person.split(",")] for person in options.people]
    found: dict[str, Reference] = {}
    for i, channel in enumerate((Channel.FACE, Channel.BODY)):
        found |= measure([[clip[i] for clip in person] for person in seen], names(channel))
    save(TARGET, found, options.note)
    for name, ref in found.items():
        print(f"{name:24s} {ref.location:9.4g} {ref.scale:9.4g} {ref.n_seconds:7.0f} s {ref.n_people} people")


if __name__ == "__main__":
    main()
