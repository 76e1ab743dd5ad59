"""Plain copy: an encrypted session that was opened flows in; a folder that everybody can read flows out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from ahdetect.errors import StoreError
from ahdetect.export.tables import whole_file, write_session_json
from ahdetect.store.annotations import ANNOTATIONS
from ahdetect.store.reader import Session, open_session
from ahdetect.store.schema import FRAMES_STREAM, SESSION_JSON, TIMELINE_PNG
from ahdetect.store.writer import STREAMS

_CHUNK: Final = 1 << 20


def write_plain(session: Session, out: Path) -> Session:
    """Copy a session into a new or empty folder, decrypted; the session itself stays as it is.

    Raises:
        StoreError: the folder is not empty or cannot be written, or a file of the session is damaged.
    """
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(out.iterdir()):
            raise StoreError(
                f"{out} is not empty, and a session never overwrites another; choose a new folder.", value=out
            )
        for name in (*STREAMS, FRAMES_STREAM, ANNOTATIONS, TIMELINE_PNG):
            if session.files.exists(name):
                with session.files.read(name) as source, whole_file(out / name) as target:
                    shutil.copyfileobj(source, target, _CHUNK)
        info = {key: value for key, value in session.info.items() if key not in ("files", "torn")}
        write_session_json(info | {"encrypted": False}, out / SESSION_JSON)
    except OSError as error:
        raise StoreError(
            f"Cannot write to {out}: {error.strerror or error}; choose another folder.", value=out
        ) from error
    return open_session(out)
