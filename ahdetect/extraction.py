"""Extraction: a corpus of clips flows in; one Parquet file of cues and labels per clip flows out, resumable.

The output folder holds `extract.json` (how it was made; no time, no machine), `clips/` with a file per clip (columns of
`store.schema`, `truth` and what is known of the clip where the corpus has labels), `failures.json`, and for BAH
`labels.json`, its frame labels in a form that is read in a second. A clip's file appears whole or not at all and
depends on nothing but the clip, the labels and the settings: a run that was killed and begun again ends with the same
bytes as one that was not, and so does one on a cluster.

The fuser that runs meanwhile is prompt-blind: cues do not depend on the prompt, which stands beside them as a label.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ahdetect.analysis import analyze
from ahdetect.batch import Make, Task, Work, remove_parts
from ahdetect.config import Settings
from ahdetect.engine import Models
from ahdetect.errors import ConfigError, DataError, MediaError, StoreError
from ahdetect.export.tables import private_folder, whole_file
from ahdetect.models.datasets import bah
from ahdetect.models.datasets.bah_labels import truth_of
from ahdetect.models.runtime import FusionModel
from ahdetect.models.training.sequences import TRUTH, from_table, labelled
from ahdetect.models.training.sequences import Sequence as Cues
from ahdetect.provenance import provenance
from ahdetect.store.schema import SESSION_JSON, rows_to_table

FORMAT: Final = 1
"""Of the output folder."""

ABOUT: Final = "extract.json"
FAILURES: Final = "failures.json"
LABELS: Final = "labels.json"
CLIPS: Final = "clips"

NOTES_KEY: Final = b"ahdetect.notes"
"""Sentences about what a clip lacks, JSON list, in a file's metadata."""

