"""A folder in exactly the layout of a release of BAH is made of generated clips, with every oddity of the real one.

Run: `python tools/make_bah_layout.py FOLDER --people 12`. Nothing in it is anybody's: pictures are moving bars (or, for
`--faces`, cuts of the demo clip), sound is a tone with pauses, words and labels are drawn at random, A/H more often
where the prompt asks for it, as in the published rates. In an A/H segment the tone pauses, so that there is something
to learn. Simulated data, to try the commands of `docs/bah.md` on; figures from it say nothing about A/H.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml
from numpy.typing import NDArray

from ahdetect.models.datasets.bah import QUESTIONS
from ahdetect.models.evidence import PREVALENCE_OF_PROMPT

FPS = 24
RATE = 16_000
DEMO = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
TEXT = "well I, um, maybe tomorrow, but the garden is green, you know, and so on"
SPLITS = {"train": 0.6, "val": 0.2, "test": 0.2}


@dataclass
class Made:
    """One generated answer."""

    name: str  # path below the root, with Videos/
    person: str
    question: int
    split: str
    frames: NDArray[np.int64]
    text: str

    @property
    def label(self) -> int:
        return int(self.frames.any())


def labels(rng: np.random.Generator, n: int, kind: str) -> NDArray[np.int64]:
    """Frame labels: one segment at most, so often that the share of frames is about that of the prompt."""
    found = np.zeros(n, np.int64)
    if rng.random() < min(1.0, 2.5 * PREVALENCE_OF_PROMPT[kind]):
        length = int(n * rng.uniform(0.3, 0.5))
        start = int(rng.integers(0, n - length + 1))
        found[start : start + length] = 1
    return found


def pictures(n: int, seed: int, faces: bool) -> list[NDArray[np.uint8]]:
    if not faces:
        x = np.arange(96)[None, :] + np.arange(64)[:, None]
        return [np.repeat((((x + 3 * i + seed) % 96) * 2).astype(np.uint8)[..., None], 3, axis=2) for i in range(n)]
    with av.open(str(DEMO)) as clip:
        found = []
        for frame in clip.decode(video=0):
            found.append(frame.to_ndarray(format="rgb24", width=320, height=240))
            if len(found) == n:
                break
    return [found[i % len(found)] for i in range(n)]


def sound(frames: NDArray[np.int64], seed: int) -> NDArray[np.int16]:
    """A vowel-like buzz with a slow beat, silent where A/H is."""
    t = np.arange(len(frames) * RATE // FPS) / RATE
    wave = sum(np.sin(2 * np.pi * (110 + seed % 40) * k * t) / k for k in range(1, 8)) * (0.6 + 0.4 * np.sin(8 * t))
    loud = np.repeat(1 - frames, RATE // FPS + 1)[: len(t)]
    return (wave * loud * 6000).astype(np.int16)


def write_clip(path: Path, shown: list[NDArray[np.uint8]], pcm: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=FPS)
        video.height, video.width = shown[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("aac", rate=RATE, layout="mono")
        for i, array in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for start in range(0, len(pcm) - 1023, 1024):
            block = av.AudioFrame.from_ndarray(pcm[None, start : start + 1024], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
            out.mux(audio.encode(block))
        out.mux(audio.encode(None))


def spelled(person: int, question: int, number: int, *, old: bool) -> str:
    """Names as people's machines made them: spaces, another folder, a machine's name."""
    date, time = f"2024-{1 + number % 12:02d}-{1 + number % 28:02d}", f"{8 + number % 12:02d}-{number % 60:02d}-28"
    visit = "Visite 1" if old or number % 11 == 3 else "Visite_1"
    gap = " " if old or number % 5 == 1 else "_"
    end = "_Video-DESKTOP-NQ55E0P.mp4" if number % 7 == 2 else "_Video.mp4"
    return f"Videos/{person}/{visit}/{person}_Question_{question}_{date}{gap}{time}{end}"


def clock(frame: float) -> str:
    return f"00:00:{frame / FPS:06.3f}"


def segments(frames: NDArray[np.int64]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames, [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def chunks(text: str, seconds: float, *, long: bool) -> list[dict[str, Any]]:
    """Whisper's: `long` ones fall back to 0 after half a minute, and the last end is missing."""
    words = text.split(" ")
    parts = [" ".join(words[i : i + 5]) for i in range(0, len(words), 5)] or [""]
    if not long:
        at = np.linspace(0, seconds, len(parts) + 1)
        times: list[tuple[float, float | None]] = [(float(a), float(b)) for a, b in pairwise(at)]
    else:
        parts = (parts * 4)[:4]
        times = [(0.0, 12.5), (12.5, 29.0), (0.0, 9.5), (9.5, None)]
    return [
        {"language": "english", "text": f" {part}", "timestamp": time} for part, time in zip(parts, times, strict=True)
    ]


