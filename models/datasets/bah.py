"""BAH: the folder of a release flows in; videos with person, prompt, split and frame labels flow out.

Read as published, in both layouts (`docs/bah.md` draws them): lists by `bah_lists`, labels by `bah_labels`, transcripts
by `bah_transcript`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ahdetect.errors import DataError
from ahdetect.models.datasets.ah_text import PROMPTS
from ahdetect.models.datasets.bah_labels import ANNOTATIONS, Labels, read_labels
from ahdetect.models.datasets.bah_lists import SPLIT_FOLDERS, key_of, listed

QUESTIONS: Final = dict(enumerate(PROMPTS, 1))
"""Kind of prompt of each of the seven questions (BAH paper, table of questions)."""

NESTED: Final = ("BAH_DB", "data")
"""Folders that an archive may put around the release."""

_QUESTION: Final = re.compile(r"^(?P<person>[^_ ]+)[_ ]Question[_ ](?P<question>\d+)[_ ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Video:
    """One answer on camera.

    Attributes:
        name: as the release lists it.
        path: the file.
        person: number of the participant.
        question: 1 to 7; None where the name does not say.
        split: train, val, test, or "" where no list names it.
        labels: what is labelled of it.
        transcript: the file of its transcript, None where there is none; read with `read_transcript`.
        faces: folder of its cropped faces (256 x 256), None where they were not unpacked.
    """

    name: str
    path: Path
    person: str
    question: int | None
    split: str
    labels: Labels
    transcript: Path | None = None
    faces: Path | None = None

    @property
    def kind(self) -> str | None:
        """Kind of prompt that it answers; None where the question is not known."""
        return QUESTIONS.get(self.question) if self.question is not None else None


@dataclass(frozen=True, slots=True)
class Corpus:
    """A release.

    Attributes:
        root: its folder.
        videos: that are there, in the order of their names.
        missing: names of listed videos without a file.
        notes: what a reader must know, one sentence each.
    """

    root: Path
    videos: tuple[Video, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def find(folder: Path) -> Path | None:
    """The root of a release: `folder` itself or one of `NESTED` in it; None where it is none."""
    for root in (folder, *(folder / name for name in NESTED)):
        if any((root / name).is_dir() for name in SPLIT_FOLDERS) or any((root / a).is_file() for a in ANNOTATIONS):
            return root
    return None


def read_corpus(folder: Path, cache: Path | None = None) -> Corpus:
    """Read a release.

    Args:
        folder: its root, or the folder that it was unpacked in.
        cache: a JSON file that keeps the frame labels; parsing them takes a minute or two the first time.

    Raises:
        DataError: it is no release, a list or the annotations are damaged, or no listed video is there.
    """
    root = find(folder)
    if root is None:
        raise DataError(
            f"{folder} is no release of BAH: it has neither {' nor '.join(SPLIT_FOLDERS)} nor {ANNOTATIONS[0]}; "
            "give the folder that it was unpacked in.",
            value=folder,
        )
    in_lists = listed(root)
    labels, notes = read_labels(root, cache)
    found = _Files(root)
    videos, missing = [], []
    for key, (name, split, label) in sorted(in_lists.items(), key=lambda item: item[1][0]):
        path = found.video(name)
        if path is None:
            missing.append(name)
            continue
        person, question = _person(path)
        own = labels.get(key, Labels())
        own = own if np.isnan(label) else Labels(label, own.frames, own.segments_s)
        videos.append(
            Video(name, path, person, question, split, own, found.transcript(path), found.faces(path))
        )  # fmt: skip
    if not videos:
        first = f", such as {missing[0]}" if missing else ""
        raise DataError(
            f"{root} lists {len(missing)} videos and holds none of them{first}; unpack its Videos folder.", value=root
        )
    return Corpus(root, tuple(videos), tuple(missing), (*notes, *_on_both_sides(videos)))


def _on_both_sides(videos: list[Video]) -> list[str]:
    """A sentence where a person is in two splits: a model that has seen a person scores too well on them."""
    splits: dict[str, set[str]] = {}
    for v in videos:
        splits.setdefault(v.person, set()).add(v.split)
    both = sorted(person for person, own in splits.items() if len(own - {""}) > 1)
    if not both:
        return []
    return [f"People in more than one split, whose scores will be too good: {', '.join(both)}."]


class _Files:
    """Files of a release, found by any spelling of their name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        base = root / "Videos" if (root / "Videos").is_dir() else root
        self._videos = {
            key_of(str(path.relative_to(root))): path
            for path in sorted(base.rglob("*.mp4"), reverse=True)  # of two spellings the first in the alphabet stays
            if path.is_file()
        }
        self._transcripts = {key_of(str(p.relative_to(root / "transcription").parent)): p for p in self._below("*.yml")}
        faces = root / "cropped-aligned-faces"
        self._faces = {key_of(str(p.parent.relative_to(faces))): p.parent for p in faces.rglob("frame-*.jpg")}

    def _below(self, pattern: str) -> list[Path]:
        return sorted((self.root / "transcription").rglob(pattern))

    def video(self, name: str) -> Path | None:
        return self._videos.get(key_of(name))

    def transcript(self, video: Path) -> Path | None:
        return self._transcripts.get(key_of(str(video.relative_to(self.root))))

    def faces(self, video: Path) -> Path | None:
        return self._faces.get(key_of(str(video.relative_to(self.root))))


def _person(path: Path) -> tuple[str, int | None]:
    found = _QUESTION.match(path.name)
    if found is None:
        return path.parent.parent.name, None
    return found["person"], int(found["question"])
