"""JSON lines: items flow in, one line of JSON each flows out to stdout or into a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ahdetect.capture.clock import Clock
from ahdetect.errors import StoreError
from ahdetect.outlets.base import Base
from ahdetect.outlets.items import Item, Kind
from ahdetect.rules import RowKind


class JsonLines(Base):
    """Writes a line for each item, at once.

    Args:
        path: a new file, which only its owner may read; None or "-" is stdout.
        include: as for every outlet.
        rows: as for every outlet.
        stream: instead of stdout.

    Attributes:
        to_stdout: whether its lines take stdout.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        include: Iterable[str | Kind] = (Kind.TRIGGERS,),
        rows: str | RowKind = "settled",
        stream: TextIO | None = None,
    ) -> None:
        super().__init__("jsonl", include, rows)
        self.path = None if path is None or str(path) == "-" else Path(path)
        self._stream = stream
        self.to_stdout = self.path is None and stream is None

    def open(self, clock: Clock) -> None:  # noqa: ARG002
        """Make the file.

        Raises:
            StoreError: it is there already, or cannot be made.
        """
        if self.path is None:
            self._stream = self._stream or sys.stdout
            return
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StoreError(
                f"Cannot write events to {self.path}: {error.strerror}; name a new file in a folder that is there.",
                value=self.path,
            ) from error
        self._stream = os.fdopen(file, "w", encoding="utf-8")

    def send(self, item: Item) -> None:
        """Write its line."""
        assert self._stream is not None
        self._stream.write(json.dumps(item.to_json(words=self.with_words), ensure_ascii=False) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file; stdout stays open."""
        if self.path is not None and self._stream is not None:
            self._stream.close()
