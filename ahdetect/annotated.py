"""Annotation files: an ELAN `.eaf` or a CSV of a human annotator flows in; labelled stretches of time flow out."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ahdetect.errors import DataError
from ahdetect.timeline import NS_PER_S

LARGEST: Final = 64 << 20
"""Bytes of an annotation file: a hundred hours of words. A larger one is another kind of file."""

NO: Final = frozenset(
    {"0", "no", "none", "false", "absent", "low", "neutral", "unclear", "reject", "not a/h", "no a/h"}
)
"""Labels that do not say that there is A/H."""

_AH: Final = re.compile(r"ambival|hesit|\ba/?h\b", re.IGNORECASE)
"""Names of tiers that mark A/H."""
_OURS: Final = re.compile(r"\(model\)|^(words|events)( \d+)?$|^missing ", re.IGNORECASE)
"""Tiers that `ahdetect export` writes of the model."""
_COLUMNS: Final = {
    "start": ("start", "start_s", "begin", "onset", "from"),
    "end": ("end", "end_s", "stop", "offset", "to"),
    "label": ("label", "value", "annotation", "class"),
}
_TIME: Final = re.compile(r"^(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)$")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What an annotator marked.

    Attributes:
        start_ns: onset, session time.
        end_ns: offset, after `start_ns`.
        label: as written, may be empty.
    """

    start_ns: int
    end_ns: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Annotated:
    """What was read.

    Attributes:
        stretches: in order of time; those that say that there is no A/H are left out.
        tier: the tier that they stand on, "" for CSV.
        guessed: whether the tier was guessed by its name.
        left_out: how many stretches were not of the wanted labels.
        labels: those of the stretches, each once.
    """

    stretches: tuple[Stretch, ...]
    tier: str = ""
    guessed: bool = False
    left_out: int = 0
    labels: tuple[str, ...] = ()


def read_annotated(path: Path, tier: str | None = None, labels: Iterable[str] = ()) -> Annotated:
    """Read an annotation file, by what its name ends with.

    Args:
        path: `.eaf`, or CSV with the columns start, end (seconds, or h:mm:ss) and label; the header may be missing.
        tier: of an `.eaf`; None guesses it by its name.
        labels: that count as A/H, upper and lower case alike; by default all but those of `NO`.

    Raises:
        DataError: the file cannot be read, or does not hold what it should.
    """
    path = Path(path)
    if path.suffix.lower() == ".eaf":
        name, guessed, found = _read_eaf(path, tier)
    elif tier is not None:
        raise DataError(f"{path.name} has no tiers; drop --tier, or name an .eaf file.", value=path)
    else:
        name, guessed, found = "", False, _read_csv(path)
    wanted = {label.strip().casefold() for label in labels}
    kept = [s for s in found if (s.label.casefold() in wanted if wanted else s.label.casefold() not in NO)]
    if found and not kept and wanted:
        there = sorted({s.label for s in found})[:8]
        raise DataError(f"No stretch in {path.name} has that label; there are {', '.join(there)}.", value=path)
    kept.sort(key=lambda s: (s.start_ns, s.end_ns))
    seen = tuple(dict.fromkeys(s.label for s in kept))
    return Annotated(tuple(kept), name, guessed, len(found) - len(kept), seen)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} is too large for annotations; is it another kind of file?", value=path)
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", value=path) from error


# -- ELAN


def _read_eaf(path: Path, tier: str | None) -> tuple[str, bool, list[Stretch]]:
    from pympi.Elan import Eaf

    _bytes(path)
    try:
        eaf = Eaf(str(path), suppress_version_warning=True)
        tiers = {str(name): eaf.get_annotation_data_for_tier(name) for name in eaf.get_tier_names()}
    except Exception as error:  # pympi raises what the file makes it stumble over
        raise DataError(
            f"{path} is no ELAN file that can be read; open it in ELAN and save it anew.", value=path
        ) from error
    name, guessed = (tier, False) if tier is not None else (_guess(path, tiers), True)
    if name not in tiers:
        raise DataError(f"{path.name} has no tier {name!r}; there are {_listed(tiers)}.", value=name)
    return name, guessed, [_of_eaf(path, entry) for entry in tiers[name]]


def _of_eaf(path: Path, entry: Sequence[Any]) -> Stretch:
    start, end, label = entry[:3]
    if not (isinstance(start, int) and isinstance(end, int)):
        raise DataError(f"{path.name} holds an annotation without a time; give it one in ELAN.", value=path)
    return _stretch(path, start * 1_000_000, end * 1_000_000, str(label), f"annotation at {start} ms")


def _guess(path: Path, tiers: dict[str, Any]) -> str:
    """The only tier that may be a human one: by its name, or because there is no other."""
    human = [name for name, found in tiers.items() if found and not _OURS.search(name)]
    named = [name for name in human if _AH.search(name)]
    for candidates in (named, human):
        if len(candidates) == 1:
            return candidates[0]
    raise DataError(
        f"Which tier of {path.name} marks A/H? Name it with --tier; there are {_listed(tiers)}.", value=path
    )


def _listed(tiers: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in tiers) or "none"


# -- CSV


def _read_csv(path: Path) -> list[Stretch]:
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8; save it as CSV in UTF-8.", value=path) from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        lines = [(n, row) for n, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1) if any(row)]
    except csv.Error as error:
        raise DataError(f"{path} is no CSV that can be read ({error}).", value=path) from error
    if not lines:
        return []
    places = _header(lines[0][1])
    if places is not None:
        lines = lines[1:]
    elif _seconds(lines[0][1][0], delimiter) is None:
        raise DataError(
            f"{path} has no columns start and end (seconds) in its first line; name them there.", value=path
        )
    return [_of_csv(path, n, row, places or (0, 1, 2), delimiter) for n, row in lines]


def _header(row: Sequence[str]) -> tuple[int, int, int | None] | None:
    names = [name.strip().casefold() for name in row]
    places = [next((names.index(n) for n in known if n in names), None) for known in _COLUMNS.values()]
    start, end, label = places
    return None if start is None or end is None else (start, end, label)


def _of_csv(path: Path, line: int, row: Sequence[str], places: tuple[int, int, int | None], delimiter: str) -> Stretch:
    at_start, at_end, at_label = places
    times = [_seconds(row[i], delimiter) if i < len(row) else None for i in (at_start, at_end)]
    start, end = times
    if start is None or end is None:
        raise DataError(
            f"Line {line} of {path.name} has no start and end in seconds (12.5) or as h:mm:ss.", value=(path, line)
        )
    label = row[at_label].strip() if at_label is not None and at_label < len(row) else ""
    return _stretch(path, round(start * NS_PER_S), round(end * NS_PER_S), label, f"line {line}")


def _seconds(text: str, delimiter: str) -> float | None:
    text = text.strip() if delimiter == "," else text.strip().replace(",", ".")
    found = _TIME.match(text)
    if found is None or not text.isascii():
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    return total if math.isfinite(total) and total < 1e9 else None


def _stretch(path: Path, start_ns: int, end_ns: int, label: str, where: str) -> Stretch:
    if not 0 <= start_ns < end_ns:
        raise DataError(
            f"{path.name} holds a stretch from {start_ns / NS_PER_S:g} to {end_ns / NS_PER_S:g} s ({where}); "
            "its end must come after its start.",
            value=path,
        )
    return Stretch(start_ns, end_ns, label.strip())
