"""Files: a session folder and, where it is encrypted, its vault flow in; its files, opened, flow out.

The one place that knows whether a file is sealed: who writes or reads a session asks here for it by its plain name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

from ahdetect import strict_json
from ahdetect.errors import ReplacedError, StoreError
from ahdetect.export.tables import json_text, private_opener, whole_file, write_session_json
from ahdetect.store.schema import SESSION_JSON
from ahdetect.store.sealed_reader import SealedReader
from ahdetect.store.sealed_writer import SealedWriter, as_file
from ahdetect.store.vault import LOCKS, META, SUFFIX, Vault

Opener: TypeAlias = Callable[[Path], BinaryIO]
"""Opens a new file for writing; the place where a fault in a test comes in."""

CLOSED: Final = ("closed", "repaired")
"""States of a session in which no file of it may be cut off."""


def open_new(path: Path) -> BinaryIO:
    """A new file that only its owner may read; refused where one is there."""
    return open(path, "xb", opener=private_opener)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A sealed file of a session; each call opens it anew, as `capture.media.Media` wants it."""

    files: Files
    name: str

    def __call__(self) -> BinaryIO:
        """Open it.

        Raises:
            StoreError: it is damaged, cut off or replaced.
        """
        return self.files.read(self.name)

    def __str__(self) -> str:
        return str(self.files.path(self.name))


@dataclass(slots=True)
class Files:
    """The files of one session folder.

    Attributes:
        folder: where they are.
        vault: opens and seals them; None where they are plain.
        torn: names of files that may end early; None where all may, for the session was never closed.
        known: of files that were closed, their ids; a file with another id is not the one that was recorded.
    """

    folder: Path
    vault: Vault | None = None
    torn: Collection[str] | None = None
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def encrypted(self) -> bool:
        """Whether they are sealed."""
        return self.vault is not None

    def path(self, name: str) -> Path:
        """Where a file is on the disk."""
        return self.folder / (name if self.vault is None else name + SUFFIX)

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        return self.path(name).is_file()

    def unlink(self, name: str) -> None:
        """Delete it where it is there."""
        self.path(name).unlink(missing_ok=True)

    def create(self, name: str, opener: Opener = open_new) -> BinaryIO:
        """A new file, written as a stream."""
        file = opener(self.path(name))
        return file if self.vault is None else self.vault.writer(file, name)

    @contextmanager
    def whole(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, which takes the place of `name` once it is complete, or leaves no trace."""
        with whole_file(self.path(name)) as file:
            if self.vault is None:
                yield file
                return
            writer = SealedWriter(file, self.vault.key, self.vault.id, name)
            try:
                yield as_file(writer)
                writer.finish()
                file.flush()
            except BaseException:
                writer.abandon()
                raise

    def read(self, name: str, *, forgiving: bool = False) -> BinaryIO:
        """Open a file for reading.

        Args:
            name: of the file.
            forgiving: what is damaged reads as zeros.

        Raises:
            FileNotFoundError: it is not there.
            StoreError: it is sealed and damaged, cut off or replaced.
        """
        file = self.path(name).open("rb")
        return file if self.vault is None else as_file(self._reader(file, name, forgiving))

    def _reader(self, file: BinaryIO, name: str, forgiving: bool) -> SealedReader:
        assert self.vault is not None
        torn = self.torn is None or name in self.torn
        reader = self.vault.reader(file, name, torn=torn, forgiving=forgiving)
        expected = self.known.get(name)
        if expected is not None and reader.id.hex() != expected:
            reader.close()
            raise ReplacedError(
                f"{name} of {self.folder} is an older state of itself; take it from a copy.", value=name
            )
        return reader

    def media(self, name: str) -> Path | StoredFile | None:
        """A file to be played; None where it is missing or empty."""
        path = self.path(name)
        if not path.is_file() or not path.stat().st_size:
            return None
        if self.vault is None:
            return path
        try:
            with self.read(name) as file:
                if not cast(Any, file).length:
                    return None
        except StoreError:
            pass  # whoever plays it is told
        return StoredFile(self, name)

    # -- the description

    def save_info(self, info: Mapping[str, Any]) -> None:
        """Store the description: `session.json`, and of an encrypted session what is sealed of it.

        Raises:
            OSError: the disk refuses.
        """
        if self.vault is None:
            write_session_json(info, self.folder / SESSION_JSON)
            return
        plain = json.loads(json_text(info))
        self.save_locks()
        with whole_file(self.folder / META) as file:  # first: a reader believes it
            file.write(self.vault.seal_info(plain))
        write_session_json(self.vault.manifest(plain), self.folder / SESSION_JSON)

    def locks_differ(self) -> bool:
        """Whether the copy of the locks is missing or not what it should be."""
        if self.vault is None:
            return False
        try:
            return bool(strict_json.loads((self.folder / LOCKS).read_bytes()) != self.vault.lock_entry())
        except (OSError, ValueError):
            return True

    def save_locks(self) -> None:
        """Write the copy of the locks where it is not there or damaged.

        Raises:
            OSError: the disk refuses.
        """
        if self.vault is not None and self.locks_differ():
            write_session_json(self.vault.lock_entry(), self.folder / LOCKS)

    def ids(self, names: Collection[str]) -> dict[str, str]:
        """Ids of the sealed files among `names` that are there and whole; what could not be read is left out."""
        found = {}
        for name in names:
            if self.vault is not None and self.exists(name):
                try:
                    with self.vault.reader(self.path(name).open("rb"), name) as reader:
                        found[name] = reader.id.hex()
                except (OSError, StoreError):
                    continue
        return found

    def believe(self, info: Mapping[str, Any]) -> None:
        """Take over from a description what is known about the files."""
        if info.get("state") in CLOSED:
            self.torn = {*(info.get("sinks_off") or ()), *(info.get("torn") or ())}
            self.known = dict(info.get("files") or {})
        else:
            self.torn, self.known = None, {}
