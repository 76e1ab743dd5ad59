"""AnnoMI: the published CSV in, dialogues of client turns with their change / neutral / sustain label out.

AnnoMI (Wu et al., ICASSP 2022, and Future Internet 2023) is 133 transcripts of motivational interviewing demonstrated
on public videos; `AnnoMI-simple.csv` holds one row per utterance. Two transcripts may share a video: split by `video`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ahdetect.errors import DataError

FILE: Final = "AnnoMI-simple.csv"
"""Name of the file as its authors publish it."""

FULL: Final = "AnnoMI-full.csv"
"""The fuller file of the same authors: seven of its dialogues were labelled by ten annotators each."""

LABELS: Final[tuple[str, ...]] = ("change", "neutral", "sustain")
"""What a client turn can be, in the order of every vector of three."""

COLUMNS: Final[tuple[str, ...]] = (
    "transcript_id",
    "mi_quality",
    "video_url",
    "topic",
    "utterance_id",
    "interlocutor",
    "utterance_text",
    "main_therapist_behaviour",
    "client_talk_type",
)
"""Columns that are read; others are ignored."""


@dataclass(frozen=True, slots=True)
class ClientTurn:
    """One labelled turn of the client.

    Attributes:
        text: what the client said.
        label: index into `LABELS`.
        therapist: the therapist's turn before it; empty where the client speaks first or goes on.
        behaviour: what that turn was: question, reflection, therapist_input or other; empty with an empty turn.
    """

    text: str
    label: int
    therapist: str
    behaviour: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The client's turns of one transcript, in order.

    Attributes:
        name: transcript number, as in the file.
        video: address of the video; the group that must not be split.
        quality: "high" or "low", how well motivational interviewing is shown.
        topic: the behaviour that is talked about.
        turns: the client's turns.
    """

    name: str
    video: str
    quality: str
    topic: str
    turns: tuple[ClientTurn, ...]


def find(data: Path) -> Path:
    """The CSV at `data`, which is the file itself, its folder, or a folder with `annomi/` in it.

    Raises:
        DataError: it is in none of these places.
    """
    for place in (data, data / FILE, data / "annomi" / FILE):
        if place.is_file():
            return place
    raise DataError(f"No {FILE} in {data}; give the folder that AnnoMI was unpacked to.", value=data)


def read(path: Path) -> list[Dialogue]:
    """Read the dialogues of `path`, in the order of the file.

    Raises:
        DataError: the file cannot be read, lacks a column, holds an unknown label, or holds no client turn.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            dialogues = list(_dialogues(csv.DictReader(file), path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as AnnoMI ({error}); fetch {FILE} again.", value=path) from error
    if not dialogues:
        raise DataError(f"{path} holds no turn of a client; fetch {FILE} again.", value=path)
    return dialogues


def read_votes(path: Path) -> dict[str, NDArray[np.intp]]:
    """How many annotators of `FULL` gave each client turn each of `LABELS`, shape (turns, 3), by transcript.

    Only transcripts that more than one annotator labelled are kept.

    Raises:
        DataError: the file cannot be read, lacks a column or holds an unknown label.
    """
    votes: dict[str, dict[str, list[int]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["interlocutor"] == "client":
                    turns = votes.setdefault(row["transcript_id"], {})
                    turns.setdefault(row["utterance_id"], [0, 0, 0])[LABELS.index(row["client_talk_type"])] += 1
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        raise DataError(f"{path} cannot be read as {FULL} of AnnoMI ({error}); fetch it again.", value=path) from error
    counted = {name: np.array(list(turns.values()), dtype=np.intp) for name, turns in votes.items()}
    return {name: counts for name, counts in counted.items() if counts.sum(axis=1).max() > 1}


def _dialogues(rows: csv.DictReader[str], path: Path) -> Iterator[Dialogue]:
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}; it has to be {FILE} of AnnoMI.", value=path)
    kept: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if None in row.values():
            raise DataError(f"{path} ends short in line {rows.line_num}; fetch {FILE} again.", value=path)
        kept.setdefault(row["transcript_id"], []).append(row)
    for name, part in kept.items():
        turns = tuple(_turns(part, path))
        if turns:
            yield Dialogue(name, part[0]["video_url"], part[0]["mi_quality"], part[0]["topic"].strip(), turns)


def _turns(rows: list[dict[str, str]], path: Path) -> Iterator[ClientTurn]:
    before = {"utterance_text": "", "main_therapist_behaviour": ""}
    for row in rows:
        if row["interlocutor"] == "client":
            if row["client_talk_type"] not in LABELS:
                where = f"utterance {row['utterance_id']} of transcript {row['transcript_id']}"
                raise DataError(
                    f"{path} labels {where} {row['client_talk_type']!r}; known are {', '.join(LABELS)}.",
                    value=row["client_talk_type"],
                )
            label = LABELS.index(row["client_talk_type"])
            yield ClientTurn(row["utterance_text"], label, before["utterance_text"], before["main_therapist_behaviour"])
            before = {"utterance_text": "", "main_therapist_behaviour": ""}
        else:
            before = row
