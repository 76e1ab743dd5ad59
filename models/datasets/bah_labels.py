"""Labels of BAH: a release's annotation files flow in; labels of videos, of their frames and of rows flow out.

They come from the big annotation file; where it lacks a video, from `split-frames/`. Nothing here prints, logs or keeps
what people said, and no YAML tag but the tuple's is obeyed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from ahdetect.errors import DataError
from ahdetect.models.datasets.bah_lists import SPLITS, key_of, label_of, text_of

Frames = NDArray[np.int8]

ANNOTATIONS: Final = ("video_annotation_transcript.yaml", "video_annotation.yaml", "annotation.yml")
"""Labels of frames: of the release since 2025-05, of the authors' code, and of the release before."""

UNLABELLED: Final = -1

_FRAME: Final = re.compile(r"frame-(\d+)\.\w+$")
_CACHE_FORMAT: Final = 1


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C where PyYAML has it, that knows one tag more: a tuple, which the release is full of."""


def _tuple(loader: Any, node: Any) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


@dataclass(frozen=True, slots=True)
class Labels:
    """What is labelled of one video.

    Attributes:
        video: 1 A/H anywhere, 0 none, NaN not labelled.
        frames: int8, (frames,), by number of the frame from 0: 1, 0 or `UNLABELLED`; empty where there is none.
        segments_s: start and end of each A/H segment, s; None where nobody says.
    """

    video: float = float("nan")
    frames: Frames = field(default_factory=lambda: np.zeros(0, np.int8))
    segments_s: tuple[tuple[float, float], ...] | None = None


def read_labels(root: Path, cache: Path | None) -> tuple[dict[str, Labels], list[str]]:
    """Labels of a release's videos by key, and what a reader must know.

    Args:
        root: of the release.
        cache: a JSON file that keeps what was parsed; made anew where the annotations changed.

    Raises:
        DataError: the annotations are damaged.
    """
    source = next((root / name for name in ANNOTATIONS if (root / name).is_file()), None)
    notes = [] if source else [f"There is no {ANNOTATIONS[0]}: frame labels come from split-frames, if at all."]
    found = _cached(source, cache) if source else {}
    for key, frames in _of_split_frames(root).items():
        own = found.get(key, Labels())
        if not len(own.frames):
            found[key] = Labels(own.video, frames, own.segments_s)
    return found, notes


def _cached(source: Path, cache: Path | None) -> dict[str, Labels]:
    stat = source.stat()
    stamp = [_CACHE_FORMAT, source.name, stat.st_size, stat.st_mtime_ns]
    if cache is not None and cache.is_file():
        try:
            kept = json.loads(cache.read_text(encoding="utf-8"))
            if kept["of"] == stamp:
                return {key: _unpacked(value) for key, value in kept["videos"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a cache that cannot be read is made anew
    found = dict(_of_annotations(source))
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(cache.name + ".part")
        part.write_text(json.dumps({"of": stamp, "videos": {k: _packed(v) for k, v in found.items()}}) + "\n")
        part.replace(cache)
    return found


def _packed(labels: Labels) -> dict[str, Any]:
    """As JSON: frames as runs of [label, how many]."""
    edges = np.flatnonzero(np.diff(labels.frames)) + 1
    runs = [[int(part[0]), len(part)] for part in np.split(labels.frames, edges) if len(part)]
    return {"video": None if np.isnan(labels.video) else labels.video, "runs": runs, "segments_s": labels.segments_s}


def _unpacked(packed: dict[str, Any]) -> Labels:
    runs, video, segments = packed["runs"], packed["video"], packed["segments_s"]
    frames = np.repeat(np.array([r[0] for r in runs], np.int8), [r[1] for r in runs])
    return Labels(
        float("nan") if video is None else float(video),
        frames,
        None if segments is None else tuple((float(a), float(b)) for a, b in segments),
    )


def load_yaml(text: str, where: Path) -> Any:
    """YAML of a release, on a safe loader.

    Raises:
        DataError: it is none, or has a tag that is not obeyed.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f" near line {line + 1}"
        raise DataError(
            f"{where} is damaged or no YAML of the release{at} ({getattr(error, 'problem', None) or 'not valid'}); "
            "fetch it again.",
            value=where,
        ) from error


def _of_annotations(path: Path) -> Iterator[tuple[str, Labels]]:
    """Video by video: as one document the 91 MB take gigabytes of nodes."""
    text = text_of(path)
    try:
        documents = [load_yaml(block, path) for block in _blocks(text)]
    except DataError:
        documents = [load_yaml(text, path)]  # an alias may lead from one video to another
    for document in documents:
        if not isinstance(document, dict):
            raise DataError(f"{path} is no table of videos; fetch it again.", value=path)
        for name, about in document.items():
            yield key_of(str(name)), _labels_of(about, f"{name} in {path}")


