"""Lists of BAH: a release's files of videos and splits flow in; name, split and label of each video flow out.

Names are matched without regard to spaces, underscores, a leading `Videos/` or an ending: lists, labels and files of a
release do not always spell a video alike. A transcript stands in a list's third column; it is neither kept nor shown.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ahdetect.errors import DataError

SPLITS: Final = ("train", "val", "test")
SPLIT_FOLDERS: Final = ("split", "default-split")
"""Lists of videos: of the release since 2025-05, and of the one before."""


def key_of(name: str) -> str:
    """What two spellings of one video have in common."""
    parts = [p for p in re.sub(r"[\s_]+", "_", name.strip()).split("/") if p not in ("", ".")]
    if parts and parts[0].lower() == "videos":
        parts = parts[1:]
    return re.sub(r"\.mp4$", "", "/".join(parts), flags=re.IGNORECASE).lower()


def listed(root: Path) -> dict[str, tuple[str, str, float]]:
    """Name, split and video label of every listed video, by key.

    Raises:
        DataError: there is none, a list is damaged, or a video is in two splits.
    """
    found: dict[str, tuple[str, str, float]] = {}
    for name, label in _of_csv(root / "bah-video.csv"):
        found[key_of(name)] = (name, "", label)
    for folder in SPLIT_FOLDERS:
        for split in SPLITS:
            path = root / folder / f"{split}.txt"
            if not path.is_file():
                continue
            for number, line in enumerate(text_of(path).split("\n"), 1):  # not splitlines: people say U+2028
                if line.strip():
                    name, label = _line(path, number, line)
                    key = key_of(name)
                    if key in found and found[key][1] not in ("", split):
                        raise DataError(
                            f"{name} is in both {found[key][1]} and {split} of {root / folder}.", value=name
                        )
                    found[key] = (name, split, label)
    if not found:
        raise DataError(
            f"{root} lists no video: {SPLIT_FOLDERS[0]}/train.txt and its like are missing or empty.", value=root
        )
    return found


def _line(path: Path, number: int, line: str) -> tuple[str, float]:
    """`path,label,transcript`: a transcript has commas of its own, so the line is split at the first two."""
    parts = [part.strip() for part in line.split(",", 2)]
    if len(parts) < 2 or not parts[0]:
        raise DataError(f"Line {number} of {path} is not `video,label,transcript`; fetch the file again.", value=path)
    return parts[0], label_of(parts[1], f"Line {number} of {path}")


def label_of(text: str, where: str) -> float:
    """1 A/H, 0 none, NaN not labelled.

    Raises:
        DataError: it says something else; named by `where`.
    """
    known = {"1": 1.0, "0": 0.0, "with a-h": 1.0, "no a-h": 0.0, "": float("nan"), "-1": float("nan")}
    found = known.get(text.strip().lower())
    if found is None:
        raise DataError(f"{where} has a label that is neither 0 nor 1.", value=where)
    return found


def _of_csv(path: Path) -> Iterator[tuple[str, float]]:
    if not path.is_file():
        return
    for row in csv.reader(text_of(path).splitlines()):
        name = next((cell.strip() for cell in row if cell.strip().lower().endswith(".mp4")), None)
        if name is not None:
            labels = [cell for cell in row if cell.strip().lower() in ("0", "1", "with a-h", "no a-h")]
            yield name, label_of(labels[0], str(path)) if labels else float("nan")


def text_of(path: Path) -> str:
    """What is in a text file of a release.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(f"{path} cannot be read ({reason}); fetch it again.", value=path) from error
