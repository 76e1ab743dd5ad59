"""Exporting: a stored session and what may leave it flow in; files flow out, by its consent and noted in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ahdetect.export.exporters import chosen, export, films, held
from ahdetect.export.material import Options, material_of
from ahdetect.store.audit import Act
from ahdetect.store.consent import Purpose
from ahdetect.store.gate import check_stored
from ahdetect.store.journal import note
from ahdetect.store.keys import Keys
from ahdetect.store.reader import open_session


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        folder: where.
        files: in order.
        holds: what of the person is in them, in words.
    """

    folder: Path
    files: tuple[Path, ...]
    holds: tuple[str, ...]


def export_session(
    session: Path, formats: Iterable[str], options: Options, folder: Path, keys: Keys | None = None
) -> Exported:
    """Export a stored session.

    Raises:
        ConsentError: the person did not agree to it, or took it back.
        StoreError: the session cannot be read, or a file is there already or cannot be written.
        ConfigError: a format is not installed or would hold nothing with these options.
        MediaError: pictures or sound cannot be read.
    """
    names = chosen(formats)
    opened = open_session(session, keys)
    check_stored(opened.info, Purpose.ANALYSIS)
    if films(names) or options.stills:
        check_stored(opened.info, Purpose.RECORDING)
    material = material_of(opened, options, made_at=datetime.now(UTC))
    files = export(material, names, folder)
    note(opened.folder, opened.info, Act.EXPORT, formats=names, words=options.words, media=options.media)
    return Exported(folder, tuple(files), tuple(held(material, names)))