def _blocks(text: str) -> Iterator[str]:
    """The text cut before every key at the margin."""
    starts = [m.start() for m in re.finditer(r"^[^\s#%?:&*.\-][^\n]*:[ ]*$", text, re.MULTILINE)] or [0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def _labels_of(about: Any, where: str) -> Labels:
    try:
        label = about.get("global_ah")
        frames = _numbered((str(name), int(value)) for name, value in about.get("frame_annotation") or ())
        times = about.get("time_detailed_ah")
        segments = None if times is None else tuple((_seconds(a), _seconds(b)) for a, b in times)
        return Labels(float("nan") if label is None else label_of(str(int(label)), where), frames, segments)
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"The labels of {where} are not of the form of the release ({error}).", value=where) from error


def _numbered(rows: Any) -> Frames:
    """Labels by number of the frame; frames that are not named stay `UNLABELLED`."""
    numbers, values = [], []
    for name, value in rows:
        found = _FRAME.search(name)
        numbers.append(int(found[1]) if found else int(name))
        values.append(value if value in (0, 1) else UNLABELLED)
    if not numbers:
        return np.zeros(0, np.int8)
    if (last := max(numbers)) > 10 * len(numbers) + 1000:
        raise ValueError(f"frame {last} among {len(numbers)}")
    frames = np.full(last + 1, UNLABELLED, np.int8)
    frames[numbers] = values
    return frames


def _seconds(value: Any) -> float:
    """`00:01:02.200`, `01:02.2` or a number, in s."""
    if isinstance(value, int | float):
        return float(value)
    found = 0.0
    for part in str(value).strip().split(":"):
        found = 60.0 * found + float(part)
    return found


def _of_split_frames(root: Path) -> dict[str, Frames]:
    rows: dict[str, list[tuple[str, int]]] = {}
    for split in SPLITS:
        path = root / "split-frames" / f"{split}.txt"
        if not path.is_file():
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            name, _, value = line.strip().rpartition(",")
            video, _, frame = name.rpartition("/")
            if not video or not _FRAME.search(frame):
                if line.strip():
                    raise DataError(f"Line {number} of {path} is not `video/frame-N.jpg,label`.", value=path)
                continue
            label = label_of(value, f"Line {number} of {path}")
            rows.setdefault(key_of(video), []).append((frame, UNLABELLED if np.isnan(label) else int(label)))
    return {key: _numbered(own) for key, own in rows.items()}


def truth_of(labels: Labels, t_ns: NDArray[np.int64], frame_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Labels of rows, float32, (rows,): 1, 0 or NaN.

    A row takes the label of the frame that it was made of. Rows and frames share their times up to one offset (rows
    count from the first picture or sound), which is the one that brings most of them together; rows between frames
    (sound that goes on without a picture) stay without a label.

    Args:
        labels: of the video.
        t_ns: times of the rows, rising.
        frame_s: times of the frames in the file, s, rising.
    """
    truth = np.full(len(t_ns), np.nan, dtype=np.float32)
    if not len(t_ns) or not len(frame_s):
        return truth
    row_s = t_ns / 1e9
    frame = _frames_of(row_s, frame_s)
    known = frame >= 0
    if len(labels.frames):
        known &= frame < len(labels.frames)
        value = labels.frames[frame[known]]
        truth[known] = np.where(value == UNLABELLED, np.nan, value)
    elif labels.segments_s is not None:
        at = frame_s[np.maximum(frame, 0)] - frame_s[0]
        inside = np.zeros(len(t_ns), dtype=np.bool_)
        for start, end in labels.segments_s:
            inside |= (at >= start) & (at < end)
        truth[known] = inside[known]
    return truth


def _frames_of(row_s: NDArray[np.float64], frame_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """Number of each row's frame, -1 where it has none."""
    tolerance = 0.4 * float(np.median(np.diff(frame_s))) if len(frame_s) > 1 else 0.02

    def joined(offset: float) -> NDArray[np.intp]:
        at = row_s - offset
        right = np.clip(np.searchsorted(frame_s, at), 1, max(len(frame_s) - 1, 1))
        left = right - 1
        right = np.minimum(right, len(frame_s) - 1)
        nearest = np.where(np.abs(frame_s[left] - at) <= np.abs(frame_s[right] - at), left, right)
        return np.where(np.abs(frame_s[nearest] - at) <= tolerance, nearest, -1)

    offsets = row_s[:50] - frame_s[0]  # the first frame is among the first rows
    return max((joined(float(o)) for o in offsets), key=lambda frames: int((frames >= 0).sum()))
