"""Journal: what happens to one session flows in; lines of the audit log of its store folder flow out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ahdetect.errors import StoreError
from ahdetect.store.audit import Act, Audit, Mark
from ahdetect.store.consent import Consent, Purpose


class Journal:
    """The lines of one session.

    Args:
        folder: of the session.
        session: its id.
        mark: the line with which it began; None for one that begins elsewhere.

    Attributes:
        mark: the newest line that the session's own manifest is to name.
    """

    def __init__(self, folder: Path, session: str, mark: Mark) -> None:
        self._audit, self._session, self.mark = Audit(Path(folder).absolute().parent), session, mark
        self._stopped = False

    @classmethod
    def begin(cls, folder: Path, info: Mapping[str, Any], consent: Consent | None) -> Journal:
        """Note to what the person agreed, and that the recording begins.

        Raises:
            StoreError: the log cannot be written; then nothing is to be recorded.
        """
        session, audit = session_id(info), Audit(Path(folder).absolute().parent)
        if consent is not None:
            purposes = [p.value for p in Purpose if consent.allows(p)]
            audit.append(Act.CONSENT, session, purposes=purposes, text_sha256=consent.text_sha256)
        return cls(folder, session, audit.append(Act.START, session))

    def stopped(self) -> None:
        """Note that the recording is over; a second call does nothing."""
        if not self._stopped:
            self._stopped = True
            self._audit.append(Act.STOP, self._session)


def session_id(info: Mapping[str, Any]) -> str:
    """The random id of a session, from its manifest; "" for one that has none (of an older version)."""
    return str(info.get("id") or "")


def note(folder: Path, info: Mapping[str, Any], act: Act, **facts: Any) -> bool:
    """Add a line about a session that is stored, where its store folder keeps a log.

    Looking at a session must not depend on the log: on a read-only medium, or beside a clip, nothing is written.

    Returns:
        Whether a line was written.
    """
    audit = Audit(Path(folder).absolute().parent)
    if not audit.path.exists():
        return False
    try:
        audit.append(act, session_id(info), **facts)
    except StoreError:
        return False
    return True