class _Dumper(yaml.Dumper):
    """Writes tuples as the release does, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def dump(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(content, Dumper=_Dumper, allow_unicode=True), encoding="utf-8")


def annotation(video: Made, key: str, spoken: list[dict[str, Any]], *, old: bool) -> dict[str, Any]:
    runs = segments(video.frames)
    found: dict[str, Any] = {
        "fr_detailed_ah": [list(run) for run in runs],
        "frame_annotation": [[f"{key}/frame-{i}.jpg", int(v)] for i, v in enumerate(video.frames)],
        "global_ah": video.label,
        "time_detailed_ah": [[clock(a), clock(b)] for a, b in runs],
    }
    if not old:
        nothing = dict.fromkeys(("audio", "body", "facial", "inconsistencies", "language"))
        found |= {"all_cues": [nothing] * len(runs), "annotator_id": "AA", "certainty_ah": [1] * len(runs)}
        found["transcript"] = {"chunks": spoken, "text": video.text}
    return found


def make(
    root: Path,
    *,
    people: int = 6,
    questions: int = 7,
    seconds: float = 1.5,
    faces: int = 0,
    seed: int = 0,
    old: bool = False,
    missing: int = 1,
    broken: int = 0,
    crops: int = 1,
) -> list[Made]:
    """Write a release below `root`.

    Args:
        root: its folder, `BAH_DB` or `data` in the real one.
        people: participants.
        questions: of each, 1 to 7.
        seconds: length of the clips.
        faces: clips with a face.
        seed: of everything random.
        old: the layout before 2025-05.
        missing: listed videos without a file.
        broken: files that are no clip.
        crops: clips with cropped faces.
    """
    rng = np.random.default_rng(seed)
    made: list[Made] = []
    n = round(seconds * FPS)
    bounds = np.cumsum([round(people * share) for share in SPLITS.values()])
    for p in range(people):
        split = next((s for s, b in zip(SPLITS, bounds, strict=True) if p < b), "test")
        for q in range(1, questions + 1):
            name = spelled(82550 + p, q, len(made), old=old)
            text = " ".join(rng.choice(TEXT.split(), 12))
            made.append(Made(name, str(82550 + p), q, split, labels(rng, n, QUESTIONS[q]), text))
    for i, video in enumerate(made):
        path = root / video.name
        if i >= len(made) - missing:
            continue
        write_clip(path, pictures(n, i, i < faces), sound(video.frames, i))
        if missing <= len(made) - i - 1 < missing + broken:
            path.write_bytes(path.read_bytes()[:200])
        if i < crops:
            crop = np.full((256, 256, 3), 128, np.uint8)
            folder = root / "cropped-aligned-faces" / video.name
            folder.mkdir(parents=True)
            for k in range(n):
                with av.open(str(folder / f"frame-{k}.jpg"), "w", format="mjpeg") as out:
                    stream = out.add_stream("mjpeg", rate=1)
                    stream.width, stream.height, stream.pix_fmt = 256, 256, "yuvj420p"
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(crop, format="rgb24")))
                    out.mux(stream.encode(None))
    _lists(root, made, old=old)
    _labels(root, made, seconds, old=old)
    return made


def _lists(root: Path, made: list[Made], *, old: bool) -> None:
    folder = root / ("default-split" if old else "split")
    folder.mkdir(parents=True)
    for split in SPLITS:
        own = [v for v in made if v.split == split]
        rows = [f"{v.name.removeprefix('Videos/') if old else v.name},{v.label},{v.text}\n" for v in own]
        (folder / f"{split}.txt").write_text("".join(rows), encoding="utf-8")
        if not old:
            (root / "split-frames").mkdir(exist_ok=True)
            (root / "split-frames" / f"{split}.txt").write_text(
                "".join(f"{v.name}/frame-{i}.jpg,{x}\n" for v in own for i, x in enumerate(v.frames)), encoding="utf-8"
            )
    (folder / "class_id.yaml").write_text("With A-H: 1\nNo A-H: 0", encoding="utf-8")
    if not old:
        rows = ["video-path,class\n", *(f"{v.name},{('No A-H', 'With A-H')[v.label]}\n" for v in made)]
        (root / "bah-video.csv").write_text("".join(rows), encoding="utf-8")
        people = sorted({v.person for v in made})
        dump(root / "meta_data.yml", {p: {"Age": 30, "Gender": "Other", "Use in publications": "No"} for p in people})


def _labels(root: Path, made: list[Made], seconds: float, *, old: bool) -> None:
    table = {}
    for i, video in enumerate(made):
        key = video.name.removeprefix("Videos/") if old else video.name
        key = key.replace(" ", "_") if i % 4 == 1 else key  # spelled otherwise than the file
        spoken = chunks(video.text, seconds, long=i % 3 == 1)
        table[key] = annotation(video, key, spoken, old=old)
        if not old:
            name = Path(video.name)
            dump(root / "transcription" / name / f"{name.stem}.yml", {"chunks": spoken, "text": video.text})
    dump(root / ("annotation.yml" if old else "video_annotation_transcript.yaml"), table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("root", type=Path, metavar="FOLDER")
    for name, default in (("people", 12), ("questions", 7), ("faces", 0), ("seed", 0), ("missing", 1), ("broken", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--old", action="store_true", help="the layout before 2025-05")
    made = make(**vars(parser.parse_args()))
    frames = np.concatenate([v.frames for v in made])
    print(
        f"{len(made)} answers of {len({v.person for v in made})} generated people, A/H in {frames.mean():.2f} of frames"
    )


if __name__ == "__main__":
    main()
