"""Plan of a session: a file of prompts and a folder flow in; checked prompts, names and free space flow out. No Qt."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, get_args

from ahdetect import strict_json
from ahdetect.calibration.profile import checked_name
from ahdetect.config import PromptKind
from ahdetect.errors import ConfigError, DataError, StoreError

KINDS: Final[tuple[str, ...]] = get_args(PromptKind)
GB_PER_HOUR: Final = 1.1
"""What an hour of 640x480 at 30 fps takes, at most: 2.7 MB of video and .27 MB of sound in 10 s
(`docs/session-folder.md`, measured by `tools/measure_store.py`)."""
MOST_BYTES: Final = 1_000_000
"""A longer file is no list of prompts."""
_NAME: Final = re.compile(r"[^\W_][\w. -]{0,63}")


@dataclass
class PlannedPrompt:
    """A question or task for the person.

    Attributes:
        text: what is asked.
        kind: one of `ahdetect.config.PromptKind`, or None where it is not known.
    """

    text: str
    kind: str | None = None


def name_is_good(name: str) -> bool:
    """Whether `name` can be part of a folder's name on every system; an empty one can."""
    return not name or (_NAME.fullmatch(name) is not None and name[-1] not in " .")


def profile_is_good(name: str) -> bool:
    """Whether `name` can be a person's pseudonym, under which a calibration is kept; an empty one is none."""
    try:
        return not name or bool(checked_name(name))
    except ConfigError:
        return False


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is or is going to be, bytes.

    Raises:
        StoreError: nothing of the path can be reached, or a file is in its way.
    """
    here = folder.expanduser().absolute()
    while not here.exists() and here != here.parent:
        here = here.parent
    if not here.is_dir():
        raise StoreError(f"{here} is not a folder; choose another place for sessions.", value=folder)
    try:
        return shutil.disk_usage(here).free
    except OSError as error:
        raise StoreError(f"Cannot look at {here}: {error.strerror}; choose another folder.", value=folder) from error


def read_prompts(path: Path) -> list[PlannedPrompt]:
    """Prompts of a JSON or CSV file, by its ending.

    JSON: a list of texts or of `{"text": ..., "kind": ...}`. CSV: columns `text` and, where wanted, `kind`,
    named in the first line; semicolons are taken, too.

    Raises:
        DataError: the file cannot be read or holds something else; names the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path.name} is too long for a list of prompts.", value=path)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", value=path) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text; save it as UTF-8.", value=path) from error
    found = _of_json(text, path) if path.suffix.lower() == ".json" else _of_csv(text, path)
    return [_prompt(item, number, path) for number, item in enumerate(found, 1)]


def write_prompts(prompts: Sequence[PlannedPrompt], path: Path) -> None:
    """Write prompts so that `read_prompts` reads them; JSON or CSV by the ending of `path`.

    Raises:
        StoreError: the file cannot be written; what was there stays.
    """
    from ahdetect.export.tables import whole_file  # brings pyarrow, which the window's start does not wait for

    if path.suffix.lower() == ".json":
        text = json.dumps([asdict(p) for p in prompts], ensure_ascii=False, indent=2) + "\n"
    else:
        lines = io.StringIO()
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(["text", "kind"])
        table.writerows([p.text, p.kind or ""] for p in prompts)
        text = lines.getvalue()
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror}.", value=path) from error


def _of_json(text: str, path: Path) -> list[Any]:
    try:
        found = strict_json.loads(text)
    except ValueError as error:
        raise DataError(f"{path.name} is not valid JSON: {error}.", value=path) from error
    if not isinstance(found, list):
        raise DataError(f"{path.name} holds no list of prompts.", value=path)
    return [{"text": item} if isinstance(item, str) else item for item in found]


def _of_csv(text: str, path: Path) -> list[Any]:
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first and "," not in first else ",")
    names = [name.strip().lower() for name in rows.fieldnames or []]
    if "text" not in names:
        raise DataError(f"{path.name} has no column named text; its first line names the columns.", value=path)
    rows.fieldnames = names
    try:
        return [row for row in rows if any(isinstance(v, str) and v.strip() for v in row.values())]
    except csv.Error as error:
        raise DataError(f"{path.name} is not a CSV table: {error}.", value=path) from error


def _prompt(item: Any, number: int, path: Path) -> PlannedPrompt:
    text = item.get("text") if isinstance(item, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{path.name}: prompt {number} has no text.", value=path)
    kind = item.get("kind") or None
    if kind is not None and (not isinstance(kind, str) or kind.strip().lower() not in KINDS):
        raise DataError(
            f"{path.name}: prompt {number} has the kind {kind!r}; choose one of {', '.join(KINDS)}.", value=path
        )
    return PlannedPrompt(" ".join(text.split()), kind.strip().lower() if kind is not None else None)
