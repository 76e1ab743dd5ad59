"""Model files: a name in, the path of a checked file (or folder of files) out.

`locate` never downloads. It looks in the user's own folder, then in the cache, checks the size every time and the
sha256 once per (size, mtime), so that a start costs a `stat` and not a read of 80 MB. `pull` fills the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import platformdirs

from ahdetect.assets.fetch import Progress, fetch, quiet
from ahdetect.assets.manifest import AssetFile, Entry, entries, entry
from ahdetect.errors import AssetError

__all__ = ["Cache", "Checked", "State", "entries", "entry", "locate", "pull", "verify"]

PULL = "ahdetect assets pull"


class State(Enum):
    """What was found where a file should be."""

    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Checked:
    """The state of one file of one asset.

    Attributes:
        entry: the asset.
        file: the file.
        path: where it is, or would be.
        state: what was found there.
        detail: for people, empty where all is well.
    """

    entry: Entry
    file: AssetFile
    path: Path
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Cache:
    """Where model files lie.

    Attributes:
        root: folder that ahdetect fills and may write to.
        own: the user's folder, looked at first and never written to; None where there is none.
        assets: the manifest.
    """

    root: Path
    own: Path | None = None
    assets: tuple[Entry, ...] = field(default_factory=entries, repr=False)

    @staticmethod
    def default() -> Cache:
        """From the environment: `AHDETECT_CACHE` moves the cache, `AHDETECT_MODELS` names the user's own folder."""
        root = os.environ.get("AHDETECT_CACHE") or platformdirs.user_cache_dir("ahdetect", appauthor=False)
        own = os.environ.get("AHDETECT_MODELS")
        return Cache(Path(root).expanduser() / "models", Path(own).expanduser() if own else None)

    def path(self, asset: Entry, file: AssetFile | None = None) -> Path:
        """Where the asset (or one file of it) is: in the user's folder where that has it, else in the cache."""
        for folder in (self.own, self.root):
            if folder is None:
                continue
            home = folder / asset.name if asset.directory else folder / asset.files[0].name
            if folder is self.root or home.exists():
                break
        return home / file.name if asset.directory and file is not None else home

    def check(self, asset: Entry, file: AssetFile, *, full: bool = False) -> Checked:
        """Compare one file with the manifest.

        Args:
            asset: the asset.
            file: one of its files.
            full: read the file whatever its stamp says.
        """
        path = self.path(asset, file)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return Checked(asset, file, path, State.MISSING, "not there")
        except OSError as error:
            return Checked(asset, file, path, State.DAMAGED, error.strerror or str(error))
        if stat.st_size != file.bytes:
            return Checked(asset, file, path, State.DAMAGED, f"{stat.st_size} bytes instead of {file.bytes}")
        stamp = [stat.st_size, stat.st_mtime_ns, file.sha256]
        if not full and self._stamps().get(str(path)) == stamp:
            return Checked(asset, file, path, State.OK)
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return Checked(asset, file, path, State.DAMAGED, error.strerror or str(error))
        good = digest == file.sha256
        self._stamp(path, stamp if good else None)
        if good:
            return Checked(asset, file, path, State.OK)
        return Checked(asset, file, path, State.DAMAGED, "its sha256 differs from the manifest's")

    def locate(self, name: str) -> Path:
        """The path of an asset, checked.

        Args:
            name: as in the manifest, e.g. `"face_landmarker"`.

        Returns:
            The file, or for an asset of several files their folder.

        Raises:
            AssetError: unknown, missing or damaged; the sentence names the file and the command that mends it.
        """
        asset = entry(name, self.assets)
        for file in asset.files:
            found = self.check(asset, file)
            if found.state is State.OK:
                continue
            command = f"{PULL} {name}" if asset.optional else PULL
            own = self.own is not None and found.path.is_relative_to(self.own)
            remedy = f"take it out of {self.own} (AHDETECT_MODELS) and run `{command}`" if own else f"run `{command}`"
            what = "is missing" if found.state is State.MISSING else f"is damaged ({found.detail})"
            raise AssetError(f"The model file {found.path} {what}; {remedy}.", value=found.path)
        return self.path(asset)

    def verify(self, names: Iterable[str] | None = None, *, full: bool = True) -> list[Checked]:
        """Check every file of the named assets (all, where None), reading each to the end where `full`."""
        return [
            self.check(asset, file, full=full) for asset in self._chosen(names, optional=True) for file in asset.files
        ]

    def pull(
        self, names: Iterable[str] | None = None, progress: Progress = quiet, *, optional: bool = False
    ) -> list[Checked]:
        """Fetch what is missing or damaged and leave alone what is good.

        Args:
            names: assets to fetch; None for all that are needed.
            progress: told of every step of fetching; not called where all is good.
            optional: with `names` None, fetch the optional ones too.

        Returns:
            The state of each file afterwards; all are `OK`.

        Raises:
            AssetError: a file could not be had from any source, or the cache cannot be written. What was fetched
                before stays, and the next call goes on from there.
        """
        chosen = self._chosen(names, optional=optional)
        wanted: list[tuple[AssetFile, Path]] = []
        for asset in chosen:
            for file in asset.files:
                found = self.check(asset, file, full=True)
                if found.state is State.OK:
                    continue
                if self.own is not None and found.path.is_relative_to(self.own):
                    raise AssetError(
                        f"The file {found.path} in your own folder (AHDETECT_MODELS) is {found.state.value}"
                        f" ({found.detail}); mend it there, or take it out and run `{PULL}` again.",
                        value=found.path,
                    )
                wanted.append((file, found.path))
        fetch(wanted, self.root, progress)
        done = [self.check(asset, file) for asset in chosen for file in asset.files]
        for found in done:
            if found.state is not State.OK:  # another program took it away in between
                raise AssetError(
                    f"The model file {found.path} is {found.detail}; run `{PULL}` again.", value=found.path
                )
        return done

    def _chosen(self, names: Iterable[str] | None, *, optional: bool) -> list[Entry]:
        if names is not None:
            return [entry(name, self.assets) for name in names]
        return [asset for asset in self.assets if optional or not asset.optional]

    def _stamps(self) -> dict[str, list[object]]:
        try:
            stamps = json.loads((self.root / "checked.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}

    def _stamp(self, path: Path, stamp: list[object] | None) -> None:
        stamps = self._stamps()
        stamps.pop(str(path), None)
        if stamp is not None:
            stamps[str(path)] = stamp
        with suppress(OSError):  # a cache that cannot be written costs a slower start, no more
            self.root.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.root, prefix=".checked-")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(stamps, stream)
            Path(name).replace(self.root / "checked.json")


def locate(name: str) -> Path:
    """`Cache.locate` on the default cache."""
    return Cache.default().locate(name)


def verify(names: Iterable[str] | None = None, *, full: bool = True) -> list[Checked]:
    """`Cache.verify` on the default cache."""
    return Cache.default().verify(names, full=full)


def pull(names: Iterable[str] | None = None, progress: Progress = quiet, *, optional: bool = False) -> list[Checked]:
    """`Cache.pull` into the default cache."""
    return Cache.default().pull(names, progress, optional=optional)
