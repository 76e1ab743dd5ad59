"""Sequences: cue tables in Parquet and simulated sessions flow in; labelled sequences to train a fuser on flow out.

One Parquet file holds one clip: the columns of the cue table by name (a missing column is a cue that was never
measured), `t_ns`, `state_<channel>` (present, stale or absent) and, where frames are labelled, `truth`. What is known
of the clip as a whole stands in the file's metadata under `LABELS_KEY`, as JSON. Columns that are not named here, such
as the posterior of the fuser that ran during extraction, are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ahdetect.errors import DataError
from ahdetect.models.cues import INDEX, OF_CHANNEL, Channel
from ahdetect.models.evidence import PREVALENCE_OF_PROMPT
from ahdetect.models.posterior import Presence
from ahdetect.models.simulate import COLUMNS, SimulatedSession

LABELS_KEY: Final = b"ahdetect.labels"
"""Key of the JSON object with name, person, prompts, video_label and split in a file's metadata."""

TRUTH: Final = "truth"
"""Column of frame labels: 1 A/H, 0 none, null not labelled."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One clip or session.

    Attributes:
        name: of the clip; unique in its data set.
        person: who it is; people are never split between training and test.
        t_ns: int64, (T,), rising.
        cues: per channel float32, (T, cues of the channel in the order of `OF_CHANNEL`); NaN where absent.
        present: (T, channels), in the order of `Channel`; a stale channel is present.
        truth: float32, (T,), 1 A/H, 0 none, NaN where the frame has no label.
        video_label: 1 A/H anywhere, 0 none, NaN not labelled.
        prompts: when an answer began, ns, and its kind (one of `PREVALENCE_OF_PROMPT`, None not known); in order.
        split: train, val or test; "" where the data set does not say.
    """

    name: str
    person: str
    t_ns: NDArray[np.int64]
    cues: Mapping[Channel, NDArray[np.float32]]
    present: NDArray[np.bool_]
    truth: NDArray[np.float32]
    video_label: float = float("nan")
    prompts: tuple[tuple[int, str | None], ...] = ()
    split: str = ""

    def __post_init__(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ValueError: a shape, or a kind of prompt that does not exist.
        """
        n = len(self.t_ns)
        for channel in Channel:
            if self.cues[channel].shape != (n, len(OF_CHANNEL[channel])):
                raise ValueError(f"cues of {channel.value} have the shape {self.cues[channel].shape}")
        if self.present.shape != (n, len(Channel)) or self.truth.shape != (n,):
            raise ValueError(f"presence {self.present.shape} or truth {self.truth.shape} does not fit {n} frames")
        for _, kind in self.prompts:
            if kind is not None and kind not in PREVALENCE_OF_PROMPT:
                raise ValueError(f"kind of prompt {kind!r} is none of {', '.join(PREVALENCE_OF_PROMPT)}")

    @property
    def prompt_kind(self) -> str | None:
        """Kind of the first prompt, the only one in a clip of BAH; None where it is not known."""
        return self.prompts[0][1] if self.prompts else None


def of_simulated(session: SimulatedSession, name: str) -> Sequence:
    """A simulated session as a sequence; what the simulation does not make is NaN."""
    n = len(session.t_ns)
    cues = {}
    for channel in Channel:
        x = np.full((n, len(OF_CHANNEL[channel])), np.nan, dtype=np.float32)
        x[:, [INDEX[cue] for cue in COLUMNS[channel]]] = session.cues[channel]
        cues[channel] = x
    prompts = tuple((p.t_ns, p.kind) for p in session.prompts)
    truth = session.truth.astype(np.float32)
    return Sequence(name, name, session.t_ns, cues, session.present, truth, float(truth.max(initial=0.0)), prompts)


def to_table(sequence: Sequence) -> Any:
    """The sequence as a `pyarrow.Table` that explains itself; NaN becomes null."""
    columns: dict[str, Any] = {"t_ns": pa.array(sequence.t_ns, pa.int64()), TRUTH: _floats(sequence.truth)}
    words = np.array([Presence.ABSENT.value, Presence.PRESENT.value])
    for k, channel in enumerate(Channel):
        columns[f"state_{channel.value}"] = pa.array(words[sequence.present[:, k].astype(np.intp)].tolist())
        x = sequence.cues[channel]
        columns |= {cue.name: _floats(np.ascontiguousarray(x[:, i])) for i, cue in enumerate(OF_CHANNEL[channel])}
    return labelled(pa.table(columns), sequence)


def labelled(table: Any, sequence: Sequence) -> Any:
    """`table` with what is known of the clip as a whole in its metadata."""
    about = {
        "name": sequence.name,
        "person": sequence.person,
        "prompts": [list(p) for p in sequence.prompts],
        "video_label": None if np.isnan(sequence.video_label) else sequence.video_label,
        "split": sequence.split,
    }
    return table.replace_schema_metadata({**(table.schema.metadata or {}), LABELS_KEY: json.dumps(about).encode()})


def from_table(table: Any, where: str) -> Sequence:
    """The sequence that a table holds.

    Args:
        table: with `t_ns` and cue columns; everything else may lack.
        where: the file, for messages, and the name where the table has none.

    Raises:
        DataError: it holds no such sequence.
    """
    if "t_ns" not in table.column_names or not set(table.column_names) & INDEX.keys():
        raise DataError(f"{where} is no table of cues: it lacks t_ns or every cue; extract it again.", value=where)
    try:
        about = json.loads((table.schema.metadata or {}).get(LABELS_KEY, b"{}"))
        cues = {
            c: np.stack([_column(table, cue.name) for cue in OF_CHANNEL[c]], axis=1) for c in Channel
        }  # fmt: skip
        present = np.stack([_present(table, c, cues[c]) for c in Channel], axis=1)
        label = about.get("video_label")
        return Sequence(
            name=about.get("name", Path(where).stem),
            person=str(about.get("person", Path(where).stem)),
            t_ns=table.column("t_ns").to_numpy().astype(np.int64),
            cues=cues,
            present=present,
            truth=_column(table, TRUTH),
            video_label=float("nan") if label is None else float(label),
            prompts=tuple((int(t), kind) for t, kind in about.get("prompts", [])),
            split=str(about.get("split", "")),
        )
    except (ValueError, TypeError, AttributeError, pa.ArrowInvalid) as error:
        raise DataError(f"{where} is no labelled table of cues ({error}); extract it again.", value=where) from error


def write_sequence(path: Path, sequence: Sequence) -> None:
    """Write one clip; `read_sequence` reads it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(to_table(sequence), path, compression="zstd")


def read_sequence(path: Path) -> Sequence:
    """Read one clip.

    Raises:
        DataError: the file is missing, is no Parquet file or holds no cues.
    """
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read as a Parquet file ({error}).", value=path) from error
    return from_table(table, str(path))


def read_folder(folder: Path) -> Iterator[Sequence]:
    """Every clip of a folder and its sub-folders, in the order of their paths.

    Raises:
        DataError: there is none, or one cannot be read.
    """
    paths = sorted(folder.rglob("*.parquet"))
    if not paths:
        raise DataError(f"There is no Parquet file in {folder}; run `ahdetect extract` first.", value=folder)
    yield from map(read_sequence, paths)


def _floats(values: NDArray[np.float32]) -> Any:
    return pa.array(values, pa.float32(), from_pandas=True)


def _column(table: Any, name: str) -> NDArray[np.float32]:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan, dtype=np.float32)
    return np.asarray(table.column(name).to_numpy(), dtype=np.float32)


def _present(table: Any, channel: Channel, cues: NDArray[np.float32]) -> NDArray[np.bool_]:
    name = f"state_{channel.value}"
    if name not in table.column_names:
        return np.asarray(np.isfinite(cues).any(axis=1))
    return np.array([state != Presence.ABSENT.value for state in table.column(name).to_pylist()], dtype=np.bool_)