VIDEO: Final = (".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".3gp")
SOUND: Final = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac")
MEDIA: Final = frozenset((*VIDEO, *SOUND))
LISTS: Final = frozenset((".txt", ".lst", ".m3u", ".m3u8"))


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a corpus.

    Attributes:
        name: unique in the corpus; its place below `clips/`.
        path: the file, or the folder of a recorded session.
        video: what BAH says of it; None in any other corpus.
    """

    name: str
    path: Path
    video: bah.Video | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A corpus.

    Attributes:
        clips: in the order of their names.
        missing: names of clips that a list names and nobody has.
        notes: what a reader must know, one sentence each.
    """

    clips: tuple[Clip, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_clips(corpus: Path, out: Path) -> Found:
    """The clips of a release of BAH, of a folder, of a list file (a path a line), or one clip.

    Args:
        corpus: what to look in.
        out: output folder; what lies in it is no clip.

    Raises:
        DataError: there is no clip, or BAH's lists or labels are damaged.
    """
    if corpus.is_file():
        paths = _listed(corpus) if corpus.suffix.lower() in LISTS else [corpus]
        gone = tuple(str(p) for p in paths if not p.exists())
        return Found(_named([p for p in paths if p.exists()], _common(paths)), gone)
    if not corpus.is_dir():
        raise DataError(f"There is no {corpus}; give a folder of clips, a list file or a release of BAH.", value=corpus)
    if bah.find(corpus) is not None:
        found = bah.read_corpus(corpus, out / LABELS)
        clips = tuple(Clip(v.name, v.path, v) for v in found.videos)
        return Found(clips, found.missing, found.notes)
    paths = _below(corpus, out.resolve())
    if not paths:
        raise DataError(f"There is no clip in {corpus}; known are {', '.join(sorted(MEDIA))}.", value=corpus)
    return Found(_named(paths, corpus))


def _listed(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of clips ({error}).", value=path) from error
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise DataError(f"{path} lists no clip; write the path of one on each line.", value=path)
    return list(dict.fromkeys(path.parent / name for name in names))


def _common(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([p.resolve().parent for p in paths]))


def _below(folder: Path, out: Path) -> list[Path]:
    """Clips below `folder`; a session folder counts as one, so that the consent in it is asked."""
    sessions = sorted({p.parent for p in folder.rglob(SESSION_JSON)})
    found = [
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in MEDIA
        and not p.name.startswith(".")
        and p.is_file()
        and not p.resolve().is_relative_to(out)
        and not any(s in p.parents for s in sessions)
    ]
    return sorted([*found, *(s for s in sessions if not s.resolve().is_relative_to(out))])


def _named(paths: Sequence[Path], root: Path) -> tuple[Clip, ...]:
    root = root.resolve()
    return tuple(sorted((Clip(p.resolve().relative_to(root).as_posix(), p) for p in paths), key=lambda c: c.name))


# The output folder.


def target_of(out: Path, clip: Clip) -> Path:
    """Where the cues of a clip go."""
    return out / CLIPS / f"{clip.name}.parquet"


def open_output(out: Path, settings: Settings) -> None:
    """Make the folder, or check that it was made in the same way; what a killed run left half written goes.

    Raises:
        ConfigError: it was made with other settings, model files or versions.
        StoreError: it cannot be written.
    """
    about = json.loads(json.dumps({"format": FORMAT, **_made_with(settings)}))
    path = out / ABOUT
    try:
        private_folder(out / CLIPS)
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if other := [key for key in about if kept.get(key) != about[key]]:
                raise ConfigError(
                    f"{out} was extracted with other {' and '.join(other)}; name another folder with --out, or remove "
                    "this one.",
                    value=out,
                )
            remove_parts(out)
            return
        with whole_file(path) as file:
            file.write(json.dumps(about, indent=1).encode() + b"\n")
    except OSError as error:
        raise StoreError(
            f"Cannot write to {out}: {error.strerror or error}; choose another folder with --out.", value=out
        ) from error
    except ValueError as error:
        raise StoreError(f"{path} is damaged; remove {out} and extract anew.", value=out) from error


def _made_with(settings: Settings) -> dict[str, Any]:
    on = settings.channels
    network = settings.fusion.network
    used = SimpleNamespace(
        face=on.face or None,
        body=on.body or None,
        speech=on.words or None,
        fusion=FusionModel(Path(network)) if network else None,
    )
    return provenance(settings, used)  # the heavy models themselves are loaded by the workers


def write_failures(out: Path, failures: Sequence[dict[str, Any]]) -> None:
    """`failures.json`: name, sentence and exit code of each clip that has no file, in the order of their names."""
    with whole_file(out / FAILURES) as file:
        ordered = sorted(failures, key=lambda f: str(f["clip"]))
        file.write(json.dumps(ordered, ensure_ascii=False, indent=1).encode() + b"\n")


# One clip.


def tasks_of(clips: Sequence[Clip], out: Path) -> list[Task]:
    """A task for every clip that has no file yet."""
    return [Task(c.name, (c, target_of(out, c))) for c in clips if not target_of(out, c).exists()]


def extractor(settings: Settings) -> Make:
    """What makes the work of a worker: it loads the models and then does one clip after the other."""
    return partial(_loaded, settings)


def _loaded(settings: Settings) -> Work:
    return partial(_task, settings, Models.load(settings, yields=True))


def _task(settings: Settings, models: Models, payload: tuple[Clip, Path]) -> dict[str, Any]:
    return extract(*payload, settings, models)


def extract(clip: Clip, target: Path, settings: Settings, models: Models) -> dict[str, Any]:
    """Write the cues of a clip to `target`.

    Returns:
        Rows, labelled rows, length in s and notes.

    Raises:
        AhdetectError: the clip cannot be read, or a stage crashed: cues that lack a channel for no reason of the clip
            would be learned from as if it were one.
    """
    timeline = analyze(clip.path, settings=settings, models=models)
    if errors := timeline.info["stage_errors"]:
        raise MediaError(f"{clip.path}: a stage failed ({errors[0]}); try `ahdetect analyze` on it.", value=clip.path)
    table = rows_to_table(timeline.rows)
    cues = _with_labels(from_table(table, str(clip.path)), clip)
    if clip.video is not None:
        table = table.append_column(TRUTH, pa.array(cues.truth, pa.float32(), from_pandas=True))
    notes = timeline.info["notes"]
    write_table(labelled(table, cues), target, notes)
    return {
        "rows": table.num_rows,
        "labelled": int(np.isfinite(cues.truth).sum()),
        "duration_s": timeline.info["duration_s"],
        "notes": notes,
    }


def _with_labels(cues: Cues, clip: Clip) -> Cues:
    video = clip.video
    if video is None:
        return replace(cues, name=clip.name, person=clip.name)
    return replace(
        cues,
        name=clip.name,
        person=video.person,
        truth=truth_of(video.labels, cues.t_ns, frame_times(clip.path)),
        video_label=video.labels.video,
        prompts=((0, video.kind),),
        split=video.split,
    )


def frame_times(path: Path) -> NDArray[np.float64]:
    """When each picture of a clip is shown, s, rising; from the container, without decoding."""
    try:
        with av.open(str(path), metadata_errors="replace") as media:
            if not media.streams.video:
                return np.zeros(0)
            stream = media.streams.video[0]
            times = [float(p.pts * p.time_base) for p in media.demux(stream) if p.pts is not None and p.size]
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path} cannot be read ({error}).", value=path) from error
    return np.unique(times)


def write_table(table: Any, target: Path, notes: Sequence[str] = ()) -> None:
    """Write a table so that it appears whole or not at all, also where two processes write the same.

    Raises:
        StoreError: it cannot be written.
    """
    if notes:
        meta = {**(table.schema.metadata or {}), NOTES_KEY: json.dumps(list(notes)).encode()}
        table = table.replace_schema_metadata(meta)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _kept_from_failing(target):
        private_folder(target.parent)
        try:
            with part.open("wb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _kept_from_failing(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{target} cannot be written ({error}); is there room on the disk?", value=target) from error
